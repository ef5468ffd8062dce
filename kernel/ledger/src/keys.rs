//! The keys that a log has had. In comes the text of `log.pub`, out comes who may have signed which size of the log; a
//! checkpoint goes in and its signature is found right or refused. A log's first key is its first line, a C2SP
//! signed-note vkey; each further line is `rotation ` and, in base64, a signed note by which one key gave way to the next:
//!
//! ```text
//! urbis.org/key-rotation@v1
//! <name of the log>
//! <leaves of the log up to which the old key signs, and from which on the new one does>
//! <the new key, as a vkey>
//!
//! — <name> <signature of the old key>
//! — <name> <signature of the new key>
//! ```
//! Who has the first key alone can so follow to the newest, and a key that was stolen later signs nothing more.

use std::fmt::Write;

use base64::prelude::*;
use ed25519_dalek::VerifyingKey;
use signed_note::{
    Note, NoteError, Signer, StandardVerifier, Verifier, VerifierError, VerifierList, new_ed25519_verifier_key,
};
use tlog_tiles::Checkpoint;

use crate::receipt::VerifyError;

const HEADER: &str = "urbis.org/key-rotation@v1";
const LINE: &str = "rotation ";
/// Keys of one log.
const MAX_KEYS: usize = 64;

/// One key and the sizes of the log that it signs.
#[derive(Clone)]
struct Held {
    verifier: StandardVerifier,
    vkey: String,
    from: u64,
    until: u64,
}

/// The keys of one log, oldest first; never empty.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Held>,
    text: String,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyRing").field(&self.newest()).finish()
    }
}

/// Which key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedBy(usize);

