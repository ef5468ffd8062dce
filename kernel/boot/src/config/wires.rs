//! `[wires]`: who may ask over Arrow Flight SQL and PostgreSQL, how much, and with which certificate.

use std::path::PathBuf;

use anyhow::{Context, bail};
use kernel_wires::Certificate;
use serde::{Deserialize, Serialize};

use super::streams::given;

/// Both SQL wires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wires {
    /// `open`, or `key`: an API key is the bearer token or the password.
    access: String,
    /// Most rows of an answer: they stream, so that it may be more than an answer over HTTP has.
    pub(crate) rows: usize,
    /// Certificate chain, PEM; with it the ports speak TLS.
    certificate: PathBuf,
    /// Its private key, PEM.
    key: PathBuf,
}

impl Default for Wires {
    fn default() -> Self {
        Self { access: "open".to_owned(), rows: 10_000_000, certificate: PathBuf::new(), key: PathBuf::new() }
    }
}

impl Wires {
    /// Whether a key is needed to ask.
    pub(crate) fn is_closed(&self) -> anyhow::Result<bool> {
        match self.access.as_str() {
            "open" => Ok(false),
            "key" => Ok(true),
            other => bail!("wires.access is `open` or `key`, not `{other}`"),
        }
    }

    /// The certificate, where there is one.
    pub(crate) fn certificate(&self) -> anyhow::Result<Option<Certificate>> {
        match (given(&self.certificate), given(&self.key)) {
            (None, None) => Ok(None),
            (Some(chain), Some(key)) => Ok(Some(Certificate::read(chain, key).context("wires")?)),
            _ => bail!("wires: certificate and key are given together"),
        }
    }
}
