//! What GDAL writes of one collection, in every format, is read to the same things; and faults of each format.

use std::path::{Path, PathBuf};
use std::process::Command;

use connectors_files::{Error, Format, Options};
use kernel_model::{Coord, EntityDraft, Geometry, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Kept, file, gdal, one_line, read, shared, with_crs};

/// Buildings with holes and parts, texts in Chinese, numbers, a date, nulls.
fn collection() -> Value {
    let square = |x: f64, y: f64, s: f64| json!([[x, y], [x + s, y], [x + s, y + s], [x, y + s], [x, y]]);
    let hole = json!([[116.302, 39.902], [116.302, 39.904], [116.304, 39.904], [116.304, 39.902], [116.302, 39.902]]);
    let feature = |id: u32, kind: &str, coordinates: Value, properties: Value| {
        let mut properties = properties;
        properties["id"] = json!(id);
        json!({ "type": "Feature", "id": id, "properties": properties,
                "geometry": { "type": kind, "coordinates": coordinates } })
    };
    json!({ "type": "FeatureCollection", "features": [
        feature(11, "Polygon", json!([square(116.3, 39.9, 0.01), hole]),
            json!({ "name": "图书馆", "floors": 5, "rate": 1.5, "built": "1952/10/01" })),
        feature(12, "MultiPolygon", json!([[square(116.32, 39.9, 0.01)], [square(116.34, 39.9, 0.005)]]),
            json!({ "name": "West", "floors": -1, "rate": 0.25, "built": "2001/02/03" })),
        feature(13, "Polygon", json!([square(116.3, 39.95, 0.02)]), json!({ "name": null, "floors": 2, "rate": 7.125, "built": null })),
    ]})
}

/// Polygons whose rings begin at their least corner and run in one direction, in steps of 1e-9 degrees: GDAL writes seven
/// digits into GeoJSON.
fn canonical(geometry: &Geometry) -> Vec<Vec<Vec<[i64; 2]>>> {
    let ring = |ring: &Vec<Coord>| {
        let corner = |c: &Coord| [c.lon_deg, c.lat_deg].map(|degrees| (degrees * 1e9).round() as i64);
        let mut corners: Vec<_> = ring.iter().skip(1).map(corner).collect();
        let least = (0..corners.len()).min_by_key(|i| corners[*i]).unwrap();
        corners.rotate_left(least);
        if corners[1] > corners[corners.len() - 1] {
            corners[1..].reverse();
        }
        corners
    };
    let polygon = |rings: &Vec<Vec<Coord>>| rings.iter().map(ring).collect();
    let mut polygons: Vec<_> = match &geometry.shape {
        Shape::Polygon(rings) => vec![polygon(rings)],
        Shape::MultiPolygon(polygons) => polygons.iter().map(polygon).collect(),
        other => panic!("{other:?}"),
    };
    polygons.sort();
    polygons
}

fn by_id(kept: &Kept) -> Vec<&EntityDraft> {
    let mut entities: Vec<_> = kept.entities().collect();
    entities.sort_by_key(|e| e.source.id.clone());
    entities
}

/// Writes the collection by ogr2ogr; `None` where GDAL is missing.
fn written(folder: &Path, name: &str, args: &[&str]) -> Option<PathBuf> {
    let source = folder.join("source.geojson");
    std::fs::write(&source, collection().to_string()).unwrap();
    let out = folder.join(name);
    gdal("ogr2ogr")?;
    let made = Command::new("ogr2ogr").args(args).arg(&out).arg(&source).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(out)
}

