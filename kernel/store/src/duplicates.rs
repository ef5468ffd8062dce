//! Rows that may be there already. A reading or fix that is not newer than its series' newest is looked for in every part
//! whose times hold its own and whose filter may hold it, through the part's index; an equal one (same series, same time, same
//! value, same place where the reading says its own) is left out, so that importing a file again or a broker's second
//! delivery changes nothing.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use spatial_index::{LonLatBox, Spans, TimeBand};

use crate::commit::Gathering;
use crate::error::Error;
use crate::hash::{IdMap, IdSet};
use crate::parts::{CHUNK_ROWS, Layout, Mark, Part, series_of};
use crate::retention;
use crate::series_rows::{Doubtful, ObservationRows, PositionRows};
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

/// Rows of a commit.
trait Arriving {
    const TABLE: Table;

    fn len(&self) -> usize;

    /// What makes a row that row; one that says no place itself is given that of its thing.
    fn identity(&self, row: usize) -> Identity;

    fn mark(&self, row: usize) -> Mark;

    /// Those that may be there already, in their order.
    fn doubtful(&self) -> &[Doubtful];
}

impl Arriving for ObservationRows {
    const TABLE: Table = Table::Observations;

    fn len(&self) -> usize {
        self.len()
    }

    fn identity(&self, row: usize) -> Identity {
        let ((series, time_us), (value, place)) = (self.instant(row), self.says(row));
        Identity { series: u128::from(series), time_us, value, place }
    }

    fn mark(&self, row: usize) -> Mark {
        let (series, time_us) = self.instant(row);
        Mark::of(series, time_us)
    }

    fn doubtful(&self) -> &[Doubtful] {
        &self.doubtful
    }
}

impl Arriving for PositionRows {
    const TABLE: Table = Table::Positions;

    fn len(&self) -> usize {
        self.len()
    }

    fn identity(&self, row: usize) -> Identity {
        let (series, time_us) = self.instant(row);
        Identity { series, time_us, value: 0, place: Some(self.place(row)) }
    }

    fn mark(&self, row: usize) -> Mark {
        let (series, time_us) = self.instant(row);
        Mark::of(series as u64, time_us)
    }

    fn doubtful(&self) -> &[Doubtful] {
        &self.doubtful
    }
}

/// Leaves out the doubtful rows that are there already.
pub(crate) fn settle(gathering: &mut Gathering<'_>, stored: &Snapshot) -> Result<(), Error> {
    let found = known(&gathering.observation_rows, stored)?;
    let mut refused = found.refuse(|row, why| gathering.refuse_reading(row, why));
    let late = gathering.late_readings(&[found.there.as_slice(), &refused].concat());
    let (late_there, unclear) = retention::settle_late(gathering, stored, &late)?;
    refused.extend(unclear);
    gathering.leave_out_readings(&[found.there, late_there].concat(), &refused);
    let found = known(&gathering.position_rows, stored)?;
    let refused = found.refuse(|row, why| gathering.refuse_fix(row, why));
    gathering.leave_out_fixes(&found.there, &refused);
    Ok(())
}

/// What was found out of doubtful rows, by their numbers.
#[derive(Default)]
struct Found {
    /// Those that are stored, or came earlier in this very commit.
    there: Vec<u32>,
    /// Those of which damage hides it, and why. It must not keep everything else from being committed.
    hidden: Vec<(u32, String)>,
}

impl Found {
    /// Refuses what is hidden.
    fn refuse(&self, mut refuse: impl FnMut(u32, &str)) -> Vec<u32> {
        self.hidden.iter().for_each(|(row, why)| refuse(*row, why));
        self.hidden.iter().map(|(row, _)| *row).collect()
    }
}

