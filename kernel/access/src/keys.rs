//! API keys: 256 random bits each, shown once, kept as SHA-256, with a name, roles, attributes, scopes and an end. A text comes in,
//! who has it goes out. The file is looked at again when it has changed, so that a key that was revoked is worth nothing a second
//! later, whoever revoked it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kernel_model::TimeUs;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Refusal};
use crate::file;
use crate::principal::{FULL_CLEARANCE, Principal, Scope};

const FILE: &str = "api-keys";
/// What every key begins with, so that it is known for one where it should not be.
pub(crate) const PREFIX: &str = "urbis_";
/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Digits of a hash that name a key.
const ID_DIGITS: usize = 10;

/// A key as it is shown, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The key itself, to print once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// By which it is listed and revoked: the first digits of its hash.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// SHA-256 of the key, hexadecimal.
    hash: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// What it may be used for at most.
    pub scopes: BTreeSet<Scope>,
    /// Districts it is of.
    pub districts: BTreeSet<String>,
    /// Up to which grade it may see.
    pub clearance: u8,
    /// When it was made, microseconds of UTC since 1970; 0: not known.
    pub created_us: i64,
    /// From when on it is worth nothing.
    pub expires_us: Option<i64>,
    /// When it was taken back.
    pub revoked_us: Option<i64>,
}

/// A key that is to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// What it may be used for at most.
    pub scopes: BTreeSet<Scope>,
    /// Districts it is of.
    pub districts: BTreeSet<String>,
    /// Up to which grade it may see.
    pub clearance: u8,
    /// From when on it is worth nothing.
    pub expires: Option<TimeUs>,
}

impl Key {
    /// A key of which only the hash was kept: it may everything, as it did.
    pub(crate) fn of_old_file(hash: &str) -> Self {
        Self {
            id: hash[..ID_DIGITS].to_owned(),
            name: "first".to_owned(),
            hash: hash.to_owned(),
            roles: ["administrator".to_owned()].into(),
            scopes: Scope::ALL.into(),
            districts: BTreeSet::new(),
            clearance: FULL_CLEARANCE,
            created_us: 0,
            expires_us: None,
            revoked_us: None,
        }
    }

    /// Who has it, at an instant.
    fn principal(&self, now: TimeUs) -> Result<Principal, Refusal> {
        if self.revoked_us.is_some() {
            return Err(Refusal::RevokedKey);
        }
        if self.expires_us.is_some_and(|end| end <= now.0) {
            return Err(Refusal::ExpiredKey);
        }
        Ok(Principal {
            id: format!("key:{}", self.id),
            name: self.name.clone(),
            roles: self.roles.clone(),
            districts: self.districts.clone(),
            clearance: self.clearance,
            scopes: self.scopes.clone(),
            expires: self.expires_us.map(TimeUs),
        })
    }
}

/// What says that a file is another one.
type Stamp = (SystemTime, u64);

#[derive(Debug)]
struct Read {
    keys: Vec<Key>,
    stamp: Option<Stamp>,
    looked: Instant,
}

/// The keys of a data folder.
#[derive(Debug)]
pub struct KeyRing {
    path: PathBuf,
    read: Mutex<Read>,
}

