//! `tileset.json`: where implicit tiling begins and how its tiles are found.

use kernel_model::{Kind, Region};
use serde_json::{Value, json};

use super::earth::degree_m;
use super::tree::{Bounds, Tree};
use super::{DEEPEST, Offsets, SUBTREE_LEVELS};
use crate::grid::Cell;
use crate::index::Item;
use crate::view::{Times, View};

/// Cells along a side of what the roots cover, at most.
const ROOTS_ALONG: u32 = 4;
/// The finest level of a root: 153 m of longitude on the equator.
const FINEST_ROOT: u8 = 18;

/// The tileset of a kind; no bytes where nothing of it has faces.
pub(crate) fn tileset(view: &View, kind: Kind, offsets: Offsets, times: &Times) -> Vec<u8> {
    let reach = view.reach(kind, Item::has_faces);
    if reach.is_empty() {
        return Vec::new();
    }
    let query = query(offsets, times);
    let (mut children, mut around) = (Vec::new(), Bounds::EMPTY);
    for cell in roots(&reach) {
        let things = view.in_cell(kind, &cell);
        let Some(tile) = Tree::of(&things, cell, 1, offsets).tiles.first().copied() else { continue };
        let bounds = Bounds { region: cell.region(), ..tile.bounds };
        // What sticks out of its cell lies in the region of the whole.
        around = around.union(&bounds).union(&tile.bounds);
        children.push(child(&cell, &bounds, tile.error_m, &query));
    }
    let [east_m, north_m] = degree_m(reach.centre().1);
    let whole_m = ((reach.east - reach.west) * east_m).hypot((reach.north - reach.south) * north_m).max(1_000.0);
    let document = json!({
        "asset": { "version": "1.1", "generator": "Urbis" },
        "schema": schema(),
        "geometricError": whole_m,
        "root": {
            "boundingVolume": { "region": around.volume() },
            "geometricError": whole_m,
            "refine": "REPLACE",
            "children": children,
        },
        "extras": { "heights": "Metres as stored, drawn as if above the ellipsoid where height_reference names another \
                                reference; undulation_m and ground_m of the address are added to such heights." },
    });
    document.to_string().into_bytes()
}

/// The cells that hold everything, as fine as they can be while few are enough.
fn roots(reach: &Region) -> Vec<Cell> {
    let corners = |level| [Cell::of(level, reach.west, reach.south), Cell::of(level, reach.east, reach.north)];
    let few = |level: &u8| {
        let [low, high] = corners(*level);
        high.x - low.x < ROOTS_ALONG && high.y - low.y < ROOTS_ALONG
    };
    let level = (0..=FINEST_ROOT).take_while(few).last().unwrap_or_default();
    let [low, high] = corners(level);
    let rows = (low.y..=high.y).flat_map(|y| (low.x..=high.x).map(move |x| (x, y)));
    rows.filter_map(|(x, y)| Cell::new(level, x, y)).collect()
}

fn child(cell: &Cell, bounds: &Bounds, error_m: f64, query: &str) -> Value {
    let root = format!("{}-{}-{}", cell.level, cell.x, cell.y);
    json!({
        "boundingVolume": { "region": bounds.volume() },
        "geometricError": error_m,
        "refine": "REPLACE",
        "content": { "uri": format!("{root}/{{level}}/{{x}}/{{y}}.glb{query}") },
        "implicitTiling": {
            "subdivisionScheme": "QUADTREE",
            "availableLevels": DEEPEST - cell.level + 1,
            "subtreeLevels": SUBTREE_LEVELS,
            "subtrees": { "uri": format!("{root}/subtrees/{{level}}/{{x}}/{{y}}.subtree{query}") },
        },
    })
}

fn schema() -> Value {
    let region = json!({
        "type": "SCALAR", "componentType": "FLOAT64", "array": true, "count": 6, "required": true,
        "semantic": "TILE_BOUNDING_REGION",
    });
    let error =
        json!({ "type": "SCALAR", "componentType": "FLOAT64", "required": true, "semantic": "TILE_GEOMETRIC_ERROR" });
    json!({ "id": "urbis_tiles", "classes": { "tile": { "properties": { "region": region, "geometricError": error } } } })
}

/// What was asked, to be asked of every tile.
fn query(offsets: Offsets, times: &Times) -> String {
    let mut parts = Vec::new();
    if let Some(valid) = times.valid {
        let end = |end: Option<kernel_model::TimeUs>, step: i64| {
            end.map_or("..".to_owned(), |time| kernel_model::TimeUs(time.0 - step).to_string())
        };
        // A span ends before its last microsecond's end.
        parts.push(format!("datetime={}/{}", end(valid.from, 0), end(valid.to, 1)));
    }
    parts.extend(times.recorded.map(|recorded| format!("recorded={recorded}")));
    let metres = |name: &str, millimetres: i32| {
        (millimetres != 0).then(|| format!("{name}={}", f64::from(millimetres) / 1000.0))
    };
    parts.extend(metres("undulation_m", offsets.undulation_mm));
    parts.extend(metres("ground_m", offsets.ground_mm));
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

#[cfg(test)]
mod tests {
    use kernel_model::{Span, TimeUs};

    use super::*;

    #[test]
    fn few_roots_hold_everything() {
        for reach in [
            Region { west: 116.29, south: 39.97, east: 116.32, north: 39.99 },
            Region { west: -0.01, south: -0.01, east: 0.01, north: 0.01 },
            Region { west: 4.0, south: 52.0, east: 4.0, north: 52.0 },
            Region::WORLD,
        ] {
            let roots = roots(&reach);
            assert!((1..=16).contains(&roots.len()), "{roots:?}");
            let all = roots.iter().fold(Region::EMPTY, |all, cell| all.union(&cell.region()));
            assert!(all.contains(reach.west, reach.south) && all.contains(reach.east, reach.north), "{all:?}");
        }
    }

    #[test]
    fn what_was_asked_is_asked_again() {
        let instant = Span::parse("2026-01-02T03:04:05Z").unwrap();
        let times = Times { valid: Some(instant), recorded: Some(TimeUs(1_000_000)) };
        let query = query(Offsets { undulation_mm: -43_500, ground_mm: 0 }, &times);
        assert_eq!(
            query,
            "?datetime=2026-01-02T03:04:05Z/2026-01-02T03:04:05Z&recorded=1970-01-01T00:00:01Z&undulation_m=-43.5"
        );
        let again = query.strip_prefix("?datetime=").unwrap().split('&').next().unwrap();
        assert_eq!(Span::parse(again).unwrap(), instant);
        assert_eq!(super::query(Offsets::default(), &Times::default()), "");
    }
}
