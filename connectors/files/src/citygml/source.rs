//! The bytes of a CityGML file in, one tree for each child of its root out. Only one is held at a time, within a limit.
//! No DTD is read and no entity expanded but XML's own five, elements nest within a limit, and a file that ends before its
//! root does is truncated.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use quick_xml::NsReader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

use super::tree::{Names, Space, Tree};
use crate::error::Error;
use crate::input::Input;

/// Bytes that a tree may take: about a million triangles.
pub(super) const MAX_TREE_BYTES: usize = 384 << 20;
/// Bytes of one tag or one piece of text.
const MAX_TOKEN_BYTES: usize = 128 << 20;
const MAX_DEPTH: usize = 200;
const MAX_NAMES: usize = 1 << 16;
const MAX_ATTRIBUTES: usize = 1 << 10;

/// A file being read.
pub(super) struct Source {
    reader: NsReader<Metered>,
    buffer: Vec<u8>,
    names: Names,
    /// Numbers of names as they are written, while no prefix is declared anew.
    known: HashMap<Vec<u8>, u32>,
    known_attributes: HashMap<Vec<u8>, u32>,
    /// The elements that declare prefixes, as depths.
    declared: Vec<usize>,
    depth: usize,
    file: String,
    limit: usize,
}

/// Counts what one event takes, so that no tag or text grows without bound.
struct Metered {
    inner: Box<dyn BufRead + Send>,
    taken: usize,
    ended: bool,
}

impl Read for Metered {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buf)
    }
}

impl BufRead for Metered {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.taken > MAX_TOKEN_BYTES {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a tag or a text of more than 128 MiB"));
        }
        let bytes = self.inner.fill_buf()?;
        self.ended = bytes.is_empty();
        Ok(bytes)
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
        self.inner.consume(amount);
    }
}

/// What one event does to the tree.
enum Step {
    Start,
    Empty,
    End,
    Eof,
    Nothing,
}

