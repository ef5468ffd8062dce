//! Conditions on heights, times and codes in the forms people write, each with what brute force makes of it.

use coding_system::{AnyCell, Position, Scheme, encode};
use kernel_model::TimeUs;
use rand::Rng;
use rand::rngs::StdRng;

use crate::city::NEW_YEAR_US;
use crate::index::{Holds, Row};

pub(crate) fn of_height(random: &mut StdRng) -> (String, Holds) {
    let (low, high) = (f64::from(random.random_range(-3..13)) * 5.0, f64::from(random.random_range(0..14)) * 5.0);
    let of = move |holds: fn(f64, f64, f64) -> bool| -> Holds {
        Box::new(move |row| row.height_m.is_some_and(|height| holds(height, low, high)))
    };
    match random.random_range(0..6) {
        0 => (format!("height_m > {low}"), of(|height, low, _| height > low)),
        1 => (format!("{high} >= height_m"), of(|height, _, high| height <= high)),
        2 => (format!("height_m BETWEEN {low} AND {high}"), of(|height, low, high| low <= height && height <= high)),
        3 => (format!("height_m = {low}"), of(|height, low, _| height == low)),
        4 => ("height_m IS NOT NULL".to_owned(), of(|_, _, _| true)),
        _ => (
            format!("lon > 116.2 AND lon < 116.9 AND {low} <= height_m AND height_m < {}", low as i64 + 20),
            Box::new(move |row| {
                let lon = row.at.x();
                116.2 < lon && lon < 116.9 && row.height_m.is_some_and(|height| low <= height && height < low + 20.0)
            }),
        ),
    }
}

fn us(row: &Row) -> i64 {
    NEW_YEAR_US + row.minute * 60_000_000
}

/// An instant cut to steps since 1970.
fn cut(us: i64, step_us: i64) -> i64 {
    us.div_euclid(step_us) * step_us
}

type Compares = fn(i64, i64) -> bool;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(crate) fn of_time(random: &mut StdRng) -> (String, Holds) {
    let long_ago = random.random_bool(0.2);
    let mut at = random.random_range(-30..640) * MINUTE + if long_ago { -5 * HOUR } else { NEW_YEAR_US };
    at += [0, 0, 0, 1, -1_000][random.random_range(0..5)];
    if random.random_bool(0.3) {
        at = cut(at, HOUR);
    }
    let operators: [(&str, Compares); 5] =
        [("=", |a, b| a == b), ("<", |a, b| a < b), ("<=", |a, b| a <= b), (">", |a, b| a > b), (">=", |a, b| a >= b)];
    let (op, holds) = operators[random.random_range(0..operators.len())];
    let text = TimeUs(at).to_string();
    let date = cut(at, DAY);
    let month = |us: i64| TimeUs::parse(&format!("{}-01T00:00:00Z", &TimeUs(us).to_string()[..7])).unwrap().0;
    let (sql, left, right): (String, Box<dyn Fn(i64) -> i64>, i64) = match random.random_range(0..12) {
        0 => (format!("time {op} '{text}'"), Box::new(|us| us), at),
        1 => (format!("time {op} to_timestamp_millis({})", at.div_euclid(1_000)), Box::new(|us| us), cut(at, 1_000)),
        2 => (
            format!("time {op} arrow_cast({}, 'Timestamp(Nanosecond, Some(\"+00:00\"))')", at * 1_000),
            Box::new(|us| us),
            at,
        ),
        3 => (format!("time + INTERVAL '90 minutes' {op} '{text}'"), Box::new(|us| us + 90 * MINUTE), at),
        4 => (format!("time {op} TIMESTAMP '{text}' - INTERVAL '1 hour'"), Box::new(|us| us), at - HOUR),
        5 => (format!("date_trunc('hour', time) {op} '{text}'"), Box::new(|us| cut(us, HOUR)), at),
        6 => (format!("date_trunc('day', time) {op} '{text}'"), Box::new(|us| cut(us, DAY)), at),
        7 => (format!("date_trunc('month', time) {op} '{text}'"), Box::new(month), at),
        8 => (format!("date_bin(INTERVAL '15 minutes', time) {op} '{text}'"), Box::new(|us| cut(us, 15 * MINUTE)), at),
        9 => (
            format!("date_bin(INTERVAL '40 minutes', time, TIMESTAMP '2026-01-01T00:07:00Z') {op} '{text}'"),
            Box::new(|us| cut(us - NEW_YEAR_US - 7 * MINUTE, 40 * MINUTE) + NEW_YEAR_US + 7 * MINUTE),
            at,
        ),
        10 => (
            format!("CAST(time AS DATE) {op} DATE '{}'", &TimeUs(date).to_string()[..10]),
            Box::new(|us| cut(us, DAY)),
            date,
        ),
        _ => (
            format!("arrow_cast(time, 'Timestamp(Second, Some(\"+00:00\"))') {op} '{}'", TimeUs(cut(at, MINUTE))),
            Box::new(|us| us),
            cut(at, MINUTE),
        ),
    };
    (sql, Box::new(move |row| holds(left(us(row)), right)))
}

