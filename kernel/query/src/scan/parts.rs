//! The source of a table whose rows lie in parts: runs of rows that the index gave come in, record batches of the wanted
//! columns come out. Columns are decoded chunk by chunk where a run needs them, and through the store's cache.

use std::fmt::{self, Formatter};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use kernel_store::{CHUNK_ROWS, Part};
use spatial_index::{Near, NearInDegrees, Region};

use super::asked::Asked;
use super::nearest::Metric;

/// Rows of one batch: some columns of it fit a core's cache.
pub(crate) const BATCH_ROWS: usize = 16_384;
/// Rows below which one thread is enough.
const ONE_THREAD_ROWS: usize = 32_768;
/// Rows of the parts that are asked from which on they are asked side by side: what a thread costs is little then.
const SIDE_BY_SIDE_ROWS: usize = 16 << 20;
/// Runs shorter than this are gathered, longer ones are slices of their columns.
const SLICE_ROWS: usize = 1_024;

/// Rows of one chunk of one part that come out together.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) part: usize,
    pub(crate) chunk: usize,
    /// Within the chunk.
    pub(crate) runs: Vec<Range<usize>>,
    pub(crate) rows: usize,
}

/// Rows of parts.
#[derive(Debug)]
pub(crate) struct PartsExec {
    schema: SchemaRef,
    parts: Arc<[Part]>,
    columns: Arc<[usize]>,
    /// By partition.
    pieces: Vec<Arc<[Piece]>>,
    /// What the index was asked.
    asked: Arc<Asked>,
    /// Whether all rows that it gave come out.
    whole: bool,
    all_rows: usize,
    properties: Arc<PlanProperties>,
}

impl PartsExec {
    /// Asks the index of every part. `columns` are read, by their places in the stored schema; `most` rows are enough.
    pub(super) fn new(
        stored: &SchemaRef,
        parts: &[Part],
        columns: &[usize],
        asked: Asked,
        threads: usize,
        most: Option<usize>,
    ) -> Result<Self> {
        let schema = Arc::new(stored.project(columns)?);
        let mut pieces = Vec::new();
        let mut wanted = most.unwrap_or(usize::MAX);
        let concerned: Vec<usize> = (0..parts.len()).filter(|number| asked.concerns(&parts[*number])).collect();
        let rows: usize = concerned.iter().map(|number| parts[*number].rows()).sum();
        if threads > 1 && most.is_none() && rows >= SIDE_BY_SIDE_ROWS {
            for (number, rows) in side_by_side(parts, &concerned, &asked, threads)? {
                cut(number, rows, &mut wanted, &mut pieces);
            }
        } else {
            for number in concerned {
                if wanted > 0 {
                    cut(number, asked.rows(&parts[number]).map_err(failed)?, &mut wanted, &mut pieces);
                }
            }
        }
        let pieces = spread(pieces, threads);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(pieces.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            schema,
            parts: parts.into(),
            columns: columns.into(),
            pieces,
            asked: Arc::new(asked),
            whole: most.is_none(),
            all_rows: parts.iter().map(Part::rows).sum(),
            properties: Arc::new(properties.with_scheduling_type(SchedulingType::NonCooperative)),
        })
    }

    /// Whether all rows that it was asked for come out.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// How many rows come out.
    pub(crate) fn all_rows(&self) -> usize {
        self.rows(None)
    }

    /// Rows that come out and lie in a region: number of the part, run of its rows.
    pub(crate) fn rows_within(&self, region: &dyn Region<2>, mut take: impl FnMut(usize, Range<usize>)) -> Result<()> {
        for (number, part) in self.parts.iter().enumerate() {
            for run in self.asked.rows_within(part, region).map_err(failed)? {
                take(number, run);
            }
        }
        Ok(())
    }

    /// The rows nearest to a point, nearest first: number of the part, row of it.
    pub(crate) fn nearest(&self, from: [f64; 2], metric: Metric, most: usize) -> Result<Vec<(usize, usize)>> {
        let wrong = |error| DataFusionError::External(Box::new(error));
        let found = match metric {
            Metric::Degrees => self.asked.nearest(&self.parts, NearInDegrees::new(from).map_err(wrong)?, most),
            Metric::Metres => self.asked.nearest(&self.parts, Near::new(from, f64::INFINITY).map_err(wrong)?, most),
        };
        Ok(found.map_err(failed)?.into_iter().map(|(_, part, row)| (part, row)).collect())
    }

    /// Reads the needed columns of some rows; the others have no values.
    pub(crate) fn read(&self, piece: &Piece, needed: &[bool]) -> Result<RecordBatch> {
        let columns = self.columns.iter().zip(needed).filter(|(_, needed)| **needed).map(|(column, _)| *column);
        let places: Vec<usize> = (0..needed.len()).filter(|at| needed[*at]).collect();
        let schema = Arc::new(self.schema.project(&places)?);
        let read = read(&self.parts[piece.part], piece, &columns.collect::<Vec<_>>(), &schema)?;
        if places.len() == needed.len() {
            return Ok(read);
        }
        let mut read_columns = read.columns().iter();
        let columns = needed.iter().zip(self.schema.fields()).map(|(needed, field)| {
            let read = if *needed { read_columns.next() } else { None };
            read.cloned().unwrap_or_else(|| new_null_array(field.data_type(), piece.rows))
        });
        let options = RecordBatchOptions::new().with_row_count(Some(piece.rows));
        let schema = crate::columns::nullable(&self.schema);
        Ok(RecordBatch::try_new_with_options(schema, columns.collect(), &options)?)
    }

    fn rows(&self, partition: Option<usize>) -> usize {
        let pieces = match partition {
            Some(partition) => self.pieces.get(partition).map(std::slice::from_ref).unwrap_or_default(),
            None => &self.pieces,
        };
        pieces.iter().flat_map(|pieces| pieces.iter()).map(|piece| piece.rows).sum()
    }
}

