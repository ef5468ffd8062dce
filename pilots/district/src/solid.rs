//! Closed solids from outlines: faces go out whose normals look outward, every edge used once in each direction. Nothing
//! here checks that outlines are simple; the district's tests check every solid.

use crate::plane::{P, Ring, p};

/// A corner in metres: east, north, above ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Corner {
    pub(crate) at: P,
    pub(crate) up: f64,
}

/// Rings of corners: the outline, then holes; not closed.
pub(crate) type Face = Vec<Vec<Corner>>;

/// The faces of one solid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Solid {
    pub(crate) faces: Vec<Face>,
}

/// The kinds of roof the district has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roof {
    Flat,
    Gabled,
    Hipped,
    Stepped,
    Tapered,
}

impl Roof {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Gabled => "gabled",
            Self::Hipped => "hipped",
            Self::Stepped => "stepped",
            Self::Tapered => "tapered",
        }
    }
}

fn lift(ring: &[P], up: f64) -> Vec<Corner> {
    ring.iter().map(|at| Corner { at: *at, up }).collect()
}

fn reversed(ring: &[P]) -> Ring {
    ring.iter().rev().copied().collect()
}

impl Solid {
    fn upward(&mut self, outer: &[P], hole: Option<&[P]>, up: f64) {
        let mut face = vec![lift(outer, up)];
        face.extend(hole.map(|hole| lift(&reversed(hole), up)));
        self.faces.push(face);
    }

    fn downward(&mut self, outer: &[P], hole: Option<&[P]>, up: f64) {
        let mut face = vec![lift(&reversed(outer), up)];
        face.extend(hole.map(|hole| lift(hole, up)));
        self.faces.push(face);
    }

    /// Walls between two rings of equally many points; they look to the right of the ring's direction.
    fn walls(&mut self, lower: &[P], from: f64, upper: &[P], to: f64) {
        for i in 0..lower.len() {
            let j = (i + 1) % lower.len();
            self.faces.push(vec![vec![
                Corner { at: lower[i], up: from },
                Corner { at: lower[j], up: from },
                Corner { at: upper[j], up: to },
                Corner { at: upper[i], up: to },
            ]]);
        }
    }

    /// Straight up, flat on top; with a courtyard where a hole is given.
    pub(crate) fn block(outer: &[P], hole: Option<&[P]>, height: f64) -> Self {
        let mut solid = Self::default();
        solid.downward(outer, hole, 0.0);
        solid.walls(outer, 0.0, outer, height);
        if let Some(hole) = hole {
            let inward = reversed(hole);
            solid.walls(&inward, 0.0, &inward, height);
        }
        solid.upward(outer, hole, height);
        solid
    }

    /// A flat roof behind a parapet: `inner` is the outline of the roof inside it.
    pub(crate) fn parapet(outer: &[P], inner: &[P], roof: f64, rim: f64) -> Self {
        let mut solid = Self::default();
        solid.downward(outer, None, 0.0);
        solid.walls(outer, 0.0, outer, roof + rim);
        solid.upward(outer, Some(inner), roof + rim);
        let inward = reversed(inner);
        solid.walls(&inward, roof, &inward, roof + rim);
        solid.upward(inner, None, roof);
        solid
    }

    /// Storeys stepping back: each outline lies inside the one below, its number is the height of its top.
    pub(crate) fn tiers(tiers: &[(Ring, f64)]) -> Self {
        let mut solid = Self::default();
        let mut from = 0.0;
        for (i, (ring, to)) in tiers.iter().enumerate() {
            if i == 0 {
                solid.downward(ring, None, 0.0);
            }
            solid.walls(ring, from, ring, *to);
            solid.upward(ring, tiers.get(i + 1).map(|(next, _)| next.as_slice()), *to);
            from = *to;
        }
        solid
    }

    /// Straight walls to the first height, then drawn in towards `top` at the second: `top` is a scaled copy of `base`.
    pub(crate) fn tapered(base: &[P], shaft: f64, top: &[P], height: f64) -> Self {
        let mut solid = Self::default();
        solid.downward(base, None, 0.0);
        solid.walls(base, 0.0, base, shaft);
        solid.walls(base, shaft, top, height);
        solid.upward(top, None, height);
        solid
    }

    /// A gabled roof on a rectangle whose first edge is a long one; the ridge runs along it.
    pub(crate) fn gabled(rect: &[P; 4], eaves: f64, ridge: f64) -> Self {
        Self::ridged(rect, eaves, ridge, 0.0)
    }

