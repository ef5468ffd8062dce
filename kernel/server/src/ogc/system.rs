//! The reference systems that coordinates can be asked and given in (OGC API Features Part 2, OGC 18-058): the URI of a
//! system comes in, the way from and to longitude and latitude goes out, in the order of axes that the EPSG register gives
//! it. Only systems are offered whose positions were compared with PROJ's, and of a collection only those that reach all of
//! it. Heights stay what they are: nothing converts them.

use connectors_files::crs::{AxisOrder, Crs, Frame};
use kernel_model::{Coord, Region};

use crate::error::ApiError;

pub(super) const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
pub(super) const CRS84H: &str = "http://www.opengis.net/def/crs/OGC/0/CRS84h";
const EPSG: &str = "http://www.opengis.net/def/crs/EPSG/0/";

/// Offered everywhere: latitude first, latitude first (CGCS2000), the maps of the web.
const EVERYWHERE: [u32; 3] = [4326, 4490, 3857];
/// Projected systems and where they are for: west, south, east, north in degrees, as the EPSG register's areas of use.
const REGIONAL: [(u32, [f64; 4]); 18] = [
    (4547, [112.5, 21.5, 115.5, 45.5]),
    (4548, [115.5, 22.6, 118.5, 49.9]),
    (4549, [118.5, 24.4, 121.5, 53.4]),
    (28992, [3.2, 50.7, 7.3, 53.7]),
    (31256, [14.8, 46.5, 17.2, 49.1]),
    (31287, [9.5, 46.4, 17.2, 49.1]),
    (3068, [13.0, 52.3, 13.8, 52.7]),
    (2056, [5.9, 45.8, 10.5, 47.9]),
    (27700, [-9.1, 49.7, 2.1, 61.1]),
    (31370, [2.5, 49.5, 6.4, 51.6]),
    (2180, [14.1, 49.0, 24.2, 55.1]),
    (23700, [16.1, 45.7, 22.9, 48.6]),
    (3765, [13.4, 42.3, 19.5, 46.6]),
    (2154, [-9.9, 41.1, 10.4, 51.6]),
    (25832, [6.0, 38.7, 12.0, 84.4]),
    (25833, [12.0, 34.8, 18.1, 84.4]),
    (3067, [19.0, 58.8, 31.6, 70.1]),
    (3035, [-35.6, 24.6, 44.9, 84.8]),
];
/// Degrees beyond its area in which a system is still used, as by a city across the border of two zones. Farther away the
/// series of a projection no longer agree with PROJ's.
const BEYOND_DEG: f64 = 1.5;
/// Systems whose first axis points north in the register.
const NORTHING_FIRST: [u32; 11] = [4326, 4490, 31256, 31287, 3068, 2180, 4547, 4548, 4549, 2193, 3035];

/// A system as an address names it.
#[derive(Debug)]
pub(super) struct System {
    uri: String,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Longitude and latitude as they are stored.
    AsStored,
    Through {
        frame: Box<Frame>,
        northing_first: bool,
        /// West, south, east, north in degrees; `None` reaches everywhere.
        area: Option<[f64; 4]>,
    },
}

impl System {
    /// Longitude and latitude, with or without heights above the ellipsoid.
    pub(super) fn stored() -> Self {
        Self { uri: CRS84.to_owned(), way: Way::AsStored }
    }

    /// Reads the URI that the parameter gave; a URN or `EPSG:n` names the same system.
    pub(super) fn read(parameter: &str, text: &str) -> Result<Self, ApiError> {
        let text = text.trim_start_matches('<').trim_end_matches('>');
        if [CRS84, CRS84H, "urn:ogc:def:crs:OGC:1.3:CRS84", "OGC:CRS84"].contains(&text) {
            return Ok(Self { uri: if text == CRS84H { CRS84H } else { CRS84 }.to_owned(), way: Way::AsStored });
        }
        let code = [EPSG, "https://www.opengis.net/def/crs/EPSG/0/", "urn:ogc:def:crs:EPSG::", "EPSG:"]
            .into_iter()
            .find_map(|prefix| text.strip_prefix(prefix)?.parse::<u32>().ok());
        code.filter(|code| is_offered(*code)).and_then(Self::of).ok_or_else(|| {
            ApiError::bad_request(format!(
                "{parameter}={text}: this is none of the systems that coordinates are given in here; the collection's `crs` \
                 lists them"
            ))
        })
    }

