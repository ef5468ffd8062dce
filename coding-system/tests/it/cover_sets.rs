//! The algebra of covers, code by code, and their smallest form against a plain merging of siblings.

use std::collections::BTreeMap;

use coding_system::cover::Shape;
use coding_system::cover::{Certainty, Code, Cover, Limits, cover, cover_solid};
use coding_system::{GridCell, HeightBand, LonLatBox, Position, geosot::Cell};
use proptest::prelude::*;

use crate::cover_shapes::star;

/// Cells of mixed levels around one place, so that they touch, overlap and leave gaps.
fn cells(solid: bool) -> impl Strategy<Value = Vec<(Cell, bool)>> {
    let one = (0.0..1.0f64, 0.0..1.0f64, -40.0..400.0f64, 8u8..=22, any::<bool>());
    let place =
        prop::sample::select(vec![(116.3, 39.9), (-0.001, 0.001), (179.99, 89.99), (-180.0, -90.0), (7.999, 6.999)]);
    let spread = prop::sample::select(vec![3.0, 0.05, 0.002]);
    (place, spread, prop::collection::vec(one, 0..30)).prop_map(move |((lon, lat), spread, cells)| {
        let cell = |(u, v, h, level, inner): (f64, f64, f64, u8, bool)| {
            let lon = (lon + spread * (u - 0.5)).clamp(-180.0, 180.0);
            let lat = (lat + spread * (v - 0.5)).clamp(-90.0, 90.0);
            let p = Position::new(lon, lat, solid.then_some(h)).unwrap();
            (Cell::of(&p, level).unwrap(), inner)
        };
        cells.into_iter().map(cell).collect()
    })
}

fn of<C: Code>(cells: &[(Cell, bool)]) -> Cover<C> {
    Cover::from_cells(cells.iter().map(|(cell, inner)| (cell, *inner)))
}

/// Codes at and beside the ends of the ranges.
fn codes<C: Code>(covers: &[&Cover<C>]) -> Vec<C> {
    let ranges = covers.iter().flat_map(|cover| cover.ranges());
    let ends = ranges.flat_map(|r| [Some(r.first), Some(r.last), r.first.previous(), r.last.next()]);
    ends.flatten().filter(|code| code.cell(32).is_some()).collect()
}

fn is_canonical<C: Code>(cover: &Cover<C>) -> bool {
    cover.ranges().iter().all(|r| r.first <= r.last && r.first.cell(32).is_some())
        && cover
            .ranges()
            .windows(2)
            .all(|w| w[0].last < w[1].first && (w[0].inner != w[1].inner || w[0].last.next() < Some(w[1].first)))
}

fn laws<C: Code>(a: &[(Cell, bool)], b: &[(Cell, bool)]) -> Result<(), TestCaseError> {
    let (one, two): (Cover<C>, Cover<C>) = (of(a), of(b));
    let (or, and, less) = (one.union(&two), one.intersection(&two), one.difference(&two));
    for cover in [&one, &two, &or, &and, &less] {
        prop_assert!(is_canonical(cover), "{cover:?}");
    }
    for code in codes(&[&one, &two, &or, &and, &less]) {
        let (x, y) = (one.of_code(code), two.of_code(code));
        let stated = |cells: &[(Cell, bool)], inner: bool| {
            cells.iter().any(|(cell, i)| *i >= inner && cell.contains(&code.cell(32).unwrap()))
        };
        prop_assert_eq!((x >= Certainty::Perhaps, x == Certainty::Inside), (stated(a, false), stated(a, true)));
        prop_assert_eq!(or.of_code(code), x.max(y));
        prop_assert_eq!(and.of_code(code), x.min(y));
        // What may be in A and is surely in B is not in the difference; what may be in B stays as perhaps.
        let expected = match y {
            Certainty::Outside => x,
            Certainty::Perhaps => x.min(Certainty::Perhaps),
            Certainty::Inside => Certainty::Outside,
        };
        prop_assert_eq!(less.of_code(code), expected);
    }
    prop_assert!(or.contains(&one) && or.contains(&two) && one.contains(&and) && one.contains(&less));
    prop_assert_eq!(one.contains(&two), or == one);
    prop_assert_eq!(two.union(&one), or);
    prop_assert_eq!(one.difference(&Cover::default()), one.clone());
    prop_assert_eq!(of::<C>(&one.cells()), one.clone());
    prop_assert_eq!(one.cells().len(), one.cell_count());
    prop_assert_eq!(one.cells(), merged_siblings(one.cells_at(22, 3000).unwrap_or_else(|_| one.cells())));
    for cell in a.iter().map(|c| c.0) {
        prop_assert!(one.of_cell(&cell) >= Some(Certainty::Perhaps));
    }
    Ok(())
}

/// Merges cells that are all the real children of their parent, level by level.
fn merged_siblings(cells: Vec<(Cell, bool)>) -> Vec<(Cell, bool)> {
    let mut open: BTreeMap<Cell, bool> = cells.into_iter().collect();
    for level in (1..=32u8).rev() {
        let mut parents: BTreeMap<(Cell, bool), Vec<Cell>> = BTreeMap::new();
        for (cell, inner) in open.iter().filter(|(cell, _)| cell.level() == level) {
            parents.entry((cell.parent(level - 1).unwrap(), *inner)).or_default().push(*cell);
        }
        for ((parent, inner), children) in parents {
            let all = if parent.is_3d() { real_children::<u128>(&parent) } else { real_children::<u64>(&parent) };
            if children.len() as u128 == all {
                for child in &children {
                    open.remove(child);
                }
                open.insert(parent, inner);
            }
        }
    }
    let mut cells: Vec<_> = open.into_iter().collect();
    cells.sort_by_key(|(cell, _)| (cell.to_u96().unwrap_or_else(|| cell.to_u64().into()), cell.level()));
    cells
}

