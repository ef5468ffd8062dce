//! Routing: a published message comes in; it goes to the in-process queues (waiting where one is full), to the sessions
//! whose filters select it, and to the retained messages. No lock is held while anything waits.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::session::{Session, Terms};
use super::shared::Shared;
use super::{BrokerCounters, BrokerLimits, Door, Tally, count};
use crate::message::{Acknowledgement, Delivery, Incoming, Message, Messages};
use crate::topic;

/// Topics of requests to the SensorThings service.
const REQUESTS: &str = "v1.1/";

/// Everything the connections share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) limits: BrokerLimits,
    pub(crate) door: Door,
    pub(crate) tally: Tally,
    routes: RwLock<Routes>,
}

#[derive(Debug, Default)]
struct Routes {
    inside: Vec<mpsc::Sender<Incoming>>,
    retained: BTreeMap<String, Message>,
    /// By client id; iterated only to offer a message to each, where the order says nothing.
    sessions: HashMap<String, Arc<Session>>,
    shared: Shared,
}

impl Routes {
    fn forget(&mut self, client_id: &str) {
        if let Some(session) = self.sessions.remove(client_id) {
            self.shared.forget(&session);
        }
    }
}

impl Hub {
    pub(crate) fn new(limits: BrokerLimits, door: Door) -> Self {
        Self { limits, door, tally: Tally::default(), routes: RwLock::default() }
    }

    /// A panic elsewhere leaves the tables whole: every change to them is a single step.
    fn read(&self) -> RwLockReadGuard<'_, Routes> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Routes> {
        self.routes.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe_inside(&self) -> Messages {
        let (sender, receiver) = mpsc::channel(self.limits.inside_queue.max(1));
        let mut routes = self.write();
        routes.inside.push(sender);
        let retained = routes.retained.values().filter(|m| topic::matches("#", &m.topic)).cloned().collect();
        Messages::new(retained, receiver)
    }

    /// No more messages: the in-process readers see the end once they have read what is queued.
    pub(crate) fn close(&self) {
        self.write().inside.clear();
    }

    /// Takes one published message everywhere it belongs; returns once all in-process queues have it. The
    /// acknowledgement is given when all their readers have given theirs. `from` is the publisher's session.
    pub(crate) async fn route(
        &self,
        message: Message,
        from: Option<&Session>,
        acknowledgement: Option<Acknowledgement>,
    ) {
        count(&self.tally.received, 1);
        // A request to create is for this process only: subscribers are told of what was created (OGC 18-088, 14.2).
        if !message.topic.starts_with(REQUESTS) {
            if message.retain {
                self.keep(&message);
            }
            self.offer_outside(&message, from);
        }
        self.route_inside(message, acknowledgement).await;
    }

