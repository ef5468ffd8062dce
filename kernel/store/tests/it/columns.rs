//! Readings and fixes in columns are kept as those in rows are, and both as a plain model says: what is there already is left
//! out, whenever and wherever it came before.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{
    Change, DatastreamId, EntityId, FixColumns, HeightReference, Names, ObservationBatch, Place, PlaceColumns,
    PositionBatch, PositionFix, ReadingColumns, TimeUs,
};
use kernel_store::{Outcome, Snapshot, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::{datastream, key, mover, open, reading, readings, thing};

/// Datastreams, the first of which say their places themselves.
const SERIES: u64 = 6;
const PLACED: u64 = 3;
const CARS: usize = 4;

/// A row: its series (counted from 0), instant, value and longitude.
type Row = (u64, i64, f64, f64);

fn place(lon_deg: f64) -> Place {
    Place { lon_deg, lat_deg: 39.9, height_m: None }
}

/// What is stored by a plain model: rows, and the newest instant of each series.
#[derive(Default)]
struct Model {
    rows: BTreeSet<(u64, i64, u64, u64)>,
    newest: BTreeMap<u64, i64>,
    kept: usize,
}

impl Model {
    /// Whether a row is new.
    fn take(&mut self, (series, time, value, lon): Row) -> bool {
        let place = if series < PLACED { lon.to_bits() } else { 0 };
        let is_new = self.rows.insert((series, time, value.to_bits(), place));
        let newest = self.newest.entry(series).or_insert(i64::MIN);
        *newest = time.max(*newest);
        self.kept += usize::from(is_new);
        is_new
    }
}

fn random_rows(random: &mut SmallRng, series: u64, commit: i64) -> Vec<Row> {
    let row = |random: &mut SmallRng| {
        let time = if random.random_bool(0.5) { commit * 20 } else { 0 } + random.random_range(0..20);
        let value = f64::from(random.random_range(0..2));
        (random.random_range(0..series), time, value, 116.0 + f64::from(random.random_range(0..2)))
    };
    (0..random.random_range(0..60)).map(|_| row(random)).collect()
}

/// One series after the other.
fn readings_in_rows(rows: &[Row]) -> Vec<Change> {
    let one = |series: u64| {
        let own: Vec<&Row> = rows.iter().filter(|row| row.0 == series).collect();
        let places = own.iter().filter(|row| row.0 < PLACED).map(|row| place(row.3)).collect();
        let rows = own.iter().map(|row| reading(row.1, row.2)).collect();
        Change::Observations(ObservationBatch { datastream: key(&format!("d{series}")), unit: None, rows, places })
    };
    (0..SERIES).map(one).collect()
}

/// All in one change, by name or by number.
fn readings_in_columns(rows: &[Row], by_name: bool) -> Change {
    let names = || (0..SERIES).map(|series| key(&format!("d{series}"))).collect();
    let lon = |row: &Row| if row.0 < PLACED { row.3 } else { f64::NAN };
    Change::Readings(ReadingColumns {
        datastreams: match by_name {
            true => Names::Sources { names: names(), of: rows.iter().map(|row| row.0 as u32).collect() },
            false => Names::Ids(rows.iter().map(|row| DatastreamId(row.0 + 1)).collect()),
        },
        unit: by_name.then(|| "1".into()),
        phenomenon_us: rows.iter().map(|row| row.1).collect(),
        result_us: Vec::new(),
        value: rows.iter().map(|row| row.2).collect(),
        quality: Vec::new(),
        places: Some(PlaceColumns {
            lon_deg: rows.iter().map(lon).collect(),
            lat_deg: vec![39.9; rows.len()],
            height_m: Vec::new(),
        }),
    })
}

/// Series, instant and bits of value and longitude of all readings; where the thing stands there is no longitude.
fn stored_readings(snapshot: &Snapshot) -> Vec<(u64, i64, u64, u64)> {
    let mut all = Vec::new();
    for part in snapshot.parts(Table::Observations) {
        for chunk in 0..part.chunks() {
            let column = |column: usize| part.column(chunk, column).unwrap();
            let (series, time, value, lon) = (column(0), column(1), column(3), column(5));
            for row in 0..series.len() {
                let series = series.as_primitive::<UInt64Type>().value(row) - 1;
                let lon = lon.as_primitive::<Float64Type>().value(row);
                all.push((
                    series,
                    time.as_primitive::<TimestampMicrosecondType>().value(row),
                    value.as_primitive::<Float64Type>().value(row).to_bits(),
                    if series < PLACED { lon.to_bits() } else { 0 },
                ));
            }
        }
    }
    all.sort_unstable();
    all
}

fn begin(dir: &std::path::Path, seal_rows: usize) -> Store {
    let mut store = open(dir, seal_rows);
    let mut changes = vec![thing("site", "air")];
    changes.extend((0..SERIES).map(|series| datastream(&format!("d{series}"), "site", "1")));
    changes.extend((0..CARS).map(|car| mover(&format!("car{car}"))));
    store.commit(&[changes]).unwrap();
    store
}

fn one(store: &mut Store, changes: Vec<Change>) -> Outcome {
    store.commit(&[changes]).unwrap().outcomes.remove(0)
}

#[test]
fn late_and_repeated_readings_are_those_of_a_plain_model() {
    let mut random = SmallRng::seed_from_u64(21);
    for seal_rows in [usize::MAX, 300, 40] {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [mut in_rows, mut in_columns] = [0, 1].map(|n| begin(dirs[n].path(), seal_rows));
        let mut model = Model::default();
        for commit in 0..60 {
            let mut rows = random_rows(&mut random, SERIES, commit);
            if commit % 7 == 0 {
                rows.extend(rows.clone());
            }
            let kept = rows.iter().filter(|row| model.take(**row)).count() as u64;
            let wanted = (kept, rows.len() as u64 - kept);
            let outcome = one(&mut in_rows, readings_in_rows(&rows));
            assert_eq!((outcome.observations, outcome.unchanged), wanted, "commit {commit}");
            let outcome = one(&mut in_columns, vec![readings_in_columns(&rows, random.random_bool(0.5))]);
            assert_eq!((outcome.observations, outcome.unchanged), wanted, "commit {commit}");
            assert!(outcome.rejected.is_empty(), "{:?}", outcome.rejected);
            if commit % 20 == 19 {
                drop(in_columns);
                in_columns = open(dirs[1].path(), seal_rows);
            }
        }
        let wanted: Vec<_> = model.rows.iter().copied().collect();
        for store in [&in_rows, &in_columns] {
            assert_eq!(stored_readings(&store.reader().snapshot()), wanted);
            let live = store.reader();
            for (series, newest) in &model.newest {
                let reading = live.live().reading(DatastreamId(series + 1)).unwrap();
                assert_eq!(reading.phenomenon_time, TimeUs(*newest));
            }
        }
    }
}

fn fix(row: &Row) -> PositionFix {
    PositionFix { time: TimeUs(row.1), place: place(row.3), heading_deg: Some(row.2 as f32), speed_m_s: None }
}

fn fixes_in_columns(things: Names<EntityId>, rows: &[Row]) -> Change {
    Change::Fixes(FixColumns {
        things,
        height_reference: HeightReference::None,
        time_us: rows.iter().map(|row| row.1).collect(),
        places: PlaceColumns {
            lon_deg: rows.iter().map(|row| row.3).collect(),
            lat_deg: vec![39.9; rows.len()],
            height_m: Vec::new(),
        },
        heading_deg: rows.iter().map(|row| row.2 as f32).collect(),
        speed_m_s: Vec::new(),
    })
}

#[test]
fn fixes_in_columns_are_kept_as_those_in_rows() {
    let mut random = SmallRng::seed_from_u64(22);
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [mut in_rows, mut in_columns] = [0, 1].map(|n| begin(dirs[n].path(), 200));
    let ids: Vec<EntityId> = {
        let reader = in_columns.reader();
        reader.live().entities().map(|entity| entity.id).skip(1).collect()
    };
    let mut all = 0;
    for commit in 0..40 {
        let rows = random_rows(&mut random, CARS as u64, commit);
        let batch = |car: u64| {
            let rows = rows.iter().filter(|row| row.0 == car).map(fix).collect();
            let entity = key(&format!("car{car}"));
            Change::Positions(PositionBatch { entity, height_reference: HeightReference::None, rows })
        };
        let names = match random.random_bool(0.5) {
            true => Names::Ids(rows.iter().map(|row| ids[row.0 as usize]).collect()),
            false => Names::Sources {
                names: (0..CARS).map(|car| key(&format!("car{car}"))).collect(),
                of: rows.iter().map(|row| row.0 as u32).collect(),
            },
        };
        let wanted = one(&mut in_rows, (0..CARS as u64).map(batch).collect());
        let outcome = one(&mut in_columns, vec![fixes_in_columns(names, &rows)]);
        assert_eq!(outcome, wanted, "commit {commit}");
        all += wanted.positions;
    }
    for store in [&in_rows, &in_columns] {
        assert_eq!(store.reader().snapshot().row_count(Table::Positions), all);
    }
    let newest = |store: &Store, car: usize| {
        let reader = store.reader();
        let live = reader.live();
        let entity = live.entities().nth(1 + car).unwrap();
        live.fix(&entity.id)
    };
    assert!((0..CARS).all(|car| newest(&in_rows, car).is_some() && newest(&in_rows, car) == newest(&in_columns, car)));
}

#[test]
fn of_columns_what_is_wrong_is_refused_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = begin(dir.path(), usize::MAX);
    let rows: Vec<Row> = vec![(0, 1, 0.5, 116.0), (1, 2, 0.5, 116.0), (2, 3, 0.5, 416.0), (0, 4, 0.5, 116.0)];
    let Change::Readings(good) = readings_in_columns(&rows, true) else { unreachable!() };
    let mut unknown = good.clone();
    let Names::Sources { names, .. } = &mut unknown.datastreams else { unreachable!() };
    names[1] = key("nobody");
    let outcome = one(&mut store, vec![Change::Readings(unknown)]);
    let reasons: Vec<_> = outcome.rejected.iter().map(|rejection| rejection.reason.as_str()).collect();
    assert_eq!(outcome.observations, 2);
    assert!(reasons.iter().any(|reason| reason.contains("never declared")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("not on the globe")), "{reasons:?}");
    let unit = ReadingColumns { unit: Some("m".into()), ..good.clone() };
    let outcome = one(&mut store, vec![Change::Readings(unit)]);
    assert_eq!(outcome.observations, 0);
    assert!(outcome.rejected.iter().all(|rejection| rejection.reason.contains("its unit is 1")));
    let short = ReadingColumns { value: vec![0.5], ..good.clone() };
    let outcome = one(&mut store, vec![Change::Readings(short)]);
    assert_eq!((outcome.observations, outcome.rejected.len()), (0, 1));
    let strangers = ReadingColumns { datastreams: Names::Ids(vec![DatastreamId(99); 4]), ..good };
    let outcome = one(&mut store, vec![Change::Readings(strangers)]);
    assert_eq!((outcome.observations, outcome.rejected.len()), (0, 1), "said once for a datastream");
    let Change::Fixes(mut high) = fixes_in_columns(Names::Ids(vec![EntityId(uuid::Uuid::nil()); 4]), &rows) else {
        unreachable!()
    };
    assert_eq!(one(&mut store, vec![Change::Fixes(high.clone())]).positions, 0, "nobody has this id");
    high.things = Names::Sources { names: vec![key("car0")], of: vec![0; 4] };
    high.places.height_m = vec![f64::NAN, 1.0, f64::NAN, f64::NAN];
    high.height_reference = HeightReference::Ground;
    let outcome = one(&mut store, vec![Change::Fixes(high)]);
    assert_eq!((outcome.positions, outcome.rejected.len()), (2, 2), "{:?}", outcome.rejected);
}

