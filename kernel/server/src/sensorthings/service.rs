//! The service's door: requests come in, each is answered on a thread that may wait, with what there is looked up once for all
//! questions between two changes of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use kernel_store::Snapshot;
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::city::City;
use super::options::Options;
use super::path::{Resource, decode};
use super::set::Set;
use super::world::World;
use super::{ROOT, create, delete, observe, update};
use crate::error::ApiError;
use crate::state::AppState;
use crate::times::Times;

/// Largest body, bytes.
const MOST_BODY: usize = 16 << 20;

/// The requirements classes that are met (OGC 18-088, annex A).
const CONFORMANCE: [&str; 25] = [
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/order",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/expand",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/select",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/status-codes",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/query-status-codes",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/orderby",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/top",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/skip",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/count",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/filter",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/built-in-filter-operations",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/built-in-query-functions",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/pagination",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/create-entity",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/link-to-existing-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/deep-insert",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/deep-insert-status-code",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/update-entity",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/delete-entity",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-update-delete/historical-location-auto-creation",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/data-array/data-array",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/create-observations-via-mqtt/observations-creation",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/receive-updates-via-mqtt/receive-updates",
];

/// What the door holds.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) app: Arc<AppState>,
    /// What there is, and as of how many rows of entities and datastreams.
    city: Mutex<Option<([u64; 2], Arc<City>)>>,
}

impl Service {
    pub(super) fn new(app: Arc<AppState>) -> Self {
        Self { app, city: Mutex::default() }
    }
}

/// The routes.
pub(crate) fn router(app: Arc<AppState>) -> Router {
    let limit = DefaultBodyLimit::max(MOST_BODY.min(app.settings.body_bytes));
    let service = Arc::new(Service::new(app));
    Router::new()
        .route(ROOT, any(handle))
        .route(&format!("{ROOT}/"), any(handle))
        .route(&format!("{ROOT}/{{*path}}"), any(handle))
        .layer(limit)
        .with_state(service)
}

async fn handle(
    State(service): State<Arc<Service>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    if method != Method::GET && method != Method::HEAD {
        service.app.ingest.may_write().map_err(ApiError::unavailable)?;
        service.app.access.may_write(&headers)?;
    }
    let request = Request { method, uri, root: format!("{}{ROOT}", site(&headers)), body };
    let runtime = Handle::current();
    let answered = tokio::task::spawn_blocking(move || service.answer(&request, runtime)).await;
    answered.map_err(ApiError::internal)?
}

/// A request.
struct Request {
    method: Method,
    uri: Uri,
    root: String,
    body: Bytes,
}

impl Service {
    fn answer(&self, request: &Request, runtime: Handle) -> Result<Response, ApiError> {
        let path = decode(request.uri.path().strip_prefix(ROOT).unwrap_or_default(), false)?;
        let path = path.trim_matches('/');
        let question = request.uri.query().unwrap_or_default();
        let world = |times: Times| self.world(times, request.root.clone(), runtime.clone());
        match (&request.method, path) {
            (&Method::GET | &Method::HEAD, "") => {
                Options::read(question, Set::Things)?;
                Ok(landing(&request.root))
            }
            (&Method::GET | &Method::HEAD, _) => {
                let resource = Resource::read(path)?;
                let options = Options::read(question, resource.target())?;
                let address = request.uri.path().strip_prefix(ROOT).unwrap_or_default().trim_matches('/');
                let address = address.strip_suffix("/$ref").unwrap_or(address);
                world(options.times).answer(&resource, &options, address)
            }
            (&Method::POST, "CreateObservations") => {
                observe::data_array(&world(Times::default()), &document(&request.body)?)
            }
            (&Method::POST, _) => {
                create::create(&world(Times::default()), &Resource::read(path)?, &document(&request.body)?)
            }
            (&Method::PATCH | &Method::PUT, _) => {
                let whole = request.method == Method::PUT;
                update::update(&world(Times::default()), &Resource::read(path)?, &document(&request.body)?, whole)
            }
            (&Method::DELETE, _) => delete::delete(&world(Times::default()), &Resource::read(path)?),
            (method, _) => Err(ApiError {
                status: StatusCode::METHOD_NOT_ALLOWED,
                description: format!("{method} is not of this service: GET, POST, PATCH, PUT, DELETE"),
            }),
        }
    }

    /// What a question of these times looks at.
    pub(super) fn world(&self, times: Times, root: String, runtime: Handle) -> World<'_> {
        let snapshot = times.known(self.app.reader.snapshot());
        let city = self.city(&snapshot, times);
        World {
            service: self,
            app: &self.app,
            city,
            snapshot,
            times,
            root,
            now: TimeUs::now(),
            until: Instant::now() + self.app.settings.sql_deadline,
            runtime,
        }
    }

    fn city(&self, snapshot: &Snapshot, times: Times) -> Arc<City> {
        if times != Times::default() {
            return Arc::new(City::of(snapshot, times));
        }
        // Both tables only grow.
        let rows = [Table::Entities, Table::Datastreams].map(|table| snapshot.row_count(table));
        let known = self.city.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, city)) = known.filter(|(as_of, _)| *as_of == rows) {
            return city;
        }
        let city = Arc::new(City::of(snapshot, times));
        let mut kept = self.city.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was made meanwhile of more is not thrown away.
        if kept.as_ref().is_none_or(|(as_of, _)| as_of[0] <= rows[0] && as_of[1] <= rows[1]) {
            *kept = Some((rows, city.clone()));
        }
        city
    }
}

fn landing(root: &str) -> Response {
    let set = |set: Set| json!({ "name": set.name(), "url": format!("{root}/{}", set.name()) });
    let body = json!({
        "value": Set::ALL.map(set),
        "serverSettings": { "conformance": CONFORMANCE },
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn document(body: &[u8]) -> Result<Json, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request(format!("the body is no JSON: {error}")))
}

/// Scheme and host as the client knows them; empty, which makes links relative to the host, where the header is odd.
fn site(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let plain =
        |host: &&str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    text(header::HOST.as_str()).filter(plain).map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}
