//! Splits, merges, corrections: what they leave behind, what is refused, and that restarts, sealing and backups carry it.

use std::path::Path;

use arrow::array::AsArray;
use kernel_model::schema::Table;
use kernel_model::{Change, EntityDraft, EntityId, Kind, Span, Succession, TimeUs};
use kernel_store::{Outcome, Reader, Snapshot, Store, backup, check};

use crate::support::*;

fn parcel(id: &str, from: Option<i64>) -> EntityDraft {
    let mut draft = EntityDraft::new(key(id), Kind::Landuse, "residential");
    draft.name = Some(format!("parcel {id}"));
    draft.valid_from = from.map(TimeUs);
    draft
}

fn succession(predecessors: &[&str], successors: &[&str], at: i64) -> Change {
    Change::Succession(Succession {
        predecessors: predecessors.iter().map(|id| key(id)).collect(),
        successors: successors.iter().map(|id| parcel(id, None)).collect(),
        at: TimeUs(at),
    })
}

fn commit(store: &mut Store, changes: Vec<Change>) -> Outcome {
    store.commit(&[changes]).unwrap().outcomes.remove(0)
}

fn at(instant: i64) -> Span {
    Span { from: Some(TimeUs(instant)), to: Some(TimeUs(instant + 1)) }
}

/// Names of what was there at an instant.
fn there(snapshot: &Snapshot, instant: i64) -> Vec<String> {
    named(&snapshot.entities_within(Some(at(instant))))
}

fn named(marked: &[(arrow::array::RecordBatch, arrow::array::BooleanArray)]) -> Vec<String> {
    let mut names = Vec::new();
    for (batch, mask) in marked {
        let name = batch.column(5).as_string::<i32>();
        names.extend((0..batch.num_rows()).filter(|row| mask.value(*row)).map(|row| name.value(row).to_owned()));
    }
    names.sort();
    names.into_iter().map(|name| name.trim_start_matches("parcel ").to_owned()).collect()
}

/// Rows of `lineage` as predecessor, successor, kind, instant, by source ids.
fn links(snapshot: &Snapshot) -> Vec<(String, String, String, i64)> {
    let name = |id: &[u8]| {
        let all = snapshot.entities().iter().flat_map(|(batch, _)| (0..batch.num_rows()).map(move |row| (batch, row)));
        let own =
            all.into_iter().find(|(batch, row)| batch.column(0).as_fixed_size_binary().value(*row) == id).unwrap();
        own.0.column(8).as_string::<i32>().value(own.1).to_owned()
    };
    let mut links = Vec::new();
    for batch in snapshot.batches(Table::Lineage) {
        let ids = [0, 1].map(|column| batch.column(column).as_fixed_size_binary());
        let at = batch.column(3).as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
        links.extend((0..batch.num_rows()).map(|row| {
            let kind = batch.column(2).as_string::<i32>().value(row).to_owned();
            (name(ids[0].value(row)), name(ids[1].value(row)), kind, at.value(row))
        }));
    }
    links
}

fn link(a: &str, b: &str, kind: &str, at: i64) -> (String, String, String, i64) {
    (a.to_owned(), b.to_owned(), kind.to_owned(), at)
}

/// One becomes two, one of these and another become one.
fn told() -> Vec<Vec<Change>> {
    vec![
        vec![Change::Entity(parcel("a", Some(0))), Change::Entity(parcel("x", None))],
        vec![succession(&["a"], &["b", "c"], 100)],
        vec![succession(&["c", "x"], &["d"], 200)],
    ]
}

fn holds(snapshot: &Snapshot) {
    assert_eq!(
        links(snapshot),
        [
            link("a", "b", "split", 100),
            link("a", "c", "split", 100),
            link("c", "d", "merge", 200),
            link("x", "d", "merge", 200)
        ]
    );
    assert_eq!(there(snapshot, -1), ["x"]);
    assert_eq!(there(snapshot, 99), ["a", "x"]);
    assert_eq!(there(snapshot, 100), ["b", "c", "x"]);
    assert_eq!(there(snapshot, 200), ["b", "d"]);
    assert_eq!(named(snapshot.entities()), ["b", "d"]);
}

