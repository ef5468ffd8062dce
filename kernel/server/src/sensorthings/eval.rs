//! A filter asked of one entity: tree and entity come in, a value goes out. Along a link to many the filter is true where it is
//! true of any. Comparing with null, or values that do not belong together, is false, and `ne` of them is true (OData 4.0,
//! part 2, 5.1.1.1).

use std::cmp::Ordering;

use kernel_model::TimeUs;

use super::filter::{Arithmetic, Comparison, Expr, Path};
use super::item::Item;
use super::set::{Link, Set};
use super::value::Value;
use super::world::{Source, World};
use crate::error::ApiError;

/// Entities that one path leads to at most.
const MOST_VALUES: usize = 100_000;

impl World<'_> {
    /// Whether a filter is true of an entity.
    pub(super) fn holds(&self, filter: &Expr, item: &Item) -> Result<bool, ApiError> {
        Ok(self.eval(filter, item)?.is_true())
    }

    /// The value of a tree without paths.
    pub(super) fn constant(&self, expr: &Expr) -> Option<Value> {
        let mut has_path = false;
        expr.each_path(&mut |_| has_path = true);
        if has_path { None } else { self.eval(expr, &Item::Observed("".into())).ok() }
    }

    /// The value of a tree.
    pub(super) fn eval(&self, expr: &Expr, item: &Item) -> Result<Value, ApiError> {
        Ok(match expr {
            Expr::Literal(value) => value.clone(),
            Expr::Path(path) => self.path(path, item)?,
            Expr::Call(function, arguments) => {
                let values = arguments.iter().map(|argument| self.eval(argument, item));
                let values = values.collect::<Result<Vec<_>, _>>()?;
                lifted(&values, &|values| function.of(values, self.now))
            }
            Expr::Compare(comparison, a, b) => {
                let values = [self.eval(a, item)?, self.eval(b, item)?];
                lifted(&values, &|values| Value::Bool(compares(*comparison, values)))
            }
            Expr::Arithmetic(operator, a, b) => {
                let values = [self.eval(a, item)?, self.eval(b, item)?];
                lifted(&values, &|values| calculated(*operator, values))
            }
            Expr::Not(inner) => Value::Bool(!self.holds(inner, item)?),
            Expr::And(all) => {
                for expr in all {
                    if !self.holds(expr, item)? {
                        return Ok(Value::Bool(false));
                    }
                }
                Value::Bool(true)
            }
            Expr::Or(all) => {
                for expr in all {
                    if self.holds(expr, item)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Value::Bool(false)
            }
        })
    }

    fn path(&self, path: &Path, item: &Item) -> Result<Value, ApiError> {
        let mut values = Vec::new();
        let many = path.links.iter().any(|link| link.many);
        self.walk(&path.links, path, item, &mut values)?;
        Ok(match (many, values.len()) {
            (true, _) => Value::Many(values),
            (false, 0) => Value::Null,
            (false, _) => values.swap_remove(0),
        })
    }

    fn walk(&self, links: &[&'static Link], path: &Path, item: &Item, out: &mut Vec<Value>) -> Result<(), ApiError> {
        let Some((link, rest)) = links.split_first() else {
            let value = self.value(item, path.property)?;
            out.push(path.members.iter().fold(value, |value, member| value.member(member)));
            return Ok(());
        };
        let Source::Items(items) = self.related(item, link) else { return Err(too_many(link)) };
        for item in &items {
            if out.len() >= MOST_VALUES {
                return Err(ApiError::bad_request(format!("a path leads to more than {MOST_VALUES} entities")));
            }
            self.walk(rest, path, item, out)?;
        }
        Ok(())
    }
}

/// Refuses paths through collections that are not in memory.
pub(super) fn check(filter: &Expr) -> Result<(), ApiError> {
    let mut refused = None;
    filter.each_path(&mut |path| {
        let rows = |link: &&&'static Link| link.many && matches!(link.to, Set::Observations | Set::HistoricalLocations);
        refused = refused.or_else(|| path.links.iter().find(rows).copied());
    });
    refused.map_or(Ok(()), |link| Err(too_many(link)))
}

fn too_many(link: &Link) -> ApiError {
    let name = link.name;
    ApiError::bad_request(format!(
        "a filter does not go through {name}: ask {name} themselves, with a filter on what they are of"
    ))
}

/// A function of values, of which some may stand for many: of any of these.
fn lifted(values: &[Value], of: &dyn Fn(&[Value]) -> Value) -> Value {
    let Some(at) = values.iter().position(|value| matches!(value, Value::Many(_))) else { return of(values) };
    let Value::Many(many) = &values[at] else { return Value::Null };
    let mut values = values.to_vec();
    let each = many.iter().map(|value| {
        values[at] = value.clone();
        lifted(&values, of)
    });
    Value::Many(each.collect())
}

fn compares(comparison: Comparison, values: &[Value]) -> bool {
    let [a, b] = values else { return false };
    let order = a.compare(b);
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        _ if matches!((a, b), (Value::Null, _) | (_, Value::Null)) => false,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

fn calculated(operator: Arithmetic, values: &[Value]) -> Value {
    use Arithmetic::{Add, Divide, Modulo, Multiply, Subtract};
    let later = |at: &TimeUs, us: i64| Value::Time(TimeUs(at.0.saturating_add(us)));
    let found = match (operator, values) {
        (Add, [Value::Number(a), Value::Number(b)]) => Value::Number(a + b),
        (Subtract, [Value::Number(a), Value::Number(b)]) => Value::Number(a - b),
        (Multiply, [Value::Number(a), Value::Number(b)]) => Value::Number(a * b),
        (Divide, [Value::Number(a), Value::Number(b)]) => Value::Number(a / b),
        (Modulo, [Value::Number(a), Value::Number(b)]) => Value::Number(a % b),
        (Add, [Value::Time(at), Value::Duration(us)] | [Value::Duration(us), Value::Time(at)]) => later(at, *us),
        (Subtract, [Value::Time(at), Value::Duration(us)]) => later(at, us.saturating_neg()),
        (Subtract, [Value::Time(a), Value::Time(b)]) => Value::Duration(a.0.saturating_sub(b.0)),
        (Add, [Value::Duration(a), Value::Duration(b)]) => Value::Duration(a.saturating_add(*b)),
        _ => Value::Null,
    };
    // What is no number, such as a division by zero, is nothing.
    if matches!(found, Value::Number(number) if !number.is_finite()) { Value::Null } else { found }
}
