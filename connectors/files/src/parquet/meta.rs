//! What a file says of its geometry: the key `geo` of GeoParquet (OGC 24-013, versions 0.4 to 2.0-dev), or Parquet's own
//! geometry types, which 2.0 builds on.

use parquet::basic::LogicalType;
use parquet::file::metadata::ParquetMetaData;
use serde_json::Value;

use crate::crs::{AxisOrder, Crs, CrsError};

/// Bytes the key `geo` may have.
const MAX_KEY_BYTES: usize = 16 << 20;

/// How the geometry column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Wkb,
    Point,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
}

/// The system of the coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stated {
    /// The default, OGC:CRS84.
    Default,
    /// Explicitly none.
    Unknown,
    Known(Box<Result<Crs, CrsError>>),
}

/// The primary geometry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Geo {
    pub(super) column: String,
    pub(super) encoding: Encoding,
    pub(super) crs: Stated,
    /// Columns that are no properties: other geometries, and boxes around them.
    pub(super) ignored: Vec<String>,
}

/// What the footer says; `Ok(None)`: it is no GeoParquet.
pub(super) fn read(metadata: &ParquetMetaData) -> Result<Option<Geo>, String> {
    let keys = metadata.file_metadata().key_value_metadata();
    let value = |key: &str| {
        let found = keys.into_iter().flatten().find(|pair| pair.key == key);
        found.and_then(|pair| pair.value.as_deref())
    };
    if let Some(text) = value("geo") {
        if text.len() > MAX_KEY_BYTES {
            return Err("its key `geo` is longer than 16 MiB".to_owned());
        }
        let geo: Value = serde_json::from_str(text).map_err(|e| format!("its key `geo` is no JSON: {e}"))?;
        return of_key(&geo).map(Some);
    }
    let columns = metadata.file_metadata().schema_descr().columns();
    let typed = columns.iter().find_map(|column| match column.logical_type_ref() {
        Some(LogicalType::Geometry { crs } | LogicalType::Geography { crs, .. }) => Some((column.name(), crs.clone())),
        _ => None,
    });
    Ok(typed.map(|(column, crs)| Geo {
        column: column.to_owned(),
        encoding: Encoding::Wkb,
        crs: of_type(crs.as_deref(), value),
        ignored: Vec::new(),
    }))
}

fn of_key(geo: &Value) -> Result<Geo, String> {
    let column = geo["primary_column"].as_str().ok_or("its key `geo` names no primary_column")?;
    let stated = &geo["columns"][column];
    let encoding = match stated["encoding"].as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("wkb") => Encoding::Wkb,
        Some("point") => Encoding::Point,
        Some("linestring") => Encoding::LineString,
        Some("polygon") => Encoding::Polygon,
        Some("multipoint") => Encoding::MultiPoint,
        Some("multilinestring") => Encoding::MultiLineString,
        Some("multipolygon") => Encoding::MultiPolygon,
        Some(other) => return Err(format!("its geometry is encoded as `{other}`, which is not known")),
        None => return Err(format!("its key `geo` says no encoding of `{column}`")),
    };
    let crs = match stated.get("crs") {
        None => Stated::Default,
        Some(Value::Null) => Stated::Unknown,
        // Before 0.5 it was well-known text.
        Some(Value::String(wkt)) => Stated::Known(Box::new(Crs::from_wkt(wkt, AxisOrder::LonLat))),
        Some(json) => Stated::Known(Box::new(Crs::from_projjson(json, AxisOrder::LonLat))),
    };
    let columns = geo["columns"].as_object().into_iter().flatten();
    let mut ignored = Vec::new();
    for (name, stated) in columns {
        ignored.extend((name != column).then(|| name.clone()));
        let covering = stated["covering"]["bbox"].as_object().into_iter().flatten();
        ignored.extend(covering.filter_map(|(_, path)| path[0].as_str()).map(str::to_owned));
    }
    Ok(Geo { column: column.to_owned(), encoding, crs, ignored })
}

/// The text of Parquet's types: none, a code, `srid:n`, or the name of a key that holds PROJJSON.
fn of_type<'k>(crs: Option<&str>, key: impl Fn(&str) -> Option<&'k str>) -> Stated {
    let Some(text) = crs.filter(|text| !text.is_empty()) else { return Stated::Default };
    if let Some(json) = text.strip_prefix("projjson:").and_then(key).or(Some(text).filter(|t| t.starts_with('{'))) {
        let parsed = serde_json::from_str(json).map_err(|e| CrsError::Wkt(format!("PROJJSON: {e}")));
        return Stated::Known(Box::new(parsed.and_then(|json| Crs::from_projjson(&json, AxisOrder::LonLat))));
    }
    let code = text.strip_prefix("srid:").unwrap_or(text);
    if code == "0" { Stated::Unknown } else { Stated::Known(Box::new(Crs::parse(code, AxisOrder::LonLat))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_key_names_column_encoding_system_and_boxes() {
        let geo = of_key(&json!({ "version": "1.1.0", "primary_column": "g", "columns": {
            "g": { "encoding": "polygon", "covering": { "bbox": { "xmin": ["bbox", "xmin"] } },
                   "crs": { "id": { "authority": "EPSG", "code": 28992 } } },
            "h": { "encoding": "WKB" } } }))
        .unwrap();
        assert_eq!((geo.column.as_str(), geo.encoding), ("g", Encoding::Polygon));
        assert_eq!(geo.ignored, ["bbox", "h"]);
        assert!(matches!(geo.crs, Stated::Known(crs) if crs.as_ref().as_ref().is_ok_and(|c| c.name() == "EPSG:28992")));
        let of = |crs: Value| {
            of_key(&json!({ "primary_column": "g", "columns": { "g": { "encoding": "WKB", "crs": crs } } }))
        };
        assert_eq!(of(Value::Null).unwrap().crs, Stated::Unknown);
        assert!(of_key(&json!({ "primary_column": "g", "columns": { "g": { "encoding": "tin" } } })).is_err());
        assert!(of_key(&json!({})).is_err());
    }

    #[test]
    fn parquets_own_types_name_a_system_too() {
        let none = |_: &str| None;
        assert_eq!(of_type(None, none), Stated::Default);
        assert_eq!(of_type(Some("srid:0"), none), Stated::Unknown);
        for text in ["srid:28992", "EPSG:28992", "projjson:c"] {
            let key = |_: &str| Some(r#"{"id":{"authority":"EPSG","code":28992}}"#);
            assert!(matches!(of_type(Some(text), key), Stated::Known(crs) if crs.is_ok()), "{text}");
        }
    }
}
