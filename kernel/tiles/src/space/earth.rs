//! Degrees and metres above the ellipsoid (EPSG:4979) to metres from the earth's centre (EPSG:4978), and the axes of glTF.

use glam::DVec3;

/// Half axis and first eccentricity squared of WGS 84.
const A: f64 = 6_378_137.0;
const E2: f64 = 0.006_694_379_990_141_317;

/// Metres from the earth's centre: to the equator's 0 and 90 degrees east, and to the north pole.
pub(super) fn centred([lon_deg, lat_deg, height_m]: [f64; 3]) -> DVec3 {
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let normal = A / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    let axis = (normal + height_m) * cos_lat;
    DVec3::new(axis * cos_lon, axis * sin_lon, (normal * (1.0 - E2) + height_m) * sin_lat)
}

/// A frame on the ellipsoid: metres east, north and up of a place, straight ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) origin: DVec3,
    pub(super) east: DVec3,
    pub(super) north: DVec3,
    pub(super) up: DVec3,
}

impl Frame {
    pub(super) fn at(place: [f64; 3]) -> Self {
        let (sin_lat, cos_lat) = place[1].to_radians().sin_cos();
        let (sin_lon, cos_lon) = place[0].to_radians().sin_cos();
        Self {
            origin: centred(place),
            east: DVec3::new(-sin_lon, cos_lon, 0.0),
            north: DVec3::new(-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat),
            up: DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat),
        }
    }

    pub(super) fn place(&self, local: DVec3) -> DVec3 {
        self.origin + self.east * local.x + self.north * local.y + self.up * local.z
    }
}

/// Metres of a degree of longitude and of latitude at a latitude.
pub(super) fn degree_m(lat_deg: f64) -> [f64; 2] {
    let (sin, cos) = lat_deg.to_radians().sin_cos();
    let w2 = 1.0 - E2 * sin * sin;
    let degree = 1.0_f64.to_radians();
    [A / w2.sqrt() * cos * degree, A * (1.0 - E2) / (w2 * w2.sqrt()) * degree]
}

/// The axes of glTF, whose y is up: 3D Tiles turns them back (OGC 22-025r4, 6.7.1.6.3).
pub(super) fn y_up(at: DVec3) -> DVec3 {
    DVec3::new(at.x, at.z, -at.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of EPSG:4979 -> EPSG:4978 as PROJ gives them (`gdaltransform -s_srs EPSG:4979 -t_srs EPSG:4978`).
    #[test]
    fn places_are_where_proj_has_them() {
        for (place, wanted) in [
            ([116.391_3, 39.907_5, 50.0], [-2_177_753.178_5, 4_388_728.463_5, 4_070_144.571_7]),
            ([4.365, 52.011, 0.0], [3_922_585.089_0, 299_416.228_4, 5_003_556.786_9]),
        ] {
            let got = centred(place);
            let off = (got - DVec3::from(wanted)).length();
            assert!(off < 0.001, "{place:?} {got} {off}");
            let frame = Frame::at(place);
            let up = centred([place[0], place[1], place[2] + 10.0]);
            assert!((frame.place(DVec3::Z * 10.0) - up).length() < 1e-6);
            assert!((frame.east.cross(frame.north) - frame.up).length() < 1e-12);
        }
    }

    #[test]
    fn a_degree_is_as_long_as_small_steps_say() {
        let [east, north] = degree_m(40.0);
        let from = centred([116.0, 40.0, 0.0]);
        assert!(((centred([116.0 + 1e-4, 40.0, 0.0]) - from).length() - east * 1e-4).abs() < 1e-4);
        assert!(((centred([116.0, 40.0 + 1e-4, 0.0]) - from).length() - north * 1e-4).abs() < 1e-4);
    }
}
