//! Rings into polygons, for formats that keep outer and inner rings side by side. For OpenStreetMap: member ways of a multipolygon relation into rings, and rings into polygons (the wiki's "Relation:multipolygon"). Ways
//! that do not close refuse the relation; nothing is closed that the map left open.

use kernel_model::{Coord, Polygon, Shape};

use crate::intake::Refusal;

/// A way's nodes: their ids join ways, their places make the ring.
pub(crate) type Line = Vec<(i64, Coord)>;

/// Members of a relation, at most; a map's largest have some thousands.
const MAX_MEMBERS: usize = 50_000;

/// Joins ways end to end until every ring is closed.
pub(crate) fn join(mut ways: Vec<Line>) -> Result<Vec<Vec<Coord>>, Refusal> {
    if ways.len() > MAX_MEMBERS {
        return Err(format!("{} member ways are more than the {MAX_MEMBERS} taken", ways.len()));
    }
    let mut rings = Vec::new();
    while let Some(mut ring) = ways.pop() {
        while ring.first().map(|n| n.0) != ring.last().map(|n| n.0) || ring.len() < 2 {
            let end = ring.last().map(|n| n.0);
            let next = ways.iter().position(|w| w.first().map(|n| n.0) == end || w.last().map(|n| n.0) == end);
            let Some(at) = next else { return Err("its ways do not close to rings".to_owned()) };
            let mut way = ways.swap_remove(at);
            if way.first().map(|n| n.0) != end {
                way.reverse();
            }
            ring.extend(way.into_iter().skip(1));
        }
        if ring.len() < 4 {
            return Err("a ring of it has fewer than three corners".to_owned());
        }
        rings.push(ring.into_iter().map(|(_, coord)| coord).collect());
    }
    Ok(rings)
}

/// Puts each hole into the outer ring that holds it.
pub(crate) fn polygons(outer: Vec<Vec<Coord>>, inner: Vec<Vec<Coord>>) -> Result<Shape, Refusal> {
    let mut polygons: Vec<Polygon> = outer.into_iter().map(|ring| vec![ring]).collect();
    for hole in inner {
        // Of outer rings in each other (an island in a lake) the smallest has the hole.
        let homes = polygons.iter_mut().filter(|polygon| contains(&polygon[0], &hole));
        let home = homes.min_by(|a, b| area(&a[0]).total_cmp(&area(&b[0])));
        home.ok_or("an inner ring lies in no outer ring")?.push(hole);
    }
    match polygons.len() {
        0 => Err("it has no outer ring".to_owned()),
        1 => Ok(Shape::Polygon(polygons.remove(0))),
        _ => Ok(Shape::MultiPolygon(polygons)),
    }
}

/// Square degrees.
fn area(ring: &[Coord]) -> f64 {
    let doubled: f64 = ring.windows(2).map(|e| e[0].lon_deg * e[1].lat_deg - e[1].lon_deg * e[0].lat_deg).sum();
    doubled.abs() / 2.0
}

/// Whether the middle of one of the hole's edges that is not on the ring itself lies in the ring.
fn contains(ring: &[Coord], hole: &[Coord]) -> bool {
    let Some([a, b]) = hole.windows(2).find(|edge| !ring.contains(&edge[0]) || !ring.contains(&edge[1])) else {
        return true;
    };
    inside(ring, f64::midpoint(a.lon_deg, b.lon_deg), f64::midpoint(a.lat_deg, b.lat_deg))
}

fn inside(ring: &[Coord], lon: f64, lat: f64) -> bool {
    let crossings = ring.windows(2).filter(|edge| {
        let (a, b) = (edge[0], edge[1]);
        (a.lat_deg > lat) != (b.lat_deg > lat)
            && lon < (b.lon_deg - a.lon_deg) * (lat - a.lat_deg) / (b.lat_deg - a.lat_deg) + a.lon_deg
    });
    crossings.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(nodes: &[(i64, f64, f64)]) -> Line {
        nodes.iter().map(|(id, lon, lat)| (*id, Coord::new(*lon, *lat, 0.0))).collect()
    }

    #[test]
    fn ways_in_any_direction_make_a_ring() {
        let ring = join(vec![
            line(&[(1, 0.0, 0.0), (2, 4.0, 0.0)]),
            line(&[(1, 0.0, 0.0), (4, 0.0, 4.0), (3, 4.0, 4.0)]),
            line(&[(2, 4.0, 0.0), (3, 4.0, 4.0)]),
        ])
        .unwrap();
        assert_eq!(ring.len(), 1);
        assert_eq!((ring[0].len(), ring[0].first()), (5, ring[0].last()));
    }

    #[test]
    fn open_and_flat_rings_are_refused() {
        assert!(join(vec![line(&[(1, 0.0, 0.0), (2, 4.0, 0.0)])]).is_err());
        assert!(join(vec![line(&[(1, 0.0, 0.0), (2, 4.0, 0.0), (1, 0.0, 0.0)])]).is_err());
        assert!(join(vec![line(&[(1, 0.0, 0.0)])]).is_err());
        assert!(join(vec![Line::new()]).is_err());
    }

    #[test]
    fn a_hole_goes_into_the_ring_that_holds_it() {
        let square = |x: f64, y: f64, s: f64| {
            let c = |dx: f64, dy: f64| Coord::new(x + dx, y + dy, 0.0);
            vec![c(0.0, 0.0), c(s, 0.0), c(s, s), c(0.0, s), c(0.0, 0.0)]
        };
        let outer = vec![square(0.0, 0.0, 1.0), square(10.0, 0.0, 4.0)];
        let Shape::MultiPolygon(polygons) = polygons(outer.clone(), vec![square(11.0, 1.0, 1.0)]).unwrap() else {
            panic!("two outer rings make a multipolygon")
        };
        assert_eq!((polygons[0].len(), polygons[1].len()), (1, 2));
        assert!(super::polygons(outer, vec![square(50.0, 0.0, 1.0)]).is_err());
    }
}
