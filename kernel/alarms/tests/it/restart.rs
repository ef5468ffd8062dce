//! Killed at any commit, its log cut at any byte: what is told in all is what an uninterrupted run tells, each once.

use std::collections::HashMap;

use kernel_alarms::Alert;
use kernel_model::{Change, Kind, TimeUs};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::city::{City, fix, key, reading, series, square, thing};

const RULES: &str = r#"{
    "fence": [
        {"name": "zones", "fences": {"class": "zone"}, "events": ["enter", "exit", "dwell", "speed"], "dwell": "20s", "speed_m_s": 10},
        {"name": "cars", "fences": {"class": "zone"}, "things": {"class": "car"}}],
    "near": [{"name": "convoy", "around": {"class": "vip"}, "radius_m": 300}],
    "threshold": [{"name": "air", "property": "pm25", "unit": "ug/m3", "above": 75, "clear": 65}],
    "rate": [{"name": "quick", "property": "pm25", "unit": "ug/m3", "per": "1s", "above": 20}]}"#;

/// Commits of a random story: things and fences that come, go and change, fixes and readings, some of them late.
fn story(seed: u64, commits: usize) -> Vec<Vec<Change>> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let classes = ["car", "vip", "dog", "car"];
    let place = |rng: &mut SmallRng| [116.0 + rng.random_range(0.0..0.02), 39.0 + rng.random_range(0.0..0.02)];
    let mut story = vec![
        (0..8).map(|n| thing(&format!("m{n}"), Kind::Vehicle, classes[n % 4], None, json!({}))).collect(),
        vec![series("s", "m0", "pm25", "ug/m3")],
    ];
    for second in 0..commits as i64 {
        let mut changes = Vec::new();
        for _ in 0..rng.random_range(1..6) {
            let late = if rng.random_ratio(1, 10) { rng.random_range(0..20) } else { 0 };
            let change = match rng.random_range(0..12) {
                0 => {
                    let (n, half) = (rng.random_range(0..6), rng.random_range(0.001..0.006));
                    thing(&format!("f{n}"), Kind::Landuse, "zone", Some(square(place(&mut rng), half)), json!({}))
                }
                1 if rng.random_ratio(1, 3) => {
                    let n = rng.random_range(0..6);
                    thing(&format!("f{n}"), Kind::Landuse, "gone", None, json!({}))
                }
                2 if rng.random_ratio(1, 20) => Change::Retire { source: key("m7"), at: TimeUs(second * 1_000_000) },
                1..=3 => reading("s", second - late, rng.random_range(40.0..100.0)),
                _ => {
                    let n = rng.random_range(0..7);
                    fix(&format!("m{n}"), second - late, place(&mut rng), None, Some(rng.random_range(0.0..20.0)))
                }
            };
            changes.push(change);
        }
        story.push(changes);
    }
    story
}

fn uninterrupted(story: &[Vec<Change>]) -> Vec<Shown> {
    let mut city = City::new(RULES);
    city.tell_all(story);
    shown(&city)
}

/// An alert with what two stores have in common: not their ids.
type Shown = (String, kernel_alarms::Event, i64, u64, Option<u64>, String, String);

fn shown(city: &City) -> Vec<Shown> {
    let reader = city.store.as_ref().unwrap().reader();
    let names = (0..8).map(|n| format!("m{n}")).chain((0..6).map(|n| format!("f{n}")));
    let ids: HashMap<_, _> = names.filter_map(|name| Some((reader.live().entity_of(&key(&name))?, name))).collect();
    let name = |id: &kernel_model::EntityId| ids[id].clone();
    let one = |a: &Alert| {
        let value = a.value.map(f64::to_bits);
        (
            a.rule.clone(),
            a.event,
            a.time.0,
            a.sequence.0,
            value,
            name(&a.thing),
            a.fence.map(|f| name(&f)).unwrap_or_default(),
        )
    };
    let mut all: Vec<Shown> = city.alerts().iter().map(one).collect();
    // Within a commit the order is that of ids, which are other ones in another store.
    all.sort_by(|a, b| (a.3, a).cmp(&(b.3, b)));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn kills_lose_and_double_nothing(seed in 0..1_000_000_u64, kills in prop::collection::vec((0..80_usize, 0..3_u8, any::<u32>()), 1..6)) {
        let story = story(seed, 80);
        let wanted = uninterrupted(&story);
        prop_assume!(wanted.len() > 20);
        let mut city = City::new(RULES);
        for (n, changes) in story.iter().enumerate() {
            match kills.iter().find(|(at, ..)| *at == n) {
                None => city.tell(changes.clone()),
                Some((_, when, cut)) => {
                    let commit = city.commit(changes.clone());
                    let alarms = city.alarms.as_mut().unwrap();
                    match when {
                        // Before it was looked at; looked at and not written; written, and a checkpoint after it.
                        0 => {}
                        1 => prop_assert!(alarms.take(commit)),
                        _ => {
                            prop_assert!(alarms.take(commit));
                            alarms.flush().unwrap();
                            if cut % 2 == 0 {
                                alarms.write_checkpoint().unwrap();
                            }
                        }
                    }
                    city.kill();
                    city.start();
                }
            }
        }
        prop_assert_eq!(shown(&city), wanted);
    }
}

