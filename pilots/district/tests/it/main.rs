//! The district as its users see it: changes, geometry, movement, MQTT.
#![expect(clippy::unwrap_used, reason = "tests")]

mod drawing;
