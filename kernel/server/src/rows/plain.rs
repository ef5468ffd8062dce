//! Arrow IPC streams whose buffers are not compressed. Of a compressed buffer the sender says how large it becomes, and a reader
//! believes it: some kilobytes can ask for all memory. A stream comes in and is looked over, message by message, without its rows;
//! whether it may be read goes out. Where the two would not agree on what a message is, it is refused.

use std::io::{Read, Seek, SeekFrom};

use arrow::ipc::root_as_message;
use axum::http::StatusCode;

use crate::error::ApiError;

/// Before the length of a message (Arrow columnar format, "Encapsulated message format").
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// A schema that is longer is none.
const METADATA_BYTES: i32 = 16 << 20;

/// Refuses what is compressed.
pub(super) fn check(stream: &mut (impl Read + Seek)) -> Result<(), ApiError> {
    let broken = |what: &str| ApiError::bad_request(format!("the body is not an Arrow IPC stream: {what}"));
    while let Some(length) = length(stream).map_err(|error| broken(&error.to_string()))? {
        if !(1..=METADATA_BYTES).contains(&length) {
            return Err(broken("the length of a message is none"));
        }
        let mut metadata = vec![0; length as usize];
        stream.read_exact(&mut metadata).map_err(|_| broken("it ends in a message"))?;
        let message = root_as_message(&metadata).map_err(|_| broken("a message cannot be read"))?;
        let rows = message.header_as_record_batch().and_then(|batch| batch.compression());
        let words = message.header_as_dictionary_batch().and_then(|batch| batch.data()?.compression());
        if rows.is_some() || words.is_some() {
            return Err(ApiError {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                description: "compressed Arrow buffers are not taken: write the stream without compression".to_owned(),
            });
        }
        let body = message.bodyLength();
        if body < 0 {
            return Err(broken("the length of a body is none"));
        }
        stream.seek(SeekFrom::Current(body)).map_err(|error| broken(&error.to_string()))?;
    }
    Ok(())
}

/// Of the next message; nothing at the end.
fn length(stream: &mut impl Read) -> std::io::Result<Option<i32>> {
    let mut word = [0; 4];
    if !fill(stream, &mut word)? {
        return Ok(None);
    }
    // Streams of before Arrow 0.15 begin with the length.
    if word == CONTINUATION && !fill(stream, &mut word)? {
        return Ok(None);
    }
    Ok(Some(i32::from_le_bytes(word)).filter(|length| *length != 0))
}

/// Whether there were as many bytes; none are an end, some are an error.
fn fill(stream: &mut impl Read, word: &mut [u8; 4]) -> std::io::Result<bool> {
    let mut filled = 0;
    while filled < word.len() {
        match stream.read(&mut word[filled..])? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use arrow::array::{Float64Array, RecordBatch};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

    use super::*;

    fn stream(compression: Option<CompressionType>) -> Vec<u8> {
        let zeros = Arc::new(Float64Array::from(vec![0.0; 1 << 20]));
        let batch = RecordBatch::try_from_iter([("value", zeros as _)]).unwrap();
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_and_plain_rows_are_not() {
        let check = |bytes: &[u8]| check(&mut Cursor::new(bytes)).map_err(|error| error.status.as_u16());
        let plain = stream(None);
        assert_eq!(check(&plain), Ok(()));
        for compression in [CompressionType::ZSTD, CompressionType::LZ4_FRAME] {
            let bomb = stream(Some(compression));
            assert!(bomb.len() < plain.len() / 50, "{} bytes would become {}", bomb.len(), plain.len());
            assert_eq!(check(&bomb), Err(415));
        }
        assert_eq!(check(b""), Ok(()));
        assert_eq!(check(b"no stream at all"), Err(400));
        assert_eq!(check(&plain[..100]), Err(400));
    }
}
