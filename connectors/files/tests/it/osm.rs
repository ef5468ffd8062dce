use std::fmt::Write as _;

use connectors_files::{Error, Format, Options};
use kernel_model::{Kind, Shape};

use crate::support::{Kept, one_line, read, read_bytes, shared, with_crs};

/// Entities and refusals whose id begins so, of ways with the tag.
fn ways_with(kept: &Kept, key: &str) -> usize {
    let taken = kept.entities().filter(|e| e.source.id.starts_with("way/") && e.properties.contains_key(key)).count();
    let tag = format!("{key}=");
    let refused = kept.refused.iter().filter(|r| r.place.starts_with("way/") && r.sample.starts_with(&tag)).count();
    taken + refused
}

#[test]
fn helsinki_keeps_what_its_nodes_allow() {
    let Some(path) = shared("osm/helsinki-centre.osm.pbf") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str()), (Format::OsmPbf, "helsinki-centre"));
    // Counted with pyosmium.
    assert_eq!(ways_with(&kept, "building"), 433);
    assert_eq!(ways_with(&kept, "highway"), 2650);
    let clipped = kept.entities().filter(|e| e.properties.contains_key("clipped")).count();
    assert!(clipped > 0, "421 ways name nodes that are not in the file");
    for entity in kept.entities() {
        let geometry = entity.geometry.as_ref().unwrap();
        assert!(!geometry.has_height);
        // A way may leave the extract's box; its nodes stay in the city.
        let region = geometry.region();
        assert!(region.west > 24.8 && region.east < 25.1 && region.south > 60.1 && region.north < 60.25, "{region:?}");
    }
    for refusal in &kept.refused {
        let named = ["not in the file", "not close to rings", "no closed ring", "no outer ring", "lies in no outer"];
        assert!(named.iter().any(|n| refusal.reason.contains(n)), "{refusal:?}");
    }
}

