//! The words of `$filter`, `$orderby` and `$expand`: a text of bounded length comes in, words with their places go out.
//! A character that begins no word is refused with its place.

use kernel_model::TimeUs;

use super::value::Value;
use crate::error::ApiError;

/// Longest text of an option, bytes.
pub(super) const MOST_BYTES: usize = 16_384;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, such as `phenomenonTime`, `@iot.id` or `geo.distance`.
    Name(String),
    /// A number, a quoted text, a time, a geometry.
    Literal(Value),
    Open,
    Close,
    Comma,
    Slash,
    Minus,
}

/// Words and where they begin.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    list: Vec<(usize, Token)>,
    next: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, ApiError> {
        if text.len() > MOST_BYTES {
            return Err(ApiError::bad_request(format!("an option of more than {MOST_BYTES} bytes is not read")));
        }
        let mut reader = Reader { text, at: 0 };
        let mut list = Vec::new();
        while let Some(found) = reader.token()? {
            list.push(found);
        }
        Ok(Self { text, list, next: 0 })
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.list.get(self.next).map(|(_, token)| token)
    }

    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += usize::from(token.is_some());
        token
    }

    /// Takes the word where it is the next one.
    pub(super) fn skip(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    /// Takes the next word where it is this name.
    pub(super) fn skip_name(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if name == wanted);
        self.next += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, wanted: &Token, called: &str) -> Result<(), ApiError> {
        if self.skip(wanted) { Ok(()) } else { Err(self.refuse(&format!("{called} is wanted"))) }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.next >= self.list.len()
    }

    /// Where the next word begins.
    pub(super) fn place(&self) -> usize {
        self.list.get(self.next).map_or(self.text.len(), |(place, _)| *place)
    }

    /// A refusal that says where.
    pub(super) fn refuse(&self, why: &str) -> ApiError {
        refuse(self.text, self.place(), why)
    }
}

/// A refusal of a text from a place on.
pub(super) fn refuse(text: &str, place: usize, why: &str) -> ApiError {
    let rest: String = text.get(place..).unwrap_or_default().chars().take(24).collect();
    let there = if rest.is_empty() { "at its end".to_owned() } else { format!("at character {place}, `{rest}`") };
    ApiError::bad_request(format!("{why} {there}"))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn token(&mut self) -> Result<Option<(usize, Token)>, ApiError> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let place = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ',' => Some(Token::Comma),
            '/' => Some(Token::Slash),
            '-' if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => Some(Token::Minus),
            _ => None,
        };
        let token = match single {
            Some(token) => {
                self.at += 1;
                token
            }
            None if first == '\'' => Token::Literal(Value::Text(self.quoted()?)),
            None if first.is_ascii_digit() || first == '-' => Token::Literal(self.number_or_time()?),
            None if first.is_alphabetic() || "_@$".contains(first) => self.name()?,
            None => return Err(refuse(self.text, place, "nothing can begin so:")),
        };
        Ok(Some((place, token)))
    }

    /// A text between quotes; a quote in it is doubled.
    fn quoted(&mut self) -> Result<String, ApiError> {
        let begin = self.at;
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = self.rest();
            let Some(end) = rest.find('\'') else {
                return Err(refuse(self.text, begin, "this text has no quote at its end:"));
            };
            out.push_str(&rest[..end]);
            let is_doubled = rest[end + 1..].starts_with('\'');
            self.at += end + if is_doubled { 2 } else { 1 };
            if !is_doubled {
                return Ok(out);
            }
            out.push('\'');
        }
    }

    fn number_or_time(&mut self) -> Result<Value, ApiError> {
        let place = self.at;
        let rest = self.rest();
        let is_time = rest.len() > 10 && rest.as_bytes()[4] == b'-' && rest.as_bytes()[0] != b'-';
        let length =
            |more: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || more.contains(c))).unwrap_or(rest.len());
        if is_time {
            let end = length("-:.+/");
            let value = Value::time(&rest[..end]);
            self.at += end;
            return match value {
                Value::Text(_) => Err(refuse(
                    self.text,
                    place,
                    "this is no instant with its offset, such as \
                    2026-11-22T08:00:00Z (in an address + is written %2B):",
                )),
                time => Ok(time),
            };
        }
        let mut end = length(".");
        // An exponent may have a sign; so may the number itself.
        let minus = usize::from(rest.starts_with('-'));
        if minus == 1 {
            end = rest[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).map_or(rest.len(), |at| at + 1);
        }
        if rest[..end].ends_with(['e', 'E']) && rest[end..].starts_with(['+', '-']) {
            let tail = &rest[end + 1..];
            end += 1 + tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        }
        let number = rest[..end].parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| refuse(self.text, place, "this is no number:"))?;
        self.at += end;
        Ok(Value::Number(number))
    }

    /// A name, or a literal that begins with one: `geography'POINT(1 2)'`, `duration'PT1H'`, `datetime'...'`, `null`.
    fn name(&mut self) -> Result<Token, ApiError> {
        let place = self.at;
        let rest = self.rest();
        let is_of_name = |c: char| c.is_alphanumeric() || "_@$.:-".contains(c);
        let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.at += end;
        if self.rest().starts_with('\'') {
            let text = self.quoted()?;
            return literal(&name, &text).map(Token::Literal).map_err(|why| refuse(self.text, place, &why));
        }
        Ok(match name.as_str() {
            "null" => Token::Literal(Value::Null),
            "true" => Token::Literal(Value::Bool(true)),
            "false" => Token::Literal(Value::Bool(false)),
            _ => Token::Name(name),
        })
    }
}

