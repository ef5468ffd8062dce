//! The two times a question can be asked of: `datetime`, when it was so (OGC API Features, Part 1, 7.15.4: an instant, `a/b`,
//! `../b`, `a/..`), and `recorded`, an instant by which it had been told. Texts come in, checked times go out; a text that is
//! neither is refused with the form that is wanted.

use kernel_model::{Span, TimeError, TimeUs};
use kernel_store::Snapshot;

use crate::error::ApiError;

/// What is asked of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// When it was so; `None`: as it stands.
    pub(crate) valid: Option<Span>,
    /// By when it had been told; `None`: all that is known.
    pub(crate) recorded: Option<TimeUs>,
}

impl Times {
    pub(crate) fn read(datetime: Option<&str>, recorded: Option<&str>) -> Result<Self, ApiError> {
        let valid = datetime.map(|text| Span::parse(text).map_err(|error| refused("datetime", &error))).transpose()?;
        let recorded = recorded.map(|text| TimeUs::parse(text).map_err(|error| refused("recorded", &error)));
        Ok(Self { valid, recorded: recorded.transpose()? })
    }

    /// What of a snapshot had been told.
    pub(crate) fn known(self, snapshot: Snapshot) -> Snapshot {
        match self.recorded {
            None => snapshot,
            Some(at) => snapshot.known_at(at),
        }
    }

    /// When readings are to have been: by the instant that is asked of, or within the stretch of time.
    pub(crate) fn readings(self) -> Option<Span> {
        let is_instant = |span: &Span| span.from.is_some_and(|from| *span == Span::at(from));
        self.valid.map(|span| if is_instant(&span) { Span { from: None, ..span } } else { span })
    }

    /// All time up to the end of what is asked of.
    pub(crate) fn until(self) -> Option<Span> {
        self.valid.map(|span| Span { from: None, ..span })
    }
}

fn refused(parameter: &str, error: &TimeError) -> ApiError {
    // A plus sign in an address means a space.
    let plus = if error.text.contains(' ') { "; in an address + is written %2B" } else { "" };
    ApiError::bad_request(format!("{parameter}: {error}{plus}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        let refusal = |datetime, recorded| Times::read(datetime, recorded).unwrap_err().description;
        assert!(refusal(Some("today"), None).starts_with("datetime: `today` is not an RFC 3339 instant"));
        assert!(refusal(Some("2026-01-02T00:00:00Z/2026-01-01T00:00:00Z"), None).contains("begins before it ends"));
        assert!(refusal(None, Some("../..")).starts_with("recorded: `../..` is not"));
        assert!(refusal(None, Some("2026-01-01T00:00:00 08:00")).ends_with("+ is written %2B"));
    }

    #[test]
    fn readings_are_those_by_an_instant_or_within_a_stretch() {
        let readings = |text| Times::read(Some(text), None).unwrap().readings().unwrap();
        assert_eq!(readings("1970-01-01T00:00:01Z"), Span { from: None, to: Some(TimeUs(1_000_001)) });
        let second = Span { from: Some(TimeUs(0)), to: Some(TimeUs(1_000_001)) };
        assert_eq!(readings("1970-01-01T00:00:00Z/1970-01-01T00:00:01Z"), second);
        assert_eq!(Times::default().readings(), None);
    }
}
