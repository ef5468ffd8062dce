//! What is said, with the SQLSTATE (ISO/IEC 9075-2, 24) that says it to programs.

use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};
use kernel_query::Cut;

use crate::error::Error;

/// An error that ends the statement.
pub(super) fn failed(error: Error) -> PgWireError {
    told("ERROR", code(&error), error.to_string())
}

/// An error that ends the connection.
pub(super) fn fatal(code: &str, text: String) -> PgWireError {
    told("FATAL", code, text)
}

fn told(severity: &str, code: &str, text: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(severity.to_owned(), code.to_owned(), text)))
}

fn code(error: &Error) -> &'static str {
    use kernel_query::Error as Asked;
    match error {
        Error::Question(Asked::Refused(_)) => "25006",
        Error::Question(Asked::Syntax(_) | Asked::StatementCount(_)) => "42601",
        Error::Question(Asked::Plan(_)) => "42000",
        Error::Question(Asked::Execution(_)) => "22000",
        Error::Question(Asked::Memory(_)) => "53200",
        Error::Busy(_) => "53300",
        Error::Cut(Cut::Rows(_)) => "54000",
        Error::Question(Asked::PlanDeadline(_)) | Error::Cut(Cut::Deadline(_)) | Error::NotTaken(_) => "57014",
        Error::Cancelled | Error::Gone => "57014",
        Error::Refused(_) => "28P01",
        Error::Invalid(_) => "22023",
        Error::Unsupported(_) => "0A000",
        _ => "XX000",
    }
}
