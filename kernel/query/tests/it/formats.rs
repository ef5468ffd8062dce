//! Every format reads back with the values that went in.

use arrow::array::{Array, AsArray};
use arrow::compute::concat_batches;
use arrow::ipc::reader::StreamReader;
use kernel_query::Answer;
use kernel_query::format::{Format, bytes};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::city::ask;

const SQL: &str =
    "select source_id, id, name, geometry, lon, seq, retired, recorded_at, digest, 18446744073709551615 as big,
    cast('nan' as double) as nan, [1, 2] as list, timestamp '2026-01-01T00:00:00.25Z' as instant, properties
    from entities where source_id in ('b-0-0', 'v-0') order by source_id";

fn answer() -> Answer {
    ask(SQL).unwrap()
}

fn written(format: Format) -> Vec<u8> {
    let answer = answer();
    bytes(format, &answer.schema, &answer.batches).unwrap()
}

#[test]
fn json_is_an_array_of_rows_with_geojson() {
    let rows: Value = serde_json::from_slice(&written(Format::Json)).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let (hall, bus) = (&rows[0], &rows[1]);
    assert_eq!(hall["name"], "Old hall");
    assert_eq!(hall["geometry"]["type"], "Polygon");
    assert_eq!(hall["geometry"]["coordinates"][0][0], json!([116.3, 39.9]));
    assert_eq!(hall["geometry"]["coordinates"][0].as_array().unwrap().len(), 5);
    assert_eq!(hall["big"], json!(u64::MAX));
    assert_eq!(hall["nan"], Value::Null);
    assert_eq!(hall["list"], json!([1, 2]));
    assert_eq!(hall["instant"], "2026-01-01T00:00:00.250Z");
    assert_eq!(hall["retired"], false);
    assert!(hall["recorded_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(bus["geometry"], Value::Null);
    assert_eq!(hall["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn geojson_of_every_type_and_of_none() {
    for (wkt, expected) in [
        ("POINT Z(1 2 3)", json!({"type": "Point", "coordinates": [1.0, 2.0, 3.0]})),
        ("POINT EMPTY", json!({"type": "Point", "coordinates": []})),
        ("LINESTRING(0 0,1 1)", json!({"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 1.0]]})),
        ("POLYGON EMPTY", json!({"type": "Polygon", "coordinates": []})),
        ("MULTIPOINT((0 0),(1 1))", json!({"type": "MultiPoint", "coordinates": [[0.0, 0.0], [1.0, 1.0]]})),
        ("MULTILINESTRING((0 0,1 1))", json!({"type": "MultiLineString", "coordinates": [[[0.0, 0.0], [1.0, 1.0]]]})),
        (
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))",
            json!({"type": "MultiPolygon", "coordinates": [[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]]}),
        ),
        (
            "GEOMETRYCOLLECTION(POINT(1 2))",
            json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1.0, 2.0]}]}),
        ),
    ] {
        let answer = ask(&format!("select st_geomfromtext('{wkt}') as g")).unwrap();
        let rows: Value =
            serde_json::from_slice(&bytes(Format::Json, &answer.schema, &answer.batches).unwrap()).unwrap();
        assert_eq!(rows[0]["g"], expected, "{wkt}");
    }
    let none = ask("select lon from positions where lon > 999").unwrap();
    let text = bytes(Format::Json, &none.schema, &none.batches).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), json!([]));
}

#[test]
fn csv_has_wkt_and_quotes() {
    let text = written(Format::Csv);
    let mut reader = csv::Reader::from_reader(text.as_slice());
    assert_eq!(reader.headers().unwrap().get(3), Some("geometry"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[0][3].starts_with("POLYGON((116.3 39.9,"), "{}", &rows[0][3]);
    assert_eq!(&rows[0][9], "18446744073709551615");
    assert_eq!(serde_json::from_str::<Value>(&rows[0][13]).unwrap()["storeys"], 1);
    assert_eq!(&rows[1][3], "");
}

#[test]
fn a_table_fits_the_terminal() {
    let text = String::from_utf8(written(Format::Table { width: 150 })).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line.chars().count() <= 150), "{text}");
    assert!(text.contains("Old hall") && text.contains('…') && lines[4] == "(2 rows)", "{text}");
}

#[test]
fn arrow_reads_back_the_same() {
    let answer = answer();
    let stream = written(Format::ArrowIpc);
    let back: Vec<_> = StreamReader::try_new(stream.as_slice(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(back[0].schema(), answer.schema);
    // Compared as JSON, in which NaN equals itself.
    assert_eq!(bytes(Format::Json, &answer.schema, &back).unwrap(), written(Format::Json));
}

#[test]
fn parquet_reads_back_the_same_and_says_that_it_has_geometry() {
    let answer = answer();
    let file = bytes::Bytes::from(written(Format::Parquet));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let footer = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let geo = footer.iter().find(|entry| entry.key == "geo").and_then(|entry| entry.value.clone()).unwrap();
    let geo: Value = serde_json::from_str(&geo).unwrap();
    assert_eq!((&geo["version"], &geo["primary_column"]), (&json!("1.1.0"), &json!("geometry")));
    assert_eq!(geo["columns"]["geometry"], json!({"encoding": "WKB", "geometry_types": []}));
    let back: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(bytes(Format::Json, &answer.schema, &back).unwrap(), written(Format::Json));
    let whole = concat_batches(&answer.schema, &answer.batches).unwrap();
    let geometry = |batch: &arrow::array::RecordBatch| batch.column(3).as_binary::<i32>().clone();
    assert_eq!(geometry(&back[0]), geometry(&whole));
    assert!(geometry(&whole).is_null(1));
}

#[test]
fn geojson_is_one_collection_with_the_members_of_properties() {
    let collection: Value = serde_json::from_slice(&written(Format::GeoJson)).unwrap();
    assert_eq!(collection["type"], "FeatureCollection");
    let features = collection["features"].as_array().unwrap();
    assert_eq!(features.len(), 2);
    let (hall, bus) = (&features[0], &features[1]);
    assert_eq!((&hall["type"], &hall["geometry"]["type"]), (&json!("Feature"), &json!("Polygon")));
    assert_eq!(hall["id"].as_str().unwrap().len(), 36);
    assert_eq!((&hall["properties"]["storeys"], &hall["properties"]["name"]), (&json!(1), &json!("Old hall")));
    assert!(hall["properties"].get("properties").is_none() && hall["properties"].get("id").is_none());
    assert_eq!(bus["geometry"], Value::Null);
    let own = "select geometry, 'ours' as storeys, properties from entities where source_id = 'b-0-0'";
    let answer = ask(own).unwrap();
    let text = bytes(Format::GeoJson, &answer.schema, &answer.batches).unwrap();
    let said = serde_json::from_slice::<Value>(&text).unwrap()["features"][0]["properties"].clone();
    assert_eq!(said, json!({ "storeys": "ours", "source:storeys": 1 }));
    let none = ask("select geometry from entities where false").unwrap();
    let text = bytes(Format::GeoJson, &none.schema, &none.batches).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap()["features"], json!([]));
}

/// That the files are whole is told by GDAL and geopandas in the program's tests; here that there is a file at all.
#[test]
fn flatgeobuf_needs_geometry_and_begins_with_its_mark() {
    assert!(written(Format::FlatGeobuf).starts_with(&[0x66, 0x67, 0x62, 3, 0x66, 0x67, 0x62, 0]));
    let plain = ask("select 1 as n").unwrap();
    let error = bytes(Format::FlatGeobuf, &plain.schema, &plain.batches).unwrap_err();
    assert!(error.to_string().contains("no geometry among the columns"), "{error}");
}
