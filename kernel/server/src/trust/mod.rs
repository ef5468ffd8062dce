//! What the ledger proves and takes, over HTTP. Thin: questions are read here, answered in `kernel_ledger`, and its refusals
//! get their status.
//!
//! | path | what |
//! |---|---|
//! | `GET /log/consistency?old=&new=` | RFC 6962 consistency proof, one hash in base64 a line |
//! | `GET /log/leaf/{index}` | receipt of a leaf (c2sp.org/tlog-proof) |
//! | `GET /log/areas/checkpoint`, `/log/areas/tile/..` | the log of areas (C2SP tlog-checkpoint, tlog-tiles) |
//! | `GET /assets/area?bbox=W,S,E,N` or `cells=..`, `count=true` | area proof |
//! | `GET /assets/{id}/state` | who owns it and what else was stated |
//! | `POST /assets/{id}/statements` | a signed statement in, its receipt out |
//! | `GET /assets/{id}/certificate` | the ownership certificate (W3C Verifiable Credential 2.0) |
//! | `GET /log/cosigned` | the newest checkpoint that a witness has signed |
//! | `POST /witness/add-checkpoint`, `GET /witness/key` | this server as a witness (c2sp.org/tlog-witness) |
//! | `GET /log/credentials/{id}/revocation?issuer=` | receipt of the leaf that revoked a credential |

mod anchors;
mod areas;
mod heads;
mod statements;
mod witness;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use kernel_ledger::Error as LedgerError;

pub use anchors::{check_anchor, keep_anchored};
pub use heads::{check_heads, keep_heads, register_heads};
pub use witness::{Trust, WitnessDoor, ask_witness};

use crate::error::ApiError;
use crate::state::AppState;

/// The routes.
pub(crate) fn router() -> Router<Arc<AppState>> {
    Router::new()
        .route("/log/consistency", get(areas::consistency))
        .route("/log/leaf/{index}", get(areas::leaf))
        .route("/log/areas/checkpoint", get(areas::checkpoint))
        .route("/log/cosigned", get(areas::cosigned))
        .route("/witness/add-checkpoint", post(witness::add_checkpoint))
        .route("/witness/key", get(witness::key))
        .route("/assets/area", get(areas::area))
        .route("/assets/{id}/state", get(statements::state))
        .route("/assets/{id}/statements", post(statements::post))
        .route("/assets/{id}/certificate", get(statements::certificate))
        .route("/log/credentials/{id}/revocation", get(statements::revocation))
}

/// The status of a refusal of the ledger.
fn refused(error: LedgerError) -> ApiError {
    let status = match error {
        LedgerError::NoAsset(_) | LedgerError::NoLeaf { .. } | LedgerError::NoSuchLeaf { .. } => StatusCode::NOT_FOUND,
        LedgerError::Stale { .. } => StatusCode::CONFLICT,
        LedgerError::Rule(_) => StatusCode::FORBIDDEN,
        LedgerError::Record { .. } | LedgerError::Event { .. } | LedgerError::TooMany(_) => StatusCode::BAD_REQUEST,
        LedgerError::NoMap | LedgerError::NotWitnessed { .. } | LedgerError::ReadOnly | LedgerError::Stopped => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    ApiError { status, description: error.to_string() }
}

/// Runs what reads files where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
}