#[test]
fn finland_has_its_buildings() {
    let Some(path) = shared("osm/finland-rural.osm.pbf") else { return };
    let (_, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!(ways_with(&kept, "building"), 2219);
    assert_eq!(ways_with(&kept, "highway"), 343);
    let houses = kept.entities().filter(|e| e.kind == Kind::Building);
    for house in houses {
        let Shape::Polygon(rings) = &house.geometry.as_ref().unwrap().shape else { continue };
        assert!(rings[0].len() >= 4 && rings[0].first() == rings[0].last());
    }
    let road = kept.entities().find(|e| e.kind == Kind::Road && e.name.is_some()).unwrap();
    assert_eq!(road.properties["highway"], serde_json::json!(road.class));
    assert!(road.properties["osm_timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn the_frame_is_not_for_the_caller_to_say() {
    let Some(path) = shared("osm/finland-rural.osm.pbf") else { return };
    assert!(one_line(&read(&path, &with_crs("EPSG:3067")).unwrap_err()).contains("always WGS 84"));
}

#[test]
fn cut_and_changed_files_are_refused() {
    let Some(path) = shared("osm/finland-rural.osm.pbf") else { return };
    let bytes = std::fs::read(path).unwrap();
    for cut in [bytes.len() - 1, bytes.len() / 2, 200, 100] {
        let error = read_bytes("cut.osm.pbf", &bytes[..cut], &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{cut}: {error}");
    }
    for at in (150..bytes.len()).step_by(bytes.len() / 10) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        let error = read_bytes("changed.osm.pbf", &changed, &Options::default()).unwrap_err();
        one_line(&error);
    }
}

/// The XML of a PBF file, by the decoding library alone.
fn as_xml(path: &std::path::Path) -> String {
    let escaped =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\n', "&#10;");
    let time = |ms: Option<i64>| {
        let time = ms.map(|ms| kernel_model::TimeUs(ms * 1000).to_string());
        time.map_or_else(String::new, |t| format!(" timestamp=\"{t}\""))
    };
    let degrees =
        |e7: i32| format!("{}{}.{:07}", if e7 < 0 { "-" } else { "" }, e7.abs() / 10_000_000, e7.abs() % 10_000_000);
    let mut xml = String::from("<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\">\n");
    let tags = |xml: &mut String, pairs: Vec<(&str, &str)>| {
        for (k, v) in pairs {
            writeln!(xml, "<tag k=\"{}\" v=\"{}\"/>", escaped(k), escaped(v)).unwrap();
        }
    };
    let node = |xml: &mut String, id: i64, lon: i32, lat: i32, at: String, pairs: Vec<(&str, &str)>| {
        write!(xml, "<node id=\"{id}\" lat=\"{}\" lon=\"{}\"{at}", degrees(lat), degrees(lon)).unwrap();
        if pairs.is_empty() {
            xml.push_str("/>");
        } else {
            xml.push('>');
            tags(xml, pairs);
            xml.push_str("</node>");
        }
    };
    let reader = osmpbf::ElementReader::from_path(path).unwrap();
    reader
        .for_each(|element| match element {
            osmpbf::Element::Node(n) => {
                node(
                    &mut xml,
                    n.id(),
                    n.decimicro_lon(),
                    n.decimicro_lat(),
                    time(n.info().milli_timestamp()),
                    n.tags().collect(),
                );
            }
            osmpbf::Element::DenseNode(n) => {
                let at = time(n.info().map(osmpbf::DenseNodeInfo::milli_timestamp));
                node(&mut xml, n.id(), n.decimicro_lon(), n.decimicro_lat(), at, n.tags().collect());
            }
            osmpbf::Element::Way(w) => {
                write!(xml, "<way id=\"{}\"{}>", w.id(), time(w.info().milli_timestamp())).unwrap();
                w.refs().for_each(|r| write!(xml, "<nd ref=\"{r}\"/>").unwrap());
                tags(&mut xml, w.tags().collect());
                xml.push_str("</way>\n");
            }
            osmpbf::Element::Relation(r) => {
                write!(xml, "<relation id=\"{}\"{}>", r.id(), time(r.info().milli_timestamp())).unwrap();
                for m in r.members() {
                    let kind = format!("{:?}", m.member_type).to_lowercase();
                    write!(
                        xml,
                        "<member type=\"{kind}\" ref=\"{}\" role=\"{}\"/>",
                        m.member_id,
                        escaped(m.role().unwrap())
                    )
                    .unwrap();
                }
                tags(&mut xml, r.tags().collect());
                xml.push_str("</relation>\n");
            }
        })
        .unwrap();
    xml + "</osm>\n"
}

#[test]
fn xml_and_pbf_of_one_extract_are_the_same_things() {
    for name in ["finland-rural", "helsinki-centre"] {
        let Some(path) = shared(&format!("osm/{name}.osm.pbf")) else { return };
        let (_, pbf) = read(&path, &Options::default()).unwrap();
        let (summary, xml) = read_bytes(&format!("{name}.osm"), as_xml(&path).as_bytes(), &Options::default()).unwrap();
        assert_eq!((summary.format, summary.dataset.as_str()), (Format::OsmXml, name));
        assert_eq!(pbf.entities().count(), xml.entities().count());
        for (a, b) in pbf.entities().zip(xml.entities()) {
            assert_eq!(a, b);
        }
        assert_eq!(pbf.refused.len(), xml.refused.len());
    }
}

#[test]
fn berlin_is_read_from_xml_in_gzip() {
    let Some(path) = shared("osm/berlin-siegessaeule.osm.gz") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str()), (Format::OsmXml, "berlin-siegessaeule"));
    let tree = kept.entity("node/21487172");
    assert_eq!((tree.kind, tree.class.as_str()), (Kind::Vegetation, "tree"));
    assert_eq!(tree.properties["osm_timestamp"], "2016-07-27T16:07:43Z");
    let stop = kept.entity("node/26703050");
    assert_eq!(stop.name.as_deref(), Some("Großer Stern"));
}

#[test]
fn broken_xml_is_refused() {
    let whole = "<osm version='0.6'><node id='1' lat='1.5' lon='2.5'><tag k='natural' v='tree'/></node></osm>";
    assert_eq!(read_bytes("a.osm", whole.as_bytes(), &Options::default()).unwrap().1.entities().count(), 1);
    for cut in 1..whole.len() {
        assert!(read_bytes("a.osm", &whole.as_bytes()[..cut], &Options::default()).is_err(), "{cut}");
    }
    let long = format!("<osm version='0.6'><node id='1' lat='1' lon='{}'/></osm>", "1".repeat(3 << 20));
    for (text, said) in [
        (whole.replace("<osm ", "<osmChange "), "file of changes"),
        (whole.replace("id='1'", "id='one'"), "no id"),
        (whole.replace("v='tree'", "v='&tree;'"), "tree"),
        (long, "longer than 1 MiB"),
        (format!("<osm>{}", "<a>".repeat(50)), "nested too deep"),
    ] {
        let error = one_line(&read_bytes("a.osm", text.as_bytes(), &Options::default()).unwrap_err());
        assert!(error.contains(said), "{error}");
    }
    let deleted = whole.replace("<node ", "<node visible='false' ");
    assert_eq!(read_bytes("a.osm", deleted.as_bytes(), &Options::default()).unwrap().1.entities().count(), 0);
}
