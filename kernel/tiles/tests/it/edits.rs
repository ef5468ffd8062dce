//! What an edit makes anew: the tiles that show the thing, and no others.

use std::collections::BTreeMap;

use kernel_model::{Kind, Region};
use kernel_tiles::space::{Address as InSpace, Offsets};
use kernel_tiles::vector::Address;
use kernel_tiles::{Question, Times, What};

use crate::space::{content, walk};
use crate::support::{City, building, strewn};

fn contents(city: &City) -> BTreeMap<(u8, u32, u32), u64> {
    let tag = |at: InSpace| city.ask(Kind::Building, What::Content(at, Offsets::default())).tag;
    let tiles = walk(city, Times::default(), Offsets::default());
    tiles.iter().map(|tile| tile.address).map(|at| ((at.cell.level, at.cell.x, at.cell.y), tag(at))).collect()
}

#[test]
fn one_edited_building_makes_one_branch_anew() {
    let boxes = strewn(6_000, 3);
    let mut city = City::of(boxes.iter().enumerate().map(|(n, at)| building(n, at, 9.0)));
    let before = contents(&city);
    let edited = 4_700;
    let id = city.ids()[&edited.to_string()].clone();
    let shows: Vec<_> = walk(&city, Times::default(), Offsets::default())
        .iter()
        .filter(|tile| content(&city, tile, Times::default(), Offsets::default()).ids().contains(&id))
        .map(|tile| (tile.address.cell.level, tile.address.cell.x, tile.address.cell.y))
        .collect();
    assert!(shows.len() > 1, "it is large, and shown from afar too: {shows:?}");
    // A centimetre higher: it is as large as before among the others.
    city.tell([building(edited, &boxes[edited], 9.01)]);
    let after = contents(&city);
    let changed: Vec<_> = after.iter().filter(|(at, tag)| before.get(at) != Some(tag)).map(|(at, _)| *at).collect();
    let mut wanted = shows;
    wanted.sort_unstable();
    assert_eq!(changed, wanted);
    assert!(before.keys().eq(after.keys()), "no tile came or went");
    let (lon, lat) = boxes[edited].centre();
    for (level, x, y) in changed {
        let cell = kernel_tiles::grid::Cell::of(level, lon, lat);
        assert_eq!((cell.x, cell.y), (x, y), "all lie above each other: one branch");
    }
}

#[test]
fn one_edited_building_makes_its_vector_tiles_anew() {
    let boxes = strewn(2_000, 4);
    let mut city = City::of(boxes.iter().enumerate().map(|(n, at)| building(n, at, 9.0)));
    let tags = |city: &City| -> BTreeMap<(u32, u32), u64> {
        let side = f64::from(1_u32 << 16);
        let x = |lon: f64| ((lon + 180.0) / 360.0 * side) as u32;
        (x(116.29)..=x(116.35))
            .flat_map(|x| (24_790..24_830).map(move |y| (x, y)))
            .map(|(x, y)| ((x, y), city.ask(Kind::Building, What::Vector(Address::new(16, x, y).unwrap())).tag))
            .collect()
    };
    let before = tags(&city);
    let at = boxes[1_234];
    city.tell([building(1_234, &at, 10.0)]);
    let after = tags(&city);
    let window = |(x, y): &(u32, u32)| Address::new(16, *x, *y).unwrap().window();
    let changed: Vec<_> = after.keys().filter(|key| before[key] != after[key]).collect();
    // The index knows boxes to a metre.
    let wider = Region { west: at.west - 1e-5, south: at.south - 1e-5, east: at.east + 1e-5, north: at.north + 1e-5 };
    assert!(!changed.is_empty() && changed.len() <= 4, "{changed:?}");
    assert!(changed.iter().all(|key| window(key).intersects(&wider)));
    assert!(after.keys().filter(|key| window(key).intersects(&at)).all(|key| changed.contains(&key)));
    // What it was is not what it is: the older tag is answered with bytes, the newer one with none.
    let key = changed[0];
    let question = Question {
        kind: Kind::Building,
        times: Times::default(),
        what: What::Vector(Address::new(16, key.0, key.1).unwrap()),
    };
    assert!(city.tiler.answer(&question, Some(before[key])).body.is_some());
    assert!(city.tiler.answer(&question, Some(after[key])).body.is_none());
    assert!(city.tiler.at_hand(&question, None).is_some(), "it is kept");
    // Another kind's commit leaves it as it is.
    city.tell([crate::support::point("somewhere", 0.0, 0.0)]);
    assert!(city.tiler.at_hand(&question, None).is_none(), "it has to be looked at");
    assert_eq!(city.tiler.answer(&question, None).tag, after[key]);
    city.retire("1234", kernel_model::TimeUs::now());
    assert_ne!(city.tiler.answer(&question, None).tag, after[key], "it is gone");
}