    /// Takes the message to the readers in this process only: one that was published before, and is not known to be durable.
    pub(crate) async fn route_inside(&self, message: Message, acknowledgement: Option<Acknowledgement>) {
        let message = Message { retain: false, ..message };
        for (sender, incoming) in self.offer_inside(&message, acknowledgement.as_ref()) {
            let since = Instant::now();
            count(&self.tally.waits, 1);
            if let Err(left) = sender.send(incoming).await {
                tracing::debug!("an in-process reader left while its queue was full");
                give(left.0.acknowledgement);
            }
            count(&self.tally.waited_us, u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        give(acknowledgement);
    }

    /// Hands a message of the program's own to the sessions whose filters select it; nobody inside gets it.
    pub(crate) fn tell(&self, message: &Message) {
        self.offer_outside(message, None);
    }

    /// What clients subscribed to, each once.
    pub(crate) fn filters(&self) -> Vec<String> {
        let filters: BTreeSet<_> = self.read().sessions.values().flat_map(|session| session.filters()).collect();
        filters.into_iter().collect()
    }

    /// Hands the message to every reader in this process that has room; returns the queues that have none, with what is
    /// theirs.
    fn offer_inside(
        &self,
        message: &Message,
        acknowledgement: Option<&Acknowledgement>,
    ) -> Vec<(mpsc::Sender<Incoming>, Incoming)> {
        let mut full = Vec::new();
        let mut any_left = false;
        let routes = self.read();
        if topic::matches("#", &message.topic) {
            for sender in &routes.inside {
                let acknowledgement = acknowledgement.map(Acknowledgement::share);
                match sender.try_send(Incoming { message: message.clone(), acknowledgement }) {
                    Ok(()) => {}
                    Err(TrySendError::Full(incoming)) => full.push((sender.clone(), incoming)),
                    Err(TrySendError::Closed(incoming)) => {
                        give(incoming.acknowledgement);
                        any_left = true;
                    }
                }
            }
        }
        drop(routes);
        if any_left {
            self.write().inside.retain(|sender| !sender.is_closed());
        }
        full
    }

    fn offer_outside(&self, message: &Message, from: Option<&Session>) {
        let limit = self.limits.session_queue;
        let routes = self.read();
        for session in routes.sessions.values() {
            let is_own = from.is_some_and(|from| std::ptr::eq(from, Arc::as_ptr(session)));
            session.offer(message, is_own, limit, &self.tally);
        }
        routes.shared.choose(message, |session, delivery, number| {
            session.offer_to(message, (delivery, false, number), limit, &self.tally);
        });
    }

    /// Keeps the topic's last message; an empty one clears it (MQTT 5.0, 3.3.1.3).
    fn keep(&self, message: &Message) {
        let mut routes = self.write();
        if message.payload.is_empty() {
            routes.retained.remove(&message.topic);
        } else if routes.retained.len() < self.limits.retained || routes.retained.contains_key(&message.topic) {
            // A copy of its own: the payload is a slice of a large read buffer.
            let kept = Message { payload: Bytes::copy_from_slice(&message.payload), ..message.clone() };
            routes.retained.insert(message.topic.clone(), kept);
        } else {
            count(&self.tally.not_retained, 1);
        }
    }

    /// The retained messages a filter selects.
    pub(crate) fn retained(&self, filter: &str) -> VecDeque<Message> {
        let routes = self.read();
        let now = Instant::now();
        let found: VecDeque<Message> = if filter.contains(['+', '#']) {
            routes.retained.values().filter(|m| topic::matches(filter, &m.topic)).cloned().collect()
        } else {
            routes.retained.get(filter).cloned().into_iter().collect()
        };
        found.into_iter().filter(|message| !message.is_expired(now)).collect()
    }

    pub(crate) fn share(&self, name: &str, session: &Arc<Session>, delivery: Delivery, number: Option<u32>) {
        self.write().shared.join(name, session, delivery, number);
    }

    pub(crate) fn unshare(&self, name: &str, session: &Arc<Session>) {
        self.write().shared.leave(name, session);
    }

    /// The session of a client, new or continued, whether it was there before, and the will of one that ends by this.
    pub(crate) fn open_session(
        &self,
        client_id: &str,
        clean: bool,
        terms: Terms,
    ) -> (Arc<Session>, bool, Option<Message>) {
        let mut routes = self.write();
        let before = routes.sessions.get(client_id).cloned();
        match before {
            Some(session) if !clean && !session.is_clean() && !session.is_over(Instant::now()) => (session, true, None),
            before => {
                let will = before.and_then(|session| session.end());
                routes.forget(client_id);
                evict_absent(&mut routes, self.limits.sessions);
                let session = Arc::new(Session::new(terms));
                routes.sessions.insert(client_id.to_owned(), Arc::clone(&session));
                (session, false, will)
            }
        }
    }

    /// Forgets a clean session when its connection has ended; another session under the same id stays, and one that another
    /// connection has taken over.
    pub(crate) fn close_session(&self, client_id: &str, session: &Arc<Session>) {
        let mut routes = self.write();
        let is_left = session.is_clean() && session.absent_since().is_some();
        if is_left && routes.sessions.get(client_id).is_some_and(|held| Arc::ptr_eq(held, session)) {
            routes.forget(client_id);
        }
    }

    /// Publishes wills that are due and forgets sessions that were kept long enough.
    pub(crate) async fn tend(&self) {
        let now = Instant::now();
        let (mut wills, mut over) = (Vec::new(), Vec::new());
        for (client_id, session) in &self.read().sessions {
            wills.extend(session.due_will(now));
            if session.is_over(now) {
                over.push((client_id.clone(), Arc::clone(session)));
            }
        }
        for (client_id, session) in over {
            let mut routes = self.write();
            // Its client may have come back in between.
            if session.is_over(now) && routes.sessions.get(&client_id).is_some_and(|held| Arc::ptr_eq(held, &session)) {
                routes.forget(&client_id);
            }
        }
        for will in wills {
            self.route(will, None, None).await;
        }
    }

    pub(crate) fn counters(&self) -> BrokerCounters {
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        BrokerCounters {
            connected: get(&self.tally.connected),
            received: get(&self.tally.received),
            sent: get(&self.tally.sent),
            waits: get(&self.tally.waits),
            waited_ms: get(&self.tally.waited_us) / 1_000,
            dropped: get(&self.tally.dropped),
            cut_off: get(&self.tally.cut_off),
            refused: get(&self.tally.refused),
            not_retained: get(&self.tally.not_retained),
        }
    }
}

/// One who does not take the message any more does not hold its publisher up.
fn give(acknowledgement: Option<Acknowledgement>) {
    if let Some(acknowledgement) = acknowledgement {
        acknowledgement.give();
    }
}

/// Makes room for one more session by forgetting the one that has been absent longest.
fn evict_absent(routes: &mut Routes, limit: usize) {
    if routes.sessions.len() < limit {
        return;
    }
    let eldest = routes.sessions.iter().filter_map(|(id, s)| s.absent_since().map(|since| (since, id.clone()))).min();
    if let Some((_, id)) = eldest {
        routes.forget(&id);
    }
}
