//! Observations as rows of the store. An Observation's id says where its row lies, so that it is found by the index: the number
//! of its Datastream, its phenomenon time in microseconds of UTC, and its own number, such as `7-1795305600000000-42`.

use std::fmt;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt8Type, UInt64Type};
use kernel_model::{DatastreamId, TimeUs};

/// Columns of [`Reading::of`], in their order.
pub(super) const COLUMNS: &str = "datastream, phenomenon_time, result_time, value, quality, lon, lat, id";

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ReadingId {
    pub(super) datastream: DatastreamId,
    pub(super) time: TimeUs,
    pub(super) number: u64,
}

impl ReadingId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (datastream, rest) = text.split_once('-')?;
        let (time, number) = rest.rsplit_once('-')?;
        Some(Self {
            datastream: DatastreamId(datastream.parse().ok()?),
            time: TimeUs(time.parse().ok()?),
            number: number.parse().ok()?,
        })
    }
}

impl fmt::Display for ReadingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.datastream, self.time.0, self.number)
    }
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) id: ReadingId,
    pub(super) result_time: Option<TimeUs>,
    /// Not a number where there is none.
    pub(super) value: f64,
    /// 0 good, 1 suspect, 2 missing.
    pub(super) quality: u8,
    /// Longitude and latitude, degrees.
    pub(super) place: Option<[f64; 2]>,
}

impl Reading {
    /// The rows of a batch of [`COLUMNS`].
    pub(super) fn of(batch: &RecordBatch) -> impl Iterator<Item = Self> + '_ {
        let number = |column: usize| batch.column(column).as_primitive::<UInt64Type>();
        let time = |column: usize| batch.column(column).as_primitive::<TimestampMicrosecondType>();
        let real = |column: usize| batch.column(column).as_primitive::<Float64Type>();
        let (datastreams, numbers, times, results) = (number(0), number(7), time(1), time(2));
        let (values, lon, lat) = (real(3), real(5), real(6));
        let quality = batch.column(4).as_primitive::<UInt8Type>();
        (0..batch.num_rows()).map(move |row| Self {
            id: ReadingId {
                datastream: DatastreamId(datastreams.value(row)),
                time: TimeUs(times.value(row)),
                number: if numbers.is_valid(row) { numbers.value(row) } else { 0 },
            },
            result_time: results.is_valid(row).then(|| TimeUs(results.value(row))),
            value: values.value(row),
            quality: quality.value(row),
            place: (lon.is_valid(row) && lat.is_valid(row)).then(|| [lon.value(row), lat.value(row)]),
        })
    }

    /// The result; none where there is no measurement.
    pub(super) fn result(&self) -> Option<f64> {
        (self.quality < 2 && self.value.is_finite()).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse_back() {
        for time in [0, -5, 1_795_305_600_000_000] {
            let id = ReadingId { datastream: DatastreamId(7), time: TimeUs(time), number: 42 };
            assert_eq!(ReadingId::parse(&id.to_string()), Some(id));
        }
        for wrong in ["", "7", "7-1", "a-1-2", "7-1-", "7--1"] {
            assert_eq!(ReadingId::parse(wrong), None, "{wrong}");
        }
    }
}
