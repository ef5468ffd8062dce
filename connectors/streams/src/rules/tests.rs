use proptest::prelude::*;

use super::*;

const NOW: TimeUs = TimeUs(1_795_305_600_000_000);

fn rule(toml: &str) -> Result<Rules, RuleError> {
    let rule: Rule = toml::from_str(toml).unwrap();
    Rules::new(&[rule])
}

fn read(rules: &Rules, topic: &str, payload: &[u8]) -> Result<Vec<Change>, String> {
    let (mut declarer, mut gathered) = (Declarer::new(Known::nothing(), 100), Gathered::default());
    let matched = rules.find(topic).ok_or("no rule")?;
    rules.read(&matched, payload, NOW, &mut declarer, &mut gathered)?;
    Ok(gathered.finish().collect())
}

/// `datastream unit time value` of each reading.
fn rows(changes: &[Change]) -> Vec<String> {
    let mut rows = Vec::new();
    for change in changes {
        let Change::Readings(columns) = change else { continue };
        let Names::Sources { names, of } = &columns.datastreams else { panic!("{columns:?}") };
        for (n, place) in of.iter().enumerate() {
            let (time, unit) = (TimeUs(columns.phenomenon_us[n]), columns.unit.as_deref().unwrap_or("-"));
            rows.push(format!("{} {unit} {time} {}", names[*place as usize], columns.value[n]));
        }
    }
    rows
}

