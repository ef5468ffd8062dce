//! What is refused: an object for itself, a file as a whole; and that no input makes the reader panic.

use connectors_files::{Error, Options};
use proptest::prelude::*;

use super::{member, model, surfaces, taken, triangle};
use crate::support::{one_line, read_bytes, shared};

#[test]
fn a_bad_object_is_refused_and_its_neighbours_go_in() {
    let good = |id: &str| {
        member(&format!(
            r#"<bldg:Building gml:id="{id}"><bldg:lod2MultiSurface>{}</bldg:lod2MultiSurface></bldg:Building>"#,
            surfaces(&triangle("", 500_000))
        ))
    };
    let with = |from: &str, to: &str| good("bad").replace(from, to);
    for (bad, reason) in [
        (with("5700004 1", "5700004"), "not 3 numbers a vertex"),
        (with("5700004", "north"), "`north` in its coordinates is no number"),
        (with("5700004", "1e400"), "is no number"),
        (with("gml:Polygon", "gml:Sphere"), "geometry `Sphere` is not read"),
        (with("gml:LinearRing", "gml:Arc"), "`Arc` is no line of straight pieces"),
        (with(" 500000 5700004 1", ""), "no face of three vertices"),
        (with("5700000", "5e12"), "do not fit EPSG:25832"),
        (with("bldg:Building", "bldg:Castle"), "`bldg:Castle` is no city object that is read"),
        (r#"<cityObjectMember xlink:href="b.gml#x"/>"#.to_owned(), "give that file"),
    ] {
        let kept = taken(&model(&[good("one"), bad, good("two")].concat()));
        assert_eq!(kept.entities().count(), 2, "{reason}");
        assert_eq!(kept.refused.len(), 1, "{reason}: {:?}", kept.refused);
        assert!(kept.refused[0].reason.contains(reason), "{reason}: {}", kept.refused[0].reason);
    }
    let kept = taken(&model(&member(&with("</bldg:Building>", r#"<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="part"/></bldg:consistsOfBuildingPart></bldg:Building>"#).replace("gml:Polygon", "gml:Sphere").replace("<cityObjectMember>", "").replace("</cityObjectMember>", ""))));
    assert_eq!(kept.entity("part").properties["parent_missing"], "bad");
}

#[test]
fn objects_inside_objects_are_read_as_deep_as_elements_nest() {
    let mut parts = String::new();
    for at in 0..95 {
        parts = format!(
            r#"<bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="p{at}">{parts}</bldg:BuildingPart></bldg:consistsOfBuildingPart>"#
        );
    }
    let kept = taken(&model(&member(&format!(r#"<bldg:Building gml:id="b">{parts}</bldg:Building>"#))));
    assert_eq!(kept.entities().count(), 96);
    assert_eq!(kept.entity("p0").parent.as_ref(), Some(&kept.entity("p1").source));
    let nested = format!("{}x{}", "<bldg:A>".repeat(190), "</bldg:A>".repeat(190));
    let kept = taken(&model(&member(&format!(r#"<bldg:Building gml:id="b">{nested}</bldg:Building>"#))));
    assert!(kept.entity("b").properties.contains_key("A"));
}

#[test]
fn what_is_no_plain_xml_is_refused_whole() {
    let text = model("");
    let bomb = text.replace("<CityModel", "<!DOCTYPE x [<!ENTITY a \"&b;&b;\"><!ENTITY b \"boom\">]><CityModel");
    let error = read_bytes("bomb.gml", bomb.as_bytes(), &Options::default()).unwrap_err();
    assert!(one_line(&error).contains("it has a DTD, which is not read"));
    let deep = model(&format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)));
    let error = read_bytes("deep.gml", deep.as_bytes(), &Options::default()).unwrap_err();
    assert!(one_line(&error).contains("nest deeper than 200"));
    let latin = text.replace("UTF-8", "ISO-8859-1");
    assert!(
        one_line(&read_bytes("l.gml", latin.as_bytes(), &Options::default()).unwrap_err())
            .contains("convert it to UTF-8")
    );
}

/// A small model with a bit of everything.
fn village() -> String {
    let house = format!(
        r##"<bldg:Building gml:id="b"><gml:name>Haus &amp; Hof</gml:name><bldg:function codeSpace="f.xml">1000</bldg:function><bldg:measuredHeight uom="m">3</bldg:measuredHeight><bldg:boundedBy><bldg:WallSurface><bldg:lod2MultiSurface>{}</bldg:lod2MultiSurface></bldg:WallSurface></bldg:boundedBy><bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface><gml:surfaceMember xlink:href="#w"/></gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid><bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id="p"><gen:intAttribute name="n"><gen:value>1</gen:value></gen:intAttribute></bldg:BuildingPart></bldg:consistsOfBuildingPart></bldg:Building>"##,
        surfaces(&triangle("w", 500_000))
    );
    model(&member(&house))
}

#[test]
fn cut_at_any_byte_it_is_refused_whole() {
    let text = village();
    assert_eq!(taken(&text).entities().count(), 2);
    for cut in 0..text.len() {
        let error = read_bytes("cut.gml", &text.as_bytes()[..cut], &Options::default()).unwrap_err();
        one_line(&error);
    }
    let Some(path) = shared("city/citygml/citygml4j/lod2_buildings_v3.gml") else { return };
    let bytes = std::fs::read(path).unwrap();
    let error = read_bytes("cut.gml", &bytes[..bytes.len() / 2], &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_of_bytes_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = village().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Err(error) = read_bytes("village.gml", &bytes, &Options::default()) {
            one_line(&error);
        }
    }

    #[test]
    fn no_piece_put_elsewhere_makes_it_panic(from in any::<prop::sample::Index>(), length in 1_usize..200, to in any::<prop::sample::Index>()) {
        let mut bytes = village().into_bytes();
        let from = from.index(bytes.len());
        let piece = bytes[from..bytes.len().min(from + length)].to_vec();
        let to = to.index(bytes.len());
        bytes.splice(to..to, piece);
        if let Err(error) = read_bytes("village.gml", &bytes, &Options::default()) {
            one_line(&error);
        }
    }
}
