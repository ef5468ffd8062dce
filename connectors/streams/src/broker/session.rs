//! What the broker holds for one client: its filters, the messages that wait for it, those it has not acknowledged.
//! Messages come in from the hub, packets go out to the connection that has the session. It never holds more than the
//! limit: beyond it QoS 0 is dropped, and a QoS 1 subscriber loses its connection and what waited, both counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use rumqttc::{Publish, QoS};
use tokio::sync::Notify;

use super::{Tally, count};
use crate::message::{Delivery, Message};
use crate::topic;

/// QoS 1 messages sent and not yet acknowledged.
const IN_FLIGHT: usize = 256;

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    state: Mutex<State>,
    /// Told whenever there is something to take, or the session has a new owner.
    pub(crate) wake: Notify,
}

#[derive(Debug)]
struct State {
    clean: bool,
    filters: Vec<(String, Delivery)>,
    waiting: VecDeque<Message>,
    in_flight: VecDeque<(u16, Message)>,
    last_packet_id: u16,
    /// Counts the connections that had this session; the newest owns it.
    owner: u64,
    absent_since: Option<Instant>,
    overflowed: bool,
}

/// Why a connection no longer has its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionLost {
    #[error("another connection took the client id")]
    TakenOver,
    #[error("the subscriber did not keep up")]
    Overflow,
}

impl Session {
    pub(crate) fn new(clean: bool) -> Self {
        let state = State {
            clean,
            filters: Vec::new(),
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            last_packet_id: 0,
            owner: 0,
            absent_since: None,
            overflowed: false,
        };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.lock().clean
    }

    pub(crate) fn absent_since(&self) -> Option<Instant> {
        self.lock().absent_since
    }

    /// A new connection owns the session; what was in flight is to be sent again.
    pub(crate) fn attach(&self, out: &mut Vec<Publish>) -> u64 {
        let mut state = self.lock();
        state.owner += 1;
        state.absent_since = None;
        state.overflowed = false;
        out.extend(state.in_flight.iter().map(|(id, message)| packet(message, *id, true)));
        let owner = state.owner;
        drop(state);
        self.wake.notify_waiters();
        owner
    }

    /// The connection is gone; a persistent session waits for the next.
    pub(crate) fn detach(&self, owner: u64) {
        let mut state = self.lock();
        if state.owner == owner {
            state.absent_since = Some(Instant::now());
            state.waiting.retain(|message| message.delivery == Delivery::AtLeastOnce);
        }
    }

