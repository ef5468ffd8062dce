//! One set of laws that every grid passes, by random trial.

use std::collections::BTreeSet;

use coding_system::{Adjacency, Dimension, Error, Grid, GridCell, Position, beidou, geosot, h3, rslc, spatialid};
use proptest::prelude::*;

use crate::laws::position;

const GEOID: spatialid::Grid = spatialid::Grid { geoid_height_m: 0.0 };

/// Every law for one grid at one place.
fn holds<G: Grid>(grid: &G, p: &Position, level: u8, k: u32) -> Result<(), TestCaseError> {
    let cell = match grid.encode(p, level) {
        Ok(cell) => cell,
        Err(Error::PolarDetail | Error::Latitude { .. } | Error::NeedsHeight { .. } | Error::OutOfRange { .. }) => {
            return Ok(());
        }
        Err(other) => return Err(TestCaseError::fail(other.to_string())),
    };
    prop_assert_eq!(cell.level(), level);
    prop_assert_eq!(cell.text().parse::<G::Cell>().ok(), Some(cell));
    prop_assert_eq!(cell.to_string(), String::from(cell.text()));
    hierarchy(grid, p, &cell)?;
    around(&cell, k)
}

fn hierarchy<G: Grid>(grid: &G, p: &Position, cell: &G::Cell) -> Result<(), TestCaseError> {
    let level = cell.level();
    prop_assert_eq!(cell.parent(level), Some(*cell));
    prop_assert_eq!(cell.parent(level + 1), None);
    for coarse in grid.levels().take_while(|coarse| *coarse < level) {
        let parent = cell.parent(coarse).unwrap();
        prop_assert!(
            parent.contains(cell) && !cell.contains(&parent) && parent.intersects(cell),
            "{} {}",
            parent,
            cell
        );
        // H3 has no cells that hold their children's ground, so there the cell of the position may be another.
        if G::Cell::SCHEME != coding_system::Scheme::H3 {
            prop_assert_eq!(grid.encode(p, coarse).unwrap(), parent);
        }
        if coarse + 1 == level {
            let children: Vec<G::Cell> = parent.children().collect();
            prop_assert!(children.contains(cell), "{} among the children of {}", cell, parent);
            prop_assert!(children.iter().all(|child| child.parent(coarse) == Some(parent) && parent.contains(child)));
            let others = children.iter().filter(|child| *child != cell);
            prop_assert!(others.clone().all(|child| !child.intersects(cell) && !child.contains(cell)));
            prop_assert_eq!(others.count() + 1, children.len(), "a child twice");
        }
    }
    let roots = grid.roots();
    let root = cell.parent(*grid.levels().start()).unwrap();
    prop_assert!(roots.is_sorted() && roots.contains(&root));
    Ok(())
}

fn around<C: GridCell>(cell: &C, k: u32) -> Result<(), TestCaseError> {
    let [face, edge, corner] = [Adjacency::Face, Adjacency::Edge, Adjacency::Corner].map(|a| cell.neighbours(a));
    prop_assert!(face.iter().all(|c| edge.contains(c)) && edge.iter().all(|c| corner.contains(c)));
    prop_assert!(corner.is_sorted() && !corner.contains(cell));
    for (adjacency, near) in [(Adjacency::Face, &face), (Adjacency::Edge, &edge), (Adjacency::Corner, &corner)] {
        for other in near {
            prop_assert_eq!((other.level(), other.is_3d()), (cell.level(), cell.is_3d()));
            prop_assert!(!other.intersects(cell), "{} meets its neighbour {}", cell, other);
            // A cell without extent stands for the one beside it, so it is not among the neighbours of its neighbours.
            let back = other.neighbours(adjacency);
            prop_assert!(back.contains(cell) || flat(cell), "{} is no neighbour of its neighbour {}", cell, other);
        }
    }
    let (Ok(disk), Ok(ring)) = (cell.disk(k), cell.ring(k)) else {
        prop_assert!(cell.disk(k).is_err() && cell.ring(k).is_err());
        return Ok(());
    };
    let set: BTreeSet<C> = disk.iter().copied().collect();
    prop_assert!(set.len() == disk.len() && disk.is_sorted() && ring.is_sorted());
    let inner = if k == 0 { Vec::new() } else { cell.disk(k - 1).unwrap() };
    prop_assert!(ring.iter().all(|c| !inner.contains(c)));
    prop_assert_eq!(inner.len() + ring.len(), disk.len());
    prop_assert!(inner.iter().chain(&ring).all(|c| set.contains(c)));
    for other in &ring {
        match cell.distance(other) {
            Ok(steps) => prop_assert_eq!((steps, other.distance(cell)), (u64::from(k), Ok(u64::from(k)))),
            Err(error) => prop_assert!(C::SCHEME == coding_system::Scheme::H3, "{}", error),
        }
    }
    // Beside a polar cap there are neighbours that stand in no rows.
    let countable = |c: &&C| cell.distance(c).is_ok();
    if k == 1 && C::SCHEME != coding_system::Scheme::H3 {
        let near: Vec<C> = corner.iter().filter(countable).copied().collect();
        prop_assert_eq!(near, ring);
    }
    Ok(())
}