/// Counted by trying all digits.
fn real_children<C: Code>(cell: &Cell) -> u128 {
    let (digits, bits) = if C::IS_3D { (8u128, 3) } else { (4, 2) };
    let level = cell.level() + 1;
    let from_digit = |digit: u128| {
        let place = 32 - u32::from(level);
        match cell.to_u96() {
            Some(code) => Cell::from_u96(code | digit << (bits * place), level),
            None => Cell::from_u64(cell.to_u64() | (digit as u64) << (bits * place), level),
        }
    };
    (0..digits).filter(|digit| from_digit(*digit).is_ok()).count() as u128
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn operations_say_of_each_code_what_they_should(a in cells(false), b in cells(false)) {
        laws::<u64>(&a, &b)?;
    }

    #[test]
    fn operations_in_space_too(a in cells(true), b in cells(true)) {
        laws::<u128>(&a, &b)?;
    }

    #[test]
    fn counts_are_the_lists_they_count(a in cells(false), solid in cells(true), level in 5u8..=19) {
        let flat: Cover = of(&a);
        if let Ok(cells) = flat.cells_at(level, 5_000) {
            prop_assert_eq!(flat.count_at(level).unwrap(), cells.len() as u128);
            for (cell, inner) in &cells {
                let certain = if *inner { Certainty::Inside } else { Certainty::Perhaps };
                prop_assert_eq!((cell.level(), flat.of_cell(cell)), (level, Some(certain)));
            }
            prop_assert!(of::<u64>(&cells).cells_at(level, 5_000).unwrap() == cells);
        } else {
            prop_assert!(flat.count_at(level).unwrap() > 5_000);
        }
        let solid: Cover<u128> = of(&solid);
        if let Ok(cells) = solid.cells_at(level, 5_000) {
            prop_assert_eq!(solid.count_at(level).unwrap(), cells.len() as u128);
        }
    }

    /// The cover of a difference holds the difference of the areas, and so on, at random places.
    #[test]
    fn covers_of_areas_combine_as_the_areas_do(a in star(), size in prop_oneof![0.0..0.01f64, 0.0..9.0f64], places in prop::collection::vec((-2.0..2.0f64, -2.0..2.0f64), 50)) {
        let limits = Limits { max_cells: 300, finest_level: 32 };
        let (lon, lat) = a.centre();
        prop_assume!(lon.abs() < 160.0);
        let b = LonLatBox::new(lon, lat - size, lon + size, lat + size).unwrap();
        let (one, two) = (cover(&a.shape(), limits).unwrap(), cover(&Shape::of_box(&b), limits).unwrap());
        for (u, v) in places {
            // Beyond a pole there is no place.
            let Ok(p) = Position::new_2d(lon + size * u, lat + size * v) else { continue };
            let (in_a, in_b) = (a.holds(&p), b.contains(&p));
            for (cover, truly) in [
                (one.union(&two), in_a || in_b),
                (one.intersection(&two), in_a && in_b),
                (one.difference(&two), in_a && !in_b),
                (two.difference(&one), in_b && !in_a),
            ] {
                let wrong = if truly { Certainty::Outside } else { Certainty::Inside };
                prop_assert!(cover.of_position(&p) != Some(wrong), "{p:?} {truly}");
            }
        }
    }
}

#[test]
fn known_counts() {
    let world = LonLatBox::new(-180.0, -90.0, 180.0, 90.0).unwrap();
    let limits = Limits { max_cells: 100, finest_level: 32 };
    let all = cover(&Shape::of_box(&world), limits).unwrap();
    assert_eq!((all.ranges().len(), all.cell_count()), (1, 1));
    // A degree has 60 by 60 minutes, not 64 by 64.
    let degree = Cell::of(&Position::new_2d(116.5, 39.5).unwrap(), 9).unwrap();
    let one: Cover = of(&[(degree, true)]);
    assert_eq!(one.count_at(15).unwrap(), 3600);
    assert_eq!(one.count_at(21).unwrap(), 3600 * 3600);
    assert_eq!(one.count_at(32).unwrap(), (7_372_800u128).pow(2));
    assert_eq!(one.count_at(3).unwrap(), 1);
    assert_eq!(one.cells_at(15, 3600).unwrap().len(), 3600);
    assert!(one.cells_at(15, 3599).is_err() && one.count_at(33).is_err());
    // All its minutes make the degree again, and two degrees that touch across virtual minutes make one range.
    let minutes: Cover = of(&one.cells_at(15, 3600).unwrap());
    assert_eq!(minutes, one);
    let next = Cell::of(&Position::new_2d(117.5, 39.5).unwrap(), 9).unwrap();
    let two: Cover = of(&[(degree, true), (next, true)]);
    assert_eq!(two.ranges().len(), 1);
    let band = HeightBand { low_m: 0.0, high_m: 400.0 };
    let minute = Cell::of(&Position::new_2d(116.51, 39.51).unwrap(), 15).unwrap();
    let solid =
        cover_solid(&Shape::of_box(&minute.area()), &band, Limits { max_cells: 4000, finest_level: 21 }).unwrap();
    assert!(solid.ranges().iter().any(|r| r.inner) && solid.of_cell(&minute).is_none());
}
