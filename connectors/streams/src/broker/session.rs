//! What the broker holds for one client: its filters, the messages that wait for it, those it has not acknowledged, the
//! quality 2 packets it has not released. Messages come in from the hub, packets go out to the connection that has the
//! session. It never holds more than the limit: beyond it QoS 0 is dropped, and a QoS 1 or 2 subscriber loses its
//! connection and what waited, both counted.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{Tally, count};
use crate::message::{Delivery, Message};
use crate::mqtt::{Ack, Packet, Publish, Wanted};
use crate::topic;

/// QoS 1 and 2 messages sent and not yet acknowledged, where the client takes as many.
const IN_FLIGHT: usize = 256;

/// What a client and its connection agreed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How long the session stays without a connection, seconds; 0: it ends with it, [`u32::MAX`]: for ever.
    pub(crate) expiry_s: u32,
    /// Unacknowledged messages the client takes.
    pub(crate) receive_maximum: u16,
}

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    state: Mutex<State>,
    /// Told whenever there is something to take, or the session has a new owner.
    pub(crate) wake: Notify,
}

/// A filter and the number its messages bear.
#[derive(Debug)]
struct Subscription {
    wanted: Wanted,
    number: Option<u32>,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    subscriptions: Vec<u32>,
}

#[derive(Debug)]
enum InFlight {
    Sent(u16, Waiting),
    /// Quality 2, after PUBREC.
    Released(u16),
}

impl InFlight {
    fn id(&self) -> u16 {
        match self {
            Self::Sent(id, _) | Self::Released(id) => *id,
        }
    }
}

#[derive(Debug)]
struct State {
    terms: Terms,
    subscriptions: Vec<Subscription>,
    waiting: VecDeque<Waiting>,
    in_flight: VecDeque<InFlight>,
    last_packet_id: u16,
    /// Quality 2 packets of the client that it has not released.
    unreleased: HashSet<u16>,
    /// Counts the connections that had this session; the newest owns it.
    owner: u64,
    absent_since: Option<Instant>,
    overflowed: bool,
    /// To be published at the instant, unless the client is back by then.
    will: Option<(Message, Instant)>,
    /// Another session has replaced this one.
    is_ended: bool,
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
    pub(crate) fn new(terms: Terms) -> Self {
        let state = State {
            terms,
            subscriptions: Vec::new(),
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            last_packet_id: 0,
            unreleased: HashSet::new(),
            owner: 0,
            absent_since: None,
            overflowed: false,
            will: None,
            is_ended: false,
        };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it ends with its connection.
    pub(crate) fn is_clean(&self) -> bool {
        self.lock().terms.expiry_s == 0
    }

    pub(crate) fn set_expiry(&self, expiry_s: u32) {
        self.lock().terms.expiry_s = expiry_s;
    }

    pub(crate) fn absent_since(&self) -> Option<Instant> {
        self.lock().absent_since
    }

    /// Whether its client has been away for longer than it is kept.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let state = self.lock();
        let kept = Duration::from_secs(u64::from(state.terms.expiry_s));
        state.terms.expiry_s != u32::MAX && state.absent_since.is_some_and(|since| now.duration_since(since) >= kept)
    }

