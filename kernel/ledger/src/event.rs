//! Statements signed and checked. What is signed is the line `urbis.org/asset-statement@v1` and the statement's canonical
//! JSON (RFC 8785), by Ed25519; so no signature of another kind can pass for one, nor the other way round.

use kernel_model::{AssetEvent, Operation, Statement, TimeUs};

use crate::area::Grade;
use crate::did::{DidError, Identity, from_multibase, is_did, key_of};
use crate::leaf::EVENT_VERSION;

const DOMAIN: &[u8] = b"urbis.org/asset-statement@v1\n";

/// Why a statement is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The actor's name is no key.
    #[error("the statement's actor: {0}")]
    Actor(#[from] DidError),
    /// The signature does not match.
    #[error("the signature is not {0}'s of this statement: one of the two was altered")]
    Signature(String),
    /// A field is missing, is not this operation's, or says nothing.
    #[error("the statement `{operation:?}`: {what}")]
    Field {
        /// What is done.
        operation: Operation,
        /// What is wrong.
        what: &'static str,
    },
}

/// A statement of an asset by an actor, with nothing in it yet.
pub fn statement(asset: &str, operation: Operation, actor: &str, issued: TimeUs) -> Statement {
    Statement {
        version: EVENT_VERSION,
        asset: asset.to_owned(),
        operation,
        actor: actor.to_owned(),
        issued: issued.to_string(),
        previous: None,
        owner: None,
        custodian: None,
        rights: None,
        grade: None,
        basis: None,
        value: None,
        content: Vec::new(),
        lineage: Vec::new(),
        credential: None,
        heads: None,
    }
}

/// The signature of a statement by its actor, multibase.
///
/// # Errors
/// Where the statement is not this identity's, or is none; see [`check_fields`].
pub fn sign(statement: &Statement, identity: &Identity) -> Result<String, EventError> {
    if statement.actor != identity.did() {
        return Err(EventError::Signature(statement.actor.clone()));
    }
    check_fields(statement)?;
    Ok(identity.sign(&message(statement)))
}

/// Whether a signature is the actor's.
///
/// # Errors
/// [`EventError`].
pub fn check_signature(statement: &Statement, signature: &str) -> Result<(), EventError> {
    check_fields(statement)?;
    let key = key_of(&statement.actor)?;
    let wrong = || EventError::Signature(statement.actor.clone());
    let bytes: [u8; 64] = from_multibase(signature, 64).and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
    key.verify_strict(&message(statement), &bytes.into()).map_err(|_| wrong())
}

/// Whether the event's signature is its actor's.
///
/// # Errors
/// [`EventError`].
pub fn check_event(event: &AssetEvent) -> Result<(), EventError> {
    check_signature(&event.statement, &event.signature)
}

fn message(statement: &Statement) -> Vec<u8> {
    // Texts and whole numbers: there is nothing in it that has no canonical form.
    let json = serde_json_canonicalizer::to_vec(statement).unwrap_or_default();
    [DOMAIN, &json].concat()
}

/// Whether the statement has what its operation needs and nothing that belongs to another.
///
/// # Errors
/// [`EventError::Field`].
pub fn check_fields(statement: &Statement) -> Result<(), EventError> {
    use Operation::{Custody, Evaluate, Grade as Graded, Head, Register, Revoke, Transfer, Update};
    let operation = statement.operation;
    let wrong = |what| Err(EventError::Field { operation, what });
    let has = |field: bool, wanted: &[Operation]| !field || wanted.contains(&operation);
    let is_needed = |field: bool, wanted: Operation| field || operation != wanted;
    let Statement { owner, custodian, rights, grade, value, lineage, credential, heads, .. } = statement;
    if !has(owner.is_some(), &[Transfer])
        || !has(custodian.is_some(), &[Custody])
        || !has(rights.is_some(), &[Register, Update])
        || !has(grade.is_some() || statement.basis.is_some(), &[Graded])
        || !has(value.is_some(), &[Evaluate])
        || !has(!lineage.is_empty(), &[Register, Update])
        || !has(credential.is_some(), &[Revoke])
        || !has(heads.is_some(), &[Head])
    {
        return wrong("it has a field that belongs to another operation");
    }
    if !is_needed(owner.is_some(), Transfer)
        || !is_needed(custodian.is_some(), Custody)
        || !is_needed(grade.is_some() && statement.basis.is_some(), Graded)
        || !is_needed(value.is_some(), Evaluate)
        || !is_needed(credential.is_some(), Revoke)
        || !is_needed(heads.is_some(), Head)
    {
        return wrong("the field that it is about is missing");
    }
    let holders = rights.iter().flatten().map(|right| &right.holder);
    if ![owner, custodian].into_iter().flatten().chain(holders).all(|did| is_did(did)) {
        return wrong("an owner, custodian or holder is no DID");
    }
    let ends = rights.iter().flatten().filter_map(|right| right.until.as_deref());
    if !ends.chain([statement.issued.as_str()]).all(|time| TimeUs::parse(time).is_ok()) {
        return wrong("a time is not RFC 3339 with its offset");
    }
    if grade.as_deref().is_some_and(|name| Grade::of_name(name).is_none()) {
        return wrong("the grade is none of general-1 to general-4, important, core");
    }
    if value.as_ref().is_some_and(|value| !is_decimal(&value.amount) || value.currency.len() != 3) {
        return wrong("a value is a decimal number and a currency of three letters (ISO 4217)");
    }
    Ok(())
}

fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(text),
    }
}
