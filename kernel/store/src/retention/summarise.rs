//! Readings in parts in, summaries of those that go out: slice of time by slice of time, so that memory is bounded by the
//! readings of a slice, however many there are. What is summarised already takes part: a bucket comes out whole.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, TimestampMicrosecondType, UInt8Type, UInt64Type};
use spatial_index::{Spans, TimeBand};

use super::cut::Cut;
use super::summary::{self, Key, Period, Seen, Summary};
use crate::error::Error;
use crate::parts::{CHUNK_ROWS, Part};

/// Readings of a slice, about.
const SLICE_ROWS: usize = 1 << 20;
/// Rows of a run that a zone map tells apart.
const RUN_ROWS: usize = 64;
/// Columns of `observations` that a summary is made of.
const COLUMNS: [usize; 10] = [0, 1, 3, 4, 5, 6, 8, 7, 9, 10];

/// Summaries of one period.
pub(crate) type Buckets = BTreeMap<Key, Summary>;

/// Hands the summaries of all readings that go to `emit`, each bucket once, in the order of time.
pub(crate) fn summarise(
    readings: &[Part],
    before_us: i64,
    cut: &Cut,
    mut emit: impl FnMut(Period, Buckets) -> Result<(), Error>,
) -> Result<(), Error> {
    let readings: Vec<&Part> = readings.iter().filter(|part| cut.touches(part)).collect();
    let mut days = Buckets::new();
    for slice in slices(&readings, before_us)? {
        let mut minutes = Buckets::new();
        for part in &readings {
            each_going(part, &slice, cut, |series, seen| {
                add(&mut minutes, (Period::Minute.begin(seen.time_us), series), &Summary::of(&seen));
            })?;
        }
        let mut hours = Buckets::new();
        for ((begin, series), summary) in &minutes {
            add(&mut hours, (Period::Hour.begin(*begin), *series), summary);
        }
        for ((begin, series), summary) in &hours {
            add(&mut days, (Period::Day.begin(*begin), *series), summary);
        }
        let open = days.split_off(&(Period::Day.begin(slice.end), 0));
        for (period, buckets) in
            [(Period::Minute, minutes), (Period::Hour, hours), (Period::Day, std::mem::replace(&mut days, open))]
        {
            emit(period, buckets)?;
        }
    }
    emit(Period::Day, days)
}

fn add(buckets: &mut Buckets, key: Key, summary: &Summary) {
    buckets.entry(key).and_modify(|all| all.merge(summary)).or_insert(*summary);
}

/// Adds to buckets what is summarised of them already and tells `found` of each.
pub(crate) fn take_in(buckets: &mut Buckets, stored: &[Part], mut found: impl FnMut(Key)) -> Result<(), Error> {
    let (Some(first), Some(last)) = (buckets.keys().next(), buckets.keys().next_back()) else { return Ok(()) };
    let band = TimeBand { from_us: first.0, to_us: last.0 };
    for part in stored {
        each_summary(part, &Spans { band, series: None }, |key, summary| {
            if let Some(all) = buckets.get_mut(&key) {
                all.merge(&summary);
                found(key);
            }
        })?;
    }
    Ok(())
}

/// Hands the summaries of a part in some spans to `each`.
pub(crate) fn each_summary(part: &Part, spans: &Spans, mut each: impl FnMut(Key, Summary)) -> Result<(), Error> {
    let columns: Vec<usize> = (0..part.table().schema().fields().len()).collect();
    each_row(part, spans, &columns, |columns, row| {
        let (key, summary) = summary::read(columns, row);
        each(key, summary);
    })
}

/// Hands the readings of a part that go and are in a slice of time to `each`.
fn each_going(part: &Part, slice: &Range<i64>, cut: &Cut, mut each: impl FnMut(u64, Seen)) -> Result<(), Error> {
    let band = TimeBand { from_us: slice.start, to_us: slice.end - 1 };
    each_row(part, &Spans { band, series: None }, &COLUMNS, |columns, row| {
        let real = |column: usize| get::<Float64Type>(&columns[column], row);
        let number = |column: usize| get::<UInt64Type>(&columns[column], row).unwrap_or_default();
        let instant = |column: usize| get::<TimestampMicrosecondType>(&columns[column], row);
        let seen = Seen {
            time_us: instant(1).unwrap_or_default(),
            value: real(2).unwrap_or(f64::NAN),
            quality: get::<UInt8Type>(&columns[3], row).unwrap_or_default(),
            place: real(4).zip(real(5)).map(|(lon, lat)| (lon, lat, real(6))),
            sequence: number(7),
            number: number(8),
            recorded_us: instant(9),
        };
        if cut.is_old(seen.time_us, seen.recorded_us) {
            each(number(0), seen);
        }
    })
}

fn get<T: ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> Option<T::Native> {
    let column: &PrimitiveArray<T> = column.as_primitive();
    column.is_valid(row).then(|| column.value(row))
}

/// Hands the rows of a part in some spans to `each`, as columns of a chunk and a number in it.
fn each_row(
    part: &Part,
    spans: &Spans,
    columns: &[usize],
    mut each: impl FnMut(&[ArrayRef], usize),
) -> Result<(), Error> {
    if !part.time_band().is_some_and(|own| own.meets(spans.band)) {
        return Ok(());
    }
    let mut chunk: Option<(usize, Vec<ArrayRef>)> = None;
    for row in part.rows_in_spans(spans)?.into_iter().flatten() {
        let (number, at) = (row / CHUNK_ROWS, row % CHUNK_ROWS);
        let held = match &chunk {
            Some((held, columns)) if *held == number => columns,
            _ => {
                let read = columns.iter().map(|column| part.column_once(number, *column));
                &chunk.insert((number, read.collect::<Result<_, _>>()?)).1
            }
        };
        each(held, at);
    }
    Ok(())
}

/// Slices of time that hold about so many readings each, whole hours but the last one; ascending, with no gap.
fn slices(parts: &[&Part], before_us: i64) -> Result<Vec<Range<i64>>, Error> {
    let Some(first) = parts.iter().filter_map(|part| part.time_band()).map(|band| band.from_us).min() else {
        return Ok(Vec::new());
    };
    let mut middles = Vec::new();
    for part in parts {
        middles.extend(part.zones()?.bands().map(|band| band.from_us.midpoint(band.to_us)));
    }
    middles.retain(|middle| *middle < before_us);
    middles.sort_unstable();
    let cuts = middles.iter().skip(SLICE_ROWS / RUN_ROWS).step_by(SLICE_ROWS / RUN_ROWS);
    let mut borders = vec![first];
    for cut in cuts.map(|cut| Period::Hour.begin(*cut)).chain([before_us]) {
        if borders.last().is_some_and(|last| *last < cut) {
            borders.push(cut);
        }
    }
    Ok(borders.windows(2).map(|pair| pair[0]..pair[1]).collect())
}
