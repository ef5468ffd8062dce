//! What stands in the blocks: one file for each zone, all of them made of the shapes below. Plots come in, buildings go
//! out; what does not fit is not built.

mod civic;
mod hutong;
mod residential;
mod work;

use crate::city::{City, Draft};
use crate::frame::Site;
use crate::plan::{Block, Plan, Rect, Zone};
use crate::plane::{P, Ring, p};
use crate::random::Random;
use crate::solid::{Roof, Solid, chamfered, rect, scaled};

/// The crossing of the two avenues, where the district is tallest.
pub(crate) const CROSSING: (f64, f64) = (8.0, -12.0);

/// Builds every block.
pub(crate) fn build(city: &mut City, plan: &Plan, seed: u64) {
    for block in &plan.blocks {
        let random = Random::fork(seed, "block", block.number as u64);
        let mut builder = Builder { city, random, block };
        match block.zone {
            Zone::Residential => residential::build(&mut builder),
            Zone::Hutong => hutong::build(&mut builder),
            Zone::Office => work::offices(&mut builder),
            Zone::Commercial => work::commercial(&mut builder),
            Zone::Industrial => work::industrial(&mut builder),
            Zone::Campus => civic::campus(&mut builder),
            Zone::School => civic::school(&mut builder),
            Zone::Park => {}
        }
    }
}

/// One block being built.
pub(super) struct Builder<'a> {
    pub(super) city: &'a mut City,
    pub(super) random: Random,
    pub(super) block: &'a Block,
}

impl Builder<'_> {
    /// Builds at a point of the board, turned by `turn` quarter turns counter-clockwise.
    pub(super) fn put(&mut self, at: (f64, f64), turn: u32, draft: Draft) -> bool {
        let site = Site::new(at.0, at.1, f64::from(turn) * std::f64::consts::FRAC_PI_2);
        self.city.build(self.block.number, site, draft)
    }

    pub(super) fn year(&mut self, from: u32, to: u32) -> u32 {
        self.random.whole(from, to)
    }

    /// A row of small shops along one side of the plot; returns what is left of the plot.
    pub(super) fn shops(&mut self, plot: &Rect, side: Side) -> Rect {
        let depth = self.random.between(8.5, 10.0);
        let is_level = matches!(side, Side::South | Side::North);
        let (from, to) = if is_level { (plot.west, plot.east) } else { (plot.south, plot.north) };
        let mut along = from + 2.0;
        while along < to - 9.0 {
            let width = self.random.between(8.0, 13.5).min(to - 2.0 - along);
            let across = match side {
                Side::South => plot.south + depth / 2.0 + 1.0,
                Side::North => plot.north - depth / 2.0 - 1.0,
                Side::West => plot.west + depth / 2.0 + 1.0,
                Side::East => plot.east - depth / 2.0 - 1.0,
            };
            let middle = along + width / 2.0;
            let at = if is_level { (middle, across) } else { (across, middle) };
            let storeys = self.random.whole(1, 3);
            let year = self.year(1996, 2019);
            let draft = if self.random.chance(0.25) {
                house("retail", width - 0.8, depth, f64::from(storeys) * 3.6, 1.8, year)
            } else {
                parapet("retail", width - 0.8, depth, storeys, 3.6, year)
            };
            self.put(at, u32::from(!is_level), draft);
            along += width;
        }
        let cut = depth + 5.0;
        match side {
            Side::South => Rect { south: plot.south + cut, ..*plot },
            Side::North => Rect { north: plot.north - cut, ..*plot },
            Side::West => Rect { west: plot.west + cut, ..*plot },
            Side::East => Rect { east: plot.east - cut, ..*plot },
        }
    }

    /// The side of the plot that looks on a street, if only one lane bounds it; south otherwise.
    pub(super) fn street_side(&mut self, plot: &Rect) -> Side {
        let net = &self.block.net;
        let mut sides = Vec::new();
        let touches = |a: f64, b: f64| (a - b).abs() < 0.01;
        for (is_open, side) in [
            (touches(plot.south, net.south), Side::South),
            (touches(plot.north, net.north), Side::North),
            (touches(plot.west, net.west), Side::West),
            (touches(plot.east, net.east), Side::East),
        ] {
            if is_open {
                sides.push(side);
            }
        }
        sides.get(self.random.index(sides.len())).copied().unwrap_or(Side::South)
    }
}

/// A side of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    South,
    North,
    West,
    East,
}

/// From 1 at the crossing of the avenues down to 0 at the ring.
pub(super) fn centrality(at: (f64, f64)) -> f64 {
    let distance = (at.0 - CROSSING.0).hypot(at.1 - CROSSING.1);
    (-(distance / 300.0).powi(2)).exp()
}

