//! Payloads as documents: JSON, CBOR (RFC 8949) and a plain number come in, a JSON value goes out. Depth is bounded by the
//! readers of both (128 and 256 levels), size by that of the message.

use ciborium::Value as Cbor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// What the bytes of a message are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// A JSON document.
    #[default]
    Json,
    /// A CBOR item; keys of maps are texts or whole numbers.
    Cbor,
    /// One number as text.
    Number,
}

impl Payload {
    pub(super) fn read(self, bytes: &[u8]) -> Result<Value, String> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}")),
            Self::Cbor => {
                let mut rest = bytes;
                let item: Cbor = ciborium::from_reader(&mut rest).map_err(|error| format!("no CBOR: {error}"))?;
                match rest.is_empty() {
                    true => value(item),
                    false => Err("bytes after the end of the CBOR item".to_owned()),
                }
            }
            Self::Number => {
                let text = std::str::from_utf8(bytes).map_err(|_| "no number: the bytes are no text".to_owned())?;
                plain(text.trim()).and_then(Number::from_f64).map(Value::Number).ok_or_else(|| "no number".to_owned())
            }
        }
    }
}

/// A finite number, also where it stands as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::String(text) => plain(text),
        _ => None,
    }
}

/// A decimal number; neither `inf` nor `nan`, which Rust would read too.
fn plain(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| is_decimal && number.is_finite())
}

fn value(item: Cbor) -> Result<Value, String> {
    Ok(match item {
        Cbor::Null => Value::Null,
        Cbor::Bool(bool) => Value::Bool(bool),
        Cbor::Integer(integer) => match i64::try_from(integer) {
            Ok(number) => number.into(),
            Err(_) => u64::try_from(integer).map_err(|_| "a whole number below -2^63".to_owned())?.into(),
        },
        // What is not finite is no value.
        Cbor::Float(float) => Number::from_f64(float).map_or(Value::Null, Value::Number),
        Cbor::Text(text) => Value::String(text),
        Cbor::Array(items) => Value::Array(items.into_iter().map(value).collect::<Result<_, _>>()?),
        Cbor::Map(entries) => {
            let mut map = Map::new();
            for (key, item) in entries {
                let key = match key {
                    Cbor::Text(text) => text,
                    Cbor::Integer(integer) => i128::from(integer).to_string(),
                    _ => return Err("a key that is neither text nor a whole number".to_owned()),
                };
                if map.insert(key, value(item)?).is_some() {
                    return Err("a key that stands twice".to_owned());
                }
            }
            Value::Object(map)
        }
        // Tags say what a text or number means (0: RFC 3339, 1: seconds since 1970); the rule says it too.
        Cbor::Tag(_, item) => value(*item)?,
        _ => return Err("a byte string or a simple value, where JSON has none".to_owned()),
    })
}
