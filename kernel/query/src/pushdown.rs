//! A predicate over SQL columns in, the same predicate over stored columns out, so that rows are sorted out before any
//! byte is turned into text: `id = '0190...'` becomes a comparison of 16 bytes. Where no exactly equal form is known the
//! answer is `None` and the predicate is evaluated on the text.

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::columns::{Encoding, encoding};

/// `expr` over the columns of `stored`, with exactly the same truth value on every row.
pub(crate) fn to_stored(expr: &Expr, stored: &Schema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(binary) => binary_to_stored(binary, stored),
        Expr::Not(inner) => Some(Expr::Not(Box::new(to_stored(inner, stored)?))),
        Expr::IsTrue(inner) => Some(Expr::IsTrue(Box::new(to_stored(inner, stored)?))),
        Expr::InList(list) => list_to_stored(list, stored),
        Expr::IsNull(inner) if encoded(inner, stored).is_some() => Some(expr.clone()),
        Expr::IsNotNull(inner) if encoded(inner, stored).is_some() => Some(expr.clone()),
        _ => untouched(expr, stored).then(|| expr.clone()),
    }
}

fn binary_to_stored(binary: &BinaryExpr, stored: &Schema) -> Option<Expr> {
    if let Some(settled) = settled(binary, stored) {
        return Some(settled);
    }
    let (left, right) = match (encoded(&binary.left, stored), encoded(&binary.right, stored)) {
        (None, None) => (to_stored(&binary.left, stored)?, to_stored(&binary.right, stored)?),
        // Two encoded columns: equal texts are equal bytes where both have one form.
        (Some(left), Some(right)) if left == right => ((*binary.left).clone(), (*binary.right).clone()),
        (Some(form), None) => ((*binary.left).clone(), literal(&binary.right, form)?),
        (None, Some(form)) => (literal(&binary.left, form)?, (*binary.right).clone()),
        (Some(_), Some(_)) => return None,
    };
    let encoded = encoded(&binary.left, stored).or(encoded(&binary.right, stored)).is_some();
    (!encoded || is_comparison(binary.op))
        .then(|| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right))))
}

/// A comparison with a text that is no form of bytes: no row is equal to it, every row with a value is not.
fn settled(binary: &BinaryExpr, stored: &Schema) -> Option<Expr> {
    let (column, other) = match (encoded(&binary.left, stored), encoded(&binary.right, stored)) {
        (Some(form), None) => (&binary.left, (&binary.right, form)),
        (None, Some(form)) => (&binary.right, (&binary.left, form)),
        _ => return None,
    };
    (text(other.0).is_some() && literal(other.0, other.1).is_none()).then_some(())?;
    match binary.op {
        Operator::Eq => Some(of_values((**column).clone(), false)),
        Operator::NotEq => Some(of_values((**column).clone(), true)),
        _ => None,
    }
}

/// The truth value of every row that has a value; null where it has none.
fn of_values(column: Expr, truth: bool) -> Expr {
    if truth { column.clone().eq(column) } else { column.clone().not_eq(column) }
}

/// Both text forms have one width and digits in byte order, so that all comparisons agree with those of the bytes.
pub(crate) fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn list_to_stored(list: &InList, stored: &Schema) -> Option<Expr> {
    let Some(form) = encoded(&list.expr, stored) else {
        let whole = Expr::InList(list.clone());
        return untouched(&whole, stored).then_some(whole);
    };
    if list.list.iter().any(|item| text(item).is_none()) {
        return None;
    }
    // What is no form of bytes is equal to none.
    let items: Vec<Expr> = list.list.iter().filter_map(|item| literal(item, form)).collect();
    Some(match items.is_empty() {
        true => of_values((*list.expr).clone(), list.negated),
        false => Expr::InList(InList::new(list.expr.clone(), items, list.negated)),
    })
}

/// The form and size of the encoded column that `expr` names.
fn encoded(expr: &Expr, stored: &Schema) -> Option<(Encoding, i32)> {
    let Expr::Column(column) = expr else { return None };
    let field = stored.field_with_name(&column.name).ok()?;
    match field.data_type() {
        arrow::datatypes::DataType::FixedSizeBinary(size) => Some((encoding(field)?, *size)),
        _ => None,
    }
}

/// A text that is written down.
fn text(expr: &Expr) -> Option<&str> {
    let Expr::Literal(value, _) = expr else { return None };
    value.try_as_str()?
}

fn literal(expr: &Expr, (form, size): (Encoding, i32)) -> Option<Expr> {
    let bytes = form.bytes(text(expr)?, usize::try_from(size).ok()?)?;
    Some(Expr::Literal(ScalarValue::FixedSizeBinary(size, Some(bytes)), None))
}

/// Whether `expr` names no encoded column and no column outside the table.
fn untouched(expr: &Expr, stored: &Schema) -> bool {
    let mut plain = true;
    let visited = expr.apply(|node| {
        let bad = match node {
            Expr::Column(column) => stored.field_with_name(&column.name).is_err() || encoded(node, stored).is_some(),
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..) => true,
            _ => false,
        };
        plain &= !bad;
        Ok(if bad { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    visited.is_ok() && plain
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use kernel_model::schema::Table;

    use super::*;

    #[test]
    fn comparisons_of_ids_become_comparisons_of_bytes() {
        let stored = Table::Positions.schema();
        let id = "00112233-4455-6677-8899-aabbccddeeff";
        let bytes: Vec<u8> = (0..16).map(|i| i * 17).collect();
        let found = to_stored(&col("entity").eq(lit(id)), &stored).unwrap();
        assert_eq!(found, col("entity").eq(Expr::Literal(ScalarValue::FixedSizeBinary(16, Some(bytes)), None)));
        assert!(to_stored(&col("entity").eq(lit(id)).and(col("lon").gt(lit(1.0))), &stored).is_some());
        assert!(to_stored(&col("entity").in_list(vec![lit(id)], true), &stored).is_some());
    }

    #[test]
    fn what_is_not_exactly_the_same_stays_with_the_text() {
        let stored = Table::Positions.schema();
        for expr in [
            col("entity").lt(lit("no id")),
            col("entity").like(lit("00%")),
            col("entity").eq(col("lon")),
            col("entity").in_list(vec![col("lon")], false),
        ] {
            assert_eq!(to_stored(&expr, &stored), None, "{expr}");
        }
    }

    #[test]
    fn what_is_no_id_is_equal_to_none() {
        let stored = Table::Positions.schema();
        let (none, all) = (col("entity").not_eq(col("entity")), col("entity").eq(col("entity")));
        for (expr, settled) in [
            (col("entity").eq(lit("no id")), &none),
            (lit("00112233-4455-6677-8899-AABBCCDDEEFF").eq(col("entity")), &none),
            (col("entity").not_eq(lit("")), &all),
            (col("entity").in_list(vec![lit("a"), lit("b")], false), &none),
            (col("entity").in_list(vec![lit("a"), lit("b")], true), &all),
        ] {
            assert_eq!(to_stored(&expr, &stored).as_ref(), Some(settled), "{expr}");
        }
    }
}