fn draft(class: &'static str, storeys: u32, roof: Roof, year: u32, outline: Ring, solid: Solid) -> Draft {
    Draft { class, name: None, storeys, roof, year, outline, solid }
}

pub(super) fn named(mut draft: Draft, name: &str, name_en: &str) -> Draft {
    draft.name = Some((name.to_owned(), name_en.to_owned()));
    draft
}

/// A flat roof behind a parapet.
pub(super) fn parapet(class: &'static str, width: f64, depth: f64, storeys: u32, storey: f64, year: u32) -> Draft {
    let (outer, inner) = (rect(width, depth), rect(width - 0.8, depth - 0.8));
    let solid = Solid::parapet(&outer, &inner, f64::from(storeys) * storey, 1.0);
    draft(class, storeys, Roof::Flat, year, outer.to_vec(), solid)
}

/// A pitched roof, its ridge along the longer side.
pub(super) fn house(class: &'static str, width: f64, depth: f64, eaves: f64, rise: f64, year: u32) -> Draft {
    let outline = lengthwise(width, depth);
    let storeys = (eaves / 3.2).round().max(1.0) as u32;
    draft(class, storeys, Roof::Gabled, year, outline.to_vec(), Solid::gabled(&outline, eaves, eaves + rise))
}

/// A pitched roof on all four sides.
pub(super) fn hipped(class: &'static str, width: f64, depth: f64, storeys: u32, storey: f64, year: u32) -> Draft {
    let outline = lengthwise(width, depth);
    let (long, short) = (width.max(depth), width.min(depth));
    let eaves = f64::from(storeys) * storey;
    let inset = (short / 2.0 / long).min(0.46);
    let solid = Solid::hipped(&outline, eaves, eaves + short * 0.27, inset);
    draft(class, storeys, Roof::Hipped, year, outline.to_vec(), solid)
}

/// The rectangle's corners, a long edge first.
fn lengthwise(width: f64, depth: f64) -> [P; 4] {
    let [a, b, c, d] = rect(width, depth);
    if width >= depth { [a, b, c, d] } else { [b, c, d, a] }
}

/// Any outline, flat on top, with a smaller storey for the machines.
pub(super) fn with_attic(
    class: &'static str,
    outline: Ring,
    attic: Ring,
    storeys: u32,
    storey: f64,
    year: u32,
) -> Draft {
    let height = f64::from(storeys) * storey;
    let solid = Solid::tiers(&[(outline.clone(), height), (attic, height + 3.6)]);
    draft(class, storeys, Roof::Flat, year, outline, solid)
}

/// Any outline, flat on top.
pub(super) fn plain(
    class: &'static str,
    outline: Ring,
    hole: Option<&[P]>,
    storeys: u32,
    storey: f64,
    year: u32,
) -> Draft {
    let solid = Solid::block(&outline, hole, f64::from(storeys) * storey);
    draft(class, storeys, Roof::Flat, year, outline, solid)
}

/// A podium and a tower on it that steps back `steps` times.
pub(super) fn tower(
    class: &'static str,
    podium: (Ring, f64),
    shaft: &Ring,
    offset: P,
    height: f64,
    steps: u32,
    year: u32,
) -> Draft {
    let moved = |ring: Ring| ring.into_iter().map(|at| at.plus(offset)).collect::<Ring>();
    let outline = podium.0.clone();
    let from = podium.1;
    let mut tiers = vec![podium];
    for step in 0..=steps {
        let share = match steps {
            0 => 1.0,
            // The lowest part is the tallest.
            n => 0.52 + 0.48 * f64::from(step) / f64::from(n),
        };
        tiers.push((moved(scaled(shaft, 1.0 - 0.11 * f64::from(step))), from + (height - from) * share));
    }
    tiers.push((moved(scaled(shaft, 0.45 - 0.02 * f64::from(steps))), height + 4.5));
    draft(class, (height / 4.0) as u32, Roof::Stepped, year, outline, Solid::tiers(&tiers))
}

/// A tower drawn in towards its top.
pub(super) fn tapered(class: &'static str, base: Ring, shaft: f64, height: f64, factor: f64, year: u32) -> Draft {
    let solid = Solid::tapered(&base, shaft, &scaled(&base, factor), height);
    draft(class, (height / 4.0) as u32, Roof::Tapered, year, base, solid)
}

pub(super) fn podium(width: f64, depth: f64, height: f64) -> (Ring, f64) {
    (chamfered(width, depth, 3.0), height)
}

pub(super) fn shift(x: f64, y: f64) -> P {
    p(x, y)
}
