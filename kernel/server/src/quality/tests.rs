use std::sync::Arc;

use kernel_model::{
    Change, DatastreamDraft, EntityDraft, Kind, Names, Observation, ObservationBatch, Quality, ReadingColumns,
    SourceKey, TimeUs,
};
use kernel_store::{Options, Store};
use serde_json::json;

use super::*;

const NOW: TimeUs = TimeUs(1_795_305_600_000_000);

fn key() -> SourceKey {
    SourceKey::new("site", "mast/t")
}

fn declared() -> Vec<Change> {
    let thing = SourceKey::new("site", "mast");
    let (property, unit) = ("t".to_owned(), "Cel".to_owned());
    let datastream = DatastreamDraft { source: key(), entity: thing.clone(), property, unit, name: "T".to_owned() };
    vec![Change::Entity(EntityDraft::new(thing, Kind::Sensor, "mast")), Change::Datastream(datastream)]
}

/// Readings at seconds after [`NOW`].
fn readings(unit: Option<&str>, rows: &[(i64, f64)]) -> Change {
    let row = |(s, value): &(i64, f64)| Observation {
        phenomenon_time: TimeUs(NOW.0 + s * 1_000_000),
        result_time: None,
        value: *value,
        quality: Quality::Good,
    };
    Change::Observations(ObservationBatch {
        datastream: key(),
        unit: unit.map(Arc::from),
        rows: rows.iter().map(row).collect(),
        places: Vec::new(),
    })
}

fn columns(unit: Option<&str>, rows: &[(i64, f64)]) -> Change {
    Change::Readings(ReadingColumns {
        datastreams: Names::Sources { names: vec![key()], of: vec![0; rows.len()] },
        unit: unit.map(Arc::from),
        phenomenon_us: rows.iter().map(|(s, _)| NOW.0 + s * 1_000_000).collect(),
        result_us: Vec::new(),
        value: rows.iter().map(|(_, value)| *value).collect(),
        quality: Vec::new(),
        places: None,
    })
}

fn rule() -> QualityRule {
    QualityRule { property: Some("t".to_owned()), ..QualityRule::default() }
}

/// What is left of changes: rows as (seconds, value, is suspect), and rejections as (reason, sample).
type Left = (Vec<(i64, f64, bool)>, Vec<(String, String)>);

fn left(changes: Vec<Change>) -> Left {
    let (mut rows, mut refused) = (Vec::new(), Vec::new());
    let seconds = |us: i64| (us - NOW.0) / 1_000_000;
    for change in changes {
        match change {
            Change::Observations(batch) => rows.extend(batch.rows.iter().map(|row| {
                (seconds(row.phenomenon_time.0), (row.value * 1e6).round() / 1e6, row.quality == Quality::Suspect)
            })),
            Change::Readings(columns) => rows.extend((0..columns.len()).map(|n| {
                let is_suspect = columns.quality.get(n) == Some(&Quality::Suspect);
                (seconds(columns.phenomenon_us[n]), (columns.value[n] * 1e6).round() / 1e6, is_suspect)
            })),
            Change::Rejected(rejection) => refused.push((rejection.reason, rejection.sample)),
            _ => {}
        }
    }
    (rows, refused)
}

fn judge(rule: QualityRule, change: Change) -> (Left, super::judge::Counts) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let (mut judge, watched) = Judge::new(Rules::new(vec![rule]).unwrap(), store.reader());
    let mut changes = declared();
    changes.push(change);
    let left = left(judge.judge(changes, NOW));
    let counts = watched.lock()[&key()].as_ref().unwrap().counts;
    (left, counts)
}

#[test]
fn what_is_outside_its_range_is_kept_out_or_marked() {
    let rows = [(0, 20.0), (1, 90.0), (2, f64::NAN), (3, 21.0)];
    for change in [readings, columns] {
        let strict = QualityRule { range: Some([-40.0, 60.0]), ..rule() };
        let ((kept, refused), counts) = judge(strict.clone(), change(None, &rows));
        assert_eq!(kept, [(0, 20.0, false), (3, 21.0, false)]);
        assert_eq!(refused[0].0, "quality rule: outside the range -40 to 60 Cel");
        assert_eq!(refused[0].1, "90 at 2026-11-22T00:00:01Z");
        assert_eq!((refused.len(), counts.outside_range), (2, 2));
        let ((kept, refused), _) = judge(QualityRule { keep: true, ..strict }, change(None, &rows[..2]));
        assert_eq!((kept, refused.len()), (vec![(0, 20.0, false), (1, 90.0, true)], 0));
    }
}

