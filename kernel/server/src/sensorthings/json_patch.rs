//! JSON Patch (RFC 6902), which the standard allows for updates (OGC 18-088, 10.3.2): what an entity has now and a list of
//! operations come in, the properties that are other then go out. An operation that cannot be done refuses all of them.

use serde_json::Value as Json;

use super::fields::Fields;
use crate::error::ApiError;

/// Operations in one list at most.
const MOST_OPERATIONS: usize = 1_000;

/// The properties that the operations change; a removed one is null.
pub(super) fn changed(before: &Fields, operations: &[Json]) -> Result<Fields, ApiError> {
    if operations.len() > MOST_OPERATIONS {
        return Err(ApiError::bad_request(format!("more than {MOST_OPERATIONS} operations are not taken at once")));
    }
    let mut after = Json::Object(before.clone());
    for operation in operations {
        apply(&mut after, operation)?;
    }
    let Json::Object(after) = after else { return Err(ApiError::bad_request("the patch leaves no entity")) };
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (name.clone(), Json::Null));
    let other = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    Ok(other.map(|(name, value)| (name.clone(), value.clone())).chain(gone).collect())
}

fn apply(document: &mut Json, operation: &Json) -> Result<(), ApiError> {
    let wrong = |why: &str| ApiError::bad_request(format!("the operation {operation} cannot be done: {why}"));
    let text = |name: &str| operation[name].as_str();
    let path = text("path").ok_or_else(|| wrong("it has no path"))?;
    let value = || operation.get("value").cloned().ok_or_else(|| wrong("it has no value"));
    let from = || text("from").ok_or_else(|| wrong("it has no from"));
    let nothing = || wrong("there is nothing at its path");
    match text("op") {
        Some("add") => add(document, path, value()?).ok_or_else(nothing),
        Some("replace") => {
            *document.pointer_mut(path).ok_or_else(nothing)? = value()?;
            Ok(())
        }
        Some("remove") => remove(document, path).map(drop).ok_or_else(nothing),
        Some("test") => {
            if document.pointer(path) == Some(&value()?) {
                Ok(())
            } else {
                Err(wrong("the value is another one"))
            }
        }
        Some("copy") => {
            let value = document.pointer(from()?).cloned().ok_or_else(nothing)?;
            add(document, path, value).ok_or_else(nothing)
        }
        Some("move") => {
            let value = remove(document, from()?).ok_or_else(nothing)?;
            add(document, path, value).ok_or_else(nothing)
        }
        _ => Err(wrong("its op is none of add, remove, replace, move, copy, test")),
    }
}

/// The container of a path and the name in it.
fn parent<'a>(document: &'a mut Json, path: &str) -> Option<(&'a mut Json, String)> {
    let (parent, name) = path.rsplit_once('/')?;
    Some((document.pointer_mut(parent)?, name.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Json, path: &str, value: Json) -> Option<()> {
    let (container, name) = parent(document, path)?;
    match container {
        Json::Object(object) => drop(object.insert(name, value)),
        Json::Array(list) if name == "-" => list.push(value),
        Json::Array(list) => {
            let at = name.parse().ok().filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Json, path: &str) -> Option<Json> {
    let (container, name) = parent(document, path)?;
    match container {
        Json::Object(object) => object.remove(&name),
        Json::Array(list) => name.parse().ok().filter(|at| *at < list.len()).map(|at| list.remove(at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_change_what_they_name() {
        let before = json!({ "name": "a", "description": "d", "properties": { "x/y": 1, "list": [1, 2] } });
        let patch =
            |operations: Json| changed(before.as_object().unwrap(), operations.as_array().unwrap()).map(Json::Object);
        let operations = json!([
            { "op": "test", "path": "/name", "value": "a" },
            { "op": "replace", "path": "/name", "value": "b" },
            { "op": "add", "path": "/properties/list/1", "value": 9 },
            { "op": "move", "from": "/properties/x~1y", "path": "/properties/z" },
            { "op": "copy", "from": "/name", "path": "/properties/list/-" },
            { "op": "remove", "path": "/properties/list/0" },
        ]);
        let wanted = json!({ "name": "b", "properties": { "z": 1, "list": [9, 2, "b"] } });
        assert_eq!(patch(operations).unwrap(), wanted);
        for wrong in [
            json!([{ "op": "test", "path": "/name", "value": "b" }]),
            json!([{ "op": "remove", "path": "/nosuch" }]),
            json!([{ "op": "add", "path": "/nosuch/x", "value": 1 }]),
            json!([{ "op": "add", "path": "/properties/list/7", "value": 1 }]),
            json!([{ "op": "replace", "path": "/name" }]),
            json!([{ "op": "spoil", "path": "/name" }]),
            json!([7]),
        ] {
            assert!(patch(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
