//! A cover as a set: sorted code ranges come in, unions, intersections, differences, counts and the fewest cells go out. A cover speaks of
//! each code in three ways (wholly in the area, perhaps in it, not in it), and every operation keeps what is certain: the result holds
//! the result of the areas, and its inner ranges lie wholly inside it. Nothing here is sampled or rounded.

use super::codes::{Code, next_real, run_out};
use crate::Position;
use crate::error::{Error, check_level};
use crate::geosot::{Cell, FINEST_LEVEL, SCHEME};
use crate::grid::GridCell;

/// Codes from `first` to `last`, both inside (level-32 GeoSOT Morton codes: `u64` in 2D, 96 bits of a `u128` in 3D).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeRange<C = u64> {
    /// First code.
    pub first: C,
    /// Last code.
    pub last: C,
    /// Does every position with such a code lie in the covered area? If not, test the positions themselves.
    pub inner: bool,
}

impl<C: Copy + Ord> CodeRange<C> {
    /// Is the code in the range?
    pub fn contains(&self, code: C) -> bool {
        self.first <= code && code <= self.last
    }
}

/// What a cover says of a code or a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// Not in the area.
    Outside,
    /// Perhaps in the area: test the position itself.
    Perhaps,
    /// In the area, whatever the position in the cell.
    Inside,
}

/// A cover: the fewest sorted ranges of real codes, none touching the next unless one is inner and the other not. A range runs over the
/// virtual codes after its last real one, because no position has them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cover<C = u64>(Vec<CodeRange<C>>);

impl<C: Code> Default for Cover<C> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<C: Code> Cover<C> {
    /// The cover of cells with their inner flags, in any order; where cells overlap, inner wins. 2D cells are left out of a 3D cover; the
    /// plane part of 3D cells counts in a 2D one.
    pub fn from_cells<'a>(cells: impl IntoIterator<Item = (&'a Cell, bool)>) -> Self {
        Self::from_ranges(cells.into_iter().filter_map(|(cell, inner)| {
            let first = C::first_of(cell)?;
            Some(CodeRange { first, last: first.block_last(cell.level()), inner })
        }))
    }

    /// The cover of ranges in any order; where they overlap, inner wins, and a range that ends before it begins is left out.
    pub fn from_ranges(ranges: impl IntoIterator<Item = CodeRange<C>>) -> Self {
        let mut all: Vec<_> = ranges.into_iter().filter_map(real_range).collect();
        if !all.is_sorted_by(|a, b| a.last < b.first) {
            all.sort_unstable_by_key(|range| range.first);
            let inner = merged(all.iter().copied().filter(|range| range.inner));
            let outer = merged(all.iter().map(|range| CodeRange { inner: false, ..*range }));
            return Self(combine(&outer, &inner, Certainty::max));
        }
        let mut ranges = Vec::with_capacity(all.len());
        for range in all {
            push(&mut ranges, range);
        }
        Self(ranges)
    }

    /// The ranges, sorted and disjoint.
    pub fn ranges(&self) -> &[CodeRange<C>] {
        &self.0
    }

    /// Does the cover hold no code at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the cover says of a code.
    pub fn of_code(&self, code: C) -> Certainty {
        let after = self.0.partition_point(|range| range.last < code);
        self.0.get(after).filter(|range| range.first <= code).map_or(Certainty::Outside, certainty)
    }

    /// What the cover says of a position; nothing when the cover is 3D and the position has no height.
    pub fn of_position(&self, position: &Position) -> Option<Certainty> {
        C::of(position).map(|code| self.of_code(code))
    }

    /// What the cover says of a whole cell: inside when all its real codes are in inner ranges, outside when none is in any range.
    /// Nothing when the cover is 3D and the cell is not.
    pub fn of_cell(&self, cell: &Cell) -> Option<Certainty> {
        let first = C::first_of(cell)?;
        let one = Self::from_ranges([CodeRange { first, last: first.block_last(cell.level()), inner: true }]);
        if self.intersection(&one).is_empty() {
            return Some(Certainty::Outside);
        }
        let left_out =
            combine(&one.0, &self.0, |cell, cover| if cover == Certainty::Inside { Certainty::Outside } else { cell });
        Some(if left_out.is_empty() { Certainty::Inside } else { Certainty::Perhaps })
    }

    /// Does every code of the other cover lie in this one, and every inner code in an inner range?
    pub fn contains(&self, other: &Self) -> bool {
        let missing = combine(&other.0, &self.0, |other, this| if this >= other { Certainty::Outside } else { other });
        missing.is_empty()
    }

    /// The cover of what is in one area or in the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Certainty::max))
    }

    /// The cover of what is in both areas.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Certainty::min))
    }

    /// The cover of what is in this area and not in the other. Codes that are perhaps in the other stay, as perhaps.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, |this, other| match other {
            Certainty::Outside => this,
            Certainty::Perhaps => this.min(Certainty::Perhaps),
            Certainty::Inside => Certainty::Outside,
        }))
    }

    /// The inner ranges alone.
    #[must_use]
    pub fn inner(&self) -> Self {
        Self(self.0.iter().copied().filter(|range| range.inner).collect())
    }

    /// The fewest cells that make up the ranges, in the order of their codes, each with its inner flag (compact).
    pub fn cells(&self) -> Vec<(Cell, bool)> {
        let mut cells = Vec::new();
        for range in &self.0 {
            each_block(range, |code, level| cells.extend(code.cell(level).map(|cell| (cell, range.inner))));
        }
        cells
    }

    /// How many cells [`Cover::cells`] gives.
    pub fn cell_count(&self) -> usize {
        let mut count = 0;
        for range in &self.0 {
            each_block(range, |code, level| count += usize::from(code.cell(level).is_some()));
        }
        count
    }

    /// How many real cells of a level meet the cover, inner and not: a size that does not depend on how the cover is cut.
    ///
    /// # Errors
    /// [`Error::Level`] beyond level 32.
    pub fn count_at(&self, level: u8) -> Result<u128, Error> {
        check_level(SCHEME, level, 0, FINEST_LEVEL)?;
        let mut count = 0;
        for range in &Self::widened(&self.0, level).0 {
            each_block(range, |code, block| count += code.count(block.min(level), level));
        }
        Ok(count)
    }

    /// The real cells of one level that meet the cover, in the order of their codes (uncompact). A cell is inner only when the cover's
    /// inner ranges hold all of it.
    ///
    /// # Errors
    /// [`Error::Level`] beyond level 32; [`Error::Cover`] for more than `max_cells` cells.
    pub fn cells_at(&self, level: u8, max_cells: usize) -> Result<Vec<(Cell, bool)>, Error> {
        if self.count_at(level)? > max_cells as u128 {
            return Err(Error::Cover {
                why: "the cover has more cells at this level than the limit: take a coarser level or a greater limit",
            });
        }
        let mut cells = Vec::new();
        for range in &Self::widened(&self.0, level).0 {
            let mut code = Some(range.first);
            while let Some(at) = code.filter(|code| *code <= range.last) {
                cells.extend(at.cell(level).map(|cell| (cell, range.inner)));
                code = at.block_last(level).next().and_then(next_real);
            }
        }
        Ok(cells)
    }

    /// The cover with every range cut to whole cells of a level: outer ranges grow to them, inner ones shrink.
    fn widened(ranges: &[CodeRange<C>], level: u8) -> Self {
        let grown = ranges.iter().map(|r| CodeRange {
            first: r.first.block_first(level),
            last: r.last.block_last(level),
            inner: false,
        });
        let shrunk = ranges.iter().filter(|range| range.inner).filter_map(|r| {
            let first = match r.first.block_first(level) {
                first if first == r.first => Some(first),
                _ => r.first.block_last(level).next(),
            }?;
            let last = match r.last.block_last(level) {
                last if last == r.last => Some(last),
                // A block whose remaining codes are virtual is whole all the same.
                last if run_out(r.last) >= last => Some(last),
                _ => r.last.block_first(level).previous(),
            }?;
            (first <= last).then_some(CodeRange { first, last, inner: true })
        });
        Self::from_ranges(grown.chain(shrunk))
    }
}

