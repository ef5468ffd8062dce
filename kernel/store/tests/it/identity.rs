//! One identity per source key, revisions only where something changed, units and references checked.

use kernel_model::schema::Table;
use kernel_model::{Change, HeightReference, TimeUs};

use crate::support::*;

#[test]
fn the_same_changes_again_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let changes = || {
        let rows = (0..50).map(|t| reading(t, t as f64)).collect();
        vec![
            thing("a", "air"),
            datastream("a/pm25", "a", "ug/m3"),
            readings("a/pm25", rows),
            mover("car"),
            fix("car", 5, 116.3),
        ]
    };
    let mut store = open(dir.path(), 1 << 20);
    let first = store.commit(&[changes()]).unwrap();
    assert_eq!((first.outcomes[0].created, first.outcomes[0].observations, first.outcomes[0].positions), (3, 50, 1));
    let before = counts(&store.reader().snapshot());
    for round in 0..3 {
        let again = store.commit(&[changes()]).unwrap();
        assert_eq!(again.sequence, first.sequence);
        assert_eq!(again.outcomes[0].unchanged, 3 + 50 + 1, "round {round}");
        assert_eq!(counts(&store.reader().snapshot()), before);
        if round == 0 {
            store.seal().unwrap();
        } else {
            drop(store);
            store = open(dir.path(), 1 << 20);
        }
    }
}

#[test]
fn a_changed_description_is_a_revision_of_the_same_thing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    store.commit(&[vec![thing("a", "air")]]).unwrap();
    let revised = store.commit(&[vec![thing("a", "noise")]]).unwrap();
    assert_eq!((revised.outcomes[0].created, revised.outcomes[0].revised), (0, 1));
    let reader = store.reader();
    assert_eq!(reader.live().entities().count(), 1);
    assert_eq!(reader.live().entities().next().unwrap().class, "noise");
    let alive: usize = reader.snapshot().entities().iter().map(|(_, mask)| mask.true_count()).sum();
    assert_eq!((reader.snapshot().row_count(Table::Entities), alive), (2, 1));
    store.commit(&[vec![Change::Retire { source: key("a"), at: TimeUs(7) }]]).unwrap();
    assert_eq!(reader.live().entities().count(), 0);
    let alive: usize = reader.snapshot().entities().iter().map(|(_, mask)| mask.true_count()).sum();
    assert_eq!((reader.snapshot().row_count(Table::Entities), alive), (3, 0));
}

#[test]
fn wrong_units_references_and_unknown_things_are_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    let wrong_unit = match readings("a/pm25", vec![reading(1, 1.0)]) {
        Change::Observations(mut batch) => {
            batch.unit = Some("mg/m3".into());
            Change::Observations(batch)
        }
        other => other,
    };
    let wrong_reference = match fix("car", 1, 116.3) {
        Change::Positions(mut batch) => {
            batch.height_reference = HeightReference::Ground;
            Change::Positions(batch)
        }
        other => other,
    };
    let done = store
        .commit(&[vec![
            thing("a", "air"),
            mover("car"),
            datastream("a/pm25", "a", "ug/m3"),
            wrong_unit,
            wrong_reference,
            readings("nobody", vec![reading(1, 1.0)]),
            fix("ghost", 1, 116.3),
            fix("car", 2, 216.3),
            datastream("b/pm25", "b", "ug/m3"),
        ]])
        .unwrap();
    let reasons: Vec<&str> = done.outcomes[0].rejected.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons.len(), 6, "{reasons:?}");
    assert!(reasons[0].contains("its unit is ug/m3, the reading says mg/m3"));
    assert!(reasons[1].contains("measured from ellipsoid, this fix says ground"));
    assert!(reasons[2].contains("never declared") && reasons[3].contains("never described"));
    assert!(reasons[4].contains("longitude 216.3, latitude 39.98 is not on the globe"), "{reasons:?}");
    assert_eq!(counts(&store.reader().snapshot()), [2, 1, 0, 0, 0, 6]);
}

