//! Named columns of a record batch, taken by name in any order and checked for type: text in each of Arrow's layouts,
//! figures and flags in exactly one. A column that is absent reads as null in every row.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};

use crate::{EntityId, Error};

/// The columns of one batch of one kind of message.
pub(crate) struct Columns<'a> {
    pub(crate) batch: &'a RecordBatch,
    pub(crate) message: &'static str,
}

/// A column or its absence.
pub(crate) struct Column<'a>(Option<&'a ArrayRef>);

/// A text column with, for a dictionary, each row's place among the values.
pub(crate) struct Texts<'a> {
    values: Option<&'a dyn Array>,
    rows: Option<&'a dyn Array>,
    keys: Option<Vec<usize>>,
}

impl<'a> Columns<'a> {
    fn typed(
        &self,
        name: &'static str,
        wanted: &'static str,
        fits: impl Fn(&DataType) -> bool,
    ) -> Result<Column<'a>, Error> {
        match self.batch.column_by_name(name) {
            // A column of the null type is an absent one.
            Some(column) if column.data_type() == &DataType::Null => Ok(Column(None)),
            Some(column) if fits(column.data_type()) => Ok(Column(Some(column))),
            Some(column) => Err(Error::ColumnType { column: name, found: column.data_type().to_string(), wanted }),
            None => Ok(Column(None)),
        }
    }

    pub(crate) fn ids(&self, name: &'static str) -> Result<Column<'a>, Error> {
        self.typed(name, "FixedSizeBinary(16)", |t| *t == DataType::FixedSizeBinary(16))
    }

    pub(crate) fn needed_ids(&self, name: &'static str) -> Result<Column<'a>, Error> {
        match self.ids(name)? {
            Column(None) => Err(Error::MissingColumn { message: self.message, column: name }),
            column => Ok(column),
        }
    }

    pub(crate) fn f64s(&self, name: &'static str) -> Result<Column<'a>, Error> {
        self.typed(name, "Float64", |t| *t == DataType::Float64)
    }

    pub(crate) fn f32s(&self, name: &'static str) -> Result<Column<'a>, Error> {
        self.typed(name, "Float32", |t| *t == DataType::Float32)
    }

    pub(crate) fn u64s(&self, name: &'static str) -> Result<Column<'a>, Error> {
        self.typed(name, "UInt64", |t| *t == DataType::UInt64)
    }

    pub(crate) fn times(&self, name: &'static str) -> Result<Column<'a>, Error> {
        let fits = |t: &DataType| matches!(t, DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _));
        self.typed(name, "Int64 microseconds", fits)
    }

    pub(crate) fn flags(&self, name: &'static str) -> Result<Column<'a>, Error> {
        self.typed(name, "Boolean", |t| *t == DataType::Boolean)
    }

    pub(crate) fn binaries(&self, name: &'static str) -> Result<Column<'a>, Error> {
        self.typed(name, "Binary", |t| matches!(t, DataType::Binary | DataType::LargeBinary | DataType::BinaryView))
    }

    pub(crate) fn texts(&self, name: &'static str) -> Result<Texts<'a>, Error> {
        let is_text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let column = self.typed(name, "Utf8", |t| match t {
            DataType::Dictionary(_, values) => is_text(values),
            other => is_text(other),
        })?;
        let Some(array) = column.0 else { return Ok(Texts { values: None, rows: None, keys: None }) };
        Ok(match array.as_any_dictionary_opt() {
            // Without values every row is null, and there are no keys to normalise.
            Some(dictionary) if dictionary.values().is_empty() => Texts { values: None, rows: None, keys: None },
            Some(dictionary) => Texts {
                values: Some(dictionary.values().as_ref()),
                rows: Some(array.as_ref()),
                keys: Some(dictionary.normalized_keys()),
            },
            None => Texts { values: Some(array.as_ref()), rows: Some(array.as_ref()), keys: None },
        })
    }
}

impl<'a> Column<'a> {
    fn at(&self, row: usize) -> Option<&'a ArrayRef> {
        self.0.filter(|array| array.is_valid(row))
    }

    pub(crate) fn id(&self, row: usize) -> Option<EntityId> {
        let bytes = self.at(row)?.as_fixed_size_binary_opt()?.value(row);
        bytes.try_into().ok().map(EntityId)
    }

    /// A finite figure; not-a-number counts as null.
    pub(crate) fn f64(&self, row: usize) -> Option<f64> {
        let value = self.at(row)?.as_primitive_opt::<Float64Type>()?.value(row);
        value.is_finite().then_some(value)
    }

    /// A finite figure; not-a-number counts as null.
    pub(crate) fn f32(&self, row: usize) -> Option<f32> {
        let value = self.at(row)?.as_primitive_opt::<Float32Type>()?.value(row);
        value.is_finite().then_some(value)
    }

    pub(crate) fn u64(&self, row: usize) -> Option<u64> {
        Some(self.at(row)?.as_primitive_opt::<UInt64Type>()?.value(row))
    }

    pub(crate) fn time_us(&self, row: usize) -> Option<i64> {
        let array = self.at(row)?;
        if let Some(plain) = array.as_primitive_opt::<Int64Type>() {
            return Some(plain.value(row));
        }
        Some(array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))
    }

    pub(crate) fn flag(&self, row: usize) -> Option<bool> {
        Some(self.at(row)?.as_boolean_opt()?.value(row))
    }

    pub(crate) fn bytes(&self, row: usize) -> Option<&'a [u8]> {
        let array = self.at(row)?;
        match array.data_type() {
            DataType::Binary => Some(array.as_binary_opt::<i32>()?.value(row)),
            DataType::LargeBinary => Some(array.as_binary_opt::<i64>()?.value(row)),
            _ => Some(array.as_binary_view_opt()?.value(row)),
        }
    }
}

impl Texts<'_> {
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        if self.rows?.is_null(row) {
            return None;
        }
        let at = self.keys.as_ref().map_or(Some(row), |keys| keys.get(row).copied())?;
        let values = self.values?;
        if at >= values.len() || values.is_null(at) {
            return None;
        }
        match values.data_type() {
            DataType::Utf8 => Some(values.as_string_opt::<i32>()?.value(at)),
            DataType::LargeUtf8 => Some(values.as_string_opt::<i64>()?.value(at)),
            _ => Some(values.as_string_view_opt()?.value(at)),
        }
    }
}
