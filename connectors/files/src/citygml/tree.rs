//! One top-level element of a CityGML file as a tree in three flat lists: elements, attributes, text. It is made and
//! walked without recursion of its own; how deep it is and how large it may grow is bounded by whoever fills it.

use std::collections::HashMap;

/// Whose word an element's name is, by its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// A module of CityGML 1.0, 2.0 or 3.0.
    City,
    /// GML 3.1 or 3.2.
    Gml,
    /// xAL 2 or 3: addresses.
    Address,
    /// The Urban Object ADE of PLATEAU.
    Uro,
    /// Anything else: an ADE.
    Foreign,
}

impl Space {
    pub(super) fn of(uri: &str) -> Self {
        if uri.starts_with("http://www.opengis.net/citygml/") {
            Self::City
        } else if uri == "http://www.opengis.net/gml" || uri.starts_with("http://www.opengis.net/gml/") {
            Self::Gml
        } else if uri.to_ascii_lowercase().ends_with("xal:2.0") || uri.to_ascii_lowercase().contains(":xal:") {
            Self::Address
        } else if uri.contains("/uro/") {
            Self::Uro
        } else {
            Self::Foreign
        }
    }
}

/// The names of a file: each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Name>,
    numbers: HashMap<(Space, String), u32>,
}

#[derive(Debug)]
struct Name {
    space: Space,
    /// As it is written, with its prefix.
    label: String,
    local_from: usize,
}

impl Names {
    /// The number of a name.
    pub(super) fn number(&mut self, space: Space, label: &str) -> u32 {
        if let Some(number) = self.numbers.get(&(space, label.to_owned())) {
            return *number;
        }
        let number = self.names.len() as u32;
        let local_from = label.find(':').map_or(0, |colon| colon + 1);
        self.names.push(Name { space, label: label.to_owned(), local_from });
        self.numbers.insert((space, label.to_owned()), number);
        number
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Node {
    name: u32,
    first_child: u32,
    next: u32,
    text: (u32, u32),
    attributes: (u32, u32),
}

/// A tree being filled, or filled.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    attributes: Vec<(u32, (u32, u32))>,
    text: String,
    /// The open elements and the last child of each.
    open: Vec<(u32, u32)>,
    /// Whether it grew past its limit; what came then is not in it.
    pub(super) too_large: bool,
}

impl Tree {
    /// Opens an element inside the one that is open.
    pub(super) fn start(&mut self, name: u32) {
        let at = self.nodes.len() as u32;
        let attributes = self.attributes.len() as u32;
        self.nodes.push(Node {
            name,
            first_child: NONE,
            next: NONE,
            text: (0, 0),
            attributes: (attributes, attributes),
        });
        if let Some((parent, last)) = self.open.last_mut() {
            if *last == NONE {
                self.nodes[*parent as usize].first_child = at;
            } else {
                self.nodes[*last as usize].next = at;
            }
            *last = at;
        }
        self.open.push((at, NONE));
    }

    /// An attribute of the element that was opened last.
    pub(super) fn attribute(&mut self, name: u32, value: &str) {
        let span = self.put(value);
        self.attributes.push((name, span));
        if let Some(node) = self.nodes.last_mut() {
            node.attributes.1 += 1;
        }
    }

    /// Text of the open element. Of text on both sides of a child only the first piece is kept.
    pub(super) fn text(&mut self, text: &str) {
        let Some((at, _)) = self.open.last().copied() else { return };
        let (from, to) = self.nodes[at as usize].text;
        if from == to {
            self.nodes[at as usize].text = self.put(text);
        } else if to as usize == self.text.len() {
            self.nodes[at as usize].text = (from, self.put(text).1);
        }
    }

    /// Closes the open element.
    pub(super) fn end(&mut self) {
        self.open.pop();
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.nodes.len() * size_of::<Node>() + self.attributes.len() * 12
    }

    fn put(&mut self, text: &str) -> (u32, u32) {
        let from = self.text.len() as u32;
        self.text.push_str(text);
        (from, self.text.len() as u32)
    }

    /// The outermost element.
    pub(super) fn root<'t>(&'t self, names: &'t Names) -> Option<Element<'t>> {
        (!self.nodes.is_empty()).then_some(Element { names, tree: self, at: 0 })
    }
}

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'t> {
    names: &'t Names,
    tree: &'t Tree,
    at: u32,
}

