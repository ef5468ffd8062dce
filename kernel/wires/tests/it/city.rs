//! Two buildings, a sensor with a hundred readings, and the wires over them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Observation, ObservationBatch,
    Quality, Shape, SourceKey, TimeUs,
};
use kernel_query::{Engine, Limits, Options, View};
use kernel_store::Store;
use kernel_wires::{Certificate, Door, Refusal, Session};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_US: i64 = 1_767_225_600_000_000;
/// The one key of a closed door.
pub(crate) const KEY: &str = "urbis_0123";

pub(crate) const LIMITS: Limits = Limits { deadline: Duration::from_secs(60), max_rows: 2_000_000 };

/// The city, and a way to ask it.
pub(crate) struct City {
    dir: TempDir,
    pub(crate) engine: Arc<Engine>,
    view: View,
}

fn key(id: &str) -> SourceKey {
    SourceKey::new("city", id)
}

fn building(id: &str, west: f64) -> Change {
    let corners = [(0.0, 0.0), (0.001, 0.0), (0.001, 0.001), (0.0, 0.001), (0.0, 0.0)];
    let ring = corners.map(|(x, y)| Coord::new(west + x, 39.9 + y, 50.0)).to_vec();
    let mut draft = EntityDraft::new(key(id), Kind::Building, "public");
    draft.name = Some(id.to_owned());
    draft.height_reference = HeightReference::Ellipsoid;
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring])));
    Change::Entity(draft)
}

fn changes() -> Vec<Change> {
    let sensor = EntityDraft::new(key("mast"), Kind::Sensor, "air");
    let datastream = DatastreamDraft {
        source: key("mast-t"),
        entity: key("mast"),
        property: "air_temperature".to_owned(),
        unit: "Cel".to_owned(),
        name: "Temperature".to_owned(),
    };
    let row = |hour: i64| Observation {
        phenomenon_time: TimeUs(NEW_YEAR_US + hour * 3_600_000_000),
        result_time: None,
        value: hour as f64,
        quality: Quality::Good,
    };
    let rows = (0..100).map(row).collect();
    let readings = ObservationBatch { datastream: key("mast-t"), unit: None, rows, places: Vec::new() };
    vec![
        building("Hall", 116.30),
        building("Tower", 116.31),
        Change::Entity(sensor),
        Change::Datastream(datastream),
        Change::Observations(readings),
    ]
}

impl City {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (mut store, _) = Store::open(&dir.path().join("store"), kernel_store::Options::default()).unwrap();
        store.commit(&[changes()]).unwrap();
        let view = View::new(store.reader().snapshot(), Vec::new());
        let engine = Arc::new(Engine::new(&Options { threads: 2, ..Options::default() }).unwrap());
        Self { dir, engine, view }
    }

    /// A way in; a closed one takes [`KEY`].
    pub(crate) fn door(&self, limits: Limits, is_closed: bool) -> Door {
        let view = self.view.clone();
        Door::new(self.engine.clone(), limits, 4, move |key| match key {
            Some(key) if key != KEY => Err(Refusal::UnknownKey),
            None if is_closed => Err(Refusal::NoKey),
            _ => {
                let view = view.clone();
                Ok(Session::new(move || view.clone()))
            }
        })
    }

    /// A certificate for `localhost` that vouches for itself, and where it lies.
    pub(crate) fn certificate(&self) -> (Certificate, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (self.dir.path().join("chain.pem"), self.dir.path().join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (Certificate::read(&chain, &key).unwrap(), chain)
    }

    /// Waits until no question runs.
    pub(crate) async fn until_idle(&self) {
        for _ in 0..200 {
            if self.engine.running().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("after ten seconds these still run: {:?}", self.engine.running());
    }

    /// Waits until a question runs.
    pub(crate) async fn until_busy(&self) {
        for _ in 0..200 {
            if !self.engine.running().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("after ten seconds nothing runs");
    }
}
