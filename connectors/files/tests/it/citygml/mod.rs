//! CityGML: real files against what an XML reader finds in them, and files made by hand with what stands here.

mod faults;
mod textures;
mod things;

use connectors_files::Options;
use kernel_model::{Coord, EntityDraft, Shape};

use crate::support::{Kept, read_bytes};

pub(super) const NAMESPACES: &str = r#"xmlns="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:tran="http://www.opengis.net/citygml/transportation/2.0" xmlns:veg="http://www.opengis.net/citygml/vegetation/2.0" xmlns:gen="http://www.opengis.net/citygml/generics/2.0" xmlns:grp="http://www.opengis.net/citygml/cityobjectgroup/2.0" xmlns:dem="http://www.opengis.net/citygml/relief/2.0" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ade="urn:ade""#;
pub(super) const NAMESPACES_3: &str = r#"xmlns="http://www.opengis.net/citygml/3.0" xmlns:bldg="http://www.opengis.net/citygml/building/3.0" xmlns:con="http://www.opengis.net/citygml/construction/3.0" xmlns:tran="http://www.opengis.net/citygml/transportation/3.0" xmlns:gen="http://www.opengis.net/citygml/generics/3.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:xlink="http://www.w3.org/1999/xlink""#;
pub(super) const UTM: &str = "urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783";

/// A model in UTM 32 with these members.
pub(super) fn model(members: &str) -> String {
    envelope(NAMESPACES, UTM, members)
}

pub(super) fn envelope(namespaces: &str, srs_name: &str, members: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><CityModel {namespaces}><gml:boundedBy><gml:Envelope srsName="{srs_name}" srsDimension="3"><gml:lowerCorner>0 0 0</gml:lowerCorner></gml:Envelope></gml:boundedBy>{members}</CityModel>"#
    )
}

pub(super) fn member(object: &str) -> String {
    format!("<cityObjectMember>{object}</cityObjectMember>")
}

/// A triangle at this easting, three metres high.
pub(super) fn triangle(id: &str, east: u32) -> String {
    let id = if id.is_empty() { String::new() } else { format!(r#" gml:id="{id}""#) };
    format!(
        "<gml:Polygon{id}><gml:exterior><gml:LinearRing><gml:posList>{east} 5700000 1 {east} 5700004 1 {east} 5700000 3 {east} 5700000 1</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
    )
}

pub(super) fn surfaces(members: &str) -> String {
    format!("<gml:MultiSurface><gml:surfaceMember>{members}</gml:surfaceMember></gml:MultiSurface>")
}

pub(super) fn taken(text: &str) -> Kept {
    read_bytes("model.gml", text.as_bytes(), &Options::default()).unwrap().1
}

pub(super) fn faces(entity: &EntityDraft) -> &[Vec<Vec<Coord>>] {
    match entity.geometry.as_ref().map(|g| &g.shape) {
        Some(Shape::MultiPolygon(faces)) => faces,
        other => panic!("{other:?}"),
    }
}