#[test]
fn things_split_and_merge_and_say_what_came_of_what() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    let outcomes: Vec<_> = told().into_iter().map(|changes| commit(&mut store, changes)).collect();
    assert_eq!((outcomes[1].created, outcomes[1].retired, outcomes[1].links), (2, 1, 2));
    assert_eq!((outcomes[2].created, outcomes[2].retired, outcomes[2].links), (1, 2, 2));
    holds(&store.reader().snapshot());
    // The same again changes nothing, also in one commit and after a restart.
    for round in 0..2 {
        for changes in [told()[1].clone(), told()[2].clone(), told()[1..].concat()] {
            let before = store.reader().snapshot().sequence();
            let again = commit(&mut store, changes);
            assert_eq!((again.created, again.revised, again.retired, again.links), (0, 0, 0, 0), "round {round}");
            assert!(again.rejected.is_empty(), "{:?}", again.rejected);
            assert_eq!(store.reader().snapshot().sequence(), before);
        }
        store.seal().unwrap();
        drop(store);
        store = open(dir.path(), 1 << 20);
        holds(&store.reader().snapshot());
    }
    // All of it told in one commit is the same.
    let other = tempfile::tempdir().unwrap();
    let mut store = open(other.path(), 1 << 20);
    commit(&mut store, told().concat());
    holds(&store.reader().snapshot());
}

#[test]
fn restarts_segments_compaction_and_backups_carry_lineage() {
    let [dir, copy] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut store = open(dir.path(), 1 << 20);
    for changes in told() {
        commit(&mut store, changes);
        store.seal().unwrap();
    }
    store.compact().unwrap();
    holds(&store.reader().snapshot());
    holds(&Reader::open(dir.path()).unwrap().0.snapshot());
    backup(dir.path(), copy.path(), |_: &Path| {}).unwrap();
    assert_eq!(check(copy.path()).unwrap().sequence, store.reader().snapshot().sequence());
    holds(&Reader::open(copy.path()).unwrap().0.snapshot());
    let lineage = store.reader().snapshot().row_count(Table::Lineage);
    drop(store);
    // A flipped byte in the segment is found.
    let segment = std::fs::read_dir(dir.path().join("segments")).unwrap().map(|file| file.unwrap().path());
    let segment = segment.into_iter().find(|path| path.to_str().unwrap().contains("lineage-")).unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    assert!(check(dir.path()).unwrap_err().to_string().contains("lineage-"));
    assert_eq!(lineage, 4);
}

#[test]
fn a_succession_that_cannot_be_is_refused_whole_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    for changes in told() {
        commit(&mut store, changes);
    }
    commit(&mut store, vec![Change::Entity(parcel("late", Some(500)))]);
    let before = counts(&store.reader().snapshot());
    let with = |change: Change, alter: fn(&mut Succession)| match change {
        Change::Succession(mut succession) => {
            alter(&mut succession);
            Change::Succession(succession)
        }
        other => other,
    };
    let many: Vec<String> = (0..10_001).map(|n| format!("n{n}")).collect();
    for (change, place, word) in [
        (succession(&[], &["e"], 300), "e", "name at least one of each"),
        (succession(&["b"], &[], 300), "b", "name at least one of each"),
        (succession(&["nobody"], &["e"], 300), "nobody", "never described"),
        (succession(&["a"], &["e"], 300), "a", "gone already since 1970-01-01T00:00:00.000100Z"),
        (succession(&["b", "a"], &["e"], 300), "a", "gone already"),
        (succession(&["late"], &["e"], 300), "late", "begins only at"),
        (succession(&["late"], &["e"], 500), "late", "begins only at"),
        (succession(&["b"], &["b", "e"], 300), "b", "stands twice"),
        (succession(&["b", "b"], &["e"], 300), "b", "stands twice"),
        (succession(&["d"], &["c"], 300), "c", "came of it themselves"),
        (succession(&["d"], &["e", "a"], 300), "a", "came of it themselves"),
        (succession(&["b"], &many.iter().map(String::as_str).collect::<Vec<_>>(), 300), "b", "10,000 links"),
        (
            with(succession(&["b"], &["e"], 300), |s| s.successors[0].valid_from = Some(TimeUs(299))),
            "e",
            "same instant",
        ),
        (with(succession(&["b"], &["e"], 300), |s| s.successors[0].valid_to = Some(TimeUs(300))), "e", "it ends at"),
        (with(succession(&["b"], &["f", "e"], 300), |s| s.successors[1].parent = Some(key("no"))), "e", "its parent"),
    ] {
        let outcome = commit(&mut store, vec![change]);
        assert_eq!(outcome.rejected.len(), 1, "{word}: {outcome:?}");
        let rejection = &outcome.rejected[0];
        assert!(rejection.reason.contains(word) && rejection.place == place, "{word}: {rejection:?}");
        assert_eq!((outcome.created, outcome.revised, outcome.retired, outcome.links), (0, 0, 0, 0), "{word}");
    }
    let after = counts(&store.reader().snapshot());
    assert_eq!((after[0], before[0]), (6 + 3, 6 + 3), "no revision of any of them");
    assert_eq!(links(&store.reader().snapshot()).len(), 4);
}

