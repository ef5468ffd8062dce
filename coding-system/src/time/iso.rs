//! ISO 8601 instants. A text with a zone comes in, UTC microseconds go out; microseconds come in, the shortest exact `...Z` text goes
//! out. A text without a zone is refused; nothing is rounded.

use super::civil::Civil;
use crate::error::{Error, excerpt};

/// The ISO 8601 text of an instant, UTC microseconds since 1970: `2026-11-22T07:00:00Z`, with three or six decimals when there are any.
/// Years outside 0000-9999 have a sign and six digits.
pub fn format_iso(time_us: i64) -> String {
    let c = Civil::from_us(time_us);
    let year = if (0..=9999).contains(&c.year) { format!("{:04}", c.year) } else { format!("{:+07}", c.year) };
    let fraction = match c.us {
        0 => String::new(),
        us if us % 1000 == 0 => format!(".{:03}", us / 1000),
        us => format!(".{us:06}"),
    };
    format!("{year}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z", c.month, c.day, c.hour, c.minute, c.second)
}

/// UTC microseconds since 1970 of an ISO 8601 instant `YYYY-MM-DDThh:mm[:ss[.ffffff]]` followed by `Z` or an offset `+hh:mm`.
///
/// # Errors
/// [`Error::Time`] that names what is missing or out of range.
pub fn parse_iso(text: &str) -> Result<i64, Error> {
    let refuse = |why| Error::Time { text: excerpt(text), why };
    let mut rest = Rest(text.as_bytes());
    let (civil, offset_min) = rest.instant().map_err(refuse)?;
    let local_us = civil.to_us().map_err(|e| match e {
        Error::Time { why, .. } => refuse(why),
        other => other,
    })?;
    local_us
        .checked_sub(offset_min * 60_000_000)
        .ok_or_else(|| refuse("it is beyond what 64 bits of microseconds hold"))
}

struct Rest<'a>(&'a [u8]);

const SHAPE: &str = "write it as 2026-11-22T07:00:00Z, with at most six decimals";

impl Rest<'_> {
    fn instant(&mut self) -> Result<(Civil, i64), &'static str> {
        let year = self.year()?;
        self.expect(b'-')?;
        let month = self.number(2)? as u8;
        self.expect(b'-')?;
        let day = self.number(2)? as u8;
        self.expect(b'T')?;
        let hour = self.number(2)? as u8;
        self.expect(b':')?;
        let minute = self.number(2)? as u8;
        let (mut second, mut us) = (0, 0);
        if self.skip(b':') {
            second = self.number(2)? as u8;
            if self.skip(b'.') {
                us = self.fraction()?;
            }
        }
        let offset_min = self.zone()?;
        Ok((Civil { year, month, day, hour, minute, second, us }, offset_min))
    }

    fn year(&mut self) -> Result<i32, &'static str> {
        let sign = match self.0.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return self.number(4),
        };
        self.0 = &self.0[1..];
        Ok(sign * self.number(6)?)
    }

    fn zone(&mut self) -> Result<i64, &'static str> {
        const ZONE: &str = "the zone is missing or malformed: end the text with Z (UTC) or an offset such as +08:00";
        let sign = match self.0 {
            [b'Z'] => return Ok(0),
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return Err(ZONE),
        };
        self.0 = &self.0[1..];
        let hour = self.number(2).map_err(|_| ZONE)?;
        self.expect(b':').map_err(|_| ZONE)?;
        let minute = self.number(2).map_err(|_| ZONE)?;
        if !self.0.is_empty() || hour > 23 || minute > 59 {
            return Err(ZONE);
        }
        Ok(sign * i64::from(hour * 60 + minute))
    }

    fn fraction(&mut self) -> Result<u32, &'static str> {
        let length = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=6).contains(&length) {
            return Err(SHAPE);
        }
        Ok(self.number(length)? as u32 * 10u32.pow(6 - length as u32))
    }

    fn number(&mut self, digits: usize) -> Result<i32, &'static str> {
        let Some((head, tail)) = self.0.split_at_checked(digits) else { return Err(SHAPE) };
        self.0 = tail;
        head.iter().try_fold(0, |n, b| if b.is_ascii_digit() { Ok(n * 10 + i32::from(b - b'0')) } else { Err(SHAPE) })
    }

    fn expect(&mut self, byte: u8) -> Result<(), &'static str> {
        if self.skip(byte) { Ok(()) } else { Err(SHAPE) }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn instants_survive_their_text(us: i64) {
            prop_assert_eq!(parse_iso(&format_iso(us)).unwrap(), us);
        }

        #[test]
        fn any_text_is_answered(text in "[0-9+TZ:. -]{0,32}|.{0,20}") {
            let _ = parse_iso(&text);
        }
    }

    #[test]
    fn zones_and_fractions() {
        assert_eq!(format_iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(format_iso(1_500), "1970-01-01T00:00:00.001500Z");
        assert_eq!(parse_iso("1970-01-01T08:00+08:00").unwrap(), 0);
        assert_eq!(parse_iso("1969-12-31T19:00:00.25-05:00").unwrap(), 250_000);
        assert_eq!(format_iso(951_782_400_000_000), "2000-02-29T00:00:00Z");
        for wrong in [
            "",
            "2026",
            "2026-11-22",
            "2026-11-22T07:00:00",
            "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22 07:00:00Z",
            "2026-11-22T07:00:60Z",
            "2026-11-22T07:00:00.1234567Z",
            "2026-11-22T07:00:00.Z",
            "2026-11-22T07:00:00Zx",
            "2026-11-22T07:00+8",
        ] {
            assert!(matches!(parse_iso(wrong), Err(Error::Time { .. })), "{wrong}");
        }
    }
}
