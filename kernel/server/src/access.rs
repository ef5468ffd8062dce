//! API keys: 256 random bits, shown once, kept as SHA-256. Reading is open on a loopback demo; every write needs one.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use axum::http::{HeaderMap, StatusCode, header};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

use crate::error::ApiError;

const FILE: &str = "api-keys";
const PREFIX: &str = "urbis_";

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No random bits.
    #[error("the system gives no random bits: {0}")]
    Random(String),
}

/// A key made at the first start: the only time it is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstKey(String);

impl FirstKey {
    /// The key itself, to print once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for FirstKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FirstKey(..)")
    }
}

/// Hashes of the keys that may write.
#[derive(Debug, Clone, Default)]
pub struct Access {
    hashes: Vec<String>,
}

impl Access {
    /// Reads the keys of a data folder; makes the first one where there is none.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn open(dir: &Path) -> Result<(Self, Option<FirstKey>), AccessError> {
        let path = dir.join(FILE);
        let io = |source| AccessError::Io { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) => Ok((Self { hashes: text.lines().map(str::to_owned).collect() }, None)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let key = fresh_key()?;
                let hash = hash(&key);
                let mut options = fs::OpenOptions::new();
                let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
                writeln!(file, "{hash}").and_then(|()| file.sync_all()).map_err(io)?;
                Ok((Self { hashes: vec![hash] }, Some(FirstKey(key))))
            }
            Err(e) => Err(io(e)),
        }
    }

    /// Reads the keys of a data folder that cannot be written; keys that cannot be read are none.
    pub fn read(dir: &Path) -> Self {
        let text = fs::read_to_string(dir.join(FILE)).unwrap_or_default();
        Self { hashes: text.lines().map(str::to_owned).collect() }
    }

    /// Lets a request write, or says what it lacks.
    ///
    /// # Errors
    /// 401 without a key, 403 with one that is not known.
    pub fn may_write(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(key) = given.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Err(ApiError {
                status: StatusCode::UNAUTHORIZED,
                description: "a write needs the API key printed at the first start: send `Authorization: Bearer KEY` \
                              (urbis: --key KEY or URBIS_API_KEY)"
                    .to_owned(),
            });
        };
        // Hashes of 256-bit random keys are compared: their timing tells nothing of a key.
        match self.knows(key) {
            true => Ok(()),
            false => Err(ApiError {
                status: StatusCode::FORBIDDEN,
                description: "this API key is not one of this server's".to_owned(),
            }),
        }
    }
}

impl Access {
    /// Whether this is the text of a key that may write.
    pub fn knows(&self, key: &str) -> bool {
        self.hashes.contains(&hash(key))
    }
}

fn fresh_key() -> Result<String, AccessError> {
    let mut bits = [0_u8; 32];
    OsRng.try_fill_bytes(&mut bits).map_err(|e| AccessError::Random(e.to_string()))?;
    Ok(format!("{PREFIX}{}", hex::encode(bits)))
}

fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_shown_once_and_kept_as_a_hash() {
        let dir = tempfile::tempdir().unwrap();
        let (access, first) = Access::open(dir.path()).unwrap();
        let key = first.unwrap();
        assert!(!fs::read_to_string(dir.path().join(FILE)).unwrap().contains(key.reveal()));
        let headers = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert!(access.may_write(&headers(&format!("Bearer {}", key.reveal()))).is_ok());
        assert_eq!(access.may_write(&headers("Bearer urbis_00")).unwrap_err().status, StatusCode::FORBIDDEN);
        assert_eq!(access.may_write(&HeaderMap::new()).unwrap_err().status, StatusCode::UNAUTHORIZED);
        let (again, none) = Access::open(dir.path()).unwrap();
        assert!(none.is_none());
        assert!(again.may_write(&headers(&format!("Bearer {}", key.reveal()))).is_ok());
    }
}
