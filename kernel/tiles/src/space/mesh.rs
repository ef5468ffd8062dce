//! Faces to triangles around the middle of a tile: rings of degrees and metres come in, vertices with normals, colours and
//! the number of their thing go out. Degenerate rings give no triangles; nothing is invented outside the rings.

use earcut::Earcut;
use glam::{DVec2, DVec3};
use kernel_model::Kind;

use super::earth::{Frame, centred, y_up};
use crate::shape::Shape;

/// What faces look like, red, green, blue, opaque: walls and roofs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks {
    pub(super) wall: [u8; 4],
    pub(super) roof: [u8; 4],
}

impl Looks {
    pub(super) fn of(kind: Kind) -> Self {
        let flat = |colour| Self { wall: colour, roof: colour };
        match kind {
            Kind::Building | Kind::BuildingPart => Self { wall: [205, 198, 186, 255], roof: [158, 110, 92, 255] },
            Kind::Water => flat([110, 160, 200, 255]),
            Kind::Vegetation | Kind::Landuse => flat([125, 160, 100, 255]),
            Kind::Road | Kind::Bridge => flat([140, 140, 145, 255]),
            _ => flat([190, 190, 190, 255]),
        }
    }
}

/// Vertices and triangles.
#[derive(Debug, Default)]
pub(super) struct Mesh {
    pub(super) positions: Vec<[f32; 3]>,
    pub(super) normals: Vec<[f32; 3]>,
    pub(super) colours: Vec<[u8; 4]>,
    pub(super) features: Vec<f32>,
    pub(super) indices: Vec<u32>,
}

/// Builds the mesh of a tile and keeps memory between faces.
pub(super) struct Builder {
    pub(super) mesh: Mesh,
    /// The middle of the tile, metres from the earth's centre.
    middle: DVec3,
    cutter: Earcut<f64>,
    flat: Vec<[f64; 2]>,
    triangles: Vec<u32>,
}

/// The thing that faces belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thing {
    pub(super) looks: Looks,
    /// Its number in the tile.
    pub(super) number: u32,
    /// Metres to add to its heights.
    pub(super) offset_m: f64,
    /// How high a footprint is raised.
    pub(super) raised_m: f64,
}

impl Builder {
    pub(super) fn new(middle: DVec3) -> Self {
        Self { mesh: Mesh::default(), middle, cutter: Earcut::new(), flat: Vec::new(), triangles: Vec::new() }
    }

    /// All faces of a thing: surfaces as they are, footprints raised to blocks.
    pub(super) fn thing(&mut self, shape: &Shape, thing: &Thing) {
        for polygon in 0..shape.polygon_count() {
            if shape.has_height {
                let rings: Vec<Vec<DVec3>> = shape.rings(polygon).map(|ring| self.ring(ring, thing.offset_m)).collect();
                let up = rings.first().and_then(|ring| ring.first()).map(|at| (self.middle + *at).normalize());
                if let (Some(up), Some(normal)) = (up, rings.first().and_then(|ring| normal(ring))) {
                    let colour = if normal.dot(up).abs() < 0.3 { thing.looks.wall } else { thing.looks.roof };
                    self.face(&rings, normal, colour, thing.number);
                }
            } else {
                self.footprint(shape, polygon, thing);
            }
        }
    }

    fn footprint(&mut self, shape: &Shape, polygon: usize, thing: &Thing) {
        let Some(first) = shape.rings(polygon).next().and_then(|ring| ring.first()).copied() else { return };
        let up = Frame::at(first).up;
        let [floor, roof] = [thing.offset_m, thing.offset_m + thing.raised_m].map(|height_m| {
            let rings = shape.rings(polygon).enumerate();
            // Outer rings anticlockwise from above, holes clockwise: walls then look outward.
            rings.map(|(number, ring)| turned(self.ring(ring, height_m), up, number == 0)).collect::<Vec<_>>()
        });
        let Some(normal) = roof.first().and_then(|ring| normal(ring)) else { return };
        self.face(&roof, normal, thing.looks.roof, thing.number);
        if thing.raised_m <= 0.0 {
            return;
        }
        for (low, high) in floor.iter().zip(&roof) {
            for i in 0..low.len() {
                let next = (i + 1) % low.len();
                self.quad([low[i], low[next], high[next], high[i]], thing.looks.wall, thing.number);
            }
        }
    }

