//! A form that was planned once. Its statement with `$1`, `$2`, ... in place of the constants is planned by the engine itself, so
//! that names, types and rewrites are the engine's; what goes out is the chain of the plan and the constant expressions in it
//! that are to be computed for each statement. Where anything could mean something else for other constants, nothing goes out.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Statement as PlanStatement, Volatility};
use datafusion::sql::parser::Statement as Outer;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, Ident, ObjectName, Statement};
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use super::chain::Chain;
use super::form::Form;
use crate::candidates::MEETING;
use crate::functions::DISTANCE_M;
use crate::pushdown::is_comparison;
use crate::statement;

/// How computed constants are named in the chain.
const CONSTANT: &str = "$constant";
/// How the types of constants are named to the planner.
const TYPES: [(&str, DataType); 3] =
    [("constant_i", DataType::Int64), ("constant_f", DataType::Float64), ("constant_s", DataType::Utf8)];
/// Functions, besides the predicates, that may be given constants beside columns: what they return never hangs on them.
const MEASURES: [&str; 4] = ["st_distance", DISTANCE_M, "st_dwithin", "st_disjoint"];

/// A chain and the constants in it.
#[derive(Debug)]
pub(super) struct Template {
    /// Has `$constant0`, `$constant1`, ... where constants are to stand.
    pub(super) chain: Chain,
    pub(super) constants: Vec<Constant>,
}

/// An expression over `$1`, `$2`, ... and what it must be.
#[derive(Debug)]
pub(super) struct Constant {
    pub(super) expr: Expr,
    pub(super) field: FieldRef,
}

/// The engine's functions and rules, with types for constants.
pub(super) fn planning(base: &SessionState) -> SessionState {
    SessionStateBuilder::new_from_existing(base.clone()).with_type_planner(Arc::new(ConstantTypes)).build()
}

/// Types of the constants that were taken out of a statement, which are never null.
#[derive(Debug)]
struct ConstantTypes;

impl TypePlanner for ConstantTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let SqlType::Custom(name, _) = sql_type else { return Ok(None) };
        let name = name.to_string();
        let kind = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone());
        Ok(kind.map(|kind| Arc::new(Field::new("", kind, false))))
    }
}

impl Template {
    /// Plans a form; `None` where its statements have to be planned one by one. `state` is of [`planning`] and has the tables.
    pub(super) async fn of(form: &Form, tokens: &[TokenWithSpan], state: &SessionState) -> Option<Self> {
        let Ok(Outer::Statement(inner)) = statement::parse(form.masked(tokens)) else { return None };
        let data_types = form.values.iter().map(sql_type).collect::<Option<Vec<_>>>()?;
        let prepare = Statement::Prepare { name: Ident::new("form"), data_types, statement: inner };
        let plan = state.statement_to_plan(Outer::Statement(Box::new(prepare))).await.ok()?;
        let LogicalPlan::Statement(PlanStatement::Prepare(prepared)) = plan else { return None };
        if !is_unchanging(&prepared.input) {
            return None;
        }
        let mut chain = Chain::of(&state.optimize(&prepared.input).ok()?)?;
        let mut constants = Vec::new();
        for expr in chain.expressions() {
            *expr = with_constants(std::mem::take(expr), &mut constants).ok()?;
            if !is_safe(expr) {
                return None;
            }
        }
        Some(Self { chain, constants })
    }
}

fn sql_type(value: &ScalarValue) -> Option<SqlType> {
    let (name, _) = TYPES.iter().find(|(_, kind)| *kind == value.data_type())?;
    Some(SqlType::Custom(ObjectName::from(vec![Ident::new(*name)]), Vec::new()))
}

/// Whether the plan says the same at all times: a function such as `now()` would be fixed at the instant of planning.
fn is_unchanging(plan: &LogicalPlan) -> bool {
    let mut unchanging = true;
    let visited = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                unchanging &= match part {
                    Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
                    Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => false,
                    _ => true,
                };
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    visited.is_ok() && unchanging
}

/// The expression with each largest part that is constant, and is known only with the statement, taken out.
fn with_constants(expr: Expr, constants: &mut Vec<Constant>) -> Result<Expr> {
    let taken = expr.transform_down(|part| {
        if !has_placeholder(&part) || !is_constant(&part) {
            return Ok(Transformed::no(part));
        }
        let (_, field) = part.to_field(&DFSchema::empty())?;
        let id = format!("{CONSTANT}{}", constants.len());
        constants.push(Constant { expr: part, field: field.clone() });
        let taken = Expr::Placeholder(Placeholder::new_with_field(id, Some(field)));
        Ok(Transformed::new(taken, true, TreeNodeRecursion::Jump))
    })?;
    Ok(taken.data)
}

/// The number of a constant that was taken out.
pub(super) fn number(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Placeholder(placeholder) => placeholder.id.strip_prefix(CONSTANT)?.parse().ok(),
        _ => None,
    }
}

/// Any part of an expression for which `holds`.
fn any(expr: &Expr, mut holds: impl FnMut(&Expr) -> bool) -> bool {
    expr.exists(|part| Ok(holds(part))).unwrap_or(true)
}

fn has_placeholder(expr: &Expr) -> bool {
    any(expr, |part| matches!(part, Expr::Placeholder(_)))
}

/// Whether it is made of constants by immutable functions and conversions. Truth values are left where they are.
fn is_constant(expr: &Expr) -> bool {
    !any(expr, |part| {
        !matches!(
            part,
            Expr::Placeholder(_)
                | Expr::Literal(..)
                | Expr::ScalarFunction(_)
                | Expr::Cast(_)
                | Expr::Negative(_)
                | Expr::Alias(_)
        ) && !matches!(part, Expr::BinaryExpr(binary) if binary.op.is_numerical_operators())
    })
}

/// Whether constants stand only where no other constant of the type could change the meaning or the type of anything.
fn is_safe(expr: &Expr) -> bool {
    if number(expr).is_some() || !has_placeholder(expr) {
        return true;
    }
    match expr {
        Expr::BinaryExpr(binary) => {
            let op = binary.op;
            let plain = is_comparison(op) || op.is_logic_operator() || op.is_numerical_operators();
            plain && is_safe(&binary.left) && is_safe(&binary.right)
        }
        Expr::Not(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner) => is_safe(inner),
        Expr::Alias(alias) => is_safe(&alias.expr),
        Expr::Between(between) => is_safe(&between.expr) && is_safe(&between.low) && is_safe(&between.high),
        Expr::InList(list) => is_safe(&list.expr) && list.list.iter().all(is_safe),
        Expr::ScalarFunction(call) => {
            (MEETING.contains(&call.name()) || MEASURES.contains(&call.name())) && call.args.iter().all(is_safe)
        }
        _ => false,
    }
}
