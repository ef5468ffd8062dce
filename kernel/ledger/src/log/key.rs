//! The log's signing key: made once, kept in `log.key` with mode 0600 in the C2SP signed-note form, its public half
//! written where the caller says. The secret never leaves the folder and is never printed. A key that gave way to another
//! is gone when the other one signs.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use base64::prelude::*;
use ed25519_dalek::SigningKey;
use signed_note::{Note, Signer, StandardSigner, is_key_name_valid, key_id, new_ed25519_verifier_key};
use tlog_tiles::Checkpoint;

use super::Error;
use super::files::{replace, sync_folder};
use crate::keys::KeyRing;
use crate::receipt::VerifyError;

/// The first byte of an Ed25519 key in a signed note.
const ALG_ED25519: u8 = 1;

/// The key and both ways to use it.
pub(super) struct Key {
    /// None where only the public half is known.
    signer: Option<(StandardSigner, SigningKey)>,
    ring: KeyRing,
}

impl Key {
    /// Reads the key of the log, or makes it where `may_create`, and its public half.
    pub(super) fn open(path: &Path, public_key: &Path, origin: &str, may_create: bool) -> Result<Self, Error> {
        if !is_key_name_valid(origin) || origin.contains(char::is_control) {
            return Err(Error::Origin(origin.to_owned()));
        }
        let wrong = || Error::Key { path: path.to_owned(), origin: origin.to_owned() };
        let (signer, secret, vkey) = match read(path) {
            Ok(text) => parse(text.trim_end(), origin).ok_or_else(wrong)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound && may_create => {
                let text = new_secret(path, origin)?;
                write_secret(path, &text)?;
                parse(&text, origin).ok_or_else(wrong)?
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::KeyMissing(path.to_owned())),
            Err(source) => return Err(Error::Io { doing: "read", path: path.to_owned(), source }),
        };
        let ring = match read(public_key) {
            Ok(text) => KeyRing::parse(&text).map_err(|_| Error::PublicKeyDiffers(public_key.to_owned()))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                replace(public_key, format!("{vkey}\n").as_bytes())?;
                KeyRing::parse(&vkey).map_err(|_| wrong())?
            }
            Err(source) => return Err(Error::Io { doing: "read", path: public_key.to_owned(), source }),
        };
        let key = Self { signer: Some((signer, secret)), ring };
        let next = next_path(path);
        match key.ring.newest() == vkey {
            // A change of keys that did not come so far as to be told.
            true => drop(fs::remove_file(next)),
            // One that was told and not finished.
            false if next.is_file() && may_finish(&next, origin, &key.ring) => {
                fs::rename(&next, path).map_err(Error::io("replace", path))?;
                return Self::open(path, public_key, origin, false);
            }
            false => return Err(Error::PublicKeyDiffers(public_key.to_owned())),
        }
        Ok(key)
    }

    /// The public half alone, which signs nothing.
    pub(super) fn public(ring: KeyRing) -> Self {
        Self { signer: None, ring }
    }

    /// The same key under the name of a log beside this one.
    pub(super) fn of_log(&self, suffix: &str) -> Option<Self> {
        let (_, secret) = self.signer.as_ref()?;
        let origin = format!("{}{suffix}", self.ring.origin());
        let (signer, secret, _) = parse(&secret_text(&origin, secret), &origin)?;
        Some(Self { signer: Some((signer, secret)), ring: self.ring.of_log(suffix) })
    }

    /// The same once more.
    pub(super) fn again(&self) -> Self {
        Self { signer: self.signer.clone(), ring: self.ring.clone() }
    }

    /// Gives way to a new key, from a size of the log on.
    pub(super) fn rotate(&mut self, path: &Path, public_key: &Path, size: u64) -> Result<(), Error> {
        let (old, _) = self.signer.as_ref().ok_or(Error::ReadOnly)?;
        let origin = self.ring.origin().to_owned();
        let wrong = || Error::Key { path: path.to_owned(), origin: origin.clone() };
        let next = next_path(path);
        let text = new_secret(&next, &origin)?;
        let (signer, secret, vkey) = parse(&text, &origin).ok_or_else(wrong)?;
        let line = KeyRing::rotation(&origin, size, &vkey, [old, &signer]).map_err(|_| wrong())?;
        let public = format!("{}\n{line}", self.ring.text());
        let ring =
            KeyRing::parse(&public).map_err(|source| Error::Checkpoint { path: public_key.to_owned(), source })?;
        write_secret(&next, &text)?;
        replace(public_key, format!("{public}\n").as_bytes())?;
        fs::rename(&next, path).map_err(Error::io("replace", path))?;
        path.parent().map_or(Ok(()), sync_folder)?;
        (self.signer, self.ring) = (Some((signer, secret)), ring);
        Ok(())
    }

    /// All public keys that the log has had.
    pub(super) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The 32 secret bytes, for an identity of the same key.
    pub(super) fn seed(&self) -> Option<[u8; 32]> {
        self.signer.as_ref().map(|(_, secret)| secret.to_bytes())
    }

    /// The checkpoint as a signed note.
    pub(super) fn sign(&self, checkpoint: &Checkpoint, path: &Path) -> Result<Vec<u8>, Error> {
        let (signer, _) = self.signer.as_ref().ok_or(Error::ReadOnly)?;
        let sign = || {
            let mut note = Note::new(&checkpoint.to_bytes(), &[])?;
            note.add_sigs(&[signer])?;
            Ok(note.to_bytes())
        };
        sign().map_err(|e: signed_note::NoteError| Error::Io {
            doing: "sign",
            path: path.to_owned(),
            source: io::Error::other(e.to_string()),
        })
    }
}

