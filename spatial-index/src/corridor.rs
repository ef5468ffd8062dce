//! All places within so many metres of a line: a road's verges, a flight's lane. A line of longitude and latitude comes in;
//! it is cut into short straight pieces, and a packed tree of the boxes around them says which are near.

use std::ops::ControlFlow;

use crate::{
    bounds::{LonLatBox, TimeBand},
    earth::{centred, is_length, widened},
    error::Error,
    frame::dot,
    packed::{Packed, PackedBuilder},
    region::{Region, Relation},
};

/// Length of a piece: a straight line of it runs at most 5 mm under the ground.
const PIECE_M: f64 = 500.0;
/// Degrees of longitude that a piece may span: near the poles a parallel bends.
const PIECE_DEG: f64 = 0.01;
/// How many pieces a corridor may have.
const MOST_PIECES: usize = 1 << 16;
/// How far the ground over a piece may lie from the box of its ends, metres.
const BULGE_M: f64 = 0.05;

/// The places within a distance of a line, straight in degrees between its places (RFC 7946, 3.1.1). The distance is the
/// straight one to the nearest piece of at most 500 m, which is the ground's to 5 mm for corridors up to some kilometres.
#[derive(Debug, Clone)]
pub struct Corridor {
    /// Ends of each piece, earth-centred metres.
    pieces: Vec<[[f64; 3]; 2]>,
    near: Packed<2>,
    within_squared: f64,
    bounds: LonLatBox,
}

impl Corridor {
    /// `within_m` to each side of the line. A line over the antimeridian has its longitudes running on (179, 181).
    ///
    /// # Errors
    /// [`Error::Shape`] where there is no line, or it is too long for one corridor, or the distance is not a length.
    pub fn new(line: &[[f64; 2]], within_m: f64) -> Result<Self, Error> {
        let shape = |what| Error::Shape { shape: "corridor", what };
        if line.is_empty() || !line.iter().all(|[lon, lat]| lon.abs() <= 540.0 && lat.abs() <= 90.0) {
            return Err(shape("its line is not of longitudes and latitudes in degrees; give one place or more"));
        }
        if !(is_length(within_m) && within_m.is_finite()) {
            return Err(shape("its width is not a length; give metres, 0 or more"));
        }
        let places = cut(line).ok_or(shape("its line is too long; make several corridors"))?;
        let mut builder = PackedBuilder::with_capacity(places.len());
        let mut pieces = Vec::with_capacity(places.len());
        for (from, to) in places.iter().zip(places.iter().skip(1).chain(places.last())) {
            let ends = LonLatBox {
                min: [from[0].min(to[0]), from[1].min(to[1])],
                max: [from[0].max(to[0]), from[1].max(to[1])],
            };
            builder.boxed(widened(ends, within_m + BULGE_M), pieces.len() as u32)?;
            pieces.push([centred([from[0], from[1], 0.0]), centred([to[0], to[1], 0.0])]);
        }
        let bounds = around(line, within_m);
        Ok(Self { pieces, near: builder.build()?, within_squared: within_m * within_m, bounds })
    }
}

fn around(line: &[[f64; 2]], within_m: f64) -> LonLatBox {
    let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for place in line {
        for axis in 0..2 {
            min[axis] = min[axis].min(place[axis]);
            max[axis] = max[axis].max(place[axis]);
        }
    }
    widened(LonLatBox { min, max }, within_m + BULGE_M)
}

/// The line with places added so that no piece is long; `None` where these are too many.
fn cut(line: &[[f64; 2]]) -> Option<Vec<[f64; 2]>> {
    let mut places = vec![line[0]];
    for ends in line.windows(2) {
        let ([x, y], [to_x, to_y]) = (ends[0], ends[1]);
        let (across, along) = ((to_x - x).abs(), (to_y - y).abs());
        // No degree is longer than 111.7 km.
        let cuts = ((across.hypot(along) * 111_700.0 / PIECE_M).max(across / PIECE_DEG).ceil()).max(1.0);
        if places.len() as f64 + cuts > MOST_PIECES as f64 {
            return None;
        }
        let cuts = cuts as usize;
        for n in 1..cuts {
            let part = n as f64 / cuts as f64;
            places.push([x + (to_x - x) * part, y + (to_y - y) * part]);
        }
        places.push([to_x, to_y]);
    }
    Some(places)
}

