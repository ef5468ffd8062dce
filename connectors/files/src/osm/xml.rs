//! OpenStreetMap XML (the API's format 0.6) into the elements that PBF gives: one element at a time, places in the finest
//! steps of PBF, so that both forms of one extract make the same things. What is deleted (`visible="false"`) is left out; a
//! file of changes (`osmChange`) is refused.

use chrono::{DateTime, SecondsFormat, Utc};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::source::{Element, Node, Relation, Way};
use super::tags::Tags;
use crate::error::Error;
use crate::input::Input;
use crate::metered::Meter;

/// Parts one element may have: the API's own limits are 2,000 nodes a way and 32,000 members a relation.
const MAX_PARTS: usize = 1 << 20;

/// Calls `visit` for every element in the file's order.
pub(super) fn for_each(input: &Input, mut visit: impl FnMut(Element) -> Result<(), Error>) -> Result<(), Error> {
    let meter = Meter::default();
    let mut reader = Reader::from_reader(meter.reader(input.open()?));
    let mut file = File { input, current: None, parts: 0, root: false, depth: 0 };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        meter.begin();
        let event = reader.read_event_into(&mut buffer).map_err(|e| file.broken(e))?;
        let finished = match event {
            Event::Start(start) => {
                file.depth += 1;
                file.open(&start)?;
                None
            }
            Event::Empty(start) => {
                let is_element = matches!(start.name().as_ref(), b"node" | b"way" | b"relation");
                file.open(&start)?;
                if is_element { file.current.take() } else { None }
            }
            Event::End(end) => {
                file.depth = file.depth.saturating_sub(1);
                match end.name().as_ref() {
                    b"node" | b"way" | b"relation" => file.current.take(),
                    b"osm" => return Ok(()),
                    _ => None,
                }
            }
            Event::Eof => {
                let detail = "before the end tag of <osm>".to_owned();
                return Err(Error::Truncated { file: input.name.clone(), detail });
            }
            _ => None,
        };
        if let Some(open) = finished {
            open.finish().map_or(Ok(()), &mut visit)?;
        }
    }
}

/// An element whose end has not come yet.
struct Open {
    element: Element,
    visible: bool,
}

impl Open {
    fn finish(self) -> Option<Element> {
        let mut element = self.element;
        if let Element::Node(node) = &mut element
            && node.tags.is_empty()
        {
            node.edited = None;
        }
        self.visible.then_some(element)
    }
}

struct File<'a> {
    input: &'a Input,
    current: Option<Open>,
    parts: usize,
    root: bool,
    depth: usize,
}