#[test]
fn late_readings_are_kept_once_and_do_not_become_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1"), readings("d", vec![reading(10, 1.0)])]]).unwrap();
    store.seal().unwrap();
    let late = || vec![readings("d", vec![reading(5, 2.0), reading(5, 2.0), reading(10, 1.0), reading(10, 9.0)])];
    let done = store.commit(&[late()]).unwrap();
    assert_eq!((done.outcomes[0].observations, done.outcomes[0].unchanged), (2, 2));
    assert_eq!(store.commit(&[late()]).unwrap().outcomes[0].unchanged, 4);
    let reader = store.reader();
    let newest = reader.live().reading(kernel_model::DatastreamId(1)).unwrap();
    assert_eq!((newest.phenomenon_time, newest.value), (TimeUs(10), 9.0), "a correction at the same time counts");
}

#[test]
fn the_newest_readings_are_found_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1"), datastream("e", "a", "1")]]).unwrap();
    let hours = |n: i64| n * 3_600_000_000;
    for n in 0..30_i64 {
        let other = (0..50).map(|m| reading(hours(n) + m, 0.5)).collect();
        store.commit(&[vec![readings("d", vec![reading(hours(n * n), n as f64)]), readings("e", other)]]).unwrap();
        if n % 7 == 0 {
            store.seal().unwrap();
        }
    }
    store.commit(&[vec![readings("d", vec![reading(hours(29 * 29), 77.0)])]]).unwrap();
    let snapshot = store.reader().snapshot();
    let within = |valid, limit| {
        let newest = snapshot.newest_readings(kernel_model::DatastreamId(1), valid, limit).unwrap();
        newest.iter().map(|row| (row.phenomenon_time.0, row.value)).collect::<Vec<_>>()
    };
    let newest = |limit| within(None, limit);
    assert_eq!(newest(1), [(hours(841), 77.0)], "of one instant the last one stands");
    assert_eq!(newest(4).iter().map(|row| row.1).collect::<Vec<_>>(), [26.0, 27.0, 28.0, 77.0]);
    assert_eq!(newest(1000).len(), 30);
    assert!(newest(0).is_empty());
    let until = |hour: i64| Some(kernel_model::Span { from: None, to: Some(TimeUs(hours(hour) + 1)) });
    assert_eq!(within(until(840), 2), [(hours(27 * 27), 27.0), (hours(28 * 28), 28.0)]);
    assert_eq!(within(until(0), 5), [(0, 0.0)]);
    let between = kernel_model::Span { from: Some(TimeUs(hours(5))), to: Some(TimeUs(hours(20))) };
    assert_eq!(within(Some(between), 5), [(hours(9), 3.0), (hours(16), 4.0)]);
    assert!(within(until(-1), 5).is_empty());
}

#[test]
fn readings_that_say_their_place_are_told_apart_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    let at = |lon_deg: f64| kernel_model::Place { lon_deg, lat_deg: 39.9, height_m: Some(40.0) };
    let batch = |rows: Vec<kernel_model::Observation>, places: Vec<kernel_model::Place>| {
        let (datastream, unit) = (crate::support::key("d"), None);
        Change::Observations(kernel_model::ObservationBatch { datastream, unit, rows, places })
    };
    let walk =
        || batch(vec![reading(10, 1.0), reading(10, 1.0), reading(5, 1.0)], vec![at(116.1), at(116.2), at(116.3)]);
    let done = store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1"), walk()]]).unwrap();
    assert_eq!((done.outcomes[0].observations, done.outcomes[0].unchanged), (3, 0));
    for sealed in [false, true] {
        if sealed {
            store.seal().unwrap();
        }
        let again = store.commit(&[vec![walk()]]).unwrap();
        assert_eq!((again.outcomes[0].observations, again.outcomes[0].unchanged), (0, 3));
        let plain = store.commit(&[vec![readings("d", vec![reading(10, 1.0)])]]).unwrap();
        assert_eq!(plain.outcomes[0].unchanged, 1, "without a place it is the one that is there");
    }
    let wrong = store
        .commit(&[vec![
            batch(vec![reading(20, 1.0)], vec![at(116.1), at(116.2)]),
            batch(vec![reading(20, 1.0)], vec![at(416.1)]),
        ]])
        .unwrap();
    let reasons: Vec<&str> = wrong.outcomes[0].rejected.iter().map(|r| r.reason.as_str()).collect();
    assert!(reasons[0].contains("1 readings have 2 places") && reasons[1].contains("not on the globe"), "{reasons:?}");
}
