//! Who somebody is: decentralized identifiers (W3C DID 1.0) of Ed25519 keys. `did:key` holds its key itself; `did:web`
//! names a document at a web address, which the caller fetches or has and hands in here: nothing is asked of a network.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};

/// Multicodec of an Ed25519 public key, as a varint.
const PUBLIC: [u8; 2] = [0xed, 0x01];
/// Multicodec of an Ed25519 secret key, as a varint.
const SECRET: [u8; 2] = [0x80, 0x26];

/// What is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DidError {
    /// Neither of the methods that are read.
    #[error("`{0}` is no did:key of an Ed25519 key: it has to begin with `did:key:z6Mk`")]
    NotKey(String),
    /// A `did:web` that is none.
    #[error("`{0}` is no did:web: it has to be `did:web:` and a host, with `:` before each part of a path")]
    NotWeb(String),
    /// The document is another's, or has no such key.
    #[error("the DID document of {did}: {what}")]
    Document {
        /// Whose it should be.
        did: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The text is no secret key.
    #[error("this is no secret key: it has to be the multibase text of an Ed25519 key, `z3u2...`")]
    Secret,
}

/// A key that signs, and who that is.
pub struct Identity(SigningKey);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.did()).finish()
    }
}

impl Identity {
    /// Of 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Of a secret key in multibase (Multikey, `z3u2...`).
    ///
    /// # Errors
    /// [`DidError::Secret`], which does not repeat the text.
    pub fn from_secret(text: &str) -> Result<Self, DidError> {
        let seed = multikey(text.trim(), SECRET).ok_or(DidError::Secret)?;
        Ok(Self::from_seed(&seed))
    }

    /// A new one.
    ///
    /// # Errors
    /// Where the system gives no random bits.
    #[cfg(not(target_family = "wasm"))]
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self::from_seed(&seed))
    }

    /// The secret key in multibase: for the file of its holder and nobody else.
    pub fn secret(&self) -> String {
        multibase(&[SECRET.as_slice(), self.0.as_bytes()].concat())
    }

    /// The 32 secret bytes, for a key of another kind.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public key in multibase.
    pub fn public(&self) -> String {
        multibase(&[PUBLIC.as_slice(), self.0.verifying_key().as_bytes()].concat())
    }

    /// Its `did:key`.
    pub fn did(&self) -> String {
        format!("did:key:{}", self.public())
    }

    /// Name of its key in signatures of its `did:key`.
    pub fn verification_method(&self) -> String {
        format!("{}#{}", self.did(), self.public())
    }

    /// Signs; the signature comes in multibase.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        multibase(&self.0.sign(message).to_bytes())
    }

    /// The document of a `did:web` that this key speaks for.
    ///
    /// # Errors
    /// [`DidError::NotWeb`].
    pub fn document(&self, did: &str) -> Result<Value, DidError> {
        web_url(did)?;
        let method = format!("{did}#key-1");
        Ok(json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": did,
            "verificationMethod": [
                { "id": method, "type": "Multikey", "controller": did, "publicKeyMultibase": self.public() }
            ],
            "assertionMethod": [method],
        }))
    }
}

/// The key of a `did:key`; a fragment after it is left aside.
///
/// # Errors
/// [`DidError::NotKey`].
pub fn key_of(did: &str) -> Result<VerifyingKey, DidError> {
    let text = did.split('#').next().unwrap_or_default().strip_prefix("did:key:");
    let bytes = text.and_then(|text| multikey(text, PUBLIC));
    bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).ok_or_else(|| DidError::NotKey(did.to_owned()))
}

