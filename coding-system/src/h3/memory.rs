//! Cells that were met lately, with a circle inside each: a position in the circle is in the cell, and needs no trigonometry.
//! Positions in the order of their keys meet few cells, one after the other, and nine of ten lie in the circle.

use h3o::{CellIndex, LatLng, Resolution};

/// So many cells are remembered.
const CELLS: usize = 4;
/// At coarser resolutions a circle in degrees is a poor likeness of one on the sphere.
const COARSEST: Resolution = Resolution::Four;
/// Nearer to a pole too, degrees.
const HIGHEST_LAT: f64 = 85.0;

/// Cells of one resolution.
#[derive(Debug)]
pub(crate) struct Memory {
    resolution: Resolution,
    known: [Known; CELLS],
    next: usize,
    last: Option<CellIndex>,
}

/// A cell and a circle in it: degrees, and what a degree of longitude is in degrees of latitude, squared.
#[derive(Debug, Clone, Copy)]
struct Known {
    cell: Option<CellIndex>,
    lon: f64,
    lat: f64,
    narrow: f64,
    radius_squared: f64,
}

const NOTHING: Known = Known { cell: None, lon: 0.0, lat: 0.0, narrow: 0.0, radius_squared: -1.0 };

impl Memory {
    pub(crate) fn new(resolution: Resolution) -> Self {
        Self { resolution, known: [NOTHING; CELLS], next: 0, last: None }
    }

    /// The cell of a place in degrees; none where it is not one.
    #[inline]
    pub(crate) fn cell(&mut self, lon: f64, lat: f64) -> Option<CellIndex> {
        match self.known.iter().find(|known| known.holds(lon, lat)) {
            Some(known) => known.cell,
            None => self.compute(lon, lat),
        }
    }

    fn compute(&mut self, lon: f64, lat: f64) -> Option<CellIndex> {
        let cell = LatLng::new(lat, lon).ok()?.to_cell(self.resolution);
        // The circle costs more than the cell: it is worth it where positions stay in a cell.
        if self.last == Some(cell)
            && self.resolution >= COARSEST
            && !self.known.iter().any(|known| known.cell == Some(cell))
        {
            self.known[self.next] = Known::of(cell);
            self.next = (self.next + 1) % CELLS;
        }
        self.last = Some(cell);
        Some(cell)
    }
}

impl Known {
    #[inline]
    fn holds(&self, lon: f64, lat: f64) -> bool {
        let (east, north) = (lon - self.lon, lat - self.lat);
        east * east * self.narrow + north * north < self.radius_squared
    }

    fn of(cell: CellIndex) -> Self {
        let centre = LatLng::from(cell);
        let (lon, lat) = (centre.lng(), centre.lat());
        let (at, narrow) = (on_sphere(centre), lat.to_radians().cos());
        let corners: Vec<[f64; 3]> = cell.boundary().iter().map(|corner| on_sphere(*corner)).collect();
        let next = corners.iter().cycle().skip(1);
        let inside = corners.iter().zip(next).map(|(a, b)| from_edge(at, *a, *b)).fold(f64::INFINITY, f64::min);
        // With φ the centre's latitude, haversines give: angle² ≤ (north² + cos φ (cos φ + |north|) east²) (1 + angle²), so that a
        // distance measured with cos² φ is too short by at most these factors.
        let radius = inside.to_degrees() / ((1.0 + inside / narrow) * (1.0 + inside * inside)) * (1.0 - 1e-6);
        if lat.abs() > HIGHEST_LAT {
            return Self { cell: Some(cell), ..NOTHING };
        }
        Self { cell: Some(cell), lon, lat, narrow: narrow * narrow, radius_squared: radius * radius }
    }
}

fn on_sphere(place: LatLng) -> [f64; 3] {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (place.lat_radians().sin_cos(), place.lng_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// The angle between a point and the great circle through two others, radians.
fn from_edge(at: [f64; 3], a: [f64; 3], b: [f64; 3]) -> f64 {
    let normal = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    (dot(at, normal) / dot(normal, normal).sqrt()).abs().asin()
}
