//! GeoParquet of other writers against the texts beside it and the counts of other readers; native encodings; Parquet with a
//! mapping.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder, StructBuilder};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Fields};
use connectors_files::{Error, Format, Mapping, Options};
use kernel_model::{Change, Geometry, Shape};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use crate::support::{Kept, file, one_line, read, shared, with_crs};

#[test]
fn the_standards_own_files_say_what_their_texts_say() {
    for (kind, rows) in [
        ("point", 4),
        ("linestring", 3),
        ("polygon", 4),
        ("multipoint", 4),
        ("multilinestring", 4),
        ("multipolygon", 5),
    ] {
        let base = format!("geoparquet/spec-test-data/data-{kind}");
        let Some(path) = shared(&format!("{base}-encoding_wkb.parquet")) else { return };
        let Some(texts) = shared(&format!("{base}-wkt.csv")) else { return };
        let (summary, kept) = read(&path, &Options::default()).unwrap();
        assert_eq!(
            (summary.format, summary.records_read, summary.records_refused),
            (Format::GeoParquet, rows, 0),
            "{kind}"
        );
        assert_eq!(summary.crs, "OGC:CRS84");
        let texts = std::fs::read_to_string(texts).unwrap();
        // A quoted text per row, nothing between the quotation marks where it is null.
        let wanted: Vec<Vec<f64>> = texts.lines().skip(1).map(numbers).collect();
        let found: Vec<Vec<f64>> = kept.entities().map(|e| e.geometry.as_ref().map(flat).unwrap_or_default()).collect();
        assert_eq!(found.len(), wanted.len(), "{kind}");
        for (row, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert_eq!(found, wanted, "{kind} row {row}");
        }
        assert!(summary.without_geometry >= 1, "{kind}: null and empty ones are counted");
    }
}

/// The numbers of a line `n,"POLYGON ((..))"`, without the row's own.
fn numbers(line: &str) -> Vec<f64> {
    let text = line.split_once(',').map_or("", |(_, text)| text);
    text.split(|c: char| !(c.is_ascii_digit() || ".-+e".contains(c))).filter_map(|n| n.parse().ok()).collect()
}

fn flat(geometry: &Geometry) -> Vec<f64> {
    let mut numbers = Vec::new();
    geometry.for_each_coord(|c| {
        numbers.extend([c.lon_deg, c.lat_deg]);
        numbers.extend(geometry.has_height.then_some(c.height_m));
    });
    numbers
}

#[test]
fn countries_and_buildings_keep_their_types() {
    let Some(path) = shared("geoparquet/example.parquet") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.records_read, summary.records_refused, summary.without_geometry), (5, 0, 0));
    let fiji = kept.entities().next().unwrap();
    assert_eq!(fiji.name.as_deref(), Some("Fiji"));
    assert!(fiji.properties["gdp_md_est"].is_i64() && fiji.properties["pop_est"].is_f64());
    let Some(path) = shared("osm/reference/buildings_all.parquet") else { return };
    let (summary, kept) = read(&path, &Options { class: Some("building".to_owned()), ..Options::default() }).unwrap();
    assert_eq!((summary.records_read, summary.records_refused), (1932, 0));
    let house = kept.entities().find(|e| e.properties.contains_key("addr:street")).unwrap();
    assert!(matches!(house.geometry.as_ref().unwrap().shape, Shape::Polygon(_)));
    let region = house.geometry.as_ref().unwrap().region();
    assert!(region.west > 24.9 && region.east < 25.0 && region.south > 60.1, "longitude first: {region:?}");
}

/// Writes a file with the key `geo`.
fn written(columns: Vec<(&str, ArrayRef)>, geo: Option<&str>) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = file("made.parquet", b"");
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    if let Some(geo) = geo {
        writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo.to_owned()));
    }
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

/// Polygons as lists of lists of x, y, z: a triangle, a null, an empty one.
fn native_polygons() -> ArrayRef {
    let axes = Fields::from(["x", "y", "z"].map(|n| Field::new(n, DataType::Float64, true)).to_vec());
    let point = StructBuilder::from_fields(axes, 4);
    let mut polygons = ListBuilder::new(ListBuilder::new(point));
    for (x, y) in [(5.0, 52.0), (5.1, 52.0), (5.1, 52.1), (5.0, 52.0)] {
        let point = polygons.values().values();
        for (axis, value) in [x, y, 7.5].into_iter().enumerate() {
            point.field_builder::<Float64Builder>(axis).unwrap().append_value(value);
        }
        point.append(true);
    }
    polygons.values().append(true);
    polygons.append(true);
    polygons.append(false);
    polygons.append(true);
    Arc::new(polygons.finish())
}

