//! Templates: a topic with named levels, which are taken out of a topic that fits; a text with names and pointers, which are
//! put in.

use std::sync::Arc;

use serde_json::Value;

/// Bytes of a filled text.
const MOST_BYTES: usize = 256;

/// A topic template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Topic(Vec<Level>);

#[derive(Debug, Clone, PartialEq)]
enum Level {
    Exactly(String),
    /// One level; its name, or nothing.
    One(Option<Arc<str>>),
    Rest,
}

impl Topic {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let count = text.matches('/').count();
        let level = |(at, level): (usize, &str)| match level {
            "+" => Ok(Level::One(None)),
            "#" if at == count => Ok(Level::Rest),
            _ => match level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if is_name(name) => Ok(Level::One(Some(name.into()))),
                None if !level.contains(['{', '}', '+', '#', '\0']) => Ok(Level::Exactly(level.to_owned())),
                _ => Err(format!(
                    "`{level}` is no level of a topic: `{{name}}` and `+` stand alone, `#` in the last only, a name is of letters, digits and _"
                )),
            },
        };
        let levels = text.split('/').enumerate().map(level).collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<_> = levels.iter().filter_map(Level::name).collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("{{{}}} stands twice in the topic", pair[0])),
            None if text.is_empty() => Err("the topic is empty".to_owned()),
            None => Ok(Self(levels)),
        }
    }

    /// As an MQTT filter.
    pub(crate) fn filter(&self) -> String {
        let level = |level: &Level| match level {
            Level::Exactly(text) => text.clone(),
            Level::One(_) => "+".to_owned(),
            Level::Rest => "#".to_owned(),
        };
        self.0.iter().map(level).collect::<Vec<_>>().join("/")
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().filter_map(Level::name).any(|known| &**known == name)
    }

    /// What the names stand for in a topic, if it fits.
    pub(crate) fn names(&self, topic: &str) -> Option<Vec<(Arc<str>, String)>> {
        let mut levels = topic.split('/');
        let mut names = Vec::new();
        for level in &self.0 {
            match (level, levels.next()) {
                (Level::Rest, _) => return Some(names),
                (Level::Exactly(wanted), Some(found)) if wanted == found => {}
                (Level::One(None), Some(_)) => {}
                (Level::One(Some(name)), Some(found)) if !found.is_empty() => {
                    names.push((Arc::clone(name), found.to_owned()));
                }
                _ => return None,
            }
        }
        levels.next().is_none().then_some(names)
    }
}

impl Level {
    fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::One(name) => name.as_ref(),
            _ => None,
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text with holes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Plain(String),
    /// Of the topic.
    Name(String),
    /// Of the message.
    Pointer(String),
}

impl Text {
    pub(super) fn parse(text: &str, topic: &Topic) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((plain, after)) = rest.split_once('{') {
            let (hole, after) = after.split_once('}').ok_or_else(|| format!("`{text}` lacks a closing brace"))?;
            if !plain.is_empty() {
                pieces.push(Piece::Plain(plain.to_owned()));
            }
            match hole {
                pointer if pointer.starts_with('/') => pieces.push(Piece::Pointer(pointer.to_owned())),
                name if topic.has(name) => pieces.push(Piece::Name(name.to_owned())),
                other => {
                    return Err(format!(
                        "{{{other}}} in `{text}` is neither a name of the topic nor a JSON pointer such as {{/{other}}}"
                    ));
                }
            }
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        match pieces.is_empty() {
            true => Err("entity, property and unit may not be empty; the unit of a plain number is \"1\"".to_owned()),
            false => Ok(Self(pieces)),
        }
    }

    /// The text with its holes filled: names of the topic, and what stands in the first of the documents that has it.
    pub(super) fn fill(&self, names: &[(Arc<str>, String)], documents: &[&Value]) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(plain) => filled.push_str(plain),
                Piece::Name(wanted) => {
                    names.iter().filter(|(name, _)| **name == **wanted).for_each(|(_, found)| filled.push_str(found));
                }
                Piece::Pointer(at) => match documents.iter().find_map(|document| document.pointer(at)) {
                    Some(Value::String(text)) => filled.push_str(text),
                    Some(Value::Number(number)) => filled.push_str(&number.to_string()),
                    _ => return Err(format!("there is no text or number at `{at}`")),
                },
            }
        }
        match filled.len() {
            1..=MOST_BYTES => Ok(filled),
            0 => Err("a name or unit is empty".to_owned()),
            _ => Err(format!("a name or unit has more than {MOST_BYTES} bytes")),
        }
    }
}
