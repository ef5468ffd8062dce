//! The log's signing key: made once, kept in `log.key` with mode 0600 in the C2SP signed-note form, its public half
//! written where the caller says. The secret never leaves the folder and is never printed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use base64::prelude::*;
use ed25519_dalek::SigningKey;
use signed_note::{
    Note, StandardSigner, StandardVerifier, Verifier, is_key_name_valid, key_id, new_ed25519_verifier_key,
};
use tlog_tiles::Checkpoint;

use super::Error;
use super::files::{replace, sync_folder};

/// The first byte of an Ed25519 key in a signed note.
const ALG_ED25519: u8 = 1;

/// The key and both ways to use it.
pub(super) struct Key {
    /// None where only the public half is known.
    signer: Option<StandardSigner>,
    verifier: StandardVerifier,
    vkey: String,
}

impl Key {
    /// Reads the key of the log, or makes it where `may_create`.
    pub(super) fn open(path: &Path, origin: &str, may_create: bool) -> Result<Self, Error> {
        if !is_key_name_valid(origin) || origin.contains(char::is_control) {
            return Err(Error::Origin(origin.to_owned()));
        }
        match read(path) {
            Ok(text) => Self::parse(text.trim_end(), origin)
                .ok_or_else(|| Error::Key { path: path.to_owned(), origin: origin.to_owned() }),
            Err(e) if e.kind() == io::ErrorKind::NotFound && may_create => Self::create(path, origin),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::KeyMissing(path.to_owned())),
            Err(source) => Err(Error::Io { doing: "read", path: path.to_owned(), source }),
        }
    }

    /// The public half alone, which signs nothing.
    pub(super) fn public(path: &Path) -> Result<Self, Error> {
        let vkey = read(path).map_err(Error::io("read", path))?.trim_end().to_owned();
        let verifier = StandardVerifier::new(&vkey)
            .map_err(|_| Error::Damaged { path: path.to_owned(), what: "it is no public key".to_owned() })?;
        Ok(Self { signer: None, verifier, vkey })
    }

    fn parse(text: &str, origin: &str) -> Option<Self> {
        let signer = StandardSigner::new(text).ok()?;
        let seed = BASE64_STANDARD.decode(text.splitn(5, '+').nth(4)?).ok()?;
        let secret = SigningKey::try_from(seed.get(1..)?).ok()?;
        let vkey = new_ed25519_verifier_key(origin, &secret.verifying_key());
        let verifier = StandardVerifier::new(&vkey).ok()?;
        // The name is part of the key's id, so this also refuses the key of another origin.
        (signed_note::Signer::key_id(&signer) == verifier.key_id()).then_some(Self {
            signer: Some(signer),
            verifier,
            vkey,
        })
    }

    fn create(path: &Path, origin: &str) -> Result<Self, Error> {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(|e| Error::Io {
            doing: "draw a key for",
            path: path.to_owned(),
            source: io::Error::other(e),
        })?;
        let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        let id = key_id(origin, &[&[ALG_ED25519], public.as_slice()].concat());
        let secret = BASE64_STANDARD.encode([&[ALG_ED25519], seed.as_slice()].concat());
        let text = format!("PRIVATE+KEY+{origin}+{id:08x}+{secret}");
        write_secret(path, &text)?;
        Self::parse(&text, origin).ok_or_else(|| Error::Key { path: path.to_owned(), origin: origin.to_owned() })
    }

    /// The public key in the C2SP signed-note form, one line without its end.
    pub(super) fn vkey(&self) -> &str {
        &self.vkey
    }

    pub(super) fn verifier(&self) -> &StandardVerifier {
        &self.verifier
    }

    /// Writes the public key, or makes sure that the one there is the same.
    pub(super) fn publish(&self, path: &Path) -> Result<(), Error> {
        match read(path) {
            Ok(text) if text.trim_end() == self.vkey => Ok(()),
            Ok(_) => Err(Error::PublicKeyDiffers(path.to_owned())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => replace(path, format!("{}\n", self.vkey).as_bytes()),
            Err(source) => Err(Error::Io { doing: "read", path: path.to_owned(), source }),
        }
    }

    /// The checkpoint as a signed note.
    pub(super) fn sign(&self, checkpoint: &Checkpoint, path: &Path) -> Result<Vec<u8>, Error> {
        let signer = self.signer.as_ref().ok_or(Error::ReadOnly)?;
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
