//! What is told of fences: each rule once by hand.

use kernel_alarms::Event::{Dwell, Enter, Exit, Speed};
use kernel_model::Kind;
use serde_json::json;

use crate::city::{City, fix, square, thing};

const HERE: [f64; 2] = [116.3, 39.9];
const AWAY: [f64; 2] = [116.4, 39.9];

fn car(id: &str) -> kernel_model::Change {
    thing(id, Kind::Vehicle, "car", None, json!({}))
}

#[test]
fn entering_staying_speeding_and_leaving_are_told_once_each() {
    let mut city = City::new(
        r#"{"fence": [{"name": "zone", "fences": {"class": "zone"}, "things": {"kind": "vehicle"},
            "events": ["enter", "exit", "dwell", "speed"], "dwell": "60s", "speed_m_s": 10}]}"#,
    );
    city.tell(vec![thing("f", Kind::Landuse, "zone", Some(square(HERE, 0.01)), json!({})), car("a")]);
    city.tell(vec![thing("dog", Kind::Other, "dog", None, json!({})), fix("dog", 1, HERE, None, None)]);
    let (a, f) = (city.id("a"), city.id("f"));
    city.tell(vec![fix("a", 0, AWAY, None, Some(30.0))]);
    city.tell(vec![fix("a", 10, HERE, None, Some(5.0)), fix("a", 20, HERE, None, Some(12.0))]);
    city.tell(vec![fix("a", 30, HERE, None, Some(13.0)), fix("a", 40, HERE, None, Some(9.0))]);
    city.tell(vec![fix("a", 80, HERE, None, Some(11.0)), fix("a", 81, HERE, None, Some(11.0))]);
    assert_eq!(city.told(0), [(Enter, a, 10), (Speed, a, 20), (Dwell, a, 80), (Speed, a, 80)]);
    // What is late moves nothing, and what is told again neither.
    city.tell(vec![fix("a", 50, AWAY, None, None), fix("a", 81, HERE, None, Some(11.0))]);
    assert_eq!(city.alerts().len(), 4);
    city.tell(vec![fix("a", 90, AWAY, None, None), fix("a", 91, AWAY, None, None)]);
    assert_eq!(city.told(4), [(Exit, a, 90)]);
    let alerts = city.alerts();
    assert!(alerts.iter().all(|alert| alert.fence == Some(f) && alert.rule == "zone"));
    assert_eq!((alerts[1].value, alerts[2].value, alerts[4].value), (Some(12.0), Some(70.0), Some(80.0)));
    let ids: std::collections::BTreeSet<_> = alerts.iter().map(kernel_alarms::Alert::id).collect();
    assert_eq!(ids.len(), alerts.len());
}

