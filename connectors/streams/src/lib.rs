//! Live readings to changes: MQTT messages come in, from the broker inside the program or from one outside; batches of
//! [`Change`](kernel_model::Change)s go out over a bounded channel. A malformed message becomes
//! [`Change::Rejected`](kernel_model::Change::Rejected), never a panic; a full queue slows its source, is counted, and
//! loses nothing.
//!
//! ```text
//! publisher --TCP, TLS--> Broker --\
//!                                   Messages --> Streams (Decoder, 10 ms batches) --> mpsc::Sender<Batch>
//! other broker --TCP, TLS--> Client-/
//! JetStream ----TCP, TLS--> Nats---/
//! ```
//!
//! What a client publishes stands in [`topics`](Decoder): `urbis/<dataset>/<entity>/<property>`, `.../position` and
//! `.../describe`; or whatever [`Rule`]s say; or SensorThings observations under `v1.1/Datastreams(7)/Observations`.
//!
//! Delivery: MQTT 3.1.1 and 5.0, QoS 0, 1 and 2. A QoS 1 or 2 publish is acknowledged once whoever takes the batches has
//! said that its batch is durable ([`Batch::acknowledge`]), so nothing acknowledged is lost with the process. Sessions
//! and retained messages of the broker are kept in memory only; the client of a broker outside has that one keep its
//! session, and with it what is published while this program is away.

mod broker;
mod client;
mod decode;
mod flow;
mod message;
pub mod mqtt;
mod nats;
mod owed;
mod rules;
mod tls;
mod topic;

pub use broker::{Broker, BrokerCounters, BrokerError, BrokerLimits, Door};
pub use client::{Client, ClientError, ClientSettings};
pub use decode::{Decoder, DecoderSettings};
pub use flow::{Batch, FlowCounters, FlowSettings, Streams};
pub use message::{Acknowledgement, Delivery, Incoming, Message, Messages};
pub use nats::{Nats, NatsSettings};
pub use rules::{Describe, Known, Payload, Rule, RuleError, Rules, TimeRule, ValueRule};
pub use tls::{ClientTls, ServerTls, TlsError};
