//! Degrees to the scene's metres and back: east and north are scaled by the ellipsoid's radii of curvature at an origin,
//! so that flat ground stays flat (the earth's curve is left out: 31 m at 20 km). Heights are metres above the ground level.

use glam::{DVec3, Vec3};

/// WGS 84 (EPSG:7030): semi-major axis in metres and squared eccentricity.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
const ECCENTRICITY_2: f64 = 6.694_379_990_141_316_5e-3;

/// The scene's frame: an origin on the ellipsoid with metres east and north of it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub struct LocalFrame {
    lon_deg: f64,
    lat_deg: f64,
    east_m_per_deg: f64,
    north_m_per_deg: f64,
}

impl LocalFrame {
    /// A frame around an origin.
    pub fn new(lon_deg: f64, lat_deg: f64) -> Self {
        let lat = lat_deg.clamp(-89.5, 89.5).to_radians();
        let w = (1.0 - ECCENTRICITY_2 * lat.sin().powi(2)).sqrt();
        let prime_vertical_m = SEMI_MAJOR_M / w;
        let meridian_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_2) / w.powi(3);
        Self {
            lon_deg,
            lat_deg,
            east_m_per_deg: (prime_vertical_m * lat.cos()).to_radians(),
            north_m_per_deg: meridian_m.to_radians(),
        }
    }

    /// Degrees to metres, doubles.
    pub fn to_metres(&self, lon_deg: f64, lat_deg: f64, above_ground_m: f64) -> DVec3 {
        let mut east_deg = lon_deg - self.lon_deg;
        if east_deg.abs() > 180.0 {
            east_deg -= 360.0 * (east_deg / 360.0).round();
        }
        DVec3::new(east_deg * self.east_m_per_deg, (lat_deg - self.lat_deg) * self.north_m_per_deg, above_ground_m)
    }

    /// Degrees to the scene's single-precision metres.
    pub fn to_scene(&self, lon_deg: f64, lat_deg: f64, above_ground_m: f64) -> Vec3 {
        self.to_metres(lon_deg, lat_deg, above_ground_m).as_vec3()
    }

    /// Metres back to longitude and latitude in degrees.
    pub fn to_degrees(&self, east_m: f64, north_m: f64) -> [f64; 2] {
        let lon = self.lon_deg + east_m / self.east_m_per_deg;
        let lon = if lon.abs() > 180.0 { lon - 360.0 * (lon / 360.0).round() } else { lon };
        [lon, (self.lat_deg + north_m / self.north_m_per_deg).clamp(-90.0, 90.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_degree_of_latitude_is_as_long_as_the_tables_say() {
        // Length of one degree of latitude on WGS 84 at 45 degrees: 111,131.7 m; of longitude: 78,846.8 m.
        let frame = LocalFrame::new(10.0, 45.0);
        let there = frame.to_metres(10.0, 45.5, 0.0).y - frame.to_metres(10.0, 44.5, 0.0).y;
        assert!((there - 111_131.7).abs() < 3.0, "{there}");
        assert!((frame.to_metres(11.0, 45.0, 0.0).x - 78_846.8).abs() < 3.0);
    }

    proptest! {
        #[test]
        fn there_and_back(lon in -180.0..180.0f64, lat in -85.0..85.0f64, east in -2e4..2e4f64, north in -2e4..2e4f64) {
            let frame = LocalFrame::new(lon, lat);
            let [lon2, lat2] = frame.to_degrees(east, north);
            let back = frame.to_metres(lon2, lat2, 3.0);
            prop_assert!((back - DVec3::new(east, north, 3.0)).length() < 1e-5);
        }
    }
}
