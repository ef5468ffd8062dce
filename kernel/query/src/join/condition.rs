//! The condition of a join, taken apart: a join filter comes in; out come how two geometries have to lie to one another, the
//! expressions of both, each over its own side's columns, and what is to be tested beside.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinSide, ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::utils::conjunction_opt;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};
use datafusion::physical_plan::joins::utils::JoinFilter;

use crate::candidates::MEETING;
use crate::functions::DISTANCE_M;
use crate::scan::Metric;

/// An expression that gives geometries.
pub(super) type Shape = Arc<dyn PhysicalExpr>;

/// How the two geometries of a pair lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lie {
    /// A predicate holds that is false unless they share a point; its name, and whether the left one is its first argument.
    Meet { predicate: &'static str, left_first: bool },
    /// No farther apart than so many degrees.
    WithinDegrees(f64),
    /// No farther apart than so many metres.
    WithinMetres(f64),
}

/// A condition of a join.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    /// How the geometries lie.
    pub(super) lie: Lie,
    /// The left geometry, over the columns of the left side.
    pub(super) left: Shape,
    /// The right one, over the columns of the right side.
    pub(super) right: Shape,
    /// All of the condition.
    pub(super) whole: JoinFilter,
    /// What of it does not say how they lie.
    pub(super) rest: Option<JoinFilter>,
}

impl Condition {
    /// `None` where no part of the filter compares a geometry of one side with one of the other.
    pub(super) fn of(filter: &JoinFilter) -> Result<Option<Self>> {
        let parts = split_conjunction(filter.expression());
        for (at, part) in parts.iter().enumerate() {
            let Some(pair) = Pair::of(part) else { continue };
            let Some((lie, left, right)) = pair.sides(filter)? else { continue };
            let rest = others(&parts, at, filter);
            return Ok(Some(Self { lie, left, right, whole: filter.clone(), rest }));
        }
        Ok(None)
    }
}

/// What `ST_KNN(from, to, k, in_metres)` asks for.
#[derive(Debug, Clone)]
pub(super) struct Neighbours {
    /// What it is looked from, over the columns of that side.
    pub(super) from: Shape,
    /// What is looked for, over the columns of the other side.
    pub(super) to: Shape,
    /// How many for each.
    pub(super) most: usize,
    /// How far is counted.
    pub(super) metric: Metric,
    /// Whether what is looked for is the left side.
    pub(super) objects_are_left: bool,
}

impl Neighbours {
    /// With what of the filter asks for something else; `None` where no part of it asks for neighbours.
    pub(super) fn of(filter: &JoinFilter) -> Result<Option<(Self, Option<JoinFilter>)>> {
        let parts = split_conjunction(filter.expression());
        for (at, part) in parts.iter().enumerate() {
            let Some(call) = part.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.name() == "st_knn") else {
                continue;
            };
            let [from, to, more @ ..] = call.args() else { continue };
            let (Some((from_side, from)), Some((to_side, to))) = (own(from, filter)?, own(to, filter)?) else {
                return plan_err!("ST_KNN(from, to, k) looks from the rows of one table for those of another");
            };
            let most = more.first().map_or(Some(1.0), number).filter(|most| *most >= 1.0 && most.fract() == 0.0);
            let Some(most) = most.filter(|_| from_side != to_side) else {
                return plan_err!("ST_KNN(from, to, k) takes geometries of two tables and a whole number from 1 on");
            };
            let metres =
                more.get(1).and_then(|arg| arg.downcast_ref::<Literal>().map(|literal| literal.value().clone()));
            let metric = match metres {
                Some(ScalarValue::Boolean(Some(true))) => Metric::Metres,
                _ => Metric::Degrees,
            };
            let objects_are_left = to_side == JoinSide::Left;
            let neighbours = Self { from, to, most: most as usize, metric, objects_are_left };
            return Ok(Some((neighbours, others(&parts, at, filter))));
        }
        Ok(None)
    }
}

