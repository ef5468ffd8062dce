//! Bytes to packets. A packet that is not whole yet takes nothing from the bytes; one that is wrong says why, with the reason
//! code that a 5.0 peer is told.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};

use super::properties::{Passed, Properties, allowed, take};
use super::{
    Ack, Codes, ConnAck, Connect, Packet, Publish, Retained, Subscribe, Unsubscribe, Version, Wanted, Will, reason,
};
use crate::message::{Delivery, Message};

/// Filters in one packet.
const FILTERS: usize = 1_024;

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// Reason code of 5.0.
    pub reason: u8,
    /// In words.
    pub what: &'static str,
}

impl Fault {
    /// With its reason code.
    pub const fn new(reason: u8, what: &'static str) -> Self {
        Self { reason, what }
    }

    pub(super) const fn malformed(what: &'static str) -> Self {
        Self { reason: reason::MALFORMED, what }
    }

    pub(super) const fn protocol(what: &'static str) -> Self {
        Self { reason: reason::PROTOCOL, what }
    }
}

/// The next packet, taken from the bytes; `None` where it is not whole. CONNECT says its version itself.
///
/// # Errors
/// What the standard does not allow, and a packet of more than `limit` bytes after its header.
pub fn read(version: Version, input: &mut BytesMut, limit: usize) -> Result<Option<Packet>, Fault> {
    let Some((header, length)) = frame(input)? else { return Ok(None) };
    if length > limit {
        return Err(Fault { reason: reason::TOO_LARGE, what: "a packet longer than is taken here" });
    }
    if input.len() < header + length {
        return Ok(None);
    }
    let first = input[0];
    input.advance(header);
    let body = input.split_to(length).freeze();
    packet(version, first, body).map(Some)
}

/// Bytes of the fixed header, and of what follows it (2.1.4).
fn frame(input: &BytesMut) -> Result<Option<(usize, usize)>, Fault> {
    let mut length = 0;
    for at in 1..=4 {
        let Some(byte) = input.get(at) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Ok(Some((at + 1, length)));
        }
    }
    Err(Fault::malformed("a length of more than four bytes"))
}

fn packet(version: Version, first: u8, mut body: Bytes) -> Result<Packet, Fault> {
    let (kind, flags) = (first >> 4, first & 0x0F);
    let wanted = match kind {
        3 => flags,
        6 | 8 | 10 => 2,
        _ => 0,
    };
    if flags != wanted {
        return Err(Fault::malformed("flags of the header that its packet does not have"));
    }
    let packet = match kind {
        1 => Packet::Connect(Box::new(connect(&mut body)?)),
        2 => Packet::ConnAck(Box::new(connack(version, &mut body)?)),
        3 => return publish(version, flags, body).map(Packet::Publish),
        4 => Packet::PubAck(ack(version, &mut body)?),
        5 => Packet::PubRec(ack(version, &mut body)?),
        6 => Packet::PubRel(ack(version, &mut body)?),
        7 => Packet::PubComp(ack(version, &mut body)?),
        8 => Packet::Subscribe(subscribe(version, &mut body)?),
        9 => Packet::SubAck(codes(version, &mut body)?),
        10 => Packet::Unsubscribe(unsubscribe(version, &mut body)?),
        11 => Packet::UnsubAck(codes(version, &mut body)?),
        12 => Packet::PingReq,
        13 => Packet::PingResp,
        14 => disconnect(version, &mut body)?,
        15 => return Err(Fault { reason: reason::METHOD, what: "AUTH, but no such method was agreed" }),
        _ => return Err(Fault::malformed("no packet has this number")),
    };
    match body.has_remaining() {
        true => Err(Fault::malformed("bytes after the end of a packet")),
        false => Ok(packet),
    }
}

