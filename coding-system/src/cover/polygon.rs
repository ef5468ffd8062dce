//! Polygons with holes as a target. Rings come in, how a cell lies to their areas goes out: with the edges that touch it and, for each
//! polygon, whether the cell's reference point is inside. The reference point of a child is reached from its parent's by a way that only
//! the parent's edges can cross, so no cell ever looks at the whole ring.

use super::descend::{Piece, Relation, Target};
use super::edge::{Corner, Edge, Touch};
use super::fixed::{Rect, Side, meet};
use super::shape::span;

/// Edges of polygons, those of one polygon after one another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Polygons {
    edges: Vec<(Edge, u32)>,
    /// What each polygon spans in longitude and latitude.
    bounds: Vec<(Side, Side)>,
}

impl Polygons {
    /// Adds the edges of one polygon's rings; inside is what an odd number of them surrounds.
    pub(crate) fn add(&mut self, rings: &[Vec<Corner>]) {
        let (polygon, first) = (self.bounds.len() as u32, self.edges.len());
        for ring in rings {
            let ends = ring.iter().zip(ring.iter().cycle().skip(1));
            self.edges.extend(ends.filter(|(a, b)| a != b).map(|(a, b)| (Edge::new(*a, *b), polygon)));
        }
        let sides = || self.edges[first..].iter().map(|(edge, _)| edge.bounds());
        let bounds = (span(sides().map(|side| side.0)), span(sides().map(|side| side.1)));
        self.bounds.push(bounds);
    }

    /// All edges.
    pub(crate) fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter().map(|(edge, _)| edge)
    }

    /// An edge and its polygon by piece; the lowest bit of a piece says whether the reference point is inside that polygon.
    fn edge(&self, piece: Piece) -> &(Edge, u32) {
        &self.edges[(piece >> 1) as usize]
    }
}

impl Polygons {
    /// Is the cell a piece of the antimeridian that has the area on the side away from its reference point?
    fn is_edge_of_area(&self, group: &[Piece], inside: Piece, at: Corner, cell: &Rect) -> bool {
        let beyond = Corner { x: 4 * cell.x.0 - at.x, ..at };
        let crossings = || group.iter().filter(|piece| self.edge(**piece).0.crossed(at, beyond)).count();
        cell.x.0 == cell.x.1 && (inside as usize + crossings()) % 2 == 1
    }
}

/// The reference point of a cell in half subunits: beside its low corner, inside the Earth.
fn reference(cell: &Rect) -> Corner {
    let beside = |side: Side, world: Side| if side.0 == world.1 { 2 * side.0 - 1 } else { 2 * side.0 + 1 };
    Corner { x: beside(cell.x, Rect::WORLD.x), y: beside(cell.y, Rect::WORLD.y) }
}

impl Target for Polygons {
    fn pieces(&self, out: &mut Vec<Piece>) {
        // From far west of everything, where no polygon is, to the reference point of the Earth.
        let to = reference(&Rect::WORLD);
        let from = Corner { x: 8 * Rect::WORLD.x.0 + 1, y: to.y };
        for (at, group) in self.edges.chunk_by(|a, b| a.1 == b.1).scan(0, |at, group| {
            *at += group.len();
            Some((*at - group.len(), group))
        }) {
            let inside = group.iter().filter(|(edge, _)| edge.crossed(from, to)).count() % 2;
            out.extend((at..at + group.len()).map(|i| (i << 1 | inside) as Piece));
        }
    }

    fn relate(&self, parent: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation {
        let before = out.len();
        let (from, to) = (reference(parent), reference(cell));
        for group in pieces.chunk_by(|a, b| self.edge(*a).1 == self.edge(*b).1) {
            let (x, y) = self.bounds[self.edge(group[0]).1 as usize];
            if !meet(x, cell.x) || !meet(y, cell.y) {
                continue;
            }
            let start = out.len();
            let mut inside = group[0] & 1;
            let mut through = false;
            for &piece in group {
                let (edge, _) = self.edge(piece);
                inside ^= Piece::from(edge.crossed(from, to));
                let touch = edge.touch(cell);
                through |= touch == Touch::Through;
                if touch != Touch::Not {
                    out.push(piece & !1);
                }
            }
            if !through && (inside == 1 || self.is_edge_of_area(group, inside, to, cell)) {
                return Relation::Inside;
            }
            out[start..].iter_mut().for_each(|piece| *piece |= inside);
        }
        if out.len() == before { Relation::Apart } else { Relation::Meets }
    }
}
