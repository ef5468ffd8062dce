//! Who listens, for what, and what waits to be sent to each.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel_model::{DatastreamId, EntityId, Kind, Observation, PositionFix, Region};
use kernel_store::{Delta, LiveView, PresentEntity, Reader};
use tokio::sync::Notify;

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
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut guard = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = &mut *guard;
        for id in &delta.entities {
            let wanted = live.entity(id).is_some_and(|entity| self.filter.wants(entity));
            if wanted {
                known.insert(*id);
            }
            if known.contains(id) {
                pending.entities.insert(*id);
            }
        }
        for fix in delta.fixes.iter().filter(|fix| known.contains(&fix.entity) && self.filter.wants_fix(&fix.fix)) {
            let room = pending.len() < PENDING || pending.fixes.contains_key(&fix.entity);
            match room {
                true => pending.coalesced += u64::from(pending.fixes.insert(fix.entity, fix.fix).is_some()),
                false => pending.missed += 1,
            }
        }
        for reading in delta.readings.iter().filter(|reading| known.contains(&reading.entity)) {
            let key = (reading.entity, reading.datastream);
            let room = pending.len() < PENDING || pending.readings.contains_key(&key);
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
#[derive(Debug, Default)]
pub struct Hub {
    clients: Mutex<Vec<std::sync::Weak<Client>>>,
    /// What was sent.
    pub counters: HubCounters,
}

impl Hub {
    /// Adds a listener; it is forgotten when the returned handle is dropped.
    pub fn listen(&self, filter: Filter) -> Arc<Client> {
        let client =
            Arc::new(Client { filter, known: Mutex::default(), pending: Mutex::default(), wake: Notify::new() });
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&client));
        client
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
