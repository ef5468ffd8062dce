//! The machine stops: files end anywhere, the checkpoint is the old or the new one, and the log opens on what was
//! signed or says which file is damaged. It never opens on another root.

use std::fs;
use std::path::{Path, PathBuf};

use kernel_ledger::{Error, Ledger, Which, check, verify};
use proptest::prelude::*;

use super::{Home, record, records};

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

#[test]
fn an_append_without_its_checkpoint_never_happened() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..300, 1)).unwrap();
    let (root, old) = (ledger.root(), fs::read(home.log().join("checkpoint")).unwrap());
    ledger.append(&records(300..900, 2)).unwrap();
    let later = ledger.root();
    drop(ledger);
    // As if the machine had stopped before the new checkpoint took its place. The partial tiles of the old size are
    // removed only after that, so they have to come back for the picture to be true.
    let before = Home::new();
    let mut twin = before.open();
    twin.append(&records(0..300, 1)).unwrap();
    drop(twin);
    copy(&before.log().join("tile"), &home.log().join("tile"));
    fs::write(home.log().join("checkpoint"), &old).unwrap();
    fs::write(home.log().join("checkpoint.tmp"), "urbis.exam").unwrap();

    let (mut ledger, opened) = home.try_open().unwrap();
    assert_eq!((ledger.size(), ledger.root(), ledger.last_sequence()), (300, root, 1));
    let cut: Vec<_> = opened.cut.iter().map(|cut| cut.path.to_str().unwrap().to_owned()).collect();
    assert_eq!(
        cut,
        [
            "checkpoint.tmp",
            "tile/0/001",
            "tile/0/002",
            "tile/0/003.p/132",
            "tile/1/000.p/3",
            "tile/entries/001",
            "tile/entries/002",
            "tile/entries/003.p/132",
        ]
    );
    assert!(opened.cut.iter().all(|cut| home.log().join(&cut.kept).is_file()), "cut, not destroyed");
    // The same records again give the very same tree.
    ledger.append(&records(300..900, 2)).unwrap();
    assert_eq!(ledger.root(), later);
    assert!(check(&home.log(), &home.vkey()).unwrap().is_sound());
}

#[test]
fn an_append_that_the_disk_refuses_can_be_made_again() {
    let (home, twin) = (Home::new(), Home::new());
    let mut ledger = home.open();
    ledger.append(&records(0..300, 1)).unwrap();
    // A folder where a tile is to be written: that fails after others have been.
    let blocked = home.log().join("tile/entries/002");
    fs::create_dir_all(&blocked).unwrap();
    assert!(matches!(ledger.append(&records(300..900, 2)), Err(Error::Io { .. })));
    assert_eq!((ledger.size(), ledger.last_sequence()), (300, 1));
    fs::remove_dir(&blocked).unwrap();
    // More has come in meanwhile.
    ledger.append(&records(300..1_000, 2)).unwrap();
    let mut straight = twin.open();
    straight.append(&records(0..300, 1)).unwrap();
    straight.append(&records(300..1_000, 2)).unwrap();
    assert_eq!(ledger.root(), straight.root());
    drop(ledger);
    assert!(check(&home.log(), &home.vkey()).unwrap().is_sound());
    assert_eq!(home.open().size(), 1_000);
}

#[test]
fn hash_tiles_are_written_anew_and_leaves_are_not_invented() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..700, 1)).unwrap();
    let root = ledger.root();
    drop(ledger);
    fs::remove_file(home.log().join("tile/0/001")).unwrap();
    fs::write(home.log().join("tile/1/000.p/2"), [0; 64]).unwrap();
    let report = check(&home.log(), &home.vkey()).unwrap();
    assert_eq!(report.problem_count, 2, "{:?}", report.problems);
    let (ledger, opened) = home.try_open().unwrap();
    assert_eq!(ledger.root(), root);
    assert_eq!(opened.repaired, [Path::new("tile/0/001"), Path::new("tile/1/000.p/2")]);
    assert!(check(&home.log(), &home.vkey()).unwrap().is_sound());
    drop(ledger);
    fs::remove_file(home.log().join("tile/entries/001")).unwrap();
    assert!(matches!(home.try_open(), Err(Error::Damaged { path, .. }) if path.ends_with("tile/entries/001")));
}

