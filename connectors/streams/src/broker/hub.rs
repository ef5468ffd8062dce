//! Routing: a published message comes in; it goes to the in-process queues (waiting where one is full), to the sessions
//! whose filters select it, and to the retained messages. No lock is held while anything waits.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::session::Session;
use super::{BrokerCounters, BrokerLimits, Tally, count};
use crate::message::{Acknowledgement, Incoming, Message, Messages};
use crate::topic;

/// Everything the connections share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) limits: BrokerLimits,
    pub(crate) tally: Tally,
    routes: RwLock<Routes>,
}

#[derive(Debug, Default)]
struct Routes {
    inside: Vec<mpsc::Sender<Incoming>>,
    retained: BTreeMap<String, Message>,
    /// By client id; iterated only to offer a message to each, where the order says nothing.
    sessions: HashMap<String, Arc<Session>>,
}

impl Hub {
    pub(crate) fn new(limits: BrokerLimits) -> Self {
        Self { limits, tally: Tally::default(), routes: RwLock::default() }
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
    /// acknowledgement is given when all their readers have given theirs.
    pub(crate) async fn route(&self, message: Message, acknowledgement: Option<Acknowledgement>) {
        count(&self.tally.received, 1);
        if message.retain {
            self.keep(&message);
        }
        let message = Message { retain: false, ..message };
        for (sender, incoming) in self.offer(&message, acknowledgement.as_ref()) {
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

    /// Hands the message to everyone who has room; returns the in-process queues that have none, with what is theirs.
    fn offer(
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
        for session in routes.sessions.values() {
            session.offer(message, self.limits.session_queue, &self.tally);
        }
        drop(routes);
        if any_left {
            self.write().inside.retain(|sender| !sender.is_closed());
        }
        full
    }

    /// Keeps the topic's last message; an empty one clears it (MQTT 3.1.1, 3.3.1.3).
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
        if filter.contains(['+', '#']) {
            routes.retained.values().filter(|m| topic::matches(filter, &m.topic)).cloned().collect()
        } else {
            routes.retained.get(filter).cloned().into_iter().collect()
        }
    }

    /// The session of a client, new or continued, and whether it was there before.
    pub(crate) fn open_session(&self, client_id: &str, clean: bool) -> (Arc<Session>, bool) {
        let mut routes = self.write();
        let before = routes.sessions.get(client_id).cloned();
        match before {
            Some(session) if !clean && !session.is_clean() => (session, true),
            before => {
                if let Some(session) = before {
                    session.end();
                }
                evict_absent(&mut routes.sessions, self.limits.sessions);
                let session = Arc::new(Session::new(clean));
                routes.sessions.insert(client_id.to_owned(), Arc::clone(&session));
                (session, false)
            }
        }
    }

    /// Forgets a clean session when its connection ends; another session under the same id stays.
    pub(crate) fn close_session(&self, client_id: &str, session: &Arc<Session>) {
        let mut routes = self.write();
        if session.is_clean() && routes.sessions.get(client_id).is_some_and(|held| Arc::ptr_eq(held, session)) {
            routes.sessions.remove(client_id);
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
fn evict_absent(sessions: &mut HashMap<String, Arc<Session>>, limit: usize) {
    if sessions.len() < limit {
        return;
    }
    let eldest = sessions.iter().filter_map(|(id, s)| s.absent_since().map(|since| (since, id.clone()))).min();
    if let Some((_, id)) = eldest {
        sessions.remove(&id);
    }
}
