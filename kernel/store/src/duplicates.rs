//! Rows that may be there already. A reading or fix that is not newer than its series' newest is looked up among what
//! is stored, in memory and in the segments whose times overlap; an equal one (same series, same time, same value) is
//! left out, so that importing a file again or a broker's second delivery changes nothing.

use std::collections::HashSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;

use crate::commit::Gathering;
use crate::error::Error;
use crate::parts;
use crate::snapshot::Snapshot;

/// Series, time in microseconds, bits of the value (or of longitude and latitude).
type Key = (u128, i64, u64, u64);

/// Keeps the doubtful rows that are new.
pub(crate) fn settle(gathering: &mut Gathering<'_>, stored: &Snapshot) -> Result<(), Error> {
    let readings = std::mem::take(&mut gathering.doubtful_readings);
    if !readings.is_empty() {
        let key = |r: &crate::commit::Doubtful<_, kernel_model::Observation>, id: u64| -> Key {
            (u128::from(id), r.row.phenomenon_time.0, r.row.value.to_bits(), 0)
        };
        let wanted: HashSet<Key> = readings.iter().map(|r| key(r, r.series.id.0)).collect();
        let fresh = gathering.observation_rows.keys();
        let mut there = existing(stored, Table::Observations, &wanted, fresh)?;
        for reading in &readings {
            match there.insert(key(reading, reading.series.id.0)) {
                true => gathering.keep_reading(reading),
                false => gathering.outcomes[reading.group].unchanged += 1,
            }
        }
    }
    let fixes = std::mem::take(&mut gathering.doubtful_fixes);
    if !fixes.is_empty() {
        let key = |f: &crate::commit::Doubtful<kernel_model::EntityId, kernel_model::PositionFix>| -> Key {
            let place = f.row.place;
            (f.series.0.as_u128(), f.row.time.0, place.lon_deg.to_bits(), place.lat_deg.to_bits())
        };
        let wanted: HashSet<Key> = fixes.iter().map(key).collect();
        let fresh = gathering.position_rows.keys();
        let mut there = existing(stored, Table::Positions, &wanted, fresh)?;
        for fix in &fixes {
            match there.insert(key(fix)) {
                true => gathering.keep_fix(fix),
                false => gathering.outcomes[fix.group].unchanged += 1,
            }
        }
    }
    Ok(())
}

/// Those of the wanted keys that are stored, or among the fresh rows of this commit.
fn existing(
    stored: &Snapshot,
    table: Table,
    wanted: &HashSet<Key>,
    fresh: impl Iterator<Item = Key>,
) -> Result<HashSet<Key>, Error> {
    let mut there: HashSet<Key> = fresh.filter(|key| wanted.contains(key)).collect();
    let (first, last) = wanted.iter().fold((i64::MAX, i64::MIN), |(a, b), key| (a.min(key.1), b.max(key.1)));
    let columns: &[usize] = if table == Table::Observations { &[0, 1, 3] } else { &[0, 1, 2, 3] };
    for batch in stored.batches(table) {
        let narrow = batch.project(columns).map_err(Error::arrow("look for duplicates"))?;
        collect(table, &narrow, wanted, &mut there);
    }
    for part in stored.segments(table) {
        if part.time_us.is_some_and(|(from, to)| from <= last && first <= to) {
            for narrow in parts::read(&part.path, table, Some(columns))? {
                collect(table, &narrow, wanted, &mut there);
            }
        }
    }
    Ok(there)
}

fn collect(table: Table, rows: &RecordBatch, wanted: &HashSet<Key>, there: &mut HashSet<Key>) {
    let time = rows.column(1).as_primitive::<TimestampMicrosecondType>();
    let bits = |column: usize, row: usize| rows.column(column).as_primitive::<Float64Type>().value(row).to_bits();
    for row in 0..rows.num_rows() {
        let key = if table == Table::Observations {
            let series = rows.column(0).as_primitive::<UInt64Type>().value(row);
            (u128::from(series), time.value(row), bits(2, row), 0)
        } else {
            let series = rows.column(0).as_fixed_size_binary().value(row);
            let series = series.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
            (series, time.value(row), bits(2, row), bits(3, row))
        };
        if wanted.contains(&key) {
            there.insert(key);
        }
    }
}