#[test]
fn a_changed_leaf_is_found_and_placed() {
    let home = Home::new();
    home.open().append(&records(0..700, 1)).unwrap();
    let bundle = home.log().join("tile/entries/001");
    let mut bytes = fs::read(&bundle).unwrap();
    let at = bytes.windows(11).position(|window| window == b"residential").unwrap();
    bytes[at..at + 11].copy_from_slice(b"Residential");
    fs::write(&bundle, bytes).unwrap();
    let error = home.try_open().map(drop).unwrap_err();
    assert!(matches!(error, Error::RootDiffers { size: 700, first_bad: Some(1), .. }), "{error}");
    assert!(error.to_string().contains("among 256 to 511"), "{error}");
    let report = check(&home.log(), &home.vkey()).unwrap();
    assert!(report.problems.iter().any(|problem| problem.starts_with("tile/0/001")), "{:?}", report.problems);
    assert!(report.problems.last().unwrap().starts_with("the leaves give the root"));
}

#[test]
fn a_log_without_its_key_or_checkpoint_does_not_start_over() {
    let home = Home::new();
    home.open().append(&records(0..3, 1)).unwrap();
    for (name, wanted) in [("log.key", "a new key would be a new log"), ("checkpoint", "restore it from a backup")] {
        let (path, aside) = (home.log().join(name), home.log().join("aside"));
        fs::rename(&path, &aside).unwrap();
        let error = home.try_open().map(drop).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        fs::rename(&aside, &path).unwrap();
    }
    assert_eq!(home.open().size(), 3);
}

#[test]
fn a_first_start_that_was_interrupted_goes_on() {
    let home = Home::new();
    drop(home.open());
    fs::remove_file(home.log().join("checkpoint")).unwrap();
    fs::remove_file(home.0.path().join("log.pub")).unwrap();
    fs::write(home.log().join("log.key.tmp"), "PRIV").unwrap();
    let (mut ledger, opened) = home.try_open().unwrap();
    assert_eq!((opened.created, ledger.size()), (false, 0));
    ledger.append(&records(0..1, 1)).unwrap();
    let receipt = ledger.receipt(&record(0, 1).asset, Which::Latest).unwrap();
    assert_eq!(verify(&receipt.to_string(), &home.vkey()).unwrap().log_size, 1);
}

#[test]
fn a_key_is_made_anew_only_for_an_empty_folder() {
    let home = Home::new();
    fs::create_dir_all(home.log()).unwrap();
    fs::write(home.log().join("log.key"), "PRIVATE+KEY+torn").unwrap();
    assert!(matches!(home.try_open(), Err(Error::Key { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any one file of the log ends early or is gone. The log opens on the signed root or on none.
    #[test]
    fn a_file_cut_anywhere_never_changes_the_root(which in any::<prop::sample::Index>(), keep in 0.0..1.0_f64, gone: bool) {
        thread_local!(static SAMPLE: (Home, [u8; 32]) = {
            let home = Home::new();
            let mut ledger = home.open();
            ledger.append(&records(0..300, 1)).unwrap();
            ledger.append(&records(300..550, 2)).unwrap();
            let root = ledger.root();
            (home, root)
        });
        SAMPLE.with(|(home, root)| {
            let broken = tempfile::tempdir().unwrap();
            copy(home.0.path(), broken.path());
            let log = broken.path().join("log");
            let candidates = files(&log);
            let file = &candidates[which.index(candidates.len())];
            let bytes = fs::read(file).unwrap();
            let kept = (bytes.len() as f64 * keep) as usize;
            if gone { fs::remove_file(file).unwrap() } else { fs::write(file, &bytes[..kept]).unwrap() }
            let intact = !gone && kept == bytes.len();
            match Ledger::open(&log, &broken.path().join("log.pub"), super::ORIGIN) {
                Ok((ledger, opened)) => {
                    prop_assert_eq!((ledger.size(), ledger.root()), (550, *root));
                    let inside = file.strip_prefix(&log).unwrap().to_owned();
                    let vital = inside.starts_with("tile/0") || inside.starts_with("tile/1");
                    let superseded = inside.to_str().unwrap().contains(".p/") && !inside.to_str().unwrap().ends_with(".p/38")
                        && !inside.to_str().unwrap().ends_with(".p/2");
                    prop_assert!(intact || !vital || superseded || opened.repaired == [inside]);
                    drop(ledger);
                    let report = check(&log, &fs::read_to_string(broken.path().join("log.pub")).unwrap()).unwrap();
                    prop_assert!(report.root_hash.len() == 64);
                }
                Err(error) => prop_assert!(!intact, "{}", error),
            }
            Ok(())
        })?;
    }
}
