//! The shapes of what comes in and goes out.

use serde_json::{Value, json};

pub(super) fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let nullable = json!({ "type": ["string", "null"] });
    let instant = json!({ "type": "string", "format": "date-time" });
    let open = json!({ "type": ["string", "null"], "format": "date-time" });
    let links = json!({ "type": "array", "items": { "$ref": "#/components/schemas/link" } });
    let object = |required: &[&str], properties: Value| json!({ "type": "object", "required": required, "properties": properties });
    let kind = json!({ "type": "string", "enum": ["Feature"] });
    let geometry = json!({ "type": ["object", "null"], "description": "RFC 7946, 3.1" });
    let height = json!({ "type": "string", "description": "What heights are measured from: ellipsoid, ground, unknown, none or a vertical CRS" });
    json!({
        "anything": { "type": "object" },
        "exception": object(&["code", "description"], json!({ "code": text, "description": text })),
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
                "id": text, "title": text, "description": text, "links": links, "itemType": text,
                "extent": { "type": "object" }, "crs": { "type": "array", "items": text }, "storageCrs": text,
            }),
        ),
        "featureGeoJSON": object(
            &["type", "id", "geometry", "properties"],
            json!({
                "type": kind, "id": { "type": "string", "format": "uuid" }, "links": links, "geometry": geometry,
                "properties": { "type": "object", "properties": {
                    "kind": text, "class": text, "name": nullable, "parent": nullable, "dataset": text, "source_id": text,
                    "height_reference": height, "recorded_at": instant, "valid_from": open, "valid_to": open,
                    "sequence": { "type": "integer" }, "lineage": text,
                } },
            }),
        ),
        "newFeature": object(
            &["type", "geometry", "properties"],
            json!({
                "type": kind, "geometry": geometry,
                "properties": { "type": ["object", "null"], "properties": {
                    "class": text, "name": nullable, "parent": nullable, "dataset": text, "source_id": text,
                    "height_reference": height, "valid_from": open, "valid_to": open,
                } },
            }),
        ),
        "featureCollectionGeoJSON": object(
            &["type", "features"],
            json!({
                "type": { "type": "string", "enum": ["FeatureCollection"] }, "links": links,
                "features": { "type": "array", "items": { "$ref": "#/components/schemas/featureGeoJSON" } },
                "timeStamp": instant, "numberMatched": { "type": "integer", "minimum": 0 },
                "numberReturned": { "type": "integer", "minimum": 0 },
            }),
        ),
        "question": object(
            &["sql"],
            json!({
                "sql": text, "format": { "type": "string", "enum": ["json", "csv", "table", "arrow", "parquet", "fgb", "geojson"] },
                "limit": { "type": "integer", "minimum": 0 }, "recorded": instant,
            }),
        ),
        "answer": object(
            &["sequence", "truncated", "rows"],
            json!({ "sequence": { "type": "integer" }, "truncated": nullable, "rows": { "type": "array", "items": { "type": "object" } } }),
        ),
        "changes": object(
            &["type", "changes"],
            json!({
                "type": { "type": "string", "enum": ["Changes"] }, "dataset": text,
                "changes": { "type": "array", "items": { "type": "object" }, "description": "docs/changes.md shows them" },
            }),
        ),
    })
}