#[test]
fn one_collection_is_the_same_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let by_property = Options { id: Some("id".to_owned()), ..Options::default() };
    let source = folder.path().join("source.geojson");
    std::fs::write(&source, collection().to_string()).unwrap();
    let (_, wanted) = read(&source, &by_property).unwrap();
    for (name, format, args) in [
        ("a.gpkg", Format::GeoPackage, &["-f", "GPKG"][..]),
        ("a.fgb", Format::FlatGeobuf, &["-f", "FlatGeobuf"]),
        ("b.fgb", Format::FlatGeobuf, &["-f", "FlatGeobuf", "-lco", "SPATIAL_INDEX=NO"]),
        ("a.shp", Format::Shapefile, &["-f", "ESRI Shapefile", "-lco", "ENCODING=UTF-8"]),
        ("gbk.shp", Format::Shapefile, &["-f", "ESRI Shapefile", "-lco", "ENCODING=CP936"]),
        ("z.shp.zip", Format::Shapefile, &["-f", "ESRI Shapefile", "-lco", "ENCODING=UTF-8"]),
        ("a.geojsonl", Format::GeoJsonSeq, &["-f", "GeoJSONSeq"]),
        ("rs.geojsons", Format::GeoJsonSeq, &["-f", "GeoJSONSeq", "-lco", "RS=YES"]),
    ] {
        let Some(path) = written(folder.path(), name, args) else { return };
        // GDAL makes the property `id` the feature's own id there.
        let options = if format == Format::GeoJsonSeq { Options::default() } else { by_property.clone() };
        let (summary, kept) = read(&path, &options).unwrap();
        assert_eq!((summary.format, summary.records_read, summary.records_refused), (format, 3, 0), "{name}");
        for (wanted, found) in by_id(&wanted).into_iter().zip(by_id(&kept)) {
            assert_eq!(wanted.source.id, found.source.id, "{name}");
            assert_eq!(wanted.name, found.name, "{name}");
            assert_eq!(
                canonical(wanted.geometry.as_ref().unwrap()),
                canonical(found.geometry.as_ref().unwrap()),
                "{name}"
            );
            assert!(!found.geometry.as_ref().unwrap().has_height, "{name}");
            for key in ["floors", "rate"] {
                assert_eq!(wanted.properties[key], found.properties[key], "{name} {key}");
            }
            let date = wanted.properties.get("built").and_then(Value::as_str).map(|d| d.replace('/', "-"));
            let found = found.properties.get("built").and_then(Value::as_str).map(|d| d.replace('/', "-"));
            // FlatGeobuf has times only: GDAL writes a day as one.
            assert_eq!(date, found.map(|d| d.trim_end_matches("T00:00:00").to_owned()), "{name}");
        }
    }
}

#[test]
fn projected_coordinates_come_back_to_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    for (name, driver) in [("p.gpkg", "GPKG"), ("p.fgb", "FlatGeobuf"), ("p.shp", "ESRI Shapefile")] {
        let args = ["-f", driver, "-t_srs", "EPSG:32650", "-nln", "towns"];
        let Some(path) = written(folder.path(), name, &args) else { return };
        let (summary, kept) = read(&path, &Options { id: Some("id".to_owned()), ..Options::default() }).unwrap();
        assert!(summary.lineage.contains("OGC:CRS84"), "{}", summary.lineage);
        let centre = kept.entity("13").geometry.as_ref().unwrap().region().centre();
        assert!((centre.0 - 116.31).abs() < 1e-6 && (centre.1 - 39.96).abs() < 1e-6, "{name} {centre:?}");
    }
}

#[test]
fn layers_have_names_and_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = written(folder.path(), "l.gpkg", &["-f", "GPKG", "-nln", "old", "-preserve_fid"]) else { return };
    assert!(written(folder.path(), "l.gpkg", &["-update", "-f", "GPKG", "-nln", "new"]).is_some());
    let (_, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!(kept.entities().count(), 6);
    assert_eq!(kept.entity("old/11").name.as_deref(), Some("图书馆"));
    let of = |layer: &str| Options { layer: Some(layer.to_owned()), ..Options::default() };
    let (_, kept) = read(&path, &of("new")).unwrap();
    assert!(kept.entities().count() == 3 && kept.entities().all(|e| e.source.id.starts_with("new/")));
    assert!(one_line(&read(&path, &of("none")).unwrap_err()).contains("it has new, old"));
}

