//! The latest values in SQL: those that the store's present city had at the moment of each snapshot, however old the snapshot
//! is by now, one by one and all together, also by what was known then.

use std::collections::BTreeMap;

use kernel_model::{
    Change, Coord, DatastreamDraft, DatastreamId, EntityDraft, Geometry, HeightReference, Kind, Observation,
    ObservationBatch, Place, PositionBatch, PositionFix, Quality, Shape, SourceKey, TimeUs,
};
use kernel_query::Limits;
use kernel_store::{Options, Snapshot, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::city::{NEW_YEAR_US, block_on, cells, engine};

const SERIES: u64 = 7;

fn ask(snapshot: &Snapshot, sql: &str) -> Vec<Vec<String>> {
    let answer = block_on(async { engine().query(snapshot, &[], sql, Limits::default()).await?.collect().await });
    cells(&answer.unwrap_or_else(|error| panic!("{sql}: {error}")))
}

fn key(id: &str, n: u64) -> SourceKey {
    SourceKey::new("yard", format!("{id}-{n}").as_str())
}

/// Things with a datastream each; the last ones never say anything.
fn declare(store: &mut Store) {
    let mut changes = Vec::new();
    for n in 1..=SERIES + 2 {
        let mut thing = EntityDraft::new(key("van", n), Kind::Vehicle, "van");
        thing.name = Some(format!("Van {n}"));
        thing.height_reference = HeightReference::Ellipsoid;
        thing.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.0 + n as f64, 39.0, 0.0))));
        changes.push(Change::Entity(thing));
        changes.push(Change::Datastream(DatastreamDraft {
            source: key("speed", n),
            entity: key("van", n),
            property: "speed".to_owned(),
            unit: "m/s".to_owned(),
            name: format!("Speed {n}"),
        }));
    }
    store.commit(&[changes]).unwrap();
}

fn random_changes(random: &mut SmallRng, commit: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    // Each once: of one commit and one instant either stands.
    let first = random.random_range(1..=SERIES);
    for n in (first..).take(random.random_range(1..4)).map(|n| n % SERIES + 1) {
        // Mostly newer than all before, often older, sometimes of an instant that was told before.
        let minute = match random.random_range(0..4) {
            0 => random.random_range(0..commit + 1),
            _ => commit + random.random_range(0..3),
        };
        let time = TimeUs(NEW_YEAR_US + minute * 60_000_000);
        let place = Place { lon_deg: 116.0 + random.random_range(0.0..1.0), lat_deg: 39.0, height_m: Some(4.0) };
        let value = f64::from(random.random_range(0..1_000_000));
        let rows = vec![Observation { phenomenon_time: time, result_time: None, value, quality: Quality::Good }];
        let places = vec![place];
        changes.push(Change::Observations(ObservationBatch { datastream: key("speed", n), unit: None, rows, places }));
        let rows = vec![PositionFix { time, place, heading_deg: None, speed_m_s: None }];
        let height_reference = HeightReference::Ellipsoid;
        changes.push(Change::Positions(PositionBatch { entity: key("van", n), height_reference, rows }));
    }
    changes
}

/// What the present city says: time and value of each datastream, time and longitude of each thing by its name.
type Present = (BTreeMap<String, (i64, f64)>, BTreeMap<String, (i64, f64)>);

fn present(store: &Store) -> Present {
    let (reader, mut values) = (store.reader(), Present::default());
    let live = reader.live();
    for n in 1..=SERIES + 2 {
        let reading = live.reading(DatastreamId(n)).map(|reading| (reading.phenomenon_time.0, reading.value));
        values.0.extend(reading.map(|reading| (n.to_string(), reading)));
    }
    for thing in live.entities() {
        let fix = live.fix(&thing.id).map(|fix| (fix.time.0, fix.place.lon_deg));
        values.1.extend(fix.map(|fix| (thing.name.clone().unwrap(), fix)));
    }
    values
}

fn told(rows: Vec<Vec<String>>) -> BTreeMap<String, (i64, f64)> {
    rows.into_iter().map(|row| (row[0].clone(), (row[1].parse().unwrap(), row[2].parse().unwrap()))).collect()
}

const READINGS: &str = "cast(datastream as varchar), arrow_cast(phenomenon_time, 'Int64'), value";
const FIXES: &str = "entity_name, arrow_cast(time, 'Int64'), lon";

