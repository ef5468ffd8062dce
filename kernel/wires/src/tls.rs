//! The certificate with which a wire speaks TLS. Two PEM files come in and are looked at once, at the start; what is wrong with
//! them is said then, and not to the first client.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tonic::transport::{Identity, ServerTlsConfig};

use crate::error::Error;

/// A certificate chain and its private key.
#[derive(Clone)]
pub struct Certificate {
    chain: Vec<u8>,
    key: Vec<u8>,
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Certificate")
    }
}

impl Certificate {
    /// Reads two PEM files.
    ///
    /// # Errors
    /// [`Error::Certificate`] where a file cannot be read, is no PEM, or the key is not the certificate's.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, Error> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| Error::Certificate(format!("{}: {error}", path.display())))
        };
        let (chain, key) = (read(chain)?, read(key)?);
        let certificates = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Certificate(format!("the chain: {error}")))?;
        let private = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|error| Error::Certificate(format!("the private key: {error}")))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Certificate(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|error| Error::Certificate(error.to_string()))?;
        // What a client names that speaks TLS from the first byte (libpq's sslnegotiation=direct).
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self { chain, key, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    pub(crate) fn tonic(&self) -> ServerTlsConfig {
        ServerTlsConfig::new().identity(Identity::from_pem(&self.chain, &self.key))
    }
}