#[test]
fn writers_at_one_door_are_each_told_what_became_of_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = begin(dir.path(), 500);
    let door = kernel_store::Door::new(&mut store);
    let write = |writer: u64| {
        for commit in 0..50 {
            let rows: Vec<Row> = (0..=writer).map(|n| (writer, commit * 10 + n as i64, 0.5, 116.0)).collect();
            let kept = door.commit(vec![readings_in_columns(&rows, true)]).unwrap();
            assert_eq!((kept.outcome.observations, kept.outcome.unchanged), (writer + 1, 0));
            let again = door.commit(vec![readings_in_columns(&rows, false)]).unwrap();
            assert_eq!((again.outcome.observations, again.outcome.unchanged), (0, writer + 1));
            assert!(again.sequence >= kept.sequence);
        }
    };
    std::thread::scope(|scope| {
        let write = &write;
        (0..4).for_each(|writer| drop(scope.spawn(move || write(writer))));
    });
    assert_eq!(store.reader().snapshot().row_count(Table::Observations), 50 * (1 + 2 + 3 + 4));
}

/// Where late rows keep coming for a sealed part, its filter is made beside the writer: until then, and with it, what came before
/// is left out and what is new is kept.
#[test]
fn the_filter_of_a_sealed_part_is_made_beside_the_writer() {
    const ROWS: i64 = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), ROWS as usize);
    store.commit(&[vec![thing("pole", "air"), datastream("air", "pole", "ug/m3")]]).unwrap();
    let rows = (0..ROWS).map(|row| reading(row * 1_000, 1.0)).collect();
    store.commit(&[vec![readings("air", rows)]]).unwrap();
    store.seal().unwrap();
    let zone_maps = |store: &Store| store.reader().snapshot().memory().zone_maps;
    // A commit of so few is looked up row by row; the first one reads the zone map.
    let late = |store: &mut Store, commit: i64| {
        let row = |n: i64| reading((commit * 40 + n) * 1_000 + n % 2, 1.0);
        let committed = store.commit(&[vec![readings("air", (0..40).map(row).collect())]]).unwrap();
        (committed.outcomes[0].observations, committed.outcomes[0].unchanged)
    };
    assert_eq!(late(&mut store, 0), (20, 20));
    let before = zone_maps(&store);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut commits = 1;
    while zone_maps(&store) < before + 2 * ROWS as u64 {
        assert!(std::time::Instant::now() < patience, "no filter after {commits} commits");
        assert_eq!(late(&mut store, commits), (20, 20));
        commits += 1;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(commits > 5, "it was not worth its memory yet");
    assert_eq!(late(&mut store, commits), (20, 20));
    assert_eq!(late(&mut store, commits), (0, 40));
}
