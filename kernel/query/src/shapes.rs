//! The kernel's geometries as those of `geo`, whose distances are what SQL says. Heights are left out, as they are there.

use geo::{Coord as Place, Geometry as Shapes, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use kernel_model::{Coord, Geometry, Shape};

fn place(at: &Coord) -> Place {
    Place { x: at.lon_deg, y: at.lat_deg }
}

fn line(of: &[Coord]) -> LineString {
    LineString::new(of.iter().map(place).collect())
}

fn polygon(rings: &[Vec<Coord>]) -> Polygon {
    let mut rings = rings.iter().map(|ring| line(ring));
    let outer = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
    Polygon::new(outer, rings.collect())
}

/// The same geometry in degrees of a plane.
pub(crate) fn planar(geometry: &Geometry) -> Shapes {
    match &geometry.shape {
        Shape::Point(at) => Point(place(at)).into(),
        Shape::LineString(of) => line(of).into(),
        Shape::Polygon(rings) => polygon(rings).into(),
        Shape::MultiPoint(points) => MultiPoint(points.iter().map(|at| Point(place(at))).collect()).into(),
        Shape::MultiLineString(lines) => MultiLineString(lines.iter().map(|of| line(of)).collect()).into(),
        Shape::MultiPolygon(faces) => MultiPolygon(faces.iter().map(|rings| polygon(rings)).collect()).into(),
    }
}
