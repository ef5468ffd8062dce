//! What an object says of itself, as JSON: values of simple elements with their units and code lists, structures,
//! generic attributes and addresses. A number without a known unit keeps the name of its unit beside it.

use serde_json::{Map, Number, Value, json};

use super::tree::{Element, Space};

/// How metres are written as a unit of measure.
const METRE: [&str; 9] = [
    "m",
    "#m",
    "metre",
    "meter",
    "metres",
    "meters",
    "urn:ogc:def:uom:ucum::m",
    "urn:adv:uom:m",
    "urn:ogc:def:uom:epsg::9001",
];
/// Whole numbers of the standards.
const WHOLE: [&str; 5] =
    ["storeysAboveGround", "storeysBelowGround", "yearOfConstruction", "yearOfDemolition", "averageAge"];

/// A finite number.
pub(super) fn number(text: &str) -> Option<Value> {
    Number::from_f64(text.trim().parse().ok()?).map(Value::Number)
}

fn whole(text: &str) -> Option<Value> {
    text.parse::<i64>().ok().map(Value::from)
}

/// The value of an element without children; `None` where it says nothing. A measure in metres is a number (the
/// standards' own attributes are lengths by their name), any other is `{"value", "uom"}`.
pub(super) fn simple(element: Element<'_>) -> Option<Value> {
    let text = element.text();
    if text.is_empty() {
        return None;
    }
    let Some(uom) = element.attribute("uom") else {
        let known = WHOLE.contains(&element.local()).then(|| whole(text)).flatten();
        return Some(known.unwrap_or_else(|| text.into()));
    };
    let numbers: Option<Vec<Value>> = text.split_ascii_whitespace().map(number).collect();
    let value = match numbers {
        Some(list) if element.local().starts_with("storeyHeights") => Value::Array(list),
        Some(mut list) if list.len() == 1 => list.remove(0),
        Some(list) => Value::Array(list),
        None => text.into(),
    };
    if METRE.contains(&uom.to_ascii_lowercase().as_str()) && !value.is_string() {
        Some(value)
    } else {
        Some(json!({ "value": value, "uom": uom }))
    }
}

/// The value of an element with children as an object of its leaves.
pub(super) fn structure(element: Element<'_>) -> Value {
    let mut fields = Map::new();
    for child in element.children() {
        let value = if child.children().next().is_some() { Some(structure(child)) } else { simple(child) };
        if let Some(value) = value {
            add(&mut fields, child.local(), value);
        }
    }
    // A property holds one object: its name says no more than the property's.
    if fields.len() == 1 && element.children().next().is_some_and(|c| c.local().starts_with(char::is_uppercase)) {
        fields.into_iter().next().map_or(Value::Null, |(_, value)| value)
    } else {
        Value::Object(fields)
    }
}

/// Adds a value; the second of a name makes a list.
pub(super) fn add(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        None => drop(fields.insert(name.to_owned(), value)),
        Some(Value::Array(list)) if !value.is_array() => list.push(value),
        Some(there) => {
            let first = there.take();
            *there = json!([first, value]);
        }
    }
}

/// Adds a value to a list.
pub(super) fn append(fields: &mut Map<String, Value>, name: &str, value: Value) {
    if let Value::Array(list) = fields.entry(name).or_insert_with(|| json!([])) {
        list.push(value);
    }
}

/// Whether an element is a generic attribute or a set of them, or holds one.
pub(super) fn is_generic(local: &str) -> bool {
    matches!(
        local,
        "genericAttribute"
            | "genericAttributeSet"
            | "stringAttribute"
            | "intAttribute"
            | "doubleAttribute"
            | "dateAttribute"
            | "uriAttribute"
            | "measureAttribute"
    )
}

