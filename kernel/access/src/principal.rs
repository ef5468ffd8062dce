//! Who asks: a name, roles and attributes, however they were proven.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use kernel_model::TimeUs;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The greatest clearance: nothing is too secret for it.
pub const FULL_CLEARANCE: u8 = 9;

/// What a key or token may be used for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To read.
    Read,
    /// To write.
    Write,
    /// To see figures of the server, and to do what administrators do.
    Administer,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Administer];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Administer => "administer",
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| Error::Scope(text.to_owned()))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// `key:<id>`, `token:<issuer>#<subject>` or `anonymous`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its roles: `reader`, `writer`, `operator`, `administrator`, or those of one's own policies.
    pub roles: BTreeSet<String>,
    /// Districts it is of; none: of no district in particular.
    pub districts: BTreeSet<String>,
    /// Up to which grade it may see, 0 to 9.
    pub clearance: u8,
    /// What it may be used for at most.
    pub scopes: BTreeSet<Scope>,
    /// Until when it is known.
    pub expires: Option<TimeUs>,
}

impl Principal {
    /// Whoever proves nothing.
    pub fn anonymous(roles: impl IntoIterator<Item = String>, clearance: u8) -> Self {
        Self {
            id: "anonymous".to_owned(),
            name: "anonymous".to_owned(),
            roles: roles.into_iter().collect(),
            districts: BTreeSet::new(),
            clearance: clearance.min(FULL_CLEARANCE),
            scopes: Scope::ALL.into(),
            expires: None,
        }
    }

    /// Whether it proved nothing.
    pub fn is_anonymous(&self) -> bool {
        self.id == "anonymous"
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}
