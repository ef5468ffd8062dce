//! The latest reading of each datastream and the latest fix of each moving thing, as of one commit. The values by the last
//! sealed commit come in, by number, and the rows that came since, which lie in memory; of both the newest goes out. No file
//! is read and no history is gone through. Of what was known at an instant, history is asked.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::slice;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, TimeUs};

use crate::error::Error;
use crate::parts::{Layout, Part, series_of};
use crate::rows::{read_observations, read_positions};
use crate::snapshot::Snapshot;

/// The commit that the latest fixes by the last sealed commit name.
pub(crate) const NO_COMMIT: u64 = 0;

/// Rows that came after a commit, the newest of each series so far: when it was so, its commit, its number in the table.
type Newer<K, V> = HashMap<K, ((TimeUs, u64, u64), V)>;

/// The latest fix of a moving thing, and where its row stands.
#[derive(Debug, Clone, Copy)]
pub struct LastFix {
    fix: PositionFix,
    /// The last sealed commit, where it came after that; it stands among the sealed ones otherwise.
    after: Option<u64>,
}

impl LastFix {
    /// Whether it is a row of [`Snapshot::latest_fix_parts`] of its thing. `told` is the commit that the row names.
    pub fn is(&self, time: TimeUs, lon_lat_deg: [f64; 2], told: u64) -> bool {
        let stands = self.after.map_or(told == NO_COMMIT, |through| told > through);
        stands && self.fix.time == time && [self.fix.place.lon_deg, self.fix.place.lat_deg] == lon_lat_deg
    }
}

impl Snapshot {
    /// The latest reading of a datastream; of one instant the one that was told last.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn latest_reading(&self, datastream: DatastreamId) -> Result<Option<Observation>, Error> {
        if !self.sees_datastream(datastream) {
            return Ok(None);
        }
        if self.known_until.is_some() {
            return Ok(self.newest_readings(datastream, None, 1)?.pop());
        }
        let mut newer = Newer::new();
        self.each_newer(Table::Observations, Some(datastream.0), |rows| readings(rows, self.through(), &mut newer));
        let sealed = self.latest.values.reading_of(datastream);
        let newer = newer.remove(&datastream).map(|(_, reading)| reading);
        Ok(newest(sealed, newer, |reading| reading.phenomenon_time))
    }

    /// The latest fix of a moving thing; of one instant the one that was told last.
    ///
    /// # Errors
    /// As [`Snapshot::latest_reading`].
    pub fn latest_fix(&self, entity: &EntityId) -> Result<Option<PositionFix>, Error> {
        if self.known_until.is_some() {
            return self.newest_fix(entity, None);
        }
        let sealed = self.latest.values.fix_of(entity).copied();
        Ok(newest(sealed, self.newer_fix(entity), |fix| fix.time).and_then(|fix| self.shown(entity, fix)))
    }

    /// Parts with the latest fix of every moving thing among their rows, each at most once: an index over what is now, exact
    /// with [`Snapshot::last_fix`]. `None` where it is asked what was known at an instant, or not everything is seen.
    ///
    /// # Errors
    /// Where rows do not fit their table, which is a defect.
    pub fn latest_fix_parts(&self) -> Result<Option<Vec<Part>>, Error> {
        if self.known_until.is_some() || !self.is_whole() {
            return Ok(None);
        }
        let sealed = self.latest.fixes()?;
        let unsealed = self.parts(Table::Positions).iter().filter(|part| part.batch().is_some());
        Ok(Some(slice::from_ref(sealed).iter().chain(unsealed).cloned().collect()))
    }

    /// The latest fix of a moving thing, to compare rows of [`Snapshot::latest_fix_parts`] with.
    pub fn last_fix(&self, entity: &EntityId) -> Option<LastFix> {
        let sealed = self.latest.values.fix_of(entity).copied();
        let newer = self.newer_fix(entity).filter(|newer| sealed.is_none_or(|sealed| newer.time >= sealed.time));
        match newer {
            Some(fix) => Some(LastFix { fix, after: Some(self.through()) }),
            None => sealed.map(|fix| LastFix { fix, after: None }),
        }
    }

    /// The newest fix of a thing among those that came since the last sealed commit.
    fn newer_fix(&self, entity: &EntityId) -> Option<PositionFix> {
        let layout = Layout::of(Table::Positions)?;
        let series = series_of(entity.bytes());
        let mut newest: Option<((i64, u64), &RecordBatch, usize)> = None;
        for part in self.parts(Table::Positions) {
            let Some(rows) = part.batch() else { continue };
            let ids = rows.column(0).as_fixed_size_binary();
            let times = rows.column(1).as_primitive::<TimestampMicrosecondType>();
            let commits = rows.column(7).as_primitive::<UInt64Type>();
            for row in part.rows_of_series(layout, series) {
                let order = (times.value(row), commits.value(row));
                // Of one instant and commit the later row stands, as in `take`.
                let is_newest = newest.is_none_or(|(before, ..)| before <= order);
                if is_newest && order.1 > self.through() && ids.value(row) == entity.bytes() {
                    newest = Some((order, rows, row));
                }
            }
        }
        let (_, rows, row) = newest?;
        let mut found = None;
        read_positions(&rows.slice(row, 1), |_, fix| found = Some(fix));
        found
    }

    /// The latest reading of every datastream that has one.
    ///
    /// # Errors
    /// As [`Snapshot::latest_reading`].
    pub fn latest_readings(&self) -> Result<BTreeMap<DatastreamId, Observation>, Error> {
        if self.known_until.is_some() {
            let all = match &self.seen {
                None => (1..=self.datastream_count()).map(DatastreamId).collect(),
                Some(seen) => seen.datastreams(),
            };
            return all
                .into_iter()
                .filter_map(|id| self.latest_reading(id).map(|found| Some((id, found?))).transpose())
                .collect();
        }
        let mut newer = Newer::new();
        self.each_newer(Table::Observations, None, |rows| readings(rows, self.through(), &mut newer));
        let mut found = all(self.latest.values.readings(), newer, |reading| reading.phenomenon_time);
        found.retain(|id, _| self.sees_datastream(*id));
        Ok(found)
    }

    /// The latest fix of everything that has one.
    ///
    /// # Errors
    /// As [`Snapshot::latest_reading`].
    pub fn latest_fixes(&self) -> Result<BTreeMap<EntityId, PositionFix>, Error> {
        let mut newer = Newer::new();
        self.each_newer(Table::Positions, None, |rows| fixes(rows, self.through(), &mut newer));
        let found = all(self.latest.values.fixes().iter().copied(), newer, |fix| fix.time);
        if self.known_until.is_none() {
            let shown = |(id, fix)| Some((id, self.shown(&id, fix)?));
            return Ok(if self.is_whole() { found } else { found.into_iter().filter_map(shown).collect() });
        }
        let known = |id: EntityId| self.latest_fix(&id).map(|found| Some((id, found?))).transpose();
        found.into_keys().filter_map(known).collect()
    }

    /// How many datastreams and how many things had a latest value at the last sealed commit; 0 where not everything is seen.
    pub fn latest_count(&self) -> (usize, usize) {
        match self.is_whole() {
            true => (self.latest.values.readings().count(), self.latest.values.fixes().len()),
            false => (0, 0),
        }
    }

    fn through(&self) -> u64 {
        self.latest.through.0
    }

    /// Calls `take` with the rows in memory, or those of one series, of a table.
    fn each_newer(&self, table: Table, series: Option<u64>, mut take: impl FnMut(&RecordBatch)) {
        for part in self.parts(table) {
            let Some(rows) = part.batch() else { continue };
            let Some(series) = series else {
                take(rows);
                continue;
            };
            let Some(layout) = Layout::of(table) else { continue };
            part.rows_of_series(layout, series).for_each(|row| take(&rows.slice(row, 1)));
        }
    }
}

