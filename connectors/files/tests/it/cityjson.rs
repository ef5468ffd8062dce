use connectors_files::{Error, Format, Options};
use kernel_model::{HeightReference, Kind, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Kept, one_line, read, read_bytes, shared, with_crs};

/// Faces of all entities.
fn faces(kept: &Kept) -> usize {
    let of = |e: &kernel_model::EntityDraft| match e.geometry.as_ref().map(|g| &g.shape) {
        Some(Shape::MultiPolygon(polygons)) => polygons.len(),
        _ => 0,
    };
    kept.entities().map(of).sum()
}

#[test]
fn den_haag_is_whole() {
    let Some(path) = shared("city/cityjson/denhaag_01.city.json.gz") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.crs.as_str()), (Format::CityJson, "EPSG:7415"));
    assert_eq!(summary.records_read, 2498);
    assert_eq!(kept.reasons(), Vec::<&str>::new());
    let expected = [(Kind::Building, 844), (Kind::BuildingPart, 1653), (Kind::Terrain, 1)];
    assert_eq!(kept.kinds(), expected.into());
    assert!(kept.progress > 0);
    for entity in kept.entities() {
        assert_eq!(entity.kind == Kind::BuildingPart, entity.parent.is_some(), "{}", entity.source);
        let Some(geometry) = &entity.geometry else { continue };
        assert_eq!(entity.height_reference, HeightReference::Vertical("EPSG:5709".to_owned()));
        let region = geometry.region();
        // The extent in the file's metadata, taken to WGS 84 with GDAL 3.6.2's gdaltransform, a metre around.
        assert!(region.west > 4.26682 && region.east < 4.27850, "{region:?}");
        assert!(region.south > 52.10134 && region.north < 52.10752, "{region:?}");
        let (low, high) = geometry.height_range_m().unwrap();
        assert!(low >= 2.462 && high <= 37.482, "{low} {high}");
    }
    let parent = kept.entities().position(|e| e.kind == Kind::Building).unwrap();
    let part = kept.entities().position(|e| e.kind == Kind::BuildingPart).unwrap();
    assert!(parent < part, "parents come first");
}

#[test]
fn delft_has_its_kinds() {
    let Some(path) = shared("city/cityjson/delft.city.json") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    let lineage =
        "EPSG:7415 -> OGC:CRS84 (proj4rs 0.3, 7-parameter datum shift, within 1 m of PROJ's; heights not converted)";
    assert_eq!(summary.lineage, lineage);
    let expected = [(Kind::Building, 160), (Kind::Road, 143), (Kind::Vegetation, 126), (Kind::Landuse, 81)];
    let kinds = kept.kinds();
    for (kind, count) in expected {
        assert_eq!(kinds.get(&kind), Some(&count), "{kind}");
    }
    assert_eq!(kept.entities().count() + kept.refused.len(), 570);
}

#[test]
fn a_file_without_a_reference_system_is_refused_until_one_is_given() {
    let Some(path) = shared("city/cityjsonseq/vienna_102081.city.jsonl.gz") else { return };
    let error = read(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::NoCrs { .. }));
    assert!(one_line(&error).contains("--crs EPSG:31256"));
    let (summary, kept) = read(&path, &with_crs("EPSG:31256")).unwrap();
    assert_eq!(summary.format, Format::CityJsonSeq);
    assert_eq!(kept.kinds(), [(Kind::Building, 149), (Kind::BuildingPart, 443)].into());
    // Vienna's first district lies at 16.36..16.38 east, 48.20..48.22 north.
    let region = kept.entities().find_map(|e| e.geometry.as_ref()).unwrap().region();
    assert!(region.west > 16.33 && region.east < 16.37 && region.south > 48.19 && region.north < 48.22, "{region:?}");
    assert_eq!(kept.entities().next().unwrap().height_reference, HeightReference::None);
    let part = kept.entities().find(|e| e.geometry.is_some()).unwrap();
    assert_eq!(part.height_reference, HeightReference::Unknown, "EPSG:31256 says nothing of heights");
    let stated = Options { height_reference: Some("EPSG:5778".to_owned()), ..with_crs("EPSG:31256") };
    let (_, kept) = read(&path, &stated).unwrap();
    let part = kept.entities().find(|e| e.geometry.is_some()).unwrap();
    assert_eq!(part.height_reference.to_string(), "EPSG:5778");
}