/// Has the cell no extent (the meridian of 180 degrees and the poles in GeoSOT)?
fn flat<C: GridCell>(cell: &C) -> bool {
    let area = cell.area();
    area.west_deg() == area.east_deg() || area.south_deg() == area.north_deg()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_grid_keeps_the_laws(p in position(90.0), level in 0u8..=36, k in 0u32..3, h in -5000.0..9000.0f64) {
        let solid = Position::new(p.lon_deg(), p.lat_deg(), Some(p.height_m().unwrap_or(h))).unwrap();
        let at = |grid_levels: std::ops::RangeInclusive<u8>| grid_levels.start() + level % (grid_levels.end() - grid_levels.start() + 1);
        for dimension in [Dimension::Plane, Dimension::Solid] {
            let grid = beidou::Grid(dimension);
            holds(&grid, &solid, at(grid.levels()), k)?;
            let grid = geosot::Grid(dimension);
            holds(&grid, &solid, at(grid.levels()), k)?;
            let grid = rslc::Grid(dimension);
            holds(&grid, &solid, at(grid.levels()), k)?;
        }
        holds(&h3::Grid, &p, at(h3::Grid.levels()), k)?;
        let low = Position::new(p.lon_deg(), p.lat_deg(), Some(h)).unwrap();
        holds(&GEOID, &low, at(GEOID.levels()), k)?;
    }

    /// Levels 1 and 2 have the polar caps among the neighbours.
    #[test]
    fn the_cells_around_the_caps_know_each_other(lon in -180.0..=180.0f64, lat in prop_oneof![86.0..=90.0f64, -90.0..=-86.0f64], level in 0u8..=2, k in 0u32..3) {
        let p = Position::new_2d(lon, lat).unwrap();
        holds(&beidou::Grid(Dimension::Plane), &p, level, k)?;
    }
}

/// The counts of the standard cases: 4, 8 in the plane and 6, 18, 26 in space, at every special place.
#[test]
fn cells_at_mirrors_edges_and_gaps_have_all_their_neighbours() {
    let places = [
        (0.0, 0.0),
        (-1e-9, -1e-9),
        (6.0, 4.0),
        (-6.0, 4.0),
        (180.0, 10.0),
        (-180.0, -10.0),
        (179.999_999_9, 0.0),
        (116.999_99, 39.999_99),
        (117.0, 40.0),
    ];
    for (lon, lat) in places {
        for height_m in [0.0, -1e-6, 1e-6, 1e5] {
            let p = Position::new(lon, lat, Some(height_m)).unwrap();
            for level in 3..=10 {
                counts(&beidou::Grid(Dimension::Plane), &p, level, [4, 8, 8]);
                counts(&beidou::Grid(Dimension::Solid), &p, level, [6, 18, 26]);
                counts(&rslc::Grid(Dimension::Plane), &p, level + 3, [4, 8, 8]);
                counts(&rslc::Grid(Dimension::Solid), &p, level + 3, [6, 18, 26]);
                counts(&GEOID, &p, level + 20, [6, 18, 26]);
            }
            for level in 9..=32 {
                counts(&geosot::Grid(Dimension::Plane), &p, level, [4, 8, 8]);
                counts(&geosot::Grid(Dimension::Solid), &p, level, [6, 18, 26]);
            }
        }
    }
}

fn counts<G: Grid>(grid: &G, p: &Position, level: u8, expected: [usize; 3]) {
    let cell = grid.encode(p, level).unwrap();
    let found = [Adjacency::Face, Adjacency::Edge, Adjacency::Corner].map(|a| cell.neighbours(a).len());
    assert_eq!(found, expected, "{cell}");
}

/// Boxes that share a side in degrees are neighbours: independent of rows and columns.
#[test]
fn neighbours_touch_on_the_ground() {
    for (lon, lat) in [(-1e-9, 1e-9), (5.999_999, 3.999_999), (179.999_999, -2.0), (116.999_999, 39.999_999)] {
        for level in 9..=32 {
            touching(&geosot::Grid(Dimension::Plane), lon, lat, level);
        }
        for level in 1..=10 {
            touching(&beidou::Grid(Dimension::Plane), lon, lat, level);
            touching(&rslc::Grid(Dimension::Plane), lon, lat, level);
        }
    }
}

