//! Where the things of a batch of revisions are, by kind, in the order of the cells that their middles lie in: the rows of a
//! batch come in once, since a batch never changes; windows and cells come in, candidates go out. Which of them are meant
//! is the view's to say ([`crate::view`]). Large things stand apart from small ones, so that one large one does not make
//! every window reach far.

use std::ops::Range;

use arrow::array::{Array, RecordBatch, UInt64Array};
use kernel_model::{Kind, Region};

use crate::columns::Columns;
use crate::grid;

/// Metres of a degree of latitude, about, and of a degree of longitude on the equator: for sizes, not for places.
const DEGREE_M: f64 = 111_320.0;
/// The height of a building's footprint of which nothing is known but its outline, metres: one low storey.
pub(crate) const UNKNOWN_HEIGHT_M: f64 = 4.0;

/// What is known of a thing before its geometry is read. Forty bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Item {
    /// The finest cell of the middle of its box.
    pub(crate) code: u64,
    /// Its row in the batch.
    pub(crate) row: u32,
    /// The diagonal of its box on the ground, metres.
    pub(crate) size_m: f32,
    /// Half the box's sides, degrees east and north, a little too large.
    half: [f32; 2],
    /// From where to where it reaches upward, metres above whatever its heights are measured from; not a number: it is no
    /// surface or solid.
    pub(crate) heights_m: [f32; 2],
    /// Whether these are the geometry's own heights.
    pub(crate) has_height: bool,
}

impl Item {
    /// A box that holds its box: at most a finest cell larger to each side, and what a float of 32 bits rounds.
    pub(crate) fn region(&self) -> Region {
        let (lon, lat) = grid::middle(self.code);
        let [wide, high] = self.half.map(f64::from);
        Region { west: lon - wide, south: lat - high, east: lon + wide, north: lat + high }
    }

    /// Whether it has faces, so that it can stand in space.
    pub(crate) fn has_faces(&self) -> bool {
        !self.heights_m[0].is_nan()
    }

    /// Its diagonal in space, metres.
    pub(crate) fn extent_m(&self) -> f32 {
        self.size_m.hypot(self.heights_m[1] - self.heights_m[0])
    }
}

/// Things of one kind and of like size.
#[derive(Debug)]
struct Segment {
    kind: Kind,
    items: Vec<Item>,
    /// The greatest half sides.
    reach: [f64; 2],
}

/// The things of one batch.
#[derive(Debug)]
pub(crate) struct Index {
    segments: Vec<Segment>,
    /// Keeps the batch's memory where it is, by which the index is found.
    sequence: UInt64Array,
}

/// Threads that index a batch, at most, and rows for which another one is worth the while.
const MOST_THREADS: usize = 4;
const WORTH_ROWS: usize = 20_000;

/// Sizes from which on things are another tier, metres.
const TIERS_M: [f32; 3] = [128.0, 1_024.0, 8_192.0];

impl Index {
    /// By what the index of a batch is known: where its memory is. A beginning of a batch has that of the batch.
    pub(crate) fn key(batch: &RecordBatch) -> usize {
        Columns::of(batch).sequence.values().as_ptr() as usize
    }

    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let columns = Columns::of(batch);
        let items = sorted(&columns, batch.num_rows());
        let segments = items.chunk_by(|a, b| a.0 == b.0).map(|chunk| {
            let kind = Kind::ALL[usize::from(chunk[0].0 >> 2)];
            let items: Vec<Item> = chunk.iter().map(|(_, item)| *item).collect();
            let reach = [0, 1].map(|axis| items.iter().fold(0.0, |most: f64, item| most.max(item.half[axis].into())));
            Segment { kind, items, reach }
        });
        Self { segments: segments.collect(), sequence: columns.sequence.clone() }
    }

    /// Rows that were looked at: an index of the beginning of a batch is none of the whole.
    pub(crate) fn rows(&self) -> usize {
        self.sequence.len()
    }

    /// Visits what may meet a window.
    pub(crate) fn in_window(&self, kind: Kind, window: &Region, mut visit: impl FnMut(&Item)) {
        for segment in self.segments.iter().filter(|segment| segment.kind == kind) {
            let [wide, high] = segment.reach;
            let wider = Region {
                west: window.west - wide,
                south: window.south - high,
                east: window.east + wide,
                north: window.north + high,
            };
            for codes in grid::cover(&wider) {
                let from = segment.items.partition_point(|item| item.code < codes.start);
                let run = segment.items[from..].iter().take_while(|item| item.code < codes.end);
                run.filter(|item| item.region().intersects(window)).for_each(&mut visit);
            }
        }
    }

    /// The things whose middle lies in a range of codes, in runs that ascend.
    pub(crate) fn in_codes(&self, kind: Kind, codes: Range<u64>) -> impl Iterator<Item = &[Item]> {
        self.segments.iter().filter(move |segment| segment.kind == kind).map(move |segment| {
            let from = segment.items.partition_point(|item| item.code < codes.start);
            let run = &segment.items[from..];
            &run[..run.partition_point(|item| item.code < codes.end)]
        })
    }
}