#[test]
fn a_correction_of_the_past_leaves_what_followed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    let named_as = |name: &str, from: i64| {
        let mut draft = parcel("a", Some(from));
        draft.name = Some(name.to_owned());
        Change::Entity(draft)
    };
    commit(&mut store, vec![named_as("January", 1), named_as("June", 6)]);
    let known = TimeUs::now();
    let corrected = commit(&mut store, vec![named_as("March", 3)]);
    assert_eq!(corrected.revised, 1);
    assert_eq!(commit(&mut store, vec![named_as("March", 3)]).unchanged, 1, "told again");
    assert_eq!(commit(&mut store, vec![named_as("June", 6), named_as("January", 1)]).unchanged, 2, "told again");
    for _ in 0..2 {
        let snapshot = store.reader().snapshot();
        let names = |months: [i64; 5]| months.map(|month| there(&snapshot, month).concat());
        assert_eq!(names([0, 2, 4, 6, 9]), ["", "January", "March", "June", "June"]);
        assert_eq!(named(snapshot.entities()), ["June"], "the present is what followed");
        let then = snapshot.known_at(known);
        assert_eq!(there(&then, 4), ["January"]);
        let reader = store.reader();
        let id = reader.live().entities().next().map(|entity| entity.id).unwrap();
        assert_eq!(name_of(&then, &id, 4), "January");
        assert_eq!((name_of(&snapshot, &id, 4), name_of(&snapshot, &id, 7)), ("March".to_owned(), "June".to_owned()));
        drop(reader);
        drop(store);
        store = open(dir.path(), 1 << 20);
    }
    // Gone since July; no correction of what was before brings it back.
    commit(&mut store, vec![Change::Retire { source: key("a"), at: TimeUs(7) }, named_as("May", 5)]);
    let snapshot = store.reader().snapshot();
    assert_eq!(([5, 6, 8].map(|month| there(&snapshot, month).concat())), ["May", "June", ""]);
    assert!(store.reader().live().entities().next().is_none());
    assert_eq!(commit(&mut store, vec![Change::Retire { source: key("a"), at: TimeUs(8) }]).unchanged, 1);
    assert_eq!(
        commit(&mut store, vec![Change::Retire { source: key("a"), at: TimeUs(6) }]).retired,
        1,
        "earlier still"
    );
    assert_eq!(there(&store.reader().snapshot(), 6).len(), 0);
    assert_eq!(commit(&mut store, vec![named_as("May", 5)]).unchanged, 1);
    assert_eq!(commit(&mut store, vec![named_as("Mai", 5)]).revised, 1);
    let snapshot = store.reader().snapshot();
    assert_eq!((there(&snapshot, 5).concat(), named(snapshot.entities()).len()), ("Mai".to_owned(), 0));
    commit(&mut store, vec![named_as("August", 8)]);
    let snapshot = store.reader().snapshot();
    assert_eq!([5, 6, 7, 8].map(|month| there(&snapshot, month).concat()), ["Mai", "", "", "August"], "it came back");
    assert_eq!(named(snapshot.entities()), ["August"]);
    // Without a beginning the whole story is told anew.
    let mut whole = parcel("a", None);
    whole.name = Some("always".to_owned());
    commit(&mut store, vec![Change::Entity(whole)]);
    let snapshot = store.reader().snapshot();
    assert_eq!([-9, 4, 99].map(|month| there(&snapshot, month).concat()), ["always"; 3]);
    let mut backward = parcel("a", Some(9));
    backward.valid_to = Some(TimeUs(8));
    assert!(commit(&mut store, vec![Change::Entity(backward)]).rejected[0].reason.contains("before it begins"));
}

fn name_of(snapshot: &Snapshot, id: &EntityId, month: i64) -> String {
    let row = snapshot.entity(id, Some(at(month))).unwrap();
    row.column(5).as_string::<i32>().value(0).to_owned()
}