#[test]
fn native_encodings_are_read_and_boxes_are_not_properties() {
    let geo = r#"{"version":"1.1.0","primary_column":"shape","columns":{"shape":{"encoding":"polygon",
        "geometry_types":["Polygon Z"],"covering":{"bbox":{"xmin":["bbox","xmin"]}},"crs":{"id":{"authority":"EPSG","code":4979}}}}}"#;
    let bbox = StructArray::from(vec![(
        Arc::new(Field::new("xmin", DataType::Float64, true)),
        Arc::new(Float64Array::from(vec![5.0, 0.0, 0.0])) as ArrayRef,
    )]);
    let ids = Int64Array::from(vec![3, 4, 5]);
    let (_folder, path) =
        written(vec![("id", Arc::new(ids)), ("bbox", Arc::new(bbox)), ("shape", native_polygons())], Some(geo));
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.records_read, summary.without_geometry, summary.crs.as_str()), (3, 2, "EPSG:4979"));
    let triangle = kept.entity("3");
    assert_eq!(triangle.geometry.as_ref().unwrap().height_range_m(), Some((7.5, 7.5)));
    assert_eq!(triangle.height_reference, kernel_model::HeightReference::Ellipsoid);
    assert_eq!(triangle.geometry.as_ref().unwrap().coord_count(), 4);
    assert!(!triangle.properties.contains_key("bbox"));
}

#[test]
fn a_system_that_is_null_has_to_be_stated() {
    let point = Geometry::flat(Shape::Point(kernel_model::Coord::new(155_000.0, 463_000.0, 0.0))).to_wkb();
    let wkb = || Arc::new(arrow_array::BinaryArray::from(vec![point.as_slice()])) as ArrayRef;
    let geo = r#"{"version":"1.0.0","primary_column":"g","columns":{"g":{"encoding":"WKB","crs":null}}}"#;
    let (_folder, path) = written(vec![("g", wkb())], Some(geo));
    assert!(matches!(read(&path, &Options::default()), Err(Error::NoCrs { .. })));
    let (_, kept) = read(&path, &with_crs("EPSG:28992")).unwrap();
    let anchor = kept.entity("0").geometry.as_ref().unwrap().anchor().unwrap();
    assert!((anchor.lon_deg - 5.3872).abs() < 1e-3, "{anchor:?}");
    let (_folder, path) = written(vec![("g", wkb())], None);
    assert!(one_line(&read(&path, &Options::default()).unwrap_err()).contains("--mapping"));
}

#[test]
fn a_mapping_reads_parquet_as_it_reads_csv() {
    let toml = r#"
        [[layout]]
        first_line = "station,t"
        mode = "observations"
        datum = "WGS84"
        kind = "sensor"
        id = { column = "station" }
        place = { lon = "lon", lat = "lat" }
        time = { columns = ["t"], format = "%+" }
        values = [{ column = "v", property = "pm25", unit = "ug/m3" }]
    "#;
    let (_folder, mapping) = file("m.toml", toml.as_bytes());
    let options = Options { mapping: Some(Mapping::load(mapping.to_str().unwrap()).unwrap()), ..Options::default() };
    let times = TimestampMillisecondArray::from(vec![0, 60_000, 120_000]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("station", Arc::new(StringArray::from(vec!["a", "a", "b"]))),
        ("t", Arc::new(times)),
        ("lon", Arc::new(Float64Array::from(vec![116.3, 116.3, 116.4]))),
        ("lat", Arc::new(Float64Array::from(vec![39.9, 39.9, 39.9]))),
        ("v", Arc::new(Float64Array::from(vec![Some(35.5), None, Some(7.0)]))),
    ];
    let (_folder, path) = written(columns, None);
    let (summary, kept) = read(&path, &options).unwrap();
    assert_eq!((summary.format, summary.records_read, summary.records_refused), (Format::Table, 3, 0));
    let csv = "station,t,lon,lat,v\na,1970-01-01T00:00:00Z,116.3,39.9,35.5\nb,1970-01-01T00:02:00Z,116.4,39.9,7.0\n";
    let (_folder, csv) = file("made.csv", csv.as_bytes());
    let (_, wanted) = read(&csv, &options).unwrap();
    assert_eq!(values(&kept), values(&wanted), "a null is no reading");
}

fn values(kept: &Kept) -> Vec<(String, i64, f64)> {
    let mut values = Vec::new();
    for change in &kept.changes {
        if let Change::Observations(batch) = change {
            let row = |r: &kernel_model::Observation| (batch.datastream.id.to_string(), r.phenomenon_time.0, r.value);
            values.extend(batch.rows.iter().map(row));
        }
    }
    values
}
