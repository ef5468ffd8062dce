//! The light of one frame from the sun's height: in comes a direction, out go the colours of sun, sky, haze and ground.
//! It is a look, not a simulation of the atmosphere; only the sun's direction is true.

use glam::Vec3;

/// A linear colour, not limited to 1.
pub type Rgb = [f32; 3];

/// Everything the shaders want to know about the light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Towards the sun, or by night towards the moon. Unit length.
    pub direction: Vec3,
    /// Radiance of the sun.
    pub sun: Rgb,
    /// Colour of the sky overhead.
    pub zenith: Rgb,
    /// Colour of the haze at the horizon.
    pub horizon: Rgb,
    /// Albedo of the bare ground.
    pub ground: Rgb,
    /// 0 by day, 1 by night.
    pub night: f32,
    /// How widely the sun glows, 0 to 1.
    pub glow: f32,
    /// Multiplies light before the tone curve.
    pub exposure: f32,
    /// Fog per metre.
    pub fog_per_m: f32,
}

struct Key {
    height: f32,
    sun: Rgb,
    zenith: Rgb,
    horizon: Rgb,
    glow: f32,
    night: f32,
}

/// Colours by the sine of the sun's elevation; between two keys they mix.
const KEYS: [Key; 6] = [
    Key {
        height: -0.22,
        sun: [0.10, 0.13, 0.22],
        zenith: [0.012, 0.020, 0.052],
        horizon: [0.040, 0.055, 0.105],
        glow: 0.05,
        night: 1.0,
    },
    Key {
        height: -0.08,
        sun: [0.16, 0.14, 0.20],
        zenith: [0.040, 0.062, 0.140],
        horizon: [0.300, 0.190, 0.200],
        glow: 0.4,
        night: 0.85,
    },
    Key {
        height: 0.03,
        sun: [1.90, 0.85, 0.38],
        zenith: [0.110, 0.190, 0.390],
        horizon: [0.860, 0.520, 0.360],
        glow: 1.0,
        night: 0.35,
    },
    Key {
        height: 0.20,
        sun: [3.00, 2.10, 1.28],
        zenith: [0.130, 0.290, 0.620],
        horizon: [0.820, 0.740, 0.660],
        glow: 0.8,
        night: 0.0,
    },
    Key {
        height: 0.45,
        sun: [3.10, 2.55, 1.88],
        zenith: [0.095, 0.270, 0.700],
        horizon: [0.660, 0.770, 0.880],
        glow: 0.45,
        night: 0.0,
    },
    Key {
        height: 1.00,
        sun: [3.20, 3.00, 2.70],
        zenith: [0.090, 0.270, 0.720],
        horizon: [0.600, 0.740, 0.890],
        glow: 0.25,
        night: 0.0,
    },
];

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

impl Light {
    /// The light for a sun in this direction (unit vector: east, north, up; below the horizon means night).
    #[must_use]
    pub fn from_sun(towards_sun: Vec3) -> Self {
        let height = towards_sun.z.clamp(KEYS[0].height, 1.0);
        let after = KEYS.iter().position(|key| key.height >= height).unwrap_or(KEYS.len() - 1).max(1);
        let (a, b) = (&KEYS[after - 1], &KEYS[after]);
        let t = ((height - a.height) / (b.height - a.height)).clamp(0.0, 1.0);
        let direction = shadow_caster(towards_sun);
        Self {
            direction,
            sun: mix(a.sun, b.sun, t),
            zenith: mix(a.zenith, b.zenith, t),
            horizon: mix(a.horizon, b.horizon, t),
            ground: [0.385, 0.385, 0.345],
            night: a.night + (b.night - a.night) * t,
            glow: a.glow + (b.glow - a.glow) * t,
            exposure: 0.54 + 0.62 * (a.night + (b.night - a.night) * t),
            fog_per_m: 1.0 / 9000.0,
        }
    }
}

/// The sun, or opposite a sun far below the horizon a moon: whatever casts the shadows stands above the ground.
fn shadow_caster(towards_sun: Vec3) -> Vec3 {
    let sun = towards_sun.normalize_or(Vec3::Z);
    if sun.z > -0.02 {
        return Vec3::new(sun.x, sun.y, sun.z.max(0.06)).normalize();
    }
    Vec3::new(-sun.x, -sun.y, (-sun.z).max(0.35)).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noon_is_brighter_than_dusk_and_night() {
        let sum = |z: f32| Light::from_sun(Vec3::new(0.3, 0.0, z).normalize()).sun.iter().sum::<f32>();
        assert!(sum(1.0) > sum(0.05));
        assert!(sum(0.05) > sum(-0.5));
    }

    #[test]
    fn the_light_always_comes_from_above() {
        for step in -20..=20 {
            let light = Light::from_sun(Vec3::new(0.6, -0.4, step as f32 / 20.0));
            assert!(light.direction.z > 0.0 && (light.direction.length() - 1.0).abs() < 1e-4);
        }
    }
}
