//! The guard at every door: what was proven comes in, who that is and what it may do go out. Rights are worked out once for each
//! principal and set of policies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kernel_model::{District, Sight};

use crate::error::Refusal;
use crate::keys::{KeyRing, PREFIX};
use crate::policy::Policies;
use crate::principal::Principal;
use crate::tokens::Tokens;

/// Principals of which the rights are kept.
const KEPT: usize = 4_096;

/// What whoever asks brought.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proof<'a> {
    /// An API key by itself (`X-Api-Key`).
    pub key: Option<&'a str>,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
}

/// What a principal may.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing that may be done")]
pub struct Rights {
    /// What it sees.
    pub sight: Sight,
    /// Whether it may read anything.
    pub may_read: bool,
    /// Whether it may write to any dataset.
    pub may_write: bool,
    /// Whether it may write to every dataset.
    pub writes_everywhere: bool,
    /// Whether it may see figures of the server.
    pub may_operate: bool,
    /// Whether it may do what administrators do.
    pub may_administer: bool,
}

/// Keys, policies and who is let in without a proof.
#[derive(Debug)]
pub struct Guard {
    keys: KeyRing,
    tokens: Option<Tokens>,
    policies: Arc<Policies>,
    districts: Arc<[District]>,
    anonymous: Principal,
    rights: Mutex<HashMap<Principal, Arc<Rights>>>,
}

impl Guard {
    /// A guard who takes `anonymous` for whoever proves nothing.
    pub fn new(keys: KeyRing, policies: Policies, districts: Vec<District>, anonymous: Principal) -> Self {
        Self {
            keys,
            tokens: None,
            policies: Arc::new(policies),
            districts: districts.into(),
            anonymous,
            rights: Mutex::default(),
        }
    }

    /// The same, who takes tokens of an issuer too.
    #[must_use]
    pub fn taking(self, tokens: Tokens) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Fetches what is needed to tell who that is, before [`Guard::who`] is asked.
    pub async fn prepare(&self, proof: Proof<'_>) {
        let (Some(tokens), Some(value)) = (&self.tokens, proof.authorization) else { return };
        if let Some((_, token)) = value.split_once(' ').filter(|(_, token)| !token.trim().starts_with(PREFIX)) {
            tokens.prepare(token.trim()).await;
        }
    }

    /// The keys.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Who that is. Whoever brings a proof is never taken for somebody who brought none.
    ///
    /// # Errors
    /// Where what was brought proves nothing.
    pub fn who(&self, proof: Proof<'_>) -> Result<Principal, Refusal> {
        match (proof.key, proof.authorization) {
            (None, None) => Ok(self.anonymous.clone()),
            (Some(_), Some(_)) => Err(Refusal::TwoProofs),
            (Some(key), None) => self.keys.who(key),
            (None, Some(value)) => {
                let (scheme, token) = value.split_once(' ').ok_or(Refusal::NoProof)?;
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err(Refusal::NoProof);
                }
                self.bearer(token.trim())
            }
        }
    }

    fn bearer(&self, token: &str) -> Result<Principal, Refusal> {
        match &self.tokens {
            _ if token.starts_with(PREFIX) => self.keys.who(token),
            Some(tokens) => tokens.who(token),
            None => Err(Refusal::NoProof),
        }
    }

    /// What a principal may.
    pub fn rights(&self, principal: &Principal) -> Arc<Rights> {
        // When a proof ends makes no difference to what it proves.
        let principal = Principal { expires: None, ..principal.clone() };
        let mut kept = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rights) = kept.get(&principal) {
            return rights.clone();
        }
        let rights = Arc::new(Rights {
            sight: self.policies.sight(&principal, &self.districts),
            may_read: self.policies.may_read(&principal),
            may_write: self.policies.may_write(&principal, None),
            writes_everywhere: self.policies.writes_everywhere(&principal),
            may_operate: self.policies.may_operate(&principal),
            may_administer: self.policies.may_administer(&principal),
        });
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(principal, rights.clone());
        rights
    }

    /// Whether a principal may write to a dataset.
    pub fn may_write_to(&self, principal: &Principal, dataset: &str) -> bool {
        self.policies.may_write(principal, Some(dataset))
    }
}
