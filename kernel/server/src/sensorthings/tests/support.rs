//! A served store and a client of its service.

use std::net::SocketAddr;
use std::sync::Arc;

use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, Geometry, Kind, Observation, ObservationBatch, Place, PositionBatch,
    PositionFix, Quality, Shape, SourceKey, TimeUs,
};
use serde_json::Value;

use crate::AppState;
use crate::tests::{exchange, served};

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// What is served.
pub(super) struct Service {
    pub(super) state: Arc<AppState>,
    pub(super) address: SocketAddr,
    key: String,
    _server: crate::Server,
    _dir: tempfile::TempDir,
}

impl Service {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (state, server, key) = served(dir.path()).await;
        Self { state, address: server.address, key, _server: server, _dir: dir }
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = path.strip_prefix(&format!("http://{}", self.address)).unwrap_or(path);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/sta/v1.1/{path}") };
        let path = path.replace(' ', "%20");
        let (address, key, length) = (self.address, &self.key, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let answer = exchange(self.address, request.as_bytes()).await;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let location = head.lines().find_map(|line| line.strip_prefix("location: ")).map(str::to_owned);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, location, text: text.to_owned() }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    /// The entities of a page.
    pub(super) async fn list(&self, path: &str) -> Vec<Value> {
        self.get(path).await["value"].as_array().unwrap_or_else(|| panic!("{path}")).clone()
    }

    /// The ids of a page.
    pub(super) async fn ids(&self, path: &str) -> Vec<String> {
        self.list(path).await.iter().map(|entity| entity["@iot.id"].to_string().trim_matches('"').to_owned()).collect()
    }

    pub(super) async fn refused(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let answer = self.send(method, path, body).await;
        assert!(answer.status >= 400, "{method} {path}: {}", answer.text);
        let description = answer.json()["description"].as_str().unwrap_or_default().to_owned();
        (answer.status, description)
    }

    /// Creates an entity; its address.
    pub(super) async fn create(&self, path: &str, body: &Value) -> (String, Value) {
        let answer = self.send("POST", path, &body.to_string()).await;
        assert_eq!(answer.status, 201, "{path} {body}: {}", answer.text);
        let (location, entity) = (answer.location.clone().unwrap(), answer.json());
        assert_eq!(entity["@iot.selfLink"].as_str(), Some(location.as_str()));
        (location, entity)
    }

    pub(super) async fn commit(&self, changes: Vec<Change>) {
        let outcome = self.state.ingest.commit(changes).await.unwrap().outcome;
        assert_eq!(outcome.rejected, Vec::new());
    }
}

/// Two masts with two datastreams each and readings every second, a building, and a bus that moved.
pub(super) async fn city(service: &Service, readings: i64) {
    let key = |id: &str| SourceKey::new("test", id);
    let point = |lon: f64| Some(Geometry::flat(Shape::Point(Coord::new(lon, 39.9, 0.0))));
    let mut changes = Vec::new();
    for (mast, lon) in [("mast-a", 116.3), ("mast-b", 116.4)] {
        let mut draft = EntityDraft::new(key(mast), Kind::Sensor, "weather");
        draft.name = Some(mast.to_owned());
        draft.geometry = point(lon);
        draft.properties.insert("owner".to_owned(), format!("{mast} ltd").into());
        changes.push(Change::Entity(draft));
        for (property, unit) in [("temperature", "Cel"), ("humidity", "%")] {
            let source = key(&format!("{mast}/{property}"));
            let row = |second: i64| Observation {
                phenomenon_time: TimeUs(second * 1_000_000),
                result_time: (second % 2 == 0).then_some(TimeUs(second * 1_000_000 + 5)),
                value: second as f64 / 2.0,
                quality: Quality::Good,
            };
            changes.push(Change::Datastream(DatastreamDraft {
                source: source.clone(),
                entity: key(mast),
                property: property.to_owned(),
                unit: unit.to_owned(),
                name: format!("{property} at {mast}"),
            }));
            let rows = (1..=readings).map(row).collect();
            changes.push(Change::Observations(ObservationBatch {
                datastream: source,
                unit: None,
                rows,
                places: Vec::new(),
            }));
        }
    }
    let mut house = EntityDraft::new(key("house"), Kind::Building, "residential");
    let ring = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 0.0)].map(|(lon, lat)| Coord::new(lon, lat, 0.0));
    house.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring.to_vec()])));
    changes.push(Change::Entity(house));
    changes.push(Change::Entity(EntityDraft::new(key("bus"), Kind::Vehicle, "bus")));
    let fix = |second: i64| PositionFix {
        time: TimeUs(second * 1_000_000),
        place: Place { lon_deg: 116.0 + second as f64 / 100.0, lat_deg: 39.0, height_m: None },
        heading_deg: None,
        speed_m_s: None,
    };
    changes.push(Change::Positions(PositionBatch {
        entity: key("bus"),
        height_reference: kernel_model::HeightReference::None,
        rows: (1..=10).map(fix).collect(),
    }));
    service.commit(changes).await;
}
