//! Which features a page has: a question comes in, rows go out in the order of ids, those behind the last page only. Where
//! the question says where, the index of boxes picks candidates; else the ids are walked from where the page begins, and no
//! further than it takes to fill it. What is asked of the rows themselves is tested in runs of some thousand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, BooleanArray, RecordBatch};
use kernel_model::{EntityId, Geometry, Kind, Region};
use kernel_query::Condition;
use kernel_store::Snapshot;

use super::rows::Columns;
use super::touch;
use crate::error::ApiError;
use crate::sql::refused;

/// Revisions and which of them are meant.
pub(super) type Marked = (RecordBatch, BooleanArray);

/// Rows tested together, at first and at most.
const RUN: usize = 1_024;
const LONGEST_RUN: usize = 16_384;
/// More candidates than one row in so many are not sorted: walking over the ids is quicker then.
const SHARE: usize = 8;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: Kind,
    /// Any of these boxes is met; none where nothing is asked.
    pub(super) boxes: Vec<Region>,
    pub(super) condition: Option<Arc<Condition>>,
    pub(super) after: Option<EntityId>,
    pub(super) limit: usize,
    /// Longest time that looking may take.
    pub(super) deadline: Duration,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Id, number of the batch, row.
    pub(super) rows: Vec<(EntityId, usize, usize)>,
    /// There are others behind them.
    pub(super) more: bool,
}

/// A walk over one snapshot.
pub(super) struct Search<'a> {
    wanted: &'a Wanted,
    snapshot: &'a Snapshot,
    revisions: &'a [Marked],
    columns: Vec<Columns<'a>>,
    begun: Instant,
}

impl<'a> Search<'a> {
    /// `revisions` are those of the snapshot, marked for the time that is asked of.
    pub(super) fn new(wanted: &'a Wanted, snapshot: &'a Snapshot, revisions: &'a [Marked]) -> Result<Self, ApiError> {
        let columns = revisions.iter().map(|(batch, _)| Columns::of(batch)).collect::<Result<_, _>>()?;
        Ok(Self { wanted, snapshot, revisions, columns, begun: Instant::now() })
    }

    /// The first rows behind `after`.
    pub(super) fn page(&self) -> Result<Found, ApiError> {
        let mut found = Found::default();
        match self.candidates(self.wanted.after.as_ref()) {
            Some(rows) => self.gather(rows.into_iter(), &mut found)?,
            None => {
                let rows = self.snapshot.entities_by_id(self.wanted.after.as_ref());
                self.gather(rows.filter(|(batch, row)| self.is_meant(*batch, *row)), &mut found)?;
            }
        }
        Ok(found)
    }

    /// How many match with no regard to pages.
    pub(super) fn count(&self) -> Result<u64, ApiError> {
        let all = move |(number, (_, marks)): (usize, &'a Marked)| {
            marks
                .values()
                .set_indices()
                .map(move |row| (number, row))
                .filter(move |(batch, row)| self.is_kind(*batch, *row))
        };
        match self.candidates(None) {
            Some(rows) => self.count_of(rows.into_iter()),
            None => self.count_of(self.revisions.iter().enumerate().flat_map(all)),
        }
    }

    fn count_of(&self, mut rows: impl Iterator<Item = (usize, usize)>) -> Result<u64, ApiError> {
        let mut counted = 0;
        loop {
            let run: Vec<(usize, usize)> = rows.by_ref().take(LONGEST_RUN).collect();
            if run.is_empty() {
                return Ok(counted);
            }
            counted += self.matching(&run)?.into_iter().filter(|matches| *matches).count() as u64;
        }
    }

    fn is_kind(&self, batch: usize, row: usize) -> bool {
        self.columns[batch].kind.value(row) == self.wanted.kind.name()
    }

    fn is_meant(&self, batch: usize, row: usize) -> bool {
        let marks = &self.revisions[batch].1;
        row < marks.len() && marks.value(row) && self.is_kind(batch, row)
    }

    /// The window in which all that is wanted lies, and whether things without a place are wanted too.
    fn window(&self) -> Option<(Region, bool)> {
        let asked = self.wanted.condition.as_ref().and_then(|condition| condition.window());
        let boxes = self.wanted.boxes.iter().copied().reduce(|a, b| a.union(&b));
        match (asked, boxes) {
            // Nothing without a place fulfils a condition on places.
            (Some(window), _) => Some((window, false)),
            (None, boxes) => boxes.map(|window| (window, true)),
        }
    }

