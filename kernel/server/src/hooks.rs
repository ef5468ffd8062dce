//! `POST /hooks/{name}`: what another service sends by itself. The body is signed with a secret that both know (HMAC-SHA-256
//! over its bytes, `X-Hub-Signature-256: sha256=<hex>`, as GitHub and others do); how it is read is the configuration's
//! matter, an Arrow IPC stream goes the way of `/observations`. The answer is 2xx only when the readings are durable, so that
//! a sender that hears nothing sends again, and what was there already changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use hmac::{Hmac, Mac};
use kernel_model::Change;
use serde_json::Value;
use sha2::Sha256;

use crate::error::ApiError;
use crate::parameters;
use crate::parameters::Path;
use crate::rows;
use crate::state::AppState;

const SIGNATURE: &str = "x-hub-signature-256";
const ARROW: &[u8] = b"application/vnd.apache.arrow.stream";

type Read = dyn Fn(&[u8]) -> Vec<Change> + Send + Sync;

/// The webhooks by their names.
#[derive(Debug, Default)]
pub struct Hooks(BTreeMap<String, Hook>);

struct Hook {
    secret: Vec<u8>,
    read: Arc<Read>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook(..)")
    }
}

impl Hooks {
    /// Adds one. `read` makes changes of a body; one that cannot be read becomes a rejection.
    pub fn add(&mut self, name: &str, secret: &[u8], read: impl Fn(&[u8]) -> Vec<Change> + Send + Sync + 'static) {
        self.0.insert(name.to_owned(), Hook { secret: secret.to_owned(), read: Arc::new(read) });
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

pub(crate) async fn post(
    State(state): State<Arc<AppState>>,
    Path(name): Path<String>,
    parameters: parameters::Parameters<rows::Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    state.ingest.may_write().map_err(ApiError::unavailable)?;
    let hook = state.hooks.0.get(&name).ok_or_else(|| ApiError::not_found(format!("there is no webhook {name}")))?;
    // The body is needed to know whether its sender may send it; it is bounded.
    let body = rows::whole(body, 0).await?;
    check_signature(&hook.secret, &headers, &body)?;
    if headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(ARROW)) {
        return rows::small(&state, rows::Door::Observations, parameters.0, body).await;
    }
    let read = hook.read.clone();
    let changes = tokio::task::spawn_blocking(move || read(&body)).await.map_err(ApiError::internal)?;
    let answer = rows::commit(&state, changes).await?;
    let is_unread = answer["taken"] == 0 && answer["unchanged"] == 0 && answer["refused"] != 0;
    if is_unread {
        let reason = answer["first_refused"][0]["reason"].as_str().unwrap_or("nothing in it is a reading");
        return Err(ApiError { status: StatusCode::UNPROCESSABLE_ENTITY, description: reason.to_owned() });
    }
    Ok(answer)
}

/// Compares in a time that does not depend on how much of the signature is right.
fn check_signature(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    let given = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let Some(given) = given.and_then(|value| value.strip_prefix("sha256=")) else {
        let description = format!("sign the body with the webhook's secret: {SIGNATURE}: sha256=<HMAC-SHA-256 in hex>");
        return Err(ApiError { status: StatusCode::UNAUTHORIZED, description });
    };
    let wrong = || ApiError {
        status: StatusCode::FORBIDDEN,
        description: "the signature is not that of this body and the webhook's secret".to_owned(),
    };
    let given = hex::decode(given).map_err(|_| wrong())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(ApiError::internal)?;
    mac.update(body);
    mac.verify_slice(&given).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's page "Validating webhook deliveries".
    #[test]
    fn a_signature_is_the_one_that_github_makes() {
        let (secret, body) = (b"It's a Secret to Everybody", b"Hello, World!");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check = |value: &str| {
            let headers = HeaderMap::from_iter([(SIGNATURE.parse().unwrap(), value.parse().unwrap())]);
            check_signature(secret, &headers, body).map_err(|error| error.status)
        };
        assert_eq!(check(right), Ok(()));
        assert_eq!(check(&right.replace("757", "758")), Err(StatusCode::FORBIDDEN));
        assert_eq!(check(&right[..20]), Err(StatusCode::FORBIDDEN));
        assert_eq!(check("sha256="), Err(StatusCode::FORBIDDEN));
        assert_eq!(check("sha1=757107"), Err(StatusCode::UNAUTHORIZED));
        let none = check_signature(secret, &HeaderMap::new(), body).unwrap_err();
        assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    }
}
