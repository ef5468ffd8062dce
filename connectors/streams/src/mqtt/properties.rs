//! The properties of MQTT 5.0 (2.2.2): one reader and one writer for all packets. Which property may stand in which packet
//! is a set of bits; one that may not, or stands twice, is refused.

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::read::{Fault, take_bytes, take_length, take_text, take_u8, take_u16, take_u32};
use super::write::{put_bytes, put_length};

/// Properties of a user's own that one packet may have.
pub const USER_PROPERTIES: usize = 64;

/// What a packet says beside its fields. What the standard's tables give other packets stays empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in 2.2.2.2, units in the names")]
pub struct Properties {
    pub payload_format: Option<u8>,
    pub message_expiry_s: Option<u32>,
    pub content_type: Option<String>,
    pub response_topic: Option<String>,
    pub correlation: Option<Bytes>,
    pub subscriptions: Vec<u32>,
    pub session_expiry_s: Option<u32>,
    pub assigned_client_id: Option<String>,
    pub server_keep_alive_s: Option<u16>,
    pub authentication_method: Option<String>,
    pub will_delay_s: Option<u32>,
    pub receive_maximum: Option<u16>,
    pub alias_maximum: Option<u16>,
    pub alias: Option<u16>,
    pub maximum_qos: Option<u8>,
    pub reason: Option<String>,
    pub user: Vec<(String, String)>,
    pub packet_maximum: Option<u32>,
}

/// What a server hands from a publisher to its subscribers as it is (3.3.2.3), and until when the message is worth it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passed {
    /// 1: the payload is UTF-8.
    pub payload_format: Option<u8>,
    /// After this it is not delivered any more.
    pub expires: Option<Instant>,
    /// Media type or the like.
    pub content_type: Option<String>,
    /// Where an answer is to go.
    pub response_topic: Option<String>,
    /// What an answer is to bear.
    pub correlation: Option<Bytes>,
    /// The publisher's own.
    pub user: Vec<(String, String)>,
}

impl Passed {
    /// Of what a publisher said at this instant; nothing where it said nothing.
    pub(super) fn of(said: Properties, now: Instant) -> Option<Self> {
        let expires = said.message_expiry_s.and_then(|s| now.checked_add(Duration::from_secs(u64::from(s))));
        let passed = Self {
            payload_format: said.payload_format,
            expires,
            content_type: said.content_type,
            response_topic: said.response_topic,
            correlation: said.correlation,
            user: said.user,
        };
        (passed != Self::default()).then_some(passed)
    }

    /// As properties of a PUBLISH at this instant; the expiry is what is left of it (3.3.2.3.3).
    pub(super) fn properties(&self, now: Instant) -> Properties {
        let left = |at: Instant| at.saturating_duration_since(now).as_secs().min(u64::from(u32::MAX)) as u32;
        Properties {
            payload_format: self.payload_format,
            message_expiry_s: self.expires.map(left),
            content_type: self.content_type.clone(),
            response_topic: self.response_topic.clone(),
            correlation: self.correlation.clone(),
            user: self.user.clone(),
            ..Properties::default()
        }
    }
}

/// Sets of properties by their numbers.
pub(super) mod allowed {
    const fn set(numbers: &[u8]) -> u64 {
        let (mut bits, mut n) = (0, 0);
        while n < numbers.len() {
            bits |= 1 << numbers[n];
            n += 1;
        }
        bits
    }
    pub(crate) const CONNECT: u64 = set(&[17, 33, 39, 34, 25, 23, 38, 21, 22]);
    pub(crate) const CONNACK: u64 = set(&[17, 33, 36, 37, 39, 18, 34, 31, 38, 40, 41, 42, 19, 26, 28, 21, 22]);
    pub(crate) const WILL: u64 = set(&[24, 1, 2, 3, 8, 9, 38]);
    pub(crate) const PUBLISH: u64 = set(&[1, 2, 35, 8, 9, 38, 11, 3]);
    pub(crate) const ACK: u64 = set(&[31, 38]);
    pub(crate) const SUBSCRIBE: u64 = set(&[11, 38]);
    pub(crate) const UNSUBSCRIBE: u64 = set(&[38]);
    pub(crate) const DISCONNECT: u64 = set(&[17, 31, 38, 28]);
}

const USER: u8 = 38;
const SUBSCRIPTION: u8 = 11;

/// Reads the length and the properties of a packet in which these are allowed.
pub(super) fn take(bytes: &mut Bytes, allowed: u64) -> Result<Properties, Fault> {
    let length = take_length(bytes)?;
    if length > bytes.len() {
        return Err(Fault::malformed("properties longer than their packet"));
    }
    let mut bytes = bytes.split_to(length);
    let (mut all, mut seen) = (Properties::default(), 0_u64);
    while bytes.has_remaining() {
        let number = take_u8(&mut bytes)?;
        let bit = 1_u64.checked_shl(u32::from(number)).unwrap_or(0);
        if allowed & bit == 0 {
            return Err(Fault::protocol("a property that has no place in this packet"));
        }
        // A message may be for several subscriptions; a subscription has one number.
        let may_repeat = number == USER || number == SUBSCRIPTION && allowed != allowed::SUBSCRIBE;
        if seen & bit != 0 && !may_repeat {
            return Err(Fault::protocol("a property twice"));
        }
        seen |= bit;
        all.take(number, &mut bytes)?;
    }
    Ok(all)
}

