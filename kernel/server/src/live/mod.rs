//! Live clients: deltas of the present city in, Arrow IPC messages out. Each client has one bounded set of pending
//! things, the newest state of each; a slow client is sent fewer, newer states and told how many it did not see. A client that asks of an instant is shown the city as it was.

mod hub;
mod messages;
mod past;
mod socket;

pub use hub::{Client, Filter, Hub, HubCounters, Pending};
pub use messages::{entities_message, snapshot_messages, snapshot_things, states_message};
pub(crate) use socket::live;
