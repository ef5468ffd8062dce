//! Whether a ring shares a point with an area, exactly. Of the area only edges in the ring's slabs of latitude are looked at; how
//! edges lie to one another is decided by exact arithmetic (crate robust).

use robust::{Coord, orient2d};

use crate::area::{Area, Location};

impl Area {
    /// Whether the polygon within a ring of longitudes and latitudes in degrees, closed or not, shares a point with the area, borders
    /// included. A ring of fewer than three places is met where one of them, or the line between them, is.
    pub fn meets_ring(&self, ring: &[[f64; 2]]) -> bool {
        self.turns().any(|turn| {
            let turned: Vec<[f64; 2]> = ring.iter().map(|[lon, lat]| [lon + turn, *lat]).collect();
            self.meets_as_is(&turned)
        })
    }

    fn meets_as_is(&self, ring: &[[f64; 2]]) -> bool {
        if ring.iter().any(|at| self.locate_as_is(*at) != Location::Outside) {
            return true;
        }
        let next = ring.iter().cycle().skip(1);
        let crossed = ring.iter().zip(next).any(|(a, b)| {
            let (south, north) = (a[1].min(b[1]), a[1].max(b[1]));
            let apart = north < self.min[1] || south > self.max[1];
            !apart && self.edges_from(south, north).any(|[c, d]| cross([*a, *b], [*c, *d]))
        });
        // Or a part of the area lies wholly within the ring.
        crossed
            || Self::new(&[ring])
                .is_ok_and(|within| self.parts().any(|at| within.locate_as_is(at) != Location::Outside))
    }
}

/// Whether two edges share a point.
fn cross([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    let apart =
        |axis: usize| a[axis].max(b[axis]) < c[axis].min(d[axis]) || c[axis].max(d[axis]) < a[axis].min(b[axis]);
    if apart(0) || apart(1) {
        return false;
    }
    let side = |a: [f64; 2], b: [f64; 2], at: [f64; 2]| orient2d(coord(a), coord(b), coord(at));
    let split = |one: f64, other: f64| one == 0.0 || other == 0.0 || (one > 0.0) != (other > 0.0);
    split(side(a, b, c), side(a, b, d)) && split(side(c, d, a), side(c, d, b))
}

fn coord([x, y]: [f64; 2]) -> Coord<f64> {
    Coord { x, y }
}

#[cfg(test)]
mod tests {
    use geo::{Intersects, LineString, Polygon};
    use proptest::prelude::*;

    use super::*;

    /// A ring that does not cross itself, on a lattice of quarters so that edges touch.
    fn ring() -> impl Strategy<Value = Vec<[f64; 2]>> {
        let center = (0..24_i32, 0..24_i32);
        (center, prop::collection::vec(1..12_i32, 3..12), any::<bool>()).prop_map(|((x, y), radii, square)| {
            let (x, y) = (f64::from(x) / 4.0, f64::from(y) / 4.0);
            let size = f64::from(radii[0]) / 4.0;
            if square {
                return vec![[x, y], [x + size, y], [x + size, y + size], [x, y + size]];
            }
            let step = std::f64::consts::TAU / radii.len() as f64;
            let corner = |(n, radius): (usize, &i32)| {
                let (angle, radius) = (step * n as f64, f64::from(*radius) / 4.0);
                [x + radius * angle.cos(), y + radius * angle.sin()]
            };
            radii.iter().enumerate().map(corner).collect()
        })
    }

    fn polygon(ring: &[[f64; 2]]) -> Polygon {
        Polygon::new(ring.iter().map(|[x, y]| (*x, *y)).collect::<LineString>(), Vec::new())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_ring_meets_what_geo_says_it_meets(a in ring(), b in ring()) {
            prop_assert_eq!(Area::new(&[&a]).unwrap().meets_ring(&b), polygon(&a).intersects(&polygon(&b)));
        }
    }

    #[test]
    fn a_hole_is_not_met_and_what_lies_within_a_ring_is() {
        let square =
            |from: f64, size: f64| [[from, from], [from + size, from], [from + size, from + size], [from, from + size]];
        let area = Area::new(&[square(0.0, 10.0), square(2.0, 6.0), square(20.0, 1.0)]).unwrap();
        assert!(!area.meets_ring(&square(3.0, 1.0)) && area.meets_ring(&square(2.0, 1.0)));
        assert!(area.meets_ring(&square(19.0, 5.0)) && area.meets_ring(&square(-5.0, 20.0)));
        assert!(!area.meets_ring(&square(12.0, 5.0)));
        let over = Area::new(&[[[170.0, 0.0], [190.0, 0.0], [190.0, 10.0], [170.0, 10.0]]]).unwrap();
        assert!(over.meets_ring(&[[-172.0, 1.0], [-171.0, 1.0], [-171.0, 2.0]]));
    }
}
