//! What is read of which element, from real files and from files made by hand.

use connectors_files::{Error, Options};
use kernel_model::{HeightReference, Kind, Shape};
use serde_json::json;

use super::{NAMESPACES_3, UTM, envelope, faces, member, model, surfaces, taken, triangle};
use crate::support::{one_line, read, read_bytes, shared, with_crs};

#[test]
fn plateau_has_latitude_first_and_heights_above_tokyo_bay() {
    let Some(path) = shared("city/citygml/plateau-yokosuka/udx/bldg/52397519_bldg_6697_op.gml") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!(summary.crs, "EPSG:6697");
    for entity in kept.entities().filter(|e| e.geometry.is_some()) {
        assert_eq!(entity.height_reference, HeightReference::Vertical("EPSG:6695".to_owned()));
        let region = entity.geometry.as_ref().unwrap().region();
        assert!(region.west >= 139.737_243 && region.east <= 139.740_555, "{region:?}");
        assert!(region.south >= 35.258_297 && region.north <= 35.261_544, "{region:?}");
        let (low, high) = entity.geometry.as_ref().unwrap().height_range_m().unwrap();
        assert!(low > 2.19 && high < 21.73, "{low} {high}");
    }
    let museum = kept.entity("bldg_787d830e-2534-410a-8a2a-a531efeb2533");
    let told = |key: &str| museum.properties[key].clone();
    assert_eq!(museum.name.as_deref(), Some("横須賀美術館"));
    assert_eq!((told("lod"), told("height_m"), told("storeys")), (json!("2"), json!(6.0), json!(1)));
    assert_eq!((told("図形ID"), told("床面積換算係数")), (json!(16943), json!(0.9)));
    assert_eq!(told("１階床面積"), json!({ "value": 42.0, "uom": "m2" }));
    assert_eq!(
        (told("usage"), &told("code_lists")["usage"]),
        (json!("422"), &json!("../../codelists/Building_usage.xml"))
    );
    let lists: usize =
        kept.entities().filter_map(|e| e.properties.get("code_lists")).map(|l| l.as_object().unwrap().len()).sum();
    assert!(lists > 100, "{lists}");
    assert!(kept.entities().filter(|e| e.properties.contains_key("uro:BuildingIDAttribute.buildingID")).count() == 15);
    assert_eq!(kept.entities().filter(|e| e.kind == Kind::BuildingPart && e.parent.is_some()).count(), 2);
}

#[test]
fn a_house_with_rooms_comes_with_what_is_in_it() {
    let Some(path) = shared("city/citygml/citygml4j/lod4_building_v2.gml") else { return };
    let (_, kept) = read(&path, &Options::default()).unwrap();
    let house = kept.entities().find(|e| e.kind == Kind::Building).unwrap();
    let address = &house.properties["address"][0];
    assert_eq!(address["Country"], "Germany");
    assert_eq!(address["Locality"], "Eggenstein-Leopoldshafen");
    assert_eq!(
        (&address["ThoroughfareName"], &address["ThoroughfareNumber"]),
        (&json!("Hermann-von-Helmholtz-Platz"), &json!("1"))
    );
    assert_eq!(address["Postcode"], "76344");
    let east = address["location"][0][0].as_f64().unwrap();
    assert!((8.43..8.44).contains(&east), "{address}");
    let room = kept.entities().find(|e| e.class == "BuildingRoom").unwrap();
    assert_eq!(room.parent.as_ref(), Some(&house.source));
    let id = &*house.source.id;
    assert_eq!(&*room.source.id, format!("{id}/BuildingRoom/1"), "a room without an id is named by where it stands");
    let furniture = kept.entities().find(|e| e.kind == Kind::Furniture).unwrap();
    assert_eq!((furniture.parent.as_ref(), faces(furniture).len()), (Some(&room.source), 956));
    let sorts: Vec<&str> =
        house.properties["surfaces"].as_array().unwrap().iter().filter_map(|run| run[0].as_str()).collect();
    for sort in ["GroundSurface", "WallSurface", "RoofSurface", "Window", "Door"] {
        assert!(sorts.contains(&sort), "{sort}: {sorts:?}");
    }
}

