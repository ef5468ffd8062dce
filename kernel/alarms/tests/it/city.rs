//! A small city in a store, and its alarms.

use kernel_alarms::{Alarms, Alert, Commit, Event, Record, Rules};
use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, EntityId, Geometry, HeightReference, Kind, Observation,
    ObservationBatch, Place, PositionBatch, PositionFix, Quality, Shape, SourceKey, TimeUs,
};
use kernel_store::{Options, Store};
use serde_json::{Map, Value};

pub(crate) fn key(id: &str) -> SourceKey {
    SourceKey::new("test", id)
}

/// A square around a place, half a side of so many degrees.
pub(crate) fn square([lon, lat]: [f64; 2], half: f64) -> Geometry {
    let corner = |x: f64, y: f64| Coord::new(lon + x * half, lat + y * half, 0.0);
    let ring = vec![corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0), corner(-1.0, -1.0)];
    Geometry::flat(Shape::Polygon(vec![ring]))
}

pub(crate) fn thing(id: &str, kind: Kind, class: &str, geometry: Option<Geometry>, properties: Value) -> Change {
    let mut draft = EntityDraft::new(key(id), kind, class);
    draft.geometry = geometry;
    if kind == Kind::Vehicle {
        draft.height_reference = HeightReference::Ellipsoid;
    }
    draft.properties = properties.as_object().cloned().unwrap_or_else(Map::new);
    Change::Entity(draft)
}

pub(crate) fn fix(id: &str, second: i64, at: [f64; 2], height_m: Option<f64>, speed_m_s: Option<f32>) -> Change {
    let place = Place::new(at[0], at[1], height_m).unwrap();
    let row = PositionFix { time: TimeUs(second * 1_000_000), place, heading_deg: None, speed_m_s };
    let height_reference = HeightReference::Ellipsoid;
    Change::Positions(PositionBatch { entity: key(id), height_reference, rows: vec![row] })
}

pub(crate) fn series(id: &str, entity: &str, property: &str, unit: &str) -> Change {
    let (property, unit, name) = (property.to_owned(), unit.to_owned(), id.to_owned());
    Change::Datastream(DatastreamDraft { source: key(id), entity: key(entity), property, unit, name })
}

pub(crate) fn reading(id: &str, second: i64, value: f64) -> Change {
    let (phenomenon_time, quality) = (TimeUs(second * 1_000_000), Quality::Good);
    let rows = vec![Observation { phenomenon_time, result_time: None, value, quality }];
    Change::Observations(ObservationBatch { datastream: key(id), unit: None, rows, places: Vec::new() })
}

/// A store and its alarms in a folder.
pub(crate) struct City {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) rules: Rules,
    pub(crate) store: Option<Store>,
    pub(crate) alarms: Option<Alarms>,
}

impl City {
    pub(crate) fn new(rules: &str) -> Self {
        let rules: Rules = serde_json::from_str(rules).unwrap();
        let mut city = Self { dir: tempfile::tempdir().unwrap(), rules, store: None, alarms: None };
        city.start();
        city
    }

    pub(crate) fn start(&mut self) {
        let (store, _) = Store::open(self.dir.path(), options()).unwrap();
        let snapshot = store.reader().snapshot();
        self.store = Some(store);
        self.alarms =
            Some(Alarms::open(&self.dir.path().join("alarms"), self.rules.check().unwrap(), &snapshot).unwrap());
    }

    /// Ends as a kill does: nothing is written any more.
    pub(crate) fn kill(&mut self) {
        self.alarms = None;
        self.store = None;
    }

    pub(crate) fn commit(&mut self, changes: Vec<Change>) -> Commit {
        let committed = self.store.as_mut().unwrap().commit(&[changes]).unwrap();
        let rejected: Vec<_> = committed.outcomes.iter().flat_map(|outcome| &outcome.rejected).collect();
        assert!(rejected.is_empty(), "{rejected:?}");
        Commit::of(committed.sequence, &committed.rows)
    }

    /// Commits, and the alarms look at it and write what they find.
    pub(crate) fn tell(&mut self, changes: Vec<Change>) {
        let commit = self.commit(changes);
        assert!(self.alarms.as_mut().unwrap().take(commit));
        self.alarms.as_mut().unwrap().flush().unwrap();
    }

    pub(crate) fn tell_all(&mut self, story: &[Vec<Change>]) {
        for changes in story {
            self.tell(changes.clone());
        }
    }

    pub(crate) fn id(&self, id: &str) -> EntityId {
        self.store.as_ref().unwrap().reader().live().entity_of(&key(id)).unwrap()
    }

    pub(crate) fn alerts(&self) -> Vec<Alert> {
        let records = self.alarms.as_ref().unwrap().reader().after(0, usize::MAX).unwrap();
        let alert = |record: &Record| match record {
            Record::Alert(alert) => Some(alert.clone()),
            Record::Acknowledged { .. } => None,
        };
        records.iter().filter_map(|(_, record)| alert(record)).collect()
    }

    /// Event, thing and second of each alert after so many.
    pub(crate) fn told(&self, after: usize) -> Vec<(Event, EntityId, i64)> {
        let alerts = self.alerts();
        alerts[after..].iter().map(|alert| (alert.event, alert.thing, alert.time.0 / 1_000_000)).collect()
    }
}

pub(crate) fn options() -> Options {
    Options { seal_rows: 200, ..Options::default() }
}
