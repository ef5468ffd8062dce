//! Boxes and height bands as targets. A longitude-latitude box, or any target and a band of heights, comes in; how a cell lies to it goes
//! out, exactly: sides are compared as whole subunits, so a box along cell edges is covered by those cells and no others.

use super::descend::{Piece, Relation, Target};
use super::fixed::{Rect, Side, holds, meet, of_degrees, of_height};
use crate::area::{HeightBand, LonLatBox};

/// A box, perhaps across the antimeridian.
#[derive(Debug, Clone)]
pub(crate) struct Boxed {
    x: Vec<Side>,
    y: Side,
}

impl Boxed {
    pub(crate) fn of(area: &LonLatBox) -> Self {
        let (west, east) = (of_degrees(area.west_deg()), of_degrees(area.east_deg()));
        let y = (of_degrees(area.south_deg()), of_degrees(area.north_deg()));
        if area.crosses_antimeridian() {
            return Self { x: vec![(west, Rect::WORLD.x.1), (Rect::WORLD.x.0, east)], y };
        }
        Self::of_sides((west, east), y)
    }

    /// A box of its sides in subunits.
    pub(crate) fn of_sides(x: Side, y: Side) -> Self {
        let world = Rect::WORLD.x;
        let mut sides = vec![x];
        // Longitudes 180 and -180 are one meridian with two codes.
        if x.1 == world.1 && x.0 > world.0 {
            sides.push((world.0, world.0));
        }
        if x.0 == world.0 && x.1 < world.1 {
            sides.push((world.1, world.1));
        }
        Self { x: sides, y }
    }

    /// No place at all.
    pub(crate) const fn none() -> Self {
        Self { x: Vec::new(), y: (0, 0) }
    }

    /// South and north.
    pub(crate) fn latitudes(&self) -> Side {
        self.y
    }
}

impl Target for Boxed {
    fn pieces(&self, _: &mut Vec<Piece>) {}

    fn relate(&self, _: &Rect, _: &[Piece], cell: &Rect, _: &mut Vec<Piece>) -> Relation {
        if !meet(self.y, cell.y) || !self.x.iter().any(|x| meet(*x, cell.x)) {
            Relation::Apart
        } else if holds(self.y, cell.y) && self.x.iter().any(|x| holds(*x, cell.x)) {
            Relation::Inside
        } else {
            Relation::Meets
        }
    }
}

/// What lies over a target between two heights.
pub(crate) struct Solid<'a, T> {
    plane: &'a T,
    outer: Side,
    inner: Side,
}

/// The piece of a cell whose plane part lies wholly inside the target, so that only heights are left to compare.
const WHOLE: Piece = Piece::MAX;

impl<'a, T: Target> Solid<'a, T> {
    pub(crate) fn new(plane: &'a T, band: &HeightBand) -> Self {
        let z = (of_height(band.low_m), of_height(band.high_m));
        Self::between(plane, z, z)
    }

    /// Over a band that lies in `outer` and holds `inner`.
    pub(crate) const fn between(plane: &'a T, outer: Side, inner: Side) -> Self {
        Self { plane, outer, inner }
    }
}

impl<T: Target> Target for Solid<'_, T> {
    fn pieces(&self, out: &mut Vec<Piece>) {
        self.plane.pieces(out);
    }

    fn relate(&self, parent: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation {
        let Some(z) = cell.z.filter(|z| meet(self.outer, *z)) else { return Relation::Apart };
        let before = out.len();
        let plane = if pieces == [WHOLE] { Relation::Inside } else { self.plane.relate(parent, pieces, cell, out) };
        if plane == Relation::Inside && !holds(self.inner, z) {
            out.truncate(before);
            out.push(WHOLE);
            return Relation::Meets;
        }
        plane
    }
}