fn connect(body: &mut Bytes) -> Result<Connect, Fault> {
    let name = take_bytes(body)?;
    let level = take_u8(body)?;
    let version = match (name.as_ref(), level) {
        (b"MQTT", 4) => Version::V311,
        (b"MQTT", 5) => Version::V5,
        _ => return Err(Fault { reason: reason::VERSION, what: "neither MQTT 3.1.1 nor 5.0" }),
    };
    let flags = take_u8(body)?;
    let has = |bit: u8| flags & bit != 0;
    let will_flags_alone = !has(0x04) && flags & 0x38 != 0;
    if has(0x01) || will_flags_alone || version == Version::V311 && has(0x40) && !has(0x80) {
        return Err(Fault::malformed("flags of CONNECT that contradict each other"));
    }
    let keep_alive_s = take_u16(body)?;
    let properties = properties(version, body, allowed::CONNECT)?;
    let client_id = take_text(body)?;
    let will = if has(0x04) { Some(will(version, flags, body)?) } else { None };
    let user = if has(0x80) { Some(take_text(body)?) } else { None };
    let password = if has(0x40) { Some(take_bytes(body)?) } else { None };
    Ok(Connect { version, client_id, clean: has(0x02), keep_alive_s, will, user, password, properties })
}

fn will(version: Version, flags: u8, body: &mut Bytes) -> Result<Will, Fault> {
    let said = properties(version, body, allowed::WILL)?;
    let delay_s = said.will_delay_s.unwrap_or(0);
    let (topic, payload) = (take_text(body)?, take_bytes(body)?);
    let delivery = Delivery::of((flags >> 3) & 3).ok_or(Fault::malformed("a quality of 3"))?;
    let passed = Passed::of(said, Instant::now()).map(Arc::new);
    Ok(Will { message: Message { topic, payload, delivery, retain: flags & 0x20 != 0, passed }, delay_s })
}

fn connack(version: Version, body: &mut Bytes) -> Result<ConnAck, Fault> {
    let is_present = take_u8(body)? & 1 != 0;
    let code = take_u8(body)?;
    let reason = match (version, code) {
        (Version::V5, code) => code,
        (Version::V311, 0) => reason::SUCCESS,
        (Version::V311, 1) => reason::VERSION,
        (Version::V311, 2) => reason::CLIENT_ID,
        (Version::V311, 3) => reason::UNAVAILABLE,
        (Version::V311, _) => reason::LOGIN,
    };
    Ok(ConnAck { is_present, reason, properties: properties(version, body, allowed::CONNACK)? })
}

fn publish(version: Version, flags: u8, mut body: Bytes) -> Result<Publish, Fault> {
    let delivery = Delivery::of((flags >> 1) & 3).ok_or(Fault::malformed("a quality of 3"))?;
    let topic = take_text(&mut body)?;
    let id = if delivery == Delivery::AtMostOnce { 0 } else { packet_id(&mut body)? };
    let (mut alias, mut subscriptions, mut passed) = (None, Vec::new(), None);
    // Most messages have none, and then nothing is made.
    if version == Version::V5 && body.first() == Some(&0) {
        body.advance(1);
    } else if version == Version::V5 {
        let mut said = take(&mut body, allowed::PUBLISH)?;
        (alias, subscriptions) = (said.alias, std::mem::take(&mut said.subscriptions));
        passed = Passed::of(said, Instant::now()).map(Arc::new);
    }
    let message = Message { topic, payload: body, delivery, retain: flags & 1 != 0, passed };
    Ok(Publish { message, id, again: flags & 8 != 0, alias, subscriptions })
}

fn ack(version: Version, body: &mut Bytes) -> Result<Ack, Fault> {
    let id = packet_id(body)?;
    if version == Version::V311 || !body.has_remaining() {
        return Ok(Ack::new(id));
    }
    let reason = take_u8(body)?;
    if body.has_remaining() {
        take(body, allowed::ACK)?;
    }
    Ok(Ack { id, reason })
}

