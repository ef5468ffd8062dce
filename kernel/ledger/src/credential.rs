//! Certificates: W3C Verifiable Credentials 2.0 with a Data Integrity proof of the suite `eddsa-jcs-2022` (W3C Data
//! Integrity EdDSA Cryptosuites 1.0, 3.3). A credential without a proof and an identity in, one with a proof out; a
//! credential in, who issued it, or why it does not hold, out. The evidence of an ownership certificate is a receipt, so
//! that it is checked offline down to the log.

use ed25519_dalek::VerifyingKey;
use kernel_model::{Operation, TimeUs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::did::{DidError, Identity, from_multibase, key_in_document, key_of};
use crate::leaf::Leaf;
use crate::receipt::{Verified, VerifyError, verify};
use crate::view::AssetState;

const CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";
const SUITE: &str = "eddsa-jcs-2022";
/// What the evidence of our certificates is called.
const EVIDENCE: &str = "UrbisReceipt";
/// The longest credential that is looked at.
const MAX_BYTES: usize = 1 << 20;

/// Why a credential does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not JSON, or of another shape.
    #[error("the credential: {0}")]
    Shape(String),
    /// Another kind of proof.
    #[error("the proof is {0}: only `eddsa-jcs-2022` for assertions is read")]
    Suite(String),
    /// The key cannot be had.
    #[error("the issuer's key: {0}")]
    Key(#[from] DidError),
    /// The document of a did:web is needed.
    #[error("the issuer is {0}: give its DID document, which is at {1}")]
    NeedsDocument(String, String),
    /// Signed by somebody who is not the issuer.
    #[error("the issuer is {issuer}, the proof is of a key of {signer}: somebody else signed it")]
    Issuer {
        /// In the credential.
        issuer: String,
        /// Whose key it is.
        signer: String,
    },
    /// The signature does not match.
    #[error("the signature does not match: the credential or its proof was altered")]
    Signature,
    /// Too early or too late.
    #[error("it holds {0}")]
    Time(String),
    /// The receipt in it does not verify.
    #[error("its evidence: {0}")]
    Evidence(#[from] VerifyError),
    /// The receipt is about something else.
    #[error("its evidence does not say what the credential says: {0}")]
    Contradicts(&'static str),
    /// A later leaf takes it back.
    #[error("it was revoked by its issuer with leaf {0}")]
    Revoked(u64),
}

/// A credential that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCredential {
    /// Its id.
    pub id: String,
    /// What it is, besides `VerifiableCredential`.
    pub kinds: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// What its evidence proves, where it has some.
    pub evidence: Option<Verified>,
}

/// The ownership certificate of an asset, without a proof yet: the newest leaf by which somebody became the owner is its
/// evidence.
pub fn ownership(
    id: &str,
    issuer: &str,
    asset: &str,
    state: &AssetState,
    receipt: &str,
    from: TimeUs,
) -> Option<Value> {
    Some(json!({
        "@context": [CONTEXT, { "@vocab": "https://urbis.org/ns#" }],
        "id": id,
        "type": ["VerifiableCredential", "OwnershipCertificate"],
        "issuer": issuer,
        "validFrom": from.to_string(),
        "credentialSubject": { "id": state.owner.as_ref()?, "owns": asset, "grade": state.grade.as_ref().map(|(grade, _)| grade) },
        "evidence": [{ "type": EVIDENCE, "receipt": receipt }],
    }))
}

/// A certificate of a role, without a proof yet, such as `registrar`, `appraiser`, `witness`.
pub fn role(id: &str, issuer: &str, subject: &str, role: &str, from: TimeUs, until: Option<TimeUs>) -> Value {
    let mut credential = json!({
        "@context": [CONTEXT, { "@vocab": "https://urbis.org/ns#" }],
        "id": id,
        "type": ["VerifiableCredential", "RoleCertificate"],
        "issuer": issuer,
        "validFrom": from.to_string(),
        "credentialSubject": { "id": subject, "role": role },
    });
    if let Some(until) = until {
        credential["validUntil"] = until.to_string().into();
    }
    credential
}

/// The credential with a proof by the identity, whose key has the name `method` (of a `did:key`,
/// [`Identity::verification_method`]).
///
/// # Errors
/// [`CredentialError::Shape`] where it is no JSON object, or has a proof.
pub fn issue(
    mut credential: Value,
    identity: &Identity,
    method: &str,
    created: &str,
) -> Result<Value, CredentialError> {
    let Some(object) = credential.as_object().filter(|object| !object.contains_key("proof")) else {
        return Err(CredentialError::Shape("it has to be a JSON object without a proof".to_owned()));
    };
    let mut proof = json!({
        "type": "DataIntegrityProof",
        "cryptosuite": SUITE,
        "created": created,
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
    });
    if let Some(context) = object.get("@context") {
        proof["@context"] = context.clone();
    }
    proof["proofValue"] = identity.sign(&hashes(&proof, &credential)?).into();
    credential["proof"] = proof;
    Ok(credential)
}

/// What is signed: the hash of the proof's options, then that of the document, both canonical (3.3.4).
fn hashes(options: &Value, document: &Value) -> Result<Vec<u8>, CredentialError> {
    Ok([canonical_hash(options)?, canonical_hash(document)?].concat())
}

fn canonical_hash(value: &Value) -> Result<[u8; 32], CredentialError> {
    let bytes = serde_json_canonicalizer::to_vec(value).map_err(|e| CredentialError::Shape(e.to_string()))?;
    Ok(Sha256::digest(&bytes).into())
}

/// Whether the proof of a document is right, and whose it is: the DID of the key that signed. Of a `did:web`, `document`
/// has to be its DID document.
///
/// # Errors
/// [`CredentialError`].
pub fn check_proof(credential: &Value, document: Option<&Value>) -> Result<String, CredentialError> {
    let shape = |what: &str| CredentialError::Shape(what.to_owned());
    let mut unsigned = credential.as_object().cloned().ok_or_else(|| shape("it has to be a JSON object"))?;
    let proof = unsigned.remove("proof").ok_or_else(|| shape("it has no proof"))?;
    let mut options = proof.as_object().cloned().ok_or_else(|| shape("it has to have one proof"))?;
    let text = |name: &str| proof[name].as_str().unwrap_or("nothing");
    if [text("type"), text("cryptosuite"), text("proofPurpose")] != ["DataIntegrityProof", SUITE, "assertionMethod"] {
        let found = format!("{} {} for {}", text("type"), text("cryptosuite"), text("proofPurpose"));
        return Err(CredentialError::Suite(found));
    }
    let value = options.remove("proofValue").and_then(|value| from_multibase(value.as_str()?, 64)?.try_into().ok());
    let value: [u8; 64] = value.ok_or(CredentialError::Signature)?;
    // The contexts that were signed are those that the document begins with.
    if let Some(context) = options.get("@context") {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        if !list(unsigned.get("@context").unwrap_or(&Value::Null)).starts_with(&list(context)) {
            return Err(CredentialError::Signature);
        }
        unsigned.insert("@context".to_owned(), context.clone());
    }
    let method = text("verificationMethod");
    let key = key_for(method, document)?;
    let signed = hashes(&Value::Object(options), &Value::Object(unsigned))?;
    key.verify_strict(&signed, &value.into()).map_err(|_| CredentialError::Signature)?;
    Ok(method.split('#').next().unwrap_or_default().to_owned())
}

fn key_for(method: &str, document: Option<&Value>) -> Result<VerifyingKey, CredentialError> {
    if method.starts_with("did:web:") {
        let did = method.split('#').next().unwrap_or_default();
        let url = crate::did::web_url(did)?;
        let document = document.ok_or_else(|| CredentialError::NeedsDocument(did.to_owned(), url))?;
        return Ok(key_in_document(document, method)?);
    }
    Ok(key_of(method)?)
}

/// Checks a credential: its shape, its proof, that its issuer signed it, that it holds at `now`, and its evidence against
/// the log's public key. Whether it was revoked only the log knows: see [`check_revocation`].
///
/// # Errors
/// [`CredentialError`].
pub fn verify_credential(
    text: &str,
    log_key: &str,
    document: Option<&Value>,
    now: TimeUs,
) -> Result<VerifiedCredential, CredentialError> {
    if text.len() > MAX_BYTES {
        return Err(CredentialError::Shape("it is longer than a megabyte".to_owned()));
    }
    let credential: Value = serde_json::from_str(text).map_err(|e| CredentialError::Shape(e.to_string()))?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let kinds: Vec<_> = list(&credential["type"]).iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect();
    if list(&credential["@context"]).first() != Some(&CONTEXT.into())
        || !kinds.iter().any(|kind| kind == "VerifiableCredential")
    {
        return Err(CredentialError::Shape("it is no Verifiable Credential 2.0".to_owned()));
    }
    let signer = check_proof(&credential, document)?;
    let issuer = credential["issuer"].as_str().or_else(|| credential["issuer"]["id"].as_str()).unwrap_or_default();
    if issuer != signer {
        return Err(CredentialError::Issuer { issuer: issuer.to_owned(), signer });
    }
    check_time(&credential, now)?;
    let subject = &credential["credentialSubject"];
    let receipts = list(&credential["evidence"]);
    let receipt = receipts.iter().find(|evidence| evidence["type"] == EVIDENCE).map(|evidence| &evidence["receipt"]);
    let evidence = receipt.map(|receipt| verify(receipt.as_str().unwrap_or_default(), log_key)).transpose()?;
    if kinds.iter().any(|kind| kind == "OwnershipCertificate") {
        let evidence = evidence.as_ref().ok_or(CredentialError::Contradicts("it has none"))?;
        check_ownership(subject, evidence)?;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(VerifiedCredential {
        id: text(&credential["id"]),
        kinds: kinds.into_iter().filter(|kind| kind != "VerifiableCredential").collect(),
        issuer: signer,
        subject: text(&subject["id"]),
        evidence,
    })
}

fn check_time(credential: &Value, now: TimeUs) -> Result<(), CredentialError> {
    let time = |name: &str| match &credential[name] {
        Value::Null => Ok(None),
        text => match TimeUs::parse(text.as_str().unwrap_or_default()) {
            Ok(time) => Ok(Some(time)),
            Err(e) => Err(CredentialError::Shape(format!("{name}: {e}"))),
        },
    };
    match (time("validFrom")?, time("validUntil")?) {
        (Some(from), _) if now < from => Err(CredentialError::Time(format!("from {from} on"))),
        (_, Some(until)) if now > until => Err(CredentialError::Time(format!("until {until}"))),
        _ => Ok(()),
    }
}

/// Whether the leaf makes the subject the asset's owner.
fn check_ownership(subject: &Value, evidence: &Verified) -> Result<(), CredentialError> {
    let Leaf::Event(event) = &evidence.leaf else {
        return Err(CredentialError::Contradicts("its leaf is no statement"));
    };
    let stated = &event.statement;
    let owner = match stated.operation {
        Operation::Register => Some(&stated.actor),
        Operation::Transfer => stated.owner.as_ref(),
        _ => return Err(CredentialError::Contradicts("its leaf gives nobody the asset")),
    };
    if subject["owns"] != stated.asset.as_str() {
        return Err(CredentialError::Contradicts("its leaf is about another asset"));
    }
    if owner.is_none_or(|owner| subject["id"] != owner.as_str()) {
        return Err(CredentialError::Contradicts("its leaf gives the asset to somebody else"));
    }
    Ok(())
}

/// Whether a receipt, checked with the log's public key, is of the leaf by which the issuer takes the credential back.
///
/// # Errors
/// [`CredentialError::Revoked`] where it is, [`CredentialError::Evidence`] where it does not verify.
pub fn check_revocation(credential: &VerifiedCredential, receipt: &str, log_key: &str) -> Result<(), CredentialError> {
    let proven = verify(receipt, log_key)?;
    match &proven.leaf {
        Leaf::Event(event)
            if event.statement.operation == Operation::Revoke
                && event.statement.credential.as_deref() == Some(&credential.id)
                && event.statement.actor == credential.issuer =>
        {
            Err(CredentialError::Revoked(proven.index))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // W3C Data Integrity EdDSA Cryptosuites 1.0, B.2 (W3C Software and Document License).
    const SECRET: &str = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";
    const VALUE: &str = "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX";

    fn alumni() -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
            "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
            "type": ["VerifiableCredential", "AlumniCredential"],
            "name": "Alumni Credential",
            "description": "A minimum viable example of an Alumni Credential.",
            "issuer": "https://vc.example/issuers/5678",
            "validFrom": "2023-01-01T00:00:00Z",
            "credentialSubject": { "id": "did:example:abcdefgh", "alumniOf": "The School of Examples" }
        })
    }

    #[test]
    fn the_w3c_vectors_are_reproduced() {
        let identity = Identity::from_secret(SECRET).unwrap();
        let method = identity.verification_method();
        let signed = issue(alumni(), &identity, &method, "2023-02-24T23:36:38Z").unwrap();
        assert_eq!(signed["proof"]["proofValue"], VALUE);
        let mut options = signed["proof"].clone();
        options.as_object_mut().unwrap().remove("proofValue");
        let hashed = hex::encode(hashes(&options, &alumni()).unwrap());
        assert_eq!(&hashed[..64], "66ab154f5c2890a140cb8388a22a160454f80575f6eae09e5a097cabe539a1db");
        assert_eq!(&hashed[64..], "59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19");
        assert_eq!(check_proof(&signed, None), Ok(identity.did()));
        // The key is not the issuer that the example names.
        let refused = verify_credential(&signed.to_string(), "", None, TimeUs::now());
        assert!(matches!(refused, Err(CredentialError::Issuer { .. })), "{refused:?}");
    }

    #[test]
    fn whatever_is_altered_is_named() {
        let identity = Identity::from_secret(SECRET).unwrap();
        let from = TimeUs::parse("2026-01-01T00:00:00Z").unwrap();
        let until = TimeUs::parse("2027-01-01T00:00:00Z").unwrap();
        let now = TimeUs::parse("2026-06-01T00:00:00Z").unwrap();
        let unsigned = role("urn:x:1", &identity.did(), "did:key:z6Mkfriend", "appraiser", from, Some(until));
        let signed =
            issue(unsigned.clone(), &identity, &identity.verification_method(), "2026-01-01T00:00:00Z").unwrap();
        let check = |credential: &Value, now| verify_credential(&credential.to_string(), "", None, now);
        assert_eq!(check(&signed, now).unwrap().kinds, ["RoleCertificate"]);
        assert!(matches!(check(&signed, from.min(TimeUs(0))), Err(CredentialError::Time(_))));
        assert!(matches!(check(&signed, TimeUs(until.0 + 1)), Err(CredentialError::Time(_))));
        for (path, value) in [
            ("/credentialSubject/role", json!("mayor")),
            ("/validUntil", json!("2099-01-01T00:00:00Z")),
            ("/proof/created", json!("2025-01-01T00:00:00Z")),
        ] {
            let mut altered = signed.clone();
            *altered.pointer_mut(path).unwrap() = value;
            assert_eq!(check(&altered, now), Err(CredentialError::Signature), "{path}");
        }
        let mut other = signed.clone();
        other["proof"]["cryptosuite"] = "eddsa-rdfc-2022".into();
        assert!(matches!(check(&other, now), Err(CredentialError::Suite(_))));
        let web = issue(unsigned, &identity, "did:web:city.example#key-1", "2026-01-01T00:00:00Z").unwrap();
        assert!(matches!(check(&web, now), Err(CredentialError::NeedsDocument(..))));
        let document = identity.document("did:web:city.example").unwrap();
        assert_eq!(check_proof(&web, Some(&document)).as_deref(), Ok("did:web:city.example"));
    }
}
