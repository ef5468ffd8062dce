//! One bit of a log's folder is not as it was written: it opens on what was signed, with every leaf as it was and receipts
//! that verify, or it says which file it was and what to do. Who only reads changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use kernel_ledger::{Error, Ledger, Which, check, verify};

use super::crash::{copy, files};
use super::{Home, ORIGIN, record, records};

/// Bits turned over in each file.
const BITS: usize = 14;

struct Folder(tempfile::TempDir);

impl Folder {
    fn of(home: &Home) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        copy(home.0.path(), dir.path());
        Self(dir)
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("log")
    }

    fn open(&self, to_write: bool) -> Result<Ledger, Error> {
        let key = self.0.path().join("log.pub");
        if to_write {
            return Ledger::open(&self.log(), &key, ORIGIN).map(|(ledger, _)| ledger);
        }
        Ledger::open_reading(&self.log(), &key)
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        files(self.0.path()).into_iter().map(|path| fs::read(path).unwrap()).collect()
    }
}

fn turn(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

#[test]
fn one_turned_bit_of_any_file_changes_no_answer() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..260, 1)).unwrap();
    ledger.append(&records(260..290, 2)).unwrap();
    let (root, asset) = (ledger.root(), record(77, 1).asset);
    let leaves: Vec<_> = ledger.entries(0..290).map(|entry| entry.unwrap().leaf).collect();
    drop(ledger);
    let mut refused = std::collections::BTreeSet::new();
    for path in files(home.0.path()).into_iter().filter(|path| fs::metadata(path).unwrap().len() > 0) {
        let inside = path.strip_prefix(home.0.path()).unwrap();
        let bits = fs::metadata(&path).unwrap().len() as usize * 8;
        for n in 0..BITS {
            let folder = Folder::of(&home);
            turn(&folder.0.path().join(inside), (n * 7919 + n * n * 31) % bits);
            let before = folder.bytes();
            let opened = folder.open(n % 2 == 0);
            match &opened {
                Ok(ledger) => {
                    assert_eq!((ledger.size(), ledger.root()), (290, root));
                    let read: Result<Vec<_>, Error> =
                        ledger.entries(0..290).map(|entry| entry.map(|entry| entry.leaf)).collect();
                    let receipt = ledger.receipt(&asset, Which::Latest);
                    match (read, receipt) {
                        (Ok(read), Ok(receipt)) => {
                            assert_eq!(read, leaves, "bit {n} of {}", inside.display());
                            assert_eq!(verify(&receipt.to_string(), &home.vkey()).unwrap().index, 77);
                        }
                        // Who may not write leaves a wrong hash tile as it is.
                        (Err(error), _) | (_, Err(error)) => {
                            assert!(n % 2 == 1 && inside.starts_with("log/tile"), "{}: {error}", inside.display());
                            assert!(error.to_string().contains("restore the file from a backup"), "{error}");
                        }
                    }
                }
                Err(error) => {
                    let text = error.to_string();
                    let named = text.contains(path.file_name().unwrap().to_str().unwrap())
                        || (text.contains("tile/entries") && inside.to_str().unwrap().contains("entries"))
                        || text.contains("checkpoint");
                    assert!(named, "{}: {text}", inside.display());
                    let told = ["restore", "written anew", "replaced"].iter().any(|what| text.contains(what));
                    assert!(told, "{text}");
                    refused.insert(inside.to_owned());
                }
            }
            let is_whole = opened.is_ok();
            drop(opened);
            match n % 2 == 0 {
                // A tile that was wrong is right again.
                true if is_whole => {
                    let report = check(&folder.log(), &home.vkey()).unwrap();
                    assert!(report.is_sound() || inside.to_str().unwrap().contains(".p/"), "{:?}", report.problems);
                }
                true => {}
                false => assert_eq!(folder.bytes(), before, "who only reads changes nothing"),
            }
        }
    }
    for vital in ["log/checkpoint", "log/tile/entries/000", "log/log.key", "log.pub"] {
        assert!(refused.contains(Path::new(vital)), "{vital} was never refused: {refused:?}");
    }
}

#[test]
fn a_leaf_that_changes_under_an_open_log_is_not_handed_out() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..300, 1)).unwrap();
    turn(&home.log().join("tile/entries/000"), 100 * 8);
    let read: Result<Vec<_>, Error> = ledger.entries(0..300).collect();
    assert!(matches!(read, Err(Error::Damaged { path, .. }) if path.ends_with("tile/entries/000")));
    assert!(ledger.receipt(&record(0, 1).asset, Which::Latest).is_err());
    assert!(ledger.receipt(&record(299, 1).asset, Which::Latest).is_ok(), "the rest is served");
    assert_eq!(ledger.entries(256..300).flatten().count(), 44);
}

#[test]
fn a_log_that_is_read_takes_nothing() {
    let home = Home::new();
    home.open().append(&records(0..3, 1)).unwrap();
    let writer = home.open();
    let mut reader = Ledger::open_reading(&home.log(), &home.0.path().join("log.pub")).unwrap();
    assert_eq!((reader.size(), reader.root()), (3, writer.root()));
    assert!(matches!(reader.append(&records(3..4, 2)), Err(Error::ReadOnly)));
    assert_eq!(reader.size(), 3);
}
