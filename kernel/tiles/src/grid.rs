//! Cells of the globe: a quadtree over longitude and latitude whose root is the whole globe, so that a cell never moves
//! whatever a city grows to. Degrees come in; cells, and codes in their order (Morton's), go out. Halves are taken of both
//! axes, as implicit tiling of a region takes them (3D Tiles 1.1, OGC 22-025r4, 7.10.2): x grows eastward, y northward.

use std::ops::Range;

use kernel_model::Region;

/// Levels of the finest cells: 5.4 millionths of a degree of longitude, half of that of latitude.
pub const DEPTH: u8 = 26;

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// 0: the globe.
    pub level: u8,
    /// From 180 degrees west eastward.
    pub x: u32,
    /// From the south pole northward.
    pub y: u32,
}

impl Cell {
    /// Checked: `None` where there is no such cell.
    pub fn new(level: u8, x: u32, y: u32) -> Option<Self> {
        let side = 1_u32.checked_shl(level.into()).filter(|_| level <= DEPTH)?;
        (x < side && y < side).then_some(Self { level, x, y })
    }

    /// The cell of a level that holds a place.
    pub fn of(level: u8, lon_deg: f64, lat_deg: f64) -> Self {
        let (x, y) = place(lon_deg, lat_deg);
        let level = level.min(DEPTH);
        Self { level, x: x >> (DEPTH - level), y: y >> (DEPTH - level) }
    }

    /// Its box, degrees.
    pub fn region(&self) -> Region {
        let side = f64::from(1_u32 << self.level);
        let lon = |x: u32| f64::from(x) / side * 360.0 - 180.0;
        let lat = |y: u32| f64::from(y) / side * 180.0 - 90.0;
        Region { west: lon(self.x), south: lat(self.y), east: lon(self.x + 1), north: lat(self.y + 1) }
    }

    /// The codes of the finest cells in it.
    pub fn codes(&self) -> Range<u64> {
        let shift = 2 * u32::from(DEPTH - self.level);
        let own = code(self.x, self.y);
        own << shift..(own + 1) << shift
    }

    /// Its quarters in the order of their codes: south-west, south-east, north-west, north-east.
    pub fn quarters(&self) -> [Self; 4] {
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(east, north)| Self {
            level: self.level + 1,
            x: 2 * self.x + east,
            y: 2 * self.y + north,
        })
    }

    /// The cell that this one is below a root: `level`, `x` and `y` as implicit tiling counts them from there.
    pub fn below(&self, level: u8, x: u32, y: u32) -> Option<Self> {
        let deep = self.level.checked_add(level).filter(|deep| *deep <= DEPTH)?;
        Self::new(level, x, y)?;
        Self::new(deep, (self.x << level) + x, (self.y << level) + y)
    }

    /// The code of the cell among those of its level.
    pub fn code(&self) -> u64 {
        code(self.x, self.y)
    }
}

/// Columns of the finest cells.
const COLUMNS: f64 = (1_u32 << DEPTH) as f64;

fn place(lon_deg: f64, lat_deg: f64) -> (u32, u32) {
    let last = (1_u32 << DEPTH) - 1;
    let (x, y) = ((lon_deg + 180.0) / 360.0 * COLUMNS, (lat_deg + 90.0) / 180.0 * COLUMNS);
    // A conversion of floats stops at 0; what is no number is 0.
    ((x as u32).min(last), (y as u32).min(last))
}

/// The code of the finest cell that holds a place.
pub fn code_of(lon_deg: f64, lat_deg: f64) -> u64 {
    let (x, y) = place(lon_deg, lat_deg);
    code(x, y)
}

/// The middle of the finest cell of a code, degrees; the place that had the code is at most half a cell away.
pub fn middle(code: u64) -> (f64, f64) {
    let (x, y) = (f64::from(even_bits(code)), f64::from(even_bits(code >> 1)));
    ((x + 0.5) / COLUMNS * 360.0 - 180.0, (y + 0.5) / COLUMNS * 180.0 - 90.0)
}

