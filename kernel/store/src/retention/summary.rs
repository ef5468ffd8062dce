//! What is kept of readings that go: of each datastream, for each minute, hour or day of UTC, how many there were, their sum
//! and ends. Two summaries of different readings merge into that of all of them, so that hours come from minutes and days
//! from hours by counts and sums, never by means of means.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, PrimitiveArray, RecordBatch, UInt64Array};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;

use crate::error::Error;
use crate::rows::{instants, maybe_instants};

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Period {
    Minute,
    Hour,
    Day,
}

impl Period {
    /// From the shortest to the longest.
    pub(crate) const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The table of its summaries.
    pub(crate) const fn table(self) -> Table {
        match self {
            Self::Minute => Table::ObservationsMinute,
            Self::Hour => Table::ObservationsHour,
            Self::Day => Table::ObservationsDay,
        }
    }

    /// The period of a table of summaries.
    pub(crate) fn of(table: Table) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.table() == table)
    }

    pub(crate) const fn length_us(self) -> i64 {
        match self {
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
        }
    }

    /// When the bucket of an instant begins.
    pub(crate) fn begin(self, time_us: i64) -> i64 {
        // Of the first instants there are the bucket would begin before them.
        time_us.saturating_sub(time_us.rem_euclid(self.length_us()))
    }
}

/// Beginning of the bucket and number of the datastream: rows are taken in this order.
pub(crate) type Key = (i64, u64);

/// A reading as a summary sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    pub(crate) time_us: i64,
    /// Orders readings of one instant: the greater came later.
    pub(crate) number: u64,
    pub(crate) value: f64,
    /// As [`kernel_model::Quality::code`].
    pub(crate) quality: u8,
    pub(crate) place: Option<Place>,
    pub(crate) sequence: u64,
    pub(crate) recorded_us: Option<i64>,
}

/// Longitude, latitude and height above the ellipsoid.
pub(crate) type Place = (f64, f64, Option<f64>);

/// The first or the last reading: instant, number, value.
type End = (i64, u64, f64);

const SUSPECT: u8 = 1;
const MISSING: u8 = 2;

/// Readings of a datastream within a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    /// Measurements; the figures are of these.
    pub(crate) count: u64,
    /// Those of them that are in doubt.
    pub(crate) suspect: u64,
    /// Readings that are no measurement: told to be missing, or not a number.
    pub(crate) missing: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) first: Option<End>,
    pub(crate) last: Option<End>,
    /// Where the last one was that says so.
    placed: Option<(i64, u64, Place)>,
    pub(crate) fingerprint: u64,
    sequence: u64,
    recorded_us: Option<i64>,
}

/// What makes readings of a bucket those readings: the sum over all of them, whatever their order.
pub(crate) fn fingerprint(time_us: i64, value: f64) -> u64 {
    mix(mix(time_us as u64) ^ value.to_bits())
}

/// The step of `SplitMix64` (Steele, Lea and Flood 2014).
fn mix(number: u64) -> u64 {
    let a = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

impl Summary {
    /// Of one reading.
    pub(crate) fn of(seen: &Seen) -> Self {
        let missing = seen.quality == MISSING || seen.value.is_nan();
        let end = (!missing).then_some((seen.time_us, seen.number, seen.value));
        Self {
            count: u64::from(!missing),
            suspect: u64::from(!missing && seen.quality == SUSPECT),
            missing: u64::from(missing),
            sum: if missing { 0.0 } else { seen.value },
            min: if missing { f64::INFINITY } else { seen.value },
            max: if missing { f64::NEG_INFINITY } else { seen.value },
            first: end,
            last: end,
            placed: seen.place.map(|place| (seen.time_us, seen.number, place)),
            fingerprint: fingerprint(seen.time_us, seen.value),
            sequence: seen.sequence,
            recorded_us: seen.recorded_us,
        }
    }

    /// Takes in a summary of other readings.
    pub(crate) fn merge(&mut self, other: &Self) {
        let at = |end: &End| (end.0, end.1);
        self.count += other.count;
        self.suspect += other.suspect;
        self.missing += other.missing;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.first = [self.first, other.first].into_iter().flatten().min_by_key(at);
        self.last = [self.last, other.last].into_iter().flatten().max_by_key(at);
        self.placed = [self.placed, other.placed].into_iter().flatten().max_by_key(|placed| (placed.0, placed.1));
        self.fingerprint = self.fingerprint.wrapping_add(other.fingerprint);
        self.sequence = self.sequence.max(other.sequence);
        self.recorded_us = self.recorded_us.max(other.recorded_us);
    }

    /// Readings it is of.
    pub(crate) fn readings(&self) -> u64 {
        self.count + self.missing
    }

    /// Whether a reading is its first or last one.
    pub(crate) fn ends_with(&self, time_us: i64, value: f64) -> bool {
        let is = |end: &End| end.0 == time_us && end.2.to_bits() == value.to_bits();
        self.first.iter().chain(&self.last).any(is)
    }
}

/// Summaries in the schema of their tables.
pub(crate) fn rows<'a>(
    table: Table,
    summaries: impl Iterator<Item = (&'a Key, &'a Summary)> + Clone,
) -> Result<RecordBatch, Error> {
    let all = || summaries.clone().map(|(_, summary)| summary);
    let numbers = |get: fn(&Summary) -> u64| -> ArrayRef { Arc::new(UInt64Array::from_iter_values(all().map(get))) };
    let reals = |get: fn(&Summary) -> Option<f64>| -> ArrayRef { Arc::new(all().map(get).collect::<Float64Array>()) };
    let measured = |get: fn(&Summary) -> f64| -> ArrayRef {
        Arc::new(all().map(|summary| (summary.count > 0).then(|| get(summary))).collect::<Float64Array>())
    };
    let times = |get: fn(&Summary) -> Option<i64>| maybe_instants(all().map(get).collect());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(summaries.clone().map(|(key, _)| key.1))),
        instants(summaries.clone().map(|(key, _)| key.0).collect()),
        numbers(|summary| summary.count),
        measured(|summary| summary.sum / summary.count as f64),
        measured(|summary| summary.min),
        measured(|summary| summary.max),
        measured(|summary| summary.sum),
        reals(|summary| summary.first.map(|end| end.2)),
        times(|summary| summary.first.map(|end| end.0)),
        reals(|summary| summary.last.map(|end| end.2)),
        times(|summary| summary.last.map(|end| end.0)),
        numbers(|summary| summary.suspect),
        numbers(|summary| summary.missing),
        reals(|summary| summary.placed.map(|(_, _, place)| place.0)),
        reals(|summary| summary.placed.map(|(_, _, place)| place.1)),
        reals(|summary| summary.placed.and_then(|(_, _, place)| place.2)),
        numbers(|summary| summary.fingerprint),
        numbers(|summary| summary.sequence),
        times(|summary| summary.recorded_us),
    ];
    RecordBatch::try_new(table.schema(), columns).map_err(Error::arrow("build summaries"))
}

