//! The shape of an H3 cell: its corners, its outline along the arcs between them, and a box around it. A cell comes in, degrees go out; a
//! cell over a pole or across the antimeridian is no exception.

use h3o::LatLng;

use super::Cell;
use crate::area::LonLatBox;
use crate::grid::GridCell;

/// Points laid on each edge of a cell when its extent is measured, because edges are arcs of great circles.
const ARC_POINTS: u32 = 8;

impl Cell {
    /// The corners counter-clockwise as (longitude, latitude), degrees; the first is not repeated. Edges are arcs of great circles.
    pub fn boundary_deg(&self) -> Vec<(f64, f64)> {
        self.0.boundary().iter().map(|corner| (corner.lng(), corner.lat())).collect()
    }

    /// The latitude of the pole in the cell, if one is.
    pub(super) fn pole_deg(self) -> Option<f64> {
        let holds = |lat: f64| LatLng::new(lat, 0.0).is_ok_and(|pole| pole.to_cell(self.0.resolution()) == self.0);
        [90.0, -90.0].into_iter().find(|lat| holds(*lat))
    }

    /// The points nearest to a pole on those arcs that have theirs between their ends: an edge may pass a pole closely and quickly.
    fn apexes_deg(self) -> Vec<(f64, f64)> {
        let boundary = self.0.boundary();
        let corners: Vec<[f64; 3]> = boundary.iter().map(on_sphere).collect();
        corners.iter().zip(corners.iter().cycle().skip(1)).filter_map(|(a, b)| apex(a, b)).collect()
    }

    /// The boundary with further points on each arc, as (longitude, latitude), degrees.
    pub(super) fn outline_deg(self) -> Vec<(f64, f64)> {
        let boundary = self.0.boundary();
        let corners: Vec<[f64; 3]> = boundary.iter().map(on_sphere).collect();
        let arcs = corners.iter().zip(corners.iter().cycle().skip(1));
        arcs.flat_map(|(a, b)| (0..ARC_POINTS).map(|i| between(a, b, f64::from(i) / f64::from(ARC_POINTS)))).collect()
    }
}

/// A box around the cell, a thousandth wider than its edges.
pub(super) fn area(cell: Cell) -> LonLatBox {
    let centre = cell.centre_deg().0;
    let (mut west, mut east, mut south, mut north) = (0.0f64, 0.0f64, 90.0f64, -90.0f64);
    for (lon, lat) in cell.outline_deg().into_iter().chain(cell.apexes_deg()) {
        let aside = (lon - centre + 540.0).rem_euclid(360.0) - 180.0;
        (west, east) = (west.min(aside), east.max(aside));
        (south, north) = (south.min(lat), north.max(lat));
    }
    let (wide, high) = ((east - west) * 1e-3, (north - south) * 1e-3);
    (south, north) = ((south - high).max(-90.0), (north + high).min(90.0));
    match cell.pole_deg() {
        Some(pole) if pole > 0.0 => LonLatBox::from_sides(-180.0, south, 180.0, 90.0),
        Some(_) => LonLatBox::from_sides(-180.0, -90.0, 180.0, north),
        None => LonLatBox::from_sides(wrap(centre + west - wide), south, wrap(centre + east + wide), north),
    }
}

fn on_sphere(place: &LatLng) -> [f64; 3] {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (place.lat_radians().sin_cos(), place.lng_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// The point of greatest latitude, north or south, of the arc from `a` to `b`, unless it is an end.
fn apex(a: &[f64; 3], b: &[f64; 3]) -> Option<(f64, f64)> {
    let normal = cross(a, b);
    // The pole's direction less its part along the normal lies on the great circle, nearest to the pole.
    let [x, y, z] = normal;
    let north = [-z * x, -z * y, x * x + y * y];
    [north, north.map(|part| -part)]
        .into_iter()
        .find(|top| dot(&cross(a, top), &normal) > 0.0 && dot(&cross(top, b), &normal) > 0.0)
        .map(|[x, y, z]| (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees()))
}

fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The point of the arc from `a` to `b` above the given share of its chord.
fn between(a: &[f64; 3], b: &[f64; 3], share: f64) -> (f64, f64) {
    let [x, y, z] = [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * share);
    (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees())
}

fn wrap(lon_deg: f64) -> f64 {
    if lon_deg > 180.0 {
        lon_deg - 360.0
    } else if lon_deg < -180.0 {
        lon_deg + 360.0
    } else {
        lon_deg
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    /// Places found by the sweep: an edge of these cells passes the pole at 0.1 degrees.
    #[test]
    fn a_box_reaches_to_the_top_of_an_edge_beside_the_pole() {
        for (lon, lat) in
            [(46.756_486_485_609_67, -89.869_151_103_517_6), (-96.753_864_670_902_39, 89.856_971_915_340_48)]
        {
            let p = Position::new_2d(lon, lat).unwrap();
            let cell = Cell::of(&p, 0).unwrap();
            assert!(cell.area().contains(&p) && cell.pole_deg().is_none(), "{cell} {:?}", cell.area());
        }
    }
}
