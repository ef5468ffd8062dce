//! Instants and stretches of time in a filter. A date is the day in UTC; `..` is an open end; of `valid_from` and `valid_to`
//! in an INTERVAL a null is an open end too, as it is in the store. The relations are those of CQL2, table 8 (Allen's).

use cql2::Expr;
use kernel_model::TimeUs;

use super::term::Term;
use super::{Walk, refused};
use crate::error::ApiError;

const DAY_US: i64 = 86_400_000_000;
/// Years 1 and 9999: what open ends lie beyond.
const ENDS_US: [i64; 2] = [-62_135_596_800_000_000, 253_402_300_799_999_999];

/// First and last instant, as SQL.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) from: String,
    to: String,
}

impl Stretch {
    /// An instant.
    pub(super) fn at(sql: String) -> Self {
        Self { to: sql.clone(), from: sql }
    }

    fn of(from_us: i64, to_us: i64) -> Self {
        Self { from: timestamp(from_us), to: timestamp(to_us) }
    }
}

fn timestamp(us: i64) -> String {
    format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"+00:00\"))')")
}

/// What a text says: an instant, or a day.
fn read(text: &str) -> Result<Stretch, ApiError> {
    let day = || TimeUs::parse(&format!("{text}T00:00:00Z")).map(|day| Stretch::of(day.0, day.0 + DAY_US - 1));
    let instant = || TimeUs::parse(&text.replacen(' ', "T", 1)).map(|at| Stretch::of(at.0, at.0));
    if text.len() == 10 { day() } else { instant() }.map_err(|_| {
        refused(format!("`{text}` is no date and no instant with its offset, such as 2026-11-22T08:00:00Z"))
    })
}

/// A literal that says itself a time.
pub(super) fn literal(expr: &Expr) -> Result<Stretch, ApiError> {
    match expr {
        Expr::Timestamp { timestamp: inner } | Expr::Date { date: inner } => match inner.as_ref() {
            Expr::Literal(text) => read(text),
            _ => Err(refused("TIMESTAMP and DATE take a text")),
        },
        _ => Err(refused("this is no time")),
    }
}

/// A term as a time.
pub(super) fn instant(term: &Term) -> Result<Stretch, ApiError> {
    match term {
        Term::Instant(stretch) => Ok(stretch.clone()),
        Term::Literal(text) => read(text),
        other => Err(refused(format!(
            "{} is compared with a time; times are valid_from, valid_to, recorded_at and what TIMESTAMP('...') and \
             DATE('...') say",
            other.words()
        ))),
    }
}

/// `a op b`: after a day is after its end.
pub(super) fn compared(a: &Stretch, op: &str, b: &Stretch) -> Result<String, ApiError> {
    Ok(match op {
        "=" => format!("({} <= {} AND {} >= {})", a.from, b.to, a.to, b.from),
        "<>" => format!("({} > {} OR {} < {})", a.from, b.to, a.to, b.from),
        "<" => format!("({} < {})", a.to, b.from),
        "<=" => format!("({} <= {})", a.from, b.to),
        ">" => format!("({} > {})", a.from, b.to),
        ">=" => format!("({} >= {})", a.to, b.from),
        other => return Err(refused(format!("`{other}` is no comparison"))),
    })
}

/// A relation of two stretches.
pub(super) fn related(op: &str, a: &Stretch, b: &Stretch) -> Result<String, ApiError> {
    let (a1, a2, b1, b2) = (&a.from, &a.to, &b.from, &b.to);
    Ok(match op {
        "t_after" => format!("({a1} > {b2})"),
        "t_before" => format!("({a2} < {b1})"),
        "t_contains" => format!("({a1} < {b1} AND {a2} > {b2})"),
        "t_disjoint" => format!("({a2} < {b1} OR {a1} > {b2})"),
        "t_during" => format!("({a1} > {b1} AND {a2} < {b2})"),
        "t_equals" => format!("({a1} = {b1} AND {a2} = {b2})"),
        "t_finishedBy" => format!("({a1} < {b1} AND {a2} = {b2})"),
        "t_finishes" => format!("({a1} > {b1} AND {a2} = {b2})"),
        "t_intersects" => format!("({a1} <= {b2} AND {a2} >= {b1})"),
        "t_meets" => format!("({a2} = {b1})"),
        "t_metBy" => format!("({a1} = {b2})"),
        "t_overlappedBy" => format!("({a1} > {b1} AND {a1} < {b2} AND {a2} > {b2})"),
        "t_overlaps" => format!("({a1} < {b1} AND {a2} > {b1} AND {a2} < {b2})"),
        "t_startedBy" => format!("({a1} = {b1} AND {a2} > {b2})"),
        "t_starts" => format!("({a1} = {b1} AND {a2} < {b2})"),
        other => return Err(refused(format!("`{other}` is no temporal function of CQL2"))),
    })
}

impl Walk<'_> {
    /// An instant or an interval.
    pub(super) fn stretch(&mut self, expr: &Expr) -> Result<Stretch, ApiError> {
        let Expr::Interval { interval } = expr else { return instant(&self.term(expr)?) };
        let [from, to] = interval.as_slice() else { return Err(refused("an INTERVAL has two ends")) };
        Ok(Stretch { from: self.end(from, 0)?, to: self.end(to, 1)? })
    }

    /// An end of an interval: the first (0) or the last (1).
    fn end(&mut self, expr: &Expr, which: usize) -> Result<String, ApiError> {
        if matches!(expr, Expr::Literal(text) if text == "..") {
            return Ok(timestamp(ENDS_US[which]));
        }
        let is_column = matches!(expr, Expr::Property { .. });
        let Stretch { from, to } = instant(&self.term(expr)?)?;
        let end = if which == 0 { from } else { to };
        Ok(if is_column { format!("coalesce({end}, {})", timestamp(ENDS_US[which])) } else { end })
    }
}
