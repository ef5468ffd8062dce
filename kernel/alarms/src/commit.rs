//! What a commit brings to the alarms: rows as the store keeps them come in, in any order; fixes and readings in the one order
//! in which they are looked at go out. Of more rows than can be looked at one by one (a load in bulk) only the newest of each
//! thing or series counts.

use std::collections::HashMap;
use std::hash::Hash;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Float64Type, TimestampMicrosecondType, UInt8Type, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{EntityId, Sequence, TimeUs};

/// Rows of a table in one commit that are looked at one by one.
pub(crate) const MANY: usize = 1 << 20;

/// A fix of a moving thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixRow {
    /// When.
    pub time: TimeUs,
    /// Of which thing.
    pub thing: EntityId,
    /// Where: longitude and latitude, degrees.
    pub at: [f64; 2],
    /// How high, metres above the ellipsoid.
    pub height_m: Option<f64>,
    /// How fast, metres a second.
    pub speed_m_s: Option<f64>,
}

/// A measured value; those that are missing or suspect are none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadingRow {
    /// When it was so.
    pub time: TimeUs,
    /// Of which series.
    pub datastream: u64,
    /// The value in the unit of the series.
    pub value: f64,
}

/// A series of readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its number.
    pub datastream: u64,
    /// Of which thing.
    pub thing: EntityId,
    /// Of which property.
    pub property: String,
    /// In which unit.
    pub unit: String,
}

/// What one commit brings.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Its number.
    pub sequence: Sequence,
    /// Revisions of things, in the schema of `entities`.
    pub described: Vec<RecordBatch>,
    /// New series.
    pub streams: Vec<Stream>,
    pub(crate) fixes: Gathered<EntityId, FixRow>,
    pub(crate) readings: Gathered<u64, ReadingRow>,
}

/// Rows, or of very many the newest of each key.
#[derive(Debug, Clone)]
pub(crate) struct Gathered<K, R> {
    rows: Vec<R>,
    newest: Option<HashMap<K, R>>,
}

impl<K, R> Default for Gathered<K, R> {
    fn default() -> Self {
        Self { rows: Vec::new(), newest: None }
    }
}

/// A row of one key that has a place in the order of all.
pub(crate) trait Ordered: Copy {
    /// What it is of.
    type Key: Copy + Eq + Hash;
    fn key(&self) -> Self::Key;
    /// When, of what, and then whatever makes two rows of one instant differ.
    fn order(&self) -> (i64, [u64; 2], [u64; 3]);
}

impl Ordered for FixRow {
    type Key = EntityId;
    fn key(&self) -> EntityId {
        self.thing
    }

    fn order(&self) -> (i64, [u64; 2], [u64; 3]) {
        let (high, low) = self.thing.0.as_u64_pair();
        let height = self.height_m.map_or(0, f64::to_bits);
        (self.time.0, [high, low], [self.at[0].to_bits(), self.at[1].to_bits(), height])
    }
}

impl Ordered for ReadingRow {
    type Key = u64;
    fn key(&self) -> u64 {
        self.datastream
    }

    fn order(&self) -> (i64, [u64; 2], [u64; 3]) {
        (self.time.0, [self.datastream, 0], [self.value.to_bits(), 0, 0])
    }
}

impl<R: Ordered> Gathered<R::Key, R> {
    /// For so many rows.
    pub(crate) fn of(rows: usize) -> Self {
        Self { rows: Vec::new(), newest: (rows > MANY).then(HashMap::new) }
    }

    pub(crate) fn push(&mut self, row: R) {
        match &mut self.newest {
            None => self.rows.push(row),
            Some(newest) => {
                newest
                    .entry(row.key())
                    .and_modify(|old| *old = if row.order() > old.order() { row } else { *old })
                    .or_insert(row);
            }
        }
    }

    fn len(&self) -> usize {
        self.rows.len() + self.newest.as_ref().map_or(0, HashMap::len)
    }

    /// In their one order.
    pub(crate) fn in_order(self) -> Vec<R> {
        let mut rows = self.rows;
        rows.extend(self.newest.into_iter().flat_map(HashMap::into_values));
        rows.sort_unstable_by_key(Ordered::order);
        rows
    }
}

