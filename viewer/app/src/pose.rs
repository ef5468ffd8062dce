//! A camera's place and direction in the world's terms.

use serde::{Deserialize, Serialize};

/// Where an eye is and how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CameraPose {
    /// Longitude of the eye, degrees.
    pub lon_deg: f64,
    /// Latitude of the eye, degrees.
    pub lat_deg: f64,
    /// Height of the eye above the drawn ground, metres.
    pub height_m: f64,
    /// Clockwise from north, degrees.
    pub heading_deg: f64,
    /// Up is positive, so that -90 looks straight down; degrees. The viewer shows -89 to -4.
    pub pitch_deg: f64,
}
