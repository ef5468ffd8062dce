//! Files that are taken in again: what a file names no more is gone, where that was said of it, and where no other file of the
//! dataset holds it; what it names, also by a record that was refused, stays.

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use kernel_model::schema::Table;
use kernel_model::{Change, EntityDraft, Kind, Origin, Removal, TimeUs};
use kernel_store::{Outcome, Store};

use crate::support::*;

const AT: TimeUs = TimeUs(1_700_000_000_000_000);

/// A file with things, and what becomes of others.
fn file(name: &str, things: &[&str], removal: Removal) -> Vec<Change> {
    let mut changes = vec![Change::Origin(Origin { dataset: "test".into(), file: name.into() })];
    changes.extend(things.iter().map(|id| thing(id, "air")));
    changes.push(Change::Ended { removal, at: AT });
    changes
}

fn written(store: &mut Store, changes: Vec<Change>) -> Outcome {
    store.commit(&[changes]).unwrap().outcomes.remove(0)
}

/// Created, revised, unchanged, retired.
fn counts_of(outcome: &Outcome) -> [u64; 4] {
    [outcome.created, outcome.revised, outcome.unchanged, outcome.retired]
}

/// What the sources call what is there.
fn there(store: &Store) -> String {
    let mut names = Vec::new();
    for (rows, marks) in store.reader().snapshot().entities() {
        let source = rows.column(8).as_string::<i32>();
        names.extend((0..rows.num_rows()).filter(|row| marks.value(*row)).map(|row| source.value(row).to_owned()));
    }
    names.sort();
    names.join(" ")
}

/// Each case once with what a file held in memory, and once in segments.
fn in_both(test: impl Fn(&mut Store, &dyn Fn(&mut Store))) {
    for seals in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path(), 1 << 20);
        test(&mut store, &|store| {
            if seals {
                store.seal().unwrap();
            }
        });
        drop(store);
        kernel_store::check(dir.path()).unwrap();
    }
}

#[test]
fn what_a_file_names_no_more_is_retired_by_a_revision_that_says_why() {
    in_both(|store, settle| {
        assert_eq!(counts_of(&written(store, file("f", &["a", "b", "c"], Removal::OfFile))), [3, 0, 0, 0]);
        settle(store);
        assert_eq!(counts_of(&written(store, file("f", &["a", "c"], Removal::OfFile))), [0, 0, 2, 1]);
        assert_eq!(there(store), "a c");
        let b = store.reader().live().entity_of(&key("b")).unwrap();
        let row = store.reader().snapshot().last_state(&b).unwrap();
        assert_eq!(row.column(21).as_primitive::<TimestampMicrosecondType>().value(0), AT.0);
        assert!(row.column(22).as_boolean().value(0));
        assert_eq!(row.column(23).as_string::<i32>().value(0), "not in f any more");
        settle(store);
        let before = store.reader().snapshot().sequence();
        assert_eq!(counts_of(&written(store, file("f", &["a", "c"], Removal::OfFile))), [0, 0, 2, 0]);
        assert_eq!(store.reader().snapshot().sequence(), before, "the same file again is no commit");
        assert_eq!(counts_of(&written(store, file("f", &["a", "b", "c"], Removal::OfFile))), [0, 1, 2, 0]);
        assert_eq!((there(store).as_str(), store.reader().live().entity_of(&key("b"))), ("a b c", Some(b)));
        settle(store);
        assert_eq!(counts_of(&written(store, file("f", &["a"], Removal::OfFile))), [0, 0, 1, 2]);
    });
}

#[test]
fn what_another_file_of_the_dataset_holds_stays_until_that_drops_it_too() {
    in_both(|store, settle| {
        written(store, file("west", &["a", "border"], Removal::OfFile));
        settle(store);
        assert_eq!(counts_of(&written(store, file("east", &["border", "z"], Removal::OfFile))), [1, 0, 1, 0]);
        settle(store);
        assert_eq!(counts_of(&written(store, file("west", &["a"], Removal::OfFile))), [0, 0, 1, 0]);
        assert_eq!(there(store), "a border z");
        settle(store);
        assert_eq!(counts_of(&written(store, file("east", &["z"], Removal::OfFile))), [0, 0, 1, 1]);
        assert_eq!(there(store), "a z");
    });
}

