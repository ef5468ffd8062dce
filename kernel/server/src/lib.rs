//! HTTP, WebSocket and the ingest task: the kernel's doors