fn readings(rows: &RecordBatch, through: u64, newer: &mut Newer<DatastreamId, Observation>) {
    let (commits, numbers) = (rows.column(7).as_primitive::<UInt64Type>(), rows.column(9).as_primitive::<UInt64Type>());
    let mut row = 0;
    read_observations(rows, |datastream, reading| {
        let order = (reading.phenomenon_time, commits.value(row), numbers.value(row));
        row += 1;
        take(newer, datastream, order, reading, through);
    });
}

fn fixes(rows: &RecordBatch, through: u64, newer: &mut Newer<EntityId, PositionFix>) {
    let commits = rows.column(7).as_primitive::<UInt64Type>();
    let mut row = 0;
    read_positions(rows, |entity, fix| {
        // In the order of the rows, where commit and instant are the same.
        let order = (fix.time, commits.value(row), 0);
        row += 1;
        take(newer, entity, order, fix, through);
    });
}

fn take<K: Eq + Hash, V>(newer: &mut Newer<K, V>, key: K, order: (TimeUs, u64, u64), value: V, through: u64) {
    if order.1 > through && newer.get(&key).is_none_or(|(before, _)| *before <= order) {
        newer.insert(key, (order, value));
    }
}

/// What came after a commit stands before what was there, of one instant too.
fn newest<V>(sealed: Option<V>, newer: Option<V>, at: impl Fn(&V) -> TimeUs) -> Option<V> {
    match (sealed, newer) {
        (Some(sealed), Some(newer)) => Some(if at(&newer) >= at(&sealed) { newer } else { sealed }),
        (sealed, newer) => newer.or(sealed),
    }
}

fn all<K: Copy + Ord + Eq + Hash, V: Copy>(
    sealed: impl Iterator<Item = (K, V)>,
    newer: Newer<K, V>,
    at: impl Fn(&V) -> TimeUs,
) -> BTreeMap<K, V> {
    let mut all: BTreeMap<K, V> = sealed.collect();
    for (key, (_, value)) in newer {
        let found = newest(all.get(&key).copied(), Some(value), &at);
        all.extend(found.map(|value| (key, value)));
    }
    all
}