#[test]
fn a_log_that_is_cut_at_any_byte_is_made_whole_again_from_the_store() {
    let story = story(7, 60);
    let wanted = uninterrupted(&story);
    let mut city = City::new(RULES);
    city.tell_all(&story);
    let before = city.alerts();
    city.kill();
    let log = city.dir.path().join("alarms/log/00000000000000000001.alerts");
    let bytes = std::fs::read(&log).unwrap();
    assert!(wanted.len() > 20, "{}", wanted.len());
    // Every byte of the last frames, and some of those before.
    for cut in (0..bytes.len()).rev().take(80).chain((0..bytes.len()).step_by(211)) {
        std::fs::write(&log, &bytes[..cut]).unwrap();
        city.start();
        assert_eq!(city.alerts(), before, "cut at {cut}");
        city.kill();
    }
}

#[test]
fn a_new_rule_begins_with_what_comes_and_the_others_go_on() {
    let mut city = City::new(r#"{"fence": [{"name": "a", "fences": {"class": "zone"}}]}"#);
    let here = [116.0, 39.0];
    city.tell(vec![
        thing("f", Kind::Other, "zone", Some(square(here, 0.01)), json!({})),
        thing("m", Kind::Vehicle, "car", None, json!({})),
    ]);
    city.tell(vec![fix("m", 1, here, None, None)]);
    assert_eq!(city.alerts().len(), 1);
    city.kill();
    city.rules = serde_json::from_str(
        r#"{"fence": [{"name": "b", "fences": {"class": "zone"}}, {"name": "a", "fences": {"class": "zone"}}]}"#,
    )
    .unwrap();
    for _ in 0..2 {
        city.start();
        assert_eq!(city.alerts().len(), 1, "what was is not told again");
        city.kill();
    }
    city.start();
    city.tell(vec![fix("m", 2, here, None, None)]);
    city.tell(vec![fix("m", 3, [117.0, 39.0], None, None)]);
    let told: Vec<_> =
        city.alerts().iter().map(|alert| (alert.rule.clone(), alert.event.name(), alert.time.0 / 1_000_000)).collect();
    let wanted = [("a", "enter", 1), ("b", "enter", 2), ("b", "exit", 3), ("a", "exit", 3)];
    assert_eq!(told, wanted.map(|(rule, event, second)| (rule.to_owned(), event, second)));
}

#[test]
fn what_is_damaged_is_said() {
    let mut city = City::new(RULES);
    city.tell_all(&story(3, 40));
    assert!(!city.alerts().is_empty());
    city.kill();
    let checkpoint = city.dir.path().join("alarms/checkpoint");
    let bytes = std::fs::read(&checkpoint).unwrap();
    let refused = |city: &City| {
        let (store, _) = kernel_store::Store::open(city.dir.path(), crate::city::options()).unwrap();
        let snapshot = store.reader().snapshot();
        kernel_alarms::Alarms::open(&city.dir.path().join("alarms"), city.rules.check().unwrap(), &snapshot)
            .unwrap_err()
            .to_string()
    };
    std::fs::write(&checkpoint, &bytes[..bytes.len() - 1]).unwrap();
    assert!(refused(&city).contains("restore the file from a backup"));
    std::fs::remove_file(&checkpoint).unwrap();
    assert!(refused(&city).contains("move the folder"));
}