    /// Metres from the middle of the tile, without a repeated end.
    fn ring(&self, ring: &[[f64; 3]], offset_m: f64) -> Vec<DVec3> {
        let mut places: Vec<DVec3> =
            ring.iter().map(|[lon, lat, height]| centred([*lon, *lat, height + offset_m]) - self.middle).collect();
        while places.len() > 1 && places[0].distance_squared(places[places.len() - 1]) < 1e-8 {
            places.pop();
        }
        places
    }

    /// A flat face with holes, by cutting ears in its plane.
    fn face(&mut self, rings: &[Vec<DVec3>], normal: DVec3, colour: [u8; 4], feature: u32) {
        let first = self.mesh.positions.len() as u32;
        let across = normal.any_orthonormal_vector();
        let up = normal.cross(across);
        let mut holes = Vec::new();
        self.flat.clear();
        for ring in rings.iter().filter(|ring| ring.len() > 2) {
            if !self.flat.is_empty() {
                holes.push(self.flat.len() as u32);
            }
            for corner in ring {
                let from = *corner - rings[0][0];
                self.flat.push([from.dot(across), from.dot(up)]);
                self.vertex(*corner, normal, colour, feature);
            }
        }
        self.triangles.clear();
        self.cutter.earcut(self.flat.iter().copied(), &holes, &mut self.triangles);
        for triangle in self.triangles.chunks_exact(3) {
            let [a, b, c] = [triangle[0], triangle[1], triangle[2]];
            let corner = |i: u32| DVec2::from(self.flat[i as usize]);
            let turn = (corner(b) - corner(a)).perp_dot(corner(c) - corner(a));
            let [b, c] = if turn < 0.0 { [c, b] } else { [b, c] };
            self.mesh.indices.extend([a, b, c].map(|i| first + i));
        }
    }

    /// Four corners, anticlockwise seen from where it looks.
    pub(super) fn quad(&mut self, corners: [DVec3; 4], colour: [u8; 4], feature: u32) {
        let [a, b, c, d] = corners;
        let Some(normal) = (b - a).cross(d - a).try_normalize().filter(|_| a.distance_squared(b) > 1e-6) else {
            return;
        };
        let first = self.mesh.positions.len() as u32;
        [a, b, c, d].into_iter().for_each(|corner| self.vertex(corner, normal, colour, feature));
        self.mesh.indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
    }

    fn vertex(&mut self, place: DVec3, normal: DVec3, colour: [u8; 4], feature: u32) {
        self.mesh.positions.push(y_up(place).as_vec3().to_array());
        self.mesh.normals.push(y_up(normal).as_vec3().normalize_or(glam::Vec3::Y).to_array());
        self.mesh.colours.push(colour);
        self.mesh.features.push(feature as f32);
    }

    pub(super) fn middle(&self) -> DVec3 {
        self.middle
    }
}

/// The unit normal of a ring (Newell's): towards whom it runs anticlockwise. `None`: it has no area.
fn normal(ring: &[DVec3]) -> Option<DVec3> {
    let first = *ring.first()?;
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    let area: DVec3 = pairs.map(|(a, b)| (*a - first).cross(*b - first)).sum();
    area.try_normalize().filter(|_| ring.len() > 2 && area.length() > 1e-6)
}

fn turned(mut ring: Vec<DVec3>, up: DVec3, anticlockwise: bool) -> Vec<DVec3> {
    let first = ring.first().copied().unwrap_or_default();
    let area: DVec3 = ring.windows(2).map(|ends| (ends[0] - first).cross(ends[1] - first)).sum();
    if (area.dot(up) > 0.0) != anticlockwise {
        ring.reverse();
    }
    ring
}

#[cfg(test)]
mod tests {
    use kernel_model::{Coord, Geometry, Shape as Stored};

    use super::*;

