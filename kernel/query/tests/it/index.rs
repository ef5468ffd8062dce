//! Questions that the index answers, in part or wholly, against brute force: any conjunction of boxes, areas, times and
//! things, on rows in memory and in files; shapes by `geo`.

use std::sync::OnceLock;

use geo::{Contains, Distance, Euclidean, Intersects};
use kernel_model::{Change, EntityDraft, HeightReference, Kind, Place, PositionBatch, PositionFix, SourceKey, TimeUs};
use kernel_query::Limits;
use kernel_store::{Options, Snapshot, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::city::{NEW_YEAR_US, block_on, cells, engine};

const THINGS: u32 = 6;
const ROWS: i64 = 600;

/// One fix as brute force sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) thing: u32,
    pub(crate) minute: i64,
    pub(crate) at: geo::Point,
    pub(crate) height_m: Option<f64>,
}

struct World {
    _dir: TempDir,
    snapshot: Snapshot,
    rows: Vec<Row>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(build)
}

fn key(thing: u32) -> SourceKey {
    SourceKey::new("fleet", format!("van-{thing}").as_str())
}

/// Places on a lattice and between, so that borders are met; half of the rows sealed and compacted, a quarter sealed.
fn build() -> World {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options { seal_rows: usize::MAX, ..Options::default() }).unwrap();
    let mut random = StdRng::seed_from_u64(21);
    let vans = (0..THINGS).map(|thing| {
        let mut van = EntityDraft::new(key(thing), Kind::Vehicle, "van");
        van.height_reference = HeightReference::Ellipsoid;
        Change::Entity(van)
    });
    store.commit(&[vans.collect()]).unwrap();
    let mut rows = Vec::new();
    for quarter in 0..4 {
        for thing in 0..THINGS {
            let fixes = (quarter * ROWS / 4..(quarter + 1) * ROWS / 4).map(|minute| {
                // Some long ago, around the instant from which times are counted.
                let minute = if minute % 50 == 7 { minute - 300 - NEW_YEAR_US / 60_000_000 } else { minute };
                let height_m = match random.random_range(0..10) {
                    0 => None,
                    1..5 => Some(f64::from(random.random_range(-2..12)) * 5.0),
                    _ => Some(random.random_range(-10.0..60.0)),
                };
                let mut degree = |from: f64| match random.random_bool(0.3) {
                    true => from + f64::from(random.random_range(0..11)) / 10.0,
                    false => from + random.random_range(0.0..1.0),
                };
                let at = geo::point!(x: degree(116.0), y: degree(39.0));
                rows.push(Row { thing, minute, at, height_m });
                let place = Place { lon_deg: at.x(), lat_deg: at.y(), height_m };
                let time = TimeUs(NEW_YEAR_US + minute * 60_000_000);
                PositionFix { time, place, heading_deg: None, speed_m_s: None }
            });
            let rows = fixes.collect();
            let batch = PositionBatch { entity: key(thing), height_reference: HeightReference::Ellipsoid, rows };
            store.commit(&[vec![Change::Positions(batch)]]).unwrap();
        }
        match quarter {
            0 | 2 => store.seal().unwrap(),
            1 => store.compact().unwrap(),
            _ => {}
        }
    }
    World { snapshot: store.reader().snapshot(), rows, _dir: dir }
}

fn ask(sql: &str) -> Vec<Vec<String>> {
    let answer =
        block_on(async { engine().query(&world().snapshot, &[], sql, Limits::default()).await?.collect().await });
    cells(&answer.unwrap_or_else(|error| panic!("{sql}: {error}")))
}

fn ids() -> Vec<String> {
    ask("SELECT id FROM entities ORDER BY source_id").into_iter().map(|mut row| row.swap_remove(0)).collect()
}

pub(crate) type Holds = Box<dyn Fn(&Row) -> bool>;

fn polygon(random: &mut StdRng) -> geo::Polygon {
    let (x, y) = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
    let corners = random.random_range(3..9);
    let ring = |size: f64, random: &mut StdRng| -> geo::LineString {
        let angle = |n: i32| std::f64::consts::TAU * f64::from(n) / f64::from(corners);
        let lattice = |value: f64| (value * 10.0).round() / 10.0;
        (0..corners)
            .map(|n| {
                let reach = size * random.random_range(0.6..1.0);
                let (east, north) = (x + reach * angle(n).cos(), y + reach * angle(n).sin());
                if size > 0.3 { (lattice(east), lattice(north)) } else { (east, north) }
            })
            .collect()
    };
    let size = random.random_range(0.05..0.6);
    let outer = ring(size, random);
    let holes = if random.random_bool(0.4) { vec![ring(size * 0.4, random)] } else { Vec::new() };
    geo::Polygon::new(outer, holes)
}

