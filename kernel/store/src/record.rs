//! The payload of a log record: for each table touched its number, a length and an Arrow IPC stream. The log therefore
//! holds the very columns that become the memtable; one decoder serves recovery, checking and tests.

use std::sync::OnceLock;

use arrow::array::{RecordBatch, new_null_array};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{
    CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions, StreamWriter, write_message,
};
use kernel_model::schema::Table;

use crate::error::Error;

/// The marker of a message and a length of zero.
const END_OF_STREAM: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

/// Batches of one commit.
pub(crate) type TableBatches = Vec<(Table, RecordBatch)>;

/// Writes the batches; empty ones are left out.
pub(crate) fn encode(batches: &TableBatches) -> Result<Vec<u8>, Error> {
    let bytes = batches.iter().map(|(_, batch)| batch.get_array_memory_size()).sum::<usize>();
    let mut out = Vec::with_capacity(bytes + batches.len() * 4096);
    for (table, batch) in batches.iter().filter(|(_, batch)| batch.num_rows() > 0) {
        out.push(table.code());
        let begin = out.len();
        out.extend([0; 4]);
        stream(*table, batch, &mut out).map_err(Error::arrow("encode a commit"))?;
        let length = (out.len() - begin - 4) as u32;
        out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
    }
    Ok(out)
}

/// Appends an Arrow IPC stream of one batch, as [`StreamWriter`] writes it. Its schema message, which takes longer than the
/// batch where that is small, is always the same and is made once.
pub(crate) fn stream(table: Table, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    static HEADERS: [OnceLock<Vec<u8>>; Table::ALL.len()] = [const { OnceLock::new() }; Table::ALL.len()];
    let header = &HEADERS[table as usize];
    if header.get().is_none() {
        let made = StreamWriter::try_new(Vec::new(), &table.schema())?.get_ref().clone();
        header.get_or_init(|| made);
    }
    out.extend_from_slice(header.get().map(Vec::as_slice).unwrap_or_default());
    let (options, mut compression) = (IpcWriteOptions::default(), CompressionContext::default());
    let (_, message) =
        IpcDataGenerator::default().encode(batch, &mut DictionaryTracker::new(false), &options, &mut compression)?;
    write_message(&mut *out, message, &options)?;
    out.extend(END_OF_STREAM);
    Ok(())
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
pub(crate) fn complete(table: Table, batch: RecordBatch) -> Result<RecordBatch, Error> {
    let (schema, rows) = (table.schema(), batch.num_rows());
    if batch.num_columns() >= schema.fields().len() {
        return Ok(batch);
    }
    let younger = schema.fields().iter().skip(batch.num_columns()).map(|field| new_null_array(field.data_type(), rows));
    let columns = batch.columns().iter().cloned().chain(younger).collect();
    RecordBatch::try_new(schema, columns).map_err(Error::arrow("decode a commit"))
}

#[cfg(test)]
mod tests {
    use kernel_model::{DatastreamId, Observation, Place, Quality, Sequence, TimeUs};

    use super::*;
    use crate::series_rows::ObservationRows;

    #[test]
    fn a_part_is_what_a_stream_writer_writes() {
        for count in [1, 7, 1000] {
            let mut rows = ObservationRows::default();
            for n in 0..count {
                let (time, value) = (TimeUs(n), n as f64);
                let row = Observation { phenomenon_time: time, result_time: None, value, quality: Quality::Good };
                let place = (n % 3 > 0).then_some(Place { lon_deg: value, lat_deg: 0.0, height_m: None });
                rows.push(DatastreamId(1), &row, place);
            }
            let batch = rows.finish(Sequence(1), Some(TimeUs(2)), 0, &[]).unwrap();
            let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
            writer.write(&batch).unwrap();
            let stream = writer.into_inner().unwrap();
            let payload = encode(&vec![(Table::Observations, batch.clone())]).unwrap();
            assert_eq!(payload[0], Table::Observations.code());
            assert_eq!(payload[1..5], (stream.len() as u32).to_le_bytes());
            assert_eq!(payload[5..], stream);
            assert_eq!(decode(&payload).unwrap(), [(Table::Observations, batch)]);
        }
    }
}
