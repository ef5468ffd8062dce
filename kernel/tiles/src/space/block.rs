//! A thing seen from afar: the rectangle around its outline, along its longest edge, raised from its lowest to its highest
//! vertex. All of the thing lies in the block.

use glam::{DVec2, DVec3};

use super::earth::{Frame, degree_m};
use super::mesh::{Builder, Looks};
use crate::shape::Shape;

/// Adds the block. `heights_m`: above the ellipsoid.
pub(super) fn add(builder: &mut Builder, shape: &Shape, heights_m: [f64; 2], looks: Looks, number: u32) {
    let Some(origin) = shape.lines().flatten().next().copied() else { return };
    let [east_m, north_m] = degree_m(origin[1]);
    let local = |[lon, lat, _]: [f64; 3]| DVec2::new((lon - origin[0]) * east_m, (lat - origin[1]) * north_m);
    let edges = shape.lines().flat_map(|ring| ring.windows(2)).map(|ends| local(ends[1]) - local(ends[0]));
    let longest = edges.max_by(|a, b| a.length_squared().total_cmp(&b.length_squared())).unwrap_or(DVec2::X);
    let along = longest.try_normalize().unwrap_or(DVec2::X);
    let (mut least, mut most) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
    for coord in shape.lines().flatten() {
        let at = local(*coord);
        let turned = DVec2::new(at.dot(along), at.dot(along.perp()));
        (least, most) = (least.min(turned), most.max(turned));
    }
    let frame = Frame::at([origin[0], origin[1], 0.0]);
    let [floor, roof] = heights_m.map(|height_m| {
        [(least.x, least.y), (most.x, least.y), (most.x, most.y), (least.x, most.y)].map(|(x, y)| {
            let at = along * x + along.perp() * y;
            frame.place(at.extend(height_m)) - builder.middle()
        })
    });
    sides(builder, floor, roof, looks, number);
}

/// Floor and roof run anticlockwise from above.
fn sides(builder: &mut Builder, floor: [DVec3; 4], roof: [DVec3; 4], looks: Looks, number: u32) {
    builder.quad(roof, looks.roof, number);
    for i in 0..4 {
        let next = (i + 1) % 4;
        builder.quad([floor[i], floor[next], roof[next], roof[i]], looks.wall, number);
    }
}

#[cfg(test)]
mod tests {
    use kernel_model::{Coord, Geometry, Kind, Shape as Stored};
    use proptest::prelude::*;

    use super::super::earth::centred;
    use super::*;

    proptest! {
        #[test]
        fn all_of_the_outline_lies_in_the_block(
            corners in prop::collection::vec((-1e-3..1e-3f64, -1e-3..1e-3f64), 3..12), lat in -60.0..60.0f64,
        ) {
            let mut ring: Vec<Coord> = corners.iter().map(|(x, y)| Coord::new(10.0 + x, lat + y, 0.0)).collect();
            ring.push(ring[0]);
            let mut shape = Shape::default();
            shape.read(&Geometry::flat(Stored::Polygon(vec![ring.clone()])).to_wkb()).unwrap();
            let middle = centred([10.0, lat, 0.0]);
            let mut builder = Builder::new(middle);
            add(&mut builder, &shape, [0.0, 9.0], Looks::of(Kind::Building), 3);
            let mesh = &builder.mesh;
            // The corners of the roof are the first four vertices; each edge has the outline on its left, to the millimetres
            // by which the ellipsoid is no plane.
            prop_assume!(mesh.positions.len() == 20);
            let up = Frame::at([10.0, lat, 0.0]).up;
            let corner = |i: usize| { let [x, y, z] = mesh.positions[i].map(f64::from); DVec3::new(x, -z, y) };
            for i in 0..4 {
                let (a, b) = (corner(i), corner((i + 1) % 4));
                for at in &ring {
                    let place = centred([at.lon_deg, at.lat_deg, 9.0]) - middle;
                    let left = up.cross((b - a).normalize()).dot(place - a);
                    prop_assert!(left > -0.05, "{left}");
                }
            }
        }
    }
}