    /// A new connection owns the session; what was in flight is to be sent again.
    pub(crate) fn attach(&self, terms: Terms, out: &mut Vec<Packet>) -> u64 {
        let mut state = self.lock();
        state.terms = terms;
        state.owner += 1;
        state.absent_since = None;
        state.overflowed = false;
        state.will = None;
        out.extend(state.in_flight.iter().map(|packet| match packet {
            InFlight::Sent(id, waiting) => publish(waiting, *id, true),
            InFlight::Released(id) => Packet::PubRel(Ack::new(*id)),
        }));
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
            state.waiting.retain(|waiting| waiting.message.delivery != Delivery::AtMostOnce);
        }
    }

    /// Another session replaces this one: its connection must go. A will that waits is to be published now.
    pub(crate) fn end(&self) -> Option<Message> {
        let mut state = self.lock();
        state.owner += 1;
        state.is_ended = true;
        let will = state.will.take();
        drop(state);
        self.wake.notify_waiters();
        self.wake.notify_one();
        will.map(|(message, _)| message)
    }

    /// Keeps the will of a connection that is gone; it is due after its delay, or with the end of the session if that is earlier
    /// (3.1.3.2.2), and comes back where that is now. Where another connection has the session the client is back.
    pub(crate) fn keep_will(&self, owner: u64, message: Message, delay_s: u32) -> Option<Message> {
        let mut state = self.lock();
        let has_it = state.owner == owner;
        if state.is_ended || has_it && state.terms.expiry_s == 0 {
            return Some(message);
        }
        if has_it {
            let delay = Duration::from_secs(u64::from(delay_s.min(state.terms.expiry_s)));
            state.will = Some((message, Instant::now() + delay));
        }
        None
    }

    /// The will, once it is due.
    pub(crate) fn due_will(&self, now: Instant) -> Option<Message> {
        self.lock().will.take_if(|(_, due)| *due <= now).map(|(message, _)| message)
    }

    /// Adds or replaces a filter: whether there is room, and whether it is new.
    pub(crate) fn subscribe(&self, wanted: Wanted, number: Option<u32>, limit: usize) -> (bool, bool) {
        let mut state = self.lock();
        if let Some(held) = state.subscriptions.iter_mut().find(|held| held.wanted.filter == wanted.filter) {
            *held = Subscription { wanted, number };
            return (true, false);
        }
        let has_room = state.subscriptions.len() < limit;
        if has_room {
            state.subscriptions.push(Subscription { wanted, number });
        }
        (has_room, has_room)
    }

    /// The filters.
    pub(crate) fn filters(&self) -> Vec<String> {
        self.lock().subscriptions.iter().map(|held| held.wanted.filter.clone()).collect()
    }

    /// Whether there was such a filter.
    pub(crate) fn unsubscribe(&self, filter: &str) -> bool {
        let mut state = self.lock();
        let before = state.subscriptions.len();
        state.subscriptions.retain(|held| held.wanted.filter != filter);
        state.subscriptions.len() < before
    }

    /// Queues the message if a filter selects it, once, at the best delivery of those that do. `is_own`: this client
    /// published it.
    pub(crate) fn offer(&self, message: &Message, is_own: bool, limit: usize, tally: &Tally) {
        let mut state = self.lock();
        let (mut best, mut keeps_retain, mut numbers) = (None, false, Vec::new());
        for Subscription { wanted, number } in &state.subscriptions {
            if !(wanted.no_local && is_own) && topic::matches(&wanted.filter, &message.topic) {
                best = best.max(Some(wanted.delivery));
                keeps_retain |= wanted.keeps_retain;
                numbers.extend(*number);
            }
        }
        if let Some(delivery) = best {
            self.queue(&mut state, message, delivery, message.retain && keeps_retain, numbers, limit, tally);
        }
    }

    /// Queues a message for one subscription: retained ones for a new filter, or what a shared one chose this client for.
    pub(crate) fn offer_to(
        &self,
        message: &Message,
        (delivery, retain, number): (Delivery, bool, Option<u32>),
        limit: usize,
        tally: &Tally,
    ) {
        let mut state = self.lock();
        self.queue(&mut state, message, delivery, retain, number.into_iter().collect(), limit, tally);
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the two above")]
    fn queue(
        &self,
        state: &mut State,
        message: &Message,
        best: Delivery,
        retain: bool,
        subscriptions: Vec<u32>,
        limit: usize,
        tally: &Tally,
    ) {
        let delivery = best.min(message.delivery);
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
            // A copy of its own: the payload is a slice of a large read buffer.
            let payload = Bytes::copy_from_slice(&message.payload);
            let (topic, passed) = (message.topic.clone(), message.passed.clone());
            let message = Message { topic, payload, delivery, retain, passed };
            state.waiting.push_back(Waiting { message, subscriptions });
        }
        self.wake.notify_one();
    }

    /// Moves what waits to the connection, as far as the window of unacknowledged messages allows.
    pub(crate) fn take(&self, owner: u64, out: &mut Vec<Packet>) -> Result<(), SessionLost> {
        let mut state = self.lock();
        if state.owner != owner {
            return Err(SessionLost::TakenOver);
        }
        if state.overflowed {
            return Err(SessionLost::Overflow);
        }
        let window = IN_FLIGHT.min(usize::from(state.terms.receive_maximum));
        let now = Instant::now();
        while let Some(next) = state.waiting.front() {
            if next.message.delivery != Delivery::AtMostOnce && state.in_flight.len() >= window {
                break;
            }
            let Some(next) = state.waiting.pop_front() else { break };
            if next.message.is_expired(now) {
                continue;
            }
            if next.message.delivery == Delivery::AtMostOnce {
                out.push(publish(&next, 0, false));
                continue;
            }
            let id = state.next_packet_id();
            out.push(publish(&next, id, false));
            state.in_flight.push_back(InFlight::Sent(id, next));
        }
        Ok(())
    }

    /// Quality 1, or the end of quality 2.
    pub(crate) fn acknowledged(&self, packet_id: u16) {
        self.lock().in_flight.retain(|packet| packet.id() != packet_id);
    }

    /// Quality 2 arrived: from now on only the id is kept. Whether there was such a packet.
    pub(crate) fn received(&self, packet_id: u16) -> bool {
        let mut state = self.lock();
        let found = state.in_flight.iter_mut().find(|packet| packet.id() == packet_id);
        found.map(|packet| *packet = InFlight::Released(packet_id)).is_some()
    }

    /// Notes a quality 2 packet of the client: whether it is new; `None` where more are open than `limit`.
    pub(crate) fn note_unreleased(&self, packet_id: u16, limit: usize) -> Option<bool> {
        let mut state = self.lock();
        if state.unreleased.contains(&packet_id) {
            return Some(false);
        }
        (state.unreleased.len() < limit).then(|| state.unreleased.insert(packet_id))
    }

    /// The client releases a quality 2 packet: whether there was such a packet.
    pub(crate) fn release(&self, packet_id: u16) -> bool {
        self.lock().unreleased.remove(&packet_id)
    }
}

