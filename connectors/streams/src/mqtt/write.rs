//! Packets to bytes, as [`read`](super::read) takes them.

use std::time::Instant;

use bytes::{BufMut, BytesMut};

use super::properties::{Passed, Properties};
use super::{Ack, ConnAck, Connect, Packet, Publish, Retained, Subscribe, Version, reason};

/// Appends the packet; 3.1.1 has no properties, and a CONNECT is written in the version it says. Texts and byte strings end
/// after the 65,535 bytes that the protocol has room for.
pub fn write(version: Version, packet: &Packet, out: &mut BytesMut) {
    match packet {
        Packet::Publish(publish) => return put_publish(version, publish, out),
        Packet::PingReq => return out.extend_from_slice(&[0xC0, 0]),
        Packet::PingResp => return out.extend_from_slice(&[0xD0, 0]),
        Packet::PubAck(ack) => return put_ack(version, 0x40, *ack, out),
        Packet::PubRec(ack) => return put_ack(version, 0x50, *ack, out),
        Packet::PubRel(ack) => return put_ack(version, 0x62, *ack, out),
        Packet::PubComp(ack) => return put_ack(version, 0x70, *ack, out),
        _ => {}
    }
    let mut body = BytesMut::new();
    let first = put_body(version, packet, &mut body);
    out.put_u8(first);
    put_length(out, body.len());
    out.extend_from_slice(&body);
}

fn put_body(version: Version, packet: &Packet, body: &mut BytesMut) -> u8 {
    let is_5 = version == Version::V5;
    match packet {
        Packet::Connect(connect) => {
            put_connect(connect, body);
            0x10
        }
        Packet::ConnAck(ack) => {
            put_connack(version, ack, body);
            0x20
        }
        Packet::Subscribe(subscribe) => {
            put_subscribe(version, subscribe, body);
            0x82
        }
        Packet::Unsubscribe(unsubscribe) => {
            body.put_u16(unsubscribe.id);
            put_properties(version, &Properties::default(), body);
            unsubscribe.filters.iter().for_each(|filter| put_bytes(body, filter.as_bytes()));
            0xA2
        }
        Packet::SubAck(codes) => {
            body.put_u16(codes.id);
            put_properties(version, &Properties::default(), body);
            // 3.1.1 knows one failure (its 3.9.3).
            body.extend(codes.codes.iter().map(|code| if is_5 { *code } else { (*code).min(0x80) }));
            0x90
        }
        Packet::UnsubAck(codes) => {
            body.put_u16(codes.id);
            put_properties(version, &Properties::default(), body);
            if is_5 {
                body.extend_from_slice(&codes.codes);
            }
            0xB0
        }
        Packet::Disconnect(reason, session_expiry_s) => {
            if is_5 && (*reason != reason::SUCCESS || session_expiry_s.is_some()) {
                body.put_u8(*reason);
                Properties { session_expiry_s: *session_expiry_s, ..Properties::default() }.put(body);
            }
            0xE0
        }
        // The others are written without a copy.
        _ => 0,
    }
}

fn put_properties(version: Version, properties: &Properties, out: &mut BytesMut) {
    if version == Version::V5 {
        properties.put(out);
    }
}

fn put_connect(connect: &Connect, out: &mut BytesMut) {
    put_bytes(out, b"MQTT");
    out.put_u8(if connect.version == Version::V5 { 5 } else { 4 });
    let mut flags = u8::from(connect.clean) << 1;
    if let Some(will) = &connect.will {
        flags |= 0x04 | will.message.delivery.number() << 3 | u8::from(will.message.retain) << 5;
    }
    flags |= u8::from(connect.password.is_some()) << 6 | u8::from(connect.user.is_some()) << 7;
    out.put_u8(flags);
    out.put_u16(connect.keep_alive_s);
    put_properties(connect.version, &connect.properties, out);
    put_bytes(out, connect.client_id.as_bytes());
    if let Some(will) = &connect.will {
        let passed = will.message.passed.as_deref().cloned().unwrap_or_default();
        let delay = (will.delay_s > 0).then_some(will.delay_s);
        put_properties(connect.version, &Properties { will_delay_s: delay, ..passed.properties(Instant::now()) }, out);
        put_bytes(out, will.message.topic.as_bytes());
        put_bytes(out, &will.message.payload);
    }
    if let Some(user) = &connect.user {
        put_bytes(out, user.as_bytes());
    }
    if let Some(password) = &connect.password {
        put_bytes(out, password);
    }
}

