//! The shapes that can be covered. Coordinates in degrees come in and are checked, a [`Shape`] goes out; edges are straight lines in longitude
//! and latitude, neighbouring corners more than 180 degrees apart are taken to cross the antimeridian (exactly 360 degrees apart, from
//! -180 to 180, are not), and a ring that does not come back to where it began is refused.

use super::boxed::Boxed;
use super::edge::{Corner, Edge};
use super::fixed::{Rect, Side, TURN, meet, of_degrees};
use super::line::{Corridor, Lines};
use super::polygon::Polygons;
use crate::Position;
use crate::area::LonLatBox;
use crate::error::Error;

/// Widest corridor, metres.
pub const WIDEST_CORRIDOR_M: f64 = 2_000_000.0;

/// An area, a line or a place on the ellipsoid, ready to be covered any number of times.
#[derive(Debug, Clone)]
pub struct Shape(pub(crate) Kind);

/// What a shape is made of.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Box(Boxed),
    Lines(Lines),
    Corridor(Corridor),
    Polygons(Polygons),
}

impl Shape {
    /// A single place; its height is left aside.
    pub fn of_position(place: &Position) -> Self {
        let (lon, lat) = (place.lon_deg(), place.lat_deg());
        Self(Kind::Box(Boxed::of(&LonLatBox::from_sides(lon, lat, lon, lat))))
    }

    /// A box.
    pub fn of_box(area: &LonLatBox) -> Self {
        Self(Kind::Box(Boxed::of(area)))
    }

    /// A line through points (longitude, latitude) in degrees, or what lies within `width_m / 2` metres of it on the ellipsoid; a single point
    /// with a width is a disc.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a point off the Earth or a width outside 0..=[`WIDEST_CORRIDOR_M`], [`Error::Cover`] without points.
    pub fn of_line(points: &[(f64, f64)], width_m: f64) -> Result<Self, Error> {
        if !(0.0..=WIDEST_CORRIDOR_M).contains(&width_m) {
            let what = "width of a corridor (metres)";
            return Err(Error::OutOfRange { what, value: width_m, low: 0.0, high: WIDEST_CORRIDOR_M });
        }
        let corners = unroll(points)?;
        let segments = match corners.as_slice() {
            [] => return Err(Error::Cover { why: "a line has a point or more" }),
            [one] => vec![(*one, *one)],
            many => many.windows(2).map(|ends| (ends[0], ends[1])).collect(),
        };
        if width_m > 0.0 {
            let copies = segments.iter().flat_map(|(a, b)| copies(&[*a, *b], TURN / 2)).map(|ends| (ends[0], ends[1]));
            return Ok(Self(Kind::Corridor(Corridor { segments: copies.collect(), radius_m: width_m / 2.0 })));
        }
        let edges = segments.iter().flat_map(|(a, b)| copies(&[*a, *b], 0)).map(|ends| Edge::new(ends[0], ends[1]));
        Ok(Self(Kind::Lines(Lines { edges: edges.collect() })))
    }

    /// The area of polygons, each a list of rings of (longitude, latitude) in degrees: what an odd number of a polygon's rings surrounds is
    /// inside it, so the first ring is the outline and the others are holes, in whatever direction they turn. What several polygons share
    /// is inside. Rings may repeat their first point at the end. The area is closed: its edges and corners belong to it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a corner off the Earth, [`Error::Cover`] without polygons, for a ring of fewer than three corners, and
    /// for one that runs around a pole.
    pub fn of_polygons<P: AsRef<[R]>, R: AsRef<[(f64, f64)]>>(polygons: &[P]) -> Result<Self, Error> {
        let mut area = Polygons::default();
        for rings in polygons {
            let rings = rings.as_ref().iter().map(|ring| closed(ring.as_ref())).collect::<Result<Vec<_>, _>>()?;
            if rings.is_empty() {
                return Err(Error::Cover { why: "a polygon has an outline: give a ring of three corners or more" });
            }
            let copied: Vec<Vec<Corner>> = rings.iter().flat_map(|ring| copies(ring, 0)).collect();
            area.add(&copied);
        }
        if polygons.is_empty() {
            return Err(Error::Cover { why: "there is no polygon: give one or more" });
        }
        Ok(Self(Kind::Polygons(area)))
    }

