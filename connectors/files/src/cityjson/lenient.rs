//! Reading JSON that may have any shape: a type says what it makes of an array, an object and everything else, and a
//! wrong shape is never an error of the whole document. It is kept, and refuses only the object that has it.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// What a type makes of each shape of JSON.
pub(super) trait Lenient<'de>: Sized {
    /// Of an array.
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::other(json!([])))
    }

    /// Of an object.
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut object = Map::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            object.insert(key, value);
        }
        Ok(Self::other(Value::Object(object)))
    }

    /// Of a number, a text, a truth value or null, and of an array or an object that it has no use for.
    fn other(value: Value) -> Self;
}

/// Reads any JSON as the type.
pub(super) fn read<'de, T: Lenient<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Any(PhantomData))
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::other(Value::Null))
    }

    fn visit_bool<E>(self, v: bool) -> Result<T, E> {
        Ok(T::other(v.into()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<T, E> {
        Ok(T::other(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<T, E> {
        Ok(T::other(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<T, E> {
        Ok(T::other(v.into()))
    }

    fn visit_str<E>(self, v: &str) -> Result<T, E> {
        Ok(T::other(v.into()))
    }
}
