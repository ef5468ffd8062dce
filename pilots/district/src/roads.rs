//! The road network: streets drawn as lines on the board come in; a graph of bent centre lines between junctions goes
//! out. No road ends blindly: every end meets another road.

use std::collections::BTreeMap;

use crate::frame::bend;
use crate::plane::{P, line_length, p};

/// Metres between the points of a straight road, so that it can bend.
const STEP_M: f64 = 15.0;

/// What a road is for (the words of OpenStreetMap's `highway`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoadClass {
    /// The ring and the two avenues.
    Primary,
    /// Between quarters.
    Secondary,
    /// Between blocks.
    Residential,
    /// Inside a block.
    Service,
    /// An alley between courtyards: no cars.
    Alley,
    /// For walkers only.
    Footway,
}

impl RoadClass {
    /// The word that stands as the entity's class.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Residential => "residential",
            Self::Service => "service",
            Self::Alley => "living_street",
            Self::Footway => "footway",
        }
    }

    /// Width of the carriageway, metres.
    pub const fn width_m(self) -> f64 {
        match self {
            Self::Primary => 24.0,
            Self::Secondary => 15.0,
            Self::Residential => 8.0,
            Self::Service => 6.0,
            Self::Alley => 4.0,
            Self::Footway => 3.0,
        }
    }

    /// Width of the sidewalk on each side, metres.
    pub const fn sidewalk_m(self) -> f64 {
        match self {
            Self::Primary => 4.5,
            Self::Secondary => 3.5,
            Self::Residential => 2.5,
            Self::Service => 1.2,
            Self::Alley | Self::Footway => 0.0,
        }
    }

    /// From the centre line to where buildings may begin, metres.
    pub const fn reach_m(self) -> f64 {
        self.width_m() / 2.0 + self.sidewalk_m()
    }

    /// Lanes for cars, both directions together.
    pub const fn lanes(self) -> u32 {
        match self {
            Self::Primary => 6,
            Self::Secondary => 4,
            Self::Residential | Self::Service => 2,
            Self::Alley | Self::Footway => 0,
        }
    }
}

/// A street as drawn: one class, one name, points on the board.
#[derive(Debug, Clone)]
pub(crate) struct Street {
    pub(crate) class: RoadClass,
    pub(crate) name: String,
    pub(crate) name_en: String,
    pub(crate) points: Vec<P>,
}

/// A piece of road between two junctions.
#[derive(Debug, Clone)]
pub(crate) struct Road {
    pub(crate) class: RoadClass,
    pub(crate) name: String,
    pub(crate) name_en: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The centre line on the ground.
    pub(crate) line: Vec<P>,
    pub(crate) length_m: f64,
}

/// The network. A junction's roads stand in `exits` as (road, whether it leaves in the road's own direction).
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    pub(crate) junctions: Vec<P>,
    pub(crate) roads: Vec<Road>,
    pub(crate) exits: Vec<Vec<(usize, bool)>>,
}

impl Network {
    /// Splits the streets wherever two meet and bends the pieces.
    pub(crate) fn build(streets: &[Street]) -> Self {
        let mut network = Self::default();
        let mut numbers = BTreeMap::new();
        for (i, street) in streets.iter().enumerate() {
            let cuts = cuts(i, streets);
            for (from, to) in cuts.iter().zip(cuts.iter().skip(1)) {
                network.add(street, &mut numbers, *from, *to);
            }
        }
        network
    }

    fn add(&mut self, street: &Street, numbers: &mut BTreeMap<(i64, i64), usize>, from: Cut, to: Cut) {
        let mut board = vec![from.at];
        board.extend(
            street.points.iter().enumerate().filter(|(i, _)| *i > from.segment && *i <= to.segment).map(|(_, at)| *at),
        );
        board.push(to.at);
        board.dedup_by(|a, b| a.distance(*b) < 0.01);
        let line: Vec<P> = dense(&board).into_iter().map(|at| bend(at.x, at.y)).collect();
        let (from, to) = (self.junction(numbers, from.at), self.junction(numbers, to.at));
        let road = self.roads.len();
        self.exits[from].push((road, true));
        self.exits[to].push((road, false));
        let (name, name_en) = (street.name.clone(), street.name_en.clone());
        let length_m = line_length(&line);
        self.roads.push(Road { class: street.class, name, name_en, from, to, line, length_m });
    }