fn wkt(polygon: &geo::Polygon) -> String {
    let ring = |ring: &geo::LineString| {
        let corners: Vec<_> = ring.coords().map(|c| format!("{} {}", c.x, c.y)).collect();
        format!("({})", corners.join(", "))
    };
    let rings: Vec<_> = std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect();
    format!("st_geomfromtext('POLYGON({})')", rings.join(", "))
}

/// A condition in SQL and as brute force; some are of several others.
fn condition(random: &mut StdRng, ids: &[String]) -> (String, Holds) {
    match random.random_range(0..12) {
        0 | 1 => {
            let [(a, a_holds), (b, b_holds)] = [condition(random, ids), condition(random, ids)];
            let (also, also_holds) = simple(random, ids);
            let holds = move |row: &Row| a_holds(row) && also_holds(row) || b_holds(row);
            (format!("(({a}) AND {also} OR {b})"), Box::new(holds))
        }
        2 => {
            let listed: Vec<u32> = (0..random.random_range(1..6)).map(|_| random.random_range(0..THINGS)).collect();
            let mut texts: Vec<String> = listed.iter().map(|thing| format!("'{}'", ids[*thing as usize])).collect();
            texts.push("'no id'".to_owned());
            (format!("entity IN ({})", texts.join(", ")), Box::new(move |row| listed.contains(&row.thing)))
        }
        3 | 4 => crate::conditions::of_height(random),
        5 | 6 => crate::conditions::of_time(random),
        7 => crate::conditions::of_code(random),
        _ => simple(random, ids),
    }
}

fn simple(random: &mut StdRng, ids: &[String]) -> (String, Holds) {
    let axis = random.random_bool(0.5);
    let name = if axis { "lon" } else { "lat" };
    let value = move |row: &Row| if axis { row.at.x() } else { row.at.y() };
    let from = if axis { 116.0 } else { 39.0 };
    let bound = from + f64::from(random.random_range(0..21)) / 20.0;
    let minute = random.random_range(-10..ROWS + 10);
    let time = TimeUs(NEW_YEAR_US + minute * 60_000_000);
    match random.random_range(0..12) {
        0 => (format!("{name} >= {bound}"), Box::new(move |row| value(row) >= bound)),
        1 => (format!("{bound} > {name}"), Box::new(move |row| value(row) < bound)),
        2 => {
            let high = bound + f64::from(random.random_range(0..10)) / 20.0;
            (
                format!("{name} BETWEEN {bound} AND {high}"),
                Box::new(move |row| bound <= value(row) && value(row) <= high),
            )
        }
        3 => (format!("(lon < {} OR lat > {})", bound - from + 116.0, bound - from + 39.0), {
            let (lon, lat) = (bound - from + 116.0, bound - from + 39.0);
            Box::new(move |row| row.at.x() < lon || row.at.y() > lat)
        }),
        4 => (format!("NOT ({name} <= {bound})"), Box::new(move |row| value(row) > bound)),
        5 => (format!("time <= '{time}'"), Box::new(move |row| row.minute <= minute)),
        6 => {
            let last = minute + random.random_range(0..200);
            let until = TimeUs(NEW_YEAR_US + last * 60_000_000);
            (
                format!("time >= '{time}' AND time < '{until}'"),
                Box::new(move |row| (minute..last).contains(&row.minute)),
            )
        }
        7 => {
            let thing = random.random_range(0..THINGS);
            (format!("entity = '{}'", ids[thing as usize]), Box::new(move |row| row.thing == thing))
        }
        8 => {
            let centre = geo::point!(x: 116.0 + random.random_range(0.0..1.0), y: 39.0 + random.random_range(0.0..1.0));
            let within = random.random_range(0.05..0.5);
            let sql = format!("st_dwithin(st_point(lon, lat), st_point({}, {}), {within})", centre.x(), centre.y());
            (sql, Box::new(move |row| Euclidean.distance(row.at, centre) <= within))
        }
        9 => {
            let area = polygon(random);
            (format!("st_within(st_point(lon, lat), {})", wkt(&area)), Box::new(move |row| area.contains(&row.at)))
        }
        10 => {
            let area = polygon(random);
            (
                format!("st_intersects({}, st_point(lon, lat))", wkt(&area)),
                Box::new(move |row| area.intersects(&row.at)),
            )
        }
        _ => {
            let area = polygon(random);
            (
                format!("st_intersects(st_point(lon, lat), {})", wkt(&area)),
                Box::new(move |row| area.intersects(&row.at)),
            )
        }
    }
}

