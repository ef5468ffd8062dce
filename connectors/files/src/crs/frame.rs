//! Coordinates of one reference system into the kernel's frame, one vertex at a time. What comes out is finite and on
//! the globe, or it is refused with the coordinates in the message.

use kernel_model::{Coord, HeightReference};
use proj4rs::Proj;
use proj4rs::transform::transform;

use super::{Crs, CrsError, Shift};

/// The way from one system to WGS 84 longitude and latitude.
pub struct Frame {
    source: Proj,
    target: Proj,
    crs: Crs,
    road: Road,
}

/// What has to be done with a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// Degrees on WGS 84 already.
    AsGiven,
    /// Degrees on another datum.
    Geographic,
    Projected,
    Geocentric,
}

impl Frame {
    /// Prepares the way.
    ///
    /// # Errors
    /// [`CrsError::Definition`] where the projection library does not know the projection or cannot undo it.
    pub fn new(crs: &Crs) -> Result<Self, CrsError> {
        let definition = |why: String| CrsError::Definition { name: crs.name.clone(), why };
        let proj = |text: &str| Proj::from_proj_string(text).map_err(|e| definition(e.to_string()));
        let source = proj(&crs.proj)?;
        let road = match (source.is_latlong(), source.is_geocent(), crs.shift) {
            (true, _, Shift::Same) => Road::AsGiven,
            (true, _, _) => Road::Geographic,
            (_, true, _) => Road::Geocentric,
            _ if source.has_inverse() => Road::Projected,
            _ => return Err(definition("the projection cannot be undone".to_owned())),
        };
        Ok(Self { source, target: proj("+proj=longlat +datum=WGS84 +no_defs")?, crs: crs.clone(), road })
    }

    /// The system it leaves.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// Whether heights of this system can be given in metres. They cannot where a horizontal system in feet says
    /// nothing of the heights' unit.
    pub fn knows_height_unit(&self) -> bool {
        self.crs.metres_per_height_unit.is_some()
    }

    /// What heights are measured from, unless the caller states it.
    pub fn height_reference(&self) -> &HeightReference {
        &self.crs.height
    }

    /// Turns one vertex of the system into the kernel's frame; heights only change their unit (from a geocentric system
    /// they come out above the ellipsoid).
    ///
    /// # Errors
    /// Text for a rejection where the result is not finite or off the globe.
    pub fn locate(&self, x: f64, y: f64, z: f64) -> Result<Coord, String> {
        let height_m = z * self.crs.metres_per_height_unit.unwrap_or(1.0);
        let (a, b) = if self.crs.lat_first { (y, x) } else { (x, y) };
        let coord = match self.road {
            Road::AsGiven => Coord::new(a, b, height_m),
            Road::Geographic => self.degrees(a.to_radians(), b.to_radians(), 0.0, Some(height_m))?,
            // The height takes no part: a shift of datum must not move heights of another reference.
            Road::Projected => self.degrees(a, b, 0.0, Some(height_m))?,
            Road::Geocentric => self.degrees(x, y, z, None)?,
        };
        let on_globe = (-180.0..=180.0).contains(&coord.lon_deg) && (-90.0..=90.0).contains(&coord.lat_deg);
        let plausible =
            coord.height_m.is_finite() && (self.road != Road::Geocentric || coord.height_m.abs() < 100_000.0);
        if on_globe && plausible {
            Ok(coord)
        } else {
            Err(format!("coordinates {x}, {y}, {z} do not fit {}; pass --crs", self.crs.name))
        }
    }

    fn degrees(&self, x: f64, y: f64, z: f64, height_m: Option<f64>) -> Result<Coord, String> {
        let mut point = (x, y, z);
        transform(&self.source, &self.target, &mut point)
            .map_err(|e| format!("coordinates {x}, {y}, {z} do not fit {} ({e}); pass --crs", self.crs.name))?;
        Ok(Coord::new(point.0.to_degrees(), point.1.to_degrees(), height_m.unwrap_or(point.2)))
    }

    /// The way back: the coordinates of a longitude and latitude, easting or longitude first. Heights take no part.
    ///
    /// # Errors
    /// Text where the system does not reach there: what comes out would not lead back to the place.
    pub fn project(&self, lon_deg: f64, lat_deg: f64) -> Result<(f64, f64), String> {
        let refused = || format!("{} does not reach {lon_deg}, {lat_deg}", self.crs.name);
        let point = match self.road {
            Road::AsGiven => (lon_deg, lat_deg),
            Road::Geocentric => return Err(refused()),
            Road::Geographic | Road::Projected => {
                let mut point = (lon_deg.to_radians(), lat_deg.to_radians(), 0.0);
                transform(&self.target, &self.source, &mut point).map_err(|_| refused())?;
                let degrees = self.road == Road::Geographic;
                if degrees { (point.0.to_degrees(), point.1.to_degrees()) } else { (point.0, point.1) }
            }
        };
        let (x, y) = if self.crs.lat_first { (point.1, point.0) } else { point };
        let back = self.locate(x, y, 0.0).map_err(|_| refused())?;
        // Some 10 m: far outside a projection's domain it is more, or nothing.
        let is_near = (back.lon_deg - lon_deg).abs() < 1e-4 && (back.lat_deg - lat_deg).abs() < 1e-4;
        if is_near { Ok(point) } else { Err(refused()) }
    }

    /// Whether the position comes back to the same coordinates: far outside a projection's domain it does not.
    pub fn is_at_home(&self, x: f64, y: f64, z: f64) -> bool {
        let Ok(coord) = self.locate(x, y, z) else { return false };
        if self.road != Road::Projected {
            return true;
        }
        let mut point = (coord.lon_deg.to_radians(), coord.lat_deg.to_radians(), 0.0);
        transform(&self.target, &self.source, &mut point).is_ok()
            && (point.0 - x).abs() < 5.0
            && (point.1 - y).abs() < 5.0
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}, {:?})", self.crs.name, self.road)
    }
}