    fn shape(geometry: &Geometry) -> Shape {
        let mut shape = Shape::default();
        shape.read(&geometry.to_wkb()).unwrap();
        shape
    }

    fn square(from: f64, to: f64, height: f64) -> Vec<Coord> {
        [(from, from), (to, from), (to, to), (from, to), (from, from)]
            .map(|(x, y)| Coord::new(116.0 + x, 40.0 + y, height))
            .to_vec()
    }

    /// Volume by the divergence theorem and area of the triangles, square and cubic metres; every normal is its triangle's.
    fn measures(mesh: &Mesh) -> (f64, f64) {
        let corner = |i: u32| DVec3::from(mesh.positions[i as usize].map(f64::from));
        mesh.indices.chunks_exact(3).fold((0.0, 0.0), |(volume, area), t| {
            let [a, b, c] = [corner(t[0]), corner(t[1]), corner(t[2])];
            let cross = (b - a).cross(c - a);
            let normal = DVec3::from(mesh.normals[t[0] as usize].map(f64::from));
            assert!(cross.normalize().dot(normal) > 0.999, "{cross} {normal}");
            (volume + a.dot(b.cross(c)) / 6.0, area + cross.length() / 2.0)
        })
    }

    #[test]
    fn a_footprint_with_a_hole_becomes_a_block_whichever_way_its_rings_run() {
        for (reverse_outer, reverse_hole) in [(false, false), (true, false), (false, true), (true, true)] {
            let (mut outer, mut hole) = (square(0.0, 3e-4, 0.0), square(1e-4, 2e-4, 0.0));
            if reverse_outer {
                outer.reverse();
            }
            if reverse_hole {
                hole.reverse();
            }
            let footprint = shape(&Geometry::flat(Stored::Polygon(vec![outer, hole])));
            let middle = centred([116.0, 40.0, 0.0]);
            let mut builder = Builder::new(middle);
            let looks = Looks::of(Kind::Building);
            builder.thing(&footprint, &Thing { looks, number: 7, offset_m: 0.0, raised_m: 10.0 });
            let mesh = &builder.mesh;
            let [east, north] = super::super::earth::degree_m(40.0);
            let side = (east * 1e-4, north * 1e-4);
            let wanted = 8.0 * side.0 * side.1 + 10.0 * 8.0 * (side.0 + side.1);
            // Without the floor: the volume below it is nothing, since the origin lies in its plane.
            let (volume, area) = measures(mesh);
            assert!((area - wanted).abs() < wanted * 1e-4, "{area} {wanted}");
            assert!((volume - 80.0 * side.0 * side.1).abs() < volume * 1e-3, "{volume}");
            assert!(mesh.features.iter().all(|number| *number == 7.0));
        }
    }

    #[test]
    fn surfaces_are_taken_as_they_are() {
        let wall = vec![
            Coord::new(116.0, 40.0, 5.0),
            Coord::new(116.0 + 1e-4, 40.0, 5.0),
            Coord::new(116.0 + 1e-4, 40.0, 8.0),
            Coord::new(116.0, 40.0, 8.0),
        ];
        let nothing = square(0.0, 0.0, 5.0);
        let solid = shape(&Geometry::with_height(Stored::MultiPolygon(vec![vec![wall], vec![nothing]])));
        let mut builder = Builder::new(centred([116.0, 40.0, 0.0]));
        let looks = Looks::of(Kind::Building);
        builder.thing(&solid, &Thing { looks, number: 0, offset_m: 2.0, raised_m: 0.0 });
        assert_eq!((builder.mesh.positions.len(), builder.mesh.indices.len()), (4, 6));
        let up = Frame::at([116.0, 40.0, 0.0]).up;
        let heights =
            builder.mesh.positions.iter().map(|[x, y, z]| DVec3::new(*x as f64, -*z as f64, *y as f64).dot(up));
        let (low, high) = heights.fold((f64::MAX, f64::MIN), |(low, high), h| (low.min(h), high.max(h)));
        assert!((low - 7.0).abs() < 1e-3 && (high - 10.0).abs() < 1e-3, "{low} {high}");
    }
}