fn put_connack(version: Version, ack: &ConnAck, out: &mut BytesMut) {
    out.put_u8(u8::from(ack.is_present));
    out.put_u8(match (version, ack.reason) {
        (Version::V5, reason) => reason,
        (Version::V311, reason::SUCCESS) => 0,
        (Version::V311, reason::CLIENT_ID) => 2,
        (Version::V311, reason::UNAVAILABLE) => 3,
        (Version::V311, reason::LOGIN) => 4,
        (Version::V311, _) => 1,
    });
    put_properties(version, &ack.properties, out);
}

fn put_subscribe(version: Version, subscribe: &Subscribe, out: &mut BytesMut) {
    out.put_u16(subscribe.id);
    put_properties(
        version,
        &Properties { subscriptions: subscribe.number.into_iter().collect(), ..Properties::default() },
        out,
    );
    for wanted in &subscribe.filters {
        put_bytes(out, wanted.filter.as_bytes());
        let retained = match wanted.retained {
            Retained::Always => 0,
            Retained::New => 1,
            Retained::Never => 2,
        };
        let more = u8::from(wanted.no_local) << 2 | u8::from(wanted.keeps_retain) << 3 | retained << 4;
        out.put_u8(wanted.delivery.number() | if version == Version::V5 { more } else { 0 });
    }
}

fn put_ack(version: Version, first: u8, ack: Ack, out: &mut BytesMut) {
    let [high, low] = ack.id.to_be_bytes();
    match version == Version::V5 && ack.reason != reason::SUCCESS {
        true => out.extend_from_slice(&[first, 3, high, low, ack.reason]),
        false => out.extend_from_slice(&[first, 2, high, low]),
    }
}

fn put_publish(version: Version, publish: &Publish, out: &mut BytesMut) {
    let Publish { message, id, again, alias, subscriptions } = publish;
    let mut properties = BytesMut::new();
    if version == Version::V5 {
        let is_plain = message.passed.is_none() && alias.is_none() && subscriptions.is_empty();
        let said =
            if is_plain { Properties::default() } else { said(message.passed.as_deref(), *alias, subscriptions) };
        said.put(&mut properties);
    }
    let delivery = message.delivery.number();
    out.put_u8(0x30 | u8::from(*again) << 3 | delivery << 1 | u8::from(message.retain));
    let topic = clipped(message.topic.as_bytes());
    let id_bytes = if delivery == 0 { 0 } else { 2 };
    put_length(out, 2 + topic.len() + id_bytes + properties.len() + message.payload.len());
    put_bytes(out, topic);
    if delivery > 0 {
        out.put_u16(*id);
    }
    out.extend_from_slice(&properties);
    out.extend_from_slice(&message.payload);
}

fn said(passed: Option<&Passed>, alias: Option<u16>, subscriptions: &[u32]) -> Properties {
    let passed = passed.map(|passed| passed.properties(Instant::now())).unwrap_or_default();
    Properties { alias, subscriptions: subscriptions.to_vec(), ..passed }
}

fn clipped(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(usize::from(u16::MAX))]
}

pub(super) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    let bytes = clipped(bytes);
    out.put_u16(bytes.len() as u16);
    out.extend_from_slice(bytes);
}

/// A number of one to four bytes (1.5.5).
pub(super) fn put_length(out: &mut BytesMut, mut length: usize) {
    loop {
        let more = u8::from(length > 0x7F) << 7;
        out.put_u8((length & 0x7F) as u8 | more);
        length >>= 7;
        if more == 0 {
            return;
        }
    }
}
