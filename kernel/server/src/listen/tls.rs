//! TLS 1.2 and 1.3 (rustls) for the port. A certificate chain and its key come in as PEM files; when they are exchanged the next
//! connection has the new ones, and what cannot be read leaves those that there are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}; give a certificate chain, the server's own first, and its private key, both PEM", path.display())]
pub struct TlsError {
    path: PathBuf,
    what: String,
}

/// What the port speaks TLS with; clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Files>);

struct Files {
    chain: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({})", self.0.chain.display())
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Where they cannot be read, or do not belong together.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = RwLock::new(read(chain, key)?);
        Ok(Self(Arc::new(Files { chain: chain.to_owned(), key: key.to_owned(), config })))
    }

    /// Reads them again.
    ///
    /// # Errors
    /// As [`Tls::read`]; then the former ones go on.
    pub fn read_again(&self) -> Result<(), TlsError> {
        let config = read(&self.0.chain, &self.0.key)?;
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Reads them again whenever they have changed, for ever.
    pub async fn follow(self) {
        let mut seen = self.stamps();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.stamps();
            if now == seen {
                continue;
            }
            match self.read_again() {
                Ok(()) => {
                    tracing::info!(chain = %self.0.chain.display(), "the certificate was exchanged");
                    seen = now;
                }
                // The other file may follow.
                Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
            }
        }
    }

    fn stamps(&self) -> [Option<SystemTime>; 2] {
        [&self.0.chain, &self.0.key].map(|path| std::fs::metadata(path).and_then(|about| about.modified()).ok())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.config.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |path: &Path, what: String| TlsError { path: path.to_owned(), what };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(chain, error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong(chain, "there is no certificate in it".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(chain, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(|error| wrong(key, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