impl State {
    /// The next number from 1 to 65,535 that is not in flight; the window is far smaller, so there is one.
    fn next_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if self.in_flight.iter().all(|packet| packet.id() != self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

fn publish(waiting: &Waiting, id: u16, again: bool) -> Packet {
    let (message, subscriptions) = (waiting.message.clone(), waiting.subscriptions.clone());
    Packet::Publish(Publish { message, id, again, alias: None, subscriptions })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Terms = Terms { expiry_s: 0, receive_maximum: u16::MAX };
    const KEPT: Terms = Terms { expiry_s: u32::MAX, receive_maximum: u16::MAX };

    fn message(payload: &'static str, delivery: Delivery) -> Message {
        Message { topic: "a/b".into(), payload: payload.into(), delivery, retain: false, passed: None }
    }

    fn published(packets: &[Packet]) -> Vec<(&[u8], u16, bool, Delivery)> {
        let publishes = packets.iter().filter_map(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        });
        publishes.map(|p| (p.message.payload.as_ref(), p.id, p.again, p.message.delivery)).collect()
    }

    fn wants(session: &Session, filter: &str, delivery: Delivery) {
        assert_eq!(session.subscribe(Wanted::new(filter, delivery), None, 9), (true, true));
    }

    #[test]
    fn overlapping_filters_deliver_once_at_the_best_quality() {
        let (session, tally) = (Session::new(CLEAN), Tally::default());
        let owner = session.attach(CLEAN, &mut Vec::new());
        wants(&session, "a/#", Delivery::AtMostOnce);
        wants(&session, "a/b", Delivery::AtLeastOnce);
        session.offer(&message("x", Delivery::ExactlyOnce), false, 10, &tally);
        let mut out = Vec::new();
        session.take(owner, &mut out).unwrap();
        assert_eq!(published(&out), [(&b"x"[..], 1, false, Delivery::AtLeastOnce)]);
    }

    #[test]
    fn a_full_queue_drops_qos_0_and_cuts_off_qos_1() {
        let (session, tally) = (Session::new(CLEAN), Tally::default());
        let owner = session.attach(CLEAN, &mut Vec::new());
        wants(&session, "#", Delivery::AtLeastOnce);
        for _ in 0..3 {
            session.offer(&message("x", Delivery::AtMostOnce), false, 2, &tally);
        }
        assert_eq!(tally.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
        session.offer(&message("x", Delivery::AtLeastOnce), false, 2, &tally);
        assert_eq!(session.take(owner, &mut Vec::new()), Err(SessionLost::Overflow));
    }

    #[test]
    fn unacknowledged_messages_come_again_to_the_next_connection() {
        let (session, tally) = (Session::new(KEPT), Tally::default());
        let first = session.attach(KEPT, &mut Vec::new());
        wants(&session, "#", Delivery::ExactlyOnce);
        for (payload, delivery) in
            [("one", Delivery::AtLeastOnce), ("two", Delivery::AtLeastOnce), ("three", Delivery::ExactlyOnce)]
        {
            session.offer(&message(payload, delivery), false, 9, &tally);
        }
        session.take(first, &mut Vec::new()).unwrap();
        session.acknowledged(1);
        assert!(session.received(3) && !session.received(9));
        session.detach(first);
        session.offer(&message("lost", Delivery::AtMostOnce), false, 9, &tally);
        let mut again = Vec::new();
        let second = session.attach(KEPT, &mut again);
        assert_eq!(published(&again), [(&b"two"[..], 2, true, Delivery::AtLeastOnce)]);
        assert_eq!(again[1], Packet::PubRel(Ack::new(3)), "quality 2 goes on where it was");
        assert_eq!(session.take(first, &mut Vec::new()), Err(SessionLost::TakenOver));
        assert!(session.take(second, &mut again).is_ok() && again.len() == 2);
    }

    #[test]
    fn a_client_gets_no_more_than_it_takes_and_nothing_that_has_expired() {
        let (session, tally) = (Session::new(KEPT), Tally::default());
        let terms = Terms { receive_maximum: 2, ..KEPT };
        let owner = session.attach(terms, &mut Vec::new());
        wants(&session, "#", Delivery::AtLeastOnce);
        let expired = crate::mqtt::Passed { expires: Some(Instant::now()), ..Default::default() };
        let old = Message { passed: Some(expired.into()), ..message("old", Delivery::AtLeastOnce) };
        session.offer(&old, false, 9, &tally);
        for payload in ["1", "2", "3"] {
            session.offer(&message(payload, Delivery::AtLeastOnce), false, 9, &tally);
        }
        let mut out = Vec::new();
        session.take(owner, &mut out).unwrap();
        assert_eq!(published(&out).iter().map(|p| p.0).collect::<Vec<_>>(), [b"1", b"2"]);
        session.acknowledged(1);
        session.take(owner, &mut out).unwrap();
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn packet_ids_skip_those_in_flight_and_never_become_zero() {
        let mut state = Session::new(CLEAN).state.into_inner().unwrap();
        state.last_packet_id = u16::MAX;
        state.in_flight.push_back(InFlight::Released(1));
        assert_eq!(state.next_packet_id(), 2);
    }
}
