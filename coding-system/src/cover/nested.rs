//! A target known only from both sides: an area that surely holds it and an area it surely holds. How a cell lies to the unknown area between
//! them goes out: apart from the outer one is apart, inside the inner one is inside, and whatever else meets.

use super::descend::{Piece, Relation, Target};
use super::fixed::Rect;

/// The two areas; the inner one lies in the outer one.
pub(crate) struct Nested<A, B> {
    outer: A,
    inner: B,
    inner_pieces: Vec<Piece>,
}

/// The piece of a cell wholly inside the outer area, of which only the inner one is still to be asked.
const WHOLE: Piece = Piece::MAX - 1;

impl<A: Target, B: Target> Nested<A, B> {
    pub(crate) fn new(outer: A, inner: B) -> Self {
        let mut inner_pieces = Vec::new();
        inner.pieces(&mut inner_pieces);
        Self { outer, inner, inner_pieces }
    }
}

impl<A: Target, B: Target> Target for Nested<A, B> {
    fn pieces(&self, out: &mut Vec<Piece>) {
        self.outer.pieces(out);
    }

    fn relate(&self, parent: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation {
        let before = out.len();
        let outer = if pieces == [WHOLE] { Relation::Inside } else { self.outer.relate(parent, pieces, cell, out) };
        if outer != Relation::Inside {
            return outer;
        }
        out.truncate(before);
        let inner = self.inner.relate(&Rect::WORLD, &self.inner_pieces, cell, out);
        out.truncate(before);
        if inner == Relation::Inside {
            return Relation::Inside;
        }
        out.push(WHOLE);
        Relation::Meets
    }
}