fn distance_squared([a, b]: &[[f64; 3]; 2], at: &[f64; 3]) -> f64 {
    let along: [f64; 3] = std::array::from_fn(|axis| b[axis] - a[axis]);
    let from: [f64; 3] = std::array::from_fn(|axis| at[axis] - a[axis]);
    let length = dot(&along, &along);
    let part = if length > 0.0 { (dot(&from, &along) / length).clamp(0.0, 1.0) } else { 0.0 };
    let off: [f64; 3] = std::array::from_fn(|axis| from[axis] - part * along[axis]);
    dot(&off, &off)
}

impl Region<2> for Corridor {
    fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        let asked = LonLatBox { min: *lo, max: *hi };
        if self.near.any(&asked.region()) { Relation::Meets } else { Relation::Apart }
    }

    fn holds(&self, at: &[f64; 2]) -> bool {
        let here = LonLatBox::point(*at).region();
        let mut point = None;
        let found = self.near.search(&here, TimeBand::ALWAYS, &mut |slots| {
            let point = point.get_or_insert_with(|| centred([at[0], at[1], 0.0]));
            let mut pieces = self.near.numbers()[slots].iter().map(|number| &self.pieces[*number as usize]);
            match pieces.any(|piece| distance_squared(piece, point) <= self.within_squared) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        found.is_break()
    }

    fn bounds(&self) -> LonLatBox {
        self.bounds
    }
}

#[cfg(test)]
mod tests {
    use geo::{Destination, Distance, Geodesic, Point};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nonsense_is_refused() {
        assert!(Corridor::new(&[], 1.0).is_err());
        assert!(Corridor::new(&[[0.0, f64::NAN]], 1.0).is_err());
        assert!(Corridor::new(&[[0.0, 0.0]], -1.0).is_err());
        assert!(Corridor::new(&[[-180.0, 0.0], [180.0, 0.0], [-180.0, 0.0]], 1.0).is_err());
    }

    proptest! {
        #[test]
        fn width_is_geodesic(
            place in (-180.0..180.0_f64, -80.0..80.0_f64), turn in 0.0..360.0_f64, length in 1.0..20_000.0_f64,
            part in 0.0..=1.0_f64, aside in 1.0..2_000.0_f64, within in 1.0..2_000.0_f64, left in any::<bool>(),
        ) {
            // A line cut every 20 m along a geodesic is one in degrees too, to well under a millimetre.
            let start = Point::from(place);
            let steps = (length / 20.0).ceil();
            let on = |part: f64| Geodesic.destination(start, turn, length * part);
            let mut line: Vec<[f64; 2]> = (0..=steps as usize).map(|n| on(n as f64 / steps)).map(|p| [p.x(), p.y()]).collect();
            for n in 1..line.len() {
                line[n][0] += ((line[n - 1][0] - line[n][0]) / 360.0).round() * 360.0;
            }
            let corridor = Corridor::new(&line, within).unwrap();
            let foot = on(part);
            let next = Geodesic.destination(start, turn, length * part + 10.0);
            let bearing = geo::Bearing::bearing(&Geodesic, foot, next);
            let beside = Geodesic.destination(foot, bearing + if left { 90.0 } else { -90.0 }, aside);
            prop_assume!((aside - within).abs() > 0.02);
            prop_assert!((Geodesic.distance(foot, beside) - aside).abs() < 1e-6);
            prop_assert_eq!(corridor.holds(&[beside.x(), beside.y()]), aside < within);
        }
    }
}
