//! Asking a part: exact rows in a region and spans, how many there are, and the nearest ones. Only chunks on the border of
//! what is asked are decoded, and of those only the columns that are not certain.

use std::collections::BinaryHeap;
use std::ops::{ControlFlow, Range};

use arrow::array::ArrayRef;
use spatial_index::{Certain, Columns, Ranking, Region, Run, Spans};

use super::layout::{self, Layout};
use super::part::{CHUNK_ROWS, Part};
use crate::error::Error;

/// Rows of parts by their rank, the nearest ones so far.
#[derive(Debug)]
pub struct Nearest {
    most: usize,
    found: BinaryHeap<Found>,
}

/// A row, by rank and then by where it stands, so that equal ranks have an order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    rank: f64,
    part: usize,
    row: usize,
}

impl Eq for Found {}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.total_cmp(&other.rank).then((self.part, self.row).cmp(&(other.part, other.row)))
    }
}

/// What is known of rows of which only the place is to be tested.
const NOT_NEAR: Certain = Certain { in_region: false, in_band: true, of_series: true };

impl Part {
    /// Runs of rows in the region and the spans, exactly, ascending. The series of a position is [`crate::series_of`] its
    /// entity, which another entity may share.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn rows_in<const D: usize>(&self, region: &impl Region<D>, spans: &Spans) -> Result<Vec<Range<usize>>, Error> {
        let mut rows = Rows::default();
        self.each_run(Some(region), spans, |range| rows.add(range))?;
        Ok(rows.0)
    }

    /// How many rows are in the region and the spans.
    ///
    /// # Errors
    /// As [`Part::rows_in`].
    pub fn count_in<const D: usize>(&self, region: &impl Region<D>, spans: &Spans) -> Result<usize, Error> {
        let mut count = 0;
        self.each_run(Some(region), spans, |range| count += range.len())?;
        Ok(count)
    }

    /// Runs of rows in the spans, wherever they are.
    ///
    /// # Errors
    /// As [`Part::rows_in`].
    pub fn rows_in_spans(&self, spans: &Spans) -> Result<Vec<Range<usize>>, Error> {
        let mut rows = Rows::default();
        self.each_run(None::<&spatial_index::Windows<2>>, spans, |range| rows.add(range))?;
        Ok(rows.0)
    }

    fn each_run<const D: usize>(
        &self,
        region: Option<&impl Region<D>>,
        spans: &Spans,
        mut take: impl FnMut(Range<usize>),
    ) -> Result<(), Error> {
        let Some(layout) = Layout::of(self.table()) else {
            take(0..self.rows());
            return Ok(());
        };
        let mut border = Border::new(self, layout);
        let zones = self.zones()?;
        let mut test = |run: Run| match border.take(region, spans, run, &mut take) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        };
        let searched = match region {
            Some(region) => zones.search::<D, Error>(region, spans, &mut test),
            None => zones.search_spans::<Error>(spans, &mut test),
        };
        match searched {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// Adds this part's rows in the region and the spans to the nearest found so far; `part` is its number there.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn nearest<const D: usize, K: Ranking<D> + Copy>(
        &self,
        part: usize,
        ranking: K,
        region: Option<&impl Region<D>>,
        spans: &Spans,
        nearest: &mut Nearest,
    ) -> Result<(), Error> {
        let Some(layout) = Layout::of(self.table()) else { return Ok(()) };
        let mut border = Border::new(self, layout);
        let mut near = None;
        for (bound, run) in self.zones()?.nearest::<D, K>(ranking, region, spans) {
            if nearest.is_full_below(bound) {
                break;
            }
            border.load(run.rows.start / CHUNK_ROWS, Certain { in_region: false, ..run.certain }, D == 3)?;
            let (columns, first) = (border.columns(), border.chunk * CHUNK_ROWS);
            // Comparing degrees is cheap, a rank takes trigonometry.
            let worst = nearest.worst();
            if near.is_none_or(|(rank, _)| rank > worst) {
                near = ranking.around(worst).filter(|_| worst < f64::INFINITY).map(|around| (worst, around.region()));
            }
            let mut held = match region {
                Some(region) => columns.held(&run, first, region, spans),
                None => columns.held_in_spans(&run, first, spans),
            };
            if let Some((_, region)) = near.as_ref().filter(|_| held != 0) {
                held &= columns.held(&Run { rows: run.rows.clone(), certain: NOT_NEAR }, first, region, spans);
            }
            while held != 0 {
                let row = run.rows.start + held.trailing_zeros() as usize;
                held &= held - 1;
                let rank = ranking.at(&point(&columns, row - first));
                if rank <= ranking.limit() {
                    nearest.add(Found { rank, part, row });
                }
            }
        }
        Ok(())
    }
}