#[test]
fn a_height_band_holds_what_is_between_and_guesses_nothing() {
    let mut city = City::new(r#"{"fence": [{"name": "air", "fences": {"class": "air"}}]}"#);
    let band = json!({"bottom_m": 0, "top_m": 120, "height_reference": "ellipsoid"});
    let unsaid = json!({"bottom_m": 0, "top_m": 120});
    city.tell(vec![
        thing("f", Kind::Other, "air", Some(square(HERE, 0.01)), band),
        // Its heights are above nothing that was said: no fence.
        thing("g", Kind::Other, "air", Some(square(HERE, 0.01)), unsaid),
        car("a"),
    ]);
    let a = city.id("a");
    assert_eq!(city.alarms.as_ref().unwrap().engine().fences(), 1);
    let steps = [(1, Some(150.0)), (2, None), (3, Some(100.0)), (4, None), (5, Some(121.0)), (6, Some(0.0))];
    for (second, height_m) in steps {
        city.tell(vec![fix("a", second, HERE, height_m, None)]);
    }
    // Without a height it is out of the fence where it is beside it.
    city.tell(vec![fix("a", 7, AWAY, None, None)]);
    assert_eq!(city.told(0), [(Enter, a, 3), (Exit, a, 5), (Enter, a, 6), (Exit, a, 7)]);
}

#[test]
fn a_fence_holds_by_its_schedule_its_valid_time_and_its_revisions() {
    let mut city = City::new(
        r#"{"fence": [{"name": "school", "fences": {"class": "school"}, "schedule": "Mo-Fr 07:00-19:00", "time_zone": "Asia/Shanghai"}]}"#,
    );
    let own = json!({"schedule": "Mo-Su 20:00-21:00", "time_zone": "Asia/Shanghai"});
    city.tell(vec![
        thing("f", Kind::Other, "school", Some(square(HERE, 0.01)), json!({})),
        thing("g", Kind::Other, "school", Some(square(AWAY, 0.01)), own),
        car("a"),
        car("b"),
    ]);
    let (a, b) = (city.id("a"), city.id("b"));
    // Monday, the 30th of November 2026, 06:59 in Shanghai.
    let seven = kernel_model::TimeUs::parse("2026-11-30T07:00:00+08:00").unwrap().0 / 1_000_000;
    city.tell(vec![fix("a", seven - 60, HERE, None, None), fix("b", seven + 7 * 3_600, AWAY, None, None)]);
    assert_eq!(city.told(0), []);
    city.tell(vec![fix("a", seven, HERE, None, None), fix("b", seven + 13 * 3_600, AWAY, None, None)]);
    assert_eq!(city.told(0), [(Enter, a, seven), (Enter, b, seven + 13 * 3_600)]);
    // The fence is moved: who is not in it any more leaves with the next fix.
    city.tell(vec![thing("f", Kind::Other, "school", Some(square([100.0, 10.0], 0.01)), json!({}))]);
    assert_eq!(city.alerts().len(), 2);
    city.tell(vec![fix("a", seven + 60, HERE, None, None)]);
    assert_eq!(city.told(2), [(Exit, a, seven + 60)]);
    city.tell(vec![kernel_model::Change::Retire { source: crate::city::key("b"), at: kernel_model::TimeUs(0) }]);
    let last = city.alerts().pop().unwrap();
    assert_eq!((last.event, last.thing), (Exit, b));
}

#[test]
fn whoever_moves_the_fence_around_a_thing_is_entered_and_left() {
    let mut city = City::new(
        r#"{"near": [{"name": "convoy", "around": {"class": "vip"}, "things": {"class": "drone"}, "radius_m": 500, "height_m": 100}]}"#,
    );
    city.tell(vec![
        thing("v", Kind::Vehicle, "vip", None, json!({})),
        thing("d", Kind::Vehicle, "drone", None, json!({})),
        car("a"),
    ]);
    let (v, d) = (city.id("v"), city.id("d"));
    city.tell(vec![fix("a", 1, HERE, Some(50.0), None), fix("d", 1, HERE, Some(90.0), None)]);
    city.tell(vec![fix("v", 2, AWAY, Some(50.0), None)]);
    assert_eq!(city.told(0), []);
    // The thing in the middle comes, the other one rises and sinks, the middle goes.
    city.tell(vec![fix("v", 3, HERE, Some(50.0), None)]);
    city.tell(vec![fix("d", 4, HERE, Some(200.0), None)]);
    city.tell(vec![fix("d", 5, HERE, Some(120.0), None)]);
    city.tell(vec![fix("v", 6, AWAY, Some(50.0), None)]);
    city.tell(vec![fix("d", 7, AWAY, Some(50.0), None)]);
    assert_eq!(city.told(0), [(Enter, d, 3), (Exit, d, 4), (Enter, d, 5), (Exit, d, 6), (Enter, d, 7)]);
    assert!(city.alerts().iter().all(|alert| alert.fence == Some(v)));
    // After a start it goes on.
    city.kill();
    city.start();
    city.tell(vec![fix("v", 8, HERE, Some(50.0), None)]);
    city.tell(vec![fix("v", 9, AWAY, Some(50.0), None)]);
    assert_eq!(city.told(5), [(Exit, d, 8), (Enter, d, 9)]);
}