#[test]
fn every_snapshot_has_the_latest_values_of_its_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options { seal_rows: usize::MAX, ..Options::default() }).unwrap();
    declare(&mut store);
    let mut random = SmallRng::seed_from_u64(31);
    let mut moments: Vec<(Snapshot, Present, TimeUs)> = Vec::new();
    for commit in 0..60 {
        store.commit(&[random_changes(&mut random, commit)]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        moments.push((store.reader().snapshot(), present(&store), TimeUs::now()));
        match commit % 20 {
            8 | 15 => store.seal().unwrap(),
            18 => store.compact().unwrap(),
            19 => {
                drop(store);
                store = Store::open(dir.path(), Options { seal_rows: usize::MAX, ..Options::default() }).unwrap().0;
                moments.push((store.reader().snapshot(), present(&store), TimeUs::now()));
            }
            _ => {}
        }
    }
    let last = store.reader().snapshot();
    for (n, (snapshot, (readings, fixes), at)) in moments.iter().enumerate() {
        assert_eq!(&told(ask(snapshot, &format!("SELECT {READINGS} FROM latest_observations"))), readings, "{n}");
        assert_eq!(&told(ask(snapshot, &format!("SELECT {FIXES} FROM latest_positions"))), fixes, "{n}");
        let one = n as u64 % (SERIES + 2) + 1;
        let sql = format!("SELECT {READINGS} FROM latest_observations WHERE datastream = {one}");
        let wanted = readings.get(&one.to_string()).map(|reading| (one.to_string(), *reading));
        assert_eq!(told(ask(snapshot, &sql)), wanted.into_iter().collect(), "{n}");
        let name = format!("Van {one}");
        let id = ask(snapshot, &format!("SELECT id FROM entities WHERE name = '{name}'")).concat().concat();
        let sql = format!("SELECT {FIXES} FROM latest_positions WHERE entity = '{id}'");
        let wanted = fixes.get(&name).map(|fix| (name.clone(), *fix));
        assert_eq!(told(ask(snapshot, &sql)), wanted.into_iter().collect(), "{n}");
        let from = 116.0 + f64::from(n as u32 % 7) / 10.0;
        let to = from + 0.1 + f64::from(n as u32 % 5) / 10.0;
        let within = format!(
            "SELECT {FIXES} FROM latest_positions WHERE ST_Intersects(ST_Point(lon, lat), \
            ST_GeomFromText('POLYGON(({from} 38, {to} 38, {to} 40, {from} 40, {from} 38))')) AND entity_name <> 'Van 2'"
        );
        let inside = |(name, (_, lon)): &(&String, &(i64, f64))| (from..=to).contains(lon) && *name != "Van 2";
        let wanted: BTreeMap<_, _> = fixes.iter().filter(inside).map(|(name, fix)| (name.clone(), *fix)).collect();
        assert_eq!(told(ask(snapshot, &within)), wanted, "{n}");
        let near = |lon: f64| (lon - from).abs();
        let nearest = format!(
            "SELECT {FIXES} FROM latest_positions ORDER BY ST_Distance(ST_Point(lon, lat), ST_Point({from}, 39)) LIMIT 3"
        );
        let mut wanted: Vec<_> = fixes.iter().map(|(name, fix)| (name.clone(), *fix)).collect();
        wanted.sort_by(|a, b| near(a.1.1).total_cmp(&near(b.1.1)));
        wanted.truncate(3);
        assert_eq!(told(ask(snapshot, &nearest)), wanted.into_iter().collect(), "{n}");
        // Of one instant any may stand first: the instants are what is certain.
        let newest = format!("SELECT {FIXES} FROM latest_positions ORDER BY time DESC LIMIT 3");
        let mut found: Vec<i64> = told(ask(snapshot, &newest)).values().map(|fix| fix.0).collect();
        let mut wanted: Vec<i64> = fixes.values().map(|fix| fix.0).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        wanted.sort_unstable_by(|a, b| b.cmp(a));
        wanted.truncate(3);
        assert_eq!(found, wanted, "{n}");
        if n % 7 == 0 {
            let then = last.known_at(*at);
            let inside = |(_, (_, lon)): &(&String, &(i64, f64))| (from..=to).contains(lon);
            let wanted: BTreeMap<_, _> = fixes.iter().filter(inside).map(|(name, fix)| (name.clone(), *fix)).collect();
            let within = format!("SELECT {FIXES} FROM latest_positions WHERE lon BETWEEN {from} AND {to}");
            assert_eq!(told(ask(&then, &within)), wanted, "{n}");
            assert_eq!(&told(ask(&then, &format!("SELECT {READINGS} FROM latest_observations"))), readings, "{n}");
            assert_eq!(&told(ask(&then, &format!("SELECT {FIXES} FROM latest_positions"))), fixes, "{n}");
        }
    }
}