    /// A hipped roof: the ridge ends `inset` (a share of the length below one half) before the ends.
    pub(crate) fn hipped(rect: &[P; 4], eaves: f64, ridge: f64, inset: f64) -> Self {
        Self::ridged(rect, eaves, ridge, inset)
    }

    fn ridged(rect: &[P; 4], eaves: f64, ridge: f64, inset: f64) -> Self {
        let [a, b, c, d] = *rect;
        let (west, east) = (a.lerp(d, 0.5), b.lerp(c, 0.5));
        let low = |at: P| Corner { at, up: 0.0 };
        let eave = |at: P| Corner { at, up: eaves };
        let west_top = Corner { at: west.lerp(east, inset), up: ridge };
        let east_top = Corner { at: east.lerp(west, inset), up: ridge };
        let mut solid = Self::default();
        solid.downward(rect, None, 0.0);
        let mut face = |corners: Vec<Corner>| solid.faces.push(vec![corners]);
        face(vec![low(a), low(b), eave(b), eave(a)]);
        face(vec![low(c), low(d), eave(d), eave(c)]);
        if inset > 0.0 {
            face(vec![low(b), low(c), eave(c), eave(b)]);
            face(vec![low(d), low(a), eave(a), eave(d)]);
            face(vec![eave(b), eave(c), east_top]);
            face(vec![eave(d), eave(a), west_top]);
        } else {
            face(vec![low(b), low(c), eave(c), east_top, eave(b)]);
            face(vec![low(d), low(a), eave(a), west_top, eave(d)]);
        }
        face(vec![eave(a), eave(b), east_top, west_top]);
        face(vec![eave(c), eave(d), west_top, east_top]);
        solid
    }

    pub(crate) fn height(&self) -> f64 {
        self.faces.iter().flatten().flatten().map(|corner| corner.up).fold(0.0, f64::max)
    }
}

/// A rectangle around the origin, `width` east to west, `depth` south to north.
pub(crate) fn rect(width: f64, depth: f64) -> [P; 4] {
    let (x, y) = (width / 2.0, depth / 2.0);
    [p(-x, -y), p(x, -y), p(x, y), p(-x, y)]
}

/// A rectangle with its corners cut off.
pub(crate) fn chamfered(width: f64, depth: f64, cut: f64) -> Ring {
    let (x, y) = (width / 2.0, depth / 2.0);
    vec![
        p(-x + cut, -y),
        p(x - cut, -y),
        p(x, -y + cut),
        p(x, y - cut),
        p(x - cut, y),
        p(-x + cut, y),
        p(-x, y - cut),
        p(-x, -y + cut),
    ]
}

/// A regular polygon of `count` corners.
pub(crate) fn round(radius: f64, count: usize) -> Ring {
    (0..count)
        .map(|i| {
            let angle = std::f64::consts::TAU * (i as f64 + 0.5) / count as f64;
            p(radius * angle.cos(), radius * angle.sin())
        })
        .collect()
}

/// A cross: the plan of many point blocks, with a notch in each corner.
pub(crate) fn cross(width: f64, depth: f64, notch: f64) -> Ring {
    let (x, y, n) = (width / 2.0, depth / 2.0, notch);
    vec![
        p(-x + n, -y),
        p(x - n, -y),
        p(x - n, -y + n),
        p(x, -y + n),
        p(x, y - n),
        p(x - n, y - n),
        p(x - n, y),
        p(-x + n, y),
        p(-x + n, y - n),
        p(-x, y - n),
        p(-x, -y + n),
        p(-x + n, -y + n),
    ]
}

/// Three wings around a court open to the south.
pub(crate) fn u_shape(width: f64, depth: f64, wing: f64) -> Ring {
    let (x, y) = (width / 2.0, depth / 2.0);
    vec![
        p(-x, -y),
        p(-x + wing, -y),
        p(-x + wing, y - wing),
        p(x - wing, y - wing),
        p(x - wing, -y),
        p(x, -y),
        p(x, y),
        p(-x, y),
    ]
}

/// Two wings meeting in the north-west corner.
pub(crate) fn l_shape(width: f64, depth: f64, wing: f64) -> Ring {
    let (x, y) = (width / 2.0, depth / 2.0);
    vec![p(-x, -y), p(-x + wing, -y), p(-x + wing, y - wing), p(x, y - wing), p(x, y), p(-x, y)]
}

/// The outline scaled about the origin.
pub(crate) fn scaled(ring: &[P], factor: f64) -> Ring {
    ring.iter().map(|at| at.times(factor)).collect()
}
