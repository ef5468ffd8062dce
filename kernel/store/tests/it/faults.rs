//! The disk fails in the middle: any one action of a history (a file made, written, synced, renamed, removed) fails once, or
//! is done and fails all the same, or every action from one on fails. After each failure the store goes on or refuses with a
//! word on what failed; what was acknowledged is there after the next start, once; what was refused is there once when it is
//! given again. `URBIS_FAULTS=all` lets every action of the history fail in every way; otherwise a sample of them does.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernel_model::schema::Table;
use kernel_store::{Action, Disk, Error, Options, Reader, Store, Verdict, backup_by, check};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::kill::{bulk_rows, changes, commits_in, is_bulk};

/// Histories with a failing disk where nothing else is said.
const SAMPLE: usize = 40;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A commit, or a bulk load, by its number.
    Write(i64),
    Seal,
    Compact,
    Backup,
}

/// What happens to the disk at one of its actions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// It is not done.
    Once(usize),
    /// It is done, a write by half, and said to have failed.
    Late(usize),
    /// It and all that follow are not done.
    Dead(usize),
}

/// A disk that fails so, and how often it was asked.
fn failing(fault: Fault) -> (Disk, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let disk = Disk::judged(move |_, _| {
        let now = count.fetch_add(1, Ordering::SeqCst);
        match fault {
            Fault::Once(at) if now == at => Verdict::Fail(ErrorKind::StorageFull.into()),
            Fault::Late(at) if now == at => Verdict::Late(ErrorKind::StorageFull.into()),
            Fault::Dead(at) if now >= at => Verdict::Fail(ErrorKind::ReadOnlyFilesystem.into()),
            _ => Verdict::Do,
        }
    });
    (disk, asked)
}

fn open(dir: &Path, disk: Disk) -> Result<Store, Error> {
    Store::open(dir, Options { disk, seal_rows: 1 << 20, segment_rows: 1_500, ..Options::default() })
        .map(|(store, _)| store)
}

/// A history of some thirty steps in which everything happens that writes.
fn history(random: &mut SmallRng) -> Vec<Step> {
    let mut steps = Vec::new();
    for number in 33..51 {
        steps.push(Step::Write(number));
        match random.random_range(0..8) {
            0 | 1 => steps.push(Step::Seal),
            2 => steps.extend([Step::Seal, Step::Compact]),
            3 => steps.push(Step::Backup),
            _ => {}
        }
    }
    steps.extend([Step::Seal, Step::Write(79), Step::Write(80), Step::Compact, Step::Write(81), Step::Backup]);
    steps
}

/// A store under trial, and what it said.
struct Trial<'a> {
    dir: &'a Path,
    copy: &'a Path,
    disk: Disk,
    store: Option<Store>,
    kept: BTreeSet<i64>,
    refused: BTreeSet<i64>,
}

impl Trial<'_> {
    fn open(&mut self) -> Result<(), Error> {
        if self.store.is_none() {
            self.store = Some(open(self.dir, self.disk.clone())?);
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), Error> {
        if let Step::Write(number) = step {
            self.refused.insert(number);
        }
        self.open()?;
        let store = self.store.as_mut().unwrap();
        match step {
            Step::Seal => store.seal(),
            Step::Compact => store.compact(),
            Step::Backup => backup_by(&self.disk, self.dir, self.copy, |_| {}).map(drop),
            Step::Write(number) => {
                let written = match is_bulk(number) {
                    true => store.load::<Error>(Table::Observations, [Ok(bulk_rows(number))]).map(drop),
                    false => store.commit(&[changes(number)]).map(drop),
                };
                written.inspect(|()| {
                    self.refused.remove(&number);
                    self.kept.insert(number);
                })
            }
        }
    }

    /// What readers see is what was kept: of what was refused nothing, until a restart.
    fn agrees(&self) {
        if let Some(store) = &self.store {
            assert_eq!(commits_in(&store.reader().snapshot()), self.kept);
        }
    }

    /// The program ends and starts again; the disk is well.
    fn restart(&mut self) {
        drop(self.store.take());
        self.disk = Disk::default();
        if self.dir.join("log").exists() {
            check(self.dir).unwrap();
        }
        self.open().unwrap();
        let found = commits_in(&self.store.as_ref().unwrap().reader().snapshot());
        assert!(self.kept.is_subset(&found), "acknowledged and lost: {:?}", self.kept.difference(&found));
        let strange = found.difference(&self.kept).find(|number| !self.refused.contains(number));
        assert_eq!(strange, None, "there and never sent");
        for number in std::mem::take(&mut self.refused) {
            self.step(Step::Write(number)).unwrap();
        }
        self.agrees();
    }
}

