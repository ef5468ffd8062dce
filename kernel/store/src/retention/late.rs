//! Readings that come when others of their time have gone already: from a device that was away, from an archive, or from a
//! file that is imported again. The raw rows that would tell whether one was there before are gone; the summaries tell it
//! where they can. A bucket without a summary had no reading: what comes is new. A reading that is the first or the last one
//! of its bucket was there, and so were all that come for a bucket when they are as many and have the fingerprint of those it
//! is of. What is left was there or was not: it is refused, so that nothing is ever counted twice, and is told so.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, TimeUs};
use spatial_index::{Spans, TimeBand};

use super::summarise::each_summary;
use super::summary::{Period, Summary, fingerprint};
use crate::commit::Gathering;
use crate::error::Error;
use crate::parts::{Layout, Part};
use crate::snapshot::Snapshot;

/// Before which instants rows are looked at more closely.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Readings before it have gone, all or some of them.
    pub(crate) gone: TimeUs,
    /// Of readings before it nothing would be kept.
    pub(crate) readings: TimeUs,
    /// Fixes before it are not kept.
    pub(crate) fixes: TimeUs,
}

impl Default for Limits {
    fn default() -> Self {
        let never = TimeUs(i64::MIN);
        Self { gone: never, readings: never, fixes: never }
    }
}

impl Limits {
    /// Why some rows of before an instant are refused.
    pub(crate) fn too_old(rows: usize, what: &str, before: TimeUs) -> String {
        format!("{rows} {what} are of before {before}, and nothing is kept of that time: keep {what} for longer")
    }
}

/// What is known of a late reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    There,
    Unclear,
}

/// A reading of a time whose raw rows may have gone.
#[derive(Debug, Clone, Copy)]
struct Late {
    /// Its number in the commit.
    row: u32,
    time_us: i64,
    value: f64,
}

/// Numbers of those of some late readings that were there, and of those that are refused; what is left is new.
pub(crate) fn settle(
    gathering: &mut Gathering<'_>,
    stored: &Snapshot,
    late: &[u32],
) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let mut days: BTreeMap<(DatastreamId, i64), Vec<Late>> = BTreeMap::new();
    for row in late {
        let (series, time_us) = gathering.observation_rows.instant(*row as usize);
        let value = f64::from_bits(gathering.observation_rows.says(*row as usize).0);
        let day = Period::Day.begin(time_us);
        days.entry((DatastreamId(series), day)).or_default().push(Late { row: *row, time_us, value });
    }
    let (mut there, mut refused) = (Vec::new(), Vec::new());
    let mut unclear: BTreeMap<(usize, DatastreamId), Unclear> = BTreeMap::new();
    for ((series, day), readings) in days {
        let known = Summaries::of(stored, series, day)?.known(&readings);
        for (reading, known) in readings.iter().zip(known) {
            match known {
                Known::New => {}
                Known::There => there.push(reading.row),
                Known::Unclear => {
                    refused.push(reading.row);
                    let of = unclear.entry((gathering.group_of(0, reading.row), series));
                    of.or_insert_with(|| Unclear::of(reading)).take(reading);
                }
            }
        }
    }
    for unclear in unclear.into_values() {
        gathering.refuse_reading(unclear.row, &unclear.reason());
    }
    Ok((there, refused))
}

/// Readings of a datastream of which nobody knows whether they were there.
struct Unclear {
    /// The first of them in the commit.
    row: u32,
    rows: usize,
    first: TimeUs,
    last: TimeUs,
}

impl Unclear {
    fn of(reading: &Late) -> Self {
        let time = TimeUs(reading.time_us);
        Self { row: reading.row, rows: 0, first: time, last: time }
    }

    fn take(&mut self, reading: &Late) {
        let time = TimeUs(reading.time_us);
        self.rows += 1;
        (self.first, self.last) = (self.first.min(time), self.last.max(time));
    }

    fn reason(&self) -> String {
        let Self { rows, first, last, .. } = self;
        format!(
            "{rows} readings from {first} to {last} are of times that are summarised, their raw rows are gone: whether they \
             were there cannot be told, and nothing is counted twice"
        )
    }
}

/// What is summarised of a datastream on a day, by the period that tells most.
struct Summaries {
    period: Period,
    buckets: HashMap<i64, Summary>,
}

impl Summaries {
    fn of(stored: &Snapshot, series: DatastreamId, day: i64) -> Result<Self, Error> {
        let to_us = day.saturating_add(Period::Day.length_us() - 1);
        let spans = Spans { band: TimeBand { from_us: day, to_us }, series: Some((series.0, series.0)) };
        let mut best: Option<(u64, Self)> = None;
        for period in Period::ALL {
            let mut buckets = HashMap::new();
            for part in stored.parts(period.table()) {
                each_summary(part, &spans, Part::column, |(begin, _), summary| {
                    buckets.insert(begin, summary);
                })?;
            }
            let readings: u64 = buckets.values().map(Summary::readings).sum();
            // Minutes tell more than hours, unless some of them have gone or were not kept yet.
            if best.as_ref().is_none_or(|(most, _)| readings > *most) {
                best = Some((readings, Self { period, buckets }));
            }
        }
        best.map(|(_, best)| best).ok_or_else(|| Error::defect("there is no period"))
    }

    fn known(&self, readings: &[Late]) -> Vec<Known> {
        let begin = |reading: &Late| self.period.begin(reading.time_us);
        let mut come: HashMap<i64, (u64, u64)> = HashMap::new();
        for reading in readings {
            let (count, sum) = come.entry(begin(reading)).or_default();
            *count += 1;
            *sum = sum.wrapping_add(fingerprint(reading.time_us, reading.value));
        }
        let is_all = |(begin, come): (&i64, &(u64, u64))| {
            let stored = self.buckets.get(begin)?;
            (*come == (stored.readings(), stored.fingerprint)).then_some(*begin)
        };
        let all: HashSet<i64> = come.iter().filter_map(is_all).collect();
        let known = |reading: &Late| match self.buckets.get(&begin(reading)) {
            None => Known::New,
            Some(stored) => {
                let is_there = stored.ends_with(reading.time_us, reading.value);
                if is_there || all.contains(&begin(reading)) { Known::There } else { Known::Unclear }
            }
        };
        readings.iter().map(known).collect()
    }
}

/// Refuses rows in bulk of which some are of a time that has gone.
pub(crate) fn check_bulk(table: Table, rows: &RecordBatch, limits: Limits) -> Result<(), Error> {
    let Some(layout) = Layout::of(table) else { return Ok(()) };
    let before = match table {
        Table::Positions => limits.fixes,
        _ => limits.gone.max(limits.readings),
    };
    let times = rows.column(layout.time).as_primitive::<TimestampMicrosecondType>();
    match arrow::compute::min(times).map(TimeUs).filter(|first| *first < before) {
        None => Ok(()),
        Some(first) => Err(Error::TooOld { table: table.name(), first, before }),
    }
}