/// x in the even bits, y in the odd ones.
fn code(x: u32, y: u32) -> u64 {
    spread(x) | spread(y) << 1
}

fn spread(bits: u32) -> u64 {
    let mut v = u64::from(bits);
    v = (v | v << 16) & 0x0000_ffff_0000_ffff;
    v = (v | v << 8) & 0x00ff_00ff_00ff_00ff;
    v = (v | v << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | v << 2) & 0x3333_3333_3333_3333;
    (v | v << 1) & 0x5555_5555_5555_5555
}

fn even_bits(code: u64) -> u32 {
    let mut v = code & 0x5555_5555_5555_5555;
    v = (v | v >> 1) & 0x3333_3333_3333_3333;
    v = (v | v >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | v >> 4) & 0x00ff_00ff_00ff_00ff;
    v = (v | v >> 8) & 0x0000_ffff_0000_ffff;
    (v | v >> 16) as u32
}

/// How many levels finer than the window the cells at its border are.
const FINER: u8 = 3;

/// Ranges of codes that hold every code of a window, ascending and apart: some 60 at most, a border's cells too much.
pub fn cover(window: &Region) -> Vec<Range<u64>> {
    let span = ((window.east - window.west) / 360.0).max((window.north - window.south) / 180.0).max(1.0 / COLUMNS);
    let finest = ((-span.log2()).max(0.0) as u8).saturating_add(FINER).min(DEPTH);
    let mut ranges = Vec::new();
    descend(Cell { level: 0, x: 0, y: 0 }, window, finest, &mut ranges);
    ranges
}

fn descend(cell: Cell, window: &Region, finest: u8, ranges: &mut Vec<Range<u64>>) {
    let own = cell.region();
    if !own.intersects(window) {
        return;
    }
    let within = window.west <= own.west && own.east <= window.east && window.south <= own.south;
    if cell.level == finest || within && own.north <= window.north {
        let codes = cell.codes();
        return match ranges.last_mut().filter(|last| last.end == codes.start) {
            Some(last) => last.end = codes.end,
            None => ranges.push(codes),
        };
    }
    for quarter in cell.quarters() {
        descend(quarter, window, finest, ranges);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_lies_in_its_cell_and_its_code_in_the_cells_codes(
            lon in -180.0..=180.0, lat in -90.0..=90.0, level in 0_u8..=DEPTH,
        ) {
            let cell = Cell::of(level, lon, lat);
            prop_assert!(cell.region().contains(lon, lat));
            prop_assert!(cell.codes().contains(&code_of(lon, lat)));
            let (x, y) = middle(code_of(lon, lat));
            prop_assert!((x - lon).abs() <= 180.01 / COLUMNS && (y - lat).abs() <= 90.01 / COLUMNS);
        }

        #[test]
        fn a_cover_holds_what_is_in_the_window(
            west in -180.0..179.0, south in -90.0..89.0, wide in 0.0..1.0, high in 0.0..1.0,
            at in (0.0..=1.0, 0.0..=1.0),
        ) {
            let window = Region { west, south, east: west + wide, north: south + high };
            let ranges = cover(&window);
            prop_assert!(ranges.len() <= 128, "{}", ranges.len());
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            let code = code_of(west + wide * at.0, south + high * at.1);
            prop_assert!(ranges.iter().any(|range| range.contains(&code)));
        }
    }

    #[test]
    fn quarters_follow_their_codes_and_unknown_cells_are_refused() {
        let cell = Cell::new(3, 5, 2).unwrap();
        let codes: Vec<_> = cell.quarters().iter().map(Cell::codes).collect();
        assert_eq!(codes[0].start, cell.codes().start);
        assert!(codes.windows(2).all(|pair| pair[0].end == pair[1].start) && codes[3].end == cell.codes().end);
        assert_eq!(cell.below(1, 1, 0), Some(cell.quarters()[1]));
        assert_eq!((Cell::new(3, 8, 0), cell.below(1, 2, 0), Cell::new(27, 0, 0)), (None, None, None));
        assert_eq!(cell.below(24, 0, 0), None);
    }
}
