//! Live readings to changes: MQTT messages come in, from the broker inside the program or from one outside; batches of
//! [`Change`](kernel_model::Change)s go out over a bounded channel. A malformed message becomes
//! [`Change::Rejected`](kernel_model::Change::Rejected), never a panic; a full queue slows its source, is counted, and
//! loses nothing.
//!
//! ```text
//! publisher --TCP--> Broker --\
//!                              Messages --> Streams (Decoder, 10 ms batches) --> mpsc::Sender<Batch>
//! other broker --TCP--> Client-/
//! ```
//!
//! What a client publishes stands in [`topics`](Decoder): `urbis/<dataset>/<entity>/<property>`, `.../position` and
//! `.../describe`.
//!
//! Delivery: QoS 0 and 1 (and 2 from publishers). A QoS 1 or 2 publish is acknowledged once whoever takes the batches has
//! said that its batch is durable ([`Batch::acknowledge`]), so nothing acknowledged is lost with the process. Sessions
//! and retained messages are kept in memory only.

mod broker;
mod client;
mod decode;
mod flow;
mod message;
mod topic;

pub use broker::{Broker, BrokerCounters, BrokerError, BrokerLimits};
pub use client::{Client, ClientError, ClientSettings};
pub use decode::{Decoder, DecoderSettings};
pub use flow::{Batch, FlowCounters, FlowSettings, Streams};
pub use message::{Acknowledgement, Delivery, Incoming, Message, Messages};