#[test]
fn sequences_are_read_to_the_last_line() {
    let Some(bag) = shared("city/cityjsonseq/3dbag_5908_extension.city.jsonl.gz") else { return };
    let (summary, kept) = read(&bag, &Options::default()).unwrap();
    assert_eq!(summary.crs, "EPSG:7415");
    assert_eq!(kept.kinds(), [(Kind::Building, 99), (Kind::BuildingPart, 100)].into());
    let lods: Vec<&Value> =
        kept.entities().filter(|e| e.kind == Kind::BuildingPart).map(|e| &e.properties["lod"]).collect();
    assert!(lods.iter().all(|lod| **lod == json!("2.2")), "the highest of 0, 1.2, 1.3, 2.2");
    let Some(lod2) = shared("city/cityjsonseq/lod2_buildings.city.jsonl") else { return };
    let berlin = with_crs("EPSG:3068+5783");
    let (_, sequence) = read(&lod2, &berlin).unwrap();
    assert_eq!(sequence.kinds(), [(Kind::Building, 100)].into());
    let Some(same) = shared("city/cityjson/lod2_buildings.city.json") else { return };
    let (summary, document) = read(&same, &Options::default()).unwrap();
    assert_eq!(summary.crs, "EPSG:3068");
    assert_eq!((faces(&document), faces(&sequence)), (700, 700), "as many as the CityGML of the same buildings has");
}

#[test]
fn the_small_files_are_read() {
    let rd = with_crs("EPSG:28992");
    let Some(dummy) = shared("city/cityjson/small/dummy.city.json") else { return };
    let (_, kept) = read(&dummy, &Options::default()).unwrap();
    assert_eq!(kept.entities().count() + kept.refused.len(), 2, "{:?}", kept.refused);
    let Some(composite) = shared("city/cityjson/small/composite_solid_with_material.city.json") else { return };
    let (_, kept) = read(&composite, &rd).unwrap();
    let entity = kept.entities().next().unwrap();
    assert_eq!((entity.kind, entity.class.as_str()), (Kind::Other, "+GenericCityObject"));
    let Some(lods) = shared("city/cityjson/small/multi_lod.city.json") else { return };
    let (_, kept) = read(&lods, &rd).unwrap();
    assert_eq!(kept.kinds(), [(Kind::Building, 10)].into());
    let Some(part) = shared("city/cityjson/small/mt-1.city.json") else { return };
    let (_, kept) = read(&part, &rd).unwrap();
    let child = kept.entities().find(|e| e.kind == Kind::BuildingPart).unwrap();
    assert_eq!(child.parent.as_ref(), Some(&kept.entities().find(|e| e.kind == Kind::Building).unwrap().source));
}