/// All things of a batch by segment and code, with the number of the segment. Large batches are shared by some threads.
fn sorted(columns: &Columns<'_>, rows: usize) -> Vec<(u8, Item)> {
    let order = |(segment, item): &(u8, Item)| (*segment, item.code, item.row);
    let some = |rows: Range<usize>| {
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let kind = columns.kind.value(row).parse().unwrap_or(Kind::Other);
            items.extend(item(columns, row, kind).map(|item| (segment_of(kind, item.size_m), item)));
        }
        items.sort_unstable_by_key(order);
        items
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(rows / WORTH_ROWS);
    if threads < 2 {
        return some(0..rows);
    }
    let (some, share) = (&some, rows.div_ceil(threads));
    let mut items = std::thread::scope(|scope| {
        let shares = (0..threads).map(|at| at * share..((at + 1) * share).min(rows));
        let running: Vec<_> = shares.map(|rows| (rows.clone(), scope.spawn(move || some(rows)))).collect();
        // A thread ends early only where it panics, which nothing here does; its rows are then looked at again.
        let ended = running.into_iter().map(|(rows, thread)| thread.join().unwrap_or_else(|_| some(rows)));
        ended.collect::<Vec<_>>().concat()
    });
    // Sorted runs one after the other: this merges them.
    items.sort_by_key(order);
    items
}

/// Kind and tier as one number, so that kinds stand together.
fn segment_of(kind: Kind, size_m: f32) -> u8 {
    let tier = TIERS_M.iter().filter(|from| size_m >= **from).count() as u8;
    (kind as u8) << 2 | tier
}

fn item(columns: &Columns<'_>, row: usize, kind: Kind) -> Option<Item> {
    let region = columns.region(row)?;
    let (lon, lat) = region.centre();
    let (wide, high) = (region.east - region.west, region.north - region.south);
    let size_m = (wide * DEGREE_M * lat.to_radians().cos()).hypot(high * DEGREE_M) as f32;
    // The middle of the cell is up to half a cell away from the middle of the box; rounding takes less.
    let half = |side: f64, cell: f64| ((side / 2.0 + cell) * (1.0 + 1e-6)) as f32;
    let cell = 180.0 / f64::from(1_u32 << grid::DEPTH);
    let has_height = columns.heights_m(row).is_some();
    let heights_m = match is_surface(columns, row) {
        false => [f32::NAN; 2],
        true => reach_m(columns, row, kind).map(|height| height as f32),
    };
    Some(Item {
        code: grid::code_of(lon, lat),
        row: row as u32,
        size_m,
        half: [half(wide, 2.0 * cell), half(high, cell)],
        heights_m,
        has_height,
    })
}

/// Whether the geometry is a polygon or several.
fn is_surface(columns: &Columns<'_>, row: usize) -> bool {
    columns.geometry.is_valid(row) && matches!(columns.geometry.value(row), [1, 3 | 6 | 0xeb | 0xee, 0 | 3, ..])
}

/// From where to where faces reach: as they are given, or from the ground up to the stated height.
pub(crate) fn reach_m(columns: &Columns<'_>, row: usize, kind: Kind) -> [f64; 2] {
    match columns.heights_m(row) {
        Some((low, top)) => [low, top],
        None => [0.0, raised_m(columns, row, kind)],
    }
}

/// How high a footprint is raised, metres: only buildings are.
pub(crate) fn raised_m(columns: &Columns<'_>, row: usize, kind: Kind) -> f64 {
    match kind {
        Kind::Building | Kind::BuildingPart => columns.stated_height_m(row).unwrap_or(UNKNOWN_HEIGHT_M),
        _ => 0.0,
    }
}
