//! Rows that may be there already. A reading or fix that is not newer than its series' newest is looked up through the index
//! of every part whose times hold its own; an equal one (same series, same time, same value, same place where the reading
//! says its own) is left out, so that importing a file again or a broker's second delivery changes nothing.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{Observation, Place, PositionFix};
use spatial_index::{LonLatBox, Spans, TimeBand};

use crate::commit::{Doubtful, Gathering};
use crate::error::Error;
use crate::parts::{CHUNK_ROWS, Layout, Part, series_of};
use crate::retention;
use crate::snapshot::Snapshot;

/// What makes a row that row: series, time in microseconds, bits of the value (a fix has none), bits of longitude and latitude
/// where the row says its place itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    series: u128,
    time_us: i64,
    value: u64,
    place: Option<[u64; 2]>,
}

impl Identity {
    fn of_reading(series: u64, row: &Observation, place: Option<&Place>) -> Self {
        let place = place.map(|place| [place.lon_deg.to_bits(), place.lat_deg.to_bits()]);
        Self { series: u128::from(series), time_us: row.phenomenon_time.0, value: row.value.to_bits(), place }
    }

    fn of_fix(series: u128, row: &PositionFix) -> Self {
        let place = [row.place.lon_deg.to_bits(), row.place.lat_deg.to_bits()];
        Self { series, time_us: row.time.0, value: 0, place: Some(place) }
    }

    fn anywhere(self) -> Self {
        Self { place: None, ..self }
    }

    /// The series as the index knows it.
    fn number(&self, table: Table) -> u64 {
        match table {
            Table::Positions => series_of(&self.series.to_be_bytes()),
            _ => self.series as u64,
        }
    }
}

/// Keeps the doubtful rows that are new.
pub(crate) fn settle(gathering: &mut Gathering<'_>, stored: &Snapshot) -> Result<(), Error> {
    let readings = std::mem::take(&mut gathering.doubtful_readings);
    if !readings.is_empty() {
        let identity = |r: &Doubtful<std::sync::Arc<crate::DatastreamInfo>, Observation>| {
            Identity::of_reading(r.series.id.0, &r.row, r.place.as_ref())
        };
        let wanted: HashSet<Identity> = readings.iter().map(identity).collect();
        let mut there = existing(stored, Table::Observations, &wanted)?;
        for (series, time_us, value, place) in gathering.observation_rows.identities() {
            let fresh = Identity { series: u128::from(series), time_us, value, place };
            there.insert(fresh);
            there.insert(fresh.anywhere());
        }
        let mut late = Vec::new();
        for reading in readings {
            match there.insert(identity(&reading)) {
                true if reading.row.phenomenon_time.0 < gathering.limits.gone_us => late.push(reading),
                true => gathering.keep_reading(&reading),
                false => gathering.outcomes[reading.group].unchanged += 1,
            }
        }
        retention::settle_late(gathering, stored, late)?;
    }
    let fixes = std::mem::take(&mut gathering.doubtful_fixes);
    if !fixes.is_empty() {
        let identity =
            |f: &Doubtful<kernel_model::EntityId, PositionFix>| Identity::of_fix(f.series.0.as_u128(), &f.row);
        let wanted: HashSet<Identity> = fixes.iter().map(identity).collect();
        let mut there = existing(stored, Table::Positions, &wanted)?;
        let fresh = gathering.position_rows.fixes();
        there.extend(fresh.map(|(entity, fix)| Identity::of_fix(entity.0.as_u128(), fix)));
        for fix in &fixes {
            match there.insert(identity(fix)) {
                true => gathering.keep_fix(fix),
                false => gathering.outcomes[fix.group].unchanged += 1,
            }
        }
    }
    Ok(())
}

/// Those of the wanted rows that are stored.
fn existing(stored: &Snapshot, table: Table, wanted: &HashSet<Identity>) -> Result<HashSet<Identity>, Error> {
    let mut there = HashSet::new();
    let Some(layout) = Layout::of(table) else { return Ok(there) };
    let mut lookup = Lookup { table, layout, wanted, there: &mut there };
    for part in stored.parts(table) {
        let Some(band) = part.time_band() else { continue };
        let meant = wanted.iter().filter(|row| band.from_us <= row.time_us && row.time_us <= band.to_us);
        let (placed, unplaced): (Vec<_>, Vec<_>) = meant.partition(|row| row.place.is_some());
        for row in placed {
            lookup.at_its_place(part, row)?;
        }
        lookup.by_series(part, &unplaced)?;
    }
    Ok(there)
}

struct Lookup<'a> {
    table: Table,
    layout: Layout,
    wanted: &'a HashSet<Identity>,
    there: &'a mut HashSet<Identity>,
}

impl Lookup<'_> {
    /// A row that says its place is looked for there and then.
    fn at_its_place(&mut self, part: &Part, row: &Identity) -> Result<(), Error> {
        let Some([lon, lat]) = row.place.map(|place| place.map(f64::from_bits)) else { return Ok(()) };
        let place = LonLatBox { min: [lon, lat], max: [lon, lat] }.as_numbers();
        let number = row.number(self.table);
        let spans =
            Spans { band: TimeBand { from_us: row.time_us, to_us: row.time_us }, series: Some((number, number)) };
        for rows in part.rows_in(&place, &spans)? {
            self.look(part, rows)?;
        }
        Ok(())
    }

    /// Rows that say no place are looked for by series, all of a series at once.
    fn by_series(&mut self, part: &Part, rows: &[&Identity]) -> Result<(), Error> {
        let mut bands: HashMap<u64, TimeBand> = HashMap::new();
        for row in rows {
            let band =
                bands.entry(row.number(self.table)).or_insert(TimeBand { from_us: row.time_us, to_us: row.time_us });
            *band = TimeBand { from_us: band.from_us.min(row.time_us), to_us: band.to_us.max(row.time_us) };
        }
        for (number, band) in bands {
            for rows in part.rows_in_spans(&Spans { band, series: Some((number, number)) })? {
                self.look(part, rows)?;
            }
        }
        Ok(())
    }

    /// Notes those of some rows that are wanted.
    fn look(&mut self, part: &Part, rows: std::ops::Range<usize>) -> Result<(), Error> {
        for row in rows {
            let chunk = row / CHUNK_ROWS;
            let found = identity(&|column| part.column(chunk, column), self.layout, row % CHUNK_ROWS)?;
            for known in [found, found.anywhere()] {
                if self.wanted.contains(&known) {
                    self.there.insert(known);
                }
            }
        }
        Ok(())
    }
}

/// What makes a stored row that row.
fn identity(column: &impl Fn(usize) -> Result<ArrayRef, Error>, layout: Layout, row: usize) -> Result<Identity, Error> {
    let series = column(layout.series)?;
    let series = match series.as_primitive_opt::<UInt64Type>() {
        Some(numbers) => u128::from(numbers.value(row)),
        None => series.as_fixed_size_binary().value(row).iter().fold(0, |value, byte| value << 8 | u128::from(*byte)),
    };
    let bits = |column: &ArrayRef| {
        let values = column.as_primitive::<Float64Type>();
        values.is_valid(row).then(|| values.value(row).to_bits())
    };
    let value = layout.value.map(column).transpose()?.as_ref().and_then(bits).unwrap_or(0);
    let place = bits(&column(layout.lon)?).zip(bits(&column(layout.lat)?)).map(|(lon, lat)| [lon, lat]);
    let time_us = column(layout.time)?.as_primitive::<TimestampMicrosecondType>().value(row);
    Ok(Identity { series, time_us, value, place })
}
