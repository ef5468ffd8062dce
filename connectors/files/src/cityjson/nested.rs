//! Nested arrays of indices, as boundaries and semantic values are written: read without a JSON value for every number.
//! Nothing is refused here; what is no array of indices is kept as what it is and judged by whoever needs it.

use serde::de::SeqAccess;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::lenient::{self, Lenient};
use crate::intake::Refusal;

/// An array of indices, an array of such, or something else.
#[derive(Debug)]
pub(super) enum Nested {
    /// Indices only.
    Indices(Vec<u32>),
    /// Anything in an array.
    List(Vec<Nested>),
    /// One index.
    Index(u32),
    /// Anything else.
    Other(Value),
}

impl Default for Nested {
    fn default() -> Self {
        Self::Other(Value::Null)
    }
}

impl Nested {
    /// The members of an array of arrays. An empty array has none.
    pub(super) fn list(&self) -> Result<&[Nested], Refusal> {
        match self {
            Self::List(list) => Ok(list),
            Self::Indices(indices) if indices.is_empty() => Ok(&[]),
            other => Err(format!("an array was expected where `{}` stands", other.short())),
        }
    }

    /// The members of an array of indices.
    pub(super) fn indices(&self) -> Result<&[u32], Refusal> {
        match self {
            Self::Indices(indices) => Ok(indices),
            Self::List(list) => {
                let bad = list.iter().find(|m| !matches!(m, Self::Index(_))).map(Self::short).unwrap_or_default();
                Err(format!("`{bad}` is no vertex index"))
            }
            other => Err(format!("an array was expected where `{}` stands", other.short())),
        }
    }

    /// The index at a place, where there is one.
    pub(super) fn at(&self, at: usize) -> Option<u32> {
        match self {
            Self::Indices(indices) => indices.get(at).copied(),
            Self::List(list) => match list.get(at)? {
                Self::Index(index) => Some(*index),
                _ => None,
            },
            _ => None,
        }
    }

    /// The member at a place of an array of arrays.
    pub(super) fn member(&self, at: usize) -> Option<&Nested> {
        if let Self::List(list) = self { list.get(at) } else { None }
    }

    fn short(&self) -> String {
        match self {
            Self::Index(index) => index.to_string(),
            Self::Indices(indices) => format!("{indices:?}").chars().take(40).collect(),
            Self::List(_) => "[...]".to_owned(),
            Self::Other(value) => value.to_string().chars().take(40).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

impl<'de> Lenient<'de> for Nested {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut indices = Vec::new();
        while let Some(member) = seq.next_element::<Self>()? {
            if let Self::Index(index) = member {
                indices.push(index);
                continue;
            }
            let mut list: Vec<Self> = indices.into_iter().map(Self::Index).collect();
            list.push(member);
            while let Some(member) = seq.next_element()? {
                list.push(member);
            }
            return Ok(Self::List(list));
        }
        Ok(Self::Indices(indices))
    }

    fn other(value: Value) -> Self {
        match value.as_u64().and_then(|v| u32::try_from(v).ok()) {
            Some(index) => Self::Index(index),
            None => Self::Other(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_as_they_are_written() {
        let read = |text: &str| serde_json::from_str::<Nested>(text).unwrap();
        assert_eq!(read("[1,2,3]").indices().unwrap(), [1, 2, 3]);
        assert_eq!(read("[[1],[2,3]]").list().unwrap()[1].indices().unwrap(), [2, 3]);
        assert!(read("[]").list().unwrap().is_empty());
        assert_eq!(read("[1,-1]").indices().unwrap_err(), "`-1` is no vertex index");
        assert_eq!(read("[[0],1,2.5]").list().unwrap().len(), 3);
        assert!(read("{\"a\":[1]}").list().unwrap_err().contains("an array was expected where `{\"a\":[1]}` stands"));
        assert_eq!(read("[0,null,2]").at(2), Some(2));
        assert_eq!(read("[0,null,2]").at(1), None);
        assert_eq!(read("4294967296").at(0), None);
    }
}
