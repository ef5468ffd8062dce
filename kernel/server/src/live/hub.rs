//! Who listens, for what, and what waits to be sent to each.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel_model::{DatastreamId, EntityId, Kind, Observation, PositionFix, Region};
use kernel_store::{Delta, LiveView, PresentEntity, Reader};
use tokio::sync::{Notify, watch};

/// Distinct things that may wait for one client; what comes beyond is counted as missed.
const PENDING: usize = 200_000;

/// What a client wants to see. `None`: everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only what lies here.
    pub region: Option<Region>,
    /// Only these kinds.
    pub kinds: Option<BTreeSet<Kind>>,
}

impl Filter {
    /// Whether the client wants to hear of the thing at all; where it is matters only while it stands still.
    pub fn wants(&self, entity: &PresentEntity) -> bool {
        let kind = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&entity.kind));
        kind && match (&self.region, &entity.region) {
            (Some(wanted), Some(own)) => wanted.intersects(own),
            _ => true,
        }
    }

    fn wants_fix(&self, fix: &PositionFix) -> bool {
        self.region.as_ref().is_none_or(|region| region.contains(fix.place.lon_deg, fix.place.lat_deg))
    }
}

/// What waits for a client: the newest of everything.
#[derive(Debug, Default)]
pub struct Pending {
    /// Things described anew or gone.
    pub entities: BTreeSet<EntityId>,
    /// Newest fixes.
    pub fixes: BTreeMap<EntityId, PositionFix>,
    /// Newest readings.
    pub readings: BTreeMap<(EntityId, DatastreamId), Observation>,
    /// States replaced by newer ones before they were sent.
    pub coalesced: u64,
    /// States left out because too many things waited.
    pub missed: u64,
}

impl Pending {
    fn len(&self) -> usize {
        self.entities.len() + self.fixes.len() + self.readings.len()
    }
}

/// One listener.
#[derive(Debug)]
pub struct Client {
    filter: Filter,
    /// What it sees.
    reader: Reader,
    room: usize,
    known: Mutex<HashSet<EntityId>>,
    pending: Mutex<Pending>,
    wake: Notify,
}

impl Client {
    /// What the client wants to see.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Waits until something is pending.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes what is pending.
    pub fn take(&self) -> Pending {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers what the client was told of.
    pub fn know(&self, ids: impl IntoIterator<Item = EntityId>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    fn offer(&self, delta: &Delta, live: &LiveView<'_>) {
        let live = live.seen_by(&self.reader);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut guard = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = &mut *guard;
        for id in &delta.entities {
            let wanted = live.entity(id).is_some_and(|entity| self.filter.wants(&entity));
            if wanted {
                known.insert(*id);
            }
            if known.contains(id) {
                pending.entities.insert(*id);
            }
        }
        for fix in delta.fixes.iter().filter(|fix| known.contains(&fix.entity)) {
            let shown = live.shown_fix(&fix.entity, fix.fix).filter(|shown| self.filter.wants_fix(shown));
            let Some(shown) = shown else { continue };
            let room = pending.len() < self.room || pending.fixes.contains_key(&fix.entity);
            match room {
                true => pending.coalesced += u64::from(pending.fixes.insert(fix.entity, shown).is_some()),
                false => pending.missed += 1,
            }
        }
        for reading in delta.readings.iter().filter(|reading| known.contains(&reading.entity)) {
            if live.reading(reading.datastream).is_none() {
                continue;
            }
            let key = (reading.entity, reading.datastream);
            let room = pending.len() < self.room || pending.readings.contains_key(&key);
            match room {
                true => pending.coalesced += u64::from(pending.readings.insert(key, reading.observation).is_some()),
                false => pending.missed += 1,
            }
        }
        if pending.len() > 0 || pending.missed > 0 {
            self.wake.notify_one();
        }
    }
}

/// What was sent to all clients together.
#[derive(Debug, Default)]
pub struct HubCounters {
    /// Messages sent.
    pub messages: AtomicU64,
    /// Bytes sent.
    pub bytes: AtomicU64,
    /// States replaced by newer ones before they were sent.
    pub coalesced: AtomicU64,
    /// States left out.
    pub missed: AtomicU64,
}

/// All listeners.
#[derive(Debug)]
pub struct Hub {
    clients: Mutex<Vec<std::sync::Weak<Client>>>,
    room: usize,
    closing: watch::Sender<bool>,
    /// What was sent.
    pub counters: HubCounters,
}

impl Default for Hub {
    fn default() -> Self {
        Self::with_room(PENDING)
    }
}

impl Hub {
    /// A hub at which so many distinct things may wait for each client.
    pub fn with_room(room: usize) -> Self {
        Self { clients: Mutex::default(), room, closing: watch::Sender::new(false), counters: HubCounters::default() }
    }

    /// Adds a listener, who hears of what the reader sees; it is forgotten when the returned handle is dropped.
    pub fn listen(&self, filter: Filter, reader: &Reader) -> Arc<Client> {
        let client = Arc::new(Client {
            filter,
            reader: reader.clone(),
            room: self.room,
            known: Mutex::default(),
            pending: Mutex::default(),
            wake: Notify::new(),
        });
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&client));
        client
    }

