//! Addresses of resources (OGC 18-088, clause 9.2): the part of a path below the root comes in, from which set along which
//! links to what goes out. A path that leads nowhere is refused with what there is.

use super::set::{Id, Link, Set};
use crate::error::ApiError;

/// Segments of a path at most.
const MOST_SEGMENTS: usize = 16;

/// A resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    pub(super) set: Set,
    pub(super) id: Option<Id>,
    /// Links that are followed, each with the id of one of a collection.
    pub(super) links: Vec<(&'static Link, Option<Id>)>,
    pub(super) part: Part,
}

/// What of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Addresses only (`$ref`).
    References,
    /// A property, or a member of one; `raw`: its value as text (`$value`).
    Property { name: &'static str, members: Vec<String>, raw: bool },
}

impl Resource {
    /// Reads a decoded path.
    pub(super) fn read(path: &str) -> Result<Self, ApiError> {
        let segments = segments(path)?;
        let mut segments = segments.into_iter().peekable();
        let first = segments.next().unwrap_or_default();
        let (name, id) = named(&first)?;
        let set = Set::named(name).ok_or_else(|| {
            let known = Set::ALL.map(Set::name).join(", ");
            ApiError::not_found(format!("there is no entity set `{name}`, there are: {known}"))
        })?;
        let mut resource = Self { set, id, links: Vec::new(), part: Part::Whole };
        while let Some(segment) = segments.next() {
            let is_entity = resource.is_entity();
            if segment == "$ref" {
                resource.part = Part::References;
            } else if !is_entity {
                let (from, set) = (resource.target().name(), resource.target().entity());
                return Err(ApiError::not_found(format!(
                    "after {from} an id is wanted to go on from one {set}: {from}(1)/{segment}"
                )));
            } else {
                let (name, id) = named(&segment)?;
                let from = resource.target();
                match from.link(name) {
                    Some(link) if id.is_some() && !link.many => {
                        return Err(ApiError::not_found(format!("{name} is one entity and takes no id")));
                    }
                    Some(link) => {
                        resource.links.push((link, id));
                        continue;
                    }
                    None => resource.part = property(from, name, &mut segments)?,
                }
            }
            return match segments.next() {
                None => Ok(resource),
                Some(more) => {
                    Err(ApiError::not_found(format!("nothing comes after this part of an address: `{more}`")))
                }
            };
        }
        Ok(resource)
    }

    /// The set of what it leads to.
    pub(super) fn target(&self) -> Set {
        self.links.last().map_or(self.set, |(link, _)| link.to)
    }

    /// Whether it leads to one entity.
    pub(super) fn is_entity(&self) -> bool {
        self.links.last().map_or(self.id.is_some(), |(link, id)| !link.many || id.is_some())
    }
}

fn property(from: Set, name: &str, segments: &mut impl Iterator<Item = String>) -> Result<Part, ApiError> {
    let name = match name {
        "id" | "@iot.id" => super::filter::ID,
        "@iot.selfLink" => super::filter::SELF_LINK,
        other => from.property(other).ok_or_else(|| {
            ApiError::not_found(format!("a {} has no `{other}`, it has: {}", from.entity(), from.words()))
        })?,
    };
    let (mut members, mut raw) = (Vec::new(), false);
    for segment in segments.by_ref() {
        if segment == "$value" {
            raw = true;
            break;
        }
        members.push(segment);
    }
    Ok(Part::Property { name, members, raw })
}

/// A path cut at its slashes, those in quotes left alone.
fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    let (mut all, mut quoted) = (vec![String::new()], false);
    for c in path.trim_matches('/').chars() {
        quoted ^= c == '\'';
        match c {
            '/' if !quoted => all.push(String::new()),
            c => all.iter_mut().last().into_iter().for_each(|last| last.push(c)),
        }
        if all.len() > MOST_SEGMENTS {
            return Err(ApiError::bad_request(format!("an address of more than {MOST_SEGMENTS} segments is not read")));
        }
    }
    if quoted { Err(ApiError::bad_request("a quote in the address has no end")) } else { Ok(all) }
}

/// A segment's name and its id, if it has one.
fn named(segment: &str) -> Result<(&str, Option<Id>), ApiError> {
    let Some((name, rest)) = segment.split_once('(') else { return Ok((segment, None)) };
    let wrong = || {
        ApiError::bad_request(format!(
            "`{segment}` has no id that can be read: write {name}(7) or {name}('text'), a quote in it twice"
        ))
    };
    let inner = rest.strip_suffix(')').ok_or_else(wrong)?.trim();
    if let Ok(number) = inner.parse::<u64>() {
        return Ok((name, Some(Id::Number(number))));
    }
    let quoted = inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).ok_or_else(wrong)?;
    let text = quoted.replace("''", "\u{0}");
    if text.contains('\'') || quoted.contains('\u{0}') {
        return Err(wrong());
    }
    Ok((name, Some(Id::Text(text.replace('\u{0}', "'")))))
}

/// A percent-encoded text in clear; `plus`: whether + is a space.
pub(super) fn decode(text: &str, plus: bool) -> Result<String, ApiError> {
    let wrong = || {
        ApiError::bad_request(
            "the address has an escape that is none: % is followed by two hexadecimal digits, of UTF-8",
        )
    };
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(wrong);
                (digit(bytes.next())? << 4 | digit(bytes.next())?) as u8
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_along_links() {
        let read = |path| Resource::read(path).unwrap();
        let one = read("Things('it''s/a')/Datastreams(7)/Observations");
        assert_eq!((one.id.clone(), one.links.len(), one.is_entity()), (Some(Id::Text("it's/a".to_owned())), 2, false));
        assert_eq!(one.target(), Set::Observations);
        assert!(read("Datastreams(7)/Thing").is_entity());
        assert_eq!(read("Things/$ref").part, Part::References);
        let value = Part::Property { name: "properties", members: vec!["a".to_owned()], raw: true };
        assert_eq!(read("Things('x')/properties/a/$value").part, value);
        for (path, status) in [
            ("Nothing", 404),
            ("Things/Datastreams", 404),
            ("Things('x')/nosuch", 404),
            ("Things('x')/$ref/more", 404),
            ("Things(x)", 400),
            ("Things('x", 400),
            ("Things('x')/Datastreams('a'b')", 400),
            ("Datastreams(7)/Thing(1)", 404),
        ] {
            assert_eq!(Resource::read(path).unwrap_err().status.as_u16(), status, "{path}");
        }
        assert!(Resource::read(&"Things('x')/".repeat(40)).is_err());
        assert_eq!(decode("a%27%E6%B0%B4+b", true).unwrap(), "a'水 b");
        for wrong in ["%", "%2", "%zz", "%ff"] {
            assert!(decode(wrong, true).is_err(), "{wrong}");
        }
    }
}
