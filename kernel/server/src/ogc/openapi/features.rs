//! Paths and parameters of features.

use kernel_model::Kind;
use serde_json::{Map, Value, json};

use super::super::collections::{GEOJSON, SCHEMA};
use super::super::items::PARAMETERS;
use super::super::properties::Queryables;
use super::super::request::{DEFAULT_LIMIT, Format, MAX_LIMIT};
use super::{MEDIA, Operation, path_parameter, query_parameter, reference};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const TAG: &str = "Features";

fn document(id: &str, summary: &'static str, media: &'static str, schema: &str) -> Operation {
    let (page, other) = (json!({ "type": "string" }), reference("schemas", schema));
    Operation::new(id, summary, TAG).with(&["f-document"]).gives("200", &[(media, other), ("text/html", page)])
}

/// The forms of features.
fn forms() -> Vec<(&'static str, Value)> {
    let mut forms = vec![(GEOJSON, reference("schemas", "featureCollectionGeoJSON"))];
    forms.extend(Format::names().skip(1).map(|name| (Format::named(name).media_type(), json!({}))));
    forms
}

fn page(id: String) -> Operation {
    let summary = "Features of a collection, in the order of their ids; a `next` link leads on";
    Operation::new(id, summary, TAG).with(&PARAMETERS).gives("200", &forms())
}

fn new_feature(id: String) -> Operation {
    Operation::new(id, "Creates a feature; answered when it is durable", TAG)
        .with(&["Content-Crs"])
        .takes(&[GEOJSON], reference("schemas", "newFeature"))
        .gives("201", &[])
        .guarded()
}

/// The paths that are there without any thing.
pub(super) fn paths() -> Map<String, Value> {
    let get = |operation: Operation| json!({ "get": operation.value() });
    let in_collection = |mut item: Value| {
        item["parameters"] = json!([reference("parameters", "collectionId")]);
        item
    };
    let paths = [
        ("/", get(document("getLandingPage", "Landing page", JSON, "landingPage"))),
        ("/api", {
            let operation = document("getApi", "This description", MEDIA, "anything");
            get(operation
                .gives("200", &[(MEDIA, json!({})), (JSON, json!({})), ("text/html", json!({ "type": "string" }))]))
        }),
        ("/conformance", get(document("getConformance", "Classes that are met", JSON, "confClasses"))),
        ("/collections", get(document("getCollections", "The collections", JSON, "collections"))),
        (
            "/collections/{collectionId}",
            in_collection(get(document("getCollection", "One collection", JSON, "collection"))),
        ),
        (
            "/collections/{collectionId}/queryables",
            in_collection(get(document("getQueryables", "What a filter can say of the features", SCHEMA, "anything"))),
        ),
        ("/collections/{collectionId}/items", {
            let options = Operation::new("optionsOfItems", "Methods of this address", TAG).gives("204", &[]);
            in_collection(json!({
                "get": page("getFeatures".to_owned()).value(), "post": new_feature("createFeature".to_owned()).value(),
                "options": options.value(),
            }))
        }),
        ("/collections/{collectionId}/items/{featureId}", {
            let mut item = feature();
            item["parameters"] = json!([reference("parameters", "collectionId"), reference("parameters", "featureId")]);
            item
        }),
    ];
    paths.into_iter().map(|(path, item)| (path.to_owned(), item)).collect()
}

fn feature() -> Value {
    let operation = |id: &str, summary| Operation::new(id, summary, TAG);
    let get = operation("getFeature", "One feature")
        .with(&["datetime", "recorded", "crs", "f-document", "If-None-Match"])
        .gives("200", &[(GEOJSON, reference("schemas", "featureGeoJSON")), ("text/html", json!({ "type": "string" }))])
        .gives("304", &[]);
    let put = operation("replaceFeature", "Replaces a feature; what was stays in the history")
        .with(&["If-Match", "Content-Crs"])
        .takes(&[GEOJSON], reference("schemas", "newFeature"))
        .gives("204", &[])
        .guarded();
    let patch = operation("updateFeature", "Changes members of a feature (RFC 7396)")
        .with(&["If-Match", "Content-Crs"])
        .takes(&[MERGE_PATCH], json!({ "type": "object" }))
        .gives("204", &[])
        .guarded();
    let delete = operation("deleteFeature", "Says that a thing is gone, as of now or an instant")
        .with(&["If-Match", "datetime"])
        .gives("204", &[])
        .guarded();
    let options = operation("optionsOfFeature", "Methods of this address").gives("204", &[]);
    json!({
        "get": get.value(), "put": put.value(), "patch": patch.value(), "delete": delete.value(), "options": options.value(),
    })
}

