//! A join as it runs, one partition of it: the left side is read, then right rows come, from the index or batch by batch, until
//! there are none; what is left of the left side comes last, from the partition that ends last.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures_util::TryStreamExt;
use tokio::sync::OnceCell;
use tokio::task::yield_now;

use super::chain::Chain;
use super::condition::Condition;
use super::left::Left;
use super::looked_up::{Lookup, Met, Next};
use super::output::{Candidates, Output, Pairs, Seen, mark};
use super::reach::Reach;
use super::streamed::Batch;
use crate::scan::PartsExec;

/// A table with an index is asked region by region only where it has so many rows for each left one.
const ROWS_A_REGION: usize = 16;

/// What the partitions of one run have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    left: OnceCell<(Left, Seen)>,
    next: Next,
    ended: AtomicUsize,
}

/// One partition.
pub(super) struct Run {
    pub(super) partition: usize,
    pub(super) context: Arc<TaskContext>,
    pub(super) condition: Condition,
    pub(super) output: Output,
    /// Left and right.
    pub(super) sides: [Arc<dyn ExecutionPlan>; 2],
    /// The right side, where it has an index.
    pub(super) chain: Option<Chain>,
    pub(super) shared: Arc<Shared>,
    pub(super) tested: Count,
    pub(super) baseline: BaselineMetrics,
    pub(super) way: Way,
}

/// How right rows come.
pub(super) enum Way {
    /// The left side says.
    Unknown,
    /// From the index.
    LookUp(Chain, Lookup),
    /// Batch by batch.
    Stream(SendableRecordBatchStream, Option<Box<Passing>>),
    /// All have come.
    Ended,
}

/// A batch that passes, and which of its rows have a partner.
pub(super) struct Passing {
    batch: Batch,
    partners: Vec<bool>,
}

impl Run {
    /// The next rows of the join.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let shared = self.shared.clone();
        let (plan, condition, context) = (self.sides[0].clone(), self.condition.clone(), self.context.clone());
        let (left, seen) = shared.left.get_or_try_init(|| read_left(plan, condition, context)).await?;
        loop {
            let rows = match &mut self.way {
                Way::Unknown => {
                    self.way = self.choose(left)?;
                    None
                }
                Way::LookUp(chain, lookup) => match lookup.next(left, chain, &shared.next)? {
                    Some(met) => self.of_met(left, seen, met)?,
                    None => self.end(left, seen)?,
                },
                Way::Stream(right, passing) => match passing.take() {
                    Some(passing) => self.of_passing(left, seen, passing)?,
                    None => match right.try_next().await? {
                        Some(rows) => {
                            let partners = vec![false; rows.num_rows()];
                            let batch = Batch::new(rows, &self.condition.right)?;
                            *passing = Some(Box::new(Passing { batch, partners }));
                            None
                        }
                        None => self.end(left, seen)?,
                    },
                },
                Way::Ended => return Ok(None),
            };
            if let Some(rows) = rows {
                self.baseline.record_output(rows.num_rows());
                return Ok(Some(rows));
            }
            // Pairs can be tried for hours without one that fulfils the condition: whoever asked may have gone.
            yield_now().await;
        }
    }

    fn choose(&self, left: &Left) -> Result<Way> {
        Ok(match self.chain.clone().filter(|chain| is_worth_looking_up(chain, left)) {
            Some(chain) => {
                let settled = left.reaches.iter().all(Reach::settles_points);
                let filter = if settled { self.condition.rest.as_ref() } else { Some(&self.condition.whole) };
                Way::LookUp(chain.needing(&self.output.of_right_side(filter)), Lookup::default())
            }
            None => Way::Stream(self.sides[1].execute(self.partition, self.context.clone())?, None),
        })
    }

    fn of_met(&self, left: &Left, seen: &Seen, met: Met) -> Result<Option<RecordBatch>> {
        let mut candidates = Candidates::default();
        for (right, row) in (0_u32..).zip(met.left.values()) {
            let settled = left.reaches[*row as usize].settles_points();
            candidates.push(*row, right, settled.then_some(true));
        }
        let pairs = self.tested(left, &met.rows, candidates)?;
        self.output.of_pairs(&left.rows, &met.rows, &pairs, seen)
    }

    fn of_passing(&mut self, left: &Left, seen: &Seen, mut passing: Box<Passing>) -> Result<Option<RecordBatch>> {
        let candidates = passing.batch.candidates(left);
        let pairs = self.tested(left, &passing.batch.rows, candidates)?;
        mark(&mut passing.partners, &pairs);
        let rows = self.output.of_pairs(&left.rows, &passing.batch.rows, &pairs, seen)?;
        let batch_ends = passing.batch.is_done();
        let lonely = match batch_ends {
            true => self.output.of_right(&left.rows, &passing.batch.rows, &passing.partners)?,
            false => None,
        };
        if let (Way::Stream(_, place), false) = (&mut self.way, batch_ends) {
            *place = Some(passing);
        }
        both(rows, lonely)
    }

    /// Pairs that fulfil the condition.
    fn tested(&self, left: &Left, right: &RecordBatch, candidates: Candidates) -> Result<Pairs> {
        self.tested.add(candidates.doubtful.len());
        let doubtful = Pairs::of(candidates.doubtful).tested(&self.condition.whole, &left.rows, right)?;
        let sure = match &self.condition.rest {
            Some(rest) => Pairs::of(candidates.sure).tested(rest, &left.rows, right)?,
            None => Pairs::of(candidates.sure),
        };
        Ok(sure.and(&doubtful))
    }

    fn end(&mut self, left: &Left, seen: &Seen) -> Result<Option<RecordBatch>> {
        self.way = Way::Ended;
        let partitions = self.sides[1].output_partitioning().partition_count();
        match self.shared.ended.fetch_add(1, Ordering::AcqRel) + 1 == partitions {
            true => self.output.of_left(&left.rows, &self.sides[1].schema(), seen),
            false => Ok(None),
        }
    }
}

/// Whether the index of the right side is to be asked for each left row.
pub(super) fn is_worth_looking_up(chain: &Chain, left: &Left) -> bool {
    let bounded = |reach: &Reach| !matches!(reach, Reach::Everything);
    let rows = chain.source().map_or(0, PartsExec::all_rows);
    left.reaches.len() * ROWS_A_REGION <= rows && left.reaches.iter().all(bounded)
}

async fn read_left(
    plan: Arc<dyn ExecutionPlan>,
    condition: Condition,
    context: Arc<TaskContext>,
) -> Result<(Left, Seen)> {
    let left = Left::read(plan, &condition, context).await?;
    let seen = Seen::new(left.reaches.len());
    Ok((left, seen))
}

fn both(a: Option<RecordBatch>, b: Option<RecordBatch>) -> Result<Option<RecordBatch>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some(arrow::compute::concat_batches(&a.schema(), [&a, &b])?),
        (a, b) => a.or(b),
    })
}
