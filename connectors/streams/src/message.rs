//! A message as both sources (the broker inside, the client of one outside) hand it on, and the bounded queue it waits
//! in. Nothing here reads topic or payload.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::mpsc;

/// How often a message may arrive (MQTT 3.1.1, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// QoS 0: at most once.
    AtMostOnce,
    /// QoS 1: at least once. A publisher's QoS 2 arrives here as this, after its handshake removed the doubles.
    AtLeastOnce,
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
}

/// The receiving end of a source: every message of every topic (those that begin with `$` left aside), in the order of
/// each publisher. While nobody reads, the queue fills, and then the source waits.
#[derive(Debug)]
pub struct Messages {
    retained: VecDeque<Message>,
    receiver: mpsc::Receiver<Message>,
}

impl Messages {
    pub(crate) fn new(retained: VecDeque<Message>, receiver: mpsc::Receiver<Message>) -> Self {
        Self { retained, receiver }
    }

    /// The next message; `None` once the source has stopped and everything was read. Safe to cancel.
    pub async fn recv(&mut self) -> Option<Message> {
        match self.retained.pop_front() {
            Some(message) => Some(message),
            None => self.receiver.recv().await,
        }
    }

    /// Appends up to `limit` messages, waiting for the first; 0 once the source has stopped. Safe to cancel.
    pub async fn recv_many(&mut self, buffer: &mut Vec<Message>, limit: usize) -> usize {
        if self.retained.is_empty() {
            return self.receiver.recv_many(buffer, limit).await;
        }
        let count = self.retained.len().min(limit);
        buffer.extend(self.retained.drain(..count));
        count
    }
}