impl Nearest {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { most, found: BinaryHeap::with_capacity(most.min(1 << 16) + 1) }
    }

    /// Rank, number of the part and of the row, the nearest first.
    pub fn into_rows(self) -> impl Iterator<Item = (f64, usize, usize)> {
        self.found.into_sorted_vec().into_iter().map(|found| (found.rank, found.part, found.row))
    }

    /// Whether nothing of at least this rank would be taken.
    fn is_full_below(&self, bound: f64) -> bool {
        self.found.len() >= self.most && self.found.peek().is_none_or(|last| last.rank < bound)
    }

    /// The rank from which on nothing is taken.
    fn worst(&self) -> f64 {
        match self.found.peek() {
            Some(last) if self.found.len() >= self.most => last.rank,
            _ => f64::INFINITY,
        }
    }

    fn add(&mut self, found: Found) {
        if self.found.len() < self.most {
            self.found.push(found);
        } else if let Some(mut last) = self.found.peek_mut().filter(|last| found < **last) {
            *last = found;
        }
    }
}

/// Ascending runs; those that touch become one.
#[derive(Default)]
struct Rows(Vec<Range<usize>>);

impl Rows {
    fn add(&mut self, rows: Range<usize>) {
        match self.0.last_mut().filter(|last| last.end == rows.start) {
            Some(last) => last.end = rows.end,
            None => self.0.push(rows),
        }
    }
}

/// Columns of the chunk that is being tested.
struct Border<'a> {
    part: &'a Part,
    layout: Layout,
    chunk: usize,
    lon: Option<ArrayRef>,
    lat: Option<ArrayRef>,
    height: Option<ArrayRef>,
    time: Option<ArrayRef>,
    series: Option<ArrayRef>,
}

impl<'a> Border<'a> {
    fn new(part: &'a Part, layout: Layout) -> Self {
        Self { part, layout, chunk: usize::MAX, lon: None, lat: None, height: None, time: None, series: None }
    }

    /// Passes on the rows of a run that hold, after a test of what is not certain.
    fn take<const D: usize>(
        &mut self,
        region: Option<&impl Region<D>>,
        spans: &Spans,
        run: Run,
        take: &mut impl FnMut(Range<usize>),
    ) -> Result<(), Error> {
        if run.certain.all() {
            take(run.rows);
            return Ok(());
        }
        let chunk = run.rows.start / CHUNK_ROWS;
        self.load(chunk, run.certain, D == 3)?;
        let (first, columns) = (chunk * CHUNK_ROWS, self.columns());
        let mut held = match region {
            Some(region) => columns.held(&run, first, region, spans),
            None => columns.held_in_spans(&run, first, spans),
        };
        while held != 0 {
            let from = held.trailing_zeros();
            let length = (held >> from).trailing_ones();
            held &= !(u64::MAX >> (u64::BITS - length) << from);
            let row = run.rows.start + from as usize;
            take(row..row + length as usize);
        }
        Ok(())
    }

    /// Brings the columns that are needed to test what is not certain.
    fn load(&mut self, chunk: usize, certain: Certain, in_space: bool) -> Result<(), Error> {
        let (part, layout) = (self.part, self.layout);
        if self.chunk != chunk {
            *self = Self { chunk, ..Self::new(part, layout) };
        }
        if !certain.in_region && self.lon.is_none() {
            self.lon = Some(part.column(chunk, layout.lon)?);
            self.lat = Some(part.column(chunk, layout.lat)?);
        }
        let needs_height = in_space && !certain.in_region && self.height.is_none();
        if let Some(column) = layout.height.filter(|_| needs_height) {
            self.height = Some(layout::heights(&part.column(chunk, column)?));
        }
        if !certain.in_band && self.time.is_none() {
            self.time = Some(part.column(chunk, layout.time)?);
        }
        if !certain.of_series && self.series.is_none() {
            self.series = Some(layout::series(&part.column(chunk, layout.series)?));
        }
        Ok(())
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            lon: self.lon.as_ref().map(layout::degrees).unwrap_or_default(),
            lat: self.lat.as_ref().map(layout::degrees).unwrap_or_default(),
            placed: usize::MAX,
            height_m: self.height.as_ref().map(layout::degrees),
            time_us: self.time.as_ref().map(layout::instants),
            series: self.series.as_ref().map(layout::numbers),
        }
    }
}

/// A row's place and, in space, its height.
#[inline]
fn point<const D: usize>(columns: &Columns<'_>, row: usize) -> [f64; D] {
    std::array::from_fn(|axis| match axis {
        0 => columns.lon[row],
        1 => columns.lat[row],
        _ => columns.height_m.map_or(f64::NAN, |heights| heights[row]),
    })
}
