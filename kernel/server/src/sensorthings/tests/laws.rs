//! Laws: a filter gives the rows that the same question in Rust gives, whatever of it the index answers; pages together are the
//! collection, every entity once, also while somebody writes.

use std::fmt::Write;
use std::time::Duration;

use kernel_model::{Change, Observation, ObservationBatch, Quality, SourceKey, TimeUs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::support::{Service, city};

/// A row as the test knows it.
#[derive(Debug, Clone, Copy)]
struct Row {
    datastream: u64,
    second: i64,
    result: Option<f64>,
}

/// A question, as text and as a function of a row.
enum Ask {
    Result(&'static str, f64),
    Scaled(f64, f64, &'static str, f64),
    Time(&'static str, i64),
    Stream(&'static str, u64),
    Property(&'static str),
    Second(i64),
    Unknown(bool),
    Not(Box<Ask>),
    And(Box<Ask>, Box<Ask>),
    Or(Box<Ask>, Box<Ask>),
}

const SIGNS: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

fn compares<T: PartialOrd>(a: &T, sign: &str, b: &T) -> bool {
    match sign {
        "eq" => a == b,
        "ne" => a != b,
        "lt" => a < b,
        "le" => a <= b,
        "gt" => a > b,
        _ => a >= b,
    }
}

impl Ask {
    fn random(random: &mut StdRng, depth: usize) -> Self {
        let sign = SIGNS[random.random_range(0..6)];
        let value = f64::from(random.random_range(-6..30)) / 2.0;
        let inner = |random: &mut StdRng| Box::new(Self::random(random, depth - 1));
        match random.random_range(0..if depth == 0 { 7 } else { 12 }) {
            0 => Self::Result(sign, value),
            1 => {
                Self::Scaled(f64::from(random.random_range(-3..4)), value, sign, f64::from(random.random_range(-9..30)))
            }
            2 => Self::Time(sign, random.random_range(-2..45)),
            3 => Self::Stream(sign, random.random_range(0..6)),
            4 => Self::Property(["humidity", "temperature", "nothing"][random.random_range(0..3)]),
            5 => Self::Second(random.random_range(0..60)),
            6 => Self::Unknown(random.random()),
            7 | 8 => Self::Not(inner(random)),
            9 | 10 => Self::And(inner(random), inner(random)),
            _ => Self::Or(inner(random), inner(random)),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Result(sign, value) => format!("result {sign} {value}"),
            Self::Scaled(by, plus, sign, value) => format!("{value} {sign} result mul {by} add {plus}"),
            Self::Time(sign, second) => format!("phenomenonTime {sign} {}", TimeUs(second * 1_000_000)),
            Self::Stream(sign, number) => format!("Datastream/id {sign} {number}"),
            Self::Property(name) => format!("Datastream/ObservedProperty/name eq '{name}'"),
            Self::Second(second) => format!("second(phenomenonTime) eq {second}"),
            Self::Unknown(is) => format!("result {} null", if *is { "eq" } else { "ne" }),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(a, b) => format!("({}) and ({})", a.text(), b.text()),
            Self::Or(a, b) => format!("({} or {})", a.text(), b.text()),
        }
    }

    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Result(sign, value) => row.result.map_or(*sign == "ne", |result| compares(&result, sign, value)),
            Self::Scaled(by, plus, sign, value) => {
                row.result.map_or(*sign == "ne", |result| compares(value, sign, &(result * by + plus)))
            }
            Self::Time(sign, second) => compares(&row.second, sign, second),
            Self::Stream(sign, number) => compares(&row.datastream, sign, number),
            Self::Property(name) => {
                (row.datastream % 2 == 1 && *name == "temperature")
                    || (row.datastream.is_multiple_of(2) && *name == "humidity")
            }
            Self::Second(second) => row.second.rem_euclid(60) == *second,
            Self::Unknown(is) => row.result.is_none() == *is,
            Self::Not(inner) => !inner.holds(row),
            Self::And(a, b) => a.holds(row) && b.holds(row),
            Self::Or(a, b) => a.holds(row) || b.holds(row),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_gives_what_the_same_question_in_rust_gives() {
    let service = Service::start().await;
    city(&service, 0).await;
    let mut random = StdRng::seed_from_u64(11);
    let sources = ["mast-a/temperature", "mast-a/humidity", "mast-b/temperature", "mast-b/humidity"];
    let (mut rows, mut changes) = (Vec::new(), Vec::new());
    for (datastream, source) in (1..).zip(sources) {
        let mut batch = ObservationBatch {
            datastream: SourceKey::new("test", source),
            unit: None,
            rows: Vec::new(),
            places: Vec::new(),
        };
        for second in 0..40 {
            let missing = random.random_ratio(1, 8);
            let value = f64::from(random.random_range(-6..30)) / 2.0;
            let quality = if missing { Quality::Missing } else { Quality::Good };
            batch.rows.push(Observation {
                phenomenon_time: TimeUs(second * 1_000_000),
                result_time: None,
                value,
                quality,
            });
            rows.push(Row { datastream, second, result: (!missing).then_some(value) });
        }
        changes.push(Change::Observations(batch));
    }
    service.commit(changes).await;
    for case in 0..150 {
        let ask = Ask::random(&mut random, 3);
        let question = format!(
            "$filter={}&$top=1000&$count=true&$select=phenomenonTime,result&$expand=Datastream($select=id)",
            ask.text()
        );
        let page = service.get(&format!("Observations?{question}")).await;
        let mut found: Vec<_> = page["value"].as_array().unwrap().iter().map(shown).collect();
        let mut wanted: Vec<_> = rows
            .iter()
            .filter(|row| ask.holds(row))
            .map(|row| {
                let result = row.result.map_or(Value::Null, |result| {
                    if result.fract() == 0.0 { (result as i64).into() } else { result.into() }
                });
                (row.datastream, TimeUs(row.second * 1_000_000).to_string(), result.to_string())
            })
            .collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "case {case}: {}", ask.text());
        assert_eq!(page["@iot.count"].as_u64(), Some(wanted.len() as u64), "case {case}: {}", ask.text());
    }
}

fn shown(entity: &Value) -> (u64, String, String) {
    let time = entity["phenomenonTime"].as_str().unwrap().to_owned();
    (entity["Datastream"]["@iot.id"].as_u64().unwrap(), time, entity["result"].to_string())
}

/// Whoever follows the pages while readings and things come sees all that was there, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_hold_beside_a_writer() {
    let service = Service::start().await;
    city(&service, 300).await;
    let writer = tokio::spawn({
        let state = service.state.clone();
        async move {
            for n in 0..400_i64 {
                let row = Observation {
                    phenomenon_time: TimeUs((n * 7 % 500) * 1_000_000 + 1),
                    result_time: None,
                    value: -1.0,
                    quality: Quality::Good,
                };
                let mut thing = kernel_model::EntityDraft::new(
                    SourceKey::new("test", format!("new-{n}")),
                    kernel_model::Kind::Poi,
                    "new",
                );
                let mut name = String::new();
                write!(name, "new {n}").unwrap();
                thing.name = Some(name);
                let batch = ObservationBatch {
                    datastream: SourceKey::new("test", "mast-a/temperature"),
                    unit: None,
                    rows: vec![row],
                    places: Vec::new(),
                };
                state.ingest.commit(vec![Change::Observations(batch), Change::Entity(thing)]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    for order in ["", "&$orderby=phenomenonTime asc", "&$orderby=result,phenomenonTime desc", "&$orderby=id desc"] {
        let (mut next, mut seen) = (format!("Datastreams(1)/Observations?$top=17{order}"), Vec::new());
        loop {
            let page = service.get(&next).await;
            seen.extend(
                page["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|entity| (entity["@iot.id"].to_string(), entity["result"].as_f64())),
            );
            match page["@iot.nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => break,
            }
        }
        let mut ids: Vec<_> = seen.iter().map(|(id, _)| id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), seen.len(), "{order}: each once");
        assert_eq!(
            seen.iter().filter(|(_, result)| *result > Some(0.0)).count(),
            300,
            "{order}: what was there is there"
        );
    }
    let (mut next, mut names) = ("Things?$top=3".to_owned(), Vec::new());
    loop {
        let page = service.get(&next).await;
        names
            .extend(page["value"].as_array().unwrap().iter().map(|entity| entity["name"].as_str().unwrap().to_owned()));
        match page["@iot.nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
    }
    assert!(
        ["mast-a", "mast-b", "vehicle bus"].iter().all(|name| names.iter().filter(|other| other == name).count() == 1)
    );
    writer.await.unwrap();
}
