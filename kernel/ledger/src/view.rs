//! Who owns what now: statements of the log in, in their order, the present state of each asset out, or why a statement may
//! not be made. A function of the leaves alone, so that anyone with the log can make it anew and compare.
//!
//! Who registers an asset first owns it. The owner transfers it, gives it into custody, sets the rights to it, values and
//! grades it and retires it; holders of the rights `evaluate` and `grade` may do that one thing until their right ends.
//! Whoever issued a credential revokes it.

use std::collections::BTreeMap;

use kernel_model::{ChainHead, Derivation, Operation, Right, Statement, TimeUs, Valuation};
use serde::{Deserialize, Serialize};

use crate::leaf::Leaf;

/// An asset as its newest statement leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetState {
    /// Whose it is, a DID.
    pub owner: Option<String>,
    /// Who keeps it, a DID.
    pub custodian: Option<String>,
    /// The rights to it.
    pub rights: Vec<Right>,
    /// Its grade and by which rule.
    pub grade: Option<(String, String)>,
    /// What it is worth, and who said so.
    pub value: Option<(Valuation, String)>,
    /// What it was made of.
    pub lineage: Vec<Derivation>,
    /// The ends of chains of readings, by the number of their datastream.
    pub chains: BTreeMap<u64, ChainHead>,
    /// The store's sequence up to which those go.
    pub chains_through: u64,
    /// Whether it is gone.
    pub is_retired: bool,
    /// The leaf that made the owner its owner.
    pub owner_leaf: u64,
    /// Its newest statement's leaf.
    pub leaf_index: u64,
}

/// Why a statement may not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Somebody has it.
    #[error("`{asset}` is registered to {owner}: it can be transferred, not registered again")]
    Owned {
        /// The asset.
        asset: String,
        /// Whose it is.
        owner: String,
    },
    /// Nobody has it.
    #[error("`{0}` is registered to nobody: register it first")]
    NoOwner(String),
    /// Another has it.
    #[error("`{asset}` is not {actor}'s, and {actor} has no right to {operation:?} it")]
    NotAllowed {
        /// The asset.
        asset: String,
        /// Who tried.
        actor: String,
        /// What.
        operation: Operation,
    },
    /// It is gone.
    #[error("`{0}` was retired: nothing more is stated of it")]
    Retired(String),
    /// A chain went back.
    #[error("the chain of datastream {datastream} has {known} readings, the statement says {stated}")]
    Chain {
        /// The datastream.
        datastream: u64,
        /// Readings known.
        known: u64,
        /// Readings stated.
        stated: u64,
    },
}

/// The present state of all assets that somebody has stated something of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    assets: BTreeMap<String, AssetState>,
    /// Credential -> who revoked it, and by which leaf.
    revoked: BTreeMap<String, Vec<(String, u64)>>,
}

impl View {
    /// The state of an asset; nothing where nobody has stated anything of it.
    pub fn asset(&self, asset: &str) -> Option<&AssetState> {
        self.assets.get(asset)
    }

    /// The ends of all chains of readings, each with the store's sequence up to which it goes.
    pub fn heads(&self) -> impl Iterator<Item = (&ChainHead, u64)> {
        self.assets.values().flat_map(|state| state.chains.values().map(|head| (head, state.chains_through)))
    }

    /// How many assets it has.
    pub fn asset_count(&self) -> usize {
        self.assets.len()
    }

    /// The leaf by which this issuer revoked a credential.
    pub fn revocation(&self, credential: &str, issuer: &str) -> Option<u64> {
        let revoked = self.revoked.get(credential)?;
        revoked.iter().find(|(actor, _)| actor == issuer).map(|(_, leaf)| *leaf)
    }

