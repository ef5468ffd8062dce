//! How stored columns look in SQL. In: a stored schema. Out: the schema that SQL sees and, for every column that is kept
//! as bytes, its text form: a UUID as 36 lower-case characters, digests and space-time keys as lower-case hexadecimal.
//! A text that is not exactly such a form is never taken for one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

const EXTENSION: &str = "ARROW:extension:name";

/// The text form of a column of fixed-size bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// 16 bytes as 8-4-4-4-12 hexadecimal digits (RFC 9562, 4).
    Uuid,
    /// Two digits for each byte.
    Hex,
}

/// The text form of a stored column, where it has one.
pub(crate) fn encoding(field: &Field) -> Option<Encoding> {
    match field.data_type() {
        DataType::FixedSizeBinary(16) if field.metadata().get(EXTENSION).is_some_and(|name| name == "arrow.uuid") => {
            Some(Encoding::Uuid)
        }
        DataType::FixedSizeBinary(_) => Some(Encoding::Hex),
        _ => None,
    }
}

/// Whether a column is geometry as WKB.
pub(crate) fn is_geometry(field: &Field) -> bool {
    field.metadata().get(EXTENSION).is_some_and(|name| name == "geoarrow.wkb")
}

/// The schema that SQL sees.
pub(crate) fn sql_schema(stored: &Schema) -> SchemaRef {
    let fields: Vec<_> = stored
        .fields()
        .iter()
        .map(|field| match encoding(field) {
            Some(_) => Arc::new(Field::new(field.name(), DataType::Utf8, field.is_nullable())),
            None => field.clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Encoding {
    /// Before which byte of a UUID a hyphen stands.
    fn hyphen(self, byte: usize) -> bool {
        self == Self::Uuid && matches!(byte, 4 | 6 | 8 | 10)
    }

    fn width(self, bytes: usize) -> usize {
        bytes * 2 + if self == Self::Uuid { 4 } else { 0 }
    }

    fn write(self, value: &[u8], out: &mut Vec<u8>) {
        for (at, byte) in value.iter().enumerate() {
            if self.hyphen(at) {
                out.push(b'-');
            }
            out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }

    /// A column of bytes as a column of text.
    pub(crate) fn texts(self, bytes: &FixedSizeBinaryArray) -> Result<ArrayRef, ArrowError> {
        let width = self.width(bytes.value_length() as usize);
        let mut out = Vec::with_capacity(width * bytes.len());
        for row in 0..bytes.len() {
            // What a null row holds is arbitrary; it is written too, so that all rows have one width.
            self.write(bytes.value(row), &mut out);
        }
        let offsets = OffsetBuffer::from_repeated_length(width, bytes.len());
        let texts = StringArray::try_new(offsets, Buffer::from_vec(out), bytes.nulls().cloned())?;
        Ok(Arc::new(texts))
    }

    /// The `size` bytes whose text form is exactly `text`.
    pub(crate) fn bytes(self, text: &str, size: usize) -> Option<Vec<u8>> {
        let text = text.as_bytes();
        if text.len() != self.width(size) {
            return None;
        }
        let mut out = Vec::with_capacity(size);
        let mut rest = text;
        for at in 0..size {
            if self.hyphen(at) {
                rest = rest.strip_prefix(b"-")?;
            }
            let [high, low, tail @ ..] = rest else { return None };
            out.push(digit(*high)? << 4 | digit(*low)?);
            rest = tail;
        }
        Some(out)
    }
}

fn digit(character: u8) -> Option<u8> {
    DIGITS.iter().position(|digit| *digit == character).map(|value| value as u8)
}

/// The same columns, any of which may be null.
pub(crate) fn nullable(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_bytes_are_inverse_and_strict() {
        let value: Vec<u8> = (0..16).map(|i| i * 17).collect();
        let column = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
            [Some(value.clone()), None, Some(value.clone())].into_iter(),
            16,
        )
        .unwrap();
        let texts = Encoding::Uuid.texts(&column).unwrap();
        let texts = texts.as_any().downcast_ref::<StringArray>().unwrap();
        assert_eq!(texts.value(2), "00112233-4455-6677-8899-aabbccddeeff");
        assert!(texts.is_null(1));
        assert_eq!(Encoding::Uuid.bytes(texts.value(0), 16), Some(value.clone()));
        for wrong in ["00112233-4455-6677-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff", "", "é"] {
            assert_eq!(Encoding::Uuid.bytes(wrong, 16), None, "{wrong}");
        }
        assert_eq!(Encoding::Hex.bytes("00112233445566778899aabbccddeeff", 16), Some(value));
    }
}