/// A sender's numbers add up: what was not kept was refused, however much it was.
#[test]
fn everything_that_is_kept_out_is_told() {
    let rows: Vec<_> = (0..3_000).map(|n| (n, 99.0)).collect();
    for change in [readings, columns] {
        let ((kept, refused), _) = judge(QualityRule { range: Some([-40.0, 60.0]), ..rule() }, change(None, &rows));
        assert_eq!((kept.len(), refused.len()), (0, 3_000));
    }
}

#[test]
fn what_changes_too_fast_is_kept_out_and_is_not_compared_with() {
    let rule = QualityRule { rate: Some(Rate { most: 1.0, per_s: 10.0 }), ..rule() };
    let rows = [(0, 20.0), (10, 21.0), (20, 30.0), (30, 22.0), (300, 40.0)];
    let ((kept, refused), counts) = judge(rule, readings(None, &rows));
    assert_eq!(kept, [(0, 20.0, false), (10, 21.0, false), (30, 22.0, false), (300, 40.0, false)]);
    assert_eq!(refused[0].0, "quality rule: changed faster than 1 Cel in 10 s");
    assert_eq!(counts.too_fast, 1);
}

#[test]
fn units_are_converted_where_a_rule_allows_it() {
    let convert = QualityRule { convert: vec!["[degF]".into(), "K".into()], range: Some([0.0, 50.0]), ..rule() };
    for change in [readings, columns] {
        let ((kept, refused), counts) = judge(convert.clone(), change(Some("[degF]"), &[(0, 68.0), (1, 212.0)]));
        assert_eq!((kept, refused.len(), counts.converted), (vec![(0, 20.0, false)], 1, 2));
        let ((kept, _), _) = judge(convert.clone(), change(Some("K"), &[(0, 300.0)]));
        assert_eq!(kept, [(0, 26.85, false)]);
        // What no rule allows stays as it is, for the store to refuse.
        let ((kept, _), counts) = judge(convert.clone(), change(Some("m"), &[(0, 300.0)]));
        assert_eq!((kept, counts.converted), (vec![(0, 300.0, false)], 0));
    }
    for (from, to, value, wanted) in [
        ("[degF]", "Cel", -40.0, -40.0),
        ("km/h", "m/s", 36.0, 10.0),
        ("kW.h", "MJ", 1.0, 3.6),
        ("[kn_i]", "km/h", 1.0, 1.852),
    ] {
        assert!((units::conversion(from, to).unwrap().of(value) - wanted).abs() < 1e-9, "{from} {to}");
    }
    assert_eq!(units::conversion("m", "s"), None);
}

#[test]
fn gaps_lateness_and_order_are_counted() {
    let rule = QualityRule { interval_s: Some(10.0), late_s: Some(60.0), ..rule() };
    let ((kept, _), counts) =
        judge(rule, readings(None, &[(-100, 1.0), (-90, 1.0), (-60, 1.0), (-70, 1.0), (-50, 1.0)]));
    assert_eq!(kept.len(), 5, "all are kept");
    assert_eq!((counts.gaps, counts.late, counts.out_of_order), (1, 3, 1));
}

#[test]
fn rules_that_cannot_be_are_refused() {
    for (rule, wanted) in [
        (json!({"property": "t", "range": [2, 1]}), "the first must not be above"),
        (json!({"property": "t", "interval_s": 0}), "interval_s"),
        (json!({"property": "t", "rate": {"most": -1, "per_s": 1}}), "both above 0"),
        (json!({"property": "t", "convert": ["furlong"]}), "`furlong`"),
        (json!({"range": [1, 2]}), "say what it is for"),
    ] {
        let rule: QualityRule = serde_json::from_value(rule).unwrap();
        assert!(Rules::new(vec![rule]).unwrap_err().to_string().contains(wanted), "{wanted}");
    }
    assert!(fits("mast-*", "mast-7") && fits("*/t", "mast/t") && fits("*", "") && !fits("a*a", "a"));
}