fn touching<G: Grid>(grid: &G, lon: f64, lat: f64, level: u8) {
    let cell = grid.encode(&Position::new_2d(lon, lat).unwrap(), level).unwrap();
    let a = cell.area();
    for near in cell.neighbours(Adjacency::Face) {
        let b = near.area();
        let meet = |x: f64, y: f64| (x - y).abs() < 1e-12 || ((x - y).abs() - 360.0).abs() < 1e-12;
        let beside = meet(a.east_deg(), b.west_deg()) || meet(a.west_deg(), b.east_deg());
        let above = meet(a.north_deg(), b.south_deg()) || meet(a.south_deg(), b.north_deg());
        let (same_rows, same_cols) = (meet(a.south_deg(), b.south_deg()), meet(a.west_deg(), b.west_deg()));
        assert!((beside && same_rows) || (above && same_cols), "{cell} {a:?} {near} {b:?}");
    }
}

#[test]
fn polar_caps_have_neighbours_but_no_steps() {
    let cell = |text: &str| text.parse::<beidou::Cell>().unwrap();
    let texts = |cells: Vec<beidou::Cell>| cells.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    // The cap touches the whole last row.
    assert_eq!(cell("N000").neighbours(Adjacency::Face).len(), 60);
    let around_pole = texts(cell("N00000").neighbours(Adjacency::Corner));
    assert_eq!(around_pole, ["N00001", "N00002", "N00003"].map(str::to_owned).into());
    let side = texts(cell("N00012").neighbours(Adjacency::Face));
    assert_eq!(side, ["N00001", "N00010", "N00013", "N00032"].map(str::to_owned).into());
    assert!(texts(cell("S31V07").neighbours(Adjacency::Face)).contains("S00010"));
    assert!(texts(cell("S31V").neighbours(Adjacency::Face)).contains("S000"));
    assert!(matches!(cell("N000").disk(1), Err(Error::Steps { .. })));
    assert!(matches!(cell("N000").distance(&cell("N31A")), Err(Error::Steps { .. })));
    assert_eq!(cell("N").children().count(), 60 * 22 + 1);
    assert_eq!(cell("N000").children().count(), 16);
    assert_eq!(cell("N00012").children().count(), 0);
    assert_eq!(cell("N0").children().count(), 60 * 22 * 64);
}

#[test]
fn answers_are_bounded() {
    let p = Position::new(116.3, 39.9, Some(50.0)).unwrap();
    let cell = beidou::Cell::of(&p, 10).unwrap();
    for k in [60, 1 << 20, u32::MAX] {
        assert!(matches!(cell.disk(k), Err(Error::TooMany { .. })), "{k}");
    }
    assert!(matches!(cell.ring(500), Err(Error::TooMany { .. })));
    assert!(matches!(cell.ring(u32::MAX), Err(Error::TooMany { .. }) | Ok(_)));
    assert!(matches!(h3::Cell::of(&p, 9).unwrap().disk(u32::MAX), Err(Error::TooMany { .. })));
    // A ring is thinner than its disk, and a level with few cells ends.
    assert_eq!(beidou::Cell::of(&p.without_height(), 10).unwrap().ring(10_000).unwrap().len(), 80_000);
    let coarse = geosot::Cell::of_2d(&p, 3).unwrap();
    assert_eq!(coarse.disk(u32::MAX).unwrap().len(), 6 * 4);
    assert!(coarse.ring(u32::MAX).unwrap().is_empty());
}

#[test]
fn plane_and_solid_cells_meet_by_their_ground() {
    let p = Position::new(116.3, 39.9, Some(50.0)).unwrap();
    let (flat, solid) = (beidou::Cell::of(&p.without_height(), 5).unwrap(), beidou::Cell::of(&p, 3).unwrap());
    assert!(flat.intersects(&solid) && !solid.contains(&flat) && !flat.contains(&solid));
    let fine = beidou::Cell::of(&p, 8).unwrap();
    assert!(flat.contains(&fine) && flat.intersects(&fine) && !fine.contains(&flat));
    let (n, n0) = ("N".parse::<beidou::Cell>().unwrap(), "N0".parse::<beidou::Cell>().unwrap());
    assert!(
        n.contains(&n0)
            && !n0.contains(&n)
            && n.contains(&fine)
            && n0.intersects(&flat)
            && n.contains(&"N00012".parse().unwrap())
    );
    let (flat, solid) = (geosot::Cell::of_2d(&p, 20).unwrap(), geosot::Cell::of_3d(&p, 12).unwrap());
    assert!(flat.intersects(&solid) && !solid.contains(&flat) && flat.distance(&solid).is_err());
}
