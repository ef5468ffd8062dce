//! A reader that stops where one record takes more bytes than any of its format does: parsers that hold a record whole then
//! hold no more than that, whatever the file claims.

use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes one record may have.
const MAX_RECORD_BYTES: u64 = 1 << 20;

/// Counts the bytes since the last record began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<AtomicU64>);

impl Meter {
    /// A record begins.
    pub(crate) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn reader<R>(&self, inner: R) -> Metered<R> {
        Metered { inner, meter: self.clone() }
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) > MAX_RECORD_BYTES {
            return Err(Error::new(ErrorKind::InvalidData, "a record of it is longer than 1 MiB"));
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        self.meter.check()?;
        let n = self.inner.read(buf)?;
        self.meter.add(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.meter.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.meter.add(amount);
        self.inner.consume(amount);
    }
}
