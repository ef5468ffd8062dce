//! Statements about assets taken in, and what they come to: state, certificates, revocations.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use kernel_ledger::{check_signature, issue, ownership};
use kernel_model::{AssetEvent, Statement, TimeUs};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{blocking, refused};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};
use crate::registrar::Registrar;
use crate::state::AppState;

/// The longest body of a statement.
const MAX_BYTES: usize = 64 << 10;

/// A statement with its actor's signature.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    statement: Statement,
    signature: String,
}

/// Takes in a statement: it is a leaf when this answers, with its receipt.
pub(crate) async fn post(
    State(state): State<Arc<AppState>>,
    Path(asset): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<impl IntoResponse, ApiError> {
    state.ingest.may_write().map_err(ApiError::unavailable)?;
    state.access.may_write(&headers)?;
    if body.len() > MAX_BYTES {
        return Err(ApiError::bad_request("a statement has at most 65536 bytes"));
    }
    let signed: Signed = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_request(format!("the body has to be {{\"statement\", \"signature\"}}: {e}")))?;
    if signed.statement.asset != asset {
        return Err(ApiError::bad_request(format!(
            "the statement is of `{}`, the address of `{asset}`",
            signed.statement.asset
        )));
    }
    check_signature(&signed.statement, &signed.signature).map_err(ApiError::bad_request)?;
    let receipt = blocking(move || take(&state.registrar, signed)).await?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], receipt))
}

/// Appends the statement if it may be made as things stand now.
fn take(registrar: &Registrar, signed: Signed) -> Result<String, ApiError> {
    let mut areas = registrar.areas();
    let areas = areas.as_mut().ok_or_else(|| ApiError::unavailable("the map of areas is being made: ask again"))?;
    let mut ledger = registrar.ledger();
    areas.follow(&ledger.tip()).map_err(refused)?;
    areas.admit(&signed.statement).map_err(refused)?;
    let event = AssetEvent {
        version: 2,
        sequence: ledger.last_sequence(),
        recorded: TimeUs::now().to_string(),
        statement: signed.statement,
        signature: signed.signature,
    };
    let leaves = ledger.append_events(&[event]).map_err(refused)?;
    let receipt = ledger.receipt_of_leaf(leaves.start).map_err(refused)?;
    areas.follow(&ledger.tip()).map_err(refused)?;
    Ok(receipt.to_string())
}

/// What was stated of an asset, and the leaf that the next statement has to follow.
pub(crate) async fn state(
    State(state): State<Arc<AppState>>,
    Path(asset): Path<String>,
) -> Result<Json<Value>, ApiError> {
    blocking(move || {
        let areas = state.registrar.areas();
        let stated = areas.as_ref().and_then(|areas| areas.view().asset(&asset).cloned());
        let newest = state.registrar.ledger().newest_leaf_hash(&asset).map_err(refused)?;
        if stated.is_none() && newest.is_none() {
            return Err(ApiError::not_found(format!("the asset `{asset}` is not in the log")));
        }
        Ok(Json(json!({ "asset": asset, "newest_leaf": newest, "stated": stated })))
    })
    .await
}

/// The ownership certificate as things stand, issued by the log's own key.
pub(crate) async fn certificate(
    State(state): State<Arc<AppState>>,
    Path(asset): Path<String>,
) -> Result<Json<Value>, ApiError> {
    blocking(move || {
        let areas = state.registrar.areas();
        let stated = areas.as_ref().and_then(|areas| areas.view().asset(&asset).cloned());
        let stated = stated.filter(|stated| stated.owner.is_some() && !stated.is_retired);
        let stated = stated.ok_or_else(|| ApiError::not_found(format!("`{asset}` is registered to nobody")))?;
        let ledger = state.registrar.ledger();
        let identity = ledger.identity().ok_or_else(|| ApiError::unavailable("this server has no key to sign with"))?;
        let receipt = ledger.receipt_of_leaf(stated.owner_leaf).map_err(refused)?.to_string();
        let now = TimeUs::now();
        let id = format!("urn:urbis:ownership:{}:{}", ledger.keys().origin().replace('/', ":"), stated.owner_leaf);
        let unsigned = ownership(&id, &identity.did(), &asset, &stated, &receipt, now);
        let unsigned = unsigned.ok_or_else(|| ApiError::not_found(format!("`{asset}` is registered to nobody")))?;
        let issued = issue(unsigned, &identity, &identity.verification_method(), &now.to_string());
        issued.map(Json).map_err(ApiError::internal)
    })
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct Issuer {
    issuer: String,
}

/// The receipt of the leaf by which an issuer revoked a credential.
pub(crate) async fn revocation(
    State(state): State<Arc<AppState>>,
    Path(credential): Path<String>,
    Parameters(by): Parameters<Issuer>,
) -> Result<impl IntoResponse, ApiError> {
    let receipt = blocking(move || {
        let areas = state.registrar.areas();
        let leaf = areas.as_ref().and_then(|areas| areas.view().revocation(&credential, &by.issuer));
        let none = || ApiError::not_found(format!("{} has not revoked `{credential}`", by.issuer));
        let leaf = leaf.ok_or_else(none)?;
        state.registrar.ledger().receipt_of_leaf(leaf).map_err(refused)
    });
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], receipt.await?.to_string()))
}
