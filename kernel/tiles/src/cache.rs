//! Tiles that were made, the most useful ones, within a budget of bytes.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::tiler::Question;
use crate::view::Revision;

/// The bytes of a tile.
#[derive(Debug)]
pub struct Body {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    /// Whether compressing it is worth the while.
    worth: AtomicBool,
}

impl Body {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { plain: bytes.into(), gzip: OnceLock::new(), worth: AtomicBool::new(true) }
    }

    /// As they are.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// As gzip (RFC 1952), made when it is first asked for; `None` where that would not be shorter.
    pub fn gzip(&self) -> Option<&Bytes> {
        let zip = || {
            let mut gzip = GzEncoder::new(Vec::with_capacity(self.plain.len() / 2), Compression::fast());
            // Writing into a vector cannot fail; bytes that are no gzip would not be shorter.
            let zipped = gzip.write_all(&self.plain).and_then(|()| gzip.finish()).unwrap_or_default();
            let is_shorter = !zipped.is_empty() && zipped.len() < self.plain.len();
            self.worth.store(is_shorter, Ordering::Relaxed);
            Bytes::from(if is_shorter { zipped } else { Vec::new() })
        };
        Some(self.gzip.get_or_init(zip)).filter(|_| self.worth.load(Ordering::Relaxed))
    }
}

/// A tile, and of when it is known to hold.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) tag: u64,
    pub(crate) body: Arc<Body>,
    revision: Mutex<Revision>,
}

impl Kept {
    pub(crate) fn new(tag: u64, body: Arc<Body>, revision: Revision) -> Self {
        Self { tag, body, revision: Mutex::new(revision) }
    }

    pub(crate) fn holds(&self, revision: Revision) -> bool {
        *self.revision.lock().unwrap_or_else(PoisonError::into_inner) == revision
    }

    pub(crate) fn held(&self, revision: Revision) {
        *self.revision.lock().unwrap_or_else(PoisonError::into_inner) = revision;
    }
}

/// A tile weighs its bytes, half as much again for a compressed copy, and what goes around it.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<Question, Arc<Kept>> for Weight {
    fn weight(&self, _: &Question, kept: &Arc<Kept>) -> u64 {
        kept.body.plain.len() as u64 * 3 / 2 + 256
    }
}

/// About what a tile takes.
const TILE_BYTES: u64 = 16 << 10;

/// Tiles by what was asked.
#[derive(Debug)]
pub(crate) struct Tiles {
    tiles: Cache<Question, Arc<Kept>, Weight>,
}

impl Tiles {
    /// A cache of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { tiles: Cache::with_weighter((bytes / TILE_BYTES).max(16) as usize, bytes, Weight) }
    }

    pub(crate) fn get(&self, question: &Question) -> Option<Arc<Kept>> {
        self.tiles.get(question)
    }

    pub(crate) fn keep(&self, question: Question, kept: Arc<Kept>) {
        self.tiles.insert(question, kept);
    }

    pub(crate) fn held_bytes(&self) -> u64 {
        self.tiles.weight()
    }
}