/// The page of a collection that there is, with a parameter for each of its properties.
pub(super) fn items_of(kind: Kind, names: &Queryables) -> Value {
    let mut get = page(format!("getFeaturesOf_{kind}"));
    for (name, schema) in names.schemas().filter(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        let plain = schema["type"].is_string();
        let schema = if plain { json!({ "type": schema["type"] }) } else { json!({ "type": "string" }) };
        get.parameters.push(query_parameter(&name, "Features whose property has this value", schema));
    }
    json!({ "get": get.value(), "post": new_feature(format!("createFeatureOf_{kind}")).value() })
}

/// The shared parameters.
pub(super) fn parameters() -> Value {
    let text = || json!({ "type": "string" });
    let header = |name: &str, description: &str| json!({ "name": name, "in": "header", "required": false, "description": description, "schema": { "type": "string" } });
    let uri = || json!({ "type": "string", "format": "uri" });
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let forms: Vec<&str> = Format::names().collect();
    let numbers = json!({
        "type": "array", "items": { "type": "number" },
        "oneOf": [{ "minItems": 4, "maxItems": 4 }, { "minItems": 6, "maxItems": 6 }],
    });
    json!({
        "collectionId": path_parameter("collectionId", "A kind of thing", json!({ "type": "string", "enum": kinds })),
        "featureId": path_parameter("featureId", "The id of a thing", json!({ "type": "string", "format": "uuid" })),
        "f": query_parameter("f", "The form of the answer; without it the Accept header decides", json!({ "type": "string", "enum": forms })),
        "f-document": query_parameter("f", "The form of the answer; without it the Accept header decides", json!({ "type": "string", "enum": ["json", "html"] })),
        "bbox": query_parameter(
            "bbox",
            "west,south,east,north in degrees, or the lower and the upper corner in bbox-crs; features that meet the box, and \
             those without a geometry. With six numbers the third and sixth are heights, which are not looked at.",
            numbers,
        ),
        "bbox-crs": query_parameter("bbox-crs", "The reference system of bbox; without it CRS84", uri()),
        "crs": query_parameter("crs", "The reference system of the answer's positions, one of the collection's `crs`; without it CRS84. Heights are not converted.", uri()),
        "datetime": query_parameter(
            "datetime",
            "An RFC 3339 instant, or an interval with .. for an open end: each feature as it last was within it, and \
             those whose validity is not stated. Without it: as they stand.",
            text(),
        ),
        "recorded": query_parameter(
            "recorded",
            "An RFC 3339 instant: what had been recorded by then, and nothing that was told later. Beyond the standard.",
            json!({ "type": "string", "format": "date-time" }),
        ),
        "limit": query_parameter(
            "limit",
            "Features on a page",
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
        ),
        "token": query_parameter("token", "Where the page begins: part of the `next` links", text()),
        "filter": query_parameter("filter", "A condition in CQL2 over the collection's queryables", text()),
        // GDAL before 3.9 looks for the name that CQL2 text had in drafts.
        "filter-lang": query_parameter("filter-lang", "The language of filter", json!({ "type": "string", "enum": ["cql2-text", "cql2-json", "cql-text"], "default": "cql2-text" })),
        "filter-crs": query_parameter("filter-crs", "The reference system of coordinates in filter; without it CRS84", uri()),
        "resultType": query_parameter("resultType", "hits: only how many features match", json!({ "type": "string", "enum": ["results", "hits"], "default": "results" })),
        "If-Match": header("If-Match", "Only where the feature still has this ETag"),
        "If-None-Match": header("If-None-Match", "Only where the feature no longer has this ETag"),
        "Content-Crs": header("Content-Crs", "The reference system of the coordinates that are sent; without it CRS84"),
    })
}