fn literal(name: &str, text: &str) -> Result<Value, String> {
    match name {
        "geography" | "geometry" => super::places::read(text).map(Value::Geometry),
        "datetime" | "datetimeoffset" => TimeUs::parse(text).map(Value::Time).map_err(|error| error.to_string()),
        "duration" => duration_us(text)
            .map(Value::Duration)
            .ok_or_else(|| format!("`{text}` is no duration of days, hours, minutes and seconds, such as P1DT2H30M:")),
        other => Err(format!("there are no literals `{other}'...'`:")),
    }
}

/// Microseconds of an ISO 8601 duration without years and months, which are of no fixed length.
fn duration_us(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let (date, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.strip_prefix('P')?, ""));
    let seconds = |part: &str, units: &[(char, f64)]| {
        let (mut total, mut rest) = (0.0, part);
        while !rest.is_empty() {
            let at = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let unit = rest[at..].chars().next()?;
            let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
            total += rest[..at].parse::<f64>().ok().filter(|number| *number >= 0.0)? * factor;
            rest = &rest[at + 1..];
        }
        Some(total)
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let total = seconds(date, &[('W', 604_800.0), ('D', 86_400.0)])?
        + seconds(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    let us = sign * total * 1e6;
    (us.abs() < 9e18).then_some(us as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_standard() {
        let words =
            |text: &str| Tokens::read(text).unwrap().list.into_iter().map(|(_, token)| token).collect::<Vec<_>>();
        let name = |text: &str| Token::Name(text.to_owned());
        let number = |value| Token::Literal(Value::Number(value));
        assert_eq!(words("result gt -3.5e-2"), [name("result"), name("gt"), number(-0.035)]);
        assert_eq!(words("'it''s'"), [Token::Literal(Value::Text("it's".to_owned()))]);
        assert_eq!(words("-(2)"), [Token::Minus, Token::Open, number(2.0), Token::Close]);
        assert_eq!(words("1970-01-01T00:00:01Z"), [Token::Literal(Value::Time(TimeUs(1_000_000)))]);
        assert_eq!(
            words("1970-01-01T00:00:01Z/1970-01-01T08:00:02+08:00"),
            [Token::Literal(Value::Span(TimeUs(1_000_000), TimeUs(2_000_000)))]
        );
        assert_eq!(words("duration'P1DT1S'"), [Token::Literal(Value::Duration(86_401_000_000))]);
        for wrong in
            ["'open", "#", "1x", "2026-11-22T08:00:00", "duration'P1Y'", "geography'POINT'", "x'1'", "1e999", "\u{0}"]
        {
            assert!(Tokens::read(wrong).is_err(), "{wrong}");
        }
    }
}
