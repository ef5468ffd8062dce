//! Flat polygons in space, with holes, to triangles: the plane by Newell's normal, then ear cutting within it.
//! Degenerate rings give no triangles; nothing is invented outside the rings.

use earcut::Earcut;
use glam::{DVec2, DVec3};

/// Corners and triangles of one polygon.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    /// The corners, ring after ring, without repeated ends.
    pub corners: Vec<DVec3>,
    /// Where each hole begins in `corners`.
    pub holes: Vec<u32>,
    /// Three numbers a triangle.
    pub triangles: Vec<u32>,
    /// The outer ring's unit normal: towards whom it runs anticlockwise.
    pub normal: DVec3,
}

/// Keeps the ear cutter's memory between polygons.
#[derive(Default)]
pub struct Triangulator {
    cutter: Earcut<f64>,
    flat: Vec<[f64; 2]>,
}

/// Twice the vector area of a ring (Newell's method): its direction is the normal.
pub fn newell(ring: &[DVec3]) -> DVec3 {
    let Some(first) = ring.first() else { return DVec3::ZERO };
    let mut sum = DVec3::ZERO;
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        sum += (*a - *first).cross(b - *first);
    }
    sum
}

fn open(ring: &[DVec3]) -> &[DVec3] {
    match ring {
        [first, .., last] if first.distance_squared(*last) < 1e-8 => &ring[..ring.len() - 1],
        _ => ring,
    }
}

impl Triangulator {
    /// The faces of a polygon given as rings in metres; `None` when the outer ring has no area.
    pub fn faces(&mut self, rings: &[Vec<DVec3>]) -> Option<Faces> {
        let outer = open(rings.first()?);
        let area = newell(outer);
        let normal = area.try_normalize().filter(|_| outer.len() >= 3 && area.length() > 1e-6)?;
        let mut corners = outer.to_vec();
        let mut holes = Vec::new();
        for hole in rings[1..].iter().map(|ring| open(ring)).filter(|ring| ring.len() >= 3) {
            holes.push(corners.len() as u32);
            corners.extend_from_slice(hole);
        }
        let (across, up) = axes(normal);
        let origin = corners[0];
        self.flat.clear();
        self.flat.extend(corners.iter().map(|c| {
            let from = *c - origin;
            DVec2::new(from.dot(across), from.dot(up)).to_array()
        }));
        let mut triangles = Vec::new();
        self.cutter.earcut(self.flat.iter().copied(), &holes, &mut triangles);
        let turned = |t: &[u32]| {
            let [a, b, c] = [t[0], t[1], t[2]].map(|i| DVec2::from(self.flat[i as usize]));
            (b - a).perp_dot(c - a) < 0.0
        };
        for triangle in triangles.chunks_exact_mut(3) {
            if turned(triangle) {
                triangle.swap(1, 2);
            }
        }
        Some(Faces { corners, holes, triangles, normal })
    }
}

/// Two unit vectors that span the plane, so that the normal is their cross product.
fn axes(normal: DVec3) -> (DVec3, DVec3) {
    let helper = if normal.z.abs() < 0.9 { DVec3::Z } else { DVec3::Y };
    let across = helper.cross(normal).normalize();
    (across, normal.cross(across))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(faces: &Faces) -> f64 {
        let corner = |i: u32| faces.corners[i as usize];
        faces
            .triangles
            .chunks(3)
            .map(|t| (corner(t[1]) - corner(t[0])).cross(corner(t[2]) - corner(t[0])).length() / 2.0)
            .sum()
    }

    /// A star-shaped ring: never crosses itself.
    fn ring(radii: &[f64], scale: f64, tilt: (f64, f64)) -> Vec<DVec3> {
        let turn = glam::DQuat::from_rotation_x(tilt.0) * glam::DQuat::from_rotation_y(tilt.1);
        let step = std::f64::consts::TAU / radii.len() as f64;
        let at = |(i, r): (usize, &f64)| {
            DVec3::new((step * i as f64).cos() * r * scale, (step * i as f64).sin() * r * scale, 0.0)
        };
        radii.iter().enumerate().map(at).map(|p| turn * p + DVec3::new(5.0, -3.0, 40.0)).collect()
    }

    proptest! {
        #[test]
        fn triangles_cover_the_polygon_less_its_hole(
            outer in prop::collection::vec(6.0..30.0f64, 3..24),
            hole in prop::collection::vec(0.5..2.0f64, 3..9),
            tilt in (-3.0..3.0f64, -3.0..3.0f64), with_hole in any::<bool>(),
        ) {
            // The least inner radius of a triangle with corners 6 m away is 0 for slim ones: keep the hole inside a hexagon.
            prop_assume!(outer.len() >= 6);
            let shell = ring(&outer, 1.0, tilt);
            let mut inner = ring(&hole, 1.0, tilt);
            inner.reverse();
            let mut wanted = newell(&shell).length() / 2.0;
            let mut rings = vec![shell];
            if with_hole {
                wanted -= newell(&inner).length() / 2.0;
                rings.push(inner);
            }
            let faces = Triangulator::default().faces(&rings).unwrap();
            prop_assert!((area(&faces) - wanted).abs() < wanted * 1e-6, "{} {}", area(&faces), wanted);
            for t in faces.triangles.chunks(3) {
                let [a, b, c] = [t[0], t[1], t[2]].map(|i| faces.corners[i as usize]);
                prop_assert!((b - a).cross(c - a).dot(faces.normal) > -1e-9);
            }
        }

        #[test]
        fn any_rings_never_panic(rings in prop::collection::vec(prop::collection::vec([-9.0..9.0f64, -9.0..9.0f64, -9.0..9.0f64], 0..12), 0..4)) {
            let rings: Vec<Vec<DVec3>> = rings.into_iter().map(|r| r.into_iter().map(DVec3::from).collect()).collect();
            let _ = Triangulator::default().faces(&rings);
        }
    }

    #[test]
    fn a_closed_ring_and_a_flat_one() {
        let square = [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0], [0.0, 0.0]].map(|[x, y]| DVec3::new(x, y, 7.0));
        let faces = Triangulator::default().faces(&[square.to_vec()]).unwrap();
        assert_eq!((faces.corners.len(), faces.triangles.len(), faces.normal), (4, 6, DVec3::Z));
        let line = [[0.0, 0.0], [4.0, 0.0], [2.0, 0.0]].map(|[x, y]| DVec3::new(x, y, 7.0));
        assert!(Triangulator::default().faces(&[line.to_vec()]).is_none());
    }
}
