//! Readings and fixes of a commit on their way into Arrow: they come in row by row, in the order in which they were sent, and
//! go out as columns. A row whose time is not after its series' newest is marked as doubtful: it may be there already, and
//! whoever finds that out leaves it out at the end. Sequence and recording time are the commit's.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Float32Builder, Float64Array, Float64Builder, RecordBatch,
    TimestampMicrosecondBuilder, UInt8Array, UInt64Array,
};
use arrow::buffer::Buffer;
use arrow::compute::filter_record_batch;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Observation, Place, PositionFix, Sequence, TimeUs};

use crate::error::Error;
use crate::rows::{batch, instants, maybe_instants, repeated};

/// A row that may be there already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubtful {
    /// Its number among the rows.
    pub(crate) row: u32,
    /// Whether it says its place itself.
    pub(crate) is_placed: bool,
}

/// Observations.
#[derive(Debug, Default)]
pub(crate) struct ObservationRows {
    datastream: Vec<u64>,
    phenomenon: Vec<i64>,
    result: TimestampMicrosecondBuilder,
    value: Vec<f64>,
    quality: Vec<u8>,
    lon: Float64Builder,
    lat: Float64Builder,
    height: Float64Builder,
    pub(crate) doubtful: Vec<Doubtful>,
}

impl ObservationRows {
    /// `place` is where it was so, its height above the ellipsoid.
    pub(crate) fn push(&mut self, datastream: DatastreamId, row: &Observation, place: Option<Place>) {
        self.datastream.push(datastream.0);
        self.phenomenon.push(row.phenomenon_time.0);
        let result = row.result_time.filter(|at| *at != row.phenomenon_time);
        self.result.append_option(result.map(|at| at.0));
        self.value.push(row.value);
        self.quality.push(row.quality.code());
        self.lon.append_option(place.map(|place| place.lon_deg));
        self.lat.append_option(place.map(|place| place.lat_deg));
        self.height.append_option(place.and_then(|place| place.height_m));
    }

    /// Marks the next row as doubtful.
    pub(crate) fn doubt(&mut self, is_placed: bool) {
        self.doubtful.push(Doubtful { row: self.len() as u32, is_placed });
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.value.len()
    }

    /// Series and instant of a row.
    pub(crate) fn instant(&self, row: usize) -> (u64, i64) {
        (self.datastream[row], self.phenomenon[row])
    }

    /// Bits of the value and of the place of a row.
    pub(crate) fn says(&self, row: usize) -> (u64, Option<[u64; 2]>) {
        let is_placed = self.lon.validity_slice().is_none_or(|bits| arrow::util::bit_util::get_bit(bits, row));
        let place = || [self.lon.values_slice()[row].to_bits(), self.lat.values_slice()[row].to_bits()];
        (self.value[row].to_bits(), is_placed.then(place))
    }

    /// `at` is when they are recorded, `last_id` the number of the last observation before these, `left_out` the rows that are
    /// there already.
    pub(crate) fn finish(
        mut self,
        sequence: Sequence,
        at: Option<TimeUs>,
        last_id: u64,
        left_out: &[u32],
    ) -> Result<RecordBatch, Error> {
        let (rows, kept) = (self.len(), self.len() - left_out.len());
        let numbers: ArrayRef = match left_out {
            [] => Arc::new(UInt64Array::from_iter_values(last_id + 1..=last_id + rows as u64)),
            // Rows that are left out take the number of the one before them with them.
            some => Arc::new(UInt64Array::from(numbers(last_id, rows, some))),
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(self.datastream)),
            instants(self.phenomenon),
            Arc::new(self.result.finish().with_timezone("+00:00")),
            Arc::new(Float64Array::from(self.value)),
            Arc::new(UInt8Array::from(self.quality)),
            Arc::new(self.lon.finish()),
            Arc::new(self.lat.finish()),
            repeated(sequence, rows),
            Arc::new(self.height.finish()),
            numbers,
            maybe_instants(vec![at.map(|at| at.0); rows]),
        ];
        let rows = without(&batch(Table::Observations, columns)?, left_out)?;
        debug_assert_eq!(rows.num_rows(), kept);
        Ok(rows)
    }
}