/// A generic attribute of any type (2.0: an element each with its name as an attribute; 3.0: name and value as
/// elements); a set's members carry its name before theirs.
pub(super) fn generic(element: Element<'_>, prefix: &str, fields: &mut Map<String, Value>) {
    if element.local() == "genericAttribute" {
        return element.children().for_each(|child| generic(child, prefix, fields));
    }
    let name = element.attribute("name").or_else(|| element.child("name").map(|n| n.text())).unwrap_or_default();
    let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    let sort = element.local().to_ascii_lowercase();
    if sort == "genericattributeset" {
        let members = element.children().filter(|member| !matches!(member.local(), "name" | "codeSpace"));
        return members.for_each(|member| generic(member, &name, fields));
    }
    let Some(value) = element.child("value") else { return };
    let text = value.text();
    let typed = match sort.as_str() {
        "intattribute" => whole(text),
        "doubleattribute" => number(text),
        "measureattribute" => {
            let number = number(text).unwrap_or_else(|| text.into());
            Some(json!({ "value": number, "uom": value.attribute("uom") }))
        }
        _ => None,
    };
    let name = if fields.contains_key(&name) { format!("gen:{name}") } else { name };
    add(fields, &name, typed.unwrap_or_else(|| text.into()));
}

/// An address (xAL 2 or 3) in CityJSON 2.0's words.
pub(super) fn address(element: Element<'_>) -> Map<String, Value> {
    let mut fields = Map::new();
    leaves(element, "", &mut fields);
    fields
}

fn leaves(element: Element<'_>, above: &str, fields: &mut Map<String, Value>) {
    for child in element.children() {
        // What is not xAL is the place of the address.
        if child.space() != Space::Address && child.local() != "xalAddress" && child.local() != "Address" {
            continue;
        }
        let name = match (child.local(), above) {
            ("Number", "Thoroughfare") => "ThoroughfareNumber",
            ("NameElement" | "Identifier", _) => word(above),
            (local, _) => word(local),
        };
        if !child.text().is_empty() {
            add(fields, name, child.text().into());
        }
        leaves(child, child.local(), fields);
    }
}

fn word(local: &str) -> &str {
    match local {
        "CountryName" => "Country",
        "LocalityName" => "Locality",
        "Thoroughfare" => "ThoroughfareName",
        "PostalCodeNumber" | "PostCode" => "Postcode",
        other => other,
    }
}

/// The Urban Object ADE's structures, flat: `uro:BuildingDetailAttribute.surveyYear`. Where a structure stands several
/// times each of its leaves is a list with one place for each, so that what belongs together stays together; pairs of key
/// and value are named by their key.
pub(super) fn uro(properties: &[Element<'_>], fields: &mut Map<String, Value>, lists: &mut Map<String, Value>) {
    let mut structures: Vec<(&str, Vec<Element<'_>>)> = Vec::new();
    for property in properties {
        let mut simple_one = true;
        for structure in property.children() {
            simple_one = false;
            match structures.iter_mut().find(|(name, _)| *name == structure.local()) {
                Some((_, list)) => list.push(structure),
                None => structures.push((structure.local(), vec![structure])),
            }
        }
        if simple_one && let Some(value) = simple(*property) {
            let name = format!("uro:{}", property.local());
            code_list(*property, &name, lists);
            add(fields, &name, value);
        }
    }
    for (name, list) in structures {
        for (at, structure) in list.iter().enumerate() {
            uro_structure(name, *structure, (at, list.len()), fields, lists);
        }
    }
}

fn uro_structure(
    name: &str,
    structure: Element<'_>,
    (at, of): (usize, usize),
    fields: &mut Map<String, Value>,
    lists: &mut Map<String, Value>,
) {
    if let (Some(key), Some(value)) = (structure.child("key"), structure.child("codeValue")) {
        let name = format!("uro:{name}.{}", key.text());
        code_list(value, &name, lists);
        return add(fields, &name, value.text().into());
    }
    for leaf in structure.children() {
        let value = if leaf.children().next().is_some() { Some(self::structure(leaf)) } else { simple(leaf) };
        let Some(value) = value else { continue };
        let name = format!("uro:{name}.{}", leaf.local());
        code_list(leaf, &name, lists);
        if of == 1 {
            add(fields, &name, value);
        } else if let Some(place) = fields.entry(name).or_insert_with(|| vec![Value::Null; of].into()).get_mut(at) {
            *place = value;
        }
    }
}

/// Notes which list a code is from: the code itself stays as it is.
pub(super) fn code_list(element: Element<'_>, name: &str, lists: &mut Map<String, Value>) {
    if let Some(list) = element.attribute("codeSpace").filter(|list| !list.is_empty()) {
        lists.insert(name.to_owned(), list.into());
    }
}
