//! What of a predicate the index can answer. Predicates over stored columns come in; out come the ways for a row to be meant,
//! one of which every row of the answer goes, and the part of the predicates that is still to be tested row by row. A
//! comparison that the index answers exactly is not tested again.

use std::fmt;
use std::ops::Range;

use arrow::datatypes::Schema;
use datafusion::logical_expr::utils::{conjunction, split_binary, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use kernel_store::{Error as StoreError, Nearest, Part};
use spatial_index::{All, Extruded, FromAbove, LonLatBox, Ranking, Region, Spans, TimeBand, Windows};

use super::way::{Taken, Way};
use crate::candidates::implied;

/// More ways than this are asked for as one that holds them all.
const MOST_WAYS: usize = 32;

/// A question to the index.
#[derive(Debug)]
pub(super) struct Asked {
    /// A row may go any of them; one that goes two comes out once.
    ways: Vec<Way>,
    /// Where everything that matters lies, where less than everything does.
    near: Option<Windows<2>>,
    /// What is left to be tested.
    pub(super) rest: Option<Expr>,
}

impl Asked {
    /// Of the conjunction of some predicates over a table with places and times.
    pub(super) fn of(predicates: &[Expr], stored: &Schema) -> Self {
        let mut ways = vec![Way::ALL];
        let parts = predicates.iter().flat_map(|predicate| split_conjunction_owned(predicate.clone()));
        let rest = parts.filter(|part| narrow(&mut ways, part, stored) != Taken::Exactly).collect::<Vec<_>>();
        ways.retain(|way| !way.is_nothing());
        Self { ways, near: None, rest: conjunction(rest) }
    }

    /// Whether a part may have a row that is meant, by its times.
    pub(super) fn concerns(&self, part: &Part) -> bool {
        let meets = |way: &Way| part.time_band().is_none_or(|own| own.meets(way.spans.band));
        self.ways.iter().any(meets)
    }

    /// Rows of a part that are meant, ascending runs.
    pub(super) fn rows(&self, part: &Part) -> Result<Vec<Range<usize>>, StoreError> {
        self.runs(part, i64::MIN, None)
    }

    /// Those of them that are no older than an instant.
    pub(super) fn rows_since(&self, part: &Part, from_us: i64) -> Result<Vec<Range<usize>>, StoreError> {
        self.runs(part, from_us, None)
    }

    /// Those of them that lie in a region.
    pub(super) fn rows_within(&self, part: &Part, region: &dyn Region<2>) -> Result<Vec<Range<usize>>, StoreError> {
        self.runs(part, i64::MIN, Some(region))
    }

    fn runs(&self, part: &Part, from_us: i64, within: Option<&dyn Region<2>>) -> Result<Vec<Range<usize>>, StoreError> {
        let mut runs = Vec::new();
        for way in &self.ways {
            let band = TimeBand { from_us: way.spans.band.from_us.max(from_us), ..way.spans.band };
            if !part.time_band().is_none_or(|own| own.meets(band)) {
                continue;
            }
            let spans = Spans { band, ..way.spans };
            let window = way.window.map(LonLatBox::as_numbers);
            let mut regions: Vec<&dyn Region<2>> = within.into_iter().collect();
            regions.extend(self.near.as_ref().map(|near| near as &dyn Region<2>));
            regions.extend(window.as_ref().map(|window| window as &dyn Region<2>));
            regions.extend(way.areas.iter().map(|area| &**area as &dyn Region<2>));
            let found = match (regions.as_slice(), way.heights_m) {
                ([], None) => part.rows_in_spans(&spans),
                (regions, None) => part.rows_in(&All(regions), &spans),
                (regions, Some([bottom_m, top_m])) => {
                    part.rows_in(&Extruded { base: All(regions), bottom_m, top_m }, &spans)
                }
            }?;
            runs = if runs.is_empty() { found } else { united(runs, found) };
        }
        Ok(runs)
    }

    /// The first and the last instant that is asked for and that there is.
    pub(super) fn band_of(&self, parts: &[Part]) -> Option<TimeBand> {
        let bands = parts.iter().filter_map(Part::time_band);
        let all = bands.reduce(|a, b| TimeBand { from_us: a.from_us.min(b.from_us), to_us: a.to_us.max(b.to_us) })?;
        let TimeBand { from_us, to_us } = Way::hull(&self.ways).spans.band;
        Some(TimeBand { from_us: all.from_us.max(from_us), to_us: all.to_us.min(to_us) })
    }

    /// Leaves out what is older than an instant.
    pub(super) fn since(&mut self, from_us: i64) {
        for way in &mut self.ways {
            way.spans.band.from_us = way.spans.band.from_us.max(from_us);
        }
    }

    /// The nearest rows of the parts that are meant, nearest first: rank, number of the part, row of it.
    pub(super) fn nearest<K: Ranking<2> + Copy>(
        &self,
        parts: &[Part],
        ranking: K,
        most: usize,
    ) -> Result<Vec<(f64, usize, usize)>, StoreError> {
        let mut rows = Vec::new();
        for way in &self.ways {
            let window = way.window.map(LonLatBox::as_numbers);
            let mut regions: Vec<&dyn Region<2>> = window.iter().map(|window| window as &dyn Region<2>).collect();
            regions.extend(way.areas.iter().map(|area| &**area as &dyn Region<2>));
            let (all, mut nearest) = (All(&regions), Nearest::new(most));
            for (number, part) in parts.iter().enumerate() {
                if let Some([bottom_m, top_m]) = way.heights_m {
                    let storey = Extruded { base: all, bottom_m, top_m };
                    part.nearest(number, FromAbove(ranking), Some(&storey), &way.spans, &mut nearest)?;
                } else {
                    let region = (!regions.is_empty()).then_some(&all);
                    part.nearest(number, ranking, region, &way.spans, &mut nearest)?;
                }
            }
            rows.extend(nearest.into_rows());
        }
        if self.ways.len() > 1 {
            rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            rows.dedup_by_key(|(_, part, row)| (*part, *row));
            rows.truncate(most);
        }
        Ok(rows)
    }

    /// Leaves out what does not lie in a box, which may go over the antimeridian.
    pub(super) fn only_near(&mut self, around: LonLatBox) {
        self.near = Some(around.region());
    }
}

/// Narrows ways by a predicate.
fn narrow(ways: &mut Vec<Way>, part: &Expr, stored: &Schema) -> Taken {
    match part {
        // In a filter null and false are the same.
        Expr::IsTrue(inner) => narrow(ways, inner, stored),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            narrow(ways, left, stored).and(narrow(ways, right, stored))
        }
        Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => {
            either(ways, split_binary(part, Operator::Or).into_iter().cloned(), stored)
        }
        Expr::InList(list) if !list.negated => {
            either(ways, list.list.iter().map(|item| (*list.expr).clone().eq(item.clone())), stored)
        }
        part => {
            let taken = ways.iter_mut().map(|way| way.take(part, stored)).min().unwrap_or(Taken::Exactly);
            match implied(part, stored).filter(|_| taken != Taken::Exactly) {
                // What is implied narrows the search; the part itself is still to be tested.
                Some(implied) => taken.max(narrow(ways, &implied, stored).min(Taken::Narrows)),
                None => taken,
            }
        }
    }
}

