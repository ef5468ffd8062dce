//! Features in: create, replace, update and delete (Part 4, OGC 20-002, draft). A GeoJSON feature comes in, becomes the one
//! change that `POST /changes` would take, goes through the one writer, and is answered when it is durable. What a source
//! said before stays in the history: a replacement is a new revision, a deletion a retirement as of now (or `datetime`).
//!
//! `If-Match` guards against others who write through these doors; the state is looked at and changed under one lock. A
//! stream or `POST /changes` does not take part in that.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_model::{Change, EntityId, Kind, SourceKey, TimeUs, read_changes};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::collections::GEOJSON;
use super::items::{etag, names_tag};
use super::properties::SOURCE;
use super::request::Asked;
use super::rows::Columns;
use super::system::System;
use super::{Features, feature};
use crate::error::ApiError;
use crate::parameters::Path;
use crate::state::AppState;
use crate::times::Times;

/// The dataset of features that name none.
const DATASET: &str = "features";
const MERGE_PATCH: &str = "application/merge-patch+json";
/// The reference system of the coordinates that are sent.
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");
/// Properties that the store gives; what is sent under their names is left out.
const GIVEN: [&str; 3] = ["recorded_at", "sequence", "lineage"];

pub(super) fn body_limit(state: &AppState) -> DefaultBodyLimit {
    DefaultBodyLimit::max(state.settings.body_bytes)
}

