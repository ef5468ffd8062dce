//! The space-time code as a text: `BD:<code>@<start>/<end>*<check>`. A code of any scheme and an interval come in, one text goes out that can
//! be read aloud, printed and typed back; a text comes in and is refused if a single character of it was changed. Nothing is repaired.

use std::fmt;
use std::str::FromStr;

use crate::check::check_character;
use crate::error::{Error, bad_length, excerpt};
use crate::scheme::{Scheme, recognise};
use crate::time::Interval;

/// What no text of ours exceeds; longer ones are refused unread.
const LONGEST: usize = 160;
const SHAPE: &str = "write SCHEME:code@start/end*check with a scheme of BD, GS, RS, SI or H3";

/// A place code with the time it holds for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpaceTimeCode {
    scheme: Scheme,
    code: String,
    interval: Interval,
}

impl SpaceTimeCode {
    /// Joins a code of any scheme with an interval; the code is checked.
    ///
    /// # Errors
    /// What the code's scheme refuses, or [`Error::UnknownScheme`].
    pub fn new(code: &str, interval: Interval) -> Result<Self, Error> {
        let scheme = recognise(code)?;
        if scheme == Scheme::SpaceTime {
            return Err(Error::UnknownScheme { text: excerpt(code) });
        }
        crate::scheme::check(scheme, code)?;
        Ok(Self { scheme, code: code.to_owned(), interval })
    }

    /// The scheme of the place code.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The place code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The time.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Reads a text and checks its check character, then its code and interval.
    ///
    /// # Errors
    /// [`Error::Length`] for a part that is missing, [`Error::Check`] for a changed character, and what code and interval refuse.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = || bad_length("space-time", text, SHAPE);
        if text.len() > LONGEST {
            return Err(refuse());
        }
        let (body, check) = text.rsplit_once('*').ok_or_else(refuse)?;
        let mut check = check.chars();
        let (Some(found), None) = (check.next(), check.next()) else { return Err(refuse()) };
        let expected = check_character(body);
        if found != expected {
            return Err(Error::Check { found, expected });
        }
        let (name, rest) = body.split_once(':').ok_or_else(refuse)?;
        let (code, interval) = rest.split_once('@').ok_or_else(refuse)?;
        let parsed = Self::new(code, interval.parse()?)?;
        // One writing per meaning: the prefix must be the code's own scheme, the interval in the form this crate prints.
        if name != parsed.scheme.prefix() {
            return Err(Error::SchemeName { name: excerpt(name) });
        }
        if parsed.to_string() != text {
            return Err(Error::Time {
                text: excerpt(interval),
                why: "write both ends in UTC with Z, with seconds and no idle decimals",
            });
        }
        Ok(parsed)
    }
}

impl FromStr for SpaceTimeCode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for SpaceTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = format!("{}:{}@{}", self.scheme.prefix(), self.code, self.interval);
        write!(f, "{body}*{}", check_character(&body))
    }
}