#[test]
fn attributes_of_an_ade_are_left_out_and_counted() {
    let Some(path) = shared("city/citygml/citygml4j/lod2_test_ade_v2.gml") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.left_out["test:ownerName"], summary.left_out["test:OtherConstruction"]), (1, 1));
    assert!(kept.entities().all(|e| e.properties.keys().all(|key| !key.contains("owner"))));
}

#[test]
fn generic_attributes_of_all_types_are_kept_with_their_units() {
    let two = r#"<gen:stringAttribute name="s"><gen:value>a &amp; b</gen:value></gen:stringAttribute>
        <gen:intAttribute name="i"><gen:value>7</gen:value></gen:intAttribute>
        <gen:doubleAttribute name="d"><gen:value>1.5</gen:value></gen:doubleAttribute>
        <gen:dateAttribute name="t"><gen:value>2020-01-02</gen:value></gen:dateAttribute>
        <gen:uriAttribute name="u"><gen:value>http://x</gen:value></gen:uriAttribute>
        <gen:measureAttribute name="m"><gen:value uom="kWh/a">12</gen:value></gen:measureAttribute>
        <gen:genericAttributeSet name="set"><gen:intAttribute name="i"><gen:value>9</gen:value></gen:intAttribute></gen:genericAttributeSet>
        <gen:intAttribute name="odd"><gen:value>many</gen:value></gen:intAttribute>
        <gen:stringAttribute name="measuredHeight"><gen:value>high</gen:value></gen:stringAttribute>
        <bldg:measuredHeight uom="ft">30</bldg:measuredHeight>"#;
    let kept = taken(&model(&member(&format!(r#"<bldg:Building gml:id="b">{two}</bldg:Building>"#))));
    let told = |key: &str| kept.entity("b").properties[key].clone();
    assert_eq!((told("s"), told("i"), told("d")), (json!("a & b"), json!(7), json!(1.5)));
    assert_eq!((told("t"), told("u"), told("set.i")), (json!("2020-01-02"), json!("http://x"), json!(9)));
    assert_eq!((told("m"), told("odd")), (json!({ "value": 12.0, "uom": "kWh/a" }), json!("many")));
    assert!(!kept.entity("b").properties.contains_key("height_m"), "feet are no metres");
    let three = r#"<genericAttribute><gen:StringAttribute><gen:name>s</gen:name><gen:value>x</gen:value></gen:StringAttribute></genericAttribute>
        <genericAttribute><gen:MeasureAttribute><gen:name>m</gen:name><gen:value uom="m2">3</gen:value></gen:MeasureAttribute></genericAttribute>
        <genericAttribute><gen:GenericAttributeSet><gen:name>set</gen:name><gen:genericAttribute><gen:CodeAttribute><gen:name>c</gen:name><gen:value codeSpace="l.xml">4</gen:value></gen:CodeAttribute></gen:genericAttribute></gen:GenericAttributeSet></genericAttribute>
        <con:height><con:Height><con:status>measured</con:status><con:value uom="m">12.5</con:value></con:Height></con:height>"#;
    let kept =
        taken(&envelope(NAMESPACES_3, UTM, &member(&format!(r#"<bldg:Building gml:id="b">{three}</bldg:Building>"#))));
    let told = |key: &str| kept.entity("b").properties[key].clone();
    assert_eq!((told("s"), told("m"), told("set.c")), (json!("x"), json!({ "value": 3.0, "uom": "m2" }), json!("4")));
    assert_eq!((told("height_m"), told("height")), (json!(12.5), json!([{ "status": "measured", "value": 12.5 }])));
}

#[test]
fn roads_trees_land_and_groups_are_things() {
    let area = format!(
        "<tran:TrafficArea><tran:lod2MultiSurface>{}</tran:lod2MultiSurface></tran:TrafficArea>",
        surfaces(&triangle("", 500_000))
    );
    let three = format!(
        r#"<tran:Road gml:id="r"><tran:trafficSpace><tran:TrafficSpace><boundary><tran:TrafficArea><lod2MultiSurface>{}</lod2MultiSurface></tran:TrafficArea></boundary></tran:TrafficSpace></tran:trafficSpace></tran:Road>"#,
        surfaces(&triangle("", 500_000))
    );
    let members = [
        format!(r#"<tran:Road gml:id="r"><tran:trafficArea>{area}</tran:trafficArea></tran:Road>"#),
        r#"<veg:SolitaryVegetationObject gml:id="t"><veg:height uom="m">8</veg:height><veg:lod1Geometry><gml:Point><gml:pos>500000 5700000 3</gml:pos></gml:Point></veg:lod1Geometry></veg:SolitaryVegetationObject>"#.to_owned(),
        r##"<grp:CityObjectGroup gml:id="g"><grp:groupMember xlink:href="#r"/><grp:groupMember xlink:href="#t"/></grp:CityObjectGroup>"##.to_owned(),
        format!(r#"<gen:GenericCityObject gml:id="o"><gen:lod1Geometry>{}</gen:lod1Geometry></gen:GenericCityObject>"#, surfaces(&triangle("", 500_000))),
        r#"<dem:ReliefFeature gml:id="f"><dem:lod>2</dem:lod><dem:reliefComponent><dem:MassPointRelief gml:id="p"><dem:lod>2</dem:lod><dem:reliefPoints><gml:MultiPoint><gml:pointMembers><gml:Point><gml:pos>500000 5700000 3</gml:pos></gml:Point><gml:Point><gml:pos>500001 5700000 4</gml:pos></gml:Point></gml:pointMembers></gml:MultiPoint></dem:reliefPoints></dem:MassPointRelief></dem:reliefComponent></dem:ReliefFeature>"#.to_owned(),
    ];
    let kept = taken(&model(&members.iter().map(|m| member(m)).collect::<String>()));
    assert_eq!(kept.reasons(), Vec::<&str>::new());
    let road = kept.entity("r");
    assert_eq!((road.kind, &road.properties["surfaces"]), (Kind::Road, &json!([["TrafficArea", 1]])));
    let tree = kept.entity("t");
    assert!(matches!(tree.geometry.as_ref().unwrap().shape, Shape::MultiPoint(_)) && tree.kind == Kind::Vegetation);
    assert_eq!(kept.entity("g").properties["members"], json!(["r", "t"]));
    assert_eq!(kept.entity("o").class, "+GenericCityObject");
    let points = kept.entity("p");
    assert_eq!(
        (points.kind, points.parent.as_ref(), &points.properties["lod"]),
        (Kind::Terrain, Some(&kept.entity("f").source), &json!("2"))
    );
    let kept = taken(&envelope(NAMESPACES_3, UTM, &member(&three)));
    assert_eq!(kept.entity("r").geometry, road.geometry, "3.0 has the same road");
    assert_eq!(kept.entity("r").properties["surfaces"], json!([["TrafficArea", 1]]));
}

#[test]
fn a_shape_used_many_times_is_put_in_its_place_or_kept_by_its_anchor() {
    let implicit = |inside: &str| {
        format!(
            "<veg:lod2ImplicitRepresentation><ImplicitGeometry><transformationMatrix>2 0 0 10 0 2 0 20 0 0 2 0 0 0 0 1</transformationMatrix>{inside}<referencePoint><gml:Point><gml:pos>500000 5700000 5</gml:pos></gml:Point></referencePoint></ImplicitGeometry></veg:lod2ImplicitRepresentation>"
        )
    };
    let tree = |id: &str, inside: &str| {
        member(&format!(
            r#"<veg:SolitaryVegetationObject gml:id="{id}">{}</veg:SolitaryVegetationObject>"#,
            implicit(inside)
        ))
    };
    let crown = "<gml:Polygon gml:id=\"crown\"><gml:exterior><gml:LinearRing><gml:posList>0 0 0 1 0 0 0 0 4 0 0 0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>";
    let members = [
        tree("library", "<mimeType>model/gltf</mimeType><libraryObject>oak.gltf</libraryObject>"),
        tree("own", &format!("<relativeGMLGeometry>{crown}</relativeGMLGeometry>")),
        tree("other", r##"<relativeGMLGeometry xlink:href="#crown"/>"##),
    ];
    let kept = taken(&model(&members.concat()));
    assert_eq!(kept.reasons(), Vec::<&str>::new());
    let own = faces(kept.entity("own"));
    assert!((own[0][0][2].height_m - 13.0).abs() < 1e-9, "twice four above five: {own:?}");
    let Shape::MultiPoint(anchor) = &kept.entity("library").geometry.as_ref().unwrap().shape else { panic!("a point") };
    assert_eq!((anchor[0].lon_deg, anchor[0].lat_deg), (own[0][0][0].lon_deg, own[0][0][0].lat_deg));
    let note = &kept.entity("library").properties["implicit_geometry"][0];
    assert_eq!((&note["library_object"], &note["transformation_matrix"][3]), (&json!("oak.gltf"), &json!(10.0)));
    assert_eq!(kept.entity("other").properties["implicit_geometry"][0]["shape"], "crown");
}

#[test]
fn links_are_followed_inside_an_object_and_across_objects() {
    let of = |id: &str, inside: &str| {
        member(&format!(
            r#"<bldg:Building gml:id="{id}"><bldg:lod2MultiSurface>{inside}</bldg:lod2MultiSurface></bldg:Building>"#
        ))
    };
    let link = |to: &str| format!(r#"<gml:MultiSurface><gml:surfaceMember xlink:href="{to}"/></gml:MultiSurface>"#);
    let turned = r##"<gml:MultiSurface><gml:surfaceMember><gml:OrientableSurface orientation="-"><gml:baseSurface xlink:href="#wall"/></gml:OrientableSurface></gml:surfaceMember></gml:MultiSurface>"##;
    let text = model(
        &[
            of("early", &link("#wall")),
            of("owner", &surfaces(&triangle("wall", 500_000))),
            of("back", turned),
            of("lost", &link("#nothing")),
            of("far", &link("other.gml#wall")),
        ]
        .concat(),
    );
    let kept = taken(&text);
    let (early, owner) = (kept.entity("early"), kept.entity("owner"));
    assert_eq!((&early.geometry, &early.lineage), (&owner.geometry, &owner.lineage));
    assert_eq!(early.height_reference, HeightReference::Vertical("EPSG:5783".to_owned()));
    let mut back = faces(kept.entity("back"))[0][0].clone();
    back.reverse();
    assert_eq!(back, faces(kept.entity("owner"))[0][0]);
    assert_eq!(
        kept.reasons(),
        [
            "its geometry is in another file: `other.gml#wall`",
            "its geometry points at `#nothing`, which is no surface of the file"
        ]
    );
    let circle = r##"<gml:CompositeSurface gml:id="a"><gml:surfaceMember xlink:href="#a"/><gml:surfaceMember xlink:href="#a"/></gml:CompositeSurface>"##;
    assert!(taken(&model(&of("circle", circle))).reasons()[0].contains("go in a circle"));
    let twice = |at: u32| {
        format!(
            r##"<gml:CompositeSurface gml:id="s{at}"><gml:surfaceMember xlink:href="#s{0}"/><gml:surfaceMember xlink:href="#s{0}"/></gml:CompositeSurface>"##,
            at + 1
        )
    };
    let laughs: Vec<String> =
        (0..60).map(|at| format!("<gml:surfaceMember>{}</gml:surfaceMember>", twice(at))).collect();
    let laughs = laughs.concat();
    let laughs = format!(
        "<gml:MultiSurface>{laughs}<gml:surfaceMember>{}</gml:surfaceMember></gml:MultiSurface>",
        triangle("s60", 500_000)
    );
    assert!(taken(&model(&of("laughs", &laughs))).reasons()[0].contains("multiply without end"));
}

#[test]
fn the_nearest_reference_system_counts() {
    let house = |id: &str, srs: &str, east: u32| {
        let inside = surfaces(&triangle("", east)).replace("<gml:MultiSurface>", &format!("<gml:MultiSurface{srs}>"));
        member(&format!(
            r#"<bldg:Building gml:id="{id}"><bldg:lod2MultiSurface>{inside}</bldg:lod2MultiSurface></bldg:Building>"#
        ))
    };
    let text = model(
        &[
            house("model", "", 500_000),
            house("own", r#" srsName="EPSG:25833""#, 500_000),
            house("bad", r#" srsName="EPSG:99999""#, 1),
        ]
        .concat(),
    );
    let (summary, kept) = read_bytes("m.gml", text.as_bytes(), &Options::default()).unwrap();
    let lon = |id: &str| faces(kept.entity(id))[0][0][0].lon_deg;
    assert!((lon("model") - 9.0).abs() < 1e-6 && (lon("own") - 15.0).abs() < 1e-6, "{} {}", lon("model"), lon("own"));
    assert!(kept.reasons()[0].contains("EPSG:99999 is not known here"), "{:?}", kept.reasons());
    assert_eq!(summary.crs, "EPSG:25832+5783, EPSG:25833");
    assert!(
        kept.entity("own").lineage.starts_with("EPSG:25833 ->")
            && kept.entity("own").height_reference == HeightReference::Unknown
    );
    let mixed = surfaces(&triangle("", 500_000)).replace(
        "</gml:MultiSurface>",
        &format!(
            "<gml:surfaceMember>{}</gml:surfaceMember></gml:MultiSurface>",
            triangle("", 500_000).replace("<gml:Polygon", r#"<gml:Polygon srsName="EPSG:25833""#)
        ),
    );
    let mixed = taken(&model(&member(&format!(
        r#"<bldg:Building gml:id="b"><bldg:lod2MultiSurface>{mixed}</bldg:lod2MultiSurface></bldg:Building>"#
    ))));
    assert_eq!(mixed.reasons(), ["its geometries are in more than one reference system"]);
    let nowhere = text
        .replace(&format!(r#" srsName="{UTM}""#), "")
        .replace(r#" srsName="EPSG:25833""#, "")
        .replace(r#" srsName="EPSG:99999""#, "");
    assert!(matches!(read_bytes("m.gml", nowhere.as_bytes(), &Options::default()), Err(Error::NoCrs { .. })));
    let (_, kept) = read_bytes("m.gml", nowhere.as_bytes(), &with_crs("EPSG:25832")).unwrap();
    assert_eq!(kept.entity("model").height_reference, HeightReference::Unknown);
    let unclear = read_bytes(
        "m.gml",
        text.replace(UTM, "EPSG:4326").replace("EPSG:25833", "EPSG:4326").replace("EPSG:99999", "EPSG:4326").as_bytes(),
        &Options::default(),
    );
    assert!(
        one_line(&unclear.unwrap_err())
            .contains("does not tell whether latitude or longitude comes first; pass urn:ogc:def:crs:EPSG::4326")
    );
}

#[test]
fn a_footprint_of_two_numbers_a_vertex_has_no_height() {
    let flat = r#"<bldg:lod0FootPrint><gml:MultiSurface srsDimension="2"><gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>500000 5700000 500004 5700000 500004 5700004 500000 5700000</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod0FootPrint>"#;
    let edge = format!("<bldg:lod0RoofEdge>{}</bldg:lod0RoofEdge>", surfaces(&triangle("", 500_000)));
    let kept = taken(&model(&member(&format!(r#"<bldg:Building gml:id="b">{edge}{flat}</bldg:Building>"#))));
    let house = kept.entity("b");
    assert_eq!((house.geometry.as_ref().unwrap().has_height, faces(house).len()), (false, 1));
    assert_eq!((&house.height_reference, &house.properties["lod"]), (&HeightReference::None, &json!("0")));
}
