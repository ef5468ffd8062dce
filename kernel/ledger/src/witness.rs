//! A witness (c2sp.org/tlog-witness): what a log asks to be cosigned comes in, and a cosignature goes out only if the log
//! begins with all that this witness saw of it before. What was seen is on disk before anything is signed, so that a
//! witness that is killed does not sign two faces of one log.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::prelude::*;
use serde::{Deserialize, Serialize};

use crate::consistency::{ConsistencyError, check_consistency};
use crate::cosign::Cosigner;
use crate::keys::KeyRing;
use crate::log::{Error, replace};
use crate::receipt::VerifyError;

/// The longest request that is looked at.
const MAX_BYTES: usize = 1 << 16;
/// Hashes of a proof.
const MAX_HASHES: usize = 63;

/// A refusal, with the status that the specification gives it.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// 400.
    #[error("line {line} of the request: {what}")]
    Format {
        /// From 1.
        line: usize,
        /// What had to be there.
        what: &'static str,
    },
    /// 404.
    #[error("this witness does not know the log `{0}`: its operator has to add the log's key")]
    UnknownLog(String),
    /// 403.
    #[error("{0}")]
    Signature(VerifyError),
    /// 409; the size that the witness has seen.
    #[error("this witness has seen {0} leaves: prove consistency from there")]
    Conflict(u64),
    /// 422.
    #[error("{0}")]
    Fork(#[from] ConsistencyError),
    /// 500.
    #[error(transparent)]
    State(#[from] Error),
}

impl WitnessError {
    /// The HTTP status that the specification wants.
    pub fn status(&self) -> u16 {
        match self {
            Self::Format { .. } => 400,
            Self::UnknownLog(_) => 404,
            Self::Signature(_) => 403,
            Self::Conflict(_) => 409,
            Self::Fork(_) => 422,
            Self::State(_) => 500,
        }
    }
}

/// A tree that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    size: u64,
    root: String,
}

/// A witness of some logs.
#[derive(Debug)]
pub struct WitnessState {
    cosigner: Cosigner,
    logs: BTreeMap<String, KeyRing>,
    path: PathBuf,
    seen: BTreeMap<String, Seen>,
}

impl WitnessState {
    /// The witness whose memory is the file `path`, of the logs with these keys.
    ///
    /// # Errors
    /// Where the file cannot be read: a witness that forgets is none.
    pub fn open(path: &Path, cosigner: Cosigner, logs: impl IntoIterator<Item = KeyRing>) -> Result<Self, Error> {
        let seen = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::Damaged {
                path: path.to_owned(),
                what: format!("it is no memory of a witness: {e}"),
            })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(Error::Io { doing: "read", path: path.to_owned(), source }),
        };
        let logs = logs.into_iter().map(|ring| (ring.origin().to_owned(), ring)).collect();
        Ok(Self { cosigner, logs, path: path.to_owned(), seen })
    }

    /// Its public key.
    pub fn vkey(&self) -> String {
        self.cosigner.witness().vkey()
    }

    /// `POST /add-checkpoint`: the body in, the cosignature's line out; `now_s` is the time in seconds since 1970.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn add_checkpoint(&mut self, body: &str, now_s: u64) -> Result<String, WitnessError> {
        let (old, proof, note) = parse(body)?;
        let origin = note.lines().next().unwrap_or_default();
        let ring = self.logs.get(origin).ok_or_else(|| WitnessError::UnknownLog(origin.to_owned()))?;
        let (checkpoint, _) = ring.open_checkpoint(note).map_err(WitnessError::Signature)?;
        let (size, root) = (checkpoint.size(), checkpoint.hash().0);
        if old > size {
            return Err(WitnessError::Format { line: 1, what: "the old size is larger than the checkpoint's" });
        }
        let seen = self.seen.get(origin);
        let known = seen.map_or(0, |seen| seen.size);
        if old != known {
            return Err(WitnessError::Conflict(known));
        }
        match seen.filter(|seen| seen.size > 0) {
            Some(seen) => {
                let known_root = hex::decode(&seen.root).unwrap_or_default();
                check_consistency((known, &known_root), (size, &root), &proof)?;
            }
            None if proof.is_empty() => {}
            None => return Err(ConsistencyError::Empty.into()),
        }
        let mut next = self.seen.clone();
        next.insert(origin.to_owned(), Seen { size, root: hex::encode(root) });
        let bytes = serde_json::to_vec_pretty(&next).unwrap_or_default();
        replace(&self.path, &bytes)?;
        self.seen = next;
        let text = note.rsplit_once("\n\n").map_or("", |(text, _)| text);
        let line = self.cosigner.cosign(format!("{text}\n").as_bytes(), now_s);
        line.ok_or(WitnessError::Format { line: 1, what: "nothing that can be signed" })
    }
}

/// Old size, proof and checkpoint of a request.
fn parse(body: &str) -> Result<(u64, Vec<[u8; 32]>, &str), WitnessError> {
    let wrong = |line, what| WitnessError::Format { line, what };
    if body.len() > MAX_BYTES {
        return Err(wrong(1, "no request is so long"));
    }
    let (head, note) =
        body.split_once("\n\n").ok_or_else(|| wrong(1, "an empty line has to stand before the checkpoint"))?;
    let mut lines = head.split('\n');
    let old = lines.next().and_then(|line| line.strip_prefix("old ")?.parse().ok());
    let old = old.ok_or_else(|| wrong(1, "it has to be `old ` and a size"))?;
    let mut proof = Vec::new();
    for (n, line) in lines.enumerate() {
        let hash = BASE64_STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
        let hash = hash.filter(|_| n < MAX_HASHES);
        proof.push(hash.ok_or_else(|| wrong(n + 2, "it has to be a hash in base64, and at most 63 of them"))?);
    }
    Ok((old, proof, note))
}

/// The request by which a log asks a witness for its cosignature.
pub fn witness_request(old: u64, proof: &[[u8; 32]], checkpoint: &str) -> String {
    let hashes: String = proof.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect();
    format!("old {old}\n{hashes}\n{checkpoint}")
}
