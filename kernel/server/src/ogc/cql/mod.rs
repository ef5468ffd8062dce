//! CQL2 (OGC 21-065r2) to SQL: a filter as text or JSON comes in, one condition over the columns of `entities` goes out, for
//! the engine to plan; or the one line that says what of it is not offered. The crate `cql2` reads both forms; what it makes
//! of them is walked here once, with types: a text is never compared with a number, and nothing is converted silently.
//!
//! Filters are hostile: their length, their nesting and the steps of their reading are bounded.

mod drafts;
mod space;
mod term;
mod time;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use cql2::Expr;

use super::properties::{Queryables, Types};
use super::system::System;
use crate::error::ApiError;
pub(super) use space::{area, literal, regions, sides};
use term::Term;

/// Bytes of a filter.
const MOST_BYTES: usize = 32 << 10;
/// Brackets within brackets: what is nested deeper in parentheses is read again and again by the parser.
const MOST_NESTED: usize = 24;
/// Steps of the parser, in text.
const MOST_STEPS: usize = 1_000_000;
/// Parts of a filter: what is more takes long to plan.
const MOST_PARTS: usize = 1_000;

/// In which form a filter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Text,
    /// Text in the words of drafts.
    DraftText,
    Json,
}

impl Language {
    /// `filter-lang`; GDAL before 3.9 says `cql-text`.
    pub(super) fn read(name: &str) -> Result<Self, ApiError> {
        match name {
            "cql2-text" => Ok(Self::Text),
            "cql-text" => Ok(Self::DraftText),
            "cql2-json" => Ok(Self::Json),
            other => Err(ApiError::bad_request(format!("filter-lang={other}: give cql2-text or cql2-json"))),
        }
    }
}

/// What a filter is read against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) names: &'a Queryables,
    /// Of the coordinates in it.
    pub(super) system: &'a System,
}

/// The SQL of a filter.
pub(super) fn condition(filter: &str, language: Language, context: Context<'_>) -> Result<String, ApiError> {
    let expr = parse(filter, language)?;
    let mut walk = Walk { context, parts: 0 };
    walk.condition(&expr)
}

/// The SQL of a parameter that is named like a property: equality, in the type of the property.
pub(super) fn equality(name: &str, value: &str, names: &Queryables) -> Result<String, ApiError> {
    let wrong = |wanted: &str| ApiError::bad_request(format!("{name}={value}: {wanted} is wanted"));
    let property = Term::of(names.get(name).map_err(ApiError::bad_request)?);
    let other = match &property {
        Term::Geometry(_) => return Err(ApiError::bad_request("there is no parameter `geometry`: use bbox or filter")),
        Term::Number(_) => Term::number_of(value).ok_or_else(|| wrong("a number"))?,
        Term::Said { types, .. } => match types.only() {
            Some(Types::NUMBER) => Term::number_of(value).ok_or_else(|| wrong("a number"))?,
            Some(Types::BOOLEAN) => match value {
                "true" | "false" => Term::Boolean(value.to_uppercase()),
                _ => return Err(wrong("true or false")),
            },
            _ => Term::Literal(value.to_owned()),
        },
        _ => Term::Literal(value.to_owned()),
    };
    term::compared(&property, "=", &other)
}

fn parse(filter: &str, language: Language) -> Result<Expr, ApiError> {
    if filter.len() > MOST_BYTES {
        return Err(refused(format!("it has {} bytes, at most {MOST_BYTES} are taken", filter.len())));
    }
    if nesting(filter) > MOST_NESTED {
        return Err(refused(format!("its brackets are nested deeper than {MOST_NESTED}")));
    }
    if says_times(filter) && lacks_offset(filter) {
        return Err(refused("a time of day stands there without its offset: write 2026-11-22T08:00:00Z"));
    }
    match language {
        Language::DraftText => parse(&drafts::standard(filter), Language::Text),
        Language::Text => {
            pest::set_call_limit(NonZeroUsize::new(MOST_STEPS));
            cql2::parse_text(filter).map_err(|error| refused(one_line(&error.to_string())))
        }
        Language::Json => cql2::parse_json(filter).map_err(|error| refused(one_line(&error.to_string()))),
    }
}

/// How deep brackets of any sort are nested, those inside texts too: that is only too strict.
fn nesting(filter: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for byte in filter.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether the filter has times that say themselves such: the parser would take one without an offset for UTC.
fn says_times(filter: &str) -> bool {
    let lower = filter.to_ascii_lowercase();
    lower.contains("timestamp") || lower.contains("interval")
}

/// Whether a date and a time of day stand somewhere without an offset behind them.
fn lacks_offset(filter: &str) -> bool {
    let bytes = filter.as_bytes();
    let is_date = |text: &[u8]| {
        text.iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() })
    };
    (10..bytes.len()).any(|at| {
        let begins = matches!(bytes[at], b'T' | b't' | b' ') && is_date(&bytes[at - 10..at]);
        let time = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit() || matches!(**byte, b':' | b'.'));
        let length = time.count();
        begins && length >= 5 && !matches!(bytes.get(at + 1 + length), Some(b'Z' | b'z' | b'+' | b'-'))
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(400).collect()
}

