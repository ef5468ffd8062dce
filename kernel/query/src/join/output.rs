//! Rows of a join: pairs of a left and a right row come in, those that fulfil the condition come out as a batch of the join's
//! columns. What an outer, semi or anti join wants of rows that have a partner, or none, is kept here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{filter, take};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::cast::{as_boolean_array, as_uint32_array};
use datafusion::common::{JoinSide, JoinType};
use datafusion::error::Result;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};

/// Pairs of a left and a right row, by what is known of them.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Their geometries lie as they have to.
    pub(super) sure: Vec<(u32, u32)>,
    /// They may.
    pub(super) doubtful: Vec<(u32, u32)>,
}

impl Candidates {
    /// Takes a pair in, unless it is settled that it is none.
    pub(super) fn push(&mut self, left: u32, right: u32, settled: Option<bool>) {
        match settled {
            Some(true) => self.sure.push((left, right)),
            Some(false) => {}
            None => self.doubtful.push((left, right)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sure.len() + self.doubtful.len()
    }
}

/// A pair for each place: rows of the left and of the right side.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    pub(super) left: UInt32Array,
    pub(super) right: UInt32Array,
}

impl Pairs {
    /// Left and right rows in turn.
    pub(super) fn of(pairs: Vec<(u32, u32)>) -> Self {
        let (left, right): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
        Self { left: left.into(), right: right.into() }
    }

    /// These and others.
    pub(super) fn and(self, other: &Self) -> Self {
        let both = |a: UInt32Array, b: &UInt32Array| match (a.len(), b.len()) {
            (_, 0) => a,
            (0, _) => b.clone(),
            _ => a.values().iter().chain(b.values()).copied().collect::<Vec<_>>().into(),
        };
        Self { left: both(self.left, &other.left), right: both(self.right, &other.right) }
    }

    /// Those that fulfil a condition.
    pub(super) fn tested(self, condition: &JoinFilter, left: &RecordBatch, right: &RecordBatch) -> Result<Self> {
        if self.left.is_empty() {
            return Ok(self);
        }
        let rows = columns(condition.schema(), condition.column_indices(), left, right, &self)?;
        let mask = condition.expression().evaluate(&rows)?.into_array(self.left.len())?;
        let mask = as_boolean_array(&mask)?;
        let kept = |rows: &UInt32Array| {
            Ok::<_, datafusion::error::DataFusionError>(as_uint32_array(&filter(rows, mask)?)?.clone())
        };
        Ok(Self { left: kept(&self.left)?, right: kept(&self.right)? })
    }
}

/// What comes out of a join.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) schema: SchemaRef,
    pub(super) columns: Vec<ColumnIndex>,
    pub(super) join_type: JoinType,
}

/// Left rows that have a partner.
#[derive(Debug)]
pub(super) struct Seen(Vec<AtomicU64>);

