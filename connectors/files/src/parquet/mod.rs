//! Parquet: batches of rows out of a file, a thousand at a time, so that memory holds one batch and the pages it comes
//! from. With the key `geo` or a geometry column it is GeoParquet; without either its rows go through a mapping as a table's
//! do. A fault inside the decoding library becomes an error.

pub(crate) mod cells;
mod depth;
pub(crate) mod geo;
mod meta;
mod native;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::error::Error;
use crate::input::Input;

/// The first and the last bytes of a file.
pub(crate) const MAGIC: &[u8] = b"PAR1";
/// Rows decoded at a time.
const BATCH_ROWS: usize = 1024;

/// A file's batches.
pub(crate) struct Batches {
    builder: Option<ParquetRecordBatchReaderBuilder<File>>,
    reader: Option<ParquetRecordBatchReader>,
    schema: SchemaRef,
    rows: u64,
    read: u64,
    bytes: u64,
    file: String,
}

impl Batches {
    /// Reads the footer.
    pub(crate) fn open(input: &Input) -> Result<Self, Error> {
        let io = |source| Error::Io { file: input.name.clone(), source };
        let mut file = File::open(input.path()).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        if !depth::is_sound(&mut file, bytes).map_err(io)? {
            return Err(Error::Malformed {
                file: input.name.clone(),
                place: "footer".to_owned(),
                reason: "its schema is broken, or nested deeper than 64 levels".to_owned(),
            });
        }
        let builder = guarded(&input.name, || ParquetRecordBatchReaderBuilder::try_new(file))?;
        let metadata = builder.metadata();
        let packed: i64 = metadata.row_groups().iter().map(|g| g.compressed_size().max(0)).fold(0, i64::saturating_add);
        if packed as u64 > bytes {
            let detail = format!("its parts are of {packed} bytes and it has {bytes}");
            return Err(Error::Truncated { file: input.name.clone(), detail });
        }
        let rows = metadata.file_metadata().num_rows().max(0) as u64;
        let schema = builder.schema().clone();
        Ok(Self { builder: Some(builder), reader: None, schema, rows, read: 0, bytes, file: input.name.clone() })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the footer says, before the first batch is read.
    fn metadata(&self) -> Option<&ParquetMetaData> {
        self.builder.as_ref().map(|b| &**b.metadata())
    }

    /// The next batch; after the last one the rows have to be as many as the footer says.
    pub(crate) fn next(&mut self, input: &Input) -> Result<Option<RecordBatch>, Error> {
        if let Some(builder) = self.builder.take() {
            self.reader = Some(guarded(&self.file, || builder.with_batch_size(BATCH_ROWS).build())?);
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let batch = guarded(&self.file, || reader.next().transpose().map_err(ParquetError::from))?;
        match &batch {
            Some(batch) => self.read += batch.num_rows() as u64,
            None if self.read != self.rows => {
                let detail = format!("{} of {} rows", self.read, self.rows);
                return Err(Error::Truncated { file: self.file.clone(), detail });
            }
            None => {}
        }
        input.note_read((u128::from(self.bytes) * u128::from(self.read) / u128::from(self.rows.max(1))) as u64);
        Ok(batch)
    }
}

/// Runs the decoding library, which may stop at input that contradicts itself.
fn guarded<T>(file: &str, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Error> {
    let malformed = |reason: String| Error::Malformed {
        file: file.to_owned(),
        place: "Parquet".to_owned(),
        reason: reason.replace('\n', " "),
    };
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(ParquetError::EOF(detail))) => Err(Error::Truncated { file: file.to_owned(), detail }),
        Ok(Err(error)) => Err(malformed(error.to_string())),
        Err(_) => Err(malformed("its parts contradict each other".to_owned())),
    }
}