impl Commit {
    /// The commit of rows as the store keeps them, one batch for a table.
    pub fn of(sequence: Sequence, batches: &[(Table, RecordBatch)]) -> Self {
        let rows = |wanted: Table| {
            batches.iter().filter(|(table, _)| *table == wanted).map(|(_, batch)| batch.num_rows()).sum()
        };
        let mut commit = Self::with_room(sequence, rows(Table::Positions), rows(Table::Observations));
        for (table, batch) in batches {
            match table {
                Table::Entities => commit.described.push(batch.clone()),
                Table::Datastreams => commit.streams.extend(streams(batch)),
                Table::Positions => read_fixes(&batch.columns()[..7], |_| true, |_, fix| commit.fixes.push(fix)),
                Table::Observations => {
                    read_readings(&batch.columns()[..5], |_| true, |_, reading| commit.readings.push(reading));
                }
                _ => {}
            }
        }
        commit
    }

    /// How many rows there are to look at.
    pub(crate) fn rows(&self) -> u64 {
        let described: usize = self.described.iter().map(RecordBatch::num_rows).sum();
        (described + self.fixes.len() + self.readings.len()) as u64
    }

    pub(crate) fn with_room(sequence: Sequence, fixes: usize, readings: usize) -> Self {
        Self { sequence, fixes: Gathered::of(fixes), readings: Gathered::of(readings), ..Self::default() }
    }
}

/// The series of some rows of `datastreams`.
pub(crate) fn streams(batch: &RecordBatch) -> impl Iterator<Item = Stream> + '_ {
    let (ids, things) = (batch.column(0).as_primitive::<UInt64Type>(), batch.column(3).as_fixed_size_binary());
    let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
    (0..batch.num_rows()).filter_map(move |row| {
        Some(Stream {
            datastream: ids.value(row),
            thing: EntityId::from_slice(things.value(row))?,
            property: text(4, row),
            unit: text(5, row),
        })
    })
}

/// Reads the first seven columns of `positions`, of the rows that are wanted; `take` gets the number of each.
pub(crate) fn read_fixes(columns: &[ArrayRef], wanted: impl Fn(usize) -> bool, mut take: impl FnMut(usize, FixRow)) {
    let (things, times) = (columns[0].as_fixed_size_binary(), columns[1].as_primitive::<TimestampMicrosecondType>());
    let (lon, lat) = (columns[2].as_primitive::<Float64Type>(), columns[3].as_primitive::<Float64Type>());
    let (height, speed) = (columns[4].as_primitive::<Float64Type>(), columns[6].as_primitive::<Float32Type>());
    for row in (0..things.len()).filter(|row| wanted(*row)) {
        let Some(thing) = EntityId::from_slice(things.value(row)) else { continue };
        let fix = FixRow {
            time: TimeUs(times.value(row)),
            thing,
            at: [lon.value(row), lat.value(row)],
            height_m: height.is_valid(row).then(|| height.value(row)),
            speed_m_s: speed.is_valid(row).then(|| f64::from(speed.value(row))),
        };
        take(row, fix);
    }
}

/// Reads the first five columns of `observations`, of the rows that are wanted.
pub(crate) fn read_readings(
    columns: &[ArrayRef],
    wanted: impl Fn(usize) -> bool,
    mut take: impl FnMut(usize, ReadingRow),
) {
    let (ids, times) = (columns[0].as_primitive::<UInt64Type>(), columns[1].as_primitive::<TimestampMicrosecondType>());
    let (values, quality) = (columns[3].as_primitive::<Float64Type>(), columns[4].as_primitive::<UInt8Type>());
    for row in (0..ids.len()).filter(|row| wanted(*row)) {
        if quality.value(row) == 0 && values.value(row).is_finite() {
            let (time, datastream) = (TimeUs(times.value(row)), ids.value(row));
            take(row, ReadingRow { time, datastream, value: values.value(row) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_rows_the_newest_of_each_series_count() {
        let rows = || {
            (0..10_u64).map(|n| ReadingRow { time: TimeUs((n * 7 % 10) as i64), datastream: n % 2, value: n as f64 })
        };
        let (mut few, mut many) = (Gathered::of(10), Gathered::of(MANY + 1));
        rows().for_each(|row| few.push(row));
        rows().for_each(|row| many.push(row));
        let few = few.in_order();
        assert!(few.len() == 10 && few.is_sorted_by_key(Ordered::order));
        let newest: Vec<_> = many.in_order().iter().map(|row| (row.datastream, row.time.0)).collect();
        assert_eq!(newest, [(0, 8), (1, 9)]);
    }
}
