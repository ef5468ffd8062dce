//! The one way in. Every request comes here first: who asks is found out, what it may is looked up, what was decided is recorded,
//! and it goes on to doors that were made for what it sees. A door never learns who asks, and cannot show more than its reader sees.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_access::{Principal, Rights};
use kernel_model::TimeUs;
use kernel_store::Reader;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::access::{Access, lacks};
use crate::audit::{AuditLevel, Decision, short};
use crate::error::ApiError;
use crate::listen::Peer;
use crate::rates::Rates;
use crate::router::{around, doors};
use crate::state::AppState;
use crate::traffic::Traffic;

/// Sights for which doors are kept.
const KEPT: usize = 64;
/// By which an answer and its line in the audit record find each other.
const REQUEST: HeaderName = HeaderName::from_static("x-request-id");

/// The way in.
pub(crate) struct Entrance {
    state: Arc<AppState>,
    traffic: Arc<Traffic>,
    rates: Rates,
    places: Semaphore,
    stopped: watch::Receiver<bool>,
    /// For those who see everything.
    whole: Router,
    /// For the others, those who came last at the end.
    seen: Mutex<VecDeque<Own>>,
}

/// Doors that were made for some rights.
struct Own {
    rights: Arc<Rights>,
    doors: Router,
    reader: Reader,
}

/// Whether whoever opened a connection that lasts may still be there.
#[derive(Clone)]
pub(crate) struct Stay {
    may: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Its place is taken as long as it stays.
    _peer: Option<Peer>,
}

impl Stay {
    /// Asks anew.
    pub(crate) fn may(&self) -> bool {
        (self.may)()
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entrance(..)")
    }
}

/// What is known of a request before it is answered.
struct About {
    id: String,
    method: Method,
    path: String,
    peer: Option<Peer>,
    begun: Instant,
}

impl Entrance {
    /// The way to the doors of a state.
    pub(crate) fn router(state: Arc<AppState>, stopped: watch::Receiver<bool>) -> Router {
        let traffic = state.gauges.traffic();
        let entrance = Arc::new(Self {
            whole: doors(&state),
            rates: Rates::new(state.settings.requests_per_s),
            places: Semaphore::new(state.settings.requests_at_once),
            traffic,
            stopped,
            seen: Mutex::default(),
            state: state.clone(),
        });
        around(Router::new().fallback(move |request: Request<Body>| entrance.clone().enter(request)), &state.settings)
    }

    async fn enter(self: Arc<Self>, mut request: Request<Body>) -> Response {
        let about = About {
            id: request_id(&request),
            method: request.method().clone(),
            path: short(request.uri().path()).to_owned(),
            peer: request.extensions().get::<Peer>().cloned(),
            begun: Instant::now(),
        };
        let access = &self.state.access;
        access.prepare(request.headers()).await;
        let who = match self.state.ingest.may_write() {
            // Also where the keys cannot be read, as may be in a folder that is only read.
            Err(trouble) if writes(&about) => Err(ApiError::unavailable(trouble)),
            _ if is_open(&about) => Ok(None),
            _ => access.who(request.headers()).map(Some),
        };
        let name = who.as_ref().ok().and_then(Option::as_ref).map_or("-".to_owned(), |principal| principal.id.clone());
        let answer = match who.and_then(|who| self.let_in(&about, who.as_ref(), &request).map(|rights| (who, rights))) {
            Err(refusal) => Err(refusal),
            Ok((who, rights)) => {
                if let Some(principal) = who.clone() {
                    let stay = stay(access, &request, principal, about.peer.clone());
                    request.extensions_mut().insert(stay);
                }
                self.answer(&about, who.zip(rights), request).await
            }
        };
        self.settle(&about, &name, answer)
    }

