//! Where: a checked position, what its height is measured from, and boxes of longitude and latitude.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A position or box that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlaceError {
    /// Longitude or latitude is not finite or off the globe.
    #[error("lon {lon_deg}, lat {lat_deg} is not on the globe: longitude -180..180, latitude -90..90, in that order")]
    OffGlobe {
        /// As given.
        lon_deg: f64,
        /// As given.
        lat_deg: f64,
    },
    /// The text is no box.
    #[error("`{0}` is not a box: give west,south,east,north in degrees, such as 116.30,39.97,116.32,39.99")]
    Box(String),
    /// The text names no height reference.
    #[error("`{0}` is not a height reference: give ellipsoid, ground, unknown or a vertical CRS such as EPSG:5709")]
    Height(String),
}

/// What a height is measured from. It travels with every geometry; nothing converts it silently.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HeightReference {
    /// Metres above the WGS 84 / CGCS2000 ellipsoid (EPSG:4979).
    Ellipsoid,
    /// Metres above the ground at the place.
    Ground,
    /// A named vertical reference system that was not converted, such as `EPSG:5709` (NAP).
    Vertical(String),
    /// The source has heights and says nothing of their reference.
    Unknown,
    /// There are no heights.
    #[default]
    None,
}

impl fmt::Display for HeightReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ellipsoid => "ellipsoid",
            Self::Ground => "ground",
            Self::Vertical(name) => name,
            Self::Unknown => "unknown",
            Self::None => "none",
        })
    }
}

impl FromStr for HeightReference {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match text {
            "ellipsoid" => Ok(Self::Ellipsoid),
            "ground" => Ok(Self::Ground),
            "unknown" => Ok(Self::Unknown),
            "none" => Ok(Self::None),
            name if name.contains(':') => Ok(Self::Vertical(name.to_owned())),
            other => Err(PlaceError::Height(other.to_owned())),
        }
    }
}

/// A position: degrees on WGS 84 / CGCS2000, metres above the [`HeightReference`] stated beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Longitude, degrees east, -180 to 180.
    pub lon_deg: f64,
    /// Latitude, degrees north, -90 to 90.
    pub lat_deg: f64,
    /// Height in metres, where known.
    pub height_m: Option<f64>,
}

impl Place {
    /// Checks that the position is finite and on the globe.
    ///
    /// # Errors
    /// [`PlaceError::OffGlobe`].
    pub fn new(lon_deg: f64, lat_deg: f64, height_m: Option<f64>) -> Result<Self, PlaceError> {
        let on_globe = (-180.0..=180.0).contains(&lon_deg) && (-90.0..=90.0).contains(&lat_deg);
        if !on_globe {
            return Err(PlaceError::OffGlobe { lon_deg, lat_deg });
        }
        Ok(Self { lon_deg, lat_deg, height_m: height_m.filter(|h| h.is_finite()) })
    }
}

/// A box of longitude and latitude in degrees, edges inside. West of east: the antimeridian is not crossed here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Degrees.
    pub west: f64,
    /// Degrees.
    pub south: f64,
    /// Degrees.
    pub east: f64,
    /// Degrees.
    pub north: f64,
}

impl Region {
    /// The whole globe.
    pub const WORLD: Self = Self { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

    /// The box that holds nothing and grows by [`Region::include`].
    pub const EMPTY: Self =
        Self { west: f64::INFINITY, south: f64::INFINITY, east: f64::NEG_INFINITY, north: f64::NEG_INFINITY };

    /// Whether nothing was included yet.
    pub fn is_empty(&self) -> bool {
        self.west > self.east || self.south > self.north
    }

    /// Grows to hold the position.
    pub fn include(&mut self, lon_deg: f64, lat_deg: f64) {
        self.west = self.west.min(lon_deg);
        self.east = self.east.max(lon_deg);
        self.south = self.south.min(lat_deg);
        self.north = self.north.max(lat_deg);
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            west: self.west.min(other.west),
            south: self.south.min(other.south),
            east: self.east.max(other.east),
            north: self.north.max(other.north),
        }
    }

    /// Whether the position lies inside or on the edge.
    pub fn contains(&self, lon_deg: f64, lat_deg: f64) -> bool {
        self.west <= lon_deg && lon_deg <= self.east && self.south <= lat_deg && lat_deg <= self.north
    }

    /// Whether the boxes share a point.
    pub fn intersects(&self, other: &Self) -> bool {
        self.west <= other.east && other.west <= self.east && self.south <= other.north && other.south <= self.north
    }

    /// The middle, degrees (lon, lat).
    pub fn centre(&self) -> (f64, f64) {
        (f64::midpoint(self.west, self.east), f64::midpoint(self.south, self.north))
    }
}

impl FromStr for Region {
    type Err = PlaceError;

    /// Four numbers `west,south,east,north`, or six with heights at places 3 and 6 (OGC API Features Part 1, 7.15.3);
    /// the heights are read and left aside.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let refused = || PlaceError::Box(text.to_owned());
        let numbers: Vec<f64> =
            text.split(',').map(|n| n.trim().parse::<f64>()).collect::<Result<_, _>>().map_err(|_| refused())?;
        let [west, south, east, north] = match numbers.as_slice() {
            [w, s, e, n] | [w, s, _, e, n, _] => [*w, *s, *e, *n],
            _ => return Err(refused()),
        };
        let on_globe = [west, east].iter().all(|v| v.abs() <= 180.0) && [south, north].iter().all(|v| v.abs() <= 90.0);
        if !on_globe || west > east || south > north {
            return Err(refused());
        }
        Ok(Self { west, south, east, north })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_read_with_or_without_heights() {
        let flat: Region = "116.30,39.97,116.32,39.99".parse().unwrap();
        assert_eq!("116.30,39.97,0,116.32,39.99,50".parse(), Ok(flat));
        assert!(flat.contains(116.31, 39.98) && !flat.contains(116.33, 39.98));
        for wrong in ["", "1,2,3", "39.9,116.3,40,117", "a,b,c,d", "10,0,5,1", "NaN,0,1,1"] {
            assert!(wrong.parse::<Region>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_place_off_the_globe_is_refused() {
        assert!(Place::new(39.9, 116.3, None).unwrap_err().to_string().contains("in that order"));
        assert!(Place::new(f64::NAN, 0.0, None).is_err());
        assert_eq!(Place::new(1.0, 2.0, Some(f64::NAN)).unwrap().height_m, None);
    }

    #[test]
    fn height_references_print_and_parse() {
        for name in ["ellipsoid", "ground", "unknown", "none", "EPSG:5709"] {
            assert_eq!(name.parse::<HeightReference>().unwrap().to_string(), name);
        }
        assert!("sea".parse::<HeightReference>().is_err());
    }
}
