//! OpenStreetMap tags into kind, class and properties (the wiki's "Map features" and "Key:height"). Tags that name none
//! of the kinds make no entity; a height that cannot be read is left as text.

use std::collections::BTreeMap;

use kernel_model::Kind;
use serde_json::{Map, Value};

/// An element's tags.
pub(super) type Tags = BTreeMap<String, String>;

/// What an element is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sort {
    /// The tag's key that says it.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) class: String,
    /// Whether a closed way of it is an area.
    pub(super) area: bool,
}

/// Metres a storey where only `building:levels` is given.
const STOREY_M: f64 = 3.0;
/// Keys that make a place of interest, best first.
const INTERESTS: [&str; 8] =
    ["amenity", "shop", "tourism", "office", "healthcare", "historic", "craft", "public_transport"];
/// Values of `natural` that are plants.
const PLANTS: [&str; 6] = ["tree", "tree_row", "wood", "scrub", "grassland", "shrub"];
/// Things in the street that are mapped as amenities.
const FURNITURE: [&str; 8] =
    ["bench", "waste_basket", "vending_machine", "telephone", "post_box", "drinking_water", "clock", "recycling"];

/// What the tags say the element is; `None`: nothing this kernel keeps.
pub(super) fn sort(tags: &Tags) -> Option<Sort> {
    let tag = |key: &str| tags.get(key).map(String::as_str).filter(|v| !v.is_empty() && *v != "no");
    let some = |key, kind, class: &str, area| Some(Sort { key, kind, class: class.to_owned(), area });
    let declared_area = tag("area") == Some("yes");
    if let Some(value) = tag("building") {
        return some("building", Kind::Building, if value == "yes" { "" } else { value }, true);
    }
    if let Some(value) = tag("building:part") {
        return some("building:part", Kind::BuildingPart, if value == "yes" { "" } else { value }, true);
    }
    if let Some(value) = tag("highway") {
        return match value {
            "street_lamp" | "traffic_signals" | "stop" | "give_way" => some("highway", Kind::Furniture, value, false),
            _ => some("highway", Kind::Road, value, declared_area),
        };
    }
    if let Some((key, value)) = ["railway", "aeroway"].iter().find_map(|key| Some((*key, tag(key)?))) {
        let area = declared_area || matches!(value, "platform" | "station" | "apron");
        return some(key, Kind::Road, value, area);
    }
    if tag("man_made") == Some("bridge") {
        return some("man_made", Kind::Bridge, "bridge", true);
    }
    if let Some(value) = tag("natural") {
        if value == "water" {
            return some("natural", Kind::Water, tag("water").unwrap_or("water"), true);
        }
        if PLANTS.contains(&value) {
            return some("natural", Kind::Vegetation, value, value != "tree_row");
        }
    }
    if let Some(value) = tag("waterway") {
        return some("waterway", Kind::Water, value, matches!(value, "riverbank" | "dock" | "boatyard"));
    }
    interest(tags).or_else(|| {
        let (key, value) = ["landuse", "leisure", "natural"].iter().find_map(|key| Some((*key, tag(key)?)))?;
        some(key, Kind::Landuse, value, value != "coastline" && value != "cliff")
    })
}

fn interest(tags: &Tags) -> Option<Sort> {
    let (key, value) = INTERESTS.iter().find_map(|key| Some((*key, tags.get(*key).filter(|v| *v != "no")?)))?;
    let kind = if FURNITURE.contains(&value.as_str()) { Kind::Furniture } else { Kind::Poi };
    Some(Sort { key, kind, class: value.clone(), area: true })
}

