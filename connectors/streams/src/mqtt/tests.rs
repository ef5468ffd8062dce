use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;

fn read_all(version: Version, bytes: &[u8]) -> Result<Option<Packet>, Fault> {
    read(version, &mut BytesMut::from(bytes), LIMIT)
}

fn message(topic: &str, payload: &'static [u8], delivery: Delivery, passed: Option<Passed>) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: Bytes::from_static(payload),
        delivery,
        retain: false,
        passed: passed.map(Arc::new),
    }
}

/// The example of MQTT 5.0, figure 3-6 and 3-7, byte by byte: user, password, will, session expiry 10 s.
#[test]
fn a_connect_is_read_as_the_standard_draws_it() {
    let mut bytes = b"\x10\x00\x00\x04MQTT\x05\xce\x00\x0a\x05\x11\x00\x00\x00\x0a".to_vec();
    bytes.extend(b"\x00\x02id\x00\x00\x01w\x00\x03bye\x00\x01u\x00\x01p");
    bytes[1] = bytes.len() as u8 - 2;
    let Ok(Some(Packet::Connect(connect))) = read_all(Version::V311, &bytes) else { panic!() };
    assert_eq!((connect.version, connect.keep_alive_s, connect.clean), (Version::V5, 10, true));
    assert_eq!(connect.properties.session_expiry_s, Some(10));
    let will = connect.will.unwrap();
    assert_eq!((will.message.topic.as_str(), &will.message.payload[..]), ("w", &b"bye"[..]));
    assert_eq!(will.message.delivery, Delivery::AtLeastOnce);
    assert_eq!((connect.user.as_deref(), connect.password.as_deref()), (Some("u"), Some(&b"p"[..])));
}

#[test]
fn what_the_standard_forbids_is_refused_with_its_reason() {
    let cases: [(&str, &[u8], u8); 16] = [
        ("an alias twice", b"\x30\x0a\x00\x01a\x06\x23\x00\x01\x23\x00\x01", reason::PROTOCOL),
        ("a property of CONNECT", b"\x30\x09\x00\x01a\x05\x11\x00\x00\x00\x0a", reason::PROTOCOL),
        ("a property without number", b"\x30\x06\x00\x01a\x02\x7f\x00", reason::PROTOCOL),
        ("properties beyond the packet", b"\x30\x04\x00\x01a\x7f", reason::MALFORMED),
        ("a property beyond the properties", b"\x30\x08\x00\x01a\x02\x03\x00\x01x", reason::MALFORMED),
        ("a payload format of 2", b"\x30\x06\x00\x01a\x02\x01\x02", reason::PROTOCOL),
        ("quality 3", b"\x36\x06\x00\x01a\x00\x01\x00", reason::MALFORMED),
        ("packet id 0", b"\x32\x06\x00\x01a\x00\x00\x00", reason::MALFORMED),
        ("U+0000 in a topic", b"\x30\x04\x00\x01\x00\x00", reason::MALFORMED),
        ("flags of SUBSCRIBE", b"\x80\x07\x00\x01\x00\x00\x01a\x00", reason::MALFORMED),
        ("a subscription to nothing", b"\x82\x03\x00\x01\x00", reason::PROTOCOL),
        ("options that do not exist", b"\x82\x07\x00\x01\x00\x00\x01a\x40", reason::MALFORMED),
        ("a receive maximum of 0", b"\x10\x12\x00\x04MQTT\x05\x02\x00\x00\x03\x21\x00\x00\x00\x02id", reason::PROTOCOL),
        ("MQTT 6", b"\x10\x0f\x00\x04MQTT\x06\x02\x00\x00\x00\x00\x02id", reason::VERSION),
        ("AUTH", b"\xf0\x00", reason::METHOD),
        ("a length of five bytes", b"\x30\xff\xff\xff\xff\x01", reason::MALFORMED),
    ];
    for (what, bytes, wanted) in cases {
        let fault = read_all(Version::V5, bytes).expect_err(what);
        assert_eq!(fault.reason, wanted, "{what}: {fault}");
    }
    let many: Vec<u8> = b"\x26\x00\x00\x00\x00".repeat(USER_PROPERTIES + 1);
    let mut bytes = BytesMut::from(&b"\x30"[..]);
    write::put_length(&mut bytes, many.len() + 5);
    bytes.extend_from_slice(b"\x00\x01a");
    write::put_length(&mut bytes, many.len());
    bytes.extend_from_slice(&many);
    assert_eq!(read(Version::V5, &mut bytes, LIMIT).unwrap_err().reason, reason::QUOTA);
    let too_large = read(Version::V5, &mut BytesMut::from(&b"\x30\xff\xff\xff\x7f"[..]), LIMIT).unwrap_err();
    assert_eq!(too_large.reason, reason::TOO_LARGE);
}

