//! The small city, the engine, and ways to ask.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use kernel_model::{
    Change, ContentDraft, Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Observation,
    ObservationBatch, Place, PositionBatch, PositionFix, Quality, Rejection, Shape, SourceKey, TimeUs,
};
use kernel_query::{Answer, Engine, Error, ExtraTable, Limits, Options};
use kernel_store::{Keep, Retention, Snapshot, Store};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z.
pub(crate) const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

pub(crate) const LIMITS: Limits = Limits { deadline: Duration::from_mins(1), max_rows: 100_000 };

struct City {
    _dir: TempDir,
    snapshot: Snapshot,
}

pub(crate) fn snapshot() -> &'static Snapshot {
    static CITY: OnceLock<City> = OnceLock::new();
    &CITY.get_or_init(build).snapshot
}

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&Options { threads: 2, ..Options::default() }).unwrap())
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub(crate) fn ask(sql: &str) -> Result<Answer, Error> {
    ask_with(sql, &[], LIMITS)
}

pub(crate) fn ask_with(sql: &str, extra: &[ExtraTable], limits: Limits) -> Result<Answer, Error> {
    block_on(async { engine().query(snapshot(), extra, sql, limits).await?.collect().await })
}

/// A table of these rows, beside the stored ones.
pub(crate) fn brought(name: &str, rows: RecordBatch) -> ExtraTable {
    ExtraTable::new(name, rows.schema(), move || Ok::<_, std::convert::Infallible>(vec![rows.clone()]))
}

/// All cells as text, row by row.
pub(crate) fn cells(answer: &Answer) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect()));
    }
    rows
}

/// The one cell of an answer.
pub(crate) fn one(sql: &str) -> String {
    let rows = cells(&ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}")));
    assert_eq!((rows.len(), rows.first().map(Vec::len)), (1, Some(1)), "{sql}");
    rows[0][0].clone()
}

pub(crate) fn square(west: f64, south: f64, side: f64) -> Geometry {
    let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side), (0.0, 0.0)];
    let ring = corners.map(|(x, y)| Coord::new(west + x, south + y, 0.0)).to_vec();
    Geometry::flat(Shape::Polygon(vec![ring]))
}

fn key(id: &str) -> SourceKey {
    SourceKey::new("city", id)
}

fn block(i: u32, j: u32) -> EntityDraft {
    let class = if (i + j).is_multiple_of(2) { "residential" } else { "office" };
    let mut draft = EntityDraft::new(key(&format!("b-{i}-{j}")), Kind::Building, class);
    draft.name = Some(format!("Block {i}-{j}"));
    draft.geometry = Some(square(116.30 + 0.01 * f64::from(i), 39.90 + 0.01 * f64::from(j), 0.004));
    draft.properties.insert("storeys".to_owned(), (i + 1).into());
    draft
}

fn things() -> Vec<Change> {
    let mut changes: Vec<_> = (0..10).flat_map(|i| (0..6).map(move |j| Change::Entity(block(i, j)))).collect();
    for k in 0..10_u32 {
        let mut sensor = EntityDraft::new(key(&format!("s-{k}")), Kind::Sensor, "thermometer");
        sensor.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.305 + 0.01 * f64::from(k), 39.95, 0.0))));
        sensor.parent = Some(key(&format!("b-{k}-5")));
        changes.push(Change::Entity(sensor));
        changes.push(Change::Datastream(DatastreamDraft {
            source: key(&format!("t-{k}")),
            entity: key(&format!("s-{k}")),
            property: "air_temperature".to_owned(),
            unit: "Cel".to_owned(),
            name: format!("Temperature {k}"),
        }));
    }
    for v in 0..5 {
        let mut vehicle = EntityDraft::new(key(&format!("v-{v}")), Kind::Vehicle, "bus");
        vehicle.height_reference = HeightReference::Ellipsoid;
        changes.push(Change::Entity(vehicle));
    }
    changes
}

