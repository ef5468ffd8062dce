//! What a client of a wire is told in place of an answer, or at the end of one that is not whole. Each is one line that says
//! what to do; the wires put their own codes beside it.

use std::net::SocketAddr;

use kernel_query::Cut;

use crate::door::Refusal;

/// A question that got no answer or not all of it, or a wire that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the engine says.
    #[error(transparent)]
    Question(#[from] kernel_query::Error),
    /// Rows are missing at the end.
    #[error("{}", cut(*.0))]
    Cut(Cut),
    /// The client may not ask.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The client asked for the end of its question.
    #[error("cancelled at the client's request")]
    Cancelled,
    /// The client has gone.
    #[error("the client has gone")]
    Gone,
    /// The client took no rows while its question's time ran out.
    #[error("the rows were not taken within {0} ms: read faster, ask for less, or raise sql_deadline_s")]
    NotTaken(u128),
    /// All places were taken.
    #[error("too many questions at once: none of them ended within {0} ms; try again later")]
    Busy(u128),
    /// What came beside the statement is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The protocol has it, this server has not.
    #[error("{0}")]
    Unsupported(String),
    /// A column cannot be sent in the wire's form.
    #[error("column {column}: {reason}")]
    Encode {
        /// Which column.
        column: String,
        /// What was in the way.
        reason: String,
    },
    /// No socket.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A certificate that cannot be used.
    #[error("certificate: {0}")]
    Certificate(String),
    /// A wire that ended.
    #[error("the wire on {address} ended: {reason}")]
    Ended {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
}

fn cut(cut: Cut) -> String {
    match cut {
        Cut::Rows(_) => format!("the answer was {cut}: write a LIMIT, ask for less, or raise rows in [wires]"),
        Cut::Deadline(_) => format!("the answer was {cut}: ask for less, or raise sql_deadline_s"),
    }
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::Question(error.into())
    }
}
