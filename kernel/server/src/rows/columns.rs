//! Columns of an Arrow batch by name. A batch comes in; plain columns of the kernel's types go out, or one line that says which
//! column is wrong and what it should be. Nothing is converted that would lose or guess: a time has a zone, a name is text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, TimestampMicrosecondType, UInt8Type, UInt32Type, UInt64Type,
};
use kernel_model::schema::timestamp;
use kernel_model::{EntityId, Names, PlaceColumns, Quality, SourceKey};

use super::said::Said;
use crate::error::ApiError;

/// The column of names that sources give.
const SOURCE: &str = "source_id";

/// Different texts, and for each row which.
type Texts = (Vec<String>, Vec<u32>);

/// The columns of a batch.
pub(super) struct Columns<'a> {
    batch: &'a RecordBatch,
}

fn wrong(name: &str, what: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request(format!("column {name}: {what}"))
}

impl<'a> Columns<'a> {
    /// Refuses columns that nobody would read.
    pub(super) fn new(batch: &'a RecordBatch, known: &[&str]) -> Result<Self, ApiError> {
        let schema = batch.schema_ref();
        match schema.fields().iter().find(|field| !known.contains(&field.name().as_str())) {
            Some(field) => Err(wrong(field.name(), format!("not known here: give {}", known.join(", ")))),
            None => Ok(Self { batch }),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.batch.schema_ref().column_with_name(name).is_some()
    }

    fn column(&self, name: &str) -> Result<&'a ArrayRef, ApiError> {
        self.batch.column_by_name(name).ok_or_else(|| wrong(name, "missing"))
    }

    /// A column as another type, none of whose values may be lost.
    fn cast(&self, name: &str, to: &DataType) -> Result<ArrayRef, ApiError> {
        let exact = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(self.column(name)?, to, &exact).map_err(|error| wrong(name, error))
    }

    fn whole<T: ArrowPrimitiveType>(&self, name: &str, to: &DataType) -> Result<Vec<T::Native>, ApiError> {
        let column = self.cast(name, to)?;
        if column.null_count() > 0 {
            return Err(wrong(name, format!("{} rows have none, each needs one", column.null_count())));
        }
        Ok(column.as_primitive::<T>().values().to_vec())
    }

    fn check_time(&self, name: &str) -> Result<(), ApiError> {
        match self.column(name)?.data_type() {
            DataType::Timestamp(_, Some(_)) => Ok(()),
            DataType::Timestamp(_, None) => Err(wrong(name, "its type says no time zone: make it a timestamp in UTC")),
            other => Err(wrong(name, format!("is {other}, must be a timestamp in UTC"))),
        }
    }

    /// Instants, microseconds of UTC.
    pub(super) fn instants(&self, name: &str) -> Result<Vec<i64>, ApiError> {
        self.check_time(name)?;
        self.whole::<TimestampMicrosecondType>(name, &timestamp())
    }

    /// Instants that may be missing.
    pub(super) fn instants_or_none(&self, name: &str) -> Result<Vec<Option<i64>>, ApiError> {
        if !self.has(name) {
            return Ok(Vec::new());
        }
        self.check_time(name)?;
        Ok(self.cast(name, &timestamp())?.as_primitive::<TimestampMicrosecondType>().iter().collect())
    }

    fn check_number(&self, name: &str) -> Result<(), ApiError> {
        match self.column(name)?.data_type() {
            DataType::Float64 | DataType::Float32 => Ok(()),
            kind if kind.is_integer() && kind.primitive_width() < Some(8) => Ok(()),
            other => Err(wrong(name, format!("is {other}, must be float64 or what it holds exactly"))),
        }
    }

