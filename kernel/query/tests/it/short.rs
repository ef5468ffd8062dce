//! The short way against the long one: random statements, each asked of an engine that keeps plans and of one that plans every
//! question, must have the same columns, types, rows and errors. Each form is asked several times with other constants.

use std::sync::OnceLock;

use kernel_query::{Answer, Engine, Error, Options};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::city::{LIMITS, block_on, cells, one, snapshot};

fn long() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&Options { threads: 2, kept_plans: 0, ..Options::default() }).unwrap())
}

fn short() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&Options { threads: 2, kept_plans: 300, ..Options::default() }).unwrap())
}

fn ask(engine: &Engine, sql: &str) -> Result<Answer, Error> {
    block_on(async { engine.query(snapshot(), &[], sql, LIMITS).await?.collect().await })
}

/// What `EXPLAIN` says.
fn way(sql: &str) -> String {
    let rows = cells(&ask(short(), &format!("explain {sql}")).unwrap_or_else(|error| panic!("{sql}: {error}")));
    rows.into_iter().find(|row| row[0] == "way").unwrap().swap_remove(1)
}

/// A statement, and the same without its limit.
struct Asked {
    sql: String,
    all: String,
    limited: bool,
    ordered: bool,
}

struct Draw {
    random: StdRng,
    ids: Vec<String>,
}

impl Draw {
    fn one(&mut self, of: &[&str]) -> String {
        (*of.choose(&mut self.random).unwrap()).to_owned()
    }

    fn degrees(&mut self, from: f64) -> String {
        let value = from + self.random.random_range(-0.02..0.12);
        match self.random.random_range(0..12) {
            0 => format!("{}", from as i64),
            1 => format!("'{value:.3}'"),
            2 => self.one(&[
                "-0.0",
                "1e400",
                "-180",
                "null",
                "'east'",
                "18446744073709551615",
                "1.5e2",
                "cast('116.31' as double)",
            ]),
            3 => format!("{value:.2}"),
            _ => format!("{value}"),
        }
    }

    fn point(&mut self) -> String {
        let (lon, lat) = (self.degrees(116.3), self.degrees(39.9));
        match self.random.random_range(0..8) {
            0 => format!("st_geomfromtext('POINT({} 39.93)')", 116.3 + self.random.random_range(0.0..0.1)),
            1 => self.one(&[
                "st_geomfromtext('POINT(116.3')",
                "st_point(116.31)",
                "st_setsrid(st_point(116.3, 39.9), 3857)",
            ]),
            _ => format!("st_point({lon}, {lat})"),
        }
    }

    fn area(&mut self) -> String {
        let (x, y) = (116.3 + self.random.random_range(0.0..0.1), 39.9 + self.random.random_range(0.0..0.05));
        let size = self.random.random_range(0.0..0.05);
        match self.random.random_range(0..8) {
            0 => self.one(&[
                "st_geomfromtext('POLYGON((0 0, 1')",
                "st_geomfromtext(null)",
                "st_geomfromtext('POINT EMPTY')",
            ]),
            _ => format!("st_geomfromtext('POLYGON(({x} {y}, {} {y}, {x} {}, {x} {y}))')", x + size, y + size),
        }
    }

