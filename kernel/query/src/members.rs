//! The members of a JSON object without a tree of them: the text of an object comes in, the texts of its names and values go
//! out, in order. A text that is no object has no members; one that ends early has those before its end. Values are not
//! looked into: that they are JSON is who wrote them's word.

use std::borrow::Cow;

/// Walks over the members of an object: the name with its quotation marks, the value as it is written.
pub fn members(object: &str) -> Members<'_> {
    Members { rest: object.trim().strip_prefix('{').unwrap_or_default() }
}

/// The text that a JSON string stands for; `None` where it is none.
pub fn text_of(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(value).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// See [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
        let (name, rest) = rest.split_at_checked(string_end(rest.as_bytes())?)?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let (value, rest) = rest.split_at_checked(value_end(rest.as_bytes())?)?;
        self.rest = rest;
        Some((name, value.trim_end()))
    }
}

/// Behind the closing quotation mark of the string that the text begins with.
fn string_end(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Behind the value that the text begins with.
fn value_end(text: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0_usize, 0_usize);
    loop {
        match text.get(at)? {
            b'"' => at += string_end(&text[at..])?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            b'}' | b',' if depth == 0 => return (at > 0).then_some(at),
            b']' => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_are_those_of_the_parser(map in prop::collection::btree_map(any::<String>(), json(), 0..6), pretty: bool) {
            let object = Value::Object(map.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            let found: Map<String, Value> = members(&text)
                .map(|(name, value)| (text_of(name).unwrap().into_owned(), serde_json::from_str(value).unwrap()))
                .collect();
            let parsed: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::Object(found), parsed);
        }

        #[test]
        fn any_text_ends(text in "[{}\\[\\]\",:a\\\\ 1é]{0,40}") {
            prop_assert!(members(&text).count() <= text.len());
        }
    }
}