/// All tags as properties, with the well-known ones added: `height_m` and where it is from, `storeys`, `roof`,
/// `address`, and the element's last edit.
pub(super) fn properties(tags: &Tags, edited: Option<String>) -> Map<String, Value> {
    let mut properties: Map<String, Value> = tags.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    let number =
        |key: &str| tags.get(key).and_then(|v| v.trim().parse::<f64>().ok()).filter(|n| *n >= 0.0 && *n < 300.0);
    let storeys = number("building:levels");
    let stated = tags.get("height").or_else(|| tags.get("building:height")).and_then(|v| metres(v));
    match (stated, storeys) {
        (Some(height_m), _) => {
            properties.insert("height_m".to_owned(), height_m.into());
            properties.insert("height_from".to_owned(), "height".into());
        }
        (None, Some(storeys)) if storeys > 0.0 => {
            properties.insert("height_m".to_owned(), (storeys * STOREY_M).into());
            properties.insert("height_from".to_owned(), "levels".into());
        }
        _ => {}
    }
    if let Some(storeys) = storeys {
        properties.insert("storeys".to_owned(), storeys.into());
    }
    if let Some(roof) = tags.get("roof:shape") {
        properties.insert("roof".to_owned(), roof.as_str().into());
    }
    if let Some(address) = address(tags) {
        properties.insert("address".to_owned(), address.into());
    }
    if let Some(edited) = edited {
        properties.insert("osm_timestamp".to_owned(), edited.into());
    }
    properties
}

fn address(tags: &Tags) -> Option<String> {
    let part = |key: &str| tags.get(key).map(String::as_str);
    let street = part("addr:street").or_else(|| part("addr:place"))?;
    let mut address = street.to_owned();
    for next in [part("addr:housenumber"), part("addr:postcode"), part("addr:city")].into_iter().flatten() {
        address.push(' ');
        address.push_str(next);
    }
    Some(address)
}

/// Reads a height of the wiki's forms: `12`, `12.5 m`, `40 ft`, `40'`, `5'10"`. `None`: none of them (a decimal comma
/// could be a list, so it is none).
fn metres(text: &str) -> Option<f64> {
    const FOOT_M: f64 = 0.3048;
    let text = text.trim();
    let metres = if let Some((feet, inches)) = text.split_once('\'') {
        let inches = inches.trim().trim_end_matches('"');
        let inches = if inches.is_empty() { 0.0 } else { inches.parse::<f64>().ok()? };
        (feet.trim().parse::<f64>().ok()? + inches / 12.0) * FOOT_M
    } else {
        let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor = match unit.trim() {
            "" | "m" | "metres" | "meters" => 1.0,
            "ft" | "feet" | "foot" => FOOT_M,
            "km" => 1000.0,
            _ => return None,
        };
        number.trim().parse::<f64>().ok()? * factor
    };
    (0.0..10_000.0).contains(&metres).then_some(metres)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn heights_are_read_with_their_units() {
        for (text, expected) in
            [("12", 12.0), ("12.5 m", 12.5), ("12m", 12.0), ("40 ft", 12.192), ("40'", 12.192), ("5'10\"", 1.778)]
        {
            assert!((metres(text).unwrap() - expected).abs() < 1e-9, "{text}");
        }
        for text in ["", "tall", "12,5", "-3", "NaN", "inf", "4 storeys", "1e9", "'", "4'x"] {
            assert_eq!(metres(text), None, "{text}");
        }
    }

    #[test]
    fn a_stated_height_wins_over_levels() {
        let of = |pairs: &[(&str, &str)]| properties(&tags(pairs), None);
        let levels = of(&[("building", "yes"), ("building:levels", "4")]);
        assert_eq!((&levels["height_m"], &levels["height_from"]), (&12.0.into(), &"levels".into()));
        let both = of(&[("height", "10 m"), ("building:levels", "4")]);
        assert_eq!((&both["height_m"], &both["storeys"]), (&10.0.into(), &4.0.into()));
        assert!(!of(&[("height", "tall")]).contains_key("height_m"));
    }

    #[test]
    fn tags_choose_the_kind() {
        let kind = |pairs: &[(&str, &str)]| sort(&tags(pairs)).map(|s| (s.kind, s.class));
        assert_eq!(kind(&[("building", "yes"), ("amenity", "school")]), Some((Kind::Building, String::new())));
        assert_eq!(kind(&[("building", "no")]), None);
        assert_eq!(kind(&[("highway", "primary")]), Some((Kind::Road, "primary".to_owned())));
        assert_eq!(kind(&[("natural", "tree")]), Some((Kind::Vegetation, "tree".to_owned())));
        assert_eq!(kind(&[("leisure", "park")]), Some((Kind::Landuse, "park".to_owned())));
        assert_eq!(kind(&[("amenity", "bench")]), Some((Kind::Furniture, "bench".to_owned())));
        assert_eq!(kind(&[("shop", "bakery")]), Some((Kind::Poi, "bakery".to_owned())));
        assert_eq!(kind(&[("note", "x")]), None);
    }
}
