//! Where the sun stands: UTC time and place in, direction out, by the low-precision formulas of the Astronomical Almanac
//! (good to about 0.01 degrees of ecliptic longitude between 1950 and 2050, far finer than a shadow shows).

use glam::Vec3;

/// Unit vector towards the sun (east, north, up) at a UTC instant; below the horizon the third part is negative.
pub fn towards_sun(time_us: i64, lon_deg: f64, lat_deg: f64) -> Vec3 {
    // Days since noon on 1 January 2000.
    let days = time_us as f64 / 86_400e6 - 10_957.5;
    let mean_longitude = (280.460 + 0.985_647_4 * days).to_radians();
    let mean_anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let ecliptic = mean_longitude + (1.915 * mean_anomaly.sin() + 0.020 * (2.0 * mean_anomaly).sin()).to_radians();
    let tilt = (23.439 - 4e-7 * days).to_radians();
    let right_ascension = (tilt.cos() * ecliptic.sin()).atan2(ecliptic.cos());
    let declination = (tilt.sin() * ecliptic.sin()).asin();
    let sidereal = (280.460_618_37 + 360.985_647_366_29 * days + lon_deg).rem_euclid(360.0).to_radians();
    let hour = sidereal - right_ascension;
    let lat = lat_deg.to_radians();
    let east = -declination.cos() * hour.sin();
    let north = declination.sin() * lat.cos() - declination.cos() * hour.cos() * lat.sin();
    let up = declination.sin() * lat.sin() + declination.cos() * hour.cos() * lat.cos();
    Vec3::new(east as f32, north as f32, up as f32).normalize_or(Vec3::Z)
}

/// A direction from azimuth (clockwise from north) and elevation, degrees.
pub fn from_angles(azimuth_deg: f32, elevation_deg: f32) -> Vec3 {
    let (sin, cos) = azimuth_deg.to_radians().sin_cos();
    let (up, level) = elevation_deg.to_radians().sin_cos();
    Vec3::new(sin * level, cos * level, up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elevation(time_us: i64, lon: f64, lat: f64) -> f32 {
        towards_sun(time_us, lon, lat).z.asin().to_degrees()
    }

    #[test]
    fn solstice_noon_heights_are_right() {
        // 21 June 2024, 12:02 UTC, Greenwich meridian at 51.5 N: 90 - 51.5 + 23.44 = 61.94 degrees, due south.
        let june = 1_718_971_320_000_000;
        assert!((elevation(june, 0.0, 51.5) - 61.94).abs() < 0.1, "{}", elevation(june, 0.0, 51.5));
        assert!(towards_sun(june, 0.0, 51.5).y < 0.0 && towards_sun(june, 0.0, 51.5).x.abs() < 0.02);
        // Midnight there, and noon in Beijing in December: 90 - 39.9 - 23.44 = 26.66 degrees.
        assert!(elevation(june + 12 * 3_600_000_000, 0.0, 51.5) < -10.0);
        let december = 1_734_754_320_000_000; // 21 December 2024, 04:12 UTC, near local noon at 116.4 E.
        assert!((elevation(december, 116.4, 39.9) - 26.66).abs() < 0.3, "{}", elevation(december, 116.4, 39.9));
    }

    #[test]
    fn mornings_come_from_the_east() {
        let morning = 1_718_949_600_000_000; // 06:00 UTC.
        assert!(towards_sun(morning, 0.0, 51.5).x > 0.5);
        assert!((from_angles(90.0, 0.0) - Vec3::X).length() < 1e-6);
    }
}