    fn of(code: u32) -> Option<Self> {
        let crs = Crs::parse(&format!("EPSG:{code}"), AxisOrder::LonLat).ok()?;
        let frame = Box::new(Frame::new(&crs).ok()?);
        Some(Self {
            uri: format!("{EPSG}{code}"),
            way: Way::Through { frame, northing_first: NORTHING_FIRST.contains(&code), area: area(code) },
        })
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn is_stored(&self) -> bool {
        matches!(self.way, Way::AsStored)
    }

    /// The coordinates of a place, in the register's order.
    pub(super) fn coordinates(&self, lon_deg: f64, lat_deg: f64) -> Result<(f64, f64), ApiError> {
        let Way::Through { frame, northing_first, .. } = &self.way else { return Ok((lon_deg, lat_deg)) };
        self.reach(lon_deg, lat_deg)?;
        let (x, y) = frame.project(lon_deg, lat_deg).map_err(ApiError::bad_request)?;
        Ok(if *northing_first { (y, x) } else { (x, y) })
    }

    /// The place of coordinates in the register's order, in degrees.
    pub(super) fn degrees(&self, a: f64, b: f64) -> Result<(f64, f64), ApiError> {
        let Way::Through { frame, northing_first, .. } = &self.way else { return Ok((a, b)) };
        let (x, y) = if *northing_first { (b, a) } else { (a, b) };
        let Coord { lon_deg, lat_deg, .. } = frame.locate(x, y, 0.0).map_err(ApiError::bad_request)?;
        self.reach(lon_deg, lat_deg)?;
        Ok((lon_deg, lat_deg))
    }

    /// Refuses places that it is not made for.
    fn reach(&self, lon_deg: f64, lat_deg: f64) -> Result<(), ApiError> {
        let Way::Through { area: Some([west, south, east, north]), .. } = &self.way else { return Ok(()) };
        let within = |value: f64, least: f64, most: f64| value >= least - BEYOND_DEG && value <= most + BEYOND_DEG;
        match within(lon_deg, *west, *east) && within(lat_deg, *south, *north) {
            true => Ok(()),
            false => Err(ApiError::bad_request(format!(
                "{} is made for longitudes {west} to {east} and latitudes {south} to {north} and does not reach \
                 {lon_deg}, {lat_deg}; the collection's `crs` lists those that do",
                self.uri
            ))),
        }
    }

    /// How a geometry came from it into the kernel's frame.
    pub(super) fn lineage(&self) -> String {
        match &self.way {
            Way::AsStored => "OGC:CRS84 as given".to_owned(),
            Way::Through { frame, .. } => frame.crs().lineage(),
        }
    }
}

fn is_offered(code: u32) -> bool {
    EVERYWHERE.contains(&code) || area(code).is_some()
}

/// Where a projected system is for, among those that are offered.
fn area(code: u32) -> Option<[f64; 4]> {
    let zone = |number: u32| [f64::from(number) * 6.0 - 186.0, f64::from(number) * 6.0 - 180.0];
    match code {
        32601..=32660 => Some(zone(code - 32_600)).map(|[west, east]| [west, 0.0, east, 84.0]),
        32701..=32760 => Some(zone(code - 32_700)).map(|[west, east]| [west, -80.0, east, 0.0]),
        _ => REGIONAL.iter().find(|(regional, _)| *regional == code).map(|(_, area)| *area),
    }
}

/// URIs of the systems that reach all of a region, [`CRS84`] and [`CRS84H`] aside.
pub(super) fn reaching(region: &Region) -> Vec<String> {
    let zones = [region.west, region.east].map(|lon| (((lon + 180.0) / 6.0).floor() as u32).min(59) + 1);
    let mut codes = [EVERYWHERE.as_slice(), &REGIONAL.map(|(code, _)| code)].concat();
    codes.extend((zones[0]..=zones[1]).take(3).map(|zone| zone + if region.south < 0.0 { 32_700 } else { 32_600 }));
    codes.into_iter().filter_map(System::of).filter(|system| reaches(system, region)).map(|system| system.uri).collect()
}

fn reaches(system: &System, region: &Region) -> bool {
    let (lon, lat) = region.centre();
    let corners = [
        (region.west, region.south),
        (region.east, region.south),
        (region.west, region.north),
        (region.east, region.north),
        (lon, lat),
    ];
    corners.iter().all(|(lon, lat)| system.coordinates(*lon, *lat).is_ok())
}
