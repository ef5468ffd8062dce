//! The API description (OpenAPI 3.1.0, JSON Schema 2020-12): every path of the program, what it takes and gives, and nothing
//! else. Paths of features are below the landing page, which is the document's server; all others say the server's root.
//! A test holds the paths against those of the routers.

mod features;
mod others;
mod schemas;

use serde_json::{Map, Value, json};

use super::Features;
use crate::error::ApiError;

/// Media type of the description.
pub(super) const MEDIA: &str = "application/vnd.oai.openapi+json;version=3.1";

/// The description with the landing page at `base`; collections that there are have paths of their own, with parameters
/// for their own properties.
pub(super) fn description(features: &Features, base: &str) -> Result<Value, ApiError> {
    let mut paths = features::paths();
    for kind in features.summary()?.kinds.keys() {
        let names = features.queryables(*kind)?;
        paths.insert(format!("/collections/{kind}/items"), features::items_of(*kind, &names));
    }
    let root = base.strip_suffix(features.mount).unwrap_or_default();
    paths.extend(others::paths(if root.is_empty() { "/" } else { root }));
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Urbis",
            "description": "A city's things as they stand, as they were (datetime), as they were known to be (recorded): OGC \
                            API - Features, Parts 1 to 4; SQL, readings, alarms, receipts.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": if base.is_empty() { "/" } else { base } }],
        "paths": paths,
        "components": {
            "parameters": features::parameters(),
            "responses": { "Error": {
                "description": "It cannot be met: what is wrong, and what to do",
                "content": { "application/json": { "schema": reference("schemas", "exception") } },
            } },
            "schemas": schemas::schemas(),
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "The API key printed at the first start" } },
        },
    }))
}

fn reference(part: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{part}/{name}") })
}

/// What one method of a path does.
struct Operation {
    id: String,
    summary: &'static str,
    tag: &'static str,
    parameters: Vec<Value>,
    /// The body's media types and their schema.
    body: Option<(&'static [&'static str], Value)>,
    /// Status, and media types with their schema; none: no body.
    answers: Vec<(&'static str, Vec<(&'static str, Value)>)>,
    needs_key: bool,
}

impl Operation {
    fn new(id: impl Into<String>, summary: &'static str, tag: &'static str) -> Self {
        let (parameters, answers) = (Vec::new(), Vec::new());
        Self { id: id.into(), summary, tag, parameters, body: None, answers, needs_key: false }
    }

    /// Shared parameters by name.
    fn with(mut self, names: &[&str]) -> Self {
        self.parameters.extend(names.iter().map(|name| reference("parameters", name)));
        self
    }

    fn takes(mut self, types: &'static [&'static str], schema: Value) -> Self {
        self.body = Some((types, schema));
        self
    }

    fn gives(mut self, status: &'static str, types: &[(&'static str, Value)]) -> Self {
        self.answers.push((status, types.to_vec()));
        self
    }

    fn guarded(mut self) -> Self {
        self.needs_key = true;
        self
    }

    fn value(self) -> Value {
        let mut responses = Map::new();
        for (status, types) in self.answers {
            let content: Map<String, Value> =
                types.into_iter().map(|(media, schema)| (media.to_owned(), json!({ "schema": schema }))).collect();
            let mut response = json!({ "description": self.summary });
            if !content.is_empty() {
                response["content"] = content.into();
            }
            responses.insert(status.to_owned(), response);
        }
        responses.insert("default".to_owned(), reference("responses", "Error"));
        let mut value = json!({
            "operationId": self.id, "summary": self.summary, "tags": [self.tag], "parameters": self.parameters,
            "responses": responses,
        });
        if let Some((types, schema)) = self.body {
            let content: Map<String, Value> =
                types.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema }))).collect();
            value["requestBody"] = json!({ "required": true, "content": content });
        }
        if self.needs_key {
            value["security"] = json!([{ "key": [] }]);
        }
        value
    }
}

fn path_parameter(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
}

fn query_parameter(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema, "style": "form", "explode": false })
}
