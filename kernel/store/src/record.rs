//! The payload of a log record: for each table touched its number, a length and an Arrow IPC stream. The log therefore
//! holds the very columns that become the memtable; one decoder serves recovery, checking and tests.

use arrow::array::{RecordBatch, new_null_array};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use kernel_model::schema::Table;

use crate::error::Error;

/// Batches of one commit.
pub(crate) type TableBatches = Vec<(Table, RecordBatch)>;

/// Writes the batches; empty ones are left out.
pub(crate) fn encode(batches: &TableBatches) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for (table, batch) in batches.iter().filter(|(_, batch)| batch.num_rows() > 0) {
        let stream = ipc(batch).map_err(Error::arrow("encode a commit"))?;
        out.push(table.code());
        out.extend((stream.len() as u32).to_le_bytes());
        out.extend(stream);
    }
    Ok(out)
}

fn ipc(batch: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(mut payload: &[u8]) -> Result<TableBatches, Error> {
    let malformed = || {
        let source = arrow::error::ArrowError::ParseError("the parts of a commit do not add up".to_owned());
        Error::Arrow { what: "decode a commit".to_owned(), source }
    };
    let mut batches = Vec::new();
    while let [code, l0, l1, l2, l3, rest @ ..] = payload {
        let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        let table = Table::from_code(*code).ok_or_else(malformed)?;
        let stream = rest.get(..len).ok_or_else(malformed)?;
        for batch in StreamReader::try_new(stream, None).map_err(Error::arrow("decode a commit"))? {
            batches.push((table, complete(table, batch.map_err(Error::arrow("decode a commit"))?)?));
        }
        payload = &rest[len..];
    }
    if payload.is_empty() { Ok(batches) } else { Err(malformed()) }
}

/// Rows in the table's schema: columns that are younger than the rows are null.
fn complete(table: Table, batch: RecordBatch) -> Result<RecordBatch, Error> {
    let (schema, rows) = (table.schema(), batch.num_rows());
    if batch.num_columns() >= schema.fields().len() {
        return Ok(batch);
    }
    let younger = schema.fields().iter().skip(batch.num_columns()).map(|field| new_null_array(field.data_type(), rows));
    let columns = batch.columns().iter().cloned().chain(younger).collect();
    RecordBatch::try_new(schema, columns).map_err(Error::arrow("decode a commit"))
}
