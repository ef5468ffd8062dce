//! What is said, with the code of gRPC that says it to programs.

use arrow::error::ArrowError;
use arrow_flight::error::FlightError;
use kernel_query::Cut;
use tonic::Status;

use crate::door::Refusal;
use crate::error::Error;

/// The status for an error.
pub(super) fn status(error: Error) -> Status {
    use kernel_query::Error as Asked;
    let text = error.to_string();
    match error {
        Error::Question(Asked::Refused(_)) => Status::permission_denied(text),
        Error::Question(Asked::Memory(_)) | Error::Busy(_) | Error::Cut(Cut::Rows(_)) => {
            Status::resource_exhausted(text)
        }
        Error::Question(Asked::PlanDeadline(_)) | Error::Cut(Cut::Deadline(_)) | Error::NotTaken(_) => {
            Status::deadline_exceeded(text)
        }
        Error::Question(Asked::Internal(_) | Asked::Start(_)) | Error::Encode { .. } => Status::internal(text),
        Error::Question(_) | Error::Invalid(_) => Status::invalid_argument(text),
        Error::Refused(Refusal::NoKey | Refusal::UnknownKey) => Status::unauthenticated(text),
        Error::Cancelled | Error::Gone => Status::cancelled(text),
        Error::Unsupported(_) => Status::unimplemented(text),
        Error::Listen { .. } | Error::Certificate(_) | Error::Ended { .. } => Status::unavailable(text),
    }
}

pub(super) fn arrow(error: ArrowError) -> Status {
    Status::internal(error.to_string())
}

pub(super) fn flight(error: Error) -> FlightError {
    FlightError::Tonic(Box::new(status(error)))
}
