//! The city as it was, by what is known today and by what was known then.

use kernel_model::{
    Change, ContentDraft, DatastreamDraft, EntityDraft, HeightReference, Kind, Observation, ObservationBatch, Place,
    PositionBatch, PositionFix, Quality, SourceKey, Succession, TimeUs,
};
use kernel_query::{Error, Limits};
use kernel_store::{Options, Snapshot, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::city::{block_on, cells, engine};

fn day(day: i64) -> TimeUs {
    TimeUs(crate::city::NEW_YEAR_US + (day - 1) * 86_400_000_000)
}

fn house(name: &str, valid_from: Option<TimeUs>) -> Change {
    let mut draft = EntityDraft::new(SourceKey::new("land", "1"), Kind::Building, "house");
    draft.name = Some(name.to_owned());
    draft.valid_from = valid_from;
    Change::Entity(draft)
}

fn ask_of(snapshot: &Snapshot, sql: &str) -> Result<Vec<Vec<String>>, Error> {
    let answer = block_on(async { engine().query(snapshot, &[], sql, Limits::default()).await?.collect().await })?;
    Ok(cells(&answer))
}

fn names(snapshot: &Snapshot, arguments: &str) -> Result<Vec<String>, Error> {
    Ok(ask_of(snapshot, &format!("SELECT name FROM entities_as_of({arguments}) ORDER BY name"))?.concat())
}

/// What stands between two commits: a pause, and the instant in it.
fn pause() -> String {
    let wait = || std::thread::sleep(std::time::Duration::from_millis(3));
    wait();
    let now = TimeUs::now().to_string();
    wait();
    now
}

#[test]
fn the_description_that_held_then_by_what_was_known_then() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let mut commit = |change: Change| drop(store.commit(&[vec![change]]).unwrap());
    let before = pause();
    commit(house("built", Some(day(1))));
    let first = pause();
    commit(house("raised", Some(day(10))));
    let second = pause();
    commit(Change::Retire { source: SourceKey::new("land", "1"), at: day(20) });
    let third = pause();
    commit(house("built of brick", Some(day(1))));
    let snapshot = store.reader().snapshot();
    let at = |valid: &str, recorded: &str| names(&snapshot, &format!("{valid}, {recorded}")).unwrap();
    let (jan_5, jan_15, jan_25) = ("'2026-01-05T00:00:00Z'", "'2026-01-15T00:00:00Z'", "'2026-01-25T08:00:00+08:00'");
    let quoted = |text: &str| format!("'{text}'");
    let nothing: [&str; 0] = [];

    assert_eq!(at(jan_5, &quoted(&before)), nothing);
    assert_eq!(at("'2025-12-31T00:00:00Z'", "null"), nothing, "not yet there");
    assert_eq!(at(jan_15, &quoted(&first)), ["built"], "the raising was not known yet");
    assert_eq!(
        (at(jan_5, &quoted(&second)), at(jan_15, &quoted(&second))),
        (vec!["built".to_owned()], vec!["raised".to_owned()])
    );
    assert_eq!(
        (at(jan_15, &quoted(&third)), at(jan_25, &quoted(&third))),
        (vec!["raised".to_owned()], vec![]),
        "torn down on the 20th"
    );
    assert_eq!(at("null", &quoted(&third)), nothing);
    assert_eq!(names(&snapshot, jan_5).unwrap(), ["built of brick"], "one argument: by what is known today");
    assert_eq!(at(jan_15, "null"), ["raised"], "a correction of the past leaves what followed");
    assert_eq!((at(jan_25, "null"), at("null", "null")), (vec![], vec![]), "and that it was torn down");
}

const DAYS: usize = 16;

/// The algebra told naively: of each day which statement began on it. The first place is the beginning of time.
#[derive(Clone, Default)]
struct Calendar([Option<Statement>; DAYS + 1]);

#[derive(Clone)]
struct Statement {
    name: String,
    to: Option<usize>,
    gone: bool,
}

impl Calendar {
    fn describe(&mut self, name: String, from: Option<usize>, to: Option<usize>) {
        let Some(from) = from else {
            *self = Self::default();
            self.0[0] = Some(Statement { name, to, gone: false });
            return;
        };
        self.0[from + 1] = Some(Statement { name, to, gone: false });
    }

    fn retire(&mut self, at: usize) {
        let last = (0..=DAYS).rev().find(|place| self.0[*place].is_some());
        if last.is_none_or(|last| last <= at + 1 && self.0[last].as_ref().is_some_and(|statement| statement.gone)) {
            return;
        }
        self.0[at + 1..].fill(None);
        self.0[at + 1] = Some(Statement { name: String::new(), to: None, gone: true });
    }