#[test]
fn a_refused_record_keeps_its_thing_and_a_part_removes_nothing() {
    in_both(|store, settle| {
        written(store, file("f", &["a", "b", "c"], Removal::OfFile));
        settle(store);
        let mut changes = file("f", &["a"], Removal::OfFile);
        changes.insert(2, Change::Mention(key("b")));
        changes.insert(3, Change::Mention(key("never seen")));
        assert_eq!(counts_of(&written(store, changes)), [0, 0, 1, 1]);
        assert_eq!(there(store), "a b");
        // The store's own refusal of a record counts as well.
        let mut draft = EntityDraft::new(key("b"), Kind::Sensor, "air");
        (draft.valid_from, draft.valid_to) = (Some(TimeUs(2)), Some(TimeUs(1)));
        let mut changes = file("f", &["a"], Removal::OfFile);
        changes.insert(2, Change::Entity(draft));
        let outcome = written(store, changes);
        assert_eq!((counts_of(&outcome), outcome.rejected.len()), ([0, 0, 1, 0], 1));
        assert_eq!(counts_of(&written(store, file("f", &["a"], Removal::Nothing))), [0, 0, 1, 0]);
        assert_eq!(there(store), "a b");
        assert_eq!(counts_of(&written(store, file("f", &["a"], Removal::OfFile))), [0, 0, 1, 1]);
    });
}

#[test]
fn a_file_that_is_all_of_its_dataset_leaves_nothing_else_of_it() {
    in_both(|store, settle| {
        written(store, file("january", &["a", "b"], Removal::OfFile));
        written(store, vec![thing("told", "air")]);
        let mut other = EntityDraft::new(kernel_model::SourceKey::new("other", "o"), Kind::Poi, "oak");
        other.name = Some("o".to_owned());
        written(store, vec![Change::Entity(other)]);
        settle(store);
        assert_eq!(counts_of(&written(store, file("february", &["b", "c"], Removal::OfDataset))), [1, 0, 1, 2]);
        assert_eq!(there(store), "b c o");
        settle(store);
        // January holds `a` no more: February may bring it, and drop it again.
        written(store, file("february", &["a", "b", "c"], Removal::OfFile));
        settle(store);
        assert_eq!(counts_of(&written(store, file("february", &["b", "c"], Removal::OfFile))), [0, 0, 2, 1]);
        assert_eq!(there(store), "b c o");
    });
}

#[test]
fn what_comes_back_is_there_again_whatever_its_beginning() {
    in_both(|store, settle| {
        let dated = || {
            let mut draft = EntityDraft::new(key("d"), Kind::Building, "house");
            draft.valid_from = Some(TimeUs(1_000_000));
            Change::Entity(draft)
        };
        let with = |things: &[&str]| {
            let mut changes = file("f", things, Removal::OfFile);
            changes.insert(1, dated());
            changes
        };
        written(store, with(&["a"]));
        written(store, file("f", &["a"], Removal::OfFile));
        assert_eq!(there(store), "a");
        settle(store);
        assert_eq!(counts_of(&written(store, with(&["a"]))), [0, 1, 1, 0]);
        assert_eq!(there(store), "a d");
        settle(store);
        assert_eq!(counts_of(&written(store, with(&["a"]))), [0, 0, 2, 0]);
    });
}

#[test]
fn the_table_says_which_file_holds_what() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    written(&mut store, file("f", &["a", "b"], Removal::OfFile));
    written(&mut store, file("f", &["a"], Removal::OfFile));
    let snapshot = store.reader().snapshot();
    let mut rows = Vec::new();
    for batch in snapshot.batches(Table::Origins) {
        let (file, there) = (batch.column(2).as_string::<i32>(), batch.column(3).as_boolean());
        rows.extend((0..batch.num_rows()).map(|row| (file.value(row).to_owned(), there.value(row))));
        assert_eq!(batch.column(0).null_count(), 0);
    }
    let f = || "f".to_owned();
    assert_eq!(rows, [(f(), true), (f(), true), (f(), false)]);
}