#[test]
fn names_of_the_topic_and_pointers_into_the_message_say_what_it_is() {
    let rules = rule(
        r#"topic = "site/+/sensors/{sensor}/{property}"
        dataset = "site"
        entity = "{sensor}"
        time = { at = "/t", format = "unix_ms" }
        values = [{ property = "{property}", unit = "{/unit}", at = "/v" }]
        describe = { kind = "sensor", class = "air" }"#,
    )
    .unwrap();
    assert_eq!(rules.filters(), ["site/+/sensors/+/+"]);
    let changes = read(&rules, "site/7/sensors/s1/pm25", br#"{"t":1795305600000,"v":"41.5","unit":"ug/m3"}"#).unwrap();
    assert_eq!(rows(&changes), ["site/s1/pm25 ug/m3 2026-11-22T00:00:00Z 41.5"]);
    let [Change::Entity(entity), Change::Datastream(datastream), _] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(
        (entity.source.to_string().as_str(), entity.kind, entity.class.as_str()),
        ("site/s1", Kind::Sensor, "air")
    );
    assert_eq!((datastream.unit.as_str(), datastream.property.as_str()), ("ug/m3", "pm25"));
    for topic in ["site/7/sensors/s1", "site/7/sensors//pm25", "site/7/sensors/s1/pm25/x", "other"] {
        assert_eq!(read(&rules, topic, b"{}"), Err("no rule".to_owned()), "{topic}");
    }
}

#[test]
fn arrays_many_values_and_local_times() {
    let rules = rule(
        r#"topic = "hooks/weather"
        dataset = "w"
        entity = "{/station}"
        each = "/data"
        time = { at = "/when", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
        values = [
            { property = "temperature", unit = "Cel", at = "/m/0" },
            { property = "humidity", unit = "%", at = "/m/1", optional = true },
        ]"#,
    )
    .unwrap();
    let body =
        br#"{"station":12,"data":[{"when":"01.07.2026 12:00","m":[20.5,60]},{"when":"01.12.2026 12:00","m":[-1]}]}"#;
    let wanted = [
        "w/12/temperature Cel 2026-07-01T10:00:00Z 20.5",
        "w/12/temperature Cel 2026-12-01T11:00:00Z -1",
        "w/12/humidity % 2026-07-01T10:00:00Z 60",
    ];
    assert_eq!(rows(&read(&rules, "hooks/weather", body).unwrap()), wanted);
    for (when, wanted) in
        [("25.10.2026 02:30", "twice"), ("29.03.2026 02:30", "never show"), ("2026-07-01", "not of the form")]
    {
        let body = format!(r#"{{"station":12,"data":[{{"when":"{when}","m":[1]}}]}}"#);
        let reason = read(&rules, "hooks/weather", body.as_bytes()).unwrap_err();
        assert!(reason.contains(wanted), "{when}: {reason}");
    }
}

#[test]
fn cbor_and_plain_numbers() {
    let common = "topic = \"{sensor}\"\ndataset = \"d\"\nentity = \"{sensor}\"\n";
    let cbor = rule(&format!(
        "{common}payload = \"cbor\"\ntime = {{ at = \"/1\", format = \"unix_s\" }}\nvalues = [{{ property = \"p\", unit = \"1\", at = \"/v\" }}]"
    ))
    .unwrap();
    // {1: tag 1 (1795305600), "v": 0.5 as a half}
    let bytes = b"\xa2\x01\xc1\x1a\x6b\x02\x5b\x00\x61v\xf9\x38\x00";
    let time = u32::from_be_bytes([0x6b, 0x02, 0x5b, 0x00]);
    let wanted = format!("d/s/p 1 {} 0.5", TimeUs(i64::from(time) * 1_000_000));
    assert_eq!(rows(&read(&cbor, "s", bytes).unwrap()), [wanted]);
    assert!(read(&cbor, "s", b"\xa2\x01\xc1").unwrap_err().contains("no CBOR"));
    assert!(read(&cbor, "s", b"\x00\x00").unwrap_err().contains("after the end"));
    let number = rule(&format!(
        "{common}payload = \"number\"\ntime = {{ format = \"arrival\" }}\nvalues = [{{ property = \"p\", unit = \"1\" }}]"
    ))
    .unwrap();
    assert_eq!(rows(&read(&number, "s", b" 7.5\n").unwrap()), ["d/s/p 1 2026-11-22T00:00:00Z 7.5"]);
    for wrong in ["inf", "NaN", "", "seven", "1e999"] {
        assert!(read(&number, "s", wrong.as_bytes()).unwrap_err().contains("no number"), "{wrong}");
    }
}

#[test]
fn a_rule_that_says_too_little_is_refused() {
    let base = "topic = \"a/{x}\"\ndataset = \"d\"\nentity = \"{x}\"\n";
    let value = "values = [{ property = \"p\", unit = \"1\", at = \"/v\" }]";
    let time = "time = { at = \"/t\", format = \"rfc3339\" }";
    let cases = [
        (format!("{base}{time}\nvalues = []"), "at least one"),
        (format!("{base}{time}\nvalues = [{{ property = \"p\", unit = \"\", at = \"/v\" }}]"), "may not be empty"),
        (format!("{base}{time}\nvalues = [{{ property = \"{{y}}\", unit = \"1\", at = \"/v\" }}]"), "neither a name"),
        (format!("{base}{time}\nvalues = [{{ property = \"p\", unit = \"1\", at = \"v\" }}]"), "no JSON pointer"),
        (format!("{base}time = {{ at = \"/t\", format = \"%Y-%m-%d %H:%M\" }}\n{value}"), "say the zone"),
        (
            format!("{base}time = {{ at = \"/t\", format = \"%H\", zone = \"Mars/Olympus\" }}\n{value}"),
            "no IANA time zone",
        ),
        (format!("{base}time = {{ at = \"/t\", format = \"rfc3339\", zone = \"UTC\" }}\n{value}"), "leave `zone` out"),
        (format!("{base}time = {{ at = \"/t\", format = \"iso\" }}\n{value}"), "no format of time"),
        (format!("{base}time = {{ format = \"rfc3339\" }}\n{value}"), "no JSON pointer to the time"),
        (format!("{base}payload = \"number\"\n{time}\nvalues = [{{ property = \"p\", unit = \"1\" }}]"), "has no time"),
        (base.replace("a/{x}", "a/{x}/{x}") + time + "\n" + value, "twice"),
        (base.replace("a/{x}", "a/b{x}") + time + "\n" + value, "no level"),
        (format!("{base}{time}\n{value}\ndescribe = {{ kind = \"house\" }}"), "is not a kind"),
    ];
    for (toml, wanted) in cases {
        let error = rule(&toml).expect_err(&toml).to_string();
        assert!(error.contains(wanted), "{toml}\n{error}");
    }
}

#[test]
fn a_message_that_lacks_something_says_what() {
    let rules = rule(
        "topic = \"a\"\ndataset = \"d\"\nentity = \"{/id}\"\ntime = { at = \"/t\", format = \"unix_s\" }\n\
         values = [{ property = \"p\", unit = \"1\", at = \"/v\" }]",
    )
    .unwrap();
    for (payload, wanted) in [
        (r#"{"t":1795305600,"v":1}"#, "no text or number at `/id`"),
        (r#"{"id":"","t":1795305600,"v":1}"#, "is empty"),
        (r#"{"id":"x","v":1}"#, "no time at `/t`"),
        (r#"{"id":"x","t":1795305600000,"v":1}"#, "between 1973 and 9999"),
        (r#"{"id":"x","t":1795305600}"#, "no value at `/v`"),
        (r#"{"id":"x","t":1795305600,"v":null}"#, "no value at `/v`"),
        (r#"{"id":"x","t":1795305600,"v":true}"#, "is no number"),
        ("{", "no JSON"),
    ] {
        let reason = read(&rules, "a", payload.as_bytes()).unwrap_err();
        assert!(reason.contains(wanted), "{payload}: {reason}");
    }
}

proptest! {
    #[test]
    fn bytes_from_strangers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cbor in any::<bool>()) {
        let payload = if cbor { "cbor" } else { "json" };
        let rules = rule(&format!(
            "topic = \"a\"\npayload = \"{payload}\"\ndataset = \"d\"\nentity = \"x\"\neach = \"\"\ntime = {{ at = \"/0\", format = \"unix_s\" }}\n\
             values = [{{ property = \"p\", unit = \"1\", at = \"/1\" }}]",
        ))
        .unwrap();
        let _ = read(&rules, "a", &bytes);
    }
}