#[test]
fn any_conjunction_gives_what_brute_force_gives() {
    let rows = &world().rows;
    assert_eq!(ask("SELECT count(*) FROM positions")[0][0], rows.len().to_string());
    let ids = ids();
    let mut random = StdRng::seed_from_u64(22);
    let mut found = 0;
    for _ in 0..160 {
        let mut conditions: Vec<_> = (0..random.random_range(1..4)).map(|_| condition(&mut random, &ids)).collect();
        for (sql, _) in &mut conditions {
            if random.random_bool(0.2) {
                *sql = format!("({sql}) IS TRUE");
            }
        }
        let sql = conditions.iter().map(|(sql, _)| sql.as_str()).collect::<Vec<_>>().join(" AND ");
        let holds = |row: &&Row| conditions.iter().all(|(_, holds)| holds(row));
        let mut wanted: Vec<(i64, String)> =
            rows.iter().filter(holds).map(|row| (row.minute, ids[row.thing as usize].clone())).collect();
        wanted.sort();
        let count = ask(&format!("SELECT count(*) FROM positions WHERE {sql}"));
        assert_eq!(count[0][0], wanted.len().to_string(), "{sql}");
        let listed = ask(&format!(
            "SELECT (extract(epoch FROM time) - {}) / 60 AS minute, entity FROM positions WHERE {sql} ORDER BY time, entity",
            NEW_YEAR_US / 1_000_000
        ));
        let listed: Vec<(i64, String)> =
            listed.into_iter().map(|row| (row[0].parse::<f64>().unwrap().round() as i64, row[1].clone())).collect();
        assert_eq!(listed, wanted, "{sql}");
        found += wanted.len();
    }
    assert!(found > 5_000, "the conditions hold too seldom to prove anything: {found}");
}

/// Half of the questions have a condition that only rows answer, some more rows than there are.
#[test]
fn the_nearest_rows_are_those_of_brute_force() {
    let mut random = StdRng::seed_from_u64(8);
    let ids = ids();
    for n in 0..120 {
        let metres = n % 2 == 0;
        let (function, from) = match metres {
            true => ("st_distancespheroid", (116.0 + random.random_range(-0.5..1.5), random.random_range(38.0..41.0))),
            // On the lattice many rows are equally far.
            false => ("st_distance", (116.0 + f64::from(random.random_range(0..11)) / 10.0, 39.5)),
        };
        let conditions: Vec<_> = (0..random.random_range(0..3)).map(|_| condition(&mut random, &ids)).collect();
        let most = if n % 10 == 0 { 5_000 } else { random.random_range(1..40) };
        let distance = format!("{function}(st_point(lon, lat), st_point({}, {}))", from.0, from.1);
        let wheres: Vec<&str> = conditions.iter().map(|(sql, _)| sql.as_str()).chain(["true"]).collect();
        let sql = format!(
            "select d from (select {distance} as d, lon, time from positions where {}) order by d limit {most}",
            wheres.join(" and ")
        );
        let far = |row: &Row| match metres {
            true => spatial_index::distance_m([row.at.x(), row.at.y()], [from.0, from.1]),
            false => Euclidean.distance(row.at, geo::Point::from(from)),
        };
        let meant = world().rows.iter().filter(|row| conditions.iter().all(|(_, holds)| holds(row)));
        let mut wanted: Vec<f64> = meant.map(far).collect();
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(most);
        let found: Vec<f64> = ask(&sql).iter().map(|row| row[0].parse().unwrap()).collect();
        assert_eq!(found.len(), wanted.len(), "{sql}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() <= 1e-6 * wanted.max(1e-3), "{found} for {wanted}: {sql}");
        }
    }
}