    /// Records what was decided.
    fn settle(&self, about: &About, principal: &str, answer: Result<Response, ApiError>) -> Response {
        let why = answer.as_ref().err().map(|refusal| refusal.description.clone());
        if let Err(refusal) = &answer {
            self.traffic.count("entrance", about.method.as_str(), refusal.status.as_u16(), about.begun.elapsed());
        }
        let mut response = answer.unwrap_or_else(IntoResponse::into_response);
        let status = response.status();
        let is_refused = why.is_some() || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if let Some(audit) = self.state.access.audit()
            && (is_refused || writes(about) || audit.level() == AuditLevel::All)
        {
            audit.record(&Decision {
                time: TimeUs::now().to_string(),
                request: &about.id,
                principal,
                address: about.peer.as_ref().map(|peer| peer.address.ip().to_string()).unwrap_or_default(),
                method: about.method.as_str(),
                path: &about.path,
                status: status.as_u16(),
                made: if is_refused { "refused" } else { "allowed" },
                why: why.as_deref(),
            });
        }
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"urbis\""));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        if let Ok(id) = HeaderValue::from_str(&about.id) {
            headers.insert(REQUEST, id);
        }
        response
    }

    /// What somebody may, or why it is not let in.
    fn let_in(
        &self,
        about: &About,
        who: Option<&Principal>,
        request: &Request<Body>,
    ) -> Result<Option<Arc<Rights>>, ApiError> {
        let name = match who.filter(|principal| !principal.is_anonymous()) {
            Some(principal) => principal.id.clone(),
            None => about.peer.as_ref().map(|peer| peer.address.ip().to_string()).unwrap_or_default(),
        };
        if about.path != "/health" && !self.rates.take(&name, about.begun) {
            let description = "too many requests: wait a second, or ask for more at once".to_owned();
            return Err(ApiError { status: StatusCode::TOO_MANY_REQUESTS, description });
        }
        let encoding = request.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
            let description = "send the body as it is: bodies that are compressed are not taken".to_owned();
            return Err(ApiError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, description });
        }
        if writes(about)
            && let Some(trouble) = self.state.access.audit().and_then(|audit| audit.trouble())
        {
            let line = format!("no write is let in while it cannot be recorded: {trouble}");
            return Err(ApiError::unavailable(line));
        }
        let Some(principal) = who else { return Ok(None) };
        let rights = self.state.access.rights(principal);
        check(about, principal, &rights)?;
        Ok(Some(rights))
    }

    async fn answer(
        self: &Arc<Self>,
        about: &About,
        who: Option<(Principal, Arc<Rights>)>,
        request: Request<Body>,
    ) -> Result<Response, ApiError> {
        if about.path == "/ready" {
            return self.ready();
        }
        let _place =
            self.places.try_acquire().map_err(|_| ApiError::unavailable("too many requests are answered now"))?;
        // Figures of the server are for who operates it, whatever that sees of the city.
        let operates = |rights: &Rights| about.path == "/metrics" && rights.may_operate;
        let doors = match who.filter(|(_, rights)| is_bounded(rights) && !operates(rights)) {
            None => self.whole.clone(),
            Some((principal, rights)) => {
                let (doors, reader) = self.doors_of(principal, &rights);
                // What is seen may have to be sifted anew, which takes a while where there is much.
                let sifted = tokio::task::spawn_blocking(move || drop(reader.snapshot())).await;
                sifted.map_err(ApiError::internal)?;
                doors
            }
        };
        let answer = doors.oneshot(request);
        if writes(about) {
            return Ok(answer.await.into_response());
        }
        let deadline = self.state.settings.deadline;
        let late = || ApiError { status: StatusCode::GATEWAY_TIMEOUT, description: too_late(deadline) };
        tokio::time::timeout(deadline, answer).await.map(IntoResponse::into_response).map_err(|_| late())
    }

    /// Whether it takes requests: no more once it was told to stop.
    fn ready(&self) -> Result<Response, ApiError> {
        match *self.stopped.borrow() {
            true => Err(ApiError::unavailable("the server stops")),
            false => Ok((StatusCode::OK, "ready\n").into_response()),
        }
    }

    /// Doors for one principal, and the reader behind them.
    fn doors_of(&self, principal: Principal, rights: &Arc<Rights>) -> (Router, Reader) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.iter().position(|own| Arc::ptr_eq(&own.rights, rights));
        let own = known.and_then(|at| seen.remove(at)).unwrap_or_else(|| {
            let writes_to = (!rights.writes_everywhere).then(|| self.state.access.may_write_to(principal));
            let state = Arc::new(self.state.for_one(&rights.sight, writes_to));
            Own { rights: rights.clone(), doors: doors(&state), reader: state.reader.clone() }
        });
        if seen.len() >= KEPT {
            seen.pop_front();
        }
        let found = (own.doors.clone(), own.reader.clone());
        seen.push_back(own);
        found
    }
}

/// Whether it needs doors of its own: it does not see everything, or writes somewhere, but not everywhere.
fn is_bounded(rights: &Rights) -> bool {
    !rights.sight.is_whole() || (rights.may_write && !rights.writes_everywhere)
}

fn too_late(deadline: Duration) -> String {
    format!("not answered within {} s: ask for less", deadline.as_secs())
}

/// The sender's own id, where it is one, or a new one.
fn request_id(request: &Request<Body>) -> String {
    let given = request.headers().get(REQUEST).and_then(|id| id.to_str().ok());
    let is_id = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given.filter(is_id).map_or_else(|| format!("{:016x}", rand::random::<u64>()), str::to_owned)
}

/// Whether the same proof, sent anew, is the same principal's.
fn stay(access: &Access, request: &Request<Body>, principal: Principal, peer: Option<Peer>) -> Stay {
    let (access, headers) = (access.clone(), request.headers().clone());
    let may = move || access.who(&headers).is_ok_and(|now| now == principal);
    Stay { may: Arc::new(may), _peer: peer }
}

/// What everybody may ask, and what is guarded by a signature of its own.
fn is_open(about: &About) -> bool {
    matches!(about.path.as_str(), "/health" | "/ready" | "/witness/add-checkpoint") || about.path.starts_with("/hooks/")
}

/// A question in SQL only reads, whatever its method.
fn writes(about: &About) -> bool {
    !matches!(about.method, Method::GET | Method::HEAD | Method::OPTIONS) && about.path != "/sql"
}

fn check(about: &About, principal: &Principal, rights: &Rights) -> Result<(), ApiError> {
    if writes(about) && !rights.may_write {
        return Err(lacks(principal, "a write"));
    }
    let is_open = rights.may_read || (about.path == "/metrics" && rights.may_operate);
    if !writes(about) && !is_open {
        return Err(lacks(principal, "reading"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
