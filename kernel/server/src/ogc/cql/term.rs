//! Values in a filter and their types: what is compared has one type, which a column has, a literal has, and a property of a
//! source gets from what it is compared with.

use cql2::Expr;

use super::super::properties::{Queryable, Types};
use super::{Walk, refused, time};
use crate::error::ApiError;

/// A value as SQL, by its type.
#[derive(Debug, Clone)]
pub(super) enum Term {
    Text(String),
    /// A text that stands in the filter.
    Literal(String),
    Number(String),
    Boolean(String),
    Instant(time::Stretch),
    /// What a source says under a name.
    Said {
        name: String,
        types: Types,
    },
    Geometry(String),
    Null,
}

/// A text as an SQL literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Term {
    /// What a name means.
    pub(super) fn of(queryable: Queryable) -> Self {
        let column = |column: &str| format!("\"{column}\"");
        match queryable {
            Queryable::Text(name) => Self::Text(column(&name)),
            Queryable::Number(name) => Self::Number(column(&name)),
            Queryable::Instant(name) => Self::Instant(time::Stretch::at(column(&name))),
            Queryable::Geometry => Self::Geometry("geometry".to_owned()),
            Queryable::Said(name, types) => Self::Said { name, types },
        }
    }

    /// A number as it is written in an address.
    pub(super) fn number_of(text: &str) -> Option<Self> {
        text.trim().parse::<f64>().ok().and_then(|number| number_literal(number).ok())
    }

    /// What it is, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Text(_) => "a text".to_owned(),
            Self::Literal(text) => format!("the text '{}'", text.chars().take(60).collect::<String>()),
            Self::Number(_) => "a number".to_owned(),
            Self::Boolean(_) => "something true or false".to_owned(),
            Self::Instant(_) => "an instant".to_owned(),
            Self::Said { name, .. } => format!("the property `{name}`"),
            Self::Geometry(_) => "a geometry".to_owned(),
            Self::Null => "null".to_owned(),
        }
    }

    fn said(name: &str, function: &str) -> String {
        format!("{function}(properties, {})", quoted(name))
    }

    pub(super) fn text(&self) -> Result<String, ApiError> {
        match self {
            Self::Text(sql) => Ok(sql.clone()),
            Self::Literal(text) => Ok(quoted(text)),
            Self::Said { name, .. } => Ok(Self::said(name, "property_text")),
            other => Err(refused(format!("{} stands where a text is wanted", other.words()))),
        }
    }

    pub(super) fn number(&self) -> Result<String, ApiError> {
        match self {
            Self::Number(sql) => Ok(sql.clone()),
            Self::Said { name, .. } => Ok(Self::said(name, "property_number")),
            other => Err(refused(format!("{} stands where a number is wanted", other.words()))),
        }
    }

    pub(super) fn boolean(&self) -> Result<String, ApiError> {
        match self {
            Self::Boolean(sql) => Ok(sql.clone()),
            Self::Said { name, .. } => Ok(Self::said(name, "property_boolean")),
            other => Err(refused(format!("{} stands where something true or false is wanted", other.words()))),
        }
    }

    pub(super) fn is_null(&self) -> String {
        match self {
            Self::Text(sql) | Self::Number(sql) | Self::Boolean(sql) | Self::Geometry(sql) => {
                format!("({sql} IS NULL)")
            }
            Self::Instant(stretch) => format!("({} IS NULL)", stretch.from),
            Self::Said { name, .. } => format!("({} IS NULL)", Self::said(name, "property_type")),
            Self::Literal(_) => "FALSE".to_owned(),
            Self::Null => "TRUE".to_owned(),
        }
    }
}

/// `a op b` where both are of one type.
pub(super) fn compared(a: &Term, op: &str, b: &Term) -> Result<String, ApiError> {
    let is_number = |term: &Term| matches!(term, Term::Number(_));
    let is_boolean = |term: &Term| matches!(term, Term::Boolean(_));
    let either = |is: &dyn Fn(&Term) -> bool| is(a) || is(b);
    let both = |read: &dyn Fn(&Term) -> Result<String, ApiError>| Ok(format!("({} {op} {})", read(a)?, read(b)?));
    match (a, b) {
        (Term::Null, _) | (_, Term::Null) => Err(refused("nothing is equal to null: ask IS NULL")),
        (Term::Instant(_), _) | (_, Term::Instant(_)) => time::compared(&time::instant(a)?, op, &time::instant(b)?),
        (Term::Geometry(_), _) | (_, Term::Geometry(_)) => {
            Err(refused("geometries are compared with S_INTERSECTS and its like"))
        }
        (Term::Said { types, .. }, Term::Said { types: others, .. }) => match types.common(*others) {
            Types::NUMBER => both(&Term::number),
            Types::BOOLEAN => both(&Term::boolean),
            _ => both(&Term::text),
        },
        _ if either(&is_number) => both(&Term::number),
        _ if either(&is_boolean) => both(&Term::boolean),
        _ => both(&Term::text),
    }
}

impl Walk<'_> {
    /// Something that has a value.
    pub(super) fn term(&mut self, expr: &Expr) -> Result<Term, ApiError> {
        self.count()?;
        match expr {
            Expr::Literal(text) => Ok(Term::Literal(text.clone())),
            Expr::Float(number) => number_literal(*number),
            Expr::Bool(truth) => Ok(Term::Boolean(if *truth { "TRUE" } else { "FALSE" }.to_owned())),
            Expr::Null => Ok(Term::Null),
            Expr::Property { property } => self.property(property),
            Expr::Geometry(_) | Expr::BBox { .. } => self.geometry(expr).map(Term::Geometry),
            Expr::Timestamp { .. } | Expr::Date { .. } => Ok(Term::Instant(time::literal(expr)?)),
            Expr::Interval { .. } => Err(refused("an INTERVAL is compared with T_INTERSECTS and its like")),
            Expr::Array(_) => Err(refused("a list stands only after IN")),
            Expr::Operation { op, args } => self.computed(op, args),
        }
    }

    fn property(&self, name: &str) -> Result<Term, ApiError> {
        self.context.names.get(name).map(Term::of).map_err(refused)
    }

    fn computed(&mut self, op: &str, args: &[Box<Expr>]) -> Result<Term, ApiError> {
        match (op, args) {
            ("casei", [arg]) => Ok(Term::Text(format!("lower({})", self.term(arg)?.text()?))),
            ("+" | "-" | "*" | "/" | "%", [first, rest @ ..]) => {
                let mut sql = self.term(first)?.number()?;
                if rest.is_empty() {
                    return Ok(Term::Number(format!("({op} {sql})")));
                }
                for next in rest {
                    sql = format!("({sql} {op} {})", self.term(next)?.number()?);
                }
                Ok(Term::Number(sql))
            }
            // Cut towards zero.
            ("div", [a, b]) => {
                let (a, b) = (self.term(a)?.number()?, self.term(b)?.number()?);
                Ok(Term::Number(format!("CAST(CAST(({a} / nullif({b}, 0.0)) AS BIGINT) AS DOUBLE)")))
            }
            // A condition as a value: `(a > 1) = true`.
            _ => self.operation(op, args).map(Term::Boolean),
        }
    }
}

fn number_literal(number: f64) -> Result<Term, ApiError> {
    if !number.is_finite() {
        return Err(refused(format!("{number} is no number")));
    }
    // Always a real number, never an integer: `1` would make `7 / 2` be 3.
    // Two minus signs in a row would begin a comment.
    Ok(Term::Number(if number < 0.0 { format!("({number:?})") } else { format!("{number:?}") }))
}