fn known<R: Arriving>(rows: &R, stored: &Snapshot) -> Result<Found, Error> {
    let mut found = Found::default();
    if rows.doubtful().is_empty() {
        return Ok(found);
    }
    let mut there = looked_up(rows, stored, &mut found.hidden)?;
    let twice = twice(rows);
    if twice.is_empty() && there.is_empty() {
        return Ok(found);
    }
    let mut doubtful = rows.doubtful().iter().peekable();
    for row in 0..rows.len() {
        let doubt = doubtful.next_if(|doubtful| doubtful.row as usize == row);
        let is_hidden = found.hidden.binary_search_by_key(&(row as u32), |(row, _)| *row).is_ok();
        if is_hidden || !twice.contains(&rows.mark(row)) && (doubt.is_none() || there.is_empty()) {
            continue;
        }
        let identity = rows.identity(row);
        match doubt {
            None => there.extend([identity, identity.anywhere()]),
            Some(doubt) if there.insert(said(identity, *doubt)) => {}
            Some(_) => found.there.push(row as u32),
        }
    }
    Ok(found)
}

/// Those of the doubtful rows that are stored; where a file is damaged they are looked up one by one.
fn looked_up<R: Arriving>(
    rows: &R,
    stored: &Snapshot,
    hidden: &mut Vec<(u32, String)>,
) -> Result<IdSet<Identity>, Error> {
    match existing(rows, rows.doubtful(), stored) {
        Err(Error::Damaged { .. }) => {}
        other => return other,
    }
    let mut there = IdSet::default();
    for doubt in rows.doubtful() {
        match existing(rows, std::slice::from_ref(doubt), stored) {
            Ok(found) => there.extend(found),
            Err(error @ Error::Damaged { .. }) => {
                hidden.push((doubt.row, format!("nobody can tell whether it is there already: {error}")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

/// What a doubtful row is compared by: by its place where it says one itself.
fn said(identity: Identity, doubtful: Doubtful) -> Identity {
    if doubtful.is_placed { identity } else { identity.anywhere() }
}

/// Series and instants that more than one row of the commit has.
fn twice<R: Arriving>(rows: &R) -> IdSet<Mark> {
    let mut once = IdSet::default();
    once.reserve(rows.len());
    (0..rows.len()).map(|row| rows.mark(row)).filter(|mark| !once.insert(*mark)).collect()
}

/// Those of some doubtful rows that are stored.
fn existing<R: Arriving>(rows: &R, doubtful: &[Doubtful], stored: &Snapshot) -> Result<IdSet<Identity>, Error> {
    let mut there = IdSet::default();
    let Some(layout) = Layout::of(R::TABLE) else { return Ok(there) };
    let times: Vec<i64> = doubtful.iter().map(|doubtful| rows.identity(doubtful.row as usize).time_us).collect();
    let marks: Vec<Mark> = doubtful.iter().map(|doubtful| rows.mark(doubtful.row as usize)).collect();
    for part in stored.parts(R::TABLE) {
        let Some(band) = part.time_band() else { continue };
        let meant =
            times.iter().zip(&marks).zip(0..).filter(|((time, _), _)| (band.from_us..=band.to_us).contains(time));
        let mut meant: Vec<(Mark, u32)> = meant.map(|((_, mark), number)| (*mark, number)).collect();
        if !meant.is_empty() {
            part.may_hold(layout, &mut meant)?;
        }
        if meant.is_empty() {
            continue;
        }
        let identity = |(_, number): (Mark, u32)| {
            let doubtful = doubtful[number as usize];
            said(rows.identity(doubtful.row as usize), doubtful)
        };
        let wanted: IdSet<Identity> = meant.into_iter().map(identity).collect();
        let mut lookup = Lookup { table: R::TABLE, layout, wanted: &wanted, there: &mut there };
        let (placed, unplaced): (Vec<_>, Vec<_>) = wanted.iter().partition(|row| row.place.is_some());
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
    wanted: &'a IdSet<Identity>,
    there: &'a mut IdSet<Identity>,
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
        let mut bands: IdMap<u64, TimeBand> = IdMap::default();
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
