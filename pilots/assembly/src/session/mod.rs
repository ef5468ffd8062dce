//! Several people at one assembly, as plain state machines without a network or a clock. Requests come in, numbered by the
//! client that makes them; [`Session`] puts them into one log, each once, taken or refused with a reason, and every
//! [`Replica`] that reads the log in its order comes to the same state. Whoever was cut off asks for the log since what it
//! has seen and sends again what was not answered: nothing is lost and nothing doubled.

mod host;
mod replica;
mod state;

use serde::{Deserialize, Serialize};

pub use host::{LEASE_US, Presence, Session};
pub use replica::Replica;
pub use state::{Comment, State};

/// Longest text of a comment, and longest name of a person or client, bytes.
pub const TEXT: usize = 2_000;
const NAME: usize = 200;

/// Why something is not taken at all. What a session refuses of a well-formed request stands in its log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Requests of a client are counted from 1, each one more than the last.
    #[error("request {given} of client `{client}` came before {wanted}: send from there on")]
    Gap {
        /// Whose.
        client: String,
        /// The number that came.
        given: u64,
        /// The number that is next.
        wanted: u64,
    },
    /// A client's requests are one person's.
    #[error("client `{client}` belongs to `{person}`: use another client name")]
    Person {
        /// The client.
        client: String,
        /// Whose it is.
        person: String,
    },
    /// A name is empty or too long.
    #[error("names of persons and clients have 1 to 200 bytes")]
    Name,
    /// The log is full.
    #[error("the session has as many entries as it may have: begin a new one")]
    Full,
    /// The log does not go on where it ended.
    #[error("entry {given} does not follow {last}: ask for the log since {last}")]
    Order {
        /// The number that came.
        given: u64,
        /// The last one known.
        last: u64,
    },
}

/// Where a part is: three columns of a rotation, then a shift in millimetres.
pub type Pose = [f64; 12];

/// What a person wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Edit {
    /// Put a part somewhere. Refused while another person has it locked.
    Move {
        /// The part's id.
        part: String,
        /// Where.
        pose: Pose,
    },
    /// Keep a part for oneself.
    Lock {
        /// The part's id.
        part: String,
    },
    /// Let it go.
    Unlock {
        /// The part's id.
        part: String,
    },
    /// Pin a comment to a part.
    Comment {
        /// The part's id.
        part: String,
        /// What it says.
        text: String,
        /// Where, in the part's own frame, millimetres.
        at_mm: [f64; 3],
    },
    /// Take back one's own last move or comment that still stands; what others did since stays.
    Undo,
}

/// An edit on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The program that sends it: one of a person's devices.
    pub client: String,
    /// Who.
    pub person: String,
    /// Counts up from 1 in each client.
    pub number: u64,
    /// What.
    pub edit: Edit,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Taken,
    /// It is done: this entry does not count any more.
    Undid {
        /// Number of the entry.
        entry: u64,
    },
    /// It is not done.
    Refused {
        /// Why.
        reason: String,
    },
}

/// One line of the log: who, when, what, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up from 1.
    pub number: u64,
    /// When it was taken in, microseconds of UTC since 1970.
    pub at_us: i64,
    /// What was asked.
    pub request: Request,
    /// What became of it.
    pub outcome: Outcome,
}