/// Asks the index of some parts on several threads; what each gave, in the order of the parts.
fn side_by_side(
    parts: &[Part],
    concerned: &[usize],
    asked: &Asked,
    threads: usize,
) -> Result<Vec<(usize, Vec<Range<usize>>)>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| concerned.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.map(|number| Ok((*number, asked.rows(&parts[*number]).map_err(failed)?))).collect::<Result<Vec<_>>>()
    };
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.min(concerned.len())).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err(DataFusionError::Internal("a search ended with a panic".to_owned())))
        });
        std::iter::once(own).chain(others).collect::<Result<Vec<_>>>()
    })?
    .concat();
    all.sort_unstable_by_key(|(number, _)| *number);
    Ok(all)
}

pub(super) fn failed(error: kernel_store::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Cuts runs of rows of a part at chunks and at the size of a batch; takes no more rows than are wanted.
fn cut(part: usize, rows: Vec<Range<usize>>, wanted: &mut usize, pieces: &mut Vec<Piece>) {
    let first = pieces.len();
    for mut run in rows {
        while !run.is_empty() && *wanted > 0 {
            let chunk = run.start / CHUNK_ROWS;
            let open =
                pieces.last().filter(|piece| pieces.len() > first && piece.chunk == chunk && piece.rows < BATCH_ROWS);
            if open.is_none() {
                pieces.push(Piece { part, chunk, runs: Vec::new(), rows: 0 });
            }
            let Some(piece) = pieces.last_mut() else { return };
            let length = run.len().min((chunk + 1) * CHUNK_ROWS - run.start).min(BATCH_ROWS - piece.rows).min(*wanted);
            let from = run.start - chunk * CHUNK_ROWS;
            piece.runs.push(from..from + length);
            piece.rows += length;
            *wanted -= length;
            run.start += length;
        }
    }
}

/// Pieces in their order, in up to `threads` runs of about as many rows each.
fn spread(pieces: Vec<Piece>, threads: usize) -> Vec<Arc<[Piece]>> {
    let rows: usize = pieces.iter().map(|piece| piece.rows).sum();
    let threads = if rows <= ONE_THREAD_ROWS { 1 } else { threads.max(1) };
    let share = rows.div_ceil(threads).max(1);
    let mut runs: Vec<Vec<Piece>> = vec![Vec::new(); threads];
    let mut done = 0;
    for piece in pieces {
        let rows = piece.rows;
        runs[(done / share).min(threads - 1)].push(piece);
        done += rows;
    }
    runs.into_iter().map(Into::into).collect()
}

/// The rows of a piece.
fn read(part: &Part, piece: &Piece, columns: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let gathered = (piece.runs.len() > 1 || piece.rows < SLICE_ROWS)
        .then(|| UInt32Array::from_iter_values(piece.runs.iter().flat_map(|run| run.start as u32..run.end as u32)));
    let column = |column: &usize| -> Result<ArrayRef> {
        let whole = part.column(piece.chunk, *column).map_err(failed)?;
        match (&gathered, piece.runs.first()) {
            (Some(rows), _) => Ok(take(&whole, rows, None)?),
            (None, Some(run)) => Ok(whole.slice(run.start, run.len())),
            (None, None) => Ok(whole.slice(0, 0)),
        }
    };
    let columns = columns.iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(piece.rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

impl DisplayAs for PartsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<usize> =
            self.pieces.iter().flat_map(|pieces| pieces.iter()).map(|piece| piece.part).collect();
        parts.dedup();
        let (rows, all) = (self.rows(None), self.parts.len());
        write!(f, "PartsExec: asked=[{}], parts={} of {all}, rows={rows} of {}", self.asked, parts.len(), self.all_rows)
    }
}

impl ExecutionPlan for PartsExec {
    fn name(&self) -> &'static str {
        "PartsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let pieces = self.pieces.get(partition).cloned();
        let pieces = pieces.ok_or_else(|| DataFusionError::Internal(format!("no partition {partition}")))?;
        let (parts, columns, schema) = (self.parts.clone(), self.columns.clone(), self.schema.clone());
        let batches = (0..pieces.len()).map(move |at| {
            let piece = &pieces[at];
            read(&parts[piece.part], piece, &columns, &schema)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), futures_util::stream::iter(batches))))
    }

    /// Rows are counted exactly, so that a count needs none of them.
    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Exact(self.rows(partition));
        Ok(Arc::new(statistics))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use kernel_model::schema::Table;
    use kernel_model::{
        Change, EntityDraft, HeightReference, Kind, Place, PositionBatch, PositionFix, SourceKey, TimeUs,
    };
    use kernel_store::{Options, Store};

    use super::*;

    /// Each part once, in their order, whatever thread asked it.
    #[test]
    fn parts_that_are_asked_side_by_side_give_what_they_give_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
        let car = SourceKey::new("test", "car");
        let mut draft = EntityDraft::new(car.clone(), Kind::Vehicle, "car");
        draft.height_reference = HeightReference::Ellipsoid;
        store.commit(&[vec![Change::Entity(draft)]]).unwrap();
        for commit in 0..6 {
            let fix = |n: i64| {
                let place = Place { lon_deg: 116.0 + (n * 7 % 100) as f64 / 100.0, lat_deg: 39.9, height_m: None };
                PositionFix { time: TimeUs(commit * 1_000 + n), place, heading_deg: None, speed_m_s: None }
            };
            let (entity, rows) = (car.clone(), (0..200).map(fix).collect());
            let height_reference = HeightReference::Ellipsoid;
            store.commit(&[vec![Change::Positions(PositionBatch { entity, height_reference, rows })]]).unwrap();
        }
        let snapshot = store.reader().snapshot();
        let (parts, stored) = (snapshot.parts(Table::Positions), Table::Positions.schema());
        assert!(parts.len() > 3, "{}", parts.len());
        let asked = Asked::of(&[col("lon").gt_eq(lit(116.3)), col("lon").lt_eq(lit(116.6))], &stored);
        let concerned: Vec<usize> = (0..parts.len()).collect();
        let one_by_one: Vec<_> = parts.iter().map(|part| asked.rows(part).unwrap()).enumerate().collect();
        assert!(one_by_one.iter().all(|(_, rows)| !rows.is_empty()));
        for threads in [2, 3, 16] {
            assert_eq!(side_by_side(parts, &concerned, &asked, threads).unwrap(), one_by_one);
        }
    }
}