#[test]
fn the_short_forms_of_5_0_are_taken() {
    assert_eq!(read_all(Version::V5, b"\xe0\x00"), Ok(Some(Packet::Disconnect(0, None))));
    assert_eq!(read_all(Version::V5, b"\xe0\x01\x04"), Ok(Some(Packet::Disconnect(reason::WITH_WILL, None))));
    assert_eq!(
        read_all(Version::V5, b"\xe0\x07\x00\x05\x11\x00\x00\x00\x07"),
        Ok(Some(Packet::Disconnect(0, Some(7))))
    );
    assert_eq!(read_all(Version::V5, b"\x62\x02\x00\x07"), Ok(Some(Packet::PubRel(Ack::new(7)))));
    let refused = Ack { id: 7, reason: reason::NO_PACKET };
    assert_eq!(read_all(Version::V5, b"\x70\x03\x00\x07\x92"), Ok(Some(Packet::PubComp(refused))));
    assert_eq!(read_all(Version::V5, b"\x40\x04\x00\x07\x00\x00"), Ok(Some(Packet::PubAck(Ack::new(7)))));
}

#[test]
fn an_expiry_is_handed_on_as_what_is_left_of_it() {
    let bytes = b"\x30\x09\x00\x01a\x05\x02\x00\x00\x00\x0a";
    let Ok(Some(packet)) = read_all(Version::V5, bytes) else { panic!() };
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let mut out = BytesMut::new();
    write(Version::V5, &packet, &mut out);
    assert_eq!(&out[..10], &bytes[..10]);
    assert!(out[10] <= 8, "{out:?}");
    let mut old = BytesMut::new();
    write(Version::V311, &packet, &mut old);
    assert_eq!(&old[..], b"\x30\x03\x00\x01a", "3.1.1 has no properties");
}

fn text() -> impl Strategy<Value = String> {
    "[a-z/城+#]{0,12}"
}

fn properties() -> impl Strategy<Value = Option<Passed>> {
    let user = proptest::collection::vec((text(), text()), 0..4);
    let passed = (proptest::option::of(0..2_u8), proptest::option::of(text()), user, proptest::option::of(text()));
    passed.prop_map(|(payload_format, content_type, user, response_topic)| {
        let correlation = response_topic.clone().map(|text| Bytes::from(text.into_bytes()));
        let passed = Passed { payload_format, expires: None, content_type, response_topic, correlation, user };
        (passed != Passed::default()).then_some(passed)
    })
}

fn packets() -> impl Strategy<Value = Packet> {
    let publish = (text(), 0..3_u8, 1..=u16::MAX, any::<bool>(), properties(), proptest::option::of(any::<u16>()));
    let publish = publish.prop_map(|(topic, quality, id, again, passed, alias)| {
        let delivery = Delivery::of(quality).unwrap();
        let message = message(&topic, b"payload", delivery, passed);
        Packet::Publish(Publish { message, id: if quality == 0 { 0 } else { id }, again, alias, subscriptions: vec![] })
    });
    let wanted =
        (text(), 0..3_u8, any::<bool>(), any::<bool>()).prop_map(|(filter, quality, no_local, keeps_retain)| Wanted {
            no_local,
            keeps_retain,
            retained: Retained::New,
            ..Wanted::new(filter, Delivery::of(quality).unwrap())
        });
    let subscribe = (1..=u16::MAX, proptest::option::of(1..268_435_456_u32), proptest::collection::vec(wanted, 1..4))
        .prop_map(|(id, number, filters)| Packet::Subscribe(Subscribe { id, number, filters }));
    let connect = (text(), any::<bool>(), any::<u16>(), properties(), proptest::option::of(1..=u16::MAX)).prop_map(
        |(client_id, clean, keep_alive_s, passed, receive_maximum)| {
            let will = Will { message: message("will", b"bye", Delivery::ExactlyOnce, passed), delay_s: 3 };
            Packet::Connect(Box::new(Connect {
                version: Version::V5,
                user: clean.then(|| client_id.clone()),
                password: clean.then(|| Bytes::from_static(b"secret")),
                will: clean.then_some(will),
                client_id,
                clean,
                keep_alive_s,
                properties: Properties { receive_maximum, ..Properties::default() },
            }))
        },
    );
    let ack = (1..=u16::MAX, any::<u8>()).prop_map(|(id, reason)| Packet::PubRec(Ack { id, reason }));
    prop_oneof![publish, subscribe, connect, ack]
}

proptest! {
    #[test]
    fn what_is_written_is_read(packet in packets()) {
        let mut bytes = BytesMut::new();
        write(Version::V5, &packet, &mut bytes);
        let whole = bytes.clone();
        for cut in 0..whole.len() {
            prop_assert_eq!(read(Version::V5, &mut BytesMut::from(&whole[..cut]), LIMIT), Ok(None), "cut at {}", cut);
        }
        prop_assert_eq!(read(Version::V5, &mut bytes, LIMIT), Ok(Some(packet)));
        prop_assert!(bytes.is_empty());
    }

    /// An altered packet is a packet or a fault; what is read of it is written and read as the same.
    #[test]
    fn altered_packets_never_panic(packet in packets(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = BytesMut::new();
        write(Version::V5, &packet, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for version in [Version::V311, Version::V5] {
            if let Ok(Some(read_once)) = read(version, &mut bytes.clone(), LIMIT) {
                let version = if let Packet::Connect(connect) = &read_once { connect.version } else { version };
                let mut again = BytesMut::new();
                write(version, &read_once, &mut again);
                prop_assert!(read(version, &mut again, LIMIT + 64).is_ok_and(|packet| packet.is_some()));
            }
        }
    }
}