/// A clear message says which file it was.
fn is_clear(error: &Error, trial: &Trial<'_>) {
    let text = error.to_string();
    let names = [trial.dir, trial.copy].iter().any(|dir| text.contains(dir.to_str().unwrap()));
    assert!(names || text.contains("the log could not be written"), "{text}");
}

/// A folder in memory, where there is one: that the disk fails is made up, and real syncs take long.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Runs a history on a disk that fails; `rest` steps after the failure the program ends. The number of actions comes back.
fn tried(steps: &[Step], fault: Fault, rest: usize) -> usize {
    let (dir, copy) = (in_memory(), in_memory());
    let (disk, asked) = failing(fault);
    let (kept, refused) = (BTreeSet::new(), BTreeSet::new());
    let mut trial = Trial { dir: dir.path(), copy: copy.path(), disk, store: None, kept, refused };
    let mut left = None;
    for step in steps {
        let mut tries = 0;
        while let Err(error) = trial.step(*step) {
            is_clear(&error, &trial);
            trial.agrees();
            left = left.or(Some(rest));
            tries += 1;
            if matches!(fault, Fault::Dead(_)) {
                break;
            }
            assert!(tries < 3, "{step:?} goes on failing: {error}");
        }
        if left == Some(0) {
            trial.restart();
        }
        left = left.map(|left: usize| left.wrapping_sub(1));
    }
    trial.agrees();
    trial.restart();
    let all: BTreeSet<i64> =
        steps.iter().filter_map(|step| if let Step::Write(number) = step { Some(*number) } else { None }).collect();
    assert_eq!(trial.kept, all);
    backup_by(&Disk::default(), trial.dir, trial.copy, |_| {}).unwrap();
    for dir in [trial.dir, trial.copy] {
        if dir == trial.dir {
            drop(trial.store.take());
        }
        check(dir).unwrap();
        assert_eq!(commits_in(&open(dir, Disk::default()).unwrap().reader().snapshot()), all);
    }
    asked.load(Ordering::SeqCst)
}

#[test]
fn a_disk_that_fails_at_any_action_loses_and_doubles_nothing() {
    let seed = std::env::var("URBIS_SEED").map_or(3, |seed| seed.parse().unwrap());
    let mut random = SmallRng::seed_from_u64(seed);
    let steps = history(&mut random);
    let actions = tried(&steps, Fault::None, 0);
    assert!(actions > 300, "{actions} actions are not much of a history");
    let every = (0..actions).flat_map(|at| [Fault::Once(at), Fault::Late(at), Fault::Dead(at)]);
    let faults: Vec<Fault> = match std::env::var("URBIS_FAULTS").as_deref() {
        Ok("all") => every.collect(),
        _ => every.collect::<Vec<_>>().choose_multiple(&mut random, SAMPLE).copied().collect(),
    };
    for fault in faults {
        let rest = random.random_range(0..5);
        // Said where it fails only.
        println!("seed {seed}: {fault:?}, the end {rest} steps later");
        tried(&steps, fault, rest);
    }
}

/// A folder that was synced in vain: nobody knows which manifest a power cut would leave.
#[test]
fn a_commit_after_a_bulk_load_that_failed_at_its_last_action_is_not_hidden_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let manifests = Arc::new(AtomicUsize::new(usize::MAX));
    let judged = manifests.clone();
    let disk = Disk::judged(move |action, path| {
        let is_manifest = action == Action::Rename && path.ends_with("manifest");
        if is_manifest && judged.load(Ordering::SeqCst) == 0 {
            return Verdict::Late(ErrorKind::StorageFull.into());
        }
        Verdict::Do
    });
    let mut store = open(dir.path(), disk).unwrap();
    store.commit(&[changes(38)]).unwrap();
    store.seal().unwrap();
    manifests.store(0, Ordering::SeqCst);
    store.load::<Error>(Table::Observations, [Ok(bulk_rows(39))]).unwrap_err();
    store.commit(&[changes(40)]).unwrap_err();
    manifests.store(1, Ordering::SeqCst);
    store.commit(&[changes(40)]).unwrap();
    drop(store);
    let store = open(dir.path(), Disk::default()).unwrap();
    assert_eq!(commits_in(&store.reader().snapshot()), BTreeSet::from([38, 40]));
}

#[test]
fn a_disk_that_is_read_only_is_said_to_be_and_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), Disk::default()).unwrap();
    store.commit(&[changes(38)]).unwrap();
    store.seal().unwrap();
    store.commit(&[changes(40)]).unwrap();
    drop(store);
    let read_only = Disk::judged(|_, _| Verdict::Fail(ErrorKind::ReadOnlyFilesystem.into()));
    let error = open(dir.path(), read_only).unwrap_err();
    assert!(error.is_read_only() && error.to_string().contains("LOCK"), "{error}");
    let (reader, _) = Reader::open(dir.path()).unwrap();
    assert_eq!(commits_in(&reader.snapshot()), BTreeSet::from([38, 40]));
}
