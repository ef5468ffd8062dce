//! What is told of readings.

use kernel_alarms::Event::{Cleared, Raised};
use kernel_model::Kind;
use serde_json::json;

use crate::city::{City, reading, series, thing};

#[test]
fn a_limit_is_told_when_it_is_crossed_and_when_the_reading_is_back() {
    let mut city = City::new(
        r#"{"threshold": [{"name": "air", "property": "pm25", "unit": "ug/m3", "above": 75, "clear": 65}],
            "rate": [{"name": "river", "property": "level", "unit": "m", "per": "1h", "above": 0.5}]}"#,
    );
    city.tell(vec![
        thing("mast", Kind::Sensor, "mast", None, json!({})),
        series("s", "mast", "pm25", "ug/m3"),
        // Another unit is not meant, and nothing is converted.
        series("t", "mast", "pm25", "mg/m3"),
        series("l", "mast", "level", "m"),
    ]);
    let mast = city.id("mast");
    for (second, value) in [(1, 70.0), (2, 76.0), (3, 74.0), (4, 90.0), (5, 66.0), (6, 65.0), (7, 74.0), (8, 75.1)] {
        city.tell(vec![reading("s", second, value), reading("t", second, 900.0)]);
    }
    city.tell(vec![reading("s", 3, 10.0)]);
    assert_eq!(city.told(0), [(Raised, mast, 2), (Cleared, mast, 6), (Raised, mast, 8)]);
    let hour = 3_600;
    for (second, value) in [(0, 1.0), (hour, 1.4), (2 * hour, 2.0), (2 * hour + 60, 2.02), (3 * hour, 2.1)] {
        city.tell(vec![reading("l", second, value)]);
    }
    let alerts = city.alerts();
    let river: Vec<_> =
        alerts[3..].iter().map(|a| (a.event, a.time.0 / 1_000_000, a.value.map(|v| (v * 100.0).round()))).collect();
    // 0.6 m in an hour, then 1.2 m an hour for a minute, then 0.08 m in 59 minutes.
    assert_eq!(river, [(Raised, 2 * hour, Some(60.0)), (Cleared, 3 * hour, Some(8.0))]);
    assert!(alerts.iter().all(|alert| alert.datastream.is_some() && alert.fence.is_none()));
}
