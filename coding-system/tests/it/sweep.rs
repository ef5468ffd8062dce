//! The laws at many random places: ten million in the long form (`cargo test --release -p coding-system -- --ignored ten_million`), a few
//! thousand in every test run. Places are uniform over the Earth, every eighth on an edge: a whole number of units of some level, a hair to
//! one side, or the antimeridian.

use coding_system::quantum::UNITS_PER_DEGREE;
use coding_system::{
    Adjacency, Dimension, Error, Grid, GridCell, Key, Position, Profile, Scheme, beidou, geosot, h3, rslc, spatialid,
};

/// SplitMix64: a sequence that is the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An angle in -limit..=limit, sometimes on the edge of a cell or a hair beside it.
    fn angle(&mut self, limit: f64) -> f64 {
        let plain = (self.share() * 2.0 - 1.0) * limit;
        if self.below(8) > 0 {
            return plain;
        }
        let step = [1, 8, 64, 512, 4096, 8192, 122_880, 1_228_800, 3_686_400, 29_491_200][self.below(10) as usize];
        let edge = (plain * f64::from(UNITS_PER_DEGREE) / f64::from(step)).round() * f64::from(step);
        let edge = (edge / f64::from(UNITS_PER_DEGREE)).clamp(-limit, limit);
        [edge, edge.next_up().min(limit), edge.next_down().max(-limit), limit, -limit][self.below(5) as usize]
    }

    fn position(&mut self) -> Position {
        let height = match self.below(4) {
            0 => self.angle(1.0) * 5e8,
            1 => self.share() * 1e-3 - 5e-4,
            _ => self.share() * 20_000.0 - 11_000.0,
        };
        Position::new(self.angle(180.0), self.angle(90.0), Some(height.max(-6.3e6))).unwrap()
    }
}

/// All laws at `count` places from a seed.
fn sweep(seed: u64, count: u64) {
    let mut random = Random(seed);
    let mut before = random.position();
    for _ in 0..count {
        let p = random.position();
        for dimension in [Dimension::Plane, Dimension::Solid] {
            laws(&beidou::Grid(dimension), &p, &mut random);
            laws(&geosot::Grid(dimension), &p, &mut random);
            laws(&rslc::Grid(dimension), &p, &mut random);
        }
        laws(&h3::Grid, &p, &mut random);
        laws(&spatialid::Grid { geoid_height_m: 0.0 }, &p, &mut random);
        order(&before, &p, &mut random);
        before = p;
    }
}

fn laws<G: Grid>(grid: &G, p: &Position, random: &mut Random) {
    let (low, high) = (*grid.levels().start(), *grid.levels().end());
    let level = low + random.below(u64::from(high - low) + 1) as u8;
    let cell = match grid.encode(p, level) {
        Ok(cell) => cell,
        Err(Error::PolarDetail | Error::Latitude { .. } | Error::OutOfRange { .. }) => return,
        Err(other) => panic!("{p:?} {level}: {other}"),
    };
    let text = cell.text();
    assert_eq!(text.parse::<G::Cell>().ok(), Some(cell), "{text}");
    holds(&cell, p);
    // The middle of a cell with extent codes to the cell.
    let (lon, lat) = cell.centre_deg();
    let middle = Position::new(lon, lat, cell.height_band().map(|band| band.centre_m()));
    let area = cell.area();
    let wide = area.west_deg() != area.east_deg() && area.south_deg() != area.north_deg();
    if wide && level > 0 && fine_enough(&cell) {
        // The highest Spatial IDs have their middle beyond the heights of any other code.
        assert!(middle.is_ok() || G::Cell::SCHEME == Scheme::SpatialId, "{text}");
        if let Ok(middle) = middle {
            assert_eq!(grid.encode(&middle, level), Ok(cell), "{text}: {middle:?}");
        }
    }
    let coarse = low + random.below(u64::from(level - low) + 1) as u8;
    let parent = cell.parent(coarse).unwrap();
    assert!(parent.contains(&cell) && cell.contains(&parent) == (coarse == level), "{parent} {text}");
    if G::Cell::SCHEME != Scheme::H3 {
        assert_eq!(grid.encode(p, coarse), Ok(parent), "{text}");
    }
    let near = cell.neighbours(Adjacency::Corner);
    if let Some(other) = near.get(random.below(near.len().max(1) as u64) as usize) {
        assert!(!other.intersects(&cell), "{text} {other}");
        assert!(!wide || other.neighbours(Adjacency::Corner).contains(&cell), "{text} {other}");
    }
}

