//! Where things are now, as brute force over the newest fixes says, whatever was told, sealed and opened again; and beside a
//! writer whole commits only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{
    ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array,
    new_null_array,
};
use kernel_model::schema::Table;
use kernel_model::{
    Change, EntityId, FixColumns, HeightReference, Names, Place, PlaceColumns, PositionBatch, PositionFix, TimeUs,
};
use kernel_store::{MovingThings, Reader, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spatial_index::{Circle, LonLatBox, Region, distance_m};

use crate::support::{key, mover, open};

const THINGS: usize = 40;

/// Where a thing is by a plain model, and whether it is gone.
#[derive(Default, Clone, Copy)]
struct Truth {
    newest: Option<(i64, [f64; 3])>,
    is_gone: bool,
}

fn name(thing: usize) -> String {
    format!("car{thing}")
}

fn place(at: [f64; 3]) -> Place {
    Place { lon_deg: at[0], lat_deg: at[1], height_m: (!at[2].is_nan()).then_some(at[2]) }
}

fn anywhere(random: &mut SmallRng) -> [f64; 3] {
    let height = if random.random_bool(0.8) { random.random_range(0.0..100.0) } else { f64::NAN };
    [116.0 + random.random_range(0.0..0.2), 39.9 + random.random_range(0.0..0.2), height]
}

/// One random change of a thing, in the store's words and in the model's.
fn change(random: &mut SmallRng, truth: &mut [Truth], now: i64) -> Change {
    let thing = random.random_range(0..THINGS);
    let own = &mut truth[thing];
    match random.random_range(0..20) {
        0 => {
            own.is_gone = true;
            Change::Retire { source: key(&name(thing)), at: TimeUs(now) }
        }
        1 => {
            own.is_gone = false;
            let Change::Entity(mut draft) = mover(&name(thing)) else { unreachable!() };
            draft.name = Some(now.to_string());
            Change::Entity(draft)
        }
        _ => {
            let rows: Vec<_> = (0..random.random_range(1..4))
                .map(|n| (now - random.random_range(0..3) * 1000 + n, anywhere(random)))
                .collect();
            for (time, at) in &rows {
                if own.newest.is_none_or(|newest| newest.0 <= *time) {
                    own.newest = Some((*time, *at));
                }
            }
            let fix = |(time, at): &(i64, [f64; 3])| PositionFix {
                time: TimeUs(*time),
                place: place(*at),
                heading_deg: None,
                speed_m_s: None,
            };
            let rows = rows.iter().map(fix).collect();
            let batch = PositionBatch { entity: key(&name(thing)), height_reference: HeightReference::Ellipsoid, rows };
            Change::Positions(batch)
        }
    }
}

/// Ids by the numbers of the things.
fn ids(reader: &Reader) -> Vec<EntityId> {
    let mut ids = vec![None; THINGS];
    for (rows, _) in reader.snapshot().entities() {
        let (id, source) = (rows.column(0).as_fixed_size_binary(), rows.column(8).as_string::<i32>());
        for row in 0..rows.num_rows() {
            let number: usize = source.value(row)[3..].parse().unwrap();
            ids[number] = EntityId::from_slice(id.value(row));
        }
    }
    ids.into_iter().map(Option::unwrap).collect()
}

fn agree(reader: &Reader, truth: &[Truth], random: &mut SmallRng) {
    let (moving, ids) = (reader.moving(), ids(reader));
    let there: BTreeMap<EntityId, (i64, [f64; 3])> = (truth.iter().zip(&ids))
        .filter(|(own, _)| !own.is_gone)
        .filter_map(|(own, id)| Some((*id, own.newest?)))
        .collect();
    assert_eq!(moving.len(), there.len());
    for _ in 0..10 {
        let from = anywhere(random);
        let from = [from[0], from[1]];
        let circle = Circle::new(from, random.random_range(0.0..15_000.0)).unwrap();
        let held = |at: &[f64; 3]| circle.holds(&[at[0], at[1]]);
        let wanted: BTreeSet<_> = there.iter().filter(|(_, (_, at))| held(at)).map(|(id, _)| *id).collect();
        let found = moving.within(&circle);
        for (id, position) in &found {
            let (time, at) = there[id];
            assert_eq!((position.time_us, [position.lon_deg, position.lat_deg]), (time, [at[0], at[1]]));
        }
        assert_eq!(found.len(), wanted.len());
        assert_eq!(moving.count(&circle), wanted.len());
        assert_eq!(moving.ids_within(&circle).into_iter().collect::<BTreeSet<_>>(), wanted);
        let solid = LonLatBox { min: from, max: [from[0] + 0.1, from[1] + 0.1] }.between(20.0, 70.0).region();
        let wanted: BTreeSet<_> =
            there.iter().filter(|(_, (_, at))| !at[2].is_nan() && solid.holds(at)).map(|(id, _)| *id).collect();
        let found: BTreeSet<_> = moving.within_volume(&solid).into_iter().map(|(id, _)| id).collect();
        assert_eq!(found, wanted);
        let most = random.random_range(0..10);
        let mut wanted: Vec<f64> = there.values().map(|(_, at)| distance_m(from, [at[0], at[1]])).collect();
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(most);
        let found = moving.nearest(from, most, f64::INFINITY).unwrap();
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|((_, metres), wanted)| (metres - wanted).abs() < 1e-6));
    }
}

