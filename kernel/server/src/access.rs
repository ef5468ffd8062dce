//! The guard's words in HTTP: where a request says who asks, and how a refusal reads.

use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use kernel_access::{FULL_CLEARANCE, Guard, KeyRing, Policies, Principal, Proof, Refusal, Rights, Secret};

use crate::audit::Audit;
use crate::error::ApiError;
use crate::limit::May;

/// Where an API key may stand by itself.
const KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Where there is a proof that is none, and where there is none.
const WANTED: &str = "send `Authorization: Bearer KEY` with an API key that may (urbis: --key KEY or URBIS_API_KEY)";

/// Who may do what. Clones share it.
#[derive(Debug, Clone)]
pub struct Access {
    guard: Arc<Guard>,
    audit: Option<Arc<Audit>>,
}

impl Access {
    /// As a guard decides.
    pub fn new(guard: Guard) -> Self {
        Self { guard: Arc::new(guard), audit: None }
    }

    /// The same, with a record of what is decided.
    #[must_use]
    pub fn recorded(self, audit: Arc<Audit>) -> Self {
        Self { audit: Some(audit), ..self }
    }

    pub(crate) fn audit(&self) -> Option<&Arc<Audit>> {
        self.audit.as_ref()
    }

    /// The keys of a data folder, which are made where there are none; reading is open to everybody.
    ///
    /// # Errors
    /// Where keys cannot be read or written.
    pub fn open(dir: &Path) -> Result<(Self, Option<Secret>), kernel_access::Error> {
        let (keys, first) = KeyRing::open_or_begin(dir)?;
        Ok((Self::new(open_guard(keys)?), first))
    }

    /// Who sends a request.
    ///
    /// # Errors
    /// Where it brings a proof that is none.
    pub fn who(&self, headers: &HeaderMap) -> Result<Principal, ApiError> {
        let text = |name: HeaderName| match headers.get(name) {
            None => Ok(None),
            Some(value) => value.to_str().map(Some).map_err(|_| refused(&Refusal::NoProof)),
        };
        let proof = Proof { key: text(KEY)?, authorization: text(header::AUTHORIZATION)? };
        self.guard.who(proof).map_err(|refusal| refused(&refusal))
    }

    /// Fetches what is needed to tell who sends a request.
    pub(crate) async fn prepare(&self, headers: &HeaderMap) {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        self.guard.prepare(Proof { key: None, authorization }).await;
    }

    /// What somebody may.
    pub fn rights(&self, principal: &Principal) -> Arc<Rights> {
        self.guard.rights(principal)
    }

    /// Lets a request write, or says what it lacks.
    ///
    /// # Errors
    /// 401 without a proof, 403 with one that does not suffice.
    pub fn may_write(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let principal = self.who(headers)?;
        match self.rights(&principal).may_write {
            true => Ok(()),
            false => Err(lacks(&principal, "a write")),
        }
    }

    /// Whether whoever has this key, or none, may hear everything that is told. What is no key is none.
    pub fn hears_all(&self, key: Option<&str>) -> bool {
        let proof = |key| self.guard.who(Proof { key, authorization: None });
        let who = proof(key).or_else(|refusal| match refusal {
            Refusal::UnknownKey => proof(None),
            other => Err(other),
        });
        who.is_ok_and(|principal| self.rights(&principal).sight.is_whole())
    }

    /// What whoever shows this key or token, or nothing, may over a wire that is not HTTP; nothing where the proof is none.
    pub(crate) fn rights_of(&self, shown: Option<&str>) -> Option<Arc<Rights>> {
        let bearer = shown.map(|text| format!("Bearer {text}"));
        let principal = self.guard.who(Proof { key: None, authorization: bearer.as_deref() }).ok()?;
        Some(self.guard.rights(&principal))
    }

    /// What says of a dataset whether a principal may write to it.
    pub(crate) fn may_write_to(&self, principal: Principal) -> May {
        let guard = self.guard.clone();
        Arc::new(move |dataset| guard.may_write_to(&principal, dataset))
    }

    /// Whether this is the text of a key that may write everywhere: to what dataset a message belongs is found out later.
    pub fn knows(&self, key: &str) -> bool {
        let proof = Proof { key: Some(key), authorization: None };
        self.guard.who(proof).is_ok_and(|principal| self.rights(&principal).writes_everywhere)
    }
}

/// A guard who lets everybody read, and those with a key write.
fn open_guard(keys: KeyRing) -> Result<Guard, kernel_access::Error> {
    let anonymous = Principal::anonymous(["reader".to_owned()], FULL_CLEARANCE);
    Ok(Guard::new(keys, Policies::new("")?, Vec::new(), anonymous))
}

/// Somebody is known, or nobody in particular, and may not do what was asked.
pub(crate) fn lacks(principal: &Principal, what: &str) -> ApiError {
    let (status, description) = match principal.is_anonymous() {
        true => (StatusCode::UNAUTHORIZED, format!("{what} needs an API key: {WANTED}")),
        false => (StatusCode::FORBIDDEN, format!("{what} is not for {}: {WANTED}", principal.id)),
    };
    ApiError { status, description }
}

fn refused(refusal: &Refusal) -> ApiError {
    let status = match refusal {
        Refusal::UnknownKey | Refusal::ExpiredKey | Refusal::RevokedKey => StatusCode::FORBIDDEN,
        Refusal::TwoProofs => StatusCode::BAD_REQUEST,
        Refusal::NoProof | Refusal::Token(_) => StatusCode::UNAUTHORIZED,
    };
    ApiError { status, description: refusal.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_needs_a_key_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (access, first) = Access::open(dir.path()).unwrap();
        let key = first.unwrap();
        let bearer =
            |key: &str| HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap())]);
        let status = |headers: &HeaderMap| access.may_write(headers).map_err(|error| error.status.as_u16());
        assert_eq!(status(&bearer(key.reveal())), Ok(()));
        assert_eq!(status(&HeaderMap::from_iter([(KEY, key.reveal().parse().unwrap())])), Ok(()));
        assert_eq!(status(&bearer("urbis_00")), Err(403));
        assert_eq!(status(&HeaderMap::new()), Err(401));
        assert_eq!(status(&bearer("eyJhbGciOiJub25lIn0.e30.")), Err(401));
        let basic = HeaderMap::from_iter([(header::AUTHORIZATION, "Basic dXJiaXM6dXJiaXM=".parse().unwrap())]);
        assert_eq!(status(&basic), Err(401));
        let mut both = bearer(key.reveal());
        both.insert(KEY, key.reveal().parse().unwrap());
        assert_eq!(status(&both), Err(400));
        assert!(access.knows(key.reveal()) && !access.knows("urbis_00"));
    }
}
