//! H3, thin over the crate h3o. A [`Position`] and a resolution 0-15 come in, a [`Cell`] goes out; a text or a u64 comes in, centre,
//! boundary and box go out; a box or a polygon comes in, the cells that meet it go out. Heights are left aside: H3 has none.
//!
//! H3 ids do not sort hierarchically: the resolution stands above the digits, so a cell's descendants are not one range of ids.

mod cover;
mod planar;

pub use cover::{CoverCell, cover_box, cover_polygon};

use std::fmt;
use std::str::FromStr;

use h3o::{CellIndex, LatLng, Resolution};

use crate::Position;
use crate::area::LonLatBox;
use crate::error::{Error, bad_character, bad_length, check_level, no_such_cell};
use crate::text::CodeText;

const SCHEME: &str = "H3";
/// Finest resolution, cells of about 0.9 square metres.
pub const FINEST_RESOLUTION: u8 = 15;
/// Points laid on each edge of a cell when its extent is measured, because edges are arcs of great circles.
const ARC_POINTS: u32 = 8;

/// One H3 cell. Cells order by their id, which is not a hierarchical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(CellIndex);

impl Cell {
    /// The cell of a position at a resolution 0 to 15.
    ///
    /// # Errors
    /// [`Error::Level`] beyond resolution 15.
    pub fn of(position: &Position, resolution: u8) -> Result<Self, Error> {
        let resolution = resolution_of(resolution)?;
        let place = LatLng::new(position.lat_deg(), position.lon_deg())
            .map_err(|_| no_such_cell(SCHEME, "", "latitude and longitude must be finite"))?;
        Ok(Self(place.to_cell(resolution)))
    }

    /// The cell of its 64-bit id.
    ///
    /// # Errors
    /// [`Error::NoSuchCell`] when the number is no H3 cell id.
    pub fn from_u64(id: u64) -> Result<Self, Error> {
        CellIndex::try_from(id)
            .map(Self)
            .map_err(|_| no_such_cell(SCHEME, &format!("{id:x}"), "the number is no H3 cell id"))
    }

    /// Reads the 15 lower-case hexadecimal digits of a cell.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`] or [`Error::NoSuchCell`] naming the fault.
    pub fn parse(code: &str) -> Result<Self, Error> {
        if let Some(at) = code.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad_character(SCHEME, code, at, "0-9 or a-f"));
        }
        if code.len() != 15 {
            return Err(bad_length(SCHEME, code, "a cell has exactly 15"));
        }
        let id = u64::from_str_radix(code, 16).unwrap_or_default();
        CellIndex::try_from(id).map(Self).map_err(|_| no_such_cell(SCHEME, code, "its bits are no H3 cell"))
    }

    /// The 64-bit id.
    pub fn to_u64(&self) -> u64 {
        self.0.into()
    }

    /// Resolution, 0 to 15.
    pub fn resolution(&self) -> u8 {
        self.0.resolution().into()
    }

    /// The cell of a coarser resolution above this one in the H3 hierarchy (which does not hold it exactly); nothing at a finer one.
    pub fn parent(&self, resolution: u8) -> Option<Self> {
        Resolution::try_from(resolution).ok().and_then(|r| self.0.parent(r)).map(Self)
    }

    /// The cell's centre as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        let centre = LatLng::from(self.0);
        (centre.lng(), centre.lat())
    }

    /// The corners counter-clockwise as (longitude, latitude), degrees; the first is not repeated. Edges are arcs of great circles.
    pub fn boundary_deg(&self) -> Vec<(f64, f64)> {
        self.0.boundary().iter().map(|corner| (corner.lng(), corner.lat())).collect()
    }

    /// A box around the cell, a thousandth wider than its edges, so that every position of the cell lies in it.
    pub fn area(&self) -> LonLatBox {
        let centre = self.centre_deg().0;
        let (mut west, mut east, mut south, mut north) = (0.0f64, 0.0f64, 90.0f64, -90.0f64);
        for (lon, lat) in self.outline_deg() {
            let aside = (lon - centre + 540.0).rem_euclid(360.0) - 180.0;
            (west, east) = (west.min(aside), east.max(aside));
            (south, north) = (south.min(lat), north.max(lat));
        }
        let (wide, high) = ((east - west) * 1e-3, (north - south) * 1e-3);
        (south, north) = ((south - high).max(-90.0), (north + high).min(90.0));
        match self.pole_deg() {
            Some(pole) if pole > 0.0 => LonLatBox::from_sides(-180.0, south, 180.0, 90.0),
            Some(_) => LonLatBox::from_sides(-180.0, -90.0, 180.0, north),
            None => LonLatBox::from_sides(wrap(centre + west - wide), south, wrap(centre + east + wide), north),
        }
    }

    /// The latitude of the pole in the cell, if one is.
    fn pole_deg(self) -> Option<f64> {
        let holds = |lat: f64| LatLng::new(lat, 0.0).is_ok_and(|pole| pole.to_cell(self.0.resolution()) == self.0);
        [90.0, -90.0].into_iter().find(|lat| holds(*lat))
    }

    /// The boundary with further points on each arc, as (longitude, latitude), degrees.
    fn outline_deg(self) -> Vec<(f64, f64)> {
        let boundary = self.0.boundary();
        let corners: Vec<[f64; 3]> = boundary.iter().map(on_sphere).collect();
        let arcs = corners.iter().zip(corners.iter().cycle().skip(1));
        arcs.flat_map(|(a, b)| (0..ARC_POINTS).map(|i| between(a, b, f64::from(i) / f64::from(ARC_POINTS)))).collect()
    }

    /// The text: 15 lower-case hexadecimal digits.
    pub fn text(&self) -> CodeText {
        use fmt::Write;
        let mut out = CodeText::new();
        // A u64 in hexadecimal always fits, so the write does not fail.
        let _ = write!(out, "{:015x}", self.to_u64());
        out
    }
}

fn resolution_of(resolution: u8) -> Result<Resolution, Error> {
    check_level(SCHEME, resolution, 0, FINEST_RESOLUTION)?;
    Resolution::try_from(resolution).map_err(|_| Error::Level {
        scheme: SCHEME,
        level: resolution,
        low: 0,
        high: FINEST_RESOLUTION,
    })
}

fn on_sphere(place: &LatLng) -> [f64; 3] {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (place.lat_radians().sin_cos(), place.lng_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// The point of the arc from `a` to `b` above the given share of its chord.
fn between(a: &[f64; 3], b: &[f64; 3], share: f64) -> (f64, f64) {
    let [x, y, z] = [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * share);
    (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees())
}

fn wrap(lon_deg: f64) -> f64 {
    if lon_deg > 180.0 {
        lon_deg - 360.0
    } else if lon_deg < -180.0 {
        lon_deg + 360.0
    } else {
        lon_deg
    }
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}
