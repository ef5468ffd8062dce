//! The zone map: for rows that lie elsewhere, in an order in which neighbours stand together (by a space-time key). The rows'
//! columns come in once; runs of rows that may be what is asked for come out, each with what is certain of all its rows, so
//! that a region's inside is counted without a look at a row. Whoever keeps the rows tests the rest with [`Columns::held`].
//!
//! Sixty-four rows are a zone, sixteen zones a node and so on, all full but the last, so there are no pointers. A zone knows
//! the box, the first and last instant and the least and greatest series number of its rows: a byte for each row.

mod bytes;
mod columns;
mod search;

pub use columns::{Columns, ROWS};
pub use search::{Certain, Run, Spans};

use crate::{
    bounds::TimeBand,
    region::{LANES, round_down, round_up},
};

/// Sixteen boxes side by side: longitude, latitude, height. A lane without a place is upside down in its longitudes.
#[derive(Debug, Clone, PartialEq)]
struct Boxes {
    lo: [[f32; LANES]; 3],
    hi: [[f32; LANES]; 3],
}

/// Sixteen spans side by side; a lane without one is upside down.
#[derive(Debug, Clone, PartialEq)]
struct Sides<T> {
    from: [T; LANES],
    to: [T; LANES],
}

/// A zone map over rows that are kept elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Zones {
    rows: usize,
    /// So many of the first rows have a place.
    placed: usize,
    /// `boxes[0]` bounds the zones, sixteen to a block; the last level is one block. The same with the others, which have no
    /// level where the rows have no such column.
    boxes: Vec<Vec<Boxes>>,
    times: Vec<Vec<Sides<i64>>>,
    series: Vec<Vec<Sides<u64>>>,
}

/// A zone map in the making: rows come in by and by, in their order.
#[derive(Debug, Default)]
pub struct ZonesBuilder {
    rows: usize,
    placed: usize,
    boxes: Vec<([f32; 3], [f32; 3])>,
    times: Vec<(i64, i64)>,
    series: Vec<(u64, u64)>,
    /// Rows that do not fill a zone yet.
    waiting: Waiting,
}

/// Less than a zone of rows.
#[derive(Debug, Default)]
struct Waiting {
    lon: Vec<f64>,
    lat: Vec<f64>,
    placed: usize,
    height_m: Option<Vec<f64>>,
    time_us: Option<Vec<i64>>,
    series: Option<Vec<u64>>,
}

impl ZonesBuilder {
    /// Adds rows. All have the same columns; rows without a place come after all that have one.
    pub fn push(&mut self, rows: &Columns<'_>) {
        let mut from = 0;
        if !self.waiting.lon.is_empty() {
            from = rows.len().min(ROWS - self.waiting.lon.len());
            self.waiting.take(rows, 0..from);
            if self.waiting.lon.len() < ROWS {
                return;
            }
            self.add_waiting();
        }
        let whole = from + (rows.len() - from) / ROWS * ROWS;
        (from..whole).step_by(ROWS).for_each(|first| self.add(rows, first..first + ROWS));
        self.waiting.take(rows, whole..rows.len());
    }

    fn add_waiting(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.add(&waiting.columns(), 0..waiting.lon.len());
    }

    fn add(&mut self, rows: &Columns<'_>, zone: std::ops::Range<usize>) {
        self.rows += zone.len();
        self.placed += zone.len().min(rows.placed.saturating_sub(zone.start));
        self.boxes.push(box_of(rows, zone.clone()));
        self.times.extend(rows.time_us.map(|times| ends(&times[zone.clone()])));
        self.series.extend(rows.series.map(|series| ends(&series[zone])));
    }

    /// The zone map of all rows.
    pub fn build(mut self) -> Zones {
        if !self.waiting.lon.is_empty() {
            self.add_waiting();
        }
        let times = Some(self.times).filter(|times| !times.is_empty());
        let series = Some(self.series).filter(|series| !series.is_empty());
        Zones {
            rows: self.rows,
            placed: self.placed,
            boxes: levels(blocks(self.boxes.into_iter()), hull_of),
            times: times.map(|times| levels(blocks(times.into_iter()), Sides::hull)).unwrap_or_default(),
            series: series.map(|series| levels(blocks(series.into_iter()), Sides::hull)).unwrap_or_default(),
        }
    }
}

impl Waiting {
    fn take(&mut self, rows: &Columns<'_>, range: std::ops::Range<usize>) {
        self.placed += range.len().min(rows.placed.saturating_sub(range.start));
        self.lon.extend(&rows.lon[range.clone()]);
        self.lat.extend(&rows.lat[range.clone()]);
        if let Some(heights) = rows.height_m {
            self.height_m.get_or_insert_default().extend(&heights[range.clone()]);
        }
        if let Some(times) = rows.time_us {
            self.time_us.get_or_insert_default().extend(&times[range.clone()]);
        }
        if let Some(series) = rows.series {
            self.series.get_or_insert_default().extend(&series[range]);
        }
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            lon: &self.lon,
            lat: &self.lat,
            placed: self.placed,
            height_m: self.height_m.as_deref(),
            time_us: self.time_us.as_deref(),
            series: self.series.as_deref(),
        }
    }
}