    /// Assets whose state is not the other view's.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let mine = self.assets.iter().filter(|(asset, state)| other.assets.get(*asset) != Some(state));
        let others = other.assets.keys().filter(|asset| !self.assets.contains_key(*asset));
        mine.map(|(asset, _)| asset.as_str()).chain(others.map(String::as_str))
    }

    /// Whether a statement may be made now.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn admit(&self, statement: &Statement) -> Result<(), RuleError> {
        let Statement { asset, actor, operation, issued, .. } = statement;
        let nothing = AssetState::default();
        let state = self.assets.get(asset).unwrap_or(&nothing);
        if *operation == Operation::Revoke {
            return Ok(());
        }
        if state.is_retired {
            return Err(RuleError::Retired(asset.clone()));
        }
        let not_allowed =
            || RuleError::NotAllowed { asset: asset.clone(), actor: actor.clone(), operation: *operation };
        match (operation, &state.owner) {
            (Operation::Register, Some(owner)) => Err(RuleError::Owned { asset: asset.clone(), owner: owner.clone() }),
            (Operation::Register, None) => Ok(()),
            // Who began a chain goes on with it.
            (Operation::Head, owner) if owner.as_ref().is_none_or(|owner| owner == actor) => {
                statement.heads.iter().flat_map(|heads| &heads.chains).try_for_each(|stated| grows(state, stated))
            }
            (_, None) => Err(RuleError::NoOwner(asset.clone())),
            (_, Some(owner)) if owner == actor => Ok(()),
            (Operation::Evaluate, _) if holds(state, actor, "evaluate", issued) => Ok(()),
            (Operation::Grade, _) if holds(state, actor, "grade", issued) => Ok(()),
            _ => Err(not_allowed()),
        }
    }

    /// Takes in the next leaf of the log.
    ///
    /// # Errors
    /// Where the leaf is a statement that may not be made: the state stays as it was.
    pub fn apply(&mut self, leaf: &Leaf, index: u64) -> Result<(), RuleError> {
        let event = match leaf {
            Leaf::Event(event) => event,
            Leaf::Record(record) => {
                if let Some(state) = self.assets.get_mut(&record.asset) {
                    state.is_retired = record.operation == Operation::Retire;
                }
                return Ok(());
            }
        };
        let stated = &event.statement;
        self.admit(stated)?;
        if let (Operation::Revoke, Some(credential)) = (stated.operation, &stated.credential) {
            self.revoked.entry(credential.clone()).or_default().push((stated.actor.clone(), index));
            return Ok(());
        }
        let state = self.assets.entry(stated.asset.clone()).or_default();
        state.leaf_index = index;
        match stated.operation {
            Operation::Head => state.owner = Some(stated.actor.clone()),
            Operation::Register => (state.owner, state.owner_leaf) = (Some(stated.actor.clone()), index),
            Operation::Transfer => {
                (state.owner, state.owner_leaf) = (stated.owner.clone(), index);
                // What the one before granted ends with him.
                (state.custodian, state.rights) = (None, Vec::new());
            }
            Operation::Custody => state.custodian.clone_from(&stated.custodian),
            Operation::Evaluate => state.value = stated.value.clone().map(|value| (value, stated.actor.clone())),
            Operation::Grade => state.grade = stated.grade.clone().zip(stated.basis.clone()),
            Operation::Retire => state.is_retired = true,
            Operation::Update | Operation::Revoke => {}
        }
        if let Some(rights) = &stated.rights {
            state.rights.clone_from(rights);
        }
        state.lineage.extend(stated.lineage.iter().cloned());
        if let Some(heads) = &stated.heads {
            state.chains_through = heads.through;
            state.chains.extend(heads.chains.iter().map(|head| (head.datastream, head.clone())));
        }
        Ok(())
    }
}

fn grows(state: &AssetState, stated: &ChainHead) -> Result<(), RuleError> {
    match state.chains.get(&stated.datastream) {
        Some(known) if stated.count < known.count => {
            let (datastream, known, stated) = (stated.datastream, known.count, stated.count);
            Err(RuleError::Chain { datastream, known, stated })
        }
        _ => Ok(()),
    }
}

/// Whether somebody holds a right at an instant.
fn holds(state: &AssetState, holder: &str, kind: &str, at: &str) -> bool {
    let time = |text: &str| TimeUs::parse(text).ok();
    let lasts = |right: &Right| match &right.until {
        None => true,
        Some(until) => time(until).zip(time(at)).is_some_and(|(until, at)| at < until),
    };
    state.rights.iter().any(|right| right.holder == holder && right.kind == kind && lasts(right))
}