/// Two houses on four shared corners at 4.3 east, 52 north.
fn village() -> Value {
    json!({
        "type": "CityJSON", "version": "2.0",
        "metadata": { "referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4979" },
        "transform": { "scale": [1e-6, 1e-6, 0.1], "translate": [52.0, 4.3, 0.0] },
        "CityObjects": {
            "house": { "type": "Building", "attributes": { "measuredHeight": 7.5, "name": "Old house" },
                "geometry": [{ "type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2, 3]]] }] },
            "porch": { "type": "BuildingPart", "parents": ["house"],
                "geometry": [{ "type": "MultiPoint", "lod": 1, "boundaries": [0, 2] }] },
            "pole": { "type": "CityFurniture",
                "geometry": [{ "type": "GeometryInstance", "template": 0, "boundaries": [1],
                    "transformationMatrix": [1e-6,0,0,0, 0,1e-6,0,0, 0,0,1,0, 0,0,0,1] }] }
        },
        "vertices": [[0, 0, 0], [100, 0, 0], [100, 100, 10], [0, 100, 10]],
        "geometry-templates": {
            "templates": [{ "type": "MultiLineString", "lod": "2", "boundaries": [[0, 1]] }],
            "vertices-templates": [[0, 0, 0], [0, 0, 4]]
        }
    })
}

fn taken(document: &Value) -> Kept {
    read_bytes("village.city.json", document.to_string().as_bytes(), &Options::default()).unwrap().1
}

#[test]
fn a_document_made_by_hand_comes_out_to_the_digit() {
    let kept = taken(&village());
    let house = kept.entity("house");
    assert_eq!((house.name.as_deref(), &house.properties["height_m"]), (Some("Old house"), &json!(7.5)));
    assert_eq!(house.height_reference, HeightReference::Ellipsoid);
    let Shape::MultiPolygon(polygons) = &house.geometry.as_ref().unwrap().shape else { panic!("faces") };
    let third = polygons[0][0][2];
    assert!(
        (third.lat_deg - 52.0001).abs() < 1e-9 && (third.lon_deg - 4.3001).abs() < 1e-9,
        "latitude first: {third:?}"
    );
    assert!((third.height_m - 1.0).abs() < 1e-9);
    assert_eq!(kept.entity("porch").parent.as_ref(), Some(&house.source));
    let Shape::MultiLineString(pole) = &kept.entity("pole").geometry.as_ref().unwrap().shape else { panic!("a line") };
    assert!((pole[0][1].height_m - 4.0).abs() < 1e-9 && (pole[0][1].lat_deg - 52.0001).abs() < 1e-9);
}

#[test]
fn a_bad_object_is_refused_and_its_neighbours_go_in() {
    let faults: [(&str, Value, &str); 8] = [
        ("/CityObjects/house/geometry/0/boundaries/0/0/0", json!(99), "vertex index 99 is out of range"),
        ("/CityObjects/house/geometry/0/boundaries/0/0/0", json!(-1), "`-1` is no vertex index"),
        ("/CityObjects/house/geometry/0/boundaries", json!({}), "an array was expected"),
        ("/CityObjects/house/geometry/0/type", json!("Sphere"), "`Sphere` is not known"),
        ("/CityObjects/house/type", json!(7), "no `type`"),
        ("/CityObjects/house", json!(null), "not a JSON object"),
        ("/CityObjects/house/attributes", json!([]), "`attributes` is not"),
        ("/CityObjects/house/geometry/0/boundaries/0/0", json!([0, 1]), "no face of three vertices"),
    ];
    for (place, value, reason) in faults {
        let mut document = village();
        *document.pointer_mut(place).unwrap() = value;
        let kept = taken(&document);
        assert_eq!(kept.refused.len(), 1, "{place}: {:?}", kept.refused);
        assert!(kept.refused[0].reason.contains(reason), "{place}: {}", kept.refused[0].reason);
        assert_eq!((kept.refused[0].place.as_str(), kept.entities().count()), ("CityObjects/house", 2));
        assert_eq!(kept.entity("porch").properties["parent_missing"], json!("house"));
    }
    let mut hole = village();
    hole["vertices"][3] = json!(["a", 1]);
    assert_eq!(taken(&hole).reasons(), ["vertices[3] is not three numbers"]);
    let mut far = village();
    far["vertices"][3] = json!([1e12, 0, 0]);
    assert!(taken(&far).reasons()[0].contains("do not fit EPSG:4979"));
}

#[test]
fn what_the_standard_has_beside_geometry_is_kept() {
    let mut document = village();
    let objects = document["CityObjects"].as_object_mut().unwrap();
    objects["house"]["geometry"][0]["semantics"] = json!({ "surfaces": [{ "type": "RoofSurface" }], "values": [0] });
    objects["house"]["address"] =
        json!([{ "Country": "X", "location": { "type": "MultiPoint", "lod": "1", "boundaries": [2] } }]);
    objects.insert("quarter".to_owned(), json!({ "type": "CityObjectGroup", "children": ["house", "pole"] }));
    document["appearance"] = json!({ "textures": [{}, {}], "materials": [{}] });
    let (summary, kept) = read_bytes("v.json", document.to_string().as_bytes(), &Options::default()).unwrap();
    assert_eq!(kept.entity("house").properties["surfaces"], json!([["RoofSurface", 1]]));
    let place = &kept.entity("house").properties["address"][0]["location"][0];
    assert!((place[0].as_f64().unwrap() - 4.3001).abs() < 1e-9, "{place}");
    assert_eq!(kept.entity("quarter").properties["members"], json!(["house", "pole"]));
    assert_eq!((summary.left_out["textures"], summary.left_out["materials"]), (2, 1));
    let mut twice = village();
    let house = twice["CityObjects"]["house"].to_string();
    let text = twice["CityObjects"].take().to_string();
    twice["CityObjects"] = json!("HERE");
    let text = twice.to_string().replace("\"HERE\"", &format!("{},\"house\":{house}}}", &text[..text.len() - 1]));
    let kept = read_bytes("v.json", text.as_bytes(), &Options::default()).unwrap().1;
    assert_eq!(kept.reasons(), ["an earlier object of the file has its id"]);
}

#[test]
fn a_circle_of_parents_ends() {
    let mut document = village();
    document["CityObjects"]["house"]["parents"] = json!(["porch"]);
    let kept = taken(&document);
    assert_eq!(kept.entities().count(), 3);
    assert_eq!(kept.entities().filter(|e| e.parent.is_some()).count(), 1);
}

#[test]
fn the_reference_system_is_found_where_older_files_have_it() {
    for (key, value) in [
        ("metadata", json!({ "referenceSystem": "urn:ogc:def:crs:EPSG::4979" })),
        ("metadata", json!({ "crs": { "epsg": 4979 } })),
        ("crs", json!({ "epsg": 4979 })),
    ] {
        let mut document = village();
        document.as_object_mut().unwrap().remove("metadata");
        document[key] = value;
        assert_eq!(taken(&document).entities().count(), 3, "{key}");
    }
    let mut unknown = village();
    unknown["metadata"]["referenceSystem"] = json!("urn:ogc:def:crs:EPSG::99999");
    let error = read_bytes("v.json", unknown.to_string().as_bytes(), &Options::default()).unwrap_err();
    assert!(one_line(&error).contains("EPSG:99999 is not known here; pass --crs"));
}

#[test]
fn a_cut_document_is_a_truncated_file() {
    let text = village().to_string();
    for cut in [text.len() - 1, text.len() / 2, 200] {
        let error = read_bytes("cut.json", &text.as_bytes()[..cut], &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{cut}: {error}");
    }
    let Some(path) = shared("city/cityjson/denhaag_01.city.json.gz") else { return };
    let bytes = std::fs::read(path).unwrap();
    let error = read_bytes("cut.city.json.gz", &bytes[..bytes.len() / 2], &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

#[test]
fn a_bad_line_of_a_sequence_is_refused_and_a_cut_one_ends_it() {
    let mut header = village();
    header["CityObjects"] = json!({});
    header["vertices"] = json!([]);
    let mut feature = village();
    feature["type"] = json!("CityJSONFeature");
    feature.as_object_mut().unwrap().remove("metadata");
    feature["CityObjects"].as_object_mut().unwrap().remove("pole");
    let text = format!("{header}\n{feature}\n{{\"type\": 7,,\n\n{feature}\n");
    let (summary, kept) = read_bytes("v.city.jsonl", text.as_bytes(), &Options::default()).unwrap();
    assert_eq!((summary.format, kept.entities().count()), (Format::CityJsonSeq, 4));
    assert_eq!(kept.refused[0].place, "line 3");
    let cut = &text.as_bytes()[..text.len() - 30];
    assert!(matches!(read_bytes("v.city.jsonl", cut, &Options::default()), Err(Error::Truncated { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_change_of_bytes_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = village().to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Err(error) = read_bytes("village.json", &bytes, &Options::default()) {
            one_line(&error);
        }
    }

    #[test]
    fn no_change_of_values_makes_it_panic(at in any::<prop::sample::Index>(), with in 0_usize..8) {
        let with = [json!(null), json!([]), json!({}), json!("x"), json!(-1), json!(1e300), json!(u64::MAX), json!([[[]]])][with].clone();
        let mut document = village();
        let places = places(&document);
        *document.pointer_mut(&places[at.index(places.len())]).unwrap() = with;
        let _ = read_bytes("village.json", document.to_string().as_bytes(), &Options::default());
    }
}

/// JSON pointers to every value of the document.
fn places(document: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, places: &mut Vec<String>) {
        places.push(at.to_owned());
        match value {
            Value::Object(fields) => fields.iter().for_each(|(k, v)| walk(v, &format!("{at}/{k}"), places)),
            Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{at}/{i}"), places)),
            _ => {}
        }
    }
    let mut places = Vec::new();
    walk(document, "", &mut places);
    places
}