    fn name_on(&self, day: usize) -> Option<String> {
        let begun = self.0[..=day + 1].iter().flatten().last()?;
        (!begun.gone && begun.to.is_none_or(|to| day < to)).then(|| begun.name.clone())
    }

    fn last(&self) -> Option<String> {
        self.0.iter().flatten().last().filter(|statement| !statement.gone).map(|statement| statement.name.clone())
    }
}

/// For every day and every instant of recording: what SQL says is what the calendars say.
#[test]
fn random_histories_are_what_a_naive_calendar_says() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let mut random = SmallRng::seed_from_u64(7);
    let mut calendars: [Calendar; 3] = Default::default();
    let mut known = vec![(TimeUs::now(), calendars.clone())];
    for n in 0..160 {
        let thing = random.random_range(0..3);
        let source = SourceKey::new("land", thing.to_string());
        let (from, length) = (random.random_range(0..DAYS), random.random_range(1..6));
        if random.random_bool(0.2) {
            store.commit(&[vec![Change::Retire { source, at: day(from as i64) }]]).unwrap();
            calendars[thing].retire(from);
        } else {
            let from = random.random_bool(0.9).then_some(from);
            let to = from.filter(|_| random.random_bool(0.3)).map(|from| from + length);
            let mut draft = EntityDraft::new(source, Kind::Building, "house");
            // Sometimes the very same is said again.
            let name = format!("{thing}-{}", random.random_range(0..n / 8 + 1));
            draft.name = Some(name.clone());
            (draft.valid_from, draft.valid_to) = (from.map(|at| day(at as i64)), to.map(|at| day(at as i64)));
            store.commit(&[vec![Change::Entity(draft)]]).unwrap();
            calendars[thing].describe(name, from, to);
        }
        std::thread::sleep(std::time::Duration::from_micros(50));
        known.push((TimeUs::now(), calendars.clone()));
        if n % 50 == 49 {
            store.seal().unwrap();
            drop(store);
            store = Store::open(dir.path(), Options::default()).unwrap().0;
        }
    }
    let snapshot = store.reader().snapshot();
    let sorted = |names: &dyn Fn(&Calendar) -> Option<String>, calendars: &[Calendar; 3]| {
        let mut names: Vec<String> = calendars.iter().filter_map(names).collect();
        names.sort();
        names
    };
    let mut seen = 0;
    for (at, calendars) in known.iter().step_by(23).chain(known.last()) {
        for on in 0..DAYS {
            let said = names(&snapshot, &format!("'{}', '{at}'", day(on as i64))).unwrap();
            seen += said.len();
            assert_eq!(said, sorted(&|calendar| calendar.name_on(on), calendars), "day {on}, known at {at}");
        }
        let last = sorted(&|calendar| calendar.last(), calendars);
        assert_eq!(names(&snapshot, &format!("null, '{at}'")).unwrap(), last, "known at {at}");
        let then = snapshot.known_at(*at);
        let present = ask_of(&then, "SELECT name FROM entities ORDER BY name").unwrap();
        assert_eq!(present.concat(), last, "the present of then");
    }
    assert!(seen > 120, "{seen}: the histories are not all empty");
    let present = ask_of(&snapshot, "SELECT name FROM entities ORDER BY name").unwrap().concat();
    assert_eq!(present, sorted(&|calendar| calendar.last(), &calendars));
    let live: Vec<_> = store.reader().live().entities().filter_map(|entity| entity.name.clone()).collect();
    assert_eq!(live.len(), present.len());
}