impl<'t> Element<'t> {
    fn node(&self) -> &'t Node {
        &self.tree.nodes[self.at as usize]
    }

    fn span(&self, (from, to): (u32, u32)) -> &'t str {
        self.tree.text.get(from as usize..to as usize).unwrap_or_default()
    }

    /// Its name without prefix.
    pub(super) fn local(&self) -> &'t str {
        let name = &self.names.names[self.node().name as usize];
        &name.label[name.local_from..]
    }

    /// Its name as it is written.
    pub(super) fn label(&self) -> &'t str {
        &self.names.names[self.node().name as usize].label
    }

    pub(super) fn space(&self) -> Space {
        self.names.names[self.node().name as usize].space
    }

    /// The place after the last element below; of the root or a child of it.
    fn end(&self) -> u32 {
        let next = self.node().next;
        if next == NONE { self.tree.nodes.len() as u32 } else { next }
    }

    /// Elements of a member, itself and below.
    pub(super) fn size(&self) -> usize {
        (self.end() - self.at) as usize
    }

    /// Its own text.
    pub(super) fn text(&self) -> &'t str {
        self.span(self.node().text).trim()
    }

    /// An attribute by its name without prefix.
    pub(super) fn attribute(&self, local: &str) -> Option<&'t str> {
        let (from, to) = self.node().attributes;
        let of = &self.tree.attributes[from as usize..to as usize];
        of.iter().find(|(name, _)| self.names.names[*name as usize].local() == local).map(|(_, span)| self.span(*span))
    }

    pub(super) fn children(self) -> impl Iterator<Item = Element<'t>> {
        let mut next = self.node().first_child;
        std::iter::from_fn(move || {
            let at = (next != NONE).then_some(next)?;
            let child = Element { at, ..self };
            next = child.node().next;
            Some(child)
        })
    }

    pub(super) fn child(self, local: &str) -> Option<Element<'t>> {
        self.children().find(|c| c.local() == local)
    }

    /// Every element of a member that has an id, itself and below, with it.
    pub(super) fn identified(self) -> impl Iterator<Item = (&'t str, Element<'t>)> {
        (self.at..self.end()).filter_map(move |at| {
            let element = Element { at, ..self };
            element.attribute("id").map(|id| (id, element))
        })
    }
}

impl Name {
    fn local(&self) -> &str {
        &self.label[self.local_from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_walked_as_it_was_filled() {
        let mut names = Names::default();
        let (a, b, id) =
            (names.number(Space::City, "x:a"), names.number(Space::Gml, "b"), names.number(Space::Foreign, "gml:id"));
        assert_eq!(names.number(Space::City, "x:a"), a);
        let mut tree = Tree::default();
        tree.start(a);
        tree.attribute(id, "one");
        tree.start(b);
        tree.text("1 ");
        tree.text("2");
        tree.end();
        tree.start(b);
        tree.end();
        tree.end();
        let root = tree.root(&names).unwrap();
        assert_eq!((root.local(), root.label(), root.attribute("id")), ("a", "x:a", Some("one")));
        let texts: Vec<&str> = root.children().map(|c| c.text()).collect();
        assert_eq!(texts, ["1 2", ""]);
        assert_eq!(root.identified().count(), 1);
    }

    #[test]
    fn namespaces_are_told_apart() {
        for (uri, space) in [
            ("http://www.opengis.net/citygml/building/3.0", Space::City),
            ("http://www.opengis.net/citygml/1.0", Space::City),
            ("http://www.opengis.net/gml", Space::Gml),
            ("http://www.opengis.net/gml/3.2", Space::Gml),
            ("urn:oasis:names:tc:ciq:xsdschema:xAL:2.0", Space::Address),
            ("urn:oasis:names:tc:ciq:xal:3", Space::Address),
            ("https://www.geospatial.jp/iur/uro/3.1", Space::Uro),
            ("http://www.citygml.org/ade/TestADE/1.0", Space::Foreign),
            ("", Space::Foreign),
        ] {
            assert_eq!(Space::of(uri), space, "{uri}");
        }
    }
}