fn certainty<C>(range: &CodeRange<C>) -> Certainty {
    if range.inner { Certainty::Inside } else { Certainty::Perhaps }
}

/// The range from its first real code to the last virtual one that follows; nothing when it holds no real code.
fn real_range<C: Code>(range: CodeRange<C>) -> Option<CodeRange<C>> {
    let first = next_real(range.first)?;
    (first <= range.last).then(|| CodeRange { first, last: run_out(range.last), inner: range.inner })
}

/// Appends a range, joined to the last one where they touch and are of one kind.
fn push<C: Code>(ranges: &mut Vec<CodeRange<C>>, range: CodeRange<C>) {
    match ranges.last_mut() {
        Some(before) if before.inner == range.inner && before.last.next() == Some(range.first) => {
            before.last = range.last;
        }
        _ => ranges.push(range),
    }
}

/// Sorted ranges of one kind, joined where they touch or overlap.
fn merged<C: Code>(ranges: impl Iterator<Item = CodeRange<C>>) -> Vec<CodeRange<C>> {
    let mut out: Vec<CodeRange<C>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(before) if range.first <= before.last || before.last.next() == Some(range.first) => {
                before.last = before.last.max(range.last);
            }
            _ => out.push(range),
        }
    }
    out
}

/// Goes along two covers at once and asks the rule about each stretch in which neither changes.
fn combine<C: Code>(
    a: &[CodeRange<C>],
    b: &[CodeRange<C>],
    rule: impl Fn(Certainty, Certainty) -> Certainty,
) -> Vec<CodeRange<C>> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut at = C::FIRST;
    loop {
        while a.next_if(|range| range.last < at).is_some() {}
        while b.next_if(|range| range.last < at).is_some() {}
        let (a, b) = (a.peek(), b.peek());
        if a.is_none() && b.is_none() {
            return out;
        }
        let ((of_a, end_a), (of_b, end_b)) = (stretch(a, at), stretch(b, at));
        let last = end_a.min(end_b);
        match rule(of_a, of_b) {
            Certainty::Outside => {}
            certain => push(&mut out, CodeRange { first: at, last, inner: certain == Certainty::Inside }),
        }
        let Some(next) = last.next() else { return out };
        at = next;
    }
}

/// What the next range says of the codes from `at` on, and to which code it says so.
fn stretch<C: Code>(range: Option<&&CodeRange<C>>, at: C) -> (Certainty, C) {
    match range {
        None => (Certainty::Outside, C::LAST),
        Some(range) if range.first <= at => (certainty(range), range.last),
        Some(range) => (Certainty::Outside, range.first.previous().unwrap_or(at)),
    }
}

/// The aligned blocks of a range, from its first code to its last, as code and level.
fn each_block<C: Code>(range: &CodeRange<C>, mut work: impl FnMut(C, u8)) {
    let mut code = Some(range.first);
    while let Some(at) = code.filter(|code| *code <= range.last) {
        let level = at.coarsest_block(range.last);
        work(at, level);
        code = at.block_last(level).next();
    }
}