/// `POST` to the items of a collection, also of one that has no feature yet.
pub(super) async fn create(
    State(features): State<Arc<Features>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    asked: Asked,
    body: Bytes,
) -> Result<Response, ApiError> {
    features.may_write(&headers)?;
    asked.only(&[])?;
    let kind = kind_of(&name)?;
    let sent = read(&headers, &body, &[GEOJSON, "application/json"])?;
    let source = new_source(&sent)?;
    let _changing = features.changing.lock().await;
    let known = features.entity_of(&source).await?;
    if let Some(id) = known.filter(|id| features.row(kind, &id.to_string(), Times::default()).is_ok()) {
        return Err(ApiError {
            status: StatusCode::CONFLICT,
            description: format!("there is {source} already, it is {id}: replace it with PUT"),
        });
    }
    features.describe(kind, &source, sent, &headers).await?;
    let id = features.entity_of(&source).await?;
    let id = id.ok_or_else(|| ApiError::internal(format!("{source} was written and is not there")))?;
    let location = format!("{}/collections/{kind}/items/{id}", asked.base);
    let mut response = features.tagged(kind, &id.to_string(), StatusCode::CREATED)?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `PUT`: the feature as a whole.
pub(super) async fn replace(
    State(features): State<Arc<Features>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Asked,
    body: Bytes,
) -> Result<Response, ApiError> {
    features.may_write(&headers)?;
    asked.only(&[])?;
    let kind = kind_of(&name)?;
    let sent = read(&headers, &body, &[GEOJSON, "application/json"])?;
    let _changing = features.changing.lock().await;
    let source = features.source_as_asked(kind, &id, &headers)?;
    features.describe(kind, &source, sent, &headers).await?;
    features.tagged(kind, &id, StatusCode::NO_CONTENT)
}

/// `PATCH`: a merge patch (RFC 7396) of the feature as it is given.
pub(super) async fn update(
    State(features): State<Arc<Features>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Asked,
    body: Bytes,
) -> Result<Response, ApiError> {
    features.may_write(&headers)?;
    asked.only(&[])?;
    let kind = kind_of(&name)?;
    let patch = read(&headers, &body, &[MERGE_PATCH, GEOJSON, "application/json"])?;
    let _changing = features.changing.lock().await;
    let source = features.source_as_asked(kind, &id, &headers)?;
    let row = features.row(kind, &id, Times::default())?;
    let system = content_system(&headers)?;
    let mut text = Vec::new();
    feature::write_open(&mut text, &Columns::of(&row)?, 0, &system)?;
    text.push(b'}');
    let mut feature: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
    merge(&mut feature, &patch);
    features.describe(kind, &source, feature, &headers).await?;
    features.tagged(kind, &id, StatusCode::NO_CONTENT)
}

/// `DELETE`: the thing is gone, as of now or `datetime`.
pub(super) async fn delete(
    State(features): State<Arc<Features>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ApiError> {
    features.may_write(&headers)?;
    asked.only(&["datetime"])?;
    let at = match asked.times()?.valid {
        None => TimeUs::now(),
        Some(span) => {
            span.from.ok_or_else(|| ApiError::bad_request("datetime: give the instant since when it is gone"))?
        }
    };
    let kind = kind_of(&name)?;
    let _changing = features.changing.lock().await;
    let source = features.source_as_asked(kind, &id, &headers)?;
    features.commit(Change::Retire { source, at }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn collection_options() -> Response {
    allowed("GET, HEAD, OPTIONS, POST")
}

pub(super) async fn item_options() -> Response {
    allowed("DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
}

fn allowed(methods: &'static str) -> Response {
    let patch = HeaderName::from_static("accept-patch");
    let headers = [(header::ALLOW, HeaderValue::from_static(methods)), (patch, HeaderValue::from_static(MERGE_PATCH))];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn kind_of(name: &str) -> Result<Kind, ApiError> {
    name.parse().map_err(|_| {
        let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        ApiError::not_found(format!("there is no collection `{name}`; features are of one of {}", all.join(", ")))
    })
}

/// The body as JSON, where it says that it is.
fn read(headers: &HeaderMap, body: &[u8], types: &[&str]) -> Result<Value, ApiError> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !types.contains(&said.split(';').next().unwrap_or_default().trim()) {
        return Err(ApiError {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            description: format!("the content-type is `{said}`: send {}", types.join(" or ")),
        });
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| unprocessable(&format!("the body: {error}")))?;
    if value.is_object() { Ok(value) } else { Err(unprocessable("the body is no JSON object")) }
}

fn unprocessable(description: &str) -> ApiError {
    ApiError { status: StatusCode::UNPROCESSABLE_ENTITY, description: description.to_owned() }
}

fn content_system(headers: &HeaderMap) -> Result<System, ApiError> {
    let said = headers.get(CONTENT_CRS).map(|value| value.to_str().unwrap_or_default());
    said.map_or(Ok(System::stored()), |text| System::read("Content-Crs", text))
}

/// What a new feature's source calls it: by its properties `dataset` and `source_id`, else by a name that is made up.
fn new_source(feature: &Value) -> Result<SourceKey, ApiError> {
    let text = |name: &str| match &feature["properties"][name] {
        Value::Null => Ok(None),
        Value::String(text) if !text.is_empty() && text.len() <= 1_024 => Ok(Some(text.clone())),
        other => Err(unprocessable(&format!("properties.{name}: {other} is no name"))),
    };
    let dataset = text("dataset")?.unwrap_or_else(|| DATASET.to_owned());
    Ok(SourceKey::new(dataset, text("source_id")?.unwrap_or_else(|| Uuid::now_v7().to_string())))
}

/// RFC 7396, 2. As deep as the patch, which the parser bounds.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

impl Features {
    fn may_write(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        self.state.ingest.may_write().map_err(ApiError::unavailable)?;
        self.state.access.may_write(headers)
    }

    /// The thing that a source calls so. The writer may be at work on the present city, so this is waited for elsewhere.
    async fn entity_of(&self, source: &SourceKey) -> Result<Option<EntityId>, ApiError> {
        let (reader, source) = (self.state.reader.clone(), source.clone());
        let found = tokio::task::spawn_blocking(move || reader.live().entity_of(&source)).await;
        found.map_err(ApiError::internal)
    }

    /// What the source of a feature calls it, where the feature is there and in the state that the request asks for.
    fn source_as_asked(&self, kind: Kind, id: &str, headers: &HeaderMap) -> Result<SourceKey, ApiError> {
        let row = self.row(kind, id, Times::default())?;
        let columns = Columns::of(&row)?;
        let tag = etag(&columns);
        if headers.get(header::IF_MATCH).is_some_and(|wanted| !names_tag(wanted, &tag)) {
            return Err(ApiError {
                status: StatusCode::PRECONDITION_FAILED,
                description: "somebody has changed this feature since: get it again".to_owned(),
            });
        }
        Ok(SourceKey::new(columns.dataset.value(0), columns.source_id.value(0)))
    }

    /// Writes a feature as the description of the thing that the source calls so.
    async fn describe(
        &self,
        kind: Kind,
        source: &SourceKey,
        feature: Value,
        headers: &HeaderMap,
    ) -> Result<(), ApiError> {
        let system = content_system(headers)?;
        let thing = self.thing(kind, source, feature, &system)?;
        let document = json!({ "type": "Changes", "changes": [{ "describe": thing }] });
        let changes = read_changes(document.to_string().as_bytes(), None);
        let mut changes =
            changes.map_err(|error| unprocessable(error.to_string().trim_start_matches("changes/0: ")))?;
        let Some(Change::Entity(mut draft)) = changes.pop() else { return Err(ApiError::internal("no description")) };
        if draft.geometry.is_some() && !system.is_stored() {
            draft.lineage = system.lineage().into();
        }
        self.commit(Change::Entity(draft)).await
    }

    /// The thing in the words of `docs/changes.md`.
    fn thing(&self, kind: Kind, source: &SourceKey, mut feature: Value, system: &System) -> Result<Value, ApiError> {
        if feature["type"] != "Feature" {
            return Err(unprocessable("its type is not `Feature`"));
        }
        let mut said = match feature["properties"].take() {
            Value::Null => Map::new(),
            Value::Object(said) => said,
            _ => return Err(unprocessable("its properties are no object")),
        };
        let fixed = [("kind", kind.name()), ("dataset", source.dataset.as_ref()), ("source_id", source.id.as_ref())];
        for (name, value) in fixed {
            if said.remove(name).is_some_and(|given| !given.is_null() && given != value) {
                return Err(unprocessable(&format!("properties.{name} is `{value}` and cannot be changed")));
            }
        }
        GIVEN.iter().for_each(|name| drop(said.remove(*name)));
        let mut thing = json!({ "dataset": source.dataset.as_ref(), "id": source.id.as_ref(), "kind": kind.name() });
        for name in ["class", "name", "height_reference", "valid_from", "valid_to"] {
            if let Some(value) = said.remove(name).filter(|value| !value.is_null()) {
                thing[name] = value;
            }
        }
        if let Some(parent) = said.remove("parent").filter(|parent| !parent.is_null()) {
            thing["parent"] = self.parent(&parent)?;
        }
        if !feature["geometry"].is_null() {
            thing["geometry"] = located(feature["geometry"].take(), system)?;
        } else if thing["height_reference"] == "none" {
            thing["height_reference"].take();
        }
        let own = said.into_iter().map(|(name, value)| (name.strip_prefix(SOURCE).unwrap_or(&name).to_owned(), value));
        thing["properties"] = Value::Object(own.collect());
        Ok(thing)
    }

    /// The thing that an id names, by dataset and id.
    fn parent(&self, parent: &Value) -> Result<Value, ApiError> {
        let unknown = || unprocessable(&format!("properties.parent: {parent} is no feature's id"));
        let id: EntityId = parent.as_str().and_then(|text| text.parse().ok()).ok_or_else(unknown)?;
        let row = self.state.reader.snapshot().last_state(&id).ok_or_else(unknown)?;
        let columns = Columns::of(&row)?;
        Ok(json!({ "dataset": columns.dataset.value(0), "id": columns.source_id.value(0) }))
    }

    async fn commit(&self, change: Change) -> Result<(), ApiError> {
        let receipt = self.state.ingest.commit(vec![change]).await.map_err(ApiError::unavailable)?;
        match receipt.outcome.rejected.first() {
            None => Ok(()),
            Some(rejection) => Err(unprocessable(&rejection.reason)),
        }
    }

    /// An empty answer with the tag of a feature's state.
    fn tagged(&self, kind: Kind, id: &str, status: StatusCode) -> Result<Response, ApiError> {
        let mut response = status.into_response();
        // It is gone already where its validity says so.
        if let Ok(row) = self.row(kind, id, Times::default()) {
            response.headers_mut().insert(header::ETAG, etag(&Columns::of(&row)?));
        }
        Ok(response)
    }
}

/// A GeoJSON geometry in degrees; heights stay as they are.
fn located(mut value: Value, system: &System) -> Result<Value, ApiError> {
    fn walk(value: &mut Value, system: &System) -> Result<(), ApiError> {
        let Some(list) = value.as_array_mut() else { return Ok(()) };
        if let [Value::Number(a), Value::Number(b), ..] = list.as_slice() {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            let (lon, lat) = system.degrees(a, b)?;
            (list[0], list[1]) = (json!(lon), json!(lat));
            return Ok(());
        }
        list.iter_mut().try_for_each(|inner| walk(inner, system))
    }
    if !system.is_stored() {
        value.get_mut("coordinates").map_or(Ok(()), |coordinates| walk(coordinates, system))?;
    }
    Ok(value)
}