impl Seen {
    pub(super) fn new(rows: usize) -> Self {
        Self((0..rows.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn mark(&self, rows: &UInt32Array) {
        for row in rows.values() {
            self.0[*row as usize / 64].fetch_or(1 << (row % 64), Ordering::Relaxed);
        }
    }

    fn has(&self, row: u32) -> bool {
        self.0[row as usize / 64].load(Ordering::Relaxed) >> (row % 64) & 1 == 1
    }
}

impl Output {
    /// Columns of the right side that come out or are tested.
    pub(super) fn of_right_side(&self, tested: Option<&JoinFilter>) -> Vec<usize> {
        let columns = self.columns.iter();
        let tested = tested.into_iter().flat_map(|filter| {
            let used = collect_columns(filter.expression());
            used.into_iter().map(|column| &filter.column_indices()[column.index()]).collect::<Vec<_>>()
        });
        columns.chain(tested).filter(|column| column.side == JoinSide::Right).map(|column| column.index).collect()
    }

    /// Whether rows of the right side come out that have no partner, or come out once however many they have.
    pub(super) fn follows_right(join_type: JoinType) -> bool {
        matches!(join_type, JoinType::Right | JoinType::Full | JoinType::RightSemi | JoinType::RightAnti)
    }

    /// The same for the left side.
    pub(super) fn follows_left(join_type: JoinType) -> bool {
        matches!(join_type, JoinType::Left | JoinType::Full | JoinType::LeftSemi | JoinType::LeftAnti)
    }

    /// Columns of pairs.
    pub(super) fn of(&self, left: &RecordBatch, right: &RecordBatch, pairs: &Pairs) -> Result<RecordBatch> {
        columns(&self.schema, &self.columns, left, right, pairs)
    }

    /// Rows of pairs that fulfil the condition; those of a semi or anti join come later.
    pub(super) fn of_pairs(
        &self,
        left: &RecordBatch,
        right: &RecordBatch,
        pairs: &Pairs,
        seen: &Seen,
    ) -> Result<Option<RecordBatch>> {
        if Self::follows_left(self.join_type) {
            seen.mark(&pairs.left);
        }
        let pairwise = matches!(self.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full);
        (pairwise && !pairs.left.is_empty())
            .then(|| columns(&self.schema, &self.columns, left, right, pairs))
            .transpose()
    }

    /// What comes of a right batch once all its pairs are known; `partners` says which rows have one.
    pub(super) fn of_right(
        &self,
        left: &RecordBatch,
        right: &RecordBatch,
        partners: &[bool],
    ) -> Result<Option<RecordBatch>> {
        if !Self::follows_right(self.join_type) {
            return Ok(None);
        }
        let wanted = self.join_type == JoinType::RightSemi;
        let rows = (0_u32..).zip(partners).filter(|(_, has)| **has == wanted).map(|(row, _)| row);
        let rows = UInt32Array::from_iter_values(rows);
        let none = UInt32Array::new_null(rows.len());
        self.one_sided(left, right, &Pairs { left: none, right: rows })
    }

    /// What comes of the left side at the end.
    pub(super) fn of_left(&self, left: &RecordBatch, right: &SchemaRef, seen: &Seen) -> Result<Option<RecordBatch>> {
        if !Self::follows_left(self.join_type) {
            return Ok(None);
        }
        let wanted = self.join_type == JoinType::LeftSemi;
        let rows = (0..left.num_rows() as u32).filter(|row| seen.has(*row) == wanted);
        let rows = UInt32Array::from_iter_values(rows);
        let none = UInt32Array::new_null(rows.len());
        self.one_sided(left, &RecordBatch::new_empty(right.clone()), &Pairs { left: rows, right: none })
    }

    fn one_sided(&self, left: &RecordBatch, right: &RecordBatch, pairs: &Pairs) -> Result<Option<RecordBatch>> {
        (!pairs.left.is_empty()).then(|| columns(&self.schema, &self.columns, left, right, pairs)).transpose()
    }
}

/// Columns of both sides for pairs; a pair without a partner has nulls.
fn columns(
    schema: &Schema,
    columns: &[ColumnIndex],
    left: &RecordBatch,
    right: &RecordBatch,
    pairs: &Pairs,
) -> Result<RecordBatch> {
    let column = |column: &ColumnIndex| -> Result<ArrayRef> {
        let (side, rows) = match column.side {
            JoinSide::Left => (left, &pairs.left),
            _ => (right, &pairs.right),
        };
        let values = side.column(column.index);
        Ok(match values.len() {
            0 => new_null_array(values.data_type(), rows.len()),
            _ => take(values, rows, None)?,
        })
    };
    let columns = columns.iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(pairs.left.len()));
    Ok(RecordBatch::try_new_with_options(Arc::new(schema.clone()), columns, &options)?)
}

/// The same column where the sides change places.
pub(super) fn other_side(column: &ColumnIndex) -> ColumnIndex {
    ColumnIndex { index: column.index, side: column.side.negate() }
}

/// Which rows of a batch are in pairs.
pub(super) fn mark(partners: &mut [bool], pairs: &Pairs) {
    pairs.right.values().iter().for_each(|row| partners[*row as usize] = true);
}