    fn instant(&mut self) -> String {
        let minute = self.random.random_range(0..1_500);
        let text = format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + minute / 1_440, minute / 60 % 24, minute % 60);
        match self.random.random_range(0..8) {
            0 => format!("timestamp '{text}'"),
            1 => format!("cast('{text}' as timestamp)"),
            2 => format!("'{text}'::timestamptz"),
            3 => {
                self.one(&["'yesterday'", "now()", "timestamp '2026-01-01T00:00:00Z' + interval '90 minutes'", "null"])
            }
            _ => format!("'{text}'"),
        }
    }

    fn comparison(&mut self) -> String {
        self.one(&["<", "<=", ">", ">=", "=", "<>"])
    }

    fn predicate(&mut self, table: &str, depth: usize) -> String {
        let compare = self.comparison();
        let place = "st_point(lon, lat)";
        let (thing, time) = if table == "positions" { ("entity", "time") } else { ("id", "phenomenon_time") };
        match self.random.random_range(0..if depth == 0 { 20 } else { 26 }) {
            0..=2 => format!("lon {compare} {}", self.degrees(116.3)),
            3 => format!("{} {compare} lat", self.degrees(39.9)),
            4 | 5 => format!("lon between {} and {}", self.degrees(116.3), self.degrees(116.35)),
            6 => format!("lat not between {} and -{}", self.degrees(39.9), 3),
            7 | 8 => format!("{time} {compare} {}", self.instant()),
            9 => {
                let mut ids = self.ids.clone();
                ids.extend(["no id".to_owned(), String::new(), "it''s".to_owned()]);
                let (a, b) =
                    (ids.choose(&mut self.random).unwrap().clone(), ids.choose(&mut self.random).unwrap().clone());
                self.one(&[
                    &format!("{thing} {compare} '{a}'"),
                    &format!("{thing} in ('{a}', '{b}')"),
                    &format!("upper({thing}) = '{a}'"),
                    &format!("{thing} like '{}%'", a.get(..2).unwrap_or("")),
                ])
            }
            10 if table == "observations" => {
                let n = self.random.random_range(-1..12);
                self.one(&[
                    &format!("datastream {compare} {n}"),
                    &format!("datastream in ({n}, 3)"),
                    &format!("datastream = '{n}'"),
                    &format!("value {compare} {n}.5"),
                    &format!("quality = {n}"),
                    "result_time is null",
                    &format!("value + 1 > {n}"),
                    &format!("cast(value as int) = {n}"),
                ])
            }
            10 => self.one(&[
                "heading_deg is null",
                "heading_deg = 90",
                "speed_m_s > 0",
                "height_m >= 45",
                "seq > 1",
                "not (heading_deg < 3)",
            ]),
            11 | 12 => {
                let name = self.one(&[
                    "st_intersects",
                    "st_within",
                    "st_contains",
                    "st_covers",
                    "st_coveredby",
                    "st_touches",
                    "st_disjoint",
                ]);
                let area = self.area();
                if self.random.random_bool(0.5) {
                    format!("{name}({place}, {area})")
                } else {
                    format!("{name}({area}, {place})")
                }
            }
            13 | 14 => format!(
                "st_distancespheroid({place}, {}) {compare} {}",
                self.point(),
                self.random.random_range(-1.0..5_000.0)
            ),
            15 => format!("st_dwithin({}, {place}, {})", self.point(), self.random.random_range(0.0..0.05)),
            16 => format!("st_distance({place}, {}) {compare} {}", self.point(), self.random.random_range(0.0..0.05)),
            17 => self.one(&[
                "1 = 1",
                "1 > 2",
                "null",
                "true",
                "lon = lon",
                "'a' = 'b'",
                "1 + 1 = 2",
                "1 / 0 = 1",
                "nothing = 1",
            ]),
            18 => format!("abs(lat - {}) < {}", self.degrees(39.9), 0.01),
            19 => format!("lon + {} > {}", self.random.random_range(0.0..1.0), self.degrees(116.3)),
            20 => format!("not ({})", self.predicate(table, depth - 1)),
            21 => format!("({}) is true", self.predicate(table, depth - 1)),
            22 => format!(
                "({}) {}",
                self.predicate(table, depth - 1),
                self.one(&["is not true", "is false", "is not null", "is unknown"])
            ),
            23 => format!("({} or {})", self.predicate(table, depth - 1), self.predicate(table, depth - 1)),
            _ => format!("{} and {}", self.predicate(table, depth - 1), self.predicate(table, depth - 1)),
        }
    }

    fn statement(&mut self) -> Asked {
        let table = self.one(&["positions", "observations"]);
        let (thing, time) = if table == "positions" { ("entity", "time") } else { ("datastream", "phenomenon_time") };
        let from = match self.random.random_range(0..6) {
            0 => format!("\"{table}\""),
            1 => format!("urbis.city.{table}"),
            2 => format!("{} t", table.to_uppercase()),
            3 => format!("city.{table} AS \"T 1\""),
            _ => table.clone(),
        };
        let mut condition = self.predicate(&table, 2);
        while self.random.random_bool(0.4) {
            condition = format!("{condition} AND {}", self.predicate(&table, 1));
        }
        let condition = if self.random.random_bool(0.95) { format!(" WHERE {condition}") } else { String::new() };
        let key = match self.random.random_range(0..6) {
            0 => format!("st_distancespheroid(st_point(lon, lat), {})", self.point()),
            1 => format!("st_distance({}, st_point(lon, lat))", self.point()),
            2 => time.to_owned(),
            3 => "lon".to_owned(),
            _ => String::new(),
        };
        let limited = self.random.random_bool(0.4);
        let limit = if limited {
            self.one(&[" LIMIT 5", " LIMIT 0", " LIMIT 3 OFFSET 2", " LIMIT 100"])
        } else {
            String::new()
        };
        if !key.is_empty() {
            let direction = self.one(&["", " DESC", " NULLS FIRST"]);
            let by = self.one(&["k", &key]);
            let all = format!("SELECT {key} AS k, {thing} FROM {from}{condition} ORDER BY {by}{direction}");
            return Asked { sql: format!("{all}{limit}"), all, limited, ordered: true };
        }
        let columns = match self.random.random_range(0..12) {
            0 => "*".to_owned(),
            1..=3 => "count(*)".to_owned(),
            4 => "count(*) AS \"How many\"".to_owned(),
            5 => format!("{thing} AS a, lon AS \"Lon\", 'x' AS word, seq"),
            6 => format!("st_distance(st_point(lon, lat), {}) AS far, {time}", self.point()),
            7 => format!("st_distance(st_point(lon, lat), {}), 7", self.point()),
            8 => self.one(&[
                "count(lon)",
                "max(lat)",
                "count(1), count(*)",
                "distinct lat",
                "lon * 2 AS twice, round(lat, 1) AS r",
            ]),
            9 => format!("lon > {} AS east, st_point(lon, lat) AS place", self.degrees(116.3)),
            _ => format!("{thing}, {time}, lat, lon"),
        };
        let all = format!("SELECT {columns} FROM {from}{condition}");
        Asked { sql: format!("{all}{limit}"), all, limited, ordered: false }
    }
}

