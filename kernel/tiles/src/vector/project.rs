//! The address of a tile of Web Mercator (OGC 17-083r4, WebMercatorQuad; EPSG:3857), and degrees to units of a tile.

use kernel_model::Region;

use super::{BUFFER, EXTENT, MAX_ZOOM};

/// The latitude at which the square of Web Mercator ends, degrees.
const MOST_LAT_DEG: f64 = 85.051_128_779_806_59;
/// The equator, metres (EPSG:3857 takes the earth for a sphere of 6,378,137 m).
const EQUATOR_M: f64 = 40_075_016.685_578_49;
/// From this zoom on a tile is so low that a cubic of the latitude is exact to a hundredth of a unit.
const CUBIC_FROM: u8 = 11;

/// Zoom, column from 180 degrees west, row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    zoom: u8,
    x: u32,
    y: u32,
}

impl Address {
    /// Checked: `None` where there is no such tile.
    pub fn new(zoom: u8, x: u32, y: u32) -> Option<Self> {
        (zoom <= MAX_ZOOM && x < 1 << zoom && y < 1 << zoom).then_some(Self { zoom, x, y })
    }

    /// The tile of a zoom that holds a place.
    pub fn of(zoom: u8, lon_deg: f64, lat_deg: f64) -> Self {
        let zoom = zoom.min(MAX_ZOOM);
        let side = f64::from(1_u32 << zoom);
        let number = |share: f64| ((share * side) as u32).min((1 << zoom) - 1);
        Self { zoom, x: number((lon_deg + 180.0) / 360.0), y: number(down(lat_deg)) }
    }

    /// The zoom.
    pub fn zoom(&self) -> u8 {
        self.zoom
    }

    /// Degrees covered, the buffer with it.
    pub fn window(&self) -> Region {
        let buffer = f64::from(BUFFER) / f64::from(EXTENT);
        let side = f64::from(1_u32 << self.zoom);
        let lon = |x: f64| x / side * 360.0 - 180.0;
        let (x, y) = (f64::from(self.x), f64::from(self.y));
        Region {
            west: lon(x - buffer),
            south: lat(((y + 1.0 + buffer) / side).min(1.0)),
            east: lon(x + 1.0 + buffer),
            north: lat(((y - buffer) / side).max(0.0)),
        }
    }

    /// Metres on the ground of a unit in the middle of the tile.
    pub fn unit_m(&self) -> f64 {
        let side = f64::from(1_u32 << self.zoom);
        let middle = lat((f64::from(self.y) + 0.5) / side);
        EQUATOR_M / side / f64::from(EXTENT) * middle.to_radians().cos()
    }
}

/// How far down the square of Web Mercator a latitude is, 0 to 1.
fn down(lat_deg: f64) -> f64 {
    let sin = lat_deg.clamp(-MOST_LAT_DEG, MOST_LAT_DEG).to_radians().sin();
    0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * std::f64::consts::PI)
}

/// The latitude that is so far down.
fn lat(down: f64) -> f64 {
    ((0.5 - down) * 2.0 * std::f64::consts::PI).sinh().atan().to_degrees()
}

/// Degrees to units of one tile, right and down from its north-west corner.
#[derive(Debug)]
pub(super) struct Projection {
    units_per_deg: f64,
    west: f64,
    vertical: Vertical,
}

#[derive(Debug)]
enum Vertical {
    Exact {
        units: f64,
        top: f64,
    },
    /// Taylor's, around the latitude of the tile's middle.
    Cubic {
        lat_deg: f64,
        terms: [f64; 4],
    },
}

impl Projection {
    pub(super) fn of(at: Address) -> Self {
        let units = f64::from(1_u32 << at.zoom) * f64::from(EXTENT);
        let (x, top) = (f64::from(at.x) * f64::from(EXTENT), f64::from(at.y) * f64::from(EXTENT));
        let vertical = if at.zoom < CUBIC_FROM { Vertical::Exact { units, top } } else { cubic(at, units, top) };
        Self { units_per_deg: units / 360.0, west: x / units * 360.0 - 180.0, vertical }
    }

    pub(super) fn units(&self, [lon_deg, lat_deg, _]: [f64; 3]) -> [f64; 2] {
        let y = match &self.vertical {
            Vertical::Exact { units, top } => down(lat_deg) * units - top,
            Vertical::Cubic { lat_deg: middle, terms: [a, b, c, d] } => {
                let step = lat_deg.clamp(-MOST_LAT_DEG, MOST_LAT_DEG) - middle;
                a + step * (b + step * (c + step * d))
            }
        };
        [(lon_deg - self.west) * self.units_per_deg, y]
    }
}

fn cubic(at: Address, units: f64, top: f64) -> Vertical {
    let middle = lat((f64::from(at.y) + 0.5) / f64::from(1_u32 << at.zoom));
    let (sin, cos) = middle.to_radians().sin_cos();
    // Mercator's derivatives: sec, sec tan, sec (1 + 2 tan²).
    let (sec, tan) = (1.0 / cos, sin / cos);
    let (scale, degree) = (-units / (2.0 * std::f64::consts::PI), 1.0_f64.to_radians());
    let terms = [
        down(middle) * units - top,
        scale * sec * degree,
        scale * sec * tan * degree.powi(2) / 2.0,
        scale * sec * (1.0 + 2.0 * tan * tan) * degree.powi(3) / 6.0,
    ];
    Vertical::Cubic { lat_deg: middle, terms }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tiles_are_those_of_the_scheme() {
        assert_eq!(Address::of(14, 116.3125, 39.983), Address { zoom: 14, x: 13_485, y: 6_203 });
        assert_eq!(Address::of(0, 180.0, -90.0), Address { zoom: 0, x: 0, y: 0 });
        assert_eq!((Address::new(2, 4, 0), Address::new(23, 0, 0)), (None, None));
        let world = Address::new(0, 0, 0).unwrap().window();
        assert!(world.west < -180.0 && (world.north - MOST_LAT_DEG).abs() < 1e-9);
    }

    proptest! {
        /// Corners of a tile come out as its corners, whichever way the latitude is taken.
        #[test]
        fn degrees_become_units_of_the_tile(zoom in 0_u8..=MAX_ZOOM, lon in -179.9..179.9, lat_deg in -84.0..84.0) {
            let at = Address::of(zoom, lon, lat_deg);
            let side = f64::from(1_u32 << zoom) * f64::from(EXTENT);
            let wanted_x = (lon + 180.0) / 360.0 * side - f64::from(at.x) * f64::from(EXTENT);
            let rad = lat_deg.to_radians();
            let mercator = (rad.tan() + 1.0 / rad.cos()).ln();
            let wanted_y = (0.5 - mercator / (2.0 * std::f64::consts::PI)) * side - f64::from(at.y) * f64::from(EXTENT);
            let [x, y] = Projection::of(at).units([lon, lat_deg, 0.0]);
            prop_assert!((x - wanted_x).abs() < 0.01 && (y - wanted_y).abs() < 0.01, "{x} {wanted_x} {y} {wanted_y}");
            let extent = f64::from(EXTENT) + 0.01;
            prop_assert!((-0.01..=extent).contains(&x) && (-0.01..=extent).contains(&y));
            prop_assert!(at.window().contains(lon, lat_deg));
        }
    }
}