    /// Another session replaces this one: its connection must go.
    pub(crate) fn end(&self) {
        self.lock().owner += 1;
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    /// Adds or replaces a filter; `false` where there is no room.
    pub(crate) fn subscribe(&self, filter: &str, delivery: Delivery, limit: usize) -> bool {
        let mut state = self.lock();
        if let Some(held) = state.filters.iter_mut().find(|(held, _)| held == filter) {
            held.1 = delivery;
            return true;
        }
        let has_room = state.filters.len() < limit;
        if has_room {
            state.filters.push((filter.to_owned(), delivery));
        }
        has_room
    }

    pub(crate) fn unsubscribe(&self, filter: &str) {
        self.lock().filters.retain(|(held, _)| held != filter);
    }

    /// Queues the message if a filter selects it, once, at the best delivery of those that do.
    pub(crate) fn offer(&self, message: &Message, limit: usize, tally: &Tally) {
        let mut state = self.lock();
        let wanted = state.filters.iter().filter(|(f, _)| topic::matches(f, &message.topic)).map(|(_, d)| *d).max();
        if let Some(delivery) = wanted {
            self.queue(&mut state, message, delivery.min(message.delivery), limit, tally);
        }
    }

    /// Queues retained messages for a new subscription.
    pub(crate) fn offer_retained(
        &self,
        messages: impl IntoIterator<Item = Message>,
        delivery: Delivery,
        limit: usize,
        tally: &Tally,
    ) {
        let mut state = self.lock();
        for message in messages {
            self.queue(&mut state, &message, delivery.min(message.delivery), limit, tally);
        }
    }

    fn queue(&self, state: &mut State, message: &Message, delivery: Delivery, limit: usize, tally: &Tally) {
        let is_absent = state.absent_since.is_some();
        if is_absent && delivery == Delivery::AtMostOnce || state.overflowed {
            return;
        }
        if state.waiting.len() >= limit {
            if delivery == Delivery::AtMostOnce {
                count(&tally.dropped, 1);
                return;
            }
            // A gap in QoS 1 is not allowed: the client is cut off and learns of it by that.
            count(&tally.cut_off, 1);
            state.overflowed = true;
            state.waiting.clear();
        } else {
            let payload = Bytes::copy_from_slice(&message.payload);
            let topic = message.topic.clone();
            state.waiting.push_back(Message { topic, payload, delivery, retain: message.retain });
        }
        self.wake.notify_one();
    }

    /// Moves what waits to the connection, as far as the window of unacknowledged messages allows.
    pub(crate) fn take(&self, owner: u64, out: &mut Vec<Publish>) -> Result<(), SessionLost> {
        let mut state = self.lock();
        if state.owner != owner {
            return Err(SessionLost::TakenOver);
        }
        if state.overflowed {
            return Err(SessionLost::Overflow);
        }
        while let Some(next) = state.waiting.front() {
            if next.delivery == Delivery::AtLeastOnce && state.in_flight.len() >= IN_FLIGHT {
                break;
            }
            let Some(message) = state.waiting.pop_front() else { break };
            if message.delivery == Delivery::AtMostOnce {
                out.push(packet(&message, 0, false));
                continue;
            }
            let id = state.next_packet_id();
            out.push(packet(&message, id, false));
            state.in_flight.push_back((id, message));
        }
        Ok(())
    }

    pub(crate) fn acknowledged(&self, packet_id: u16) {
        self.lock().in_flight.retain(|(id, _)| *id != packet_id);
    }
}

impl State {
    /// The next number from 1 to 65,535 that is not in flight; the window is far smaller, so there is one.
    fn next_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if self.in_flight.iter().all(|(id, _)| *id != self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

fn packet(message: &Message, id: u16, again: bool) -> Publish {
    let qos = match message.delivery {
        Delivery::AtMostOnce => QoS::AtMostOnce,
        Delivery::AtLeastOnce => QoS::AtLeastOnce,
    };
    let mut publish = Publish::from_bytes(message.topic.clone(), qos, message.payload.clone());
    publish.pkid = id;
    publish.dup = again;
    publish.retain = message.retain;
    publish
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &'static str, delivery: Delivery) -> Message {
        Message { topic: "a/b".into(), payload: payload.into(), delivery, retain: false }
    }

    #[test]
    fn overlapping_filters_deliver_once_at_the_best_quality() {
        let (session, tally) = (Session::new(true), Tally::default());
        let owner = session.attach(&mut Vec::new());
        assert!(
            session.subscribe("a/#", Delivery::AtMostOnce, 9) && session.subscribe("a/b", Delivery::AtLeastOnce, 9)
        );
        session.offer(&message("x", Delivery::AtLeastOnce), 10, &tally);
        let mut out = Vec::new();
        session.take(owner, &mut out).unwrap();
        assert_eq!((out.len(), out[0].qos, out[0].pkid), (1, QoS::AtLeastOnce, 1));
    }

    #[test]
    fn a_full_queue_drops_qos_0_and_cuts_off_qos_1() {
        let (session, tally) = (Session::new(true), Tally::default());
        let owner = session.attach(&mut Vec::new());
        session.subscribe("#", Delivery::AtLeastOnce, 9);
        for _ in 0..3 {
            session.offer(&message("x", Delivery::AtMostOnce), 2, &tally);
        }
        assert_eq!(tally.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
        session.offer(&message("x", Delivery::AtLeastOnce), 2, &tally);
        assert_eq!(session.take(owner, &mut Vec::new()), Err(SessionLost::Overflow));
    }

    #[test]
    fn unacknowledged_messages_come_again_to_the_next_connection() {
        let (session, tally) = (Session::new(false), Tally::default());
        let first = session.attach(&mut Vec::new());
        session.subscribe("#", Delivery::AtLeastOnce, 9);
        session.offer(&message("one", Delivery::AtLeastOnce), 9, &tally);
        session.offer(&message("two", Delivery::AtLeastOnce), 9, &tally);
        let mut out = Vec::new();
        session.take(first, &mut out).unwrap();
        session.acknowledged(out[0].pkid);
        session.detach(first);
        session.offer(&message("lost", Delivery::AtMostOnce), 9, &tally);
        let mut again = Vec::new();
        let second = session.attach(&mut again);
        assert_eq!(again.iter().map(|p| (p.payload.as_ref(), p.dup)).collect::<Vec<_>>(), [(&b"two"[..], true)]);
        assert_eq!(session.take(first, &mut Vec::new()), Err(SessionLost::TakenOver));
        assert!(session.take(second, &mut again).is_ok() && again.len() == 1);
    }

    #[test]
    fn packet_ids_skip_those_in_flight_and_never_become_zero() {
        let mut state = Session::new(true).state.into_inner().unwrap();
        state.last_packet_id = u16::MAX;
        state.in_flight.push_back((1, message("x", Delivery::AtLeastOnce)));
        assert_eq!(state.next_packet_id(), 2);
    }
}
