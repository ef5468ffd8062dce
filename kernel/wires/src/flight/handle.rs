//! What a client is handed for a statement: all that is needed to ask it, so that the server need not remember it. Whoever
//! changes one asks another question, which is looked at as every question is.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use kernel_model::TimeUs;
use prost::Message;

use crate::error::Error;

/// A statement, by when what it is asked of had been told, and values.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Handle {
    #[prost(string, tag = "1")]
    pub(super) sql: String,
    /// Microseconds since 1970 in UTC.
    #[prost(int64, optional, tag = "2")]
    recorded_us: Option<i64>,
    /// An Arrow IPC stream of one row.
    #[prost(bytes = "bytes", optional, tag = "3")]
    values: Option<Bytes>,
}

impl Handle {
    pub(super) fn new(sql: String, recorded: Option<TimeUs>) -> Self {
        Self { sql, recorded_us: recorded.map(|at| at.0), values: None }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode(bytes)
            .map_err(|_| Error::Invalid("this statement's handle is not one of this server's".to_owned()))
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    pub(super) fn recorded(&self) -> Option<TimeUs> {
        self.recorded_us.map(TimeUs)
    }

    /// The same with the one row of `batches` as values.
    pub(super) fn with_values(mut self, schema: &Schema, batches: &[RecordBatch]) -> Result<Self, Error> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows > 1 {
            return Err(Error::Unsupported(format!(
                "{rows} rows of values: a statement is asked with one row; execute it once for each"
            )));
        }
        let failed = |error: arrow::error::ArrowError| Error::Invalid(format!("values of the statement: {error}"));
        let mut writer = StreamWriter::try_new(Vec::new(), schema).map_err(failed)?;
        for batch in batches {
            writer.write(batch).map_err(failed)?;
        }
        self.values = Some(writer.into_inner().map_err(failed)?.into());
        Ok(self)
    }

    /// The values, in the order of the columns.
    pub(super) fn bound(&self) -> Result<Vec<ScalarValue>, Error> {
        let Some(bytes) = &self.values else { return Ok(Vec::new()) };
        let failed = |error: arrow::error::ArrowError| Error::Invalid(format!("values of the statement: {error}"));
        let batches = StreamReader::try_new(bytes.as_ref(), None).map_err(failed)?;
        let batches = batches.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let Some(row) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(Vec::new()) };
        row.columns()
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0).map_err(|error| Error::Invalid(error.to_string())))
            .collect()
    }
}