/// A row of [`rows`], from its columns.
pub(crate) fn read(columns: &[ArrayRef], row: usize) -> (Key, Summary) {
    let number = |column: usize| columns[column].as_primitive::<UInt64Type>().value(row);
    let real = |column: usize| get(columns[column].as_primitive::<Float64Type>(), row);
    let time = |column: usize| get(columns[column].as_primitive::<TimestampMicrosecondType>(), row);
    let begin = time(1).unwrap_or_default();
    let end = |value: usize, at: usize| Some((time(at)?, 0, real(value)?));
    let place = real(13).zip(real(14)).map(|(lon, lat)| (lon, lat, real(15)));
    let summary = Summary {
        count: number(2),
        suspect: number(11),
        missing: number(12),
        sum: real(6).unwrap_or(0.0),
        min: real(4).unwrap_or(f64::INFINITY),
        max: real(5).unwrap_or(f64::NEG_INFINITY),
        first: end(7, 8),
        last: end(9, 10),
        placed: place.map(|place| (time(10).unwrap_or(begin), 0, place)),
        fingerprint: number(16),
        sequence: number(17),
        recorded_us: time(18),
    };
    ((begin, number(0)), summary)
}

fn get<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(number: u64, time_us: i64, value: f64, quality: u8) -> Seen {
        let place = (!number.is_multiple_of(3)).then_some((
            116.0 + number as f64,
            39.0,
            number.is_multiple_of(2).then_some(50.0),
        ));
        Seen { time_us, number, value, quality, place, sequence: number, recorded_us: Some(time_us + 1) }
    }

    fn whole(readings: &[Seen]) -> Option<Summary> {
        readings.iter().map(Summary::of).reduce(|mut all, one| {
            all.merge(&one);
            all
        })
    }

    proptest! {
        /// However readings are divided, the summaries of the pieces merge into that of all.
        #[test]
        fn summaries_of_pieces_merge_into_that_of_all(
            rows in prop::collection::vec((0_i64..1_000, -64_i32..64, 0_u8..3, any::<bool>()), 1..40),
        ) {
            let readings: Vec<Seen> =
                (0..).zip(&rows).map(|(n, row)| seen(n, row.0, f64::from(row.1) / 8.0, row.2)).collect();
            let (one, other): (Vec<Seen>, Vec<Seen>) =
                readings.iter().copied().partition(|reading| rows[reading.number as usize].3);
            let mut merged = whole(&one);
            if let Some(other) = whole(&other) {
                match &mut merged {
                    Some(merged) => merged.merge(&other),
                    None => merged = Some(other),
                }
            }
            prop_assert_eq!(merged, whole(&readings));
            let measured: Vec<f64> = readings.iter().filter(|r| r.quality < MISSING).map(|r| r.value).collect();
            let all = whole(&readings).unwrap();
            prop_assert_eq!(all.count, measured.len() as u64);
            prop_assert_eq!(all.sum, measured.iter().sum::<f64>());
            prop_assert_eq!(all.readings(), readings.len() as u64);
        }
    }

    #[test]
    fn rows_say_what_a_summary_says() {
        let readings = [seen(1, 5, 1.5, 0), seen(2, 9, -2.0, 1), seen(3, 7, 100.0, 2), seen(4, 8, f64::NAN, 0)];
        let all = whole(&readings).unwrap();
        let only_missing = whole(&readings[2..3]).unwrap();
        let written = [((0, 7), all), ((60_000_000, 7), only_missing)];
        let batch = rows(Table::ObservationsMinute, written.iter().map(|(key, summary)| (key, summary))).unwrap();
        let (key, back) = read(batch.columns(), 0);
        assert_eq!((key, back.count, back.suspect, back.missing), ((0, 7), 2, 1, 2));
        assert_eq!((back.sum, back.min, back.max), (-0.5, -2.0, 1.5));
        assert_eq!((back.first.unwrap(), back.last.unwrap()), ((5, 0, 1.5), (9, 0, -2.0)));
        assert_eq!((back.fingerprint, back.readings()), (all.fingerprint, 4));
        let mean = batch.column(3).as_primitive::<Float64Type>();
        assert_eq!((mean.value(0), mean.is_null(1)), (-0.25, true));
        assert!(batch.column(4).is_null(1) && batch.column(7).is_null(1), "of no measurement there is no least one");
    }

    #[test]
    fn the_fingerprint_is_for_ever() {
        assert_eq!(fingerprint(0, 0.0), mix(mix(0)));
        // SplitMix64 of the seed 0 begins with this number.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    }
}
