//! In-memory candidate indexes over boxes and points