#[test]
fn a_radius_in_metres_is_answered_exactly_and_by_the_index() {
    let mut random = StdRng::seed_from_u64(9);
    for _ in 0..40 {
        let (lon, lat) = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
        let metres: f64 = random.random_range(10.0..40_000.0);
        let sql = format!(
            "select count(*) from positions where st_distancespheroid(st_point({lon}, {lat}), st_point(lon, lat)) <= {metres}"
        );
        let near = |row: &&Row| spatial_index::distance_m([lon, lat], [row.at.x(), row.at.y()]) <= metres;
        assert_eq!(ask(&sql)[0][0], world().rows.iter().filter(near).count().to_string(), "{sql}");
        let plan = ask(&format!("explain {sql}")).concat().concat();
        assert!(plan.contains("asked=[area]"), "{plan}");
    }
}

#[test]
fn only_points_have_a_distance_in_metres() {
    let sql = "select st_distancespheroid(st_point(116, 39), st_geomfromtext('LINESTRING(0 0, 1 1)'))";
    let answer =
        block_on(async { engine().query(&world().snapshot, &[], sql, Limits::default()).await?.collect().await });
    let error = answer.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("ST_Point(lon, lat)"), "{error}");
}

/// Far fewer rows are read than there are, whatever the columns and the projections above.
#[test]
fn the_nearest_rows_are_read_alone() {
    let distance = "st_distance(st_point(lon, lat), st_point(116.5, 39.5))";
    for sql in [
        format!("select time from positions order by {distance} limit 3"),
        format!("select {distance} as d, time from positions order by d, time limit 3"),
        format!(
            "select * from (select entity as e, {distance} as d from positions p) q where d >= 0 order by q.d limit 3"
        ),
        format!(
            "select time from positions where lon > 116.2 and speed_m_s is null order by {distance} limit 2 offset 1"
        ),
    ] {
        let plan = ask(&format!("explain {sql}")).concat().concat();
        let read =
            plan.split("rows=").nth(1).and_then(|text| text.split(' ').next()).unwrap().parse::<usize>().unwrap();
        assert!((3..60).contains(&read), "{plan}");
    }
    for sql in [
        format!("select time from positions order by {distance} desc limit 3"),
        format!("select time from positions order by time, {distance} limit 3"),
        format!("select time from positions order by {distance}"),
        "select time from positions order by st_distance(st_point(lat, lon), st_point(116.5, 39.5)) limit 3".to_owned(),
    ] {
        let plan = ask(&format!("explain {sql}")).concat().concat();
        assert!(plan.contains("rows=3600 of 3600"), "{plan}");
    }
}

/// `positions` of the random world, newest first, under any conditions.
#[test]
fn the_newest_rows_are_those_of_brute_force_and_few_are_read() {
    let mut random = StdRng::seed_from_u64(10);
    let ids = ids();
    for n in 0..80 {
        let conditions: Vec<_> = (0..random.random_range(0..3)).map(|_| condition(&mut random, &ids)).collect();
        let most = if n % 10 == 0 { 5_000 } else { random.random_range(1..40) };
        let wheres: Vec<&str> = conditions.iter().map(|(sql, _)| sql.as_str()).chain(["true"]).collect();
        let sql = format!(
            "select (extract(epoch from t) - {}) / 60 from (select time as t, lon from positions where {}) order by t desc, lon limit {most}",
            NEW_YEAR_US / 1_000_000,
            wheres.join(" and ")
        );
        let meant = world().rows.iter().filter(|row| conditions.iter().all(|(_, holds)| holds(row)));
        let mut wanted: Vec<i64> = meant.map(|row| row.minute).collect();
        wanted.sort_unstable_by_key(|minute| -minute);
        wanted.truncate(most);
        let found: Vec<i64> = ask(&sql).iter().map(|row| row[0].parse::<f64>().unwrap().round() as i64).collect();
        assert_eq!(found, wanted, "{sql}");
    }
    let plan = ask("explain select lon from positions where lat > 39.1 order by time desc limit 3").concat().concat();
    let read = plan.split("rows=").nth(1).and_then(|text| text.split(' ').next()).unwrap().parse::<usize>().unwrap();
    assert!((3..100).contains(&read), "{plan}");
}