/// The conjunction of all parts of a filter but one.
fn others(parts: &[&Arc<dyn PhysicalExpr>], but: usize, filter: &JoinFilter) -> Option<JoinFilter> {
    let others = parts.iter().enumerate().filter(|(other, _)| *other != but).map(|(_, part)| Arc::clone(part));
    conjunction_opt(others).map(|rest| JoinFilter::new(rest, filter.column_indices().to_vec(), filter.schema().clone()))
}

/// Two geometries that are compared.
struct Pair<'a> {
    lie: Lie,
    first: &'a Arc<dyn PhysicalExpr>,
    second: &'a Arc<dyn PhysicalExpr>,
}

impl<'a> Pair<'a> {
    fn of(part: &'a Arc<dyn PhysicalExpr>) -> Option<Self> {
        if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
            return Self::of_comparison(binary);
        }
        let call = part.downcast_ref::<ScalarFunctionExpr>()?;
        let (first, second) = (call.args().first()?, call.args().get(1)?);
        let lie = match call.name() {
            "st_dwithin" => Lie::WithinDegrees(number(call.args().get(2)?)?),
            name => {
                Lie::Meet { predicate: MEETING.into_iter().find(|predicate| *predicate == name)?, left_first: true }
            }
        };
        Some(Self { lie, first, second })
    }

    /// `st_distance(a, b) <= limit`.
    fn of_comparison(binary: &'a BinaryExpr) -> Option<Self> {
        let (distance, limit) = match binary.op() {
            Operator::Lt | Operator::LtEq => (binary.left(), binary.right()),
            Operator::Gt | Operator::GtEq => (binary.right(), binary.left()),
            _ => return None,
        };
        let call = distance.downcast_ref::<ScalarFunctionExpr>()?;
        let [first, second] = call.args() else { return None };
        let lie = match call.name() {
            "st_distance" => Lie::WithinDegrees(number(limit)?),
            DISTANCE_M => Lie::WithinMetres(number(limit)?),
            _ => return None,
        };
        Some(Self { lie, first, second })
    }

    /// The left and the right geometry, where each is of one side.
    fn sides(self, filter: &JoinFilter) -> Result<Option<(Lie, Shape, Shape)>> {
        let own = |expr| own(expr, filter);
        Ok(match (own(self.first)?, own(self.second)?) {
            (Some((JoinSide::Left, left)), Some((JoinSide::Right, right))) => Some((self.lie, left, right)),
            (Some((JoinSide::Right, right)), Some((JoinSide::Left, left))) => {
                let lie = match self.lie {
                    Lie::Meet { predicate, .. } => Lie::Meet { predicate, left_first: false },
                    within => within,
                };
                Some((lie, left, right))
            }
            _ => None,
        })
    }
}

/// An expression over the columns of the one side that it names.
fn own(expr: &Arc<dyn PhysicalExpr>, filter: &JoinFilter) -> Result<Option<(JoinSide, Arc<dyn PhysicalExpr>)>> {
    let mut sides = Vec::new();
    expr.apply(|node| {
        if let Some(column) = node.downcast_ref::<Column>() {
            sides.push(filter.column_indices()[column.index()].side);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let Some(side) = sides.first().copied().filter(|side| sides.iter().all(|other| other == side)) else {
        return Ok(None);
    };
    let moved = Arc::clone(expr).transform(|node| {
        let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
        let at = filter.column_indices()[column.index()].index;
        Ok(Transformed::yes(Arc::new(Column::new(column.name(), at)) as Arc<dyn PhysicalExpr>))
    });
    Ok(Some((side, moved.data()?)))
}

fn number(expr: &Arc<dyn PhysicalExpr>) -> Option<f64> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::Float64(value) => *value,
        ScalarValue::Float32(value) => value.map(f64::from),
        ScalarValue::Int64(value) => value.map(|value| value as f64),
        _ => None,
    }
}
