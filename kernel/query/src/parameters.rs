//! Values that come beside a statement. Its words come in, and its plan; out go words in which every place for a value has a
//! number, the types that the places want, and the plan with values in them. A value never becomes part of the text.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::Error;

/// More places than this are not taken.
const MOST: usize = 1_000;

/// The words with `$1`, `$2`, ... in place of each `?`.
pub(crate) fn numbered(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut number = 0;
    for token in &mut tokens {
        if matches!(&token.token, Token::Placeholder(name) if name == "?") {
            number += 1;
            token.token = Token::Placeholder(format!("${number}"));
        }
    }
    tokens
}

/// The types of `$1`, `$2`, ... as far as the plan knows them: of what they are compared with, or are cast to.
///
/// # Errors
/// [`Error::Plan`] where a place has no number.
pub fn types(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>, Error> {
    let mut known = BTreeMap::new();
    for (name, data_type) in plan.get_parameter_types()? {
        known.insert(number(&name)?, data_type);
    }
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Cast(cast) = expr
                    && let Expr::Placeholder(place) = cast.expr.as_ref()
                {
                    let number = number(&place.id).map_err(|error| DataFusionError::External(error.into()))?;
                    known.entry(number).or_default().get_or_insert_with(|| cast.field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    let last = known.last_key_value().map_or(0, |(number, _)| *number);
    Ok((1..=last).map(|number| known.remove(&number).flatten()).collect())
}

/// The number in `$7`.
fn number(name: &str) -> Result<usize, Error> {
    let number = name.strip_prefix('$').and_then(|digits| digits.parse().ok());
    number
        .filter(|number| (1..=MOST).contains(number))
        .ok_or_else(|| Error::Plan(format!("{name} is no place for a value: write $1, $2, ... up to ${MOST}")))
}

/// The plan with values in their places.
///
/// # Errors
/// [`Error::Plan`] where there are fewer values than places, or a value of the wrong type.
pub fn bind(plan: LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan, Error> {
    let wanted = types(&plan)?.len();
    if wanted > values.len() {
        return Err(Error::Plan(format!("the statement has places for {wanted} values, {} were given", values.len())));
    }
    match wanted {
        0 => Ok(plan),
        _ => Ok(plan.replace_params_with_values(&ParamValues::from(values.to_vec()))?),
    }
}
