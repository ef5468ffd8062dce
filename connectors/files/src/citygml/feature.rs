//! One city object's element into what it says: its attributes, the elements of its geometries by level of detail, its
//! surfaces, and the objects inside it. No geometry is read here. What an ADE adds is left out and counted by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::tree::{Element, Space};
use super::types::{Role, role};
use super::values;

/// What is left out of a file, by name, and how often.
pub(super) type LeftOut = BTreeMap<String, u64>;

/// Values of `status` of a height (CityGML 3.0, construction, `HeightStatusValue`).
const HEIGHT_STATUS: [&str; 2] = ["measured", "estimated"];

/// A geometry of an object or of one of its surfaces.
#[derive(Debug, Clone)]
pub(super) struct Stated<'t> {
    /// 0 to 4; `None`: the relief's own.
    pub(super) lod: Option<u8>,
    /// The GML geometry, or the implicit one.
    pub(super) element: Element<'t>,
    pub(super) surface: Option<Arc<str>>,
    /// Whether it is another view of the same thing: a roof's edge beside a footprint.
    pub(super) second: bool,
}

/// A city object and the objects inside it.
#[derive(Debug, Default)]
pub(super) struct Feature<'t> {
    pub(super) id: String,
    pub(super) object_type: &'static str,
    pub(super) attributes: Map<String, Value>,
    pub(super) addresses: Vec<Map<String, Value>>,
    /// The places of the addresses: one geometry or none for each.
    pub(super) places: Vec<Option<Element<'t>>>,
    pub(super) stated: Vec<Stated<'t>>,
    pub(super) inside: Vec<Feature<'t>>,
    pub(super) appearances: Vec<Element<'t>>,
    /// The reference system of its envelope.
    pub(super) srs_name: Option<&'t str>,
    /// Why it cannot be taken in.
    pub(super) faults: Vec<String>,
    lists: Map<String, Value>,
    heights: Vec<Element<'t>>,
    /// Put in last: where a name is the standard's too, the standard's own value has it.
    generic: Vec<Element<'t>>,
    uro: Vec<Element<'t>>,
}

/// Reads an object of this type. `unnamed` is its id where it has none.
pub(super) fn read<'t>(
    element: Element<'t>,
    object_type: &'static str,
    unnamed: &str,
    left_out: &mut LeftOut,
) -> Feature<'t> {
    let id = element.attribute("id").map(str::trim).filter(|id| !id.is_empty());
    let mut feature = Feature { id: id.unwrap_or(unnamed).to_owned(), object_type, ..Feature::default() };
    if let Some(id) = id.filter(|id| !is_xml_id(id)) {
        feature
            .faults
            .push(format!("its gml:id `{id}` is no XML id: it must begin with a letter or `_`, without spaces or `:`"));
    }
    for property in element.children() {
        feature.property(property, left_out);
    }
    feature.finish();
    feature
}

impl<'t> Feature<'t> {
    fn property(&mut self, property: Element<'t>, left_out: &mut LeftOut) {
        let local = property.local();
        match property.space() {
            Space::Uro => return self.uro.push(property),
            Space::Foreign => return count(left_out, property),
            _ => {}
        }
        if local.starts_with("adeOf") {
            return property.children().for_each(|child| count(left_out, child));
        }
        if let Some(lod) = lod_of(local) {
            return self.geometry(property, Some(lod), None);
        }
        match local {
            "tin" | "reliefPoints" | "ridgeOrValleyLines" => self.geometry(property, None, None),
            "boundedBy" if property.space() == Space::Gml => {
                self.srs_name = property.child("Envelope").and_then(|e| e.attribute("srsName"));
            }
            "address" => self.address(property),
            "externalReference" => self.reference(property),
            "groupMember" => {
                let member = property.attribute("href").map(|href| href.trim_start_matches('#'));
                if let Some(member) = member {
                    values::append(&mut self.attributes, "members", member.into());
                }
            }
            "height" => self.heights.extend(property.children()),
            "appearance" | "appearanceMember" => self.appearances.push(property),
            // Extents, and links without a value.
            "extent" | "metaDataProperty" | "generalizesTo" => {}
            local if values::is_generic(local) => self.generic.push(property),
            _ => self.other(property, left_out),
        }
    }

    /// A property with nothing special to its name: text, or objects of any sort.
    fn other(&mut self, property: Element<'t>, left_out: &mut LeftOut) {
        let mut children = property.children().peekable();
        if children.peek().is_none() {
            if let Some(value) = values::simple(property) {
                values::code_list(property, property.local(), &mut self.lists);
                values::add(&mut self.attributes, property.local(), value);
            }
            return;
        }
        let of_surface = matches!(property.local(), "boundedBy" | "boundary" | "fillingSurface" | "opening");
        for child in children {
            match (role(child.local()), child.space()) {
                (Role::Object(object_type), Space::City) => {
                    let ordinal = self.inside.iter().filter(|f| f.object_type == object_type).count() + 1;
                    let unnamed = format!("{}/{}/{ordinal}", self.id, object_type.trim_start_matches('+'));
                    self.inside.push(read(child, object_type, &unnamed, left_out));
                }
                (Role::Surface(sort), Space::City) => self.surface(child, sort),
                (Role::Space, Space::City) => child.children().for_each(|p| self.space(p, left_out)),
                (Role::LeftOut, Space::City) => count(left_out, child),
                // An ADE's own sort of surface stands where a surface of the standard may.
                (_, space) if of_surface && space != Space::Gml => self.surface(child, &format!("+{}", child.local())),
                (_, Space::Foreign) => count(left_out, child),
                _ => {
                    values::add(&mut self.attributes, property.local(), values::structure(property));
                    break;
                }
            }
        }
    }