impl KeyRing {
    /// Reads `log.pub`.
    ///
    /// # Errors
    /// [`VerifyError::Key`] for the first line, [`VerifyError::Rotation`] for the others.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let mut lines = text.trim_end().lines();
        let first = lines.next().unwrap_or_default().trim();
        let verifier = StandardVerifier::new(first).map_err(|e| VerifyError::Key(key_fault(&e).to_owned()))?;
        let first = Held { verifier, vkey: first.to_owned(), from: 0, until: u64::MAX };
        let mut ring = Self { keys: vec![first], text: text.trim_end().to_owned() };
        for (n, line) in lines.enumerate() {
            ring.rotate(line).map_err(|what| VerifyError::Rotation { line: n + 2, what })?;
        }
        Ok(ring)
    }

    fn rotate(&mut self, line: &str) -> Result<(), &'static str> {
        if self.keys.len() == MAX_KEYS {
            return Err("no log has more than 64 keys");
        }
        let note = line.strip_prefix(LINE).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let note = note.ok_or("it has to be `rotation ` and a signed note in base64")?;
        let note = Note::from_bytes(&note).map_err(|_| "it holds no signed note (C2SP signed-note)")?;
        let text = std::str::from_utf8(note.text()).unwrap_or_default();
        let [HEADER, origin, size, vkey] = text.trim_end().split('\n').collect::<Vec<_>>()[..] else {
            return Err("its note has to be `urbis.org/key-rotation@v1`, name, size and key");
        };
        let before = self.keys.last_mut().ok_or("there is no key before it")?;
        let size = size.parse().ok().filter(|size| *size >= before.from);
        let size: u64 = size.ok_or("its size has to be a number that is no smaller than the one before")?;
        let new = StandardVerifier::new(vkey).map_err(|_| "its new key is no Ed25519 vkey")?;
        if origin != before.verifier.name() || new.name() != origin {
            return Err("it is of another log");
        }
        let is_signed = |key: &StandardVerifier| note.verify(&VerifierList::new(vec![Box::new(key.clone())])).is_ok();
        if !is_signed(&before.verifier) {
            return Err("the key before did not sign it");
        }
        if !is_signed(&new) {
            return Err("the new key did not sign it");
        }
        before.until = size;
        self.keys.push(Held { verifier: new, vkey: vkey.to_owned(), from: size, until: u64::MAX });
        Ok(())
    }

    /// The line that lets a new key follow the present one.
    pub(crate) fn rotation(
        origin: &str,
        size: u64,
        vkey: &str,
        signers: [&dyn Signer; 2],
    ) -> Result<String, NoteError> {
        let mut note = Note::new(format!("{HEADER}\n{origin}\n{size}\n{vkey}\n").as_bytes(), &[])?;
        note.add_sigs(&signers)?;
        Ok(format!("{LINE}{}", BASE64_STANDARD.encode(note.to_bytes())))
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        self.keys.first().map_or("", |key| key.verifier.name())
    }

    /// The newest key, as a vkey.
    pub fn newest(&self) -> &str {
        self.keys.last().map_or("", |key| &key.vkey)
    }

    /// The 32 bytes of the newest key.
    pub fn newest_bytes(&self) -> Option<[u8; 32]> {
        public_bytes(self.newest())
    }

    /// The same keys under the name of a log beside this one. What size each of them signs there is not known here.
    pub(crate) fn of_log(&self, suffix: &str) -> Self {
        let renamed = |held: &Held| {
            let public = VerifyingKey::from_bytes(&public_bytes(&held.vkey)?).ok()?;
            let vkey = new_ed25519_verifier_key(&format!("{}{suffix}", self.origin()), &public);
            Some(Held { verifier: StandardVerifier::new(&vkey).ok()?, vkey, from: 0, until: u64::MAX })
        };
        Self { keys: self.keys.iter().filter_map(renamed).collect(), text: String::new() }
    }

    /// Whether the key signs a log of this size.
    pub(crate) fn check_size(&self, by: &SignedBy, size: u64) -> Result<(), VerifyError> {
        match self.keys.get(by.0) {
            Some(key) if size > key.until || size < key.from => {
                Err(VerifyError::KeyRetired { size, from: key.from, until: key.until })
            }
            _ => Ok(()),
        }
    }

    /// Whether the key still signed when the log had this size.
    pub(crate) fn check_until(&self, by: &SignedBy, size: u64) -> Result<(), VerifyError> {
        match self.keys.get(by.0) {
            Some(key) if size > key.until => Err(VerifyError::KeyRetired { size, from: key.from, until: key.until }),
            _ => Ok(()),
        }
    }

    /// The checkpoint in a signed note, once the signature of one of the keys on it holds and its name is the log's.
    pub(crate) fn open_checkpoint(&self, text: &str) -> Result<(Checkpoint, SignedBy), VerifyError> {
        let note = Note::from_bytes(text.as_bytes())
            .map_err(|_| VerifyError::Checkpoint("it is no signed note (C2SP signed-note)"))?;
        let checkpoint = Checkpoint::from_bytes(note.text())
            .map_err(|_| VerifyError::Checkpoint("its text is not origin, size and root (C2SP tlog-checkpoint)"))?;
        if checkpoint.origin() != self.origin() {
            return Err(VerifyError::Origin {
                found: checkpoint.origin().to_owned(),
                wanted: self.origin().to_owned(),
            });
        }
        let mut refusal = None;
        for (n, key) in self.keys.iter().enumerate().rev() {
            match note.verify(&VerifierList::new(vec![Box::new(key.verifier.clone())])) {
                Ok(_) => match self.check_size(&SignedBy(n), checkpoint.size()) {
                    Ok(()) => return Ok((checkpoint, SignedBy(n))),
                    Err(retired) => refusal = refusal.or(Some(retired)),
                },
                Err(NoteError::UnverifiedNote) => {}
                Err(_) => return Err(VerifyError::Signature),
            }
        }
        Err(refusal.unwrap_or_else(|| VerifyError::WrongKey {
            wanted: self
                .keys
                .last()
                .map(|key| format!("{}+{:08x}", key.verifier.name(), key.verifier.key_id()))
                .unwrap_or_default(),
            found: signers(text),
        }))
    }
}

/// The Ed25519 key in a vkey.
pub(crate) fn public_bytes(vkey: &str) -> Option<[u8; 32]> {
    let key = BASE64_STANDARD.decode(vkey.splitn(3, '+').nth(2)?).ok()?;
    key.get(1..)?.try_into().ok()
}

/// Names and key ids on a well-formed note, for the error that none of them is the right one.
fn signers(note_text: &str) -> String {
    let mut list = String::new();
    let lines = note_text.rsplit_once("\n\n").map_or("", |(_, lines)| lines).lines();
    for signature in lines.filter_map(|line| signed_note::Signature::from_bytes(line.as_bytes()).ok()) {
        let comma = if list.is_empty() { "" } else { ", " };
        // Writing into a String cannot fail.
        let _ = write!(list, "{comma}{}+{:08x}", signature.name(), signature.id());
    }
    list
}

fn key_fault(error: &VerifierError) -> &'static str {
    match error {
        VerifierError::Format => "malformed",
        VerifierError::Alg => "of an algorithm other than Ed25519",
        VerifierError::Id => "damaged (its id is not the hash of its name and key)",
    }
}