    /// The road's line as it is to be seen: a narrow road ends at the kerb of the wider one it meets, so that no path is
    /// drawn across an avenue.
    pub(crate) fn visible(&self, number: usize) -> Vec<P> {
        let road = &self.roads[number];
        let cut = |junction: usize| {
            let widths = self.exits[junction].iter().map(|(other, _)| self.roads[*other].class.width_m());
            let widest = widths.fold(0.0, f64::max);
            if widest > road.class.width_m() + 1.0 { (widest / 2.0 - 0.5).min(road.length_m * 0.45) } else { 0.0 }
        };
        match (cut(road.from), cut(road.to)) {
            (0.0, 0.0) => road.line.clone(),
            (from, to) => crate::plane::piece(&road.line, from, road.length_m - to),
        }
    }

    fn junction(&mut self, numbers: &mut BTreeMap<(i64, i64), usize>, board: P) -> usize {
        let key = ((board.x * 20.0).round() as i64, (board.y * 20.0).round() as i64);
        *numbers.entry(key).or_insert_with(|| {
            self.junctions.push(bend(board.x, board.y));
            self.exits.push(Vec::new());
            self.junctions.len() - 1
        })
    }
}

/// Where a street is cut: on which of its segments, how far along all of it, at which point of the board.
#[derive(Debug, Clone, Copy)]
struct Cut {
    segment: usize,
    metres: f64,
    at: P,
}

/// The street's ends and all its meetings with others, in order.
fn cuts(which: usize, streets: &[Street]) -> Vec<Cut> {
    let points = &streets[which].points;
    let mut found = Vec::new();
    let mut metres = 0.0;
    for (segment, w) in points.windows(2).enumerate() {
        let length = w[0].distance(w[1]);
        let mut add = |share: f64, at: P| found.push(Cut { segment, metres: metres + share * length, at });
        if segment == 0 {
            add(0.0, w[0]);
        }
        for (other, street) in streets.iter().enumerate() {
            for o in street.points.windows(2).filter(|_| other != which) {
                if let Some((share, at)) = meeting(w[0], w[1], o[0], o[1]) {
                    add(share, at);
                }
            }
        }
        if segment + 2 == points.len() {
            add(1.0, w[1]);
        }
        metres += length;
    }
    found.sort_by(|a, b| a.metres.total_cmp(&b.metres));
    found.dedup_by(|a, b| (a.metres - b.metres).abs() < 0.1);
    found
}

/// Where two segments meet, ends included: the share along the first, and the point. Parallel ones do not meet.
fn meeting(a: P, b: P, c: P, d: P) -> Option<(f64, P)> {
    let (r, s) = (b.minus(a), d.minus(c));
    let det = r.cross(s);
    if det.abs() < 1e-9 {
        return None;
    }
    let share = c.minus(a).cross(s) / det;
    let other = c.minus(a).cross(r) / det;
    let near = |share: f64, length: f64| share > -0.02 / length && share < 1.0 + 0.02 / length;
    (near(share, r.length()) && near(other, s.length()))
        .then(|| (share.clamp(0.0, 1.0), a.lerp(b, share.clamp(0.0, 1.0))))
}

fn dense(line: &[P]) -> Vec<P> {
    let mut out = Vec::new();
    for w in line.windows(2) {
        let count = (w[0].distance(w[1]) / STEP_M).ceil().max(1.0);
        out.extend((0..count as usize).map(|i| w[0].lerp(w[1], i as f64 / count)));
    }
    out.extend(line.last());
    out
}

/// A straight street along the board's lines.
pub(crate) fn street(class: RoadClass, name: &str, name_en: &str, from: (f64, f64), to: (f64, f64)) -> Street {
    let points = vec![p(from.0, from.1), p(to.0, to.1)];
    Street { class, name: name.to_owned(), name_en: name_en.to_owned(), points }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streets_are_split_where_they_meet() {
        let class = RoadClass::Residential;
        let streets = [
            street(class, "a", "a", (0.0, 0.0), (100.0, 0.0)),
            street(class, "b", "b", (50.0, -50.0), (50.0, 50.0)),
            street(class, "c", "c", (20.0, 0.0), (20.0, 50.0)),
        ];
        let network = Network::build(&streets);
        assert_eq!((network.junctions.len(), network.roads.len()), (7, 6));
        let longest = network.exits.iter().map(Vec::len).max();
        assert_eq!(longest, Some(4), "a crossing has four arms");
    }
}
