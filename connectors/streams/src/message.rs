//! A message as both sources (the broker inside, the client of one outside) hand it on, with the acknowledgement its
//! publisher waits for, and the bounded queue it waits in. Nothing here reads topic or payload.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::mqtt::Passed;

/// How often a message may arrive (MQTT 5.0, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// QoS 0: at most once.
    AtMostOnce,
    /// QoS 1: at least once.
    AtLeastOnce,
    /// QoS 2: exactly once.
    ExactlyOnce,
}

/// One published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic, without wildcards.
    pub topic: String,
    /// The bytes.
    pub payload: Bytes,
    /// How it was published.
    pub delivery: Delivery,
    /// Whether it is (or was asked to be) the topic's retained message.
    pub retain: bool,
    /// What an MQTT 5.0 publisher said for its subscribers.
    pub passed: Option<Arc<Passed>>,
}

impl Message {
    /// Whether its publisher wants it delivered no more.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.passed.as_ref().and_then(|passed| passed.expires).is_some_and(|expires| expires <= now)
    }
}

/// The word a publisher with QoS 1 or 2 waits for. Give it when the message is durable. One that is dropped without
/// being given leaves the publisher waiting, and MQTT has it send the message again with its next connection.
#[derive(Debug)]
pub struct Acknowledgement(Arc<Owed>);

#[derive(Debug)]
struct Owed {
    /// Those who hold the message and have not given their word.
    open: AtomicUsize,
    packet_id: u16,
    publisher: mpsc::UnboundedSender<u16>,
}

impl Acknowledgement {
    /// `publisher` is told the packet's id once. It needs no bound: no connection has more packets open than ids.
    pub(crate) fn new(packet_id: u16, publisher: mpsc::UnboundedSender<u16>) -> Self {
        Self(Arc::new(Owed { open: AtomicUsize::new(1), packet_id, publisher }))
    }

    /// One more whose word is needed.
    pub(crate) fn share(&self) -> Self {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }

    /// The message is durable here. The publisher is told when all who got the message have said so.
    pub fn give(self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 && self.0.publisher.send(self.0.packet_id).is_err() {
            tracing::trace!(packet_id = self.0.packet_id, "acknowledged after the publisher had left");
        }
    }
}

/// A message and the acknowledgement owed for it; none for QoS 0 and for retained messages of before.
#[derive(Debug)]
pub struct Incoming {
    /// What was published.
    pub message: Message,
    /// To be given when it is durable.
    pub acknowledgement: Option<Acknowledgement>,
}

/// The receiving end of a source: every message of every topic (those that begin with `$` left aside), in the order of
/// each publisher. While nobody reads, the queue fills, and then the source waits.
#[derive(Debug)]
pub struct Messages {
    retained: VecDeque<Message>,
    receiver: mpsc::Receiver<Incoming>,
}

impl Messages {
    pub(crate) fn new(retained: VecDeque<Message>, receiver: mpsc::Receiver<Incoming>) -> Self {
        Self { retained, receiver }
    }

    fn next_retained(&mut self) -> Option<Incoming> {
        self.retained.pop_front().map(|message| Incoming { message, acknowledgement: None })
    }

    /// The next message; `None` once the source has stopped and everything was read. Safe to cancel.
    pub async fn recv(&mut self) -> Option<Incoming> {
        match self.next_retained() {
            Some(incoming) => Some(incoming),
            None => self.receiver.recv().await,
        }
    }

    /// Appends up to `limit` messages, waiting for the first; 0 once the source has stopped. Safe to cancel.
    pub async fn recv_many(&mut self, buffer: &mut Vec<Incoming>, limit: usize) -> usize {
        if self.retained.is_empty() {
            return self.receiver.recv_many(buffer, limit).await;
        }
        let before = buffer.len();
        buffer.extend(std::iter::from_fn(|| self.next_retained()).take(limit));
        buffer.len() - before
    }
}
