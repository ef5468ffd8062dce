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
/// Projected systems, offered where they reach.
const REGIONAL: [u32; 18] = [
    4547, 4548, 4549, 28992, 31256, 31287, 3068, 2056, 27700, 31370, 2180, 23700, 3765, 2154, 25832, 25833, 3067, 3035,
];
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
            way: Way::Through { frame, northing_first: NORTHING_FIRST.contains(&code) },
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
        let Way::Through { frame, northing_first } = &self.way else { return Ok((lon_deg, lat_deg)) };
        let (x, y) = frame.project(lon_deg, lat_deg).map_err(ApiError::bad_request)?;
        Ok(if *northing_first { (y, x) } else { (x, y) })
    }

    /// The place of coordinates in the register's order, in degrees.
    pub(super) fn degrees(&self, a: f64, b: f64) -> Result<(f64, f64), ApiError> {
        let Way::Through { frame, northing_first } = &self.way else { return Ok((a, b)) };
        let (x, y) = if *northing_first { (b, a) } else { (a, b) };
        let Coord { lon_deg, lat_deg, .. } = frame.locate(x, y, 0.0).map_err(ApiError::bad_request)?;
        Ok((lon_deg, lat_deg))
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
    EVERYWHERE.contains(&code)
        || REGIONAL.contains(&code)
        || (32601..=32660).contains(&code)
        || (32701..=32760).contains(&code)
}

/// URIs of the systems that reach all of a region, [`CRS84`] and [`CRS84H`] aside.
pub(super) fn reaching(region: &Region) -> Vec<String> {
    let zones = [region.west, region.east].map(|lon| (((lon + 180.0) / 6.0).floor() as u32).min(59) + 1);
    let mut codes = [EVERYWHERE.as_slice(), &REGIONAL].concat();
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