fn readings(hours: std::ops::Range<i64>) -> Vec<Change> {
    (0..10_u32)
        .map(|k| {
            let row = |hour: i64| Observation {
                phenomenon_time: TimeUs(NEW_YEAR_US + hour * 3_600_000_000),
                result_time: None,
                value: f64::from(k) + hour as f64 / 10.0,
                quality: Quality::Good,
            };
            let rows = hours.clone().map(row).collect();
            Change::Observations(ObservationBatch {
                datastream: key(&format!("t-{k}")),
                unit: None,
                rows,
                places: Vec::new(),
            })
        })
        .collect()
}

fn fixes(numbers: std::ops::Range<i64>) -> Vec<Change> {
    (0..5_u32)
        .map(|v| {
            let row = |n: i64| PositionFix {
                time: TimeUs(NEW_YEAR_US + n * 60_000_000),
                place: Place {
                    lon_deg: 116.30 + 0.0005 * n as f64,
                    lat_deg: 39.90 + 0.01 * f64::from(v),
                    height_m: Some(45.0),
                },
                heading_deg: Some(90.0),
                speed_m_s: None,
            };
            let rows = numbers.clone().map(row).collect();
            let height_reference = HeightReference::Ellipsoid;
            Change::Positions(PositionBatch { entity: key(&format!("v-{v}")), height_reference, rows })
        })
        .collect()
}

/// 2025-12-01T00:00:00Z, of which only summaries are left.
const DECEMBER_US: i64 = NEW_YEAR_US - 31 * 86_400_000_000;

/// Readings of the first thermometer every 20 minutes for two hours, the third one in doubt, the fifth one missing.
fn old_readings() -> Change {
    let quality = [Quality::Good, Quality::Good, Quality::Suspect, Quality::Good, Quality::Missing, Quality::Good];
    let rows = (0..).zip(quality).map(|(n, quality)| Observation {
        phenomenon_time: TimeUs(DECEMBER_US + n * 1_200_000_000),
        result_time: None,
        value: n as f64 * 2.5,
        quality,
    });
    Change::Observations(ObservationBatch {
        datastream: key("t-0"),
        unit: None,
        rows: rows.collect(),
        places: Vec::new(),
    })
}

/// A store from which what is older than the middle of December has gone.
fn with_summaries(dir: &Path) -> Store {
    let now = TimeUs::now().0 + 1_000_000;
    let age = now - (NEW_YEAR_US - 15 * 86_400_000_000);
    let retention = Retention {
        observations: Keep::For(age),
        minute: Keep::Ever,
        late_us: 0,
        every: Duration::from_hours(1),
        ..Retention::default()
    };
    let options = kernel_store::Options { retention, ..kernel_store::Options::default() };
    let (mut store, _) = Store::open(dir, options).unwrap();
    store.commit(&[things()]).unwrap();
    store.commit(&[vec![old_readings()]]).unwrap();
    assert_eq!(store.retain(TimeUs(now)).unwrap().removed[0].rows, 6);
    store
}

fn build() -> City {
    let dir = TempDir::new().unwrap();
    let mut store = with_summaries(dir.path());
    store.commit(&[readings(0..12), fixes(0..100)]).unwrap();
    store.seal().unwrap();
    let mut revised = block(0, 0);
    revised.name = Some("Old hall".to_owned());
    store
        .commit(&[vec![
            Change::Entity(revised),
            Change::Retire { source: key("b-9-5"), at: TimeUs(NEW_YEAR_US) },
            Change::Content(ContentDraft {
                entity: key("b-0-0"),
                media_type: "text/plain".to_owned(),
                name: "note.txt".to_owned(),
                bytes: b"hello".to_vec(),
            }),
            Change::Rejected(Rejection {
                source: "city".to_owned(),
                place: "line 7".to_owned(),
                reason: "no such unit".to_owned(),
                sample: "7,furlong".to_owned(),
            }),
        ]])
        .unwrap();
    store.commit(&[readings(12..24), fixes(100..200)]).unwrap();
    let snapshot = store.reader().snapshot();
    City { _dir: dir, snapshot }
}