    /// A property of a space inside the object: of it only surfaces and objects are taken.
    fn space(&mut self, property: Element<'t>, left_out: &mut LeftOut) {
        for child in property.children() {
            match (role(child.local()), child.space()) {
                (Role::Surface(sort), Space::City) => self.surface(child, sort),
                (Role::Space, Space::City) => child.children().for_each(|p| self.space(p, left_out)),
                (_, Space::Foreign) => count(left_out, child),
                _ => {}
            }
        }
    }

    fn surface(&mut self, surface: Element<'t>, sort: &str) {
        let name: Arc<str> = sort.into();
        for property in surface.children() {
            if let Some(lod) = lod_of(property.local()) {
                self.geometry(property, Some(lod), Some(&name));
            } else if matches!(property.local(), "opening" | "fillingSurface" | "boundary") {
                for child in property.children() {
                    if let Role::Surface(sort) = role(child.local()) {
                        self.surface(child, sort);
                    }
                }
            }
        }
    }

    fn geometry(&mut self, property: Element<'t>, lod: Option<u8>, surface: Option<&Arc<str>>) {
        if property.local().contains("TerrainIntersection") {
            return;
        }
        let second = property.local().ends_with("RoofEdge");
        // A property may point at its geometry instead of holding it.
        let inside = property.children().filter(|c| !matches!(c.local(), "metaDataProperty"));
        let pointing = property.attribute("href").map(|_| property);
        self.stated.extend(inside.chain(pointing).map(|element| Stated {
            lod,
            element,
            surface: surface.cloned(),
            second,
        }));
    }

    fn address(&mut self, property: Element<'t>) {
        let Some(address) = property.child("Address") else { return };
        let fields = values::address(address);
        if !fields.is_empty() {
            self.addresses.push(fields);
            self.places.push(address.child("multiPoint").and_then(|p| p.children().next()));
        }
    }

    fn reference(&mut self, property: Element<'t>) {
        let mut reference = Map::new();
        let of_two = property.child("ExternalReference").unwrap_or(property);
        for field in of_two.children() {
            match field.children().next() {
                Some(name) => values::add(&mut reference, name.local(), name.text().into()),
                None => values::add(&mut reference, field.local(), field.text().into()),
            }
        }
        values::append(&mut self.attributes, "externalReference", reference.into());
    }

    fn finish(&mut self) {
        for height in std::mem::take(&mut self.heights) {
            let value = height.child("value").and_then(values::simple);
            let status = height.child("status").map(|s| s.text()).unwrap_or_default();
            if !HEIGHT_STATUS.contains(&status) {
                let [one, other] = HEIGHT_STATUS;
                self.faults.push(format!("the status of its height is `{status}`, neither {one} nor {other}"));
            }
            // CityJSON has one height; the first that is told of the whole building's is taken.
            if let Some(value) = value.filter(|_| !self.attributes.contains_key("measuredHeight")) {
                self.attributes.insert("measuredHeight".to_owned(), value);
            }
            values::append(&mut self.attributes, "height", values::structure(height));
        }
        for attribute in std::mem::take(&mut self.generic) {
            values::generic(attribute, "", &mut self.attributes);
        }
        let uro = std::mem::take(&mut self.uro);
        values::uro(&uro, &mut self.attributes, &mut self.lists);
        if !self.lists.is_empty() {
            self.attributes.insert("code_lists".to_owned(), std::mem::take(&mut self.lists).into());
        }
    }
}

/// The level of detail in a property's name: `lod2Solid`.
fn lod_of(local: &str) -> Option<u8> {
    let digit = *local.strip_prefix("lod")?.as_bytes().first()?;
    (b'0'..=b'4').contains(&digit).then(|| digit - b'0')
}

fn count(left_out: &mut LeftOut, element: Element<'_>) {
    *left_out.entry(element.label().to_owned()).or_default() += 1;
}

/// Whether a text is an `xs:ID` (an NCName of Namespaces in XML 1.0), which `gml:id` has to be.
fn is_xml_id(text: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '·');
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_with_a_letter() {
        for good in ["UUID_1", "_1", "bldg-1.2", "図形1"] {
            assert!(is_xml_id(good), "{good}");
        }
        for bad in ["1F3E", "", "a b", "a:b", "-a", "a#"] {
            assert!(!is_xml_id(bad), "{bad}");
        }
    }

    #[test]
    fn levels_stand_in_the_names_of_properties() {
        assert_eq!(lod_of("lod2Solid"), Some(2));
        assert_eq!(lod_of("lod0FootPrint"), Some(0));
        assert_eq!(lod_of("lod"), None);
        assert_eq!(lod_of("lod7X"), None);
    }
}