/// Numbers that count up over the rows that are kept.
fn numbers(last: u64, rows: usize, left_out: &[u32]) -> Vec<u64> {
    let (mut number, mut left_out) = (last, left_out.iter().peekable());
    let next = |row: u32| {
        number += u64::from(left_out.next_if_eq(&&row).is_none());
        number
    };
    (0..rows as u32).map(next).collect()
}

/// The rows but some, whose numbers ascend.
fn without(rows: &RecordBatch, left_out: &[u32]) -> Result<RecordBatch, Error> {
    if left_out.is_empty() {
        return Ok(rows.clone());
    }
    let mut kept = vec![true; rows.num_rows()];
    for row in left_out {
        kept[*row as usize] = false;
    }
    filter_record_batch(rows, &BooleanArray::from(kept)).map_err(Error::arrow("leave out rows that are there"))
}

/// Positions.
#[derive(Debug, Default)]
pub(crate) struct PositionRows {
    entity: Vec<u8>,
    time: Vec<i64>,
    lon: Vec<f64>,
    lat: Vec<f64>,
    height: Float64Builder,
    heading: Float32Builder,
    speed: Float32Builder,
    pub(crate) doubtful: Vec<Doubtful>,
}

impl PositionRows {
    pub(crate) fn push(&mut self, entity: EntityId, fix: &PositionFix) {
        self.entity.extend_from_slice(entity.bytes());
        self.time.push(fix.time.0);
        self.lon.push(fix.place.lon_deg);
        self.lat.push(fix.place.lat_deg);
        self.height.append_option(fix.place.height_m);
        self.heading.append_option(fix.heading_deg);
        self.speed.append_option(fix.speed_m_s);
    }

    /// Marks the next row as doubtful.
    pub(crate) fn doubt(&mut self) {
        self.doubtful.push(Doubtful { row: self.len() as u32, is_placed: true });
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.time.len()
    }

    /// Id of the thing as a number and instant of a row.
    pub(crate) fn instant(&self, row: usize) -> (u128, i64) {
        let id = &self.entity[row * 16..row * 16 + 16];
        (id.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)), self.time[row])
    }

    /// Bits of the place of a row.
    pub(crate) fn place(&self, row: usize) -> [u64; 2] {
        [self.lon[row].to_bits(), self.lat[row].to_bits()]
    }

    /// `at` is when they are recorded, `left_out` the rows that are there already.
    pub(crate) fn finish(
        mut self,
        sequence: Sequence,
        at: Option<TimeUs>,
        left_out: &[u32],
    ) -> Result<RecordBatch, Error> {
        let rows = self.len();
        let entity = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.entity), None);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(entity.map_err(Error::arrow("build rows of positions"))?),
            instants(self.time),
            Arc::new(Float64Array::from(self.lon)),
            Arc::new(Float64Array::from(self.lat)),
            Arc::new(self.height.finish()),
            Arc::new(self.heading.finish()),
            Arc::new(self.speed.finish()),
            repeated(sequence, rows),
            maybe_instants(vec![at.map(|at| at.0); rows]),
        ];
        without(&batch(Table::Positions, columns)?, left_out)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::UInt64Type;
    use kernel_model::Quality;

    use super::*;

    #[test]
    fn numbers_count_up_over_what_is_kept() {
        let mut rows = ObservationRows::default();
        for time in 0..6 {
            let row = Observation {
                phenomenon_time: TimeUs(time),
                result_time: Some(TimeUs(3)),
                value: time as f64,
                quality: Quality::Good,
            };
            rows.push(DatastreamId(1), &row, None);
        }
        let batch = rows.finish(Sequence(9), Some(TimeUs(1)), 10, &[0, 3, 4]).unwrap();
        let numbers = batch.column(9).as_primitive::<UInt64Type>();
        assert_eq!(numbers.values(), &[11, 12, 13]);
        let values = batch.column(3).as_primitive::<arrow::datatypes::Float64Type>();
        assert_eq!(values.values(), &[1.0, 2.0, 5.0]);
        assert_eq!(batch.column(2).null_count(), 0, "no row is left whose result came at its instant");
    }
}