impl KeyRing {
    /// The keys of a data folder, perhaps none.
    ///
    /// # Errors
    /// Where the file cannot be read or is damaged.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let stamp = stamp(&path);
        let keys = file::read(&path)?.unwrap_or_default();
        Ok(Self { path, read: Mutex::new(Read { keys, stamp, looked: Instant::now() }) })
    }

    /// The same; where there are none yet the first is made, which may everything.
    ///
    /// # Errors
    /// As [`KeyRing::open`], and where the file cannot be written.
    pub fn open_or_begin(dir: &Path) -> Result<(Self, Option<Secret>), Error> {
        let ring = Self::open(dir)?;
        if ring.path.exists() {
            return Ok((ring, None));
        }
        let first = NewKey {
            name: "first".to_owned(),
            roles: ["administrator".to_owned()].into(),
            scopes: Scope::ALL.into(),
            districts: BTreeSet::new(),
            clearance: FULL_CLEARANCE,
            expires: None,
        };
        let (_, secret) = ring.add(first)?;
        Ok((ring, Some(secret)))
    }

    /// The keys of a folder that may not even be readable: those that cannot be read are none.
    pub fn read_only(dir: &Path) -> Self {
        let read = || Read { keys: Vec::new(), stamp: None, looked: Instant::now() };
        Self::open(dir).unwrap_or_else(|_| Self { path: dir.join(FILE), read: Mutex::new(read()) })
    }

    /// All keys, revoked ones too.
    pub fn list(&self) -> Vec<Key> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).keys.clone()
    }

    /// Makes a key.
    ///
    /// # Errors
    /// Where there are no random bits or the file cannot be written.
    pub fn add(&self, new: NewKey) -> Result<(Key, Secret), Error> {
        let mut bits = [0_u8; 32];
        OsRng.try_fill_bytes(&mut bits).map_err(|error| Error::Random(error.to_string()))?;
        let secret = Secret(format!("{PREFIX}{}", hex::encode(bits)));
        let hash = hash(secret.reveal());
        let key = Key {
            id: hash[..ID_DIGITS].to_owned(),
            name: new.name,
            hash,
            roles: new.roles,
            scopes: new.scopes,
            districts: new.districts,
            clearance: new.clearance.min(FULL_CLEARANCE),
            created_us: TimeUs::now().0,
            expires_us: new.expires.map(|end| end.0),
            revoked_us: None,
        };
        self.change(|keys| {
            keys.push(key.clone());
            Ok(())
        })?;
        Ok((key, secret))
    }

    /// Takes a key back, by its id.
    ///
    /// # Errors
    /// Where there is none, or the file cannot be written.
    pub fn revoke(&self, id: &str) -> Result<Key, Error> {
        self.change(|keys| {
            let key = keys.iter_mut().find(|key| key.id == id).ok_or_else(|| Error::NoKey(id.to_owned()))?;
            key.revoked_us.get_or_insert(TimeUs::now().0);
            Ok(key.clone())
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Key>) -> Result<T, Error>) -> Result<T, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = file::read(&self.path)?.unwrap_or_default();
        let changed = change(&mut keys)?;
        file::write(&self.path, &keys)?;
        *read = Read { keys, stamp: stamp(&self.path), looked: Instant::now() };
        Ok(changed)
    }

    /// Who has a key.
    ///
    /// # Errors
    /// Where it is unknown, expired or revoked.
    pub fn who(&self, key: &str) -> Result<Principal, Refusal> {
        let hash = hash(key);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.looked.elapsed() >= LOOK {
            self.look_again(&mut read);
        }
        // Hashes of 256-bit random keys are compared: their timing tells nothing of a key.
        let key = read.keys.iter().find(|known| known.hash == hash).ok_or(Refusal::UnknownKey)?;
        key.principal(TimeUs::now())
    }

    fn look_again(&self, read: &mut Read) {
        read.looked = Instant::now();
        let now = stamp(&self.path);
        if now == read.stamp {
            return;
        }
        match file::read(&self.path) {
            Ok(keys) => (read.keys, read.stamp) = (keys.unwrap_or_default(), now),
            // What was known stays so: a torn copy must not shut everybody out, nor let anybody in.
            Err(error) => tracing::error!(%error, "the keys stay as they were"),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, expires: Option<TimeUs>) -> NewKey {
        NewKey {
            name: name.to_owned(),
            roles: ["reader".to_owned()].into(),
            scopes: [Scope::Read].into(),
            districts: BTreeSet::new(),
            clearance: 2,
            expires,
        }
    }

    #[test]
    fn a_key_is_shown_once_and_kept_as_a_hash() {
        let dir = tempfile::tempdir().unwrap();
        let (ring, first) = KeyRing::open_or_begin(dir.path()).unwrap();
        let first = first.unwrap();
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!text.contains(first.reveal()) && !format!("{first:?}").contains(first.reveal()));
        assert!(ring.who(first.reveal()).unwrap().roles.contains("administrator"));
        assert_eq!(ring.who("urbis_00"), Err(Refusal::UnknownKey));
        let (again, none) = KeyRing::open_or_begin(dir.path()).unwrap();
        assert!(none.is_none() && again.who(first.reveal()).is_ok());
    }

    #[test]
    fn a_key_that_expired_or_was_revoked_is_worth_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let ring = KeyRing::open(dir.path()).unwrap();
        let (_, stale) = ring.add(reader("stale", Some(TimeUs(TimeUs::now().0 - 1)))).unwrap();
        let (key, good) = ring.add(reader("good", None)).unwrap();
        assert_eq!(ring.who(stale.reveal()), Err(Refusal::ExpiredKey));
        assert_eq!(ring.who(good.reveal()).unwrap().id, format!("key:{}", key.id));
        // Another process revokes it.
        KeyRing::open(dir.path()).unwrap().revoke(&key.id).unwrap();
        std::thread::sleep(LOOK + Duration::from_millis(50));
        assert_eq!(ring.who(good.reveal()), Err(Refusal::RevokedKey));
        assert!(matches!(ring.revoke("none"), Err(Error::NoKey(_))));
    }

    #[test]
    fn a_file_of_hashes_is_read_and_a_changed_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, format!("{}\n", hash("urbis_old"))).unwrap();
        let ring = KeyRing::open(dir.path()).unwrap();
        assert!(ring.who("urbis_old").unwrap().roles.contains("administrator"));
        ring.add(reader("new", None)).unwrap();
        assert!(KeyRing::open(dir.path()).unwrap().who("urbis_old").is_ok(), "it outlives the newer form");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"clearance\":2", "\"clearance\":9")).unwrap();
        assert!(matches!(KeyRing::open(dir.path()), Err(Error::Keys { .. })));
        std::fs::write(&path, "no hash\n").unwrap();
        assert!(matches!(KeyRing::open(dir.path()), Err(Error::Keys { .. })));
    }
}
