//! The city as it was, by what is known today and by what was known then.

use kernel_model::{Change, EntityDraft, Kind, SourceKey, TimeUs};
use kernel_query::{Error, Limits};
use kernel_store::{Options, Snapshot, Store};

use crate::city::{block_on, cells, engine};

fn day(day: i64) -> TimeUs {
    TimeUs(crate::city::NEW_YEAR_US + (day - 1) * 86_400_000_000)
}

fn house(name: &str, valid_from: Option<TimeUs>) -> Change {
    let mut draft = EntityDraft::new(SourceKey::new("land", "1"), Kind::Building, "house");
    draft.name = Some(name.to_owned());
    draft.valid_from = valid_from;
    Change::Entity(draft)
}

fn names(snapshot: &Snapshot, arguments: &str) -> Result<Vec<String>, Error> {
    let sql = format!("SELECT name FROM entities_as_of({arguments}) ORDER BY name");
    let answer = block_on(async { engine().query(snapshot, &[], &sql, Limits::default()).await?.collect().await })?;
    Ok(cells(&answer).into_iter().map(|mut row| row.swap_remove(0)).collect())
}

/// What stands between two commits: a pause, and the instant in it.
fn pause() -> String {
    let wait = || std::thread::sleep(std::time::Duration::from_millis(3));
    wait();
    let now = TimeUs::now().to_string();
    wait();
    now
}

#[test]
fn the_description_that_held_then_by_what_was_known_then() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let mut commit = |change: Change| drop(store.commit(&[vec![change]]).unwrap());
    let before = pause();
    commit(house("built", Some(day(1))));
    let first = pause();
    commit(house("raised", Some(day(10))));
    let second = pause();
    commit(Change::Retire { source: SourceKey::new("land", "1"), at: day(20) });
    let third = pause();
    commit(house("built of brick", Some(day(1))));
    let snapshot = store.reader().snapshot();
    let at = |valid: &str, recorded: &str| names(&snapshot, &format!("{valid}, {recorded}")).unwrap();
    let (jan_5, jan_15, jan_25) = ("'2026-01-05T00:00:00Z'", "'2026-01-15T00:00:00Z'", "'2026-01-25T08:00:00+08:00'");
    let quoted = |text: &str| format!("'{text}'");
    let nothing: [&str; 0] = [];

    assert_eq!(at(jan_5, &quoted(&before)), nothing);
    assert_eq!(at("'2025-12-31T00:00:00Z'", "null"), nothing, "not yet there");
    assert_eq!(at(jan_15, &quoted(&first)), ["built"], "the raising was not known yet");
    assert_eq!(
        (at(jan_5, &quoted(&second)), at(jan_15, &quoted(&second))),
        (vec!["built".to_owned()], vec!["raised".to_owned()])
    );
    assert_eq!(
        (at(jan_15, &quoted(&third)), at(jan_25, &quoted(&third))),
        (vec!["raised".to_owned()], vec![]),
        "torn down on the 20th"
    );
    assert_eq!(at("null", &quoted(&third)), nothing);
    assert_eq!(at("null", "null"), ["built of brick"]);
    assert_eq!(names(&snapshot, jan_5).unwrap(), ["built of brick"], "one argument: by what is known today");
}

#[test]
fn what_is_no_instant_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let snapshot = store.reader().snapshot();
    for (arguments, word) in [
        ("'2026-01-05T00:00:00'", "offset"),
        ("7", "with its zone"),
        ("timestamp '2026-01-05T00:00:00'", "with its zone"),
        ("", "takes a valid time"),
        ("null, null, null", "not 3 arguments"),
    ] {
        let refusal = names(&snapshot, arguments).unwrap_err().to_string();
        assert!(refusal.contains(word), "{arguments}: {refusal}");
    }
}
