//! MQTT packets, 3.1.1 and 5.0: bytes come in, whole packets go out ([`read`]), and back ([`write`]). Nothing here knows a
//! session or a socket. Bytes from strangers never panic and never make more than a few times their own size: a packet
//! longer than the caller's limit is refused by its header, properties end where their length says, each stands once where
//! the standard says so, and there are at most [`USER_PROPERTIES`] of a user's own.
//!
//! Ours, because a broker and a client that must go on after a kill need what the codec of `rumqttc` does not do: it reads
//! properties past their stated end, refuses the DISCONNECT of two bytes, and breaks the connection on the PUBREL that a
//! broker repeats after our restart.
//!
//! Sources: OASIS MQTT 3.1.1 and MQTT 5.0; clauses are of the latter.

mod properties;
mod read;
mod write;

use bytes::Bytes;

pub use properties::{Passed, Properties, USER_PROPERTIES};
pub use read::{Fault, read};
pub use write::write;

use crate::message::{Delivery, Message};

/// Which MQTT a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1, protocol level 4.
    V311,
    /// 5.0, protocol level 5.
    V5,
}

/// Reason codes (2.4) that are given or asked for here. 3.1.1 knows them in CONNACK and SUBACK only, by other numbers.
pub mod reason {
    /// All is well; in SUBACK the granted quality 0.
    pub const SUCCESS: u8 = 0x00;
    /// A client leaves and wants its will told all the same.
    pub const WITH_WILL: u8 = 0x04;
    /// There was no such subscription.
    pub const NO_SUBSCRIPTION: u8 = 0x11;
    /// Not the form of a packet.
    pub const MALFORMED: u8 = 0x81;
    /// A packet that is not allowed here.
    pub const PROTOCOL: u8 = 0x82;
    /// Neither 3.1.1 nor 5.0.
    pub const VERSION: u8 = 0x84;
    /// The client id cannot be had.
    pub const CLIENT_ID: u8 = 0x85;
    /// User, password or key are not right.
    pub const LOGIN: u8 = 0x86;
    /// It may not do that.
    pub const NOT_AUTHORIZED: u8 = 0x87;
    /// No room for another connection.
    pub const UNAVAILABLE: u8 = 0x88;
    /// The server ends.
    pub const SHUTTING_DOWN: u8 = 0x8B;
    /// An authentication method that is not offered.
    pub const METHOD: u8 = 0x8C;
    /// Nothing was heard for too long.
    pub const SILENT: u8 = 0x8D;
    /// Another connection has the client id now.
    pub const TAKEN_OVER: u8 = 0x8E;
    /// A filter that is none.
    pub const FILTER: u8 = 0x8F;
    /// A topic that is none.
    pub const TOPIC: u8 = 0x90;
    /// The packet id was never sent.
    pub const NO_PACKET: u8 = 0x92;
    /// More unacknowledged packets than were agreed.
    pub const RECEIVE_MAXIMUM: u8 = 0x93;
    /// An alias that was not agreed or is not known.
    pub const ALIAS: u8 = 0x94;
    /// A packet longer than was agreed.
    pub const TOO_LARGE: u8 = 0x95;
    /// No room for more.
    pub const QUOTA: u8 = 0x97;
}

/// One control packet.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    /// The first of a client.
    Connect(Box<Connect>),
    /// Its answer.
    ConnAck(Box<ConnAck>),
    /// A message.
    Publish(Publish),
    /// Answer to quality 1.
    PubAck(Ack),
    /// First answer to quality 2.
    PubRec(Ack),
    /// The publisher's answer to it.
    PubRel(Ack),
    /// The last answer to quality 2.
    PubComp(Ack),
    /// Filters to hear.
    Subscribe(Subscribe),
    /// A reason code for each filter.
    SubAck(Codes),
    /// Filters to hear no more.
    Unsubscribe(Unsubscribe),
    /// A reason code for each filter; 3.1.1 has none.
    UnsubAck(Codes),
    /// Still there?
    PingReq,
    /// Yes.
    PingResp,
    /// The end, with a reason code and properties in 5.0.
    Disconnect(u8, Option<u32>),
}

/// CONNECT (3.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Connect {
    /// What the client speaks.
    pub version: Version,
    /// Its name; empty: the server is to give one.
    pub client_id: String,
    /// Begin without what is kept of before.
    pub clean: bool,
    /// Longest silence, seconds; 0: any.
    pub keep_alive_s: u16,
    /// What to publish where the client vanishes.
    pub will: Option<Will>,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Bytes>,
    /// Session expiry, receive maximum, packet maximum and so on.
    pub properties: Properties,
}

/// A message to be published for a client that vanished.
#[derive(Debug, Clone, PartialEq)]
pub struct Will {
    /// The message.
    pub message: Message,
    /// How long after it vanished, seconds.
    pub delay_s: u32,
}

/// CONNACK (3.2).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConnAck {
    /// Something is kept of before.
    pub is_present: bool,
    /// Reason code of 5.0; written as the return code of 3.1.1 where that is spoken.
    pub reason: u8,
    /// What the server sets.
    pub properties: Properties,
}

/// PUBLISH (3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// Topic, payload, quality, what is passed through. The topic is empty where only an alias is given.
    pub message: Message,
    /// Packet id; 0 with quality 0.
    pub id: u16,
    /// Sent before.
    pub again: bool,
    /// Topic alias.
    pub alias: Option<u16>,
    /// Which subscriptions it is for.
    pub subscriptions: Vec<u32>,
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Packet id.
    pub id: u16,
    /// Reason code; 3.1.1 knows success only.
    pub reason: u8,
}

impl Ack {
    /// With success.
    pub const fn new(id: u16) -> Self {
        Self { id, reason: reason::SUCCESS }
    }
}

/// SUBSCRIBE (3.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Packet id.
    pub id: u16,
    /// Number that messages of these subscriptions are to bear.
    pub number: Option<u32>,
    /// The filters.
    pub filters: Vec<Wanted>,
}

/// One filter of a SUBSCRIBE with its options (3.8.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The filter.
    pub filter: String,
    /// Best quality wanted.
    pub delivery: Delivery,
    /// Not what this client publishes itself.
    pub no_local: bool,
    /// Live messages keep their retain flag.
    pub keeps_retain: bool,
    /// When retained messages are wanted.
    pub retained: Retained,
}

impl Wanted {
    /// A filter with the options of 3.1.1.
    pub fn new(filter: impl Into<String>, delivery: Delivery) -> Self {
        Self { filter: filter.into(), delivery, no_local: false, keeps_retain: false, retained: Retained::Always }
    }
}

/// When a subscription gets the retained messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retained {
    /// With every SUBSCRIBE.
    Always,
    /// Where there was no such subscription.
    New,
    /// Not at all.
    Never,
}

/// UNSUBSCRIBE (3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Packet id.
    pub id: u16,
    /// The filters.
    pub filters: Vec<String>,
}

/// SUBACK, UNSUBACK (3.9, 3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    /// Packet id.
    pub id: u16,
    /// A reason code for each filter.
    pub codes: Vec<u8>,
}

impl Delivery {
    /// 0, 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
            Self::ExactlyOnce => 2,
        }
    }

    /// Of 0, 1 or 2.
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