/// Of a snapshot of what was known at an instant every table is that of the instant.
#[test]
fn every_table_is_that_of_the_recorded_instant() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let key = |id: String| SourceKey::new("land", id);
    let mut instants = Vec::new();
    for n in 0..12_i64 {
        let mut mast = EntityDraft::new(key(format!("mast-{n}")), Kind::Vehicle, "mast");
        mast.height_reference = HeightReference::Ellipsoid;
        let reading =
            Observation { phenomenon_time: day(9 - n), result_time: None, value: n as f64, quality: Quality::Good };
        let place = Place { lon_deg: 116.3 + n as f64 / 1000.0, lat_deg: 39.9, height_m: None };
        let fix = PositionFix { time: day(9 - n), place, heading_deg: None, speed_m_s: None };
        let mut changes = vec![
            Change::Entity(mast),
            Change::Datastream(DatastreamDraft {
                source: key(format!("d-{n}")),
                entity: key(format!("mast-{n}")),
                property: "n".to_owned(),
                unit: "1".to_owned(),
                name: String::new(),
            }),
            // The first series gets a reading that is older than all before it, every time.
            Change::Observations(ObservationBatch {
                datastream: key("d-0".to_owned()),
                unit: None,
                rows: vec![reading],
                places: vec![place],
            }),
            Change::Positions(PositionBatch {
                entity: key("mast-0".to_owned()),
                height_reference: HeightReference::Ellipsoid,
                rows: vec![fix],
            }),
            Change::Content(ContentDraft {
                entity: key(format!("mast-{n}")),
                media_type: "text/plain".to_owned(),
                name: "note".to_owned(),
                bytes: vec![n as u8],
            }),
            Change::Retire { source: SourceKey::new(format!("none-{n}"), "1"), at: day(1) },
        ];
        if n > 0 {
            changes.push(Change::Succession(Succession {
                predecessors: vec![key(format!("mast-{n}"))],
                successors: vec![EntityDraft::new(key(format!("heir-{n}")), Kind::Vehicle, "mast")],
                at: day(30),
            }));
        }
        store.commit(&[changes]).unwrap();
        if n % 5 == 4 {
            store.seal().unwrap();
        }
        instants.push(pause());
    }
    let snapshot = store.reader().snapshot();
    for (n, at) in instants.iter().enumerate() {
        let then = snapshot.known_at(TimeUs::parse(at).unwrap());
        let count = |from: &str| ask_of(&then, &format!("SELECT count(*) FROM {from}")).unwrap()[0][0].clone();
        let wanted = |rows: usize| rows.to_string();
        for table in ["datastreams", "observations", "positions", "contents", "rejected", "entities"] {
            assert_eq!(count(table), wanted(n + 1), "{table} at {n}");
        }
        assert_eq!((count("lineage"), count("entity_revisions")), (wanted(n), wanted(n + 1 + 2 * n)));
        // A box leads through the index, a filter of one's own stands beside.
        assert_eq!(count("observations WHERE lon BETWEEN 116.3 AND 116.3025 AND lat < 40"), wanted(n.min(2) + 1));
        assert_eq!(count("observations_as_of(null)"), "1");
        // What is told later is not the nearest, the newest, nor in an area.
        let first = |sql: &str| ask_of(&then, sql).unwrap().concat().concat();
        let far =
            "SELECT value FROM observations ORDER BY ST_Distance(ST_Point(lon, lat), ST_Point(116.4, 39.9)) LIMIT 1";
        assert_eq!(first(far), format!("{n}.0"), "the nearest to where they go");
        assert_eq!(first("SELECT value FROM observations ORDER BY phenomenon_time LIMIT 1"), format!("{n}.0"));
        assert_eq!(first("SELECT value FROM observations ORDER BY phenomenon_time DESC LIMIT 1"), "0.0");
        let area = "ST_GeomFromText('POLYGON((116 39, 117 39, 117 40, 116 40, 116 39))')";
        assert_eq!(count(&format!("observations WHERE ST_Within(ST_Point(lon, lat), {area})")), wanted(n + 1));
        let beside =
            format!("(SELECT {area} AS area) a JOIN observations o ON ST_Contains(a.area, ST_Point(o.lon, o.lat))");
        assert_eq!(count(&beside), wanted(n + 1));
        let first = |valid: &str| {
            let sql = format!("SELECT value FROM observations_as_of({valid}, '{at}')");
            ask_of(&snapshot, &sql).unwrap().concat()
        };
        assert_eq!(first("null"), ["0.0"], "the first one told is the newest");
        let known_by_the_fifth = if n >= 4 { vec!["4.0".to_owned()] } else { vec![] };
        assert_eq!(first("'2026-01-05T00:00:00Z'"), known_by_the_fifth, "{n}");
        let sql = format!("SELECT round((lon - 116.3) * 1000) FROM positions_as_of('2026-01-05T12:00:00Z', '{at}')");
        assert_eq!(ask_of(&snapshot, &sql).unwrap().concat(), known_by_the_fifth, "{n}");
    }
    let joined = "SELECT count(*), min(o.value), min(p.lon) FROM entities e JOIN positions_as_of(null) p ON p.entity = e.id \
                  JOIN datastreams d ON d.entity = e.id JOIN observations_as_of(null) o ON o.datastream = d.id";
    assert_eq!(ask_of(&snapshot, joined).unwrap(), [["1", "0.0", "116.3"]]);
    let one = "EXPLAIN SELECT * FROM observations_as_of('2026-01-30T00:00:00Z') WHERE datastream = 1";
    let plan = ask_of(&snapshot, one).unwrap().concat().concat();
    assert!(plan.contains("series"), "the filter reaches the index: {plan}");
    let before = snapshot.known_at(day(1));
    assert_eq!(ask_of(&before, "SELECT * FROM observations").unwrap().len(), 0);
    assert_eq!(
        ask_of(&snapshot, "SELECT * FROM observations_as_of('2026-01-30T00:00:00Z') WHERE datastream = 1")
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_is_no_instant_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let snapshot = store.reader().snapshot();
    for (arguments, word) in [
        ("'2026-01-05T00:00:00'", "offset"),
        ("7", "with its zone"),
        ("timestamp '2026-01-05T00:00:00'", "with its zone"),
        ("", "takes a valid time"),
        ("null, null, null", "not 3 arguments"),
    ] {
        let refusal = names(&snapshot, arguments).unwrap_err().to_string();
        assert!(refusal.contains(word), "{arguments}: {refusal}");
    }
}

