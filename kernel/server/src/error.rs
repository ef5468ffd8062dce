//! Failures: of the server as a whole, and as the answer to one request (`{"code", "description"}`, the shape of OGC
//! API Features Part 1, 7.6).

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] kernel_store::Error),
    /// The ledger failed.
    #[error("ledger: {0}")]
    Ledger(#[from] kernel_ledger::Error),
    /// The query engine failed to start.
    #[error("query engine: {0}")]
    Query(#[from] kernel_query::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; stop the other program or pass --listen with another address")]
    Listen {
        /// As given.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The API keys cannot be read or written.
    #[error(transparent)]
    Access(#[from] kernel_access::Error),
    /// The ledger's public key cannot be read.
    #[error("the ledger's public key {}: {source}; it is made at the first start", path.display())]
    PublicKey {
        /// Where it should be.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Leaves of the ledger, or alerts, do not become rows.
    #[error("the tables assets and alerts: {0}")]
    Assets(arrow::error::ArrowError),
    /// The alarms failed.
    #[error("alarms: {0}")]
    Alarms(#[from] kernel_alarms::Error),
    /// A commit failed.
    #[error("nothing of this was kept: {0}; make room or mend the disk, then send it again")]
    NotKept(String),
    /// The sender may write to other datasets only.
    #[error("nothing of this was kept: {0} is not this sender's to write to")]
    NotAllowed(String),
    /// The data folder cannot be written.
    #[error("nothing of this was kept: {0}; this server answers questions only until it is started where it can write")]
    ReadOnly(Arc<str>),
    /// The writer has stopped after a failure.
    #[error("the writer has stopped: {0}; restart urbis, nothing acknowledged is lost")]
    WriterStopped(String),
}

/// The answer to a request that cannot be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// What is wrong and what to do, one line.
    pub description: String,
}

impl ApiError {
    /// The request is wrong.
    pub fn bad_request(description: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, description: description.to_string() }
    }

    /// It is not for whoever asks.
    pub fn forbidden(description: impl ToString) -> Self {
        Self { status: StatusCode::FORBIDDEN, description: description.to_string() }
    }

    /// There is no such thing.
    pub fn not_found(description: impl ToString) -> Self {
        Self { status: StatusCode::NOT_FOUND, description: description.to_string() }
    }

    /// The server cannot write now.
    pub fn unavailable(description: impl ToString) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, description: description.to_string() }
    }

    /// A write was not made.
    pub fn unwritten(error: Error) -> Self {
        match error {
            Error::NotAllowed(_) => Self::forbidden(error),
            other => Self::unavailable(other),
        }
    }

    /// The server failed.
    pub fn internal(description: impl ToString) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, description: description.to_string() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(status = self.status.as_u16(), "{}", self.description);
        }
        let code = self.status.canonical_reason().unwrap_or("Error").replace(' ', "");
        let body = serde_json::json!({ "code": code, "description": self.description });
        (self.status, Json(body)).into_response()
    }
}
