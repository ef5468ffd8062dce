//! Some bytes of a Parquet file, read as if they were all of it. What was not fetched is refused.

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes from `start` on; for readers the file ends where they end.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) start: u64,
    pub(crate) bytes: Bytes,
}

impl Window {
    fn from(&self, start: u64) -> Result<Bytes> {
        let at = start.checked_sub(self.start).filter(|at| *at <= self.bytes.len() as u64);
        let at = at.ok_or_else(|| ParquetError::EOF(format!("byte {start} is outside what the footer says")))?;
        Ok(self.bytes.slice(at as usize..))
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Window {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        match length <= bytes.len() {
            true => Ok(bytes.slice(..length)),
            false => Err(ParquetError::EOF(format!("{length} bytes from {start} on end outside what the footer says"))),
        }
    }
}