impl Zones {
    /// The zone map of rows in their order.
    pub fn over(rows: &Columns<'_>) -> Self {
        let mut builder = ZonesBuilder::default();
        builder.push(rows);
        builder.build()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// First and last instant of all rows, where they have times.
    pub fn time_band(&self) -> Option<TimeBand> {
        let (from_us, to_us) = self.times.last()?.first()?.hull();
        (from_us <= to_us).then_some(TimeBand { from_us, to_us })
    }

    /// First and last instant of every zone, in the order of the rows; nothing where they have no times.
    pub fn bands(&self) -> impl Iterator<Item = TimeBand> + '_ {
        let blocks = self.times.first().into_iter().flatten();
        let bands = blocks.flat_map(|block| block.from.iter().zip(&block.to));
        bands.take(self.rows.div_ceil(ROWS)).map(|(from_us, to_us)| TimeBand { from_us: *from_us, to_us: *to_us })
    }

    /// Bytes of memory that are held.
    pub fn memory_bytes(&self) -> usize {
        let boxes: usize = self.boxes.iter().map(|level| size_of_val(level.as_slice())).sum();
        let times: usize = self.times.iter().map(|level| size_of_val(level.as_slice())).sum();
        let series: usize = self.series.iter().map(|level| size_of_val(level.as_slice())).sum();
        boxes + times + series
    }
}

/// Something that lies side by side in blocks.
trait Block: Sized {
    /// What one lane holds.
    type Lane;

    /// No lane used.
    const EMPTY: Self;

    fn set(&mut self, lane: usize, value: Self::Lane);
}

impl Block for Boxes {
    type Lane = ([f32; 3], [f32; 3]);

    const EMPTY: Self = Self { lo: [[f32::INFINITY; LANES]; 3], hi: [[f32::NEG_INFINITY; LANES]; 3] };

    fn set(&mut self, lane: usize, (lo, hi): Self::Lane) {
        (0..3).for_each(|axis| (self.lo[axis][lane], self.hi[axis][lane]) = (lo[axis], hi[axis]));
    }
}

macro_rules! sides {
    ($number:ty) => {
        impl Block for Sides<$number> {
            type Lane = ($number, $number);

            const EMPTY: Self = Self { from: [<$number>::MAX; LANES], to: [<$number>::MIN; LANES] };

            fn set(&mut self, lane: usize, (from, to): Self::Lane) {
                (self.from[lane], self.to[lane]) = (from, to);
            }
        }
    };
}

sides!(i64);
sides!(u64);

impl<T: Ord + Copy> Sides<T> {
    fn hull(&self) -> (T, T) {
        let (mut from, mut to) = (self.from[0], self.to[0]);
        self.from.iter().for_each(|value| from = from.min(*value));
        self.to.iter().for_each(|value| to = to.max(*value));
        (from, to)
    }
}

fn hull_of(boxes: &Boxes) -> ([f32; 3], [f32; 3]) {
    (
        boxes.lo.map(|side| side.into_iter().fold(f32::INFINITY, f32::min)),
        boxes.hi.map(|side| side.into_iter().fold(f32::NEG_INFINITY, f32::max)),
    )
}

/// The box of those of some rows that have a place; endless in height where one has no height.
fn box_of(rows: &Columns<'_>, zone: std::ops::Range<usize>) -> ([f32; 3], [f32; 3]) {
    let placed = zone.start..zone.end.min(rows.placed).max(zone.start);
    if placed.is_empty() {
        return ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    }
    let span = |values: &[f64]| {
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        let (lo, hi) = values.iter().fold(start, |(lo, hi), value| (lo.min(*value), hi.max(*value)));
        (round_down(lo), round_up(hi))
    };
    let heights = rows.height_m.map(|heights| &heights[placed.clone()]);
    let height = heights
        .filter(|heights| heights.iter().all(|height| !height.is_nan()))
        .map_or((f32::NEG_INFINITY, f32::INFINITY), span);
    let (lon, lat) = (span(&rows.lon[placed.clone()]), span(&rows.lat[placed]));
    ([lon.0, lat.0, height.0], [lon.1, lat.1, height.1])
}

/// Least and greatest.
fn ends<T: Ord + Copy + Default>(values: &[T]) -> (T, T) {
    let least = values.iter().copied().min().unwrap_or_default();
    (least, values.iter().copied().max().unwrap_or_default())
}

/// One after the other, sixteen to a block.
fn blocks<B: Block>(lanes: impl Iterator<Item = B::Lane>) -> Vec<B> {
    let mut level: Vec<B> = Vec::new();
    for (at, value) in lanes.enumerate() {
        if at % LANES == 0 {
            level.push(B::EMPTY);
        }
        if let Some(block) = level.last_mut() {
            block.set(at % LANES, value);
        }
    }
    level
}

/// The levels over the lowest one, up to a single block.
fn levels<B: Block>(lowest: Vec<B>, hull: impl Fn(&B) -> B::Lane) -> Vec<Vec<B>> {
    let mut levels = vec![lowest];
    while let Some(below) = levels.last().filter(|level| level.len() > 1) {
        let level = blocks(below.iter().map(&hull));
        levels.push(level);
    }
    levels
}