/// Floors so thin that metres in 64 bits do not tell their middle are left out, far above the Earth.
fn fine_enough<C: GridCell>(cell: &C) -> bool {
    cell.height_band().is_none_or(|band| (band.high_m - band.low_m) > 1e-9 * (band.low_m.abs() + 6.4e6))
}

/// The cell's box and band hold the position, but for the last place of the division by the units.
fn holds<C: GridCell>(cell: &C, p: &Position) {
    let area = cell.area();
    let near = |x: f64| (x - 1e-12..=x + 1e-12, x);
    let (lon, lat) = (near(p.lon_deg()), near(p.lat_deg()));
    let meets = |(range, _): &(std::ops::RangeInclusive<f64>, f64), low: f64, high: f64| {
        *range.start() <= high && *range.end() >= low
    };
    let turned = (near(-p.lon_deg()).0, 0.0);
    let in_lon = |lon: &(std::ops::RangeInclusive<f64>, f64)| {
        if area.crosses_antimeridian() {
            meets(lon, area.west_deg(), 180.0) || meets(lon, -180.0, area.east_deg())
        } else {
            meets(lon, area.west_deg(), area.east_deg())
        }
    };
    // Longitudes 180 and -180 are one meridian.
    let on_seam = p.lon_deg().abs() >= 180.0 && in_lon(&turned);
    assert!(meets(&lat, area.south_deg(), area.north_deg()) && (in_lon(&lon) || on_seam), "{cell} {area:?} {p:?}");
    if let (Some(band), Some(height_m)) = (cell.height_band(), p.height_m()) {
        let slack = 1e-9 * (height_m.abs() + 6.4e6);
        assert!(band.low_m - slack <= height_m && height_m <= band.high_m + slack, "{cell} {band:?} {height_m}");
    }
}

/// Keys sort as their code and their hour, in the order their profile says; so do texts of one level.
fn order(a: &Position, b: &Position, random: &mut Random) {
    let mut time = || random.below(4_000_000_000_000_000) as i64 - 2_000_000_000_000_000;
    let (ta, tb) = (time(), time());
    let tb = if tb & 1 == 0 { ta } else { tb };
    let hour = |us: i64| us.div_euclid(3_600_000_000);
    let key = |p: &Position, t: i64, profile| Key::new(p, Some(t), profile).unwrap();
    let pairs = [(*a, *b), (a.without_height(), b.without_height()), (*a, *a)];
    for (a, b) in pairs {
        let code = |p: &Position| geosot::morton_3d(p).unwrap_or_else(|| geosot::morton_2d(p).into());
        let (ca, cb) = (code(&a), code(&b));
        let space = key(&a, ta, Profile::SpaceFirst).cmp(&key(&b, tb, Profile::SpaceFirst));
        assert_eq!(space, (ca, hour(ta)).cmp(&(cb, hour(tb))), "{a:?} {ta} {b:?} {tb}");
        let time = key(&a, ta, Profile::TimeFirst).cmp(&key(&b, tb, Profile::TimeFirst));
        assert_eq!(time, (hour(ta), ca).cmp(&(hour(tb), cb)), "{a:?} {ta} {b:?} {tb}");
        let text = |p: &Position| geosot::Cell::of(p, 32).unwrap().text();
        assert_eq!(text(&a).as_str().cmp(text(&b).as_str()), ca.cmp(&cb));
    }
}

#[test]
fn thousands_of_places_keep_the_laws() {
    sweep(1, 4_000);
}

#[test]
#[ignore = "ten million places take minutes: run it in release"]
fn ten_million_places_keep_the_laws() {
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || sweep(1_000 + worker, 10_000_000_u64.div_ceil(workers)));
        }
    });
}
