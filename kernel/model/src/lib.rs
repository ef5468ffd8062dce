//! The kernel's words: entities, datastreams, observations, assets, changes, their Arrow schemas
