//! The API description (OpenAPI 3.0.3): what the routes of this module take and give, and nothing else.

use serde_json::{Value, json};

use super::request::{DEFAULT_LIMIT, MAX_LIMIT};

/// Media type of the description.
pub(super) const MEDIA: &str = "application/vnd.oai.openapi+json;version=3.0";

/// The description with the server at `base`.
pub(super) fn description(base: &str) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Urbis: features",
            "description": "The city as features, by kind: as it stands, as it was (datetime), as it was known to be (recorded). OGC API - Features, Part 1: Core.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "servers": [{ "url": if base.is_empty() { "/" } else { base } }],
        "paths": {
            "/": read("getLandingPage", "Landing page", &[], "application/json", "landingPage"),
            "/api": read("getApi", "This description", &[], MEDIA, "anything"),
            "/conformance": read("getConformance", "Classes that are met", &[], "application/json", "confClasses"),
            "/collections": read("getCollections", "The collections", &[], "application/json", "collections"),
            "/collections/{collectionId}":
                read("getCollection", "One collection", &["collectionId"], "application/json", "collection"),
            "/collections/{collectionId}/items": read(
                "getFeatures",
                "Features of a collection, in the order of their ids",
                &["collectionId", "bbox", "datetime", "recorded", "limit", "after"],
                "application/geo+json",
                "featureCollectionGeoJSON",
            ),
            "/collections/{collectionId}/items/{featureId}": read(
                "getFeature",
                "One feature",
                &["collectionId", "featureId", "datetime", "recorded"],
                "application/geo+json",
                "featureGeoJSON",
            ),
        },
        "components": { "parameters": parameters(), "responses": responses(), "schemas": schemas() },
    })
}

fn read(operation: &str, summary: &str, parameters: &[&str], media: &str, schema: &str) -> Value {
    let parameters: Vec<_> = parameters
        .iter()
        .chain(&["f"])
        .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
        .collect();
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    let mut responses = json!({
        "200": { "description": summary, "content": { media: { "schema": schema }, "text/html": { "schema": { "type": "string" } } } },
        "400": { "$ref": "#/components/responses/InvalidParameter" },
        "500": { "$ref": "#/components/responses/ServerError" },
    });
    if parameters.len() > 1 {
        responses["404"] = json!({ "$ref": "#/components/responses/NotFound" });
    }
    json!({ "get": { "operationId": operation, "summary": summary, "tags": ["Features"], "parameters": parameters, "responses": responses } })
}

fn parameters() -> Value {
    let path = |name: &str, description: &str| json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } });
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema, "style": "form", "explode": false });
    let numbers = json!({
        "type": "array", "items": { "type": "number" },
        "oneOf": [{ "minItems": 4, "maxItems": 4 }, { "minItems": 6, "maxItems": 6 }],
    });
    json!({
        "collectionId": path("collectionId", "A kind of thing, such as building"),
        "featureId": path("featureId", "The id of a thing, a UUID"),
        "f": query("f", "The form of the answer; without it the Accept header decides", json!({ "type": "string", "enum": ["json", "html"] })),
        "bbox": query(
            "bbox",
            "west,south,east,north in degrees (CRS84); features that meet the box, and those without a geometry. With six \
             numbers the third and sixth are heights, which are not looked at.",
            numbers,
        ),
        "datetime": query(
            "datetime",
            "An RFC 3339 instant or interval (a/b, ../b, a/..); features that are valid then, as they last were within it, and \
             those whose validity is not stated. Without it: as they stand.",
            json!({ "type": "string" }),
        ),
        "recorded": query(
            "recorded",
            "An RFC 3339 instant: what had been recorded by then, and nothing that was told later. Beyond the standard.",
            json!({ "type": "string", "format": "date-time" }),
        ),
        "limit": query(
            "limit",
            "Features on a page",
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
        ),
        "after": query("after", "The page begins behind this feature id; part of the `next` links", json!({ "type": "string", "format": "uuid" })),
    })
}

fn responses() -> Value {
    let error = |description: &str| json!({ "description": description, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/exception" } } } });
    json!({
        "InvalidParameter": error("A parameter is unknown or has no valid value"),
        "NotFound": error("There is no such collection or feature"),
        "ServerError": error("The server failed"),
    })
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let links = json!({ "type": "array", "items": { "$ref": "#/components/schemas/link" } });
    let object = |required: &[&str], properties: Value| json!({ "type": "object", "required": required, "properties": properties });
    let feature = json!({
        "type": { "type": "string", "enum": ["Feature"] }, "id": text, "links": links,
        "geometry": { "type": "object", "nullable": true, "description": "RFC 7946, 3.1" },
        "properties": {
            "type": "object", "nullable": true,
            "properties": {
                "kind": text, "class": text, "name": { "type": "string", "nullable": true }, "dataset": text, "source_id": text,
                "height_reference": { "type": "string", "description": "What heights are measured from: ellipsoid, ground, unknown, none or a vertical CRS" },
                "recorded_at": { "type": "string", "format": "date-time" },
                "valid_from": { "type": "string", "format": "date-time", "nullable": true },
                "valid_to": { "type": "string", "format": "date-time", "nullable": true },
            },
        },
    });
    json!({
        "anything": { "type": "object" },
        "exception": object(&["code"], json!({ "code": text, "description": text })),
        "link": object(&["href"], json!({ "href": text, "rel": text, "type": text, "title": text })),
        "landingPage": object(&["links"], json!({ "title": text, "description": text, "links": links })),
        "confClasses": object(&["conformsTo"], json!({ "conformsTo": { "type": "array", "items": text } })),
        "collections": object(
            &["links", "collections"],
            json!({ "links": links, "collections": { "type": "array", "items": { "$ref": "#/components/schemas/collection" } } }),
        ),
        "collection": object(
            &["id", "links"],
            json!({
                "id": text, "title": text, "description": text, "links": links, "itemType": text, "extent": { "type": "object" },
                "crs": { "type": "array", "items": text }, "storageCrs": text,
            }),
        ),
        "featureGeoJSON": object(&["type", "geometry", "properties"], feature),
        "featureCollectionGeoJSON": object(
            &["type", "features"],
            json!({
                "type": { "type": "string", "enum": ["FeatureCollection"] }, "links": links,
                "features": { "type": "array", "items": { "$ref": "#/components/schemas/featureGeoJSON" } },
                "timeStamp": { "type": "string", "format": "date-time" },
                "numberMatched": { "type": "integer", "minimum": 0 }, "numberReturned": { "type": "integer", "minimum": 0 },
            }),
        ),
    })
}