#[test]
fn heights_and_a_missing_system() {
    let folder = tempfile::tempdir().unwrap();
    if gdal("ogr2ogr").is_some() {
        let source = folder.path().join("z.geojson");
        let high = json!({ "type": "Feature", "properties": { "id": 1 },
            "geometry": { "type": "LineString", "coordinates": [[116.3, 39.9, 50.5], [116.4, 39.9, 51.0]] } });
        std::fs::write(&source, high.to_string()).unwrap();
        for (name, driver, none) in
            [("z.gpkg", "GPKG", "n.gpkg"), ("z.fgb", "FlatGeobuf", "n.fgb"), ("z.shp", "ESRI Shapefile", "n.shp")]
        {
            let path = folder.path().join(name);
            let made = Command::new("ogr2ogr").args(["-f", driver]).arg(&path).arg(&source).output().unwrap();
            assert!(made.status.success());
            let (_, kept) = read(&path, &Options::default()).unwrap();
            let line = kept.entities().next().unwrap();
            assert_eq!(line.geometry.as_ref().unwrap().height_range_m(), Some((50.5, 51.0)), "{name}");
            // GDAL takes a GeoJSON with heights for EPSG:4979 (RFC 7946 section 4); a .prj has no code that says so.
            let wanted = if name == "z.shp" { "unknown" } else { "ellipsoid" };
            assert_eq!(line.height_reference.to_string(), wanted, "{name}");
            let path = folder.path().join(none);
            let made = Command::new("ogr2ogr")
                .args(["-f", driver, "-a_srs", "NONE"])
                .arg(&path)
                .arg(&source)
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            assert!(matches!(read(&path, &Options::default()), Err(Error::NoCrs { .. })), "{none}");
            assert_eq!(read(&path, &with_crs("EPSG:4326")).unwrap().1.entities().count(), 1, "{none}");
        }
    }
}

#[test]
fn texts_without_an_encoding_are_refused_until_it_is_stated() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = written(folder.path(), "e.shp", &["-f", "ESRI Shapefile", "-lco", "ENCODING=CP936"]) else {
        return;
    };
    std::fs::remove_file(path.with_extension("cpg")).unwrap();
    let dbf = path.with_extension("dbf");
    let mut bytes = std::fs::read(&dbf).unwrap();
    bytes[29] = 0;
    std::fs::write(&dbf, bytes).unwrap();
    let (_, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((kept.entities().count(), kept.refused.len()), (2, 1));
    assert!(kept.refused[0].reason.contains("--encoding gbk"), "{:?}", kept.refused[0]);
    let (_, kept) = read(&path, &Options { encoding: Some("gbk".to_owned()), ..Options::default() }).unwrap();
    assert_eq!(kept.entity("11").name.as_deref(), Some("图书馆"));
    let wrong = Options { encoding: Some("klingon".to_owned()), ..Options::default() };
    assert!(one_line(&read(&path, &wrong).unwrap_err()).contains("klingon"));
    std::fs::remove_file(path.with_extension("prj")).unwrap();
    assert!(matches!(read(&path, &Options::default()), Err(Error::NoCrs { .. })));
}

/// Files of each format, by GDAL, and what stands in for it where it is missing.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut samples = Vec::new();
    for (name, args) in [
        ("a.gpkg", &["-f", "GPKG"][..]),
        ("a.fgb", &["-f", "FlatGeobuf"]),
        ("a.shp.zip", &["-f", "ESRI Shapefile"]),
        ("a.geojsonl", &["-f", "GeoJSONSeq"]),
    ] {
        let Some(path) = written(folder.path(), name, args) else { continue };
        samples.push((name, std::fs::read(path).unwrap()));
    }
    if let Some(path) = shared("geoparquet/spec-test-data/data-multipolygon-encoding_wkb.parquet") {
        samples.push(("a.parquet", std::fs::read(path).unwrap()));
    }
    samples
}

#[test]
fn cut_files_are_refused() {
    for (name, bytes) in samples() {
        for cut in [bytes.len() - 1, bytes.len() / 2, 200, 60, 20] {
            let (_folder, path) = file(name, &bytes[..cut]);
            let read = read(&path, &Options::default());
            // A GeoPackage ends with pages that nothing uses; all else is told.
            assert!(
                read.is_err()
                    || name == "a.gpkg"
                    || read.is_ok_and(|(_, kept)| !kept.refused.is_empty() || name == "a.geojsonl"),
                "{name} {cut}"
            );
        }
    }
}

#[test]
fn changed_bytes_never_make_it_panic() {
    let samples = samples();
    if samples.is_empty() {
        return;
    }
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    let strategy = (0..samples.len(), changes, any::<prop::sample::Index>(), any::<bool>());
    proptest!(ProptestConfig::with_cases(600), |((which, changes, end, is_cut) in strategy)| {
        let (name, whole) = &samples[which];
        let mut bytes = whole.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(end.index(bytes.len()) + 1);
        }
        let (_folder, path) = file(name, &bytes);
        if let Err(error) = read(&path, &Options::default()) {
            one_line(&error);
        }
    });
}
