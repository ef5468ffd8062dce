//! Whether a geometry meets a box of longitude and latitude: exact for the vertices as they stand, heights aside. A
//! geometry that only has its own box across the asked one does not.

use kernel_model::{Coord, Geometry, Region, Shape};

/// Whether the two share a point; edges count.
pub(super) fn meets(geometry: &Geometry, region: &Region) -> bool {
    match &geometry.shape {
        Shape::Point(point) => inside(point, region),
        Shape::MultiPoint(points) => points.iter().any(|point| inside(point, region)),
        Shape::LineString(line) => line_meets(line, region),
        Shape::MultiLineString(lines) => lines.iter().any(|line| line_meets(line, region)),
        Shape::Polygon(rings) => polygon_meets(rings, region),
        Shape::MultiPolygon(polygons) => polygons.iter().any(|rings| polygon_meets(rings, region)),
    }
}

fn inside(point: &Coord, region: &Region) -> bool {
    region.contains(point.lon_deg, point.lat_deg)
}

fn line_meets(line: &[Coord], region: &Region) -> bool {
    line.iter().any(|point| inside(point, region))
        || line.windows(2).any(|ends| segment_meets(&ends[0], &ends[1], region))
}

/// A ring meets it, or the box lies wholly inside the polygon, where any of its corners tells.
fn polygon_meets(rings: &[Vec<Coord>], region: &Region) -> bool {
    rings.iter().any(|ring| line_meets(ring, region)) || holds(rings, region.west, region.south)
}

/// Even-odd rule over all rings, so that holes are outside.
fn holds(rings: &[Vec<Coord>], lon_deg: f64, lat_deg: f64) -> bool {
    let crossings = rings.iter().flat_map(|ring| ring.windows(2)).filter(|ends| {
        let (a, b) = (&ends[0], &ends[1]);
        (a.lat_deg > lat_deg) != (b.lat_deg > lat_deg)
            && lon_deg < a.lon_deg + (lat_deg - a.lat_deg) / (b.lat_deg - a.lat_deg) * (b.lon_deg - a.lon_deg)
    });
    crossings.count() % 2 == 1
}

/// Clips the segment at the four edges (Liang and Barsky): whether anything is left.
fn segment_meets(a: &Coord, b: &Coord, region: &Region) -> bool {
    let (run, rise) = (b.lon_deg - a.lon_deg, b.lat_deg - a.lat_deg);
    let edges = [
        (-run, a.lon_deg - region.west),
        (run, region.east - a.lon_deg),
        (-rise, a.lat_deg - region.south),
        (rise, region.north - a.lat_deg),
    ];
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for (slope, room) in edges {
        if slope < 0.0 {
            from = from.max(room / slope);
        } else if slope > 0.0 {
            to = to.min(room / slope);
        } else if room < 0.0 {
            return false;
        }
    }
    from <= to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Vec<Coord> {
        points.iter().map(|(lon, lat)| Coord::new(*lon, *lat, 0.0)).collect()
    }

    #[test]
    fn a_line_that_passes_a_corner_by_does_not_meet_the_box() {
        let unit = Region { west: 0.0, south: 0.0, east: 1.0, north: 1.0 };
        let meets = |points: &[(f64, f64)]| meets(&Geometry::flat(Shape::LineString(line(points))), &unit);
        assert!(meets(&[(-1.0, 0.5), (2.0, 0.5)]), "through, no vertex inside");
        assert!(meets(&[(-1.0, 1.0), (1.0, -1.0)]), "touches the corner 0,0");
        assert!(!meets(&[(-1.0, 0.5), (0.5, -1.0)]), "its own box meets the box, it does not");
        assert!(!meets(&[(2.0, -1.0), (2.0, 3.0)]));
    }

    #[test]
    fn a_box_inside_a_polygon_meets_it_and_one_in_its_hole_does_not() {
        let ring = |r: f64| line(&[(-r, -r), (r, -r), (r, r), (-r, r), (-r, -r)]);
        let frame = Geometry::flat(Shape::MultiPolygon(vec![vec![ring(10.0), ring(5.0)]]));
        let at = |lon: f64| Region { west: lon, south: 0.0, east: lon + 1.0, north: 1.0 };
        assert!(meets(&frame, &at(7.0)), "in the frame");
        assert!(!meets(&frame, &at(0.0)), "in the hole");
        assert!(meets(&frame, &at(4.5)), "across the hole's edge");
        assert!(!meets(&frame, &at(11.0)));
    }
}