impl Source {
    /// Opens the file and reads up to its root, which must be a CityModel.
    pub(super) fn open(input: &Input, limit: usize) -> Result<Self, Error> {
        let metered = Metered { inner: input.open()?, taken: 0, ended: false };
        let mut reader = NsReader::from_reader(metered);
        reader.config_mut().check_end_names = true;
        let mut source = Self {
            reader,
            buffer: Vec::new(),
            names: Names::default(),
            known: HashMap::new(),
            known_attributes: HashMap::new(),
            declared: Vec::new(),
            depth: 0,
            file: input.name.clone(),
            limit,
        };
        let mut root = Tree::default();
        loop {
            match source.step(&mut root, true)? {
                Step::Start => break,
                Step::Empty | Step::End => return Err(source.malformed("the CityModel is empty")),
                Step::Eof => return Err(source.truncated()),
                Step::Nothing => {}
            }
        }
        match root.root(&source.names) {
            Some(e) if e.local() == "CityModel" && e.space() == Space::City => Ok(source),
            Some(e) => Err(source.malformed(&format!("its root is `{}`, not CityGML's CityModel", e.label()))),
            None => Err(source.truncated()),
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The next child of the root, or `None` after the last. What `wanted` says no to, by the name without prefix, is
    /// gone through and comes out as an element without children.
    pub(super) fn next(&mut self, wanted: impl Fn(&str) -> bool) -> Result<Option<Tree>, Error> {
        let mut tree = Tree::default();
        let mut keep = true;
        let base = self.depth;
        loop {
            match self.step(&mut tree, keep)? {
                Step::Start if self.depth == base + 1 => {
                    keep = tree.root(&self.names).is_some_and(|e| wanted(e.local()));
                }
                Step::Empty | Step::End if self.depth == base => return Ok(Some(tree)),
                Step::End if self.depth < base => return self.rest().map(|()| None),
                Step::Eof => return Err(self.truncated()),
                _ => {}
            }
            if keep && tree.bytes() > self.limit {
                keep = false;
                tree.too_large = true;
            }
        }
    }

    /// What follows the root may only be comments.
    fn rest(&mut self) -> Result<(), Error> {
        let mut none = Tree::default();
        loop {
            match self.step(&mut none, false)? {
                Step::Eof => return Ok(()),
                Step::Nothing => {}
                _ => return Err(self.malformed("there is more after its root")),
            }
        }
    }

    /// Takes one event. With `keep` it goes into the tree.
    fn step(&mut self, tree: &mut Tree, keep: bool) -> Result<Step, Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.reader.get_mut().taken = 0;
        let step = match self.reader.read_event_into(&mut buffer) {
            Ok(event) => self.take(&event, tree, keep),
            Err(error) => Err(self.xml(error)),
        };
        self.buffer = buffer;
        step
    }

    fn take(&mut self, event: &Event<'_>, tree: &mut Tree, keep: bool) -> Result<Step, Error> {
        match event {
            Event::Start(start) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.malformed("elements nest deeper than 200"));
                }
                self.start(start, tree, keep)?;
                Ok(Step::Start)
            }
            Event::Empty(start) => {
                self.depth += 1;
                self.start(start, tree, keep)?;
                self.end(tree, keep);
                Ok(Step::Empty)
            }
            Event::End(_) => {
                self.end(tree, keep);
                Ok(Step::End)
            }
            Event::Text(text) => self.text(text, tree, keep),
            Event::CData(text) => self.text(text, tree, keep),
            Event::GeneralRef(reference) => {
                let of_xml = || std::str::from_utf8(reference).ok().and_then(resolve_xml_entity);
                let character = reference.resolve_char_ref().map_err(|e| self.xml(e))?;
                match (character, of_xml()) {
                    (Some(c), _) if keep => tree.text(c.encode_utf8(&mut [0; 4])),
                    (_, Some(text)) if keep => tree.text(text),
                    (Some(_), _) | (_, Some(_)) => {}
                    (None, None) => return Err(self.malformed("it uses an entity, and none is expanded")),
                }
                Ok(Step::Nothing)
            }
            Event::DocType(_) => Err(self.malformed("it has a DTD, which is not read")),
            Event::Decl(decl) => match decl.encoding() {
                Some(Ok(name)) if !name.eq_ignore_ascii_case(b"utf-8") && !name.eq_ignore_ascii_case(b"us-ascii") => {
                    let name = String::from_utf8_lossy(&name).chars().take(40).collect::<String>();
                    Err(self.malformed(&format!("it is in {name}; convert it to UTF-8 first")))
                }
                _ => Ok(Step::Nothing),
            },
            Event::Eof => Ok(Step::Eof),
            Event::Comment(_) | Event::PI(_) => Ok(Step::Nothing),
        }
    }

    fn text(&self, bytes: &[u8], tree: &mut Tree, keep: bool) -> Result<Step, Error> {
        if keep && !bytes.trim_ascii().is_empty() {
            tree.text(std::str::from_utf8(bytes).map_err(|_| self.malformed("its text is not UTF-8"))?);
        }
        Ok(Step::Nothing)
    }

    fn start(&mut self, start: &BytesStart<'_>, tree: &mut Tree, keep: bool) -> Result<(), Error> {
        let mut attributes = start.attributes();
        let attributes = attributes.with_checks(false);
        let mut plain = Vec::new();
        let mut declares = false;
        for (count, attribute) in attributes.enumerate() {
            let attribute = attribute.map_err(|e| self.xml(e.into()))?;
            if count == MAX_ATTRIBUTES {
                return Err(self.malformed("an element has more than 1,024 attributes"));
            }
            if attribute.key.as_namespace_binding().is_some() {
                declares = true;
            } else {
                plain.push(attribute);
            }
        }
        if declares {
            self.known.clear();
            self.declared.push(self.depth);
        }
        if !keep {
            return Ok(());
        }
        let name = self.name(start.name(), true)?;
        tree.start(name);
        for attribute in plain {
            let name = self.name(attribute.key, false)?;
            let value = attribute.decode_and_unescape_value(self.reader.decoder()).map_err(|e| self.xml(e))?;
            tree.attribute(name, &value);
        }
        Ok(())
    }

    fn end(&mut self, tree: &mut Tree, keep: bool) {
        if self.declared.last() == Some(&self.depth) {
            self.declared.pop();
            self.known.clear();
        }
        self.depth = self.depth.saturating_sub(1);
        if keep {
            tree.end();
        }
    }

    fn name(&mut self, name: QName<'_>, element: bool) -> Result<u32, Error> {
        let known = if element { &self.known } else { &self.known_attributes };
        if let Some(number) = known.get(name.as_ref()) {
            return Ok(*number);
        }
        let label = std::str::from_utf8(name.into_inner()).map_err(|_| self.malformed("a name is not UTF-8"))?;
        if self.names.len() >= MAX_NAMES {
            return Err(self.malformed("it has more than 65,536 names of elements and attributes"));
        }
        let space = match self.reader.resolver().resolve_element(name).0 {
            ResolveResult::Bound(uri) if element => Space::of(&String::from_utf8_lossy(uri.into_inner())),
            _ => Space::Foreign,
        };
        let number = self.names.number(space, label);
        let known = if element { &mut self.known } else { &mut self.known_attributes };
        known.insert(name.into_inner().to_vec(), number);
        Ok(number)
    }

    fn truncated(&self) -> Error {
        Error::Truncated { file: self.file.clone(), detail: "its CityModel is not closed".to_owned() }
    }

    fn malformed(&self, reason: &str) -> Error {
        let place = format!("byte {}", self.reader.buffer_position());
        Error::Malformed { file: self.file.clone(), place, reason: reason.to_owned() }
    }

    /// An error where the bytes had ended is an early end.
    fn xml(&self, error: quick_xml::Error) -> Error {
        match error {
            quick_xml::Error::Io(source) => {
                Error::from_io(&self.file, std::io::Error::new(source.kind(), source.to_string()))
            }
            _ if self.reader.get_ref().ended => self.truncated(),
            other => self.malformed(&other.to_string().replace('\n', " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str, limit: usize) -> Result<Source, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gml");
        std::fs::write(&path, text).unwrap();
        Source::open(&Input::new(&path), limit)
    }

    fn model(inside: &str) -> String {
        format!("<CityModel xmlns='http://www.opengis.net/citygml/2.0'>{inside}</CityModel>")
    }

    fn all(text: &str) -> Result<Vec<Tree>, Error> {
        let mut source = open(text, MAX_TREE_BYTES)?;
        std::iter::from_fn(|| source.next(|_| true).transpose()).collect()
    }

    #[test]
    fn each_child_of_the_root_is_a_tree() {
        let text = model("<a x='1&amp;2'>&lt;é<!-- c --><![CDATA[&]]>&#65;</a> <b/><c xmlns='urn:other'><d/></c>");
        let mut source = open(&text, MAX_TREE_BYTES).unwrap();
        let a = source.next(|_| true).unwrap().unwrap();
        let root = a.root(source.names()).unwrap();
        assert_eq!((root.text(), root.attribute("x"), root.space()), ("<é&A", Some("1&2"), Space::City));
        assert!(source.next(|_| true).unwrap().is_some());
        let c = source.next(|_| true).unwrap().unwrap();
        assert_eq!(c.root(source.names()).unwrap().child("d").unwrap().space(), Space::Foreign);
        assert!(source.next(|_| true).unwrap().is_none());
    }

    #[test]
    fn an_element_past_the_limit_is_cut_and_the_next_one_is_whole() {
        let many = format!("<a id='big'>{}</a><b>small</b>", "<x/>".repeat(1000));
        let mut source = open(&model(&many), 1000).unwrap();
        let a = source.next(|_| true).unwrap().unwrap();
        assert!(a.too_large && a.bytes() < 2000);
        assert_eq!(a.root(source.names()).unwrap().attribute("id"), Some("big"));
        let b = source.next(|_| true).unwrap().unwrap();
        assert_eq!((b.too_large, b.root(source.names()).unwrap().text()), (false, "small"));
    }

    #[test]
    fn what_is_no_plain_xml_is_refused() {
        let deep = model(&format!("{}{}", "<a>".repeat(300), "</a>".repeat(300)));
        let bomb = format!("<!DOCTYPE x [<!ENTITY a 'aaaa'>]>{}", model("<a>&a;</a>"));
        for (text, reason) in [
            (deep.as_str(), "nest deeper than 200"),
            (bomb.as_str(), "it has a DTD"),
            (&model("<a>&mine;</a>"), "uses an entity"),
            ("<?xml version='1.0' encoding='Shift_JIS'?><a/>", "it is in Shift_JIS; convert it to UTF-8"),
            (&model("<a></b>"), "expected"),
            (&format!("{}<b/>", model("")), "more after its root"),
            ("<a/>", "the CityModel is empty"),
            ("<CityModel>", "its root is `CityModel`, not CityGML's"),
        ] {
            let error = all(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn cut_anywhere_it_is_truncated() {
        let text = model("<a x='1'>&amp;<![CDATA[x]]><!-- c --></a><?pi x?><b/>");
        for cut in 1..text.len() {
            match all(&text[..cut]) {
                Err(Error::Truncated { .. }) => {}
                other => panic!("{}: {other:?}", &text[..cut]),
            }
        }
    }
}
