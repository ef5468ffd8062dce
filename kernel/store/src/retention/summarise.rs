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

/// Rows of a run that a zone map tells apart.
const RUN_ROWS: usize = 64;
/// Columns of `observations` that a summary is made of.
const COLUMNS: [usize; 10] = [0, 1, 3, 4, 5, 6, 8, 7, 9, 10];

/// Summaries of one period.
pub(crate) type Buckets = BTreeMap<Key, Summary>;

/// Hands the summaries of all readings that go to `emit`, each bucket once, in the order of time; about so many readings are
/// looked at together.
pub(crate) fn summarise(
    readings: &[Part],
    before_us: i64,
    cut: &Cut,
    slice_rows: usize,
    mut emit: impl FnMut(Period, Buckets) -> Result<(), Error>,
) -> Result<(), Error> {
    let readings: Vec<&Part> = readings.iter().filter(|part| cut.touches(part)).collect();
    let mut days = Buckets::new();
    for slice in slices(&readings, before_us, slice_rows)? {
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
        each_summary(part, &Spans { band, series: None }, Part::column_once, |key, summary| {
            if let Some(all) = buckets.get_mut(&key) {
                all.merge(&summary);
                found(key);
            }
        })?;
    }
    Ok(())
}

/// How a column of a chunk is read: through the cache or past it.
type Read = fn(&Part, usize, usize) -> Result<ArrayRef, Error>;

/// Hands the summaries of a part in some spans to `each`.
pub(crate) fn each_summary(
    part: &Part,
    spans: &Spans,
    read: Read,
    mut each: impl FnMut(Key, Summary),
) -> Result<(), Error> {
    let columns: Vec<usize> = (0..part.table().schema().fields().len()).collect();
    each_row(part, spans, &columns, read, |columns, row| {
        let (key, summary) = summary::read(columns, row);
        each(key, summary);
    })
}

/// Hands the readings of a part that go and are in a slice of time to `each`.
fn each_going(part: &Part, slice: &Range<i64>, cut: &Cut, mut each: impl FnMut(u64, Seen)) -> Result<(), Error> {
    let band = TimeBand { from_us: slice.start, to_us: slice.end - 1 };
    each_row(part, &Spans { band, series: None }, &COLUMNS, Part::column_once, |columns, row| {
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
    read: Read,
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
                let columns = columns.iter().map(|column| read(part, number, *column));
                &chunk.insert((number, columns.collect::<Result<_, _>>()?)).1
            }
        };
        each(held, at);
    }
    Ok(())
}

/// Slices of time that hold about so many readings each, whole hours but the last one; ascending, with no gap.
fn slices(parts: &[&Part], before_us: i64, slice_rows: usize) -> Result<Vec<Range<i64>>, Error> {
    let Some(first) = parts.iter().filter_map(|part| part.time_band()).map(|band| band.from_us).min() else {
        return Ok(Vec::new());
    };
    let mut middles = Vec::new();
    for part in parts {
        middles.extend(part.zones()?.bands().map(|band| band.from_us.midpoint(band.to_us)));
    }
    middles.retain(|middle| *middle < before_us);
    middles.sort_unstable();
    let step = (slice_rows / RUN_ROWS).max(1);
    let cuts = middles.iter().skip(step).step_by(step);
    let mut borders = vec![first];
    for cut in cuts.map(|cut| Period::Hour.begin(*cut)).chain([before_us]) {
        if borders.last().is_some_and(|last| *last < cut) {
            borders.push(cut);
        }
    }
    Ok(borders.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use kernel_model::schema::Table;
    use kernel_model::{DatastreamId, Observation, Quality, Sequence, TimeUs};
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::retention::Retention;
    use crate::series_rows::ObservationRows;

    const DAY_US: i64 = Period::Day.length_us();

    /// Readings of twelve days in parts that overlap.
    fn parts() -> Vec<Part> {
        let mut random = SmallRng::seed_from_u64(7);
        let mut part = |number: i64| {
            let mut rows = ObservationRows::default();
            for _ in 0..2_000 {
                let time = (number * 2 - 6) * DAY_US + random.random_range(0..4 * DAY_US);
                let reading = Observation {
                    phenomenon_time: TimeUs(time),
                    result_time: None,
                    value: f64::from(random.random_range(-99..99)) / 4.0,
                    quality: Quality::Good,
                };
                rows.push(DatastreamId(random.random_range(1..4)), &reading, None);
            }
            let batch = rows.finish(Sequence(number as u64 + 1), Some(TimeUs(0)), number as u64 * 2_000, &[]).unwrap();
            Part::of(Table::Observations, &[batch]).unwrap()
        };
        (0..5).map(&mut part).collect()
    }

    #[test]
    fn however_finely_time_is_sliced_the_same_buckets_come_once_in_order() {
        let parts = parts();
        let retention = Retention { observations: crate::Keep::For(DAY_US), ..Retention::default() };
        let horizons = retention.horizons(TimeUs(4 * DAY_US));
        let cut = Cut::of(Table::Observations, &horizons);
        let summarised = |slice_rows: usize| {
            let (mut all, mut emits) = ([const { Buckets::new() }; 3], 0);
            summarise(&parts, horizons.observations_us, &cut, slice_rows, |period, buckets| {
                let all = &mut all[period as usize];
                let (last, next) = (all.keys().next_back().copied(), buckets.keys().next().copied());
                assert!(last.zip(next).is_none_or(|(last, next)| last.0 < next.0), "{period:?} comes in order, once");
                all.extend(buckets);
                emits += 1;
                Ok(())
            })
            .unwrap();
            (all, emits)
        };
        let (whole, emits) = summarised(1 << 20);
        assert_eq!(emits, 4, "one slice, and what is left of days");
        let old = |part: &Part| cut.going(part).unwrap().rows;
        let readings: u64 = whole[2].values().map(Summary::readings).sum();
        assert_eq!(readings, parts.iter().map(old).sum::<u64>());
        for slice_rows in [64, 500, 3_000] {
            let (sliced, emits) = summarised(slice_rows);
            assert!(emits > 6, "{slice_rows}");
            assert!(sliced == whole, "slices of {slice_rows} readings");
        }
    }
}