/// The key that a DID document gives for making assertions under the name `method` (`did:web:example.org#key-1`).
///
/// # Errors
/// [`DidError::Document`].
pub fn key_in_document(document: &Value, method: &str) -> Result<VerifyingKey, DidError> {
    let did = method.split('#').next().unwrap_or_default();
    let wrong = |what| DidError::Document { did: did.to_owned(), what };
    if document["id"] != did {
        return Err(wrong("its id is another: take the document of this DID"));
    }
    let names = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let is_for_assertions = names(&document["assertionMethod"]).iter().any(|one| *one == method || one["id"] == method);
    if !is_for_assertions {
        return Err(wrong("the key is not among those that make assertions (assertionMethod)"));
    }
    let all = [names(&document["verificationMethod"]), names(&document["assertionMethod"])].concat();
    let key = all.iter().find(|one| one["id"] == method && one["controller"] == did);
    let text = key.and_then(|key| key["publicKeyMultibase"].as_str());
    let bytes = text.and_then(|text| multikey(text, PUBLIC));
    let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    key.ok_or_else(|| wrong("it has no Ed25519 Multikey of this name"))
}

/// Where the document of a `did:web` is.
///
/// # Errors
/// [`DidError::NotWeb`].
pub fn web_url(did: &str) -> Result<String, DidError> {
    let wrong = || DidError::NotWeb(did.to_owned());
    let mut parts = did.strip_prefix("did:web:").ok_or_else(wrong)?.split(':');
    let host = parts.next().unwrap_or_default().replace("%3A", ":");
    let path: Vec<_> = parts.collect();
    let is_word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'))
    };
    if !is_word(&host) || !path.iter().all(|part| is_word(part) && !part.starts_with('.')) {
        return Err(wrong());
    }
    let path = if path.is_empty() { ".well-known".to_owned() } else { path.join("/") };
    Ok(format!("https://{host}/{path}/did.json"))
}

/// Whether the text is a DID at all.
pub(crate) fn is_did(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let method = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    parts.next() == Some("did")
        && parts.next().is_some_and(|name| !name.is_empty() && name.chars().all(method))
        && parts.next().is_some_and(|id| !id.is_empty() && !id.contains(char::is_whitespace) && id.len() < 512)
}

/// Multibase, base58btc.
pub(crate) fn multibase(bytes: &[u8]) -> String {
    format!("z{}", bs58::encode(bytes).into_string())
}

/// The bytes of a base58btc multibase text, at most as many as given.
pub(crate) fn from_multibase(text: &str, at_most: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix('z').filter(|digits| digits.len() <= at_most * 2)?;
    bs58::decode(digits).into_vec().ok()
}

fn multikey(text: &str, codec: [u8; 2]) -> Option<[u8; 32]> {
    from_multibase(text, 64)?.strip_prefix(&codec)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_w3c_vectors_are_read_and_written() {
        let secret = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";
        let identity = Identity::from_secret(secret).unwrap();
        assert_eq!(identity.did(), "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2");
        assert_eq!(identity.secret(), secret);
        assert_eq!(key_of(&identity.verification_method()).unwrap().as_bytes(), identity.0.verifying_key().as_bytes());
        for wrong in ["did:key:z6Mk", "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", "did:web:a", ""] {
            assert!(key_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_web_did_names_one_address() {
        for (did, url) in [
            ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
            ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
            ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
        ] {
            assert_eq!(web_url(did).as_deref(), Ok(url));
        }
        for wrong in ["did:web:", "did:web:a:..", "did:web:a/b", "did:key:z6Mk", "did:web:a::b"] {
            assert!(web_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_document_gives_the_key_that_is_for_assertions() {
        let identity = Identity::from_seed(&[7; 32]);
        let mut document = identity.document("did:web:city.example").unwrap();
        assert_eq!(key_in_document(&document, "did:web:city.example#key-1").unwrap(), identity.0.verifying_key());
        assert!(key_in_document(&document, "did:web:city.example#key-2").is_err());
        assert!(key_in_document(&document, "did:web:town.example#key-1").is_err());
        document["assertionMethod"] = json!([]);
        assert!(key_in_document(&document, "did:web:city.example#key-1").is_err());
    }
}