fn subscribe(version: Version, body: &mut Bytes) -> Result<Subscribe, Fault> {
    let id = packet_id(body)?;
    let number = properties(version, body, allowed::SUBSCRIBE)?.subscriptions.first().copied();
    let mut filters = Vec::new();
    while body.has_remaining() && filters.len() < FILTERS {
        let filter = take_text(body)?;
        let options = take_u8(body)?;
        let known = if version == Version::V5 { 0x3F } else { 0x03 };
        let retained = match (options >> 4) & 3 {
            0 => Retained::Always,
            1 => Retained::New,
            2 => Retained::Never,
            _ => return Err(Fault::protocol("options of a subscription that do not exist")),
        };
        let delivery = Delivery::of(options & 3).filter(|_| options & !known == 0);
        let delivery = delivery.ok_or(Fault::malformed("options of a subscription that do not exist"))?;
        filters.push(Wanted { filter, delivery, no_local: options & 4 != 0, keeps_retain: options & 8 != 0, retained });
    }
    match filters.is_empty() {
        true => Err(Fault::protocol("a subscription to nothing")),
        false => Ok(Subscribe { id, number, filters }),
    }
}

fn unsubscribe(version: Version, body: &mut Bytes) -> Result<Unsubscribe, Fault> {
    let id = packet_id(body)?;
    properties(version, body, allowed::UNSUBSCRIBE)?;
    let mut filters = Vec::new();
    while body.has_remaining() && filters.len() < FILTERS {
        filters.push(take_text(body)?);
    }
    match filters.is_empty() {
        true => Err(Fault::protocol("an end of no subscription")),
        false => Ok(Unsubscribe { id, filters }),
    }
}

fn codes(version: Version, body: &mut Bytes) -> Result<Codes, Fault> {
    let id = packet_id(body)?;
    properties(version, body, allowed::ACK)?;
    let codes = body.split_to(body.len()).to_vec();
    Ok(Codes { id, codes })
}

fn disconnect(version: Version, body: &mut Bytes) -> Result<Packet, Fault> {
    if version == Version::V311 || !body.has_remaining() {
        return Ok(Packet::Disconnect(reason::SUCCESS, None));
    }
    let reason = take_u8(body)?;
    let said = if body.has_remaining() { take(body, allowed::DISCONNECT)? } else { Properties::default() };
    Ok(Packet::Disconnect(reason, said.session_expiry_s))
}

fn properties(version: Version, body: &mut Bytes, allowed: u64) -> Result<Properties, Fault> {
    match version {
        Version::V311 => Ok(Properties::default()),
        Version::V5 => take(body, allowed),
    }
}

fn packet_id(bytes: &mut Bytes) -> Result<u16, Fault> {
    match take_u16(bytes)? {
        0 => Err(Fault::malformed("a packet id of 0")),
        id => Ok(id),
    }
}

const CUT: Fault = Fault::malformed("a packet that ends too early");

pub(super) fn take_u8(bytes: &mut Bytes) -> Result<u8, Fault> {
    bytes.try_get_u8().map_err(|_| CUT)
}

pub(super) fn take_u16(bytes: &mut Bytes) -> Result<u16, Fault> {
    bytes.try_get_u16().map_err(|_| CUT)
}

pub(super) fn take_u32(bytes: &mut Bytes) -> Result<u32, Fault> {
    bytes.try_get_u32().map_err(|_| CUT)
}

/// A number of one to four bytes (1.5.5).
pub(super) fn take_length(bytes: &mut Bytes) -> Result<usize, Fault> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = take_u8(bytes)?;
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(Fault::malformed("a number of more than four bytes"))
}

pub(super) fn take_bytes(bytes: &mut Bytes) -> Result<Bytes, Fault> {
    let length = usize::from(take_u16(bytes)?);
    match length <= bytes.len() {
        true => Ok(bytes.split_to(length)),
        false => Err(CUT),
    }
}

/// UTF-8 without U+0000 (1.5.4).
pub(super) fn take_text(bytes: &mut Bytes) -> Result<String, Fault> {
    let text = take_bytes(bytes)?;
    match std::str::from_utf8(&text) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(Fault::malformed("text that is no UTF-8, or has U+0000")),
    }
}
