use connectors_files::{Error, Format, Options};
use kernel_model::{HeightReference, Kind, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{one_line, read_bytes, with_crs};

fn collection() -> Value {
    json!({ "type": "FeatureCollection", "features": [
        { "type": "Feature", "id": 7, "properties": { "name": "Park", "kind": "landuse", "class": "park" },
          "geometry": { "type": "Polygon", "coordinates": [[[116.3, 39.9], [116.4, 39.9], [116.4, 40.0], [116.3, 39.9]]] } },
        { "type": "Feature", "properties": { "osm_id": "w1" },
          "geometry": { "type": "LineString", "coordinates": [[116.3, 39.9, 50], [116.4, 39.9, 51]] } },
        { "type": "Feature", "properties": null, "geometry": null }
    ]})
}

fn taken(document: &Value, options: &Options) -> Result<(connectors_files::Summary, crate::support::Kept), Error> {
    read_bytes("city.geojson", document.to_string().as_bytes(), options)
}

#[test]
fn features_become_entities() {
    let (summary, kept) =
        taken(&collection(), &Options { class: Some("building/old".to_owned()), ..Options::default() }).unwrap();
    assert_eq!(
        (summary.format, summary.crs.as_str(), summary.dataset.as_str()),
        (Format::GeoJson, "OGC:CRS84", "city")
    );
    let park = kept.entity("7");
    assert_eq!((park.kind, park.class.as_str(), park.name.as_deref()), (Kind::Landuse, "park", Some("Park")));
    assert!(!park.geometry.as_ref().unwrap().has_height);
    let line = kept.entity("w1");
    assert_eq!((line.kind, line.class.as_str()), (Kind::Building, "old"));
    assert_eq!(line.height_reference, HeightReference::Ellipsoid, "RFC 7946 section 4");
    let Shape::LineString(coords) = &line.geometry.as_ref().unwrap().shape else { panic!() };
    assert_eq!((coords[1].lon_deg, coords[1].height_m), (116.4, 51.0));
    assert!(kept.entity("2").geometry.is_none());
}

#[test]
fn a_bad_feature_is_refused_and_its_neighbours_go_in() {
    for (geometry, reason) in [
        (json!({ "type": "GeometryCollection", "geometries": [] }), "split it"),
        (json!({ "type": "Point", "coordinates": [39.9, 116.3] }), "do not fit"),
        (json!({ "type": "Point", "coordinates": ["a", 1] }), "no position"),
        (
            json!({ "type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]] }),
            "does not end where it begins",
        ),
        (json!({ "type": "LineString", "coordinates": [[0, 0]] }), "fewer than two"),
        (json!({ "type": "Circle" }), "`Circle` is not known"),
        (json!(5), "no `type`"),
    ] {
        let mut document = collection();
        document["features"][0]["geometry"] = geometry;
        let (_, kept) = taken(&document, &Options::default()).unwrap();
        assert_eq!((kept.entities().count(), kept.refused.len()), (2, 1));
        assert!(kept.refused[0].reason.contains(reason), "{:?}", kept.refused[0]);
        assert_eq!(kept.refused[0].place, "features/0");
    }
    let mut twice = collection();
    twice["features"][1]["id"] = json!(7);
    assert!(taken(&twice, &Options::default()).unwrap().1.reasons()[0].contains("has the id `7` already"));
}

#[test]
fn an_old_crs_member_is_used_where_it_is_known() {
    let mut document = collection();
    document["crs"] = json!({ "type": "name", "properties": { "name": "urn:ogc:def:crs:OGC:1.3:CRS84" } });
    assert_eq!(taken(&document, &Options::default()).unwrap().1.entities().count(), 3);
    document["crs"]["properties"]["name"] = json!("urn:ogc:def:crs:EPSG::4326");
    let (_, kept) = taken(&document, &Options::default()).unwrap();
    assert_eq!((kept.entities().count(), &kept.entity("w1").height_reference), (3, &HeightReference::Unknown));
    document["crs"]["properties"]["name"] = json!("the town's grid");
    assert!(one_line(&taken(&document, &Options::default()).unwrap_err()).contains("--crs"));
    document["crs"] = Value::Null;
    assert!(matches!(taken(&document, &Options::default()), Err(Error::NoCrs { .. })));
    let rd = json!({ "type": "Feature", "properties": {}, "geometry": { "type": "Point", "coordinates": [155_000, 463_000] } });
    let (_, kept) = taken(&rd, &with_crs("EPSG:28992")).unwrap();
    let anchor = kept.entity("0").geometry.as_ref().unwrap().anchor().unwrap();
    assert!((anchor.lon_deg - 5.3872).abs() < 1e-3 && (anchor.lat_deg - 52.1551).abs() < 1e-3, "{anchor:?}");
}

#[test]
fn single_geometries_and_cut_documents() {
    let point = json!({ "type": "Point", "coordinates": [116.3, 39.9] });
    assert_eq!(taken(&point, &Options::default()).unwrap().1.entities().count(), 1);
    let text = collection().to_string();
    for cut in [text.len() - 1, text.len() / 2] {
        let error = read_bytes("cut.geojson", &text.as_bytes()[..cut], &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }
    let wrong = json!({ "type": "FeatureCollection", "features": 5 });
    assert!(matches!(taken(&wrong, &Options::default()), Err(Error::Malformed { .. })));
}

#[test]
fn foreign_files_are_named() {
    for (bytes, said) in [
        (&b"PK\x03\x04rest"[..], "zip"),
        (b"<?xml version='1.0'?><osm version='0.6'>", "end tag of <osm>"),
        (b"<core:CityModel xmlns:core='x'>", "CityGML"),
        (b"SQLite format 3\0", "GeoPackage"),
        (b"{\"hello\": 1}", "without a `type`"),
        (b"{\"type\": \"Topology\"}", "type `Topology`"),
        (b"\x89PNG\r\n", "--heights"),
        (b"\x89PNX\r\n", "no known format"),
        (b"", "empty"),
    ] {
        let text = one_line(&read_bytes("file.bin", bytes, &Options::default()).unwrap_err());
        assert!(text.contains(said), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_change_of_bytes_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = collection().to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read_bytes("city.geojson", &bytes, &Options::default());
    }
}