#[test]
fn what_came_of_what_is_walked_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let key = |id: &str| SourceKey::new("land", id);
    let draft = |id: &str| {
        let mut draft = EntityDraft::new(key(id), Kind::Landuse, "plot");
        draft.name = Some(id.to_owned());
        draft
    };
    let becomes = |old: &[&str], new: &[&str], at: i64| {
        Change::Succession(Succession {
            predecessors: old.iter().map(|id| key(id)).collect(),
            successors: new.iter().map(|id| draft(id)).collect(),
            at: day(at),
        })
    };
    // a -> b, c; c + x -> d; b + d -> e, so that e comes of a by two ways of two and three steps.
    store.commit(&[["a", "x", "lone"].map(|id| Change::Entity(draft(id))).to_vec()]).unwrap();
    store.commit(&[vec![becomes(&["a"], &["b", "c"], 1)]]).unwrap();
    store.commit(&[vec![becomes(&["c", "x"], &["d"], 2)]]).unwrap();
    let then = pause();
    store.seal().unwrap();
    store.commit(&[vec![becomes(&["b", "d"], &["e"], 3)]]).unwrap();
    let snapshot = store.reader().snapshot();
    let ask = |sql: &str| ask_of(&snapshot, sql).unwrap();
    let id = |name: &str| {
        ask(&format!("SELECT DISTINCT id FROM entity_revisions WHERE name = '{name}'")).remove(0).remove(0)
    };
    let walk = |function: &str, name: &str, more: &str| {
        let rows = ask(&format!(
            "SELECT DISTINCT r.name, w.steps, w.kind FROM {function}('{}'{more}) w JOIN entity_revisions r ON r.id = w.id \
             ORDER BY w.steps, r.name",
            id(name)
        ));
        rows.into_iter().map(|row| row.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(walk("ancestors", "e", ""), ["b 1 merge", "d 1 merge", "a 2 split", "c 2 merge", "x 2 merge"]);
    assert_eq!(walk("descendants", "a", ""), ["b 1 split", "c 1 split", "d 2 merge", "e 2 merge"]);
    assert_eq!(walk("descendants", "a", &format!(", '{then}'")), ["b 1 split", "c 1 split", "d 2 merge"]);
    assert_eq!(walk("ancestors", "a", "").len() + walk("descendants", "lone", "").len(), 0);
    let links = |name: &str| ask(&format!("SELECT * FROM lineage('{}')", id(name))).len();
    assert_eq!([links("a"), links("x"), links("d"), links("e"), links("lone")], [5, 2, 4, 6, 0]);
    assert_eq!(ask("SELECT kind, count(*) FROM lineage GROUP BY kind ORDER BY kind"), [["merge", "4"], ["split", "2"]]);
    let unknown = ask("SELECT * FROM ancestors('0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10')");
    assert!(unknown.is_empty());
    for (arguments, word) in
        [("'house 7'", "is not an entity id"), ("7", "takes an id"), ("", "takes an id"), ("null", "takes an id")]
    {
        let refusal = ask_of(&snapshot, &format!("SELECT * FROM ancestors({arguments})")).unwrap_err().to_string();
        assert!(refusal.contains(word), "{arguments}: {refusal}");
    }
}
