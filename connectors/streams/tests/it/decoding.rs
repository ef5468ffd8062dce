//! The decoder's laws: what is right becomes exactly that, what is wrong is refused with its reason, nothing panics.

use connectors_streams::{Decoder, DecoderSettings, Known, Rule, Rules};
use kernel_model::{Change, HeightReference, Kind, Observation, Quality, Shape, TimeUs};
use proptest::prelude::*;

fn decode(messages: &[(&str, &str)]) -> Vec<Change> {
    let mut decoder = Decoder::new(DecoderSettings::default());
    for (topic, payload) in messages {
        decoder.decode(topic, payload.as_bytes());
    }
    decoder.finish()
}

fn reason(topic: &str, payload: &str) -> String {
    match decode(&[(topic, payload)]).as_slice() {
        [Change::Rejected(rejection)] => {
            assert_eq!((rejection.source.as_str(), rejection.sample.as_str()), (topic, payload));
            rejection.reason.clone()
        }
        other => panic!("{topic} {payload} became {other:?}"),
    }
}

#[test]
fn readings_are_grouped_by_datastream() {
    let changes = decode(&[
        ("urbis/d/s1/pm25", r#"{"t":"2026-11-22T08:00:00+08:00","v":41.5,"unit":"ug/m3"}"#),
        ("urbis/d/s2/pm25", r#"{"t":1795305600000,"v":1,"unit":"ug/m3"}"#),
        ("urbis/d/s1/pm25", r#"{"v":-2e-3,"unit":"ug/m3","t":1795305600001,"more":[1]}"#),
        ("urbis/d/s1/pm25", r#"{"t":1795305600002,"v":3,"unit":"mg/m3"}"#),
    ]);
    let [Change::Observations(one), Change::Observations(two), Change::Observations(other)] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    let row = |us: i64, value: f64| Observation {
        phenomenon_time: TimeUs(1_795_305_600_000_000 + us),
        result_time: None,
        value,
        quality: Quality::Good,
    };
    assert_eq!(one.rows, [row(0, 41.5), row(1_000, -0.002)]);
    assert_eq!((one.datastream.to_string().as_str(), one.unit.as_deref()), ("d/s1/pm25", Some("ug/m3")));
    assert_eq!((two.datastream.to_string().as_str(), two.rows.len()), ("d/s2/pm25", 1));
    assert_eq!(other.unit.as_deref(), Some("mg/m3"), "another unit is another batch; the ingest task refuses it");
}

#[test]
fn positions_keep_their_height_reference() {
    let at = |rest: &str| format!(r#"{{"t":1795305600000,"lon":116.31,"lat":39.98{rest}}}"#);
    let cases = [
        (at(r#","h":42.5,"height_reference":"ellipsoid","heading":91.5,"speed":8.25"#), HeightReference::Ellipsoid),
        (at(r#","h":1"#), HeightReference::Unknown),
        (at(""), HeightReference::None),
    ];
    for (payload, wanted) in cases {
        let changes = decode(&[("urbis/d/bus-1/position", &payload)]);
        let [Change::Positions(batch)] = changes.as_slice() else { panic!("{payload} {changes:?}") };
        assert_eq!((batch.entity.to_string().as_str(), &batch.height_reference), ("d/bus-1", &wanted));
        let fix = batch.rows[0];
        assert_eq!((fix.place.lon_deg, fix.place.lat_deg, fix.time), (116.31, 39.98, TimeUs(1_795_305_600_000_000)));
        assert_eq!(fix.heading_deg.is_some(), wanted == HeightReference::Ellipsoid);
    }
}

const DESCRIBE: &str = r#"{"kind":"sensor","class":"air","name":"空气","lon":116.31,"lat":39.98,"height_m":45,
    "height_reference":"ellipsoid","properties":{"maker":"x"},"datastreams":[{"property":"pm25","unit":"ug/m3","name":"PM2.5"}]}"#;

#[test]
fn a_description_becomes_an_entity_and_its_datastreams() {
    let changes = decode(&[
        ("urbis/d/s1/pm25", r#"{"t":1795305600000,"v":1,"unit":"ug/m3"}"#),
        ("urbis/d/s1/describe", DESCRIBE),
        ("urbis/d/s1/pm25", r#"{"t":1795305600001,"v":2}"#),
    ]);
    let [
        Change::Observations(before),
        Change::Entity(entity),
        Change::Datastream(datastream),
        Change::Observations(after),
    ] = changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert_eq!((entity.kind, entity.class.as_str(), entity.name.as_deref()), (Kind::Sensor, "air", Some("空气")));
    assert!(matches!(entity.geometry.as_ref().unwrap().shape, Shape::Point(c) if (c.height_m - 45.0).abs() < 1e-12));
    assert_eq!(
        (entity.height_reference.clone(), &entity.properties["maker"]),
        (HeightReference::Ellipsoid, &"x".into())
    );
    assert_eq!((&datastream.entity, datastream.source.to_string().as_str()), (&entity.source, "d/s1/pm25"));
    assert_eq!(datastream.source, after.datastream);
    assert_eq!((before.rows[0].value, after.rows[0].value), (1.0, 2.0), "a reading stays behind its description");
    assert_eq!(after.unit, None, "the datastream's own unit");
}

#[test]
fn what_is_wrong_is_refused_with_its_reason() {
    let reading = "urbis/d/s/pm25";
    let cases = [
        (reading, r#"{"t":1795305600000,"v":1}"#, "no unit"),
        (reading, r#"{"t":1795305600000,"v":1,"unit":""}"#, "unit is empty"),
        (reading, r#"{"t":"2026-11-22T08:00:00","v":1,"unit":"m"}"#, "with its offset"),
        (reading, r#"{"t":1795305600,"v":1,"unit":"m"}"#, "no time in milliseconds"),
        (reading, r#"{"t":1795305600000000,"v":1,"unit":"m"}"#, "no time in milliseconds"),
        (reading, r#"{"v":1,"unit":"m"}"#, "missing field `t`"),
        (reading, r#"{"t":1795305600000,"v":null,"unit":"m"}"#, "invalid type: null"),
        (reading, r#"{"t":1795305600000,"v":1e999,"unit":"m"}"#, "out of range"),
        (reading, r#"{"t":1795305600000,"v":1,"v":2,"unit":"m"}"#, "duplicate field"),
        (reading, "41.5", "invalid type"),
        (reading, "", "EOF"),
        ("urbis/d/bus/position", r#"{"t":1795305600000,"lon":39.98,"lat":116.31}"#, "in that order"),
        (
            "urbis/d/bus/position",
            r#"{"t":1795305600000,"lon":1,"lat":2,"h":3,"height_reference":"sea"}"#,
            "not a height reference",
        ),
        ("urbis/d/s/describe", r#"{"kind":"house"}"#, "is not a kind"),
        ("urbis/d/s/describe", r#"{"kind":"sensor","lon":1}"#, "both lon and lat"),
        (
            "urbis/d/s/describe",
            r#"{"kind":"sensor","datastreams":[{"property":"a/b","unit":"m"}]}"#,
            "cannot be a property",
        ),
        ("urbis/d/s/describe", r#"{"kind":"sensor","datastreams":[{"property":"a","unit":""}]}"#, "has no unit"),
        ("urbis/d/s/describe", "", "empty description"),
        ("other/d/s/pm25", "{}", "the topic is not urbis/"),
        ("urbis/d/s", "{}", "the topic is not"),
        ("urbis/d/s/a/b", "{}", "the topic is not"),
        ("urbis//s/a", "{}", "the topic is not"),
        ("urbisx/d/s/a", "{}", "the topic is not"),
    ];
    for (topic, payload, wanted) in cases {
        let reason = reason(topic, payload);
        assert!(reason.contains(wanted), "{topic} {payload}: {reason}");
    }
}

#[test]
fn a_flood_of_bad_payloads_keeps_a_few_samples_of_200_bytes() {
    let mut decoder = Decoder::new(DecoderSettings { kept_rejections: 3, ..DecoderSettings::default() });
    (0..1_000).for_each(|_| decoder.decode("urbis/d/s/pm25", "坏".repeat(500).as_bytes()));
    let changes = decoder.finish();
    assert_eq!(changes.len(), 3);
    let Change::Rejected(rejection) = &changes[0] else { panic!("{changes:?}") };
    assert!(rejection.sample.starts_with("坏坏") && rejection.sample.len() <= 204);
    decoder.decode("urbis/d/s/pm25", b"bad");
    assert_eq!(decoder.finish().len(), 1, "the next batch keeps samples again");
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(topic in "(urbis/)?[a-z$+#/\u{0}城]{0,12}(/position|/describe)?", payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut decoder = Decoder::new(DecoderSettings::default());
        decoder.decode(&topic, &payload);
        prop_assert_eq!(decoder.finish().len(), 1, "every message leaves a trace");
    }

    #[test]
    fn values_come_through_exactly(value in any::<f64>().prop_filter("JSON", |v| v.is_finite()), ms in 100_000_000_000_i64..4_000_000_000_000) {
        let payload = serde_json::json!({"t": ms, "v": value, "unit": "m"}).to_string();
        let changes = decode(&[("urbis/d/s/p", &payload)]);
        let [Change::Observations(batch)] = changes.as_slice() else { panic!("{changes:?}") };
        let row = batch.rows[0];
        prop_assert_eq!(row.phenomenon_time, TimeUs(ms * 1_000));
        // serde_json reads floats to within one unit in the last place unless told otherwise.
        prop_assert!((row.value - value).abs() <= value.abs() * f64::EPSILON);
    }

    #[test]
    fn grouping_loses_and_reorders_nothing(order in proptest::collection::vec(0_usize..6, 1..200)) {
        let mut decoder = Decoder::new(DecoderSettings { topics: 4, ..DecoderSettings::default() });
        for (i, series) in order.iter().enumerate() {
            let payload = format!(r#"{{"t":1795305600000,"v":{i},"unit":"m"}}"#);
            decoder.decode(&format!("urbis/d/s/{series}"), payload.as_bytes());
        }
        let mut heard: Vec<Vec<f64>> = vec![Vec::new(); 6];
        for change in decoder.finish() {
            let Change::Observations(batch) = change else { panic!("{change:?}") };
            let series: usize = batch.datastream.id.strip_prefix("s/").unwrap().parse().unwrap();
            heard[series].extend(batch.rows.iter().map(|row| row.value));
        }
        for (series, heard) in heard.iter().enumerate() {
            let wanted: Vec<f64> = order.iter().enumerate().filter(|(_, s)| **s == series).map(|(i, _)| i as f64).collect();
            prop_assert_eq!(heard, &wanted);
        }
    }
}

#[test]
fn sensorthings_observations_name_their_datastream_by_number() {
    let changes = decode(&[
        ("v1.1/Datastreams(7)/Observations", r#"{"phenomenonTime":"2026-11-22T08:00:00+08:00","result":21.5}"#),
        ("v1.1/Observations", r#"{"resultTime":"2026-11-22T00:00:01Z","result":3,"Datastream":{"@iot.id":8}}"#),
    ]);
    let [Change::Readings(readings)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(readings.datastreams, kernel_model::Names::Ids([7, 8].map(kernel_model::DatastreamId).into()));
    assert_eq!((readings.unit.as_ref(), &readings.value[..]), (None, &[21.5, 3.0][..]));
    assert_eq!(readings.phenomenon_us[0], 1_795_305_600_000_000);
    assert!(readings.phenomenon_us[1] > 1_795_305_600_000_000 - 86_400_000_000 * 365, "the moment it came");
    assert_eq!(readings.result_us, [None, Some(1_795_305_601_000_000)]);
    assert!(reason("v1.1/Observations", r#"{"result":3}"#).contains("say one Datastream"));
    assert!(reason("v1.1/Datastreams(x)/Observations", r#"{"result":3}"#).contains("the topic is not urbis/"));
}

#[test]
fn rules_come_before_our_own_topics() {
    let rule: Rule = toml::from_str(
        r#"topic = "plant/{machine}/speed"
        dataset = "plant"
        entity = "{machine}"
        time = { at = "/t", format = "unix_ms" }
        values = [{ property = "speed", unit = "r/min", at = "/v" }]
        describe = { kind = "sensor" }"#,
    )
    .unwrap();
    let known = Known::new(|thing| &*thing.id == "old", |datastream| &*datastream.id == "older/speed");
    let mut decoder = Decoder::with_rules(DecoderSettings::default(), Rules::new(&[rule]).unwrap(), known);
    for machine in ["new", "old", "older", "new"] {
        decoder.decode(&format!("plant/{machine}/speed"), br#"{"t":1795305600000,"v":1500}"#);
    }
    decoder.decode("urbis/d/s/p", br#"{"t":1795305600000,"v":1,"unit":"m"}"#);
    let changes = decoder.finish();
    let sorts: Vec<_> = changes
        .iter()
        .map(|change| match change {
            Change::Observations(_) => "own".to_owned(),
            Change::Entity(entity) => format!("thing {}", entity.source.id),
            Change::Datastream(datastream) => format!("datastream {}", datastream.source.id),
            Change::Readings(readings) => format!("{} readings", readings.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sorts, ["own", "thing new", "datastream new/speed", "datastream old/speed", "4 readings"]);
}
