//! The service over a socket, class by class as annex A of OGC 18-088 asks it; a filter beside the same question in Rust; pages
//! beside a writer; what hostile clients send.

mod classes;
mod hostile;
mod laws;
mod support;
