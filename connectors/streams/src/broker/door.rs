//! Who may come in, and under what: user name and password are judged by whoever knows the keys, TLS by certificates.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use crate::tls::ServerTls;

type Judge = dyn Fn(Option<&str>, Option<&[u8]>) -> bool + Send + Sync;

/// A broker's door; the default is open and plain.
#[derive(Clone, Default)]
pub struct Door {
    judge: Option<Arc<Judge>>,
    hears: Option<Arc<Judge>>,
    tls: Option<TlsAcceptor>,
}

impl Door {
    /// Lets only those in whose user name and password are found right.
    #[must_use]
    pub fn judged(mut self, judge: impl Fn(Option<&str>, Option<&[u8]>) -> bool + Send + Sync + 'static) -> Self {
        self.judge = Some(Arc::new(judge));
        self
    }

    /// Lets only those subscribe in whose user name and password are found right; the others may publish.
    #[must_use]
    pub fn heard_by(mut self, judge: impl Fn(Option<&str>, Option<&[u8]>) -> bool + Send + Sync + 'static) -> Self {
        self.hears = Some(Arc::new(judge));
        self
    }

    /// Speaks TLS only.
    #[must_use]
    pub fn encrypted(mut self, tls: ServerTls) -> Self {
        self.tls = Some(TlsAcceptor::from(tls.0));
        self
    }

    pub(crate) fn admits(&self, user: Option<&str>, password: Option<&[u8]>) -> bool {
        self.judge.as_ref().is_none_or(|judge| judge(user, password))
    }

    pub(crate) fn lets_hear(&self, user: Option<&str>, password: Option<&[u8]>) -> bool {
        self.hears.as_ref().is_none_or(|judge| judge(user, password))
    }

    pub(crate) fn tls(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door(judged: {}, tls: {})", self.judge.is_some(), self.tls.is_some())
    }
}