fn refused(what: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request(format!("filter: {what}"))
}

/// One walk over a filter.
struct Walk<'a> {
    context: Context<'a>,
    parts: usize,
}

impl Walk<'_> {
    fn count(&mut self) -> Result<(), ApiError> {
        self.parts += 1;
        if self.parts > MOST_PARTS { Err(refused(format!("it has more than {MOST_PARTS} parts"))) } else { Ok(()) }
    }

    /// Something that is true or false.
    fn condition(&mut self, expr: &Expr) -> Result<String, ApiError> {
        self.count()?;
        match expr {
            Expr::Bool(truth) => Ok(if *truth { "TRUE" } else { "FALSE" }.to_owned()),
            Expr::Operation { op, args } => self.operation(op, args),
            other => match self.term(other)? {
                term @ (Term::Boolean(_) | Term::Said { .. }) => term.boolean(),
                term => Err(refused(format!("{} stands where something true or false is wanted", term.words()))),
            },
        }
    }

    fn operation(&mut self, op: &str, args: &[Box<Expr>]) -> Result<String, ApiError> {
        match (op, args) {
            ("and" | "or", [_, ..]) => {
                let parts = args.iter().map(|arg| self.condition(arg)).collect::<Result<Vec<_>, _>>()?;
                Ok(joined(&parts, if op == "and" { " AND " } else { " OR " }))
            }
            ("not", [arg]) => Ok(format!("(NOT {})", self.condition(arg)?)),
            ("isNull", [arg]) => Ok(self.term(arg)?.is_null()),
            ("between", [value, low, high]) => {
                let value = self.term(value)?;
                let (low, high) = (self.term(low)?, self.term(high)?);
                Ok(format!("({} AND {})", term::compared(&value, ">=", &low)?, term::compared(&value, "<=", &high)?))
            }
            ("in", [value, list]) => self.one_of(value, list),
            ("like", [value, pattern]) => {
                let (value, pattern) = (self.term(value)?.text()?, self.term(pattern)?.text()?);
                Ok(format!("({value} LIKE {pattern})"))
            }
            ("=" | "<>" | "<" | "<=" | ">" | ">=", [a, b]) => {
                let (a, b) = (self.term(a)?, self.term(b)?);
                term::compared(&a, op, &b)
            }
            (spatial, [a, b]) if spatial.starts_with("s_") => {
                let (a, b) = (self.term(a)?, self.term(b)?);
                space::related(spatial, a, b)
            }
            (temporal, [a, b]) if temporal.starts_with("t_") => {
                let (a, b) = (self.stretch(a)?, self.stretch(b)?);
                time::related(temporal, &a, &b)
            }
            _ => Err(not_offered(op, args.len())),
        }
    }

    fn one_of(&mut self, value: &Expr, list: &Expr) -> Result<String, ApiError> {
        let value = self.term(value)?;
        let Expr::Array(items) = list else {
            return Err(refused("IN wants a list of values in brackets"));
        };
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            self.count()?;
            let item = self.term(item)?;
            parts.push(term::compared(&value, "=", &item)?);
        }
        Ok(if parts.is_empty() { "FALSE".to_owned() } else { joined(&parts, " OR ") })
    }
}

fn not_offered(op: &str, arguments: usize) -> ApiError {
    let known = ["and", "or", "not", "isNull", "between", "in", "like", "=", "<>", "<", "<=", ">", ">="].contains(&op);
    if known || op.starts_with("s_") || op.starts_with("t_") {
        return refused(format!("{op} does not take {arguments} arguments"));
    }
    refused(format!(
        "`{op}` is not offered; there are AND, OR, NOT, comparisons, BETWEEN, IN, LIKE, IS NULL, CASEI, +, -, *, /, %, div, \
         S_INTERSECTS, S_DISJOINT, S_EQUALS, S_TOUCHES, S_WITHIN, S_CONTAINS and the T_ functions"
    ))
}

/// Parts joined as a balanced tree: planners walk a chain by recursion.
fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [] => "TRUE".to_owned(),
        [one] => one.clone(),
        several => {
            let (a, b) = several.split_at(several.len() / 2);
            format!("({}{word}{})", joined(a, word), joined(b, word))
        }
    }
}