#[test]
fn a_latest_value_stands_beside_what_it_is_of() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    declare(&mut store);
    let mut random = SmallRng::seed_from_u64(32);
    for commit in 0..40 {
        store.commit(&[random_changes(&mut random, commit)]).unwrap();
    }
    let snapshot = store.reader().snapshot();
    let columns = "datastream, entity_name, property, unit, name, lon, lat";
    let all = ask(&snapshot, &format!("SELECT {columns} FROM latest_observations ORDER BY datastream"));
    let wanted = (1..=SERIES).map(|n| {
        let row = [n.to_string(), format!("Van {n}"), "speed".into(), "m/s".into(), format!("Speed {n}")];
        row.into_iter().chain([format!("{}.0", 116 + n), "39.0".to_owned()]).collect()
    });
    assert_eq!(all, wanted.collect::<Vec<Vec<_>>>());
    let id = ask(&snapshot, "SELECT id FROM entities WHERE name = 'Van 3'").concat().concat();
    for condition in [format!("entity = '{id}'"), "datastream = 3".to_owned(), "datastream IN (3)".to_owned()] {
        let sql = format!("SELECT {columns} FROM latest_observations WHERE {condition}");
        assert_eq!(ask(&snapshot, &sql), [all[2].clone()], "{condition}");
        let plan = ask(&snapshot, &format!("EXPLAIN {sql}")).concat().concat();
        assert!(plan.contains("rows=1 of"), "{plan}");
    }
    let some =
        "SELECT datastream FROM latest_observations WHERE datastream IN (1, 2, 4, 5, 99) AND value >= 0 ORDER BY 1";
    assert_eq!(ask(&snapshot, some).concat(), ["1", "2", "4", "5"]);
    assert_eq!(ask(&snapshot, "SELECT entity FROM latest_positions WHERE entity = 'no id'").len(), 0);
    let joined = "SELECT count(*) FROM latest_positions p JOIN latest_observations o ON o.entity = p.entity";
    assert_eq!(ask(&snapshot, joined), [[SERIES.to_string()]]);
}

/// What is near a place now is asked often: the index finds it, and a form that was planned is not planned again.
#[test]
fn what_moves_near_a_place_is_found_the_short_way() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options { seal_rows: usize::MAX, ..Options::default() }).unwrap();
    declare(&mut store);
    let (mut random, engine) = (SmallRng::seed_from_u64(33), engine());
    let answer = |snapshot: &Snapshot, sql: &str| {
        cells(&block_on(async { engine.query(snapshot, &[], sql, Limits::default()).await?.collect().await }).unwrap())
    };
    for commit in 0..40 {
        store.commit(&[random_changes(&mut random, commit)]).unwrap();
        if commit % 13 == 12 {
            store.seal().unwrap();
        }
        let (snapshot, (_, fixes)) = (store.reader().snapshot(), present(&store));
        let (lon, metres) = (116.0 + random.random_range(0.0..1.0), random.random_range(1.0..40_000.0));
        let near = format!("ST_DistanceSpheroid(ST_Point(lon, lat), ST_Point({lon:?}, 39.0)) <= {metres:?}");
        let found = answer(&snapshot, &format!("SELECT lon FROM latest_positions WHERE {near}")).concat();
        let mut found: Vec<f64> = found.iter().map(|lon| lon.parse().unwrap()).collect();
        found.sort_by(f64::total_cmp);
        let mut wanted: Vec<f64> = fixes.values().map(|fix| fix.1).collect();
        wanted.retain(|own| spatial_index::distance_m([*own, 39.0], [lon, 39.0]) <= metres);
        wanted.sort_by(f64::total_cmp);
        assert_eq!(found, wanted, "{commit}");
        let count = answer(&snapshot, &format!("SELECT count(*) FROM latest_positions WHERE {near}"));
        assert_eq!(count, [[wanted.len().to_string()]], "{commit}");
        if commit > 2 {
            let plan = answer(&snapshot, &format!("EXPLAIN SELECT lon FROM latest_positions WHERE {near}"));
            let plan = plan.concat().concat();
            assert!(plan.contains("short") && plan.contains("PartsExec"), "{plan}");
        }
    }
}

/// Every row of a thing in memory is compared with its last fix: finding that one anew for each row takes minutes here, and the
/// question's deadline ends it.
#[test]
fn many_fixes_of_few_things_are_looked_through_once() {
    const FIXES: i64 = 30_000;
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Options::default()).unwrap().0;
    declare(&mut store);
    for n in 1..=2_u32 {
        let row = |second: i64| PositionFix {
            time: TimeUs(NEW_YEAR_US + second * 1_000_000),
            place: Place { lon_deg: 116.0 + second as f64 * 1e-6, lat_deg: 39.0 + f64::from(n), height_m: Some(4.0) },
            heading_deg: None,
            speed_m_s: None,
        };
        let (entity, height_reference) = (key("van", n.into()), HeightReference::Ellipsoid);
        let rows = (0..FIXES).map(row).collect();
        store.commit(&[vec![Change::Positions(PositionBatch { entity, height_reference, rows })]]).unwrap();
    }
    let snapshot = store.reader().snapshot();
    let found = |condition: &str| {
        ask(&snapshot, &format!("SELECT entity_name, lat FROM latest_positions WHERE {condition} ORDER BY entity_name"))
    };
    let last = 116.0 + (FIXES - 1) as f64 * 1e-6;
    let (first, second) = (vec!["Van 1".to_owned(), "40.0".to_owned()], vec!["Van 2".to_owned(), "41.0".to_owned()]);
    assert_eq!(found(&format!("lon >= {last:?} AND lat < 50")), [first.clone(), second.clone()]);
    assert_eq!(found("time >= TIMESTAMP '2000-01-01T00:00:00Z'"), [first, second.clone()]);
    assert_eq!(found(&format!("ST_Intersects(ST_Point(lon, lat), ST_GeomFromText('POINT({last:?} 41)'))")), [second]);
    assert!(found(&format!("lon < {:?}", last - 1e-7)).is_empty(), "where they were before");
}