/// The public keys in a file.
pub(super) fn read_ring(path: &Path) -> Result<KeyRing, Error> {
    let text = read(path).map_err(Error::io("read", path))?;
    KeyRing::parse(&text).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        what: match error {
            VerifyError::Rotation { .. } => error.to_string(),
            _ => "it is no public key".to_owned(),
        },
    })
}

fn next_path(path: &Path) -> std::path::PathBuf {
    path.with_extension("key.next")
}

fn may_finish(next: &Path, origin: &str, ring: &KeyRing) -> bool {
    read(next).is_ok_and(|text| parse(text.trim_end(), origin).is_some_and(|(_, _, vkey)| vkey == ring.newest()))
}

fn parse(text: &str, origin: &str) -> Option<(StandardSigner, SigningKey, String)> {
    let signer = StandardSigner::new(text).ok()?;
    let seed = BASE64_STANDARD.decode(text.splitn(5, '+').nth(4)?).ok()?;
    let secret = SigningKey::try_from(seed.get(1..)?).ok()?;
    let vkey = new_ed25519_verifier_key(origin, &secret.verifying_key());
    // The name is part of the key's id, so this also refuses the key of another origin.
    let id = key_id(origin, &[&[ALG_ED25519], secret.verifying_key().as_bytes().as_slice()].concat());
    (signer.key_id() == id && signer.name() == origin).then_some((signer, secret, vkey))
}

fn new_secret(path: &Path, origin: &str) -> Result<String, Error> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|e| Error::Io {
        doing: "draw a key for",
        path: path.to_owned(),
        source: io::Error::other(e),
    })?;
    Ok(secret_text(origin, &SigningKey::from_bytes(&seed)))
}

fn secret_text(origin: &str, secret: &SigningKey) -> String {
    let id = key_id(origin, &[&[ALG_ED25519], secret.verifying_key().as_bytes().as_slice()].concat());
    let seed = BASE64_STANDARD.encode([&[ALG_ED25519], secret.as_bytes().as_slice()].concat());
    format!("PRIVATE+KEY+{origin}+{id:08x}+{seed}")
}

/// A file's text; what is no text in it becomes something that no key is.
fn read(path: &Path) -> io::Result<String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes the key so that it is whole or absent, and never readable by others, not even for a moment.
fn write_secret(path: &Path, text: &str) -> Result<(), Error> {
    let beside = path.with_extension("key.tmp");
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match fs::remove_file(&beside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &beside)(e)),
        _ => {}
    }
    let mut file = options.open(&beside).map_err(Error::io("create", &beside))?;
    file.write_all(format!("{text}\n").as_bytes()).map_err(Error::io("write", &beside))?;
    file.sync_all().map_err(Error::io("sync", &beside))?;
    fs::rename(&beside, path).map_err(Error::io("replace", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}