    /// Rows by the index of boxes, in the order of ids, where they are few.
    fn candidates(&self, after: Option<&EntityId>) -> Option<Vec<(usize, usize)>> {
        let (window, placeless) = self.window()?;
        let total: usize = self.revisions.iter().map(|(batch, _)| batch.num_rows()).sum();
        let mut rows = Vec::new();
        for (number, boxes) in self.snapshot.entity_boxes().iter().enumerate() {
            let picked = boxes.in_window(&window).into_iter().map(|row| (number, row as usize));
            rows.extend(picked.filter(|(batch, row)| self.is_meant(*batch, *row)));
            if placeless {
                rows.extend(self.placeless(number).filter(|(batch, row)| self.is_meant(*batch, *row)));
            }
            if rows.len() * SHARE > total.max(RUN * SHARE) {
                return None;
            }
        }
        let id = |(batch, row): &(usize, usize)| self.columns[*batch].id.value(*row);
        if let Some(after) = after {
            rows.retain(|row| id(row) > after.bytes().as_slice());
        }
        rows.sort_unstable_by(|a, b| id(a).cmp(id(b)));
        Some(rows)
    }

    /// Rows without a box.
    fn placeless(&self, number: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let nulls = self.columns[number].west().nulls().filter(|nulls| nulls.null_count() > 0);
        nulls.into_iter().flat_map(move |nulls| {
            (0..nulls.len()).filter(move |row| nulls.is_null(*row)).map(move |row| (number, row))
        })
    }

    /// Fills a page from rows in order.
    fn gather(&self, mut rows: impl Iterator<Item = (usize, usize)>, found: &mut Found) -> Result<(), ApiError> {
        let mut length = if self.wanted.condition.is_some() { RUN } else { self.wanted.limit + 1 };
        loop {
            let run: Vec<(usize, usize)> = rows.by_ref().take(length.clamp(1, LONGEST_RUN)).collect();
            if run.is_empty() {
                return Ok(());
            }
            let matches = self.matching(&run)?;
            for ((batch, row), _) in run.into_iter().zip(matches).filter(|(_, matches)| *matches) {
                if found.rows.len() == self.wanted.limit {
                    found.more = true;
                    return Ok(());
                }
                if let Some(id) = self.columns[batch].id(row) {
                    found.rows.push((id, batch, row));
                }
            }
            length *= 2;
        }
    }

    /// Which of a run of rows match.
    fn matching(&self, run: &[(usize, usize)]) -> Result<Vec<bool>, ApiError> {
        if self.begun.elapsed() > self.wanted.deadline {
            let seconds = self.wanted.deadline.as_secs();
            return Err(ApiError::unavailable(format!("not found within {seconds} s: narrow the question")));
        }
        let mut matches: Vec<bool> = run.iter().map(|(batch, row)| self.takes_place(*batch, *row)).collect();
        let Some(condition) = &self.wanted.condition else { return Ok(matches) };
        for number in 0..self.revisions.len() {
            let of: Vec<usize> = (0..run.len()).filter(|at| matches[*at] && run[*at].0 == number).collect();
            if of.is_empty() {
                continue;
            }
            let rows: Vec<u32> = of.iter().map(|at| run[*at].1 as u32).collect();
            let holds = condition.test(&self.revisions[number].0, &rows).map_err(refused)?;
            of.into_iter().zip(holds).for_each(|(at, holds)| matches[at] = holds);
        }
        Ok(matches)
    }

    /// Things without a geometry match any box (Part 1, /req/core/fc-bbox-response, C).
    fn takes_place(&self, batch: usize, row: usize) -> bool {
        let columns = &self.columns[batch];
        let Some(region) = columns.region(row).filter(|_| !self.wanted.boxes.is_empty()) else {
            return true;
        };
        self.wanted.boxes.iter().any(|wanted| {
            let within = wanted.contains(region.west, region.south) && wanted.contains(region.east, region.north);
            let exact = || geometry(columns, row).is_some_and(|geometry| touch::meets(&geometry, wanted));
            within || (wanted.intersects(&region) && exact())
        })
    }
}

/// The stored geometry; `None` where there is none, or (which the store does not let happen) none that can be read.
pub(super) fn geometry(columns: &Columns<'_>, row: usize) -> Option<Geometry> {
    columns.geometry.is_valid(row).then(|| Geometry::from_wkb(columns.geometry.value(row)).ok()).flatten()
}