#[test]
fn what_moves_is_where_brute_force_has_it() {
    let mut random = SmallRng::seed_from_u64(31);
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 60);
    let mut truth = vec![Truth::default(); THINGS];
    store.commit(&[(0..THINGS).map(|thing| mover(&name(thing))).collect()]).unwrap();
    for commit in 0..120_i64 {
        let changes = (0..random.random_range(1..12)).map(|n| change(&mut random, &mut truth, commit * 1000 + n * 10));
        let changes: Vec<_> = changes.collect();
        let outcome = store.commit(&[changes]).unwrap().outcomes.remove(0);
        assert!(outcome.rejected.is_empty(), "{:?}", outcome.rejected);
        agree(&store.reader(), &truth, &mut random);
        if commit % 30 == 29 {
            store.seal().unwrap();
        }
        if commit % 17 == 16 {
            drop(store);
            agree(&Reader::open(dir.path()).unwrap().0, &truth, &mut random);
            store = open(dir.path(), 60);
            agree(&store.reader(), &truth, &mut random);
        }
    }
}

#[test]
fn what_is_loaded_in_bulk_moves_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1000);
    store.commit(&[vec![mover("car0")]]).unwrap();
    let thing = ids_of(&store)[0];
    assert!(store.reader().moving().is_empty());
    let schema = Table::Positions.schema();
    let nothing = |column: usize| new_null_array(schema.field(column).data_type(), 1);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(FixedSizeBinaryArray::try_from_iter([thing.bytes()].into_iter()).unwrap()),
        Arc::new(TimestampMicrosecondArray::from(vec![5]).with_timezone("+00:00")),
        Arc::new(Float64Array::from(vec![116.25])),
        Arc::new(Float64Array::from(vec![39.9])),
        nothing(4),
        nothing(5),
        nothing(6),
        Arc::new(UInt64Array::from(vec![0])),
        nothing(8),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns);
    let loaded = store.load::<kernel_store::Error>(Table::Positions, [Ok(batch.unwrap())]).unwrap();
    assert_eq!(loaded.rows, 1);
    let found = store.reader().moving().within(&LonLatBox::GLOBE.region());
    assert_eq!(found.iter().map(|(id, at)| (*id, at.lon_deg, at.time_us)).collect::<Vec<_>>(), [(thing, 116.25, 5)]);
}

fn ids_of(store: &Store) -> Vec<EntityId> {
    let reader = store.reader();
    let live = reader.live();
    live.entities().map(|entity| entity.id).collect()
}

/// A fix of each thing at one longitude and instant.
fn everyone(things: &[EntityId], time: i64, lon: f64) -> Change {
    let count = things.len();
    Change::Fixes(FixColumns {
        things: Names::Ids(things.to_vec()),
        height_reference: HeightReference::None,
        time_us: vec![time; count],
        places: PlaceColumns { lon_deg: vec![lon; count], lat_deg: vec![39.9; count], height_m: Vec::new() },
        heading_deg: Vec::new(),
        speed_m_s: Vec::new(),
    })
}

#[test]
fn beside_a_writer_a_reader_sees_whole_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 2_000);
    store.commit(&[(0..200).map(|thing| mover(&name(thing))).collect()]).unwrap();
    let things = ids_of(&store);
    store.commit(&[vec![everyone(&things, 0, 116.0)]]).unwrap();
    let (moving, is_over): (MovingThings, _) = (store.reader().moving(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut newest, mut asked) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                let found = moving.within(&LonLatBox::GLOBE.region());
                assert_eq!(found.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len(), 200, "each once");
                let time = found[0].1.time_us;
                assert!(found.iter().all(|(_, at)| at.time_us == time), "of one commit");
                assert!(time >= newest, "never an older one");
                (newest, asked) = (time, asked + 1);
            }
            asked
        });
        for round in 1..=150 {
            store.commit(&[vec![everyone(&things, round, 116.0 + (round % 7) as f64 * 0.01)]]).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert!(moving.within(&LonLatBox::GLOBE.region()).iter().all(|(_, at)| at.time_us == 150));
}