fn check(asked: &Asked) -> bool {
    let (expected, found) = (ask(long(), &asked.sql), ask(short(), &asked.sql));
    let sql = &asked.sql;
    let (expected, found) = match (expected, found) {
        (Ok(expected), Ok(found)) => (expected, found),
        (expected, found) => {
            assert_eq!(expected.err(), found.err(), "{sql}");
            return false;
        }
    };
    assert_eq!(expected.schema, found.schema, "{sql}");
    let (mut expected, mut found) = (cells(&expected), cells(&found));
    if asked.ordered {
        let keys = |rows: &[Vec<String>]| rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>();
        assert_eq!(keys(&expected), keys(&found), "{sql}");
    }
    if asked.limited {
        // Which rows of equal right come is not said.
        assert_eq!(expected.len(), found.len(), "{sql}");
        let Ok(all) = ask(long(), &asked.all) else { return false };
        expected = cells(&all);
        for row in found {
            let at = expected.iter().position(|other| *other == row);
            expected.swap_remove(at.unwrap_or_else(|| panic!("{sql}: {row:?} is no row of it")));
        }
    } else {
        expected.sort();
        found.sort();
        assert_eq!(expected, found, "{sql}");
    }
    true
}

/// Each form is asked four times: the second time it is planned for all, from then on only its constants are put in.
#[test]
fn both_ways_give_the_same() {
    let ids: Vec<String> = (0..3).map(|n| one(&format!("select id from entities where source_id = 'v-{n}'"))).collect();
    let (mut answered, mut went_short) = (0, 0);
    for seed in 0..120 {
        let mut draw = Draw { random: StdRng::seed_from_u64(seed), ids: ids.clone() };
        let asked = draw.statement();
        let whole = (0..4).filter(|by| check(&varied(&asked, by * 3))).count() == 4;
        if whole {
            answered += 1;
            went_short += u32::from(way(&asked.sql).starts_with("short"));
        }
    }
    assert!(went_short * 3 > answered && answered > 60, "{went_short} of {answered}");
}

/// The same statement with other digits in its numbers, equal ones of equal ones.
fn varied(asked: &Asked, by: u32) -> Asked {
    let change = |sql: &str| -> String {
        let mut tail = false;
        let turned = |c: char| c.to_digit(10).and_then(|digit| char::from_digit((digit + by) % 10, 10));
        sql.chars()
            .map(|c| {
                // Only digits behind a point, so that most constants stay in the city.
                tail = c == '.' || (tail && c.is_ascii_digit());
                if tail { turned(c).unwrap_or(c) } else { c }
            })
            .collect()
    };
    Asked { sql: change(&asked.sql), all: change(&asked.all), ..*asked }
}

#[test]
fn an_explanation_says_the_way() {
    for (sql, word) in [
        ("select count(*) from observations where lon between 116.3 and 116.4", "short"),
        ("select id, value from observations where phenomenon_time > '2026-01-01T00:00:00Z' and value > 3", "short"),
        (
            "select entity from positions order by st_distance(st_point(lon, lat), st_point(116.3, 39.9)) limit 3",
            "short",
        ),
        ("select * from positions where st_dwithin(st_point(lon, lat), st_point(116.3, 39.9), 0.01)", "short"),
        (
            "select id, geometry from entities where st_intersects(geometry, st_geomfromtext('POINT(116.3 39.9)'))",
            "short",
        ),
        ("select max(value) from observations", "long"),
        ("select id from observations where phenomenon_time > now()", "long"),
        ("select e.id from entities e join observations o on e.id = o.id", "long"),
        ("select * from positions_as_of('2026-01-01T00:00:00Z')", "long"),
    ] {
        assert!(way(sql).starts_with(word), "{sql}: {}", way(sql));
    }
}

/// A form is known from its second statement on; what is written between is seen.
#[test]
fn the_short_way_sees_the_snapshot_it_is_asked_of() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = kernel_store::Store::open(dir.path(), kernel_store::Options::default()).unwrap();
    let engine = Engine::new(&Options { threads: 1, ..Options::default() }).unwrap();
    for count in 0..6 {
        let snapshot = store.reader().snapshot();
        let sql = format!("select count(*) from entities where kind = 'vehicle' and source_id <> '{count}'");
        let answer = block_on(async { engine.query(&snapshot, &[], &sql, LIMITS).await?.collect().await }).unwrap();
        assert_eq!(cells(&answer), [[count.to_string()]]);
        let key = kernel_model::SourceKey::new("fleet", format!("van-{count}").as_str());
        let van = kernel_model::EntityDraft::new(key, kernel_model::Kind::Vehicle, "van");
        store.commit(&[vec![kernel_model::Change::Entity(van)]]).unwrap();
    }
}