    /// Numbers, one in each row.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>, ApiError> {
        self.check_number(name)?;
        self.whole::<Float64Type>(name, &DataType::Float64)
    }

    /// Numbers, not a number where there is none; empty where there is no such column.
    fn numbers_or_none(&self, name: &str) -> Result<Vec<f64>, ApiError> {
        if !self.has(name) {
            return Ok(Vec::new());
        }
        self.check_number(name)?;
        let column = self.cast(name, &DataType::Float64)?;
        let column = column.as_primitive::<Float64Type>();
        Ok(match column.null_count() {
            0 => column.values().to_vec(),
            _ => column.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
        })
    }

    /// The same as single precision.
    pub(super) fn singles_or_none(&self, name: &str) -> Result<Vec<f32>, ApiError> {
        if !self.has(name) {
            return Ok(Vec::new());
        }
        self.check_number(name)?;
        let column = self.cast(name, &DataType::Float32)?;
        Ok(column.as_primitive::<Float32Type>().iter().map(|value| value.unwrap_or(f32::NAN)).collect())
    }

    /// Places; `heights` says whether there may be heights.
    pub(super) fn places(&self) -> Result<PlaceColumns, ApiError> {
        let [lon_deg, lat_deg] = ["lon", "lat"].map(|name| self.numbers_or_none(name));
        Ok(PlaceColumns { lon_deg: lon_deg?, lat_deg: lat_deg?, height_m: self.numbers_or_none("height_m")? })
    }

    /// How far to trust the rows: 0, 1 or 2.
    pub(super) fn qualities(&self) -> Result<Vec<Quality>, ApiError> {
        if !self.has("quality") {
            return Ok(Vec::new());
        }
        let codes = self.whole::<UInt8Type>("quality", &DataType::UInt8)?;
        let quality = |code| match code {
            0 => Ok(Quality::Good),
            1 => Ok(Quality::Suspect),
            2 => Ok(Quality::Missing),
            other => Err(wrong("quality", format!("{other}: give 0 (good), 1 (suspect) or 2 (missing)"))),
        };
        codes.into_iter().map(quality).collect()
    }

    /// Texts, few different ones: these, and for each row which.
    fn texts(&self, name: &str) -> Result<Texts, ApiError> {
        let packed = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
        let column = self.cast(name, &packed)?;
        let column = column.as_dictionary::<UInt32Type>();
        if column.logical_null_count() > 0 {
            return Err(wrong(name, format!("{} rows have none, each needs one", column.logical_null_count())));
        }
        let texts = column.values().as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned());
        Ok((texts.collect(), column.keys().values().to_vec()))
    }

    /// The unit of each row, where there is such a column.
    pub(super) fn units(&self) -> Result<Option<Texts>, ApiError> {
        self.has("unit").then(|| self.texts("unit")).transpose()
    }

    /// What each row is of: by the column `name` of the store's own ids, or by that of the source's names.
    fn names<Id>(
        &self,
        name: &str,
        said: &Said<'_>,
        ids: impl FnOnce() -> Result<Vec<Id>, ApiError>,
    ) -> Result<Names<Id>, ApiError> {
        match (self.has(name), self.has(SOURCE)) {
            (true, false) => ids().map(Names::Ids),
            (false, true) => {
                let dataset: Arc<str> = said.dataset()?.into();
                let (texts, of) = self.texts(SOURCE)?;
                let names = texts.iter().map(|text| SourceKey::new(dataset.clone(), text.as_str())).collect();
                Ok(Names::Sources { names, of })
            }
            _ => Err(ApiError::bad_request(format!("give one of the columns {name} and {SOURCE}"))),
        }
    }

    /// The datastream of each row.
    pub(super) fn datastreams(&self, said: &Said<'_>) -> Result<Names<kernel_model::DatastreamId>, ApiError> {
        self.names("datastream", said, || {
            let numbers = self.whole::<UInt64Type>("datastream", &DataType::UInt64)?;
            Ok(numbers.into_iter().map(kernel_model::DatastreamId).collect())
        })
    }

    /// The thing of each row.
    pub(super) fn things(&self, said: &Said<'_>) -> Result<Names<EntityId>, ApiError> {
        self.names("entity", said, || {
            let column = self.column("entity")?;
            if let Some(bytes) = column.as_fixed_size_binary_opt().filter(|bytes| bytes.null_count() == 0) {
                let ids = bytes.iter().map(|id| id.and_then(EntityId::from_slice));
                return ids.collect::<Option<_>>().ok_or_else(|| wrong("entity", "ids have 16 bytes"));
            }
            let (texts, of) = self.texts("entity")?;
            let ids = texts.iter().map(|text| text.parse::<EntityId>().map_err(|error| wrong("entity", error)));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            Ok(of.into_iter().map(|at| ids[at as usize]).collect())
        })
    }
}
