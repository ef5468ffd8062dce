//! Cosignatures (c2sp.org/tlog-cosignature, `cosignature/v1`): a witness that has seen a checkpoint to follow all that it
//! saw before signs it with the time. Notes go in and out as text; what a witness remembers stands elsewhere.

use base64::prelude::*;
use ed25519_dalek::{Signature as Ed25519, Signer as _, SigningKey, VerifyingKey};
use signed_note::{Note, Signature, Verifier, VerifierList, is_key_name_valid, key_id};

use crate::receipt::VerifyError;

/// The type of a key that cosigns with Ed25519, in signed notes.
const COSIGNATURE: u8 = 4;
/// The time and the signature.
const BYTES: usize = 8 + 64;

/// A witness's public key: name, id and key, as `<name>+<id>+<base64>`.
#[derive(Debug, Clone)]
pub struct Witness {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl Witness {
    /// Reads a vkey of the type 4.
    ///
    /// # Errors
    /// [`VerifyError::Key`].
    pub fn parse(vkey: &str) -> Result<Self, VerifyError> {
        let wrong = |what: &str| VerifyError::Key(format!("of a witness and {what}"));
        let mut parts = vkey.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let bytes = key.and_then(|key| BASE64_STANDARD.decode(key).ok()).ok_or_else(|| wrong("malformed"))?;
        let [COSIGNATURE, key @ ..] = bytes.as_slice() else {
            return Err(wrong("not of the type 4 (cosignature/v1)"));
        };
        let key: [u8; 32] = key.try_into().map_err(|_| wrong("not 32 bytes long"))?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| wrong("no Ed25519 key"))?;
        let witness = Self::of(name.unwrap_or_default(), key).ok_or_else(|| wrong("of an impossible name"))?;
        let id = id.and_then(|id| u32::from_str_radix(id, 16).ok());
        if id == Some(witness.id) {
            Ok(witness)
        } else {
            Err(wrong("damaged (its id is not that of its name and key)"))
        }
    }

    fn of(name: &str, key: VerifyingKey) -> Option<Self> {
        let id = key_id(name, &[&[COSIGNATURE], key.as_bytes().as_slice()].concat());
        is_key_name_valid(name).then(|| Self { name: name.to_owned(), id, key })
    }

    /// Its vkey.
    pub fn vkey(&self) -> String {
        let key = BASE64_STANDARD.encode([&[COSIGNATURE], self.key.as_bytes().as_slice()].concat());
        format!("{}+{:08x}+{key}", self.name, self.id)
    }

    /// When this witness signed the checkpoint, seconds since 1970; nothing where it did not, or its signature is wrong.
    pub fn seen_at(&self, checkpoint: &str) -> Option<u64> {
        let note = Note::from_bytes(checkpoint.as_bytes()).ok()?;
        let (signed, _) = note.verify(&VerifierList::new(vec![Box::new(self.clone())])).ok()?;
        let time = signed.first()?.signature().get(..8)?.try_into().ok()?;
        Some(u64::from_be_bytes(time))
    }
}

impl Verifier for Witness {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let Ok(signature) = Ed25519::from_slice(signature) else { return false };
        self.key.verify_strict(&message(u64::from_be_bytes(*time), text), &signature).is_ok()
    }
}

/// What a witness signs.
fn message(time_s: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time_s}\n").as_bytes(), text].concat()
}

/// A witness's key that signs.
pub struct Cosigner {
    witness: Witness,
    key: SigningKey,
}

impl std::fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cosigner").field(&self.witness.vkey()).finish()
    }
}

impl Cosigner {
    /// Of a name and 32 secret bytes; nothing where the name cannot stand in a signed note.
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let key = SigningKey::from_bytes(seed);
        Some(Self { witness: Witness::of(name, key.verifying_key())?, key })
    }

    /// The public half.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// The line of the signature of a checkpoint's text, seconds since 1970.
    pub(crate) fn cosign(&self, text: &[u8], time_s: u64) -> Option<String> {
        let signature = self.key.sign(&message(time_s, text)).to_bytes();
        let bytes = [time_s.to_be_bytes().as_slice(), &signature].concat();
        let line = Signature::new(self.witness.name.clone(), self.witness.id, bytes).ok()?.to_bytes();
        String::from_utf8(line).ok()
    }
}

/// The checkpoint with a line of a cosignature added, if it has none of this witness yet and the witness signed it.
///
/// # Errors
/// [`VerifyError::Signature`] where the line is not the witness's of this checkpoint.
pub fn with_cosignature(checkpoint: &str, line: &str, witness: &Witness) -> Result<String, VerifyError> {
    if witness.seen_at(checkpoint).is_some() {
        return Ok(checkpoint.to_owned());
    }
    let line = line.trim_end();
    let whole = format!("{checkpoint}{line}\n");
    let is_line = Signature::from_bytes(line.as_bytes()).is_ok_and(|signature| signature.signature().len() == BYTES);
    if is_line && witness.seen_at(&whole).is_some() { Ok(whole) } else { Err(VerifyError::Signature) }
}

/// Whether so many of the witnesses have signed the checkpoint of a receipt.
///
/// # Errors
/// [`VerifyError::Witnesses`].
pub fn check_witnesses(receipt: &str, witnesses: &[Witness], wanted: usize) -> Result<(), VerifyError> {
    let checkpoint = receipt.split_once("\n\n").map_or("", |(_, checkpoint)| checkpoint);
    let found = witnesses.iter().filter(|witness| witness.seen_at(checkpoint).is_some()).count();
    if found >= wanted { Ok(()) } else { Err(VerifyError::Witnesses { found, wanted }) }
}
