//! The reference system of a LAS file: the caller's, else the file's WKT, else its GeoTIFF keys (ASPRS LAS 1.4 R15 clause
//! 2.7, OGC 19-008r4). Keys that contradict each other are refused rather than chosen among.

use las::Header;
use las::crs::{GeoTiffCrs, GeoTiffData};

use crate::crs::{AxisOrder, Crs, CrsError};
use crate::error::Error;
use crate::options::Options;

/// GeoTIFF key: units of the projected coordinates.
const PROJECTED_UNIT: u16 = 3076;
/// GeoTIFF key: units of the heights.
const VERTICAL_UNIT: u16 = 4099;
/// GeoTIFF codes that are EPSG codes; the others mean "none" or "defined by other keys".
const EPSG_CODES: std::ops::RangeInclusive<u16> = 1024..=32766;

pub(super) fn of(file: &str, header: &Header, options: &Options) -> Result<Crs, Error> {
    if options.crs.is_some() {
        return options.crs_or(file, None, AxisOrder::LonLat);
    }
    let refused = |source| Error::Crs { file: file.to_owned(), source };
    let keys = header.get_geotiff_crs().ok().flatten();
    let by_keys = keys.as_ref().and_then(by_keys);
    let wkt =
        header.get_wkt_crs_bytes().map(String::from_utf8_lossy).filter(|t| !t.trim_matches(['\0', ' ']).is_empty());
    let mut crs = match (wkt.map(|text| Crs::from_wkt(&text, AxisOrder::LonLat)), by_keys) {
        (Some(Ok(crs)), _) | (Some(Err(_)) | None, Some(Ok(crs))) => crs,
        (Some(Err(error)), _) | (None, Some(Err(error))) => return Err(refused(error)),
        (None, None) => return Err(Error::NoCrs { file: file.to_owned() }),
    };
    if let Some(metres) = keys.as_ref().and_then(|k| unit(k, VERTICAL_UNIT)) {
        crs.state_height_unit(metres);
    }
    Ok(crs)
}

fn by_keys(keys: &GeoTiffCrs) -> Option<Result<Crs, CrsError>> {
    let code = |code: Option<u16>| code.filter(|c| EPSG_CODES.contains(c));
    let horizontal =
        code(keys.get_projected_crs_geo_key_value()).or_else(|| code(keys.get_geodetic_crs_geo_key_value()))?;
    let name = match code(keys.get_vertical_crs_geo_key_value()) {
        Some(vertical) => format!("EPSG:{horizontal}+{vertical}"),
        None => format!("EPSG:{horizontal}"),
    };
    let crs = match Crs::parse(&name, AxisOrder::LonLat) {
        Ok(crs) => crs,
        Err(error) => return Some(Err(error)),
    };
    let stated = unit(keys, PROJECTED_UNIT);
    Some(if stated.is_some_and(|metres| (metres - crs.metres_per_unit()).abs() > 1e-6) {
        Err(CrsError::Definition { name, why: "the file's keys state another unit than this system's".to_owned() })
    } else {
        Ok(crs)
    })
}

/// Metres of an EPSG unit of length.
fn unit(keys: &GeoTiffCrs, key: u16) -> Option<f64> {
    let entry = keys.entries.iter().find(|entry| entry.id == key)?;
    match entry.data {
        GeoTiffData::U16(9001) => Some(1.0),
        GeoTiffData::U16(9002) => Some(0.3048),
        GeoTiffData::U16(9003) => Some(1200.0 / 3937.0),
        _ => None,
    }
}
