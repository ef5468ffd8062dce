//! What can go wrong with a question, each in one line that says what to do. Backtraces, line breaks and the names of
//! internal types never come out; the engine's own suggestions ("Did you mean ...") do.

use datafusion::error::DataFusionError;

/// A question that got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The statement would do more than read.
    #[error("{0} is refused: this interface only reads. Send one SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE")]
    Refused(String),
    /// It would tell of rows that are hidden from whoever asks.
    #[error("{0} is told only to who may see everything")]
    NotTold(&'static str),
    /// Nothing, or more than one statement, was sent.
    #[error("{0} statements were sent: send exactly one")]
    StatementCount(usize),
    /// The text is not SQL.
    #[error("SQL syntax: {0}")]
    Syntax(String),
    /// A name, a type or a number of arguments is wrong.
    #[error("SQL: {0}")]
    Plan(String),
    /// It failed while it ran, on some row.
    #[error("while running: {0}")]
    Execution(String),
    /// It wanted more memory than all questions may have together.
    #[error(
        "out of memory for questions: {0}. Narrow the question (a filter, fewer columns, a LIMIT), or give the program more \
         with --memory; SHOW MEMORY says what is used by what"
    )]
    Memory(String),
    /// No plan was ready in time, so that not even the columns are known.
    #[error("not planned within {0} ms: shorten the question or allow it more time")]
    PlanDeadline(u128),
    /// A defect in the engine; the process goes on.
    #[error("the query engine failed (a defect, please report the question): {0}")]
    Internal(String),
    /// The engine could not start.
    #[error("the query engine cannot start: {0}")]
    Start(String),
    /// The answer cannot be written in the format that was asked for.
    #[error("cannot write the answer as {format}: {reason}")]
    Format {
        /// The format's name.
        format: &'static str,
        /// What was in the way.
        reason: String,
    },
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        let text = one_line(&error.strip_backtrace());
        match error.find_root() {
            DataFusionError::SQL(..) => Self::Syntax(text),
            DataFusionError::ResourcesExhausted(_) => Self::Memory(text),
            DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_) => Self::Internal(text),
            DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_)
            | DataFusionError::Collection(_) => Self::Plan(text),
            _ => Self::Execution(text),
        }
    }
}

/// Says `text` without line breaks, engine prefixes and debugging remarks.
fn one_line(text: &str) -> String {
    let prefixes = [
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "SQL error: ",
        "This feature is not implemented: ",
        "Resources exhausted: ",
        "Internal error: ",
        "External error: ",
    ];
    let text = text.split("This issue was likely caused by a bug").next().unwrap_or(text);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(rest) = prefixes.iter().find_map(|prefix| line.strip_prefix(prefix)) {
        line = rest.to_owned();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_without_prefixes() {
        let error = DataFusionError::Plan("no such\n thing".to_owned()).context("outer");
        let Error::Plan(text) = Error::from(error) else { panic!("kept its kind") };
        assert!(!text.contains('\n') && text.contains("no such thing"), "{text}");
        assert_eq!(one_line("Schema error: Error during planning: x"), "x");
    }
}