    /// The area of one ring without holes, as [`Shape::of_polygons`].
    ///
    /// # Errors
    /// As [`Shape::of_polygons`].
    pub fn of_ring(ring: &[(f64, f64)]) -> Result<Self, Error> {
        Self::of_polygons(&[[ring]])
    }

    /// The least and greatest latitude, in subunits.
    pub(crate) fn latitudes(&self) -> Side {
        match &self.0 {
            Kind::Box(area) => area.latitudes(),
            Kind::Lines(lines) => span(lines.edges.iter().map(|edge| edge.bounds().1)),
            Kind::Corridor(corridor) => corridor.latitudes(),
            Kind::Polygons(area) => span(area.edges().map(|edge| edge.bounds().1)),
        }
    }
}

/// The interval from the least to the greatest of some.
pub(crate) fn span(sides: impl Iterator<Item = Side>) -> Side {
    sides.fold((i64::MAX, i64::MIN), |all, side| (all.0.min(side.0), all.1.max(side.1)))
}

/// A ring's corners without the repeated first one, around the antimeridian if need be.
fn closed(ring: &[(f64, f64)]) -> Result<Vec<Corner>, Error> {
    let open = match ring {
        [first, .., last] if first == last => &ring[..ring.len() - 1],
        _ => ring,
    };
    if open.len() < 3 {
        return Err(Error::Cover { why: "a ring has three corners or more" });
    }
    let mut corners = unroll(open.iter().chain(open.first()))?;
    if corners.pop() != corners.first().copied() {
        return Err(Error::Cover {
            why: "the ring runs around a pole: draw it along the antimeridian and the pole, from -180 to 180",
        });
    }
    Ok(corners)
}

/// The area of one ring of (longitude, latitude) in degrees, whose longitudes may run beyond 180 instead of jumping.
pub(crate) fn of_hull(ring: &[(f64, f64)]) -> Polygons {
    let corners: Vec<_> = ring.iter().map(|p| Corner { x: of_degrees(p.0), y: of_degrees(p.1) }).collect();
    let mut area = Polygons::default();
    area.add(&copies(&corners, 0));
    area
}

/// The corners of a line one after another, with as many turns added as it took around the Earth.
pub(crate) fn unroll<'a>(points: impl IntoIterator<Item = &'a (f64, f64)>) -> Result<Vec<Corner>, Error> {
    let mut corners = Vec::new();
    let (mut turns, mut before) = (0, None);
    for &(lon, lat) in points {
        Position::new_2d(lon, lat)?;
        let step = before.map_or(0.0, |before: f64| lon - before);
        if step.abs() > 180.0 && step.abs() < 360.0 {
            turns -= step.signum() as i64;
        }
        before = Some(lon);
        corners.push(Corner { x: of_degrees(lon) + turns * TURN, y: of_degrees(lat) });
    }
    Ok(corners)
}

/// The corners as often as they lie over the Earth, or within `around` of it, each time a whole number of turns further.
pub(crate) fn copies(corners: &[Corner], around: i64) -> Vec<Vec<Corner>> {
    let (west, east) = span(corners.iter().map(|corner| (corner.x, corner.x)));
    let world = (Rect::WORLD.x.0 - around, Rect::WORLD.x.1 + around);
    // From the last copy wholly west of the Earth to the first one wholly east of it.
    let (from, to) = ((world.0 - east).div_euclid(TURN), (world.1 - west).div_euclid(TURN) + 1);
    let seen = (from..=to).map(|turns| turns * TURN).filter(|by| meet((west + by, east + by), world));
    seen.map(|by| corners.iter().map(|c| Corner { x: c.x + by, y: c.y }).collect()).collect()
}