pub(crate) fn of_code(random: &mut StdRng) -> (String, Holds) {
    let place = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
    let height = random.random_range(-10.0..60.0);
    let code = move |scheme, level, (lon, lat): (f64, f64), height: Option<f64>| {
        encode(scheme, level, &Position::new(lon, lat, height).unwrap(), None).unwrap()
    };
    let of_row = move |row: &Row, scheme, level| code(scheme, level, (row.at.x(), row.at.y()), None);
    match random.random_range(0..6) {
        0 => {
            let cell = code(Scheme::BeiDou, 3, place, None);
            (
                format!("code_beidou(lon, lat, 3) = '{cell}'"),
                Box::new(move |row| of_row(row, Scheme::BeiDou, 3) == cell),
            )
        }
        1 => {
            let cell = code(Scheme::BeiDou, 2, place, None);
            let sql = format!("code_contains('{cell}', code_beidou(lon, lat, 5))");
            (sql, Box::new(move |row| of_row(row, Scheme::BeiDou, 2) == cell))
        }
        2 => {
            let cell = code(Scheme::GeoSot, 11, place, None);
            let sql = format!("code_contains('{cell}', lon, lat)");
            (sql, Box::new(move |row| of_row(row, Scheme::GeoSot, 11) == cell))
        }
        3 => {
            let cells = [code(Scheme::H3, 4, place, None), code(Scheme::H3, 4, (116.5, 39.5), None)];
            let sql = format!("code_h3(lon, lat, 4) IN ('{}', '{}')", cells[0], cells[1]);
            (sql, Box::new(move |row| cells.contains(&of_row(row, Scheme::H3, 4))))
        }
        4 => {
            let cell = AnyCell::parse(&code(Scheme::H3, 3, place, None)).unwrap();
            let sql = format!("code_parent(code_h3(lon, lat, 7), 3) = '{}'", cell.text());
            let below = move |row: &Row| AnyCell::parse(&of_row(row, Scheme::H3, 7)).unwrap();
            (sql, Box::new(move |row| cell.contains(&below(row)).unwrap()))
        }
        _ => {
            let cell = code(Scheme::GeoSot, 10, place, Some(height));
            let form = match random.random_bool(0.5) {
                true => format!("code_contains('{cell}', lon, lat, height_m)"),
                false => format!("code_geosot3d(lon, lat, height_m, 10) = '{cell}'"),
            };
            let at = move |row: &Row| {
                row.height_m.map(|height| code(Scheme::GeoSot, 10, (row.at.x(), row.at.y()), Some(height)))
            };
            (form, Box::new(move |row| at(row).as_ref() == Some(&cell)))
        }
    }
}
