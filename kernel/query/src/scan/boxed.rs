//! Rows in memory whose geometries have boxes in a tree: predicates come in, the few rows that can fulfil them go out as
//! batches of their own, or nothing where the predicates say too little of where. Predicates are still to be tested.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, Operator};
use kernel_store::EntityBoxes;
use spatial_index::LonLatBox;

use crate::candidates::implied;

/// More rows than one in so many are not picked out one by one: a scan is quicker then.
const SHARE: usize = 4;

/// Batches and the boxes of their rows.
#[derive(Debug, Clone)]
pub(crate) struct Boxed {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) boxes: Vec<Arc<EntityBoxes>>,
}

/// Rows of some batches by number.
pub(super) struct Picked {
    /// For each batch.
    pub(super) rows: Vec<Vec<u32>>,
    /// What the tree was asked, in words.
    pub(super) asked: String,
}

impl Boxed {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Rows that can fulfil the predicates.
    pub(super) fn pick(&self, predicates: &[Expr], stored: &Schema) -> Option<Picked> {
        let window = window(predicates, stored)?;
        let asked = window.as_numbers();
        let all = |(batch, boxes): (&RecordBatch, &Arc<EntityBoxes>)| {
            let mut rows = boxes.candidates(&asked);
            rows.truncate(rows.partition_point(|row| (*row as usize) < batch.num_rows()));
            rows
        };
        let rows: Vec<_> = self.batches.iter().zip(&self.boxes).map(all).collect();
        let picked: usize = rows.iter().map(Vec::len).sum();
        let LonLatBox { min: [west, south], max: [east, north] } = window;
        let asked = format!("lon {west}..{east} lat {south}..{north}");
        (picked * SHARE <= self.len()).then_some(Picked { rows, asked })
    }

    /// The columns of picked rows.
    pub(super) fn read(&self, picked: &Picked, columns: &[usize]) -> Result<Vec<RecordBatch>> {
        let some = self.batches.iter().zip(&picked.rows).filter(|(_, rows)| !rows.is_empty());
        some.map(|(batch, rows)| some_rows(batch, rows, columns)).collect()
    }
}

/// Some rows of a batch.
pub(super) fn some_rows(batch: &RecordBatch, rows: &[u32], columns: &[usize]) -> Result<RecordBatch> {
    let numbers = UInt32Array::from_iter_values(rows.iter().copied());
    let column = |column: &usize| take(batch.column(*column), &numbers, None);
    let taken = columns.iter().map(column).collect::<std::result::Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::new(batch.schema().project(columns)?), taken, &options)?)
}

/// The window that the box of every row meets that fulfils the predicates.
pub(crate) fn window(predicates: &[Expr], stored: &Schema) -> Option<LonLatBox> {
    let everywhere = LonLatBox { min: [f64::NEG_INFINITY; 2], max: [f64::INFINITY; 2] };
    let mut window = everywhere;
    let parts = predicates.iter().flat_map(|predicate| split_conjunction_owned(predicate.clone()));
    for part in parts {
        let implied = implied(&part, stored).map(split_conjunction_owned).unwrap_or_default();
        std::iter::once(&part).chain(&implied).for_each(|part| narrow(&mut window, part));
    }
    (window != everywhere).then_some(window)
}

/// Narrows the window by a comparison of a side of the box, or of the anchor, which lies in it.
fn narrow(window: &mut LonLatBox, part: &Expr) {
    let Expr::BinaryExpr(binary) = part else { return };
    let (column, op, value) = match (&*binary.left, &*binary.right) {
        (Expr::Column(column), Expr::Literal(ScalarValue::Float64(Some(value)), _)) => (column, binary.op, *value),
        (Expr::Literal(ScalarValue::Float64(Some(value)), _), Expr::Column(column)) => match binary.op.swap() {
            Some(op) => (column, op, *value),
            None => return,
        },
        _ => return,
    };
    let (below, above) = match op {
        Operator::Eq => (true, true),
        Operator::Lt | Operator::LtEq => (true, false),
        Operator::Gt | Operator::GtEq => (false, true),
        _ => return,
    };
    // No more than a value: the least side lies below it; no less: the greatest side lies above.
    let (axis, least, greatest) = match column.name.as_str() {
        "west" => (0, true, false),
        "south" => (1, true, false),
        "east" => (0, false, true),
        "north" => (1, false, true),
        "lon" => (0, true, true),
        "lat" => (1, true, true),
        _ => return,
    };
    if below && least {
        window.max[axis] = window.max[axis].min(value);
    }
    if above && greatest {
        window.min[axis] = window.min[axis].max(value);
    }
}
