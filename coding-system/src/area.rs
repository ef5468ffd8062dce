//! The plain shapes a decoded cell has: a box in degrees and a band of heights. Numbers come in validated once, questions of
//! containment are answered; no projection happens here.

use crate::{Error, Position};

/// A closed box in longitude and latitude, degrees. `west > east` means that it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the unit belongs in every name")]
pub struct LonLatBox {
    west_deg: f64,
    south_deg: f64,
    east_deg: f64,
    north_deg: f64,
}

impl LonLatBox {
    /// A box from its four sides in degrees; `west_deg > east_deg` crosses the antimeridian.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a side off the Earth, [`Error::Cover`] when south lies north of north.
    pub fn new(west_deg: f64, south_deg: f64, east_deg: f64, north_deg: f64) -> Result<Self, Error> {
        Position::new_2d(west_deg, south_deg)?;
        Position::new_2d(east_deg, north_deg)?;
        if south_deg > north_deg {
            return Err(Error::Cover { why: "the box's south is north of its north: give west, south, east, north" });
        }
        Ok(Self { west_deg, south_deg, east_deg, north_deg })
    }

    /// A box whose sides are known to be in range.
    pub(crate) const fn from_sides(west_deg: f64, south_deg: f64, east_deg: f64, north_deg: f64) -> Self {
        Self { west_deg, south_deg, east_deg, north_deg }
    }

    /// Western side, degrees.
    pub fn west_deg(&self) -> f64 {
        self.west_deg
    }

    /// Southern side, degrees.
    pub fn south_deg(&self) -> f64 {
        self.south_deg
    }

    /// Eastern side, degrees; less than the western side when the box crosses the antimeridian.
    pub fn east_deg(&self) -> f64 {
        self.east_deg
    }

    /// Northern side, degrees.
    pub fn north_deg(&self) -> f64 {
        self.north_deg
    }

    /// Does the box cross the antimeridian?
    pub fn crosses_antimeridian(&self) -> bool {
        self.west_deg > self.east_deg
    }

    /// Is the position in the box or on its sides? Longitudes 180 and -180 are the same meridian.
    pub fn contains(&self, p: &Position) -> bool {
        let (lon, lat) = (p.lon_deg(), p.lat_deg());
        let within = |lon: f64| {
            if self.crosses_antimeridian() {
                lon >= self.west_deg || lon <= self.east_deg
            } else {
                lon >= self.west_deg && lon <= self.east_deg
            }
        };
        (self.south_deg..=self.north_deg).contains(&lat)
            && (within(lon) || ((lon.abs() - 180.0).abs() < f64::EPSILON && within(-lon)))
    }

    /// The middle of the box as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        let lat = f64::midpoint(self.south_deg, self.north_deg);
        if !self.crosses_antimeridian() {
            return (f64::midpoint(self.west_deg, self.east_deg), lat);
        }
        let lon = f64::midpoint(self.west_deg, self.east_deg + 360.0);
        (if lon > 180.0 { lon - 360.0 } else { lon }, lat)
    }
}

/// The heights a 3D cell spans, metres above the ellipsoid; for Spatial ID, metres above sea level as its `Cell` says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeightBand {
    /// Lower end, metres.
    pub low_m: f64,
    /// Upper end, metres.
    pub high_m: f64,
}

impl HeightBand {
    /// Is the height in the band or on its ends?
    pub fn contains(&self, height_m: f64) -> bool {
        (self.low_m..=self.high_m).contains(&height_m)
    }

    /// The middle of the band, metres.
    pub fn centre_m(&self) -> f64 {
        f64::midpoint(self.low_m, self.high_m)
    }
}
