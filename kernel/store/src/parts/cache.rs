//! Decoded columns of sealed files, the most useful ones, within a budget of bytes that all readers share.

use arrow::array::{Array, ArrayRef};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// One column of one chunk of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) file: u64,
    pub(super) chunk: u32,
    pub(super) column: u32,
}

/// Columns weigh what memory they hold.
#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, ArrayRef> for Bytes {
    fn weight(&self, _: &Key, column: &ArrayRef) -> u64 {
        column.get_array_memory_size() as u64
    }
}

/// Decoded columns; what is asked for again and again stays, a single long scan does not push it out.
#[derive(Debug)]
pub struct ColumnCache {
    columns: Cache<Key, ArrayRef, Bytes>,
}

/// About what one decoded column of a chunk takes.
const COLUMN_BYTES: u64 = 1 << 20;

impl ColumnCache {
    /// A cache of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let columns = Cache::with_weighter((bytes / COLUMN_BYTES).max(16) as usize, bytes, Bytes);
        Self { columns }
    }

    /// Bytes held.
    pub fn held_bytes(&self) -> u64 {
        self.columns.weight()
    }

    /// Bytes it may hold.
    pub fn budget_bytes(&self) -> u64 {
        self.columns.capacity()
    }

    /// The column, decoded by `decode` where it is not here.
    pub(super) fn get<E>(&self, key: Key, decode: impl FnOnce() -> Result<ArrayRef, E>) -> Result<ArrayRef, E> {
        self.columns.get_or_insert_with(&key, decode)
    }
}