impl File<'_> {
    fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::Malformed { file: self.input.name.clone(), place: "OSM XML".to_owned(), reason: reason.into() }
    }

    fn broken(&self, error: quick_xml::Error) -> Error {
        match error {
            quick_xml::Error::Io(source) => {
                let source = std::io::Error::new(source.kind(), source.to_string());
                Error::from_io(&self.input.name, source)
            }
            quick_xml::Error::Syntax(error) => {
                Error::Truncated { file: self.input.name.clone(), detail: error.to_string() }
            }
            other => self.malformed(other.to_string()),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Error> {
        if self.depth > 8 {
            return Err(self.malformed("its elements are nested too deep"));
        }
        let name = start.name();
        if !self.root {
            self.root = true;
            return match name.as_ref() {
                b"osm" => Ok(()),
                b"osmChange" => Err(self.malformed("it is a file of changes; give the extract itself")),
                _ => Err(self.malformed("it does not begin with <osm>")),
            };
        }
        match name.as_ref() {
            b"node" | b"way" | b"relation" => {
                self.parts = 0;
                self.current = Some(self.element(start)?);
                Ok(())
            }
            b"tag" | b"nd" | b"member" => self.part(start),
            _ => Ok(()),
        }
    }

    fn attributes(&self, start: &BytesStart<'_>, mut each: impl FnMut(&[u8], &str)) -> Result<(), Error> {
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| self.malformed(e.to_string()))?;
            let value = std::str::from_utf8(&attribute.value).map_err(|_| self.malformed("it is not UTF-8"))?;
            let value = quick_xml::escape::unescape(value).map_err(|e| self.malformed(e.to_string()))?;
            each(attribute.key.as_ref(), &value);
        }
        Ok(())
    }

    fn element(&self, start: &BytesStart<'_>) -> Result<Open, Error> {
        let (mut id, mut lat, mut lon, mut edited, mut visible) = (None, None, None, None, true);
        self.attributes(start, |key, value| match key {
            b"id" => id = value.parse::<i64>().ok(),
            b"lat" => lat = degrees_e7(value),
            b"lon" => lon = degrees_e7(value),
            b"timestamp" => edited = time(value),
            b"visible" => visible = value != "false",
            _ => {}
        })?;
        let id = id.ok_or_else(|| self.malformed("an element has no id"))?;
        let tags = Tags::new();
        let element = match start.name().as_ref() {
            b"node" => {
                let place = lon.zip(lat);
                // A deleted node has no place.
                visible &= place.is_some();
                let (lon_e7, lat_e7) = place.unwrap_or_default();
                Element::Node(Node { id, lon_e7, lat_e7, tags, edited })
            }
            b"way" => Element::Way(Way { id, nodes: Vec::new(), tags, edited }),
            _ => Element::Relation(Relation { id, ways: Vec::new(), tags, edited }),
        };
        Ok(Open { element, visible })
    }

    fn part(&mut self, start: &BytesStart<'_>) -> Result<(), Error> {
        let Some(mut open) = self.current.take() else { return Ok(()) };
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(self.malformed(format!("an element has more than {MAX_PARTS} parts")));
        }
        let (mut key, mut value, mut kind, mut role, mut target) =
            (String::new(), String::new(), String::new(), String::new(), None);
        self.attributes(start, |name, text| match name {
            b"k" => text.clone_into(&mut key),
            b"v" => text.clone_into(&mut value),
            b"type" => text.clone_into(&mut kind),
            b"role" => text.clone_into(&mut role),
            b"ref" => target = text.parse::<i64>().ok(),
            _ => {}
        })?;
        match (start.name().as_ref(), &mut open.element) {
            (
                b"tag",
                Element::Node(Node { tags, .. })
                | Element::Way(Way { tags, .. })
                | Element::Relation(Relation { tags, .. }),
            ) => {
                tags.insert(key, value);
            }
            (b"nd", Element::Way(way)) => {
                way.nodes.push(target.ok_or_else(|| self.malformed("a node of a way has no number"))?);
            }
            (b"member", Element::Relation(relation)) if kind == "way" => {
                let way = target.ok_or_else(|| self.malformed("a member of a relation has no number"))?;
                relation.ways.push((way, role == "inner"));
            }
            _ => {}
        }
        self.current = Some(open);
        Ok(())
    }
}

/// Decimal degrees in steps of 1e-7; further digits are cut off, as the libraries of PBF do.
fn degrees_e7(text: &str) -> Option<i32> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if digits.contains(['e', 'E']) {
        let value = (text.parse::<f64>().ok()? * 1e7).round();
        return (value.abs() < f64::from(i32::MAX)).then_some(value as i32);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(7).collect();
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let value = number(whole)?.checked_mul(10_000_000)?.checked_add(number(&fraction)?)?;
    i32::try_from(if negative { -value } else { value }).ok()
}

fn time(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_exact() {
        for (text, e7) in [
            ("52.5146732", 525_146_732),
            ("-0.0000001", -1),
            ("13", 130_000_000),
            ("1.23456789", 12_345_678),
            ("1e1", 100_000_000),
        ] {
            assert_eq!(degrees_e7(text), Some(e7), "{text}");
        }
        for text in ["", "a", "1.2.3", "--1", "999", "1e9", "NaN"] {
            assert!(degrees_e7(text).is_none_or(|_| text.is_empty()), "{text}");
        }
    }
}