    /// Tells everybody that the server stops.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Whether it does, and word when.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Number of listeners.
    pub fn len(&self) -> usize {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().filter(|client| client.strong_count() > 0).count()
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells every listener what it wants to know; never waits for one.
    pub fn publish(&self, delta: &Delta, reader: &Reader) {
        let clients: Vec<Arc<Client>> = {
            let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.iter().filter_map(std::sync::Weak::upgrade).collect()
        };
        if clients.is_empty() {
            return;
        }
        let live = reader.live();
        for client in clients {
            client.offer(delta, &live);
        }
    }

    /// Counts what was taken from a client's pending set.
    pub fn count(&self, pending: &Pending) {
        self.counters.coalesced.fetch_add(pending.coalesced, Ordering::Relaxed);
        self.counters.missed.fetch_add(pending.missed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use kernel_model::{
        Change, Coord, EntityDraft, Geometry, HeightReference, Place, PositionBatch, Shape, SourceKey, TimeUs,
    };
    use kernel_store::{Options, Store};

    use super::*;

    fn key(n: usize) -> SourceKey {
        SourceKey::new("test", format!("car-{n}"))
    }

    fn mover(n: usize) -> Change {
        let mut draft = EntityDraft::new(key(n), Kind::Vehicle, "car");
        draft.height_reference = HeightReference::Ellipsoid;
        Change::Entity(draft)
    }

    fn fix(n: usize, t: i64, lon_deg: f64) -> Change {
        let place = Place { lon_deg, lat_deg: 39.98, height_m: None };
        let row = PositionFix { time: TimeUs(t), place, heading_deg: None, speed_m_s: None };
        Change::Positions(PositionBatch {
            entity: key(n),
            height_reference: HeightReference::Ellipsoid,
            rows: vec![row],
        })
    }

    /// A store with ten movers, a hub with room for eight, and a client that has heard nothing yet.
    fn slow(filter: Filter) -> (tempfile::TempDir, Store, Hub, Arc<Client>) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path(), Options::default()).unwrap().0;
        let hub = Hub::with_room(8);
        let client = hub.listen(filter, &store.reader());
        commit(&mut store, &hub, (0..10).map(mover).collect());
        (dir, store, hub, client)
    }

    fn commit(store: &mut Store, hub: &Hub, changes: Vec<Change>) {
        let committed = store.commit(&[changes]).unwrap();
        hub.publish(&committed.delta, &store.reader());
    }

    #[test]
    fn a_slow_client_gets_the_newest_state_and_is_told_what_it_missed() {
        let (_dir, mut store, hub, client) = slow(Filter::default());
        assert_eq!(client.take().entities.len(), 10, "what there is, is never left out");
        for t in 1..=100 {
            commit(&mut store, &hub, (0..10).map(|n| fix(n, t, 116.3)).collect());
        }
        let pending = client.take();
        assert_eq!(pending.fixes.len(), 8, "room for eight");
        assert!(pending.fixes.values().all(|fix| fix.time == TimeUs(100)), "the newest of each");
        assert_eq!((pending.coalesced, pending.missed), (8 * 99, 2 * 100));
        assert_eq!(client.take().len(), 0, "once taken, gone");
    }

    #[test]
    fn a_client_hears_only_what_it_asked_for() {
        let region = Region { west: 116.0, south: 39.0, east: 116.5, north: 40.0 };
        let wanted = Filter { region: Some(region), kinds: Some([Kind::Vehicle].into()) };
        let (_dir, mut store, hub, client) = slow(wanted);
        let mut lamp = EntityDraft::new(SourceKey::new("test", "lamp"), Kind::Furniture, "lamp");
        lamp.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.3, 39.98, 0.0))));
        client.take();
        commit(&mut store, &hub, vec![Change::Entity(lamp), fix(1, 1, 116.3), fix(2, 1, 117.9)]);
        let pending = client.take();
        assert!(pending.entities.is_empty(), "no lamps");
        assert_eq!(pending.fixes.len(), 1, "only the one inside");
        drop(client);
        assert!(hub.is_empty(), "a client that is gone is forgotten");
    }
}