impl Properties {
    fn take(&mut self, number: u8, bytes: &mut Bytes) -> Result<(), Fault> {
        match number {
            1 => self.payload_format = Some(flag(bytes)?),
            2 => self.message_expiry_s = Some(take_u32(bytes)?),
            3 => self.content_type = Some(take_text(bytes)?),
            8 => self.response_topic = Some(take_text(bytes)?),
            9 => self.correlation = Some(take_bytes(bytes)?),
            SUBSCRIPTION => {
                let subscription = take_length(bytes)? as u32;
                if subscription == 0 || self.subscriptions.len() >= USER_PROPERTIES {
                    return Err(Fault::protocol("a subscription number of 0, or too many"));
                }
                self.subscriptions.push(subscription);
            }
            17 => self.session_expiry_s = Some(take_u32(bytes)?),
            18 => self.assigned_client_id = Some(take_text(bytes)?),
            19 => self.server_keep_alive_s = Some(take_u16(bytes)?),
            21 => self.authentication_method = Some(take_text(bytes)?),
            24 => self.will_delay_s = Some(take_u32(bytes)?),
            31 => self.reason = Some(take_text(bytes)?),
            33 => self.receive_maximum = Some(not_zero(take_u16(bytes)?)?),
            34 => self.alias_maximum = Some(take_u16(bytes)?),
            35 => self.alias = Some(take_u16(bytes)?),
            36 => self.maximum_qos = Some(flag(bytes)?),
            USER => {
                if self.user.len() >= USER_PROPERTIES {
                    return Err(Fault { reason: super::reason::QUOTA, what: "too many user properties" });
                }
                self.user.push((take_text(bytes)?, take_text(bytes)?));
            }
            39 => self.packet_maximum = Some(not_zero(take_u32(bytes)?)?),
            // Known, and of no use here.
            22 => drop(take_bytes(bytes)?),
            26 | 28 => drop(take_text(bytes)?),
            _ => drop(flag(bytes)?),
        }
        Ok(())
    }

    /// Writes the length and the properties.
    pub(super) fn put(&self, out: &mut BytesMut) {
        if *self == Self::default() {
            return out.put_u8(0);
        }
        let mut all = BytesMut::new();
        self.put_all(&mut all);
        put_length(out, all.len());
        out.extend_from_slice(&all);
    }

    fn put_all(&self, out: &mut BytesMut) {
        for (number, value) in [(1, self.payload_format), (36, self.maximum_qos)] {
            if let Some(value) = value {
                out.extend_from_slice(&[number, value]);
            }
        }
        let shorts =
            [(19, self.server_keep_alive_s), (33, self.receive_maximum), (34, self.alias_maximum), (35, self.alias)];
        for (number, value) in shorts.into_iter().filter_map(|(number, value)| Some((number, value?))) {
            out.put_u8(number);
            out.put_u16(value);
        }
        let longs = [
            (2, self.message_expiry_s),
            (17, self.session_expiry_s),
            (24, self.will_delay_s),
            (39, self.packet_maximum),
        ];
        for (number, value) in longs.into_iter().filter_map(|(number, value)| Some((number, value?))) {
            out.put_u8(number);
            out.put_u32(value);
        }
        let texts = [
            (3, &self.content_type),
            (8, &self.response_topic),
            (18, &self.assigned_client_id),
            (21, &self.authentication_method),
            (31, &self.reason),
        ];
        for (number, text) in texts.into_iter().filter_map(|(number, text)| Some((number, text.as_ref()?))) {
            out.put_u8(number);
            put_bytes(out, text.as_bytes());
        }
        if let Some(correlation) = &self.correlation {
            out.put_u8(9);
            put_bytes(out, correlation);
        }
        for number in &self.subscriptions {
            out.put_u8(SUBSCRIPTION);
            put_length(out, *number as usize);
        }
        for (name, value) in &self.user {
            out.put_u8(USER);
            put_bytes(out, name.as_bytes());
            put_bytes(out, value.as_bytes());
        }
    }
}

fn flag(bytes: &mut Bytes) -> Result<u8, Fault> {
    match take_u8(bytes)? {
        flag @ 0..=1 => Ok(flag),
        _ => Err(Fault::protocol("a flag that is neither 0 nor 1")),
    }
}

fn not_zero<N: PartialEq + From<u8>>(number: N) -> Result<N, Fault> {
    match number == N::from(0) {
        true => Err(Fault::protocol("a maximum of 0")),
        false => Ok(number),
    }
}
