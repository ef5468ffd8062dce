//! One fence: a region of the plane and a height band. Polygons, a circle or a box come in; whether a point is in it goes
//! out, borders included. A polygon of few corners is kept as its corners and nothing else, because of fences there may be
//! a million.

use crate::{
    area::{Area, Location, locate_among, may_touch},
    bounds::LonLatBox,
    circle::Circle,
    error::Error,
    faces::Faces,
    region::{Region, Relation, Windows},
};

/// Rings of at most so many corners are kept as they are; larger ones get an index of their edges.
const FEW: usize = 64;

/// A region of the plane between two heights.
#[derive(Debug, Clone)]
pub struct Fence {
    shape: Shape,
    /// Lower and upper end, metres; endless where there is no band.
    band: [f64; 2],
}

#[derive(Debug, Clone)]
enum Shape {
    /// One ring of few corners, not closed, that stays clear of the antimeridian.
    Ring(Box<[[f64; 2]]>),
    Faces(Box<Faces>),
    Circle(Box<Circle>),
    Box(Box<Windows<2>>),
}

impl Fence {
    /// From polygons, each its outer ring and then its holes, as [`Faces::new`] takes them.
    ///
    /// # Errors
    /// As [`Faces::new`].
    pub fn polygons<R: AsRef<[[f64; 2]]>>(polygons: &[Vec<R>]) -> Result<Self, Error> {
        if let [rings] = polygons
            && let [ring] = rings.as_slice()
            && ring.as_ref().len() <= FEW + 1
        {
            // Checks the ring, which a fence of any form must pass.
            Area::new(std::slice::from_ref(ring))?;
            let ring = ring.as_ref();
            let open = if ring.first() == ring.last() { &ring[1..] } else { ring };
            if open.iter().all(|[lon, _]| lon.abs() < 180.0) {
                return Ok(Self::endless(Shape::Ring(open.into())));
            }
        }
        Ok(Self::endless(Shape::Faces(Box::new(Faces::new(polygons)?))))
    }

    /// All within so many metres of a place.
    ///
    /// # Errors
    /// As [`Circle::new`].
    pub fn circle(center: [f64; 2], radius_m: f64) -> Result<Self, Error> {
        Ok(Self::endless(Shape::Circle(Box::new(Circle::new(center, radius_m)?))))
    }

    /// A box, which may go over the antimeridian.
    ///
    /// # Errors
    /// [`Error::Shape`] where it is none.
    pub fn boxed(bounds: LonLatBox) -> Result<Self, Error> {
        match bounds.pieces().1 {
            0 => Err(Error::Shape { shape: "fence", what: "it is not a box in degrees; mend its sides" }),
            _ => Ok(Self::endless(Shape::Box(Box::new(bounds.region())))),
        }
    }

    fn endless(shape: Shape) -> Self {
        Self { shape, band: [f64::NEG_INFINITY, f64::INFINITY] }
    }

    /// The same between two heights in metres, ends included; an end may be infinite.
    ///
    /// # Errors
    /// [`Error::Shape`] where the band is empty or an end is not a number.
    pub fn between(self, bottom_m: f64, top_m: f64) -> Result<Self, Error> {
        if bottom_m <= top_m {
            return Ok(Self { band: [bottom_m, top_m], ..self });
        }
        Err(Error::Shape { shape: "fence", what: "its height band ends below its beginning; swap or mend its ends" })
    }

    /// Whether it holds a point of the plane.
    pub fn holds_in_plane(&self, at: [f64; 2]) -> bool {
        match &self.shape {
            Shape::Ring(ring) => locate_among(edges(ring), at) != Location::Outside,
            Shape::Faces(faces) => faces.holds(&at),
            Shape::Circle(circle) => circle.holds(&at),
            Shape::Box(windows) => windows.holds(&at),
        }
    }

    /// How it holds a point; `None` where it does not.
    pub fn holds(&self, at: [f64; 2], height_m: Option<f64>) -> Option<super::Held> {
        self.band_holds(height_m).filter(|_| self.holds_in_plane(at))
    }

    /// How the band holds a height; `None` where it does not.
    pub(super) fn band_holds(&self, height_m: Option<f64>) -> Option<super::Held> {
        let [bottom, top] = self.band;
        match height_m {
            Some(height) => (bottom <= height && height <= top).then_some(super::Held::Inside),
            None if bottom == f64::NEG_INFINITY && top == f64::INFINITY => Some(super::Held::Inside),
            None => Some(super::Held::HeightUnknown),
        }
    }

    pub(super) fn bounds(&self) -> LonLatBox {
        match &self.shape {
            Shape::Ring(ring) => ring.iter().fold(
                LonLatBox { min: [f64::INFINITY; 2], max: [f64::NEG_INFINITY; 2] },
                |LonLatBox { min, max }, at| LonLatBox {
                    min: [min[0].min(at[0]), min[1].min(at[1])],
                    max: [max[0].max(at[0]), max[1].max(at[1])],
                },
            ),
            Shape::Faces(faces) => faces.bounds(),
            Shape::Circle(circle) => circle.bounds(),
            Shape::Box(windows) => windows.bounds(),
        }
    }

    /// How it lies to a box in the plane, as [`Region::relate`] says it.
    pub(super) fn relate_plane(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        match &self.shape {
            Shape::Ring(ring) if edges(ring).any(|edge| may_touch(&edge, *lo, *hi)) => Relation::Meets,
            Shape::Ring(ring) => match locate_among(edges(ring), *lo) {
                Location::Outside => Relation::Apart,
                _ => Relation::Covers,
            },
            Shape::Faces(faces) => faces.relate(lo, hi),
            Shape::Circle(circle) => circle.relate(lo, hi),
            Shape::Box(windows) => windows.relate(lo, hi),
        }
    }

    /// Bytes beside the fence itself, about.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.shape {
            Shape::Ring(ring) => size_of_val(&**ring),
            Shape::Faces(faces) => faces.memory_bytes(),
            Shape::Circle(_) => size_of::<Circle>(),
            Shape::Box(_) => size_of::<Windows<2>>(),
        }
    }
}

/// The edges of a ring that is not closed.
fn edges(ring: &[[f64; 2]]) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
    let last = ring.last().copied().unwrap_or_default();
    ring.iter().scan(last, |from, to| {
        let edge = [*from, *to];
        *from = *to;
        Some(edge)
    })
}
