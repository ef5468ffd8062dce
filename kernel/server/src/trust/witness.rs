//! Witnesses (c2sp.org/tlog-witness): this server as one, at `POST /witness/add-checkpoint`, and this server's log asking
//! others for their cosignatures. Nothing waits for a witness: one that is away is asked again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_ledger::{Witness, WitnessError, WitnessState, witness_request};
use kernel_model::TimeUs;

use super::blocking;
use crate::error::ApiError;
use crate::registrar::Registrar;
use crate::state::AppState;

/// Pause between two looks for a new checkpoint.
const PACE: Duration = Duration::from_secs(1);
/// Pause after a witness could not be asked.
const PAUSE: Duration = Duration::from_secs(10);
/// Longest wait for its answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// What this server is to other logs.
#[derive(Debug, Default)]
pub struct Trust {
    witness: Mutex<Option<WitnessState>>,
}

impl Trust {
    /// A witness of other logs.
    pub fn witnessing(witness: WitnessState) -> Self {
        Self { witness: Mutex::new(Some(witness)) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut WitnessState) -> T) -> Result<T, ApiError> {
        let mut witness = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
        let none = || ApiError::not_found("this server witnesses no log: set witness_name in [trust]");
        Ok(work(witness.as_mut().ok_or_else(none)?))
    }
}

/// `POST /witness/add-checkpoint`.
pub(crate) async fn add_checkpoint(State(state): State<Arc<AppState>>, body: String) -> Result<Response, ApiError> {
    blocking(move || {
        let now_s = u64::try_from(TimeUs::now().0 / 1_000_000).unwrap_or(0);
        let answer = state.trust.with(|witness| witness.add_checkpoint(&body, now_s))?;
        Ok(match answer {
            Ok(line) => line.into_response(),
            // The body is the size alone, as the specification wants it.
            Err(WitnessError::Conflict(size)) => {
                let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
                (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response()
            }
            Err(error) => {
                let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                ApiError { status, description: error.to_string() }.into_response()
            }
        })
    })
    .await
}

/// `GET /witness/key`.
pub(crate) async fn key(State(state): State<Arc<AppState>>) -> Result<String, ApiError> {
    state.trust.with(|witness| witness.vkey() + "\n")
}

/// A witness that is asked.
#[derive(Debug, Clone)]
pub struct WitnessDoor {
    /// Prefix of its address: `/add-checkpoint` comes after it.
    pub url: String,
    /// Its key.
    pub witness: Witness,
}

/// Asks a witness for its cosignature of every checkpoint that there is when it has answered for the one before, for ever.
pub async fn ask_witness(registrar: Arc<Registrar>, door: WitnessDoor) {
    let client = reqwest::Client::builder().timeout(DEADLINE).build().unwrap_or_default();
    let (mut known, mut signed) = (0, String::new());
    loop {
        let checkpoint = registrar.ledger().checkpoint().to_owned();
        if checkpoint == signed {
            tokio::time::sleep(PACE).await;
            continue;
        }
        match ask(&client, &registrar, &door, &checkpoint, known).await {
            Ok(Answer::Signed(size)) => (known, signed) = (size, checkpoint),
            Ok(Answer::Knows(size)) if size != known => known = size,
            Ok(Answer::Knows(size)) => {
                tracing::error!(
                    url = door.url,
                    size,
                    "the witness has seen more of this log than there is, or another one"
                );
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::warn!(
                    url = door.url,
                    error = error.description,
                    "the witness did not sign and will be asked again"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

enum Answer {
    /// It has signed a checkpoint of this size.
    Signed(u64),
    /// It has seen this size.
    Knows(u64),
}

async fn ask(
    client: &reqwest::Client,
    registrar: &Arc<Registrar>,
    door: &WitnessDoor,
    checkpoint: &str,
    known: u64,
) -> Result<Answer, ApiError> {
    let size: u64 = checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
    if known > size {
        return Ok(Answer::Knows(known));
    }
    let proof = registrar.ledger().consistency(known, size).map_err(super::refused)?;
    let body = witness_request(known, &proof, checkpoint);
    let answer = client.post(format!("{}/add-checkpoint", door.url)).body(body).send().await;
    let answer = answer.map_err(ApiError::unavailable)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(ApiError::unavailable)?;
    match status {
        200 => {
            let mut ledger = registrar.ledger();
            ledger.add_cosignature(checkpoint, &text, &door.witness).map_err(super::refused)?;
            Ok(Answer::Signed(size))
        }
        409 => match text.trim().parse() {
            Ok(size) => Ok(Answer::Knows(size)),
            Err(_) => Err(ApiError::unavailable(format!("409 without a size: {text}"))),
        },
        _ => Err(ApiError::unavailable(format!("{status}: {text}"))),
    }
}