/// Narrows ways by predicates of which one has to hold.
fn either(ways: &mut Vec<Way>, alternatives: impl Iterator<Item = Expr>, stored: &Schema) -> Taken {
    let (mut found, mut taken) = (Vec::new(), Taken::Exactly);
    for alternative in alternatives {
        let mut some = ways.clone();
        taken = taken.min(narrow(&mut some, &alternative, stored));
        if taken == Taken::No {
            return taken;
        }
        found.extend(some.into_iter().filter(|way| !way.is_nothing()));
    }
    if found.len() > MOST_WAYS {
        found = vec![Way::hull(&found)];
        taken = Taken::Narrows;
    }
    *ways = found;
    taken
}

/// Runs of either, ascending; those that touch become one.
fn united(mut runs: Vec<Range<usize>>, others: Vec<Range<usize>>) -> Vec<Range<usize>> {
    runs.extend(others);
    runs.sort_unstable_by_key(|run| run.start);
    let mut united: Vec<Range<usize>> = Vec::with_capacity(runs.len());
    for run in runs {
        match united.last_mut().filter(|last| run.start <= last.end) {
            Some(last) => last.end = last.end.max(run.end),
            None => united.push(run),
        }
    }
    united
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.ways.as_slice() {
            [] => "nothing".to_owned(),
            ways => ways.iter().map(Way::to_string).collect::<Vec<_>>().join(" or "),
        };
        match (words.is_empty(), self.near.is_some()) {
            (true, false) => f.write_str("all"),
            (true, true) => f.write_str("nearest"),
            (false, false) => f.write_str(&words),
            (false, true) => write!(f, "{words}, nearest"),
        }
    }
}
