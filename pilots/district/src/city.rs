//! What has been built so far: buildings come in one by one, and one that would stand in another or in a road is refused.

use std::collections::BTreeMap;

use crate::frame::{Site, bend};
use crate::plane::{P, Ring, ring_distance, ring_line_distance};
use crate::roads::Network;
use crate::solid::{Roof, Solid};

/// Clear space between two buildings, metres.
const GAP_M: f64 = 0.25;
/// Side of the cells in which neighbours are looked up.
const CELL_M: f64 = 60.0;

/// A building.
#[derive(Debug, Clone)]
pub(crate) struct Building {
    pub(crate) class: &'static str,
    pub(crate) name: Option<(String, String)>,
    pub(crate) storeys: u32,
    pub(crate) roof: Roof,
    pub(crate) year: u32,
    pub(crate) block: usize,
    pub(crate) outline: Ring,
    pub(crate) solid: Solid,
}

/// What a template says of a building; the rest follows from where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) class: &'static str,
    pub(crate) name: Option<(String, String)>,
    pub(crate) storeys: u32,
    pub(crate) roof: Roof,
    pub(crate) year: u32,
    pub(crate) outline: Ring,
    pub(crate) solid: Solid,
}

/// Ground that is used in its own way: an outline, its class, its name.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) class: &'static str,
    pub(crate) name: Option<(String, String)>,
    pub(crate) outline: Ring,
    pub(crate) hole: Option<Ring>,
}

/// A tree.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) at: P,
    pub(crate) species: &'static str,
    pub(crate) height_m: f64,
    pub(crate) crown_m: f64,
}

/// Everything that stands still.
#[derive(Debug, Clone, Default)]
pub(crate) struct City {
    pub(crate) network: Network,
    pub(crate) buildings: Vec<Building>,
    pub(crate) grounds: Vec<Ground>,
    pub(crate) waters: Vec<Ground>,
    pub(crate) trees: Vec<Tree>,
    pub(crate) refused: usize,
    cells: BTreeMap<(i32, i32), Cell>,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    buildings: Vec<usize>,
    roads: Vec<usize>,
}

fn cells(ring: &[P], margin: f64) -> impl Iterator<Item = (i32, i32)> {
    let fold = |get: fn(&P) -> f64, pick: fn(f64, f64) -> f64, start: f64| ring.iter().map(get).fold(start, pick);
    let low = |v: f64| ((v - margin) / CELL_M).floor() as i32;
    let high = |v: f64| ((v + margin) / CELL_M).floor() as i32;
    let (west, east) = (low(fold(|q| q.x, f64::min, f64::MAX)), high(fold(|q| q.x, f64::max, f64::MIN)));
    let (south, north) = (low(fold(|q| q.y, f64::min, f64::MAX)), high(fold(|q| q.y, f64::max, f64::MIN)));
    (west..=east).flat_map(move |x| (south..=north).map(move |y| (x, y)))
}

/// Whether the point lies well outside the box around the outline: the cheap answer for most.
fn is_far(outline: &[P], at: P) -> bool {
    let beyond = |get: fn(&P) -> f64, v: f64| {
        outline.iter().all(|q| get(q) > v + 2.0) || outline.iter().all(|q| get(q) < v - 2.0)
    };
    beyond(|q| q.x, at.x) || beyond(|q| q.y, at.y)
}

impl City {
    pub(crate) fn new(network: Network) -> Self {
        let mut city = Self { network, ..Self::default() };
        for (i, road) in city.network.roads.iter().enumerate() {
            for cell in cells(&road.line, road.class.reach_m()) {
                city.cells.entry(cell).or_default().roads.push(i);
            }
        }
        city
    }

    /// Whether an outline keeps clear of roads (with their sidewalks), water and buildings.
    pub(crate) fn is_free(&self, outline: &[P], gap: f64) -> bool {
        let clear_of_road = |i: &usize| {
            let road = &self.network.roads[*i];
            ring_line_distance(outline, &road.line) >= road.class.reach_m() + gap.min(0.1)
        };
        let clear_of_building = |i: &usize| ring_distance(outline, &self.buildings[*i].outline) >= gap;
        let clear_of_water = self.waters.iter().all(|water| ring_distance(outline, &water.outline) >= gap);
        clear_of_water
            && cells(outline, gap)
                .filter_map(|cell| self.cells.get(&cell))
                .all(|cell| cell.roads.iter().all(clear_of_road) && cell.buildings.iter().all(clear_of_building))
    }

    /// Builds the draft at the site, unless something is in the way.
    pub(crate) fn build(&mut self, block: usize, site: Site, draft: Draft) -> bool {
        let outline = site.ring(&draft.outline);
        if !self.is_free(&outline, GAP_M) {
            self.refused += 1;
            return false;
        }
        let mut solid = draft.solid;
        for corner in solid.faces.iter_mut().flatten().flatten() {
            corner.at = site.point(corner.at);
        }
        let number = self.buildings.len();
        for cell in cells(&outline, 0.0) {
            self.cells.entry(cell).or_default().buildings.push(number);
        }
        let Draft { class, name, storeys, roof, year, .. } = draft;
        self.buildings.push(Building { class, name, storeys, roof, year, block, outline, solid });
        true
    }

    /// Plants a tree, unless its trunk would stand in a building, in water or on a carriageway.
    pub(crate) fn plant(&mut self, tree: Tree) {
        let at = tree.at;
        let trunk =
            [P { x: at.x - 0.3, y: at.y - 0.3 }, P { x: at.x + 0.3, y: at.y - 0.3 }, P { x: at.x, y: at.y + 0.3 }];
        let clear_of_road = |i: &usize| {
            let road = &self.network.roads[*i];
            crate::plane::distance_to_line(at, &road.line) >= road.class.width_m() / 2.0 + 0.5
        };
        let clear_of_building = |i: &usize| ring_distance(&trunk, &self.buildings[*i].outline) >= 1.2;
        let is_dry = |water: &Ground| {
            let on_island = water.hole.as_ref().is_some_and(|hole| crate::plane::contains(hole, at));
            on_island || is_far(&water.outline, at) || ring_distance(&trunk, &water.outline) >= 0.8
        };
        let is_clear = cells(&trunk, 2.0)
            .filter_map(|cell| self.cells.get(&cell))
            .all(|cell| cell.roads.iter().all(clear_of_road) && cell.buildings.iter().all(clear_of_building));
        if is_clear && self.waters.iter().all(is_dry) {
            self.trees.push(tree);
        }
    }

    /// A piece of ground drawn on the board as a rectangle.
    pub(crate) fn ground(&mut self, class: &'static str, name: Option<(&str, &str)>, rect: &crate::plan::Rect) {
        let steps = |from: f64, to: f64| (0..12).map(move |i| from + (to - from) * f64::from(i) / 12.0);
        let mut outline: Ring = steps(rect.west, rect.east).map(|u| bend(u, rect.south)).collect();
        outline.extend(steps(rect.south, rect.north).map(|v| bend(rect.east, v)));
        outline.extend(steps(rect.east, rect.west).map(|u| bend(u, rect.north)));
        outline.extend(steps(rect.north, rect.south).map(|v| bend(rect.west, v)));
        let name = name.map(|(zh, en)| (zh.to_owned(), en.to_owned()));
        self.grounds.push(Ground { class, name, outline, hole: None });
    }
}
