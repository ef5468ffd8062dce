//! Only the nearest rows matter. A point, a metric, a number come in; what was asked of the index goes out with a box that holds
//! all rows up to the last of them, equally far ones too. Rows that have no place, or too few rows with one, leave it as it was.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::cast::as_boolean_array;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use kernel_store::{CHUNK_ROWS, Part};
use spatial_index::{Near, NearInDegrees, Ranking};

use super::asked::Asked;
use super::parts::failed;
use super::{Ordered, in_one_step};

/// How far is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// In degrees, as if they were a plane's.
    Degrees,
    /// In metres along the ellipsoid.
    Metres,
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Degrees => "degrees",
            Self::Metres => "metres",
        })
    }
}

/// Of which rows alone it matters what they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Only {
    /// The nearest ones.
    Nearest(NearestRows),
    /// So many of the newest ones.
    Newest(usize),
}

/// What of a row is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Its longitude and latitude.
    Place,
    /// Its geometry.
    Geometry,
}

/// The nearest rows to a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NearestRows {
    /// Longitude and latitude, degrees.
    pub(crate) from: [f64; 2],
    /// What of them is measured.
    pub(crate) subject: Subject,
    /// How far is counted.
    pub(crate) metric: Metric,
    /// How many.
    pub(crate) most: usize,
}

/// More rows than this, and one in so many of all, are not looked at for the sake of a predicate: a scan is quicker then.
const LOOKED_AT: usize = 50_000;
const SHARE: usize = 16;

/// How many of so many rows are looked at for the sake of a predicate.
pub(super) fn looked_at(all: usize) -> usize {
    LOOKED_AT.max(all / SHARE)
}

/// Room for the rounding of a distance on the ellipsoid, square metres.
const ROUNDING_M2: f64 = 1e-4;

impl NearestRows {
    /// Narrows what is asked to where the nearest rows are; `test` is what the index does not answer.
    pub(super) fn narrow(&self, asked: &mut Asked, parts: &[Part], test: Option<&Test>) -> Result<()> {
        match self.metric {
            // A point that is not on the globe: nothing is left out.
            Metric::Degrees => match NearInDegrees::new(self.from) {
                Ok(ranking) => self.narrow_by(asked, parts, ranking, f64::MIN_POSITIVE, test),
                Err(_) => Ok(()),
            },
            Metric::Metres => match Near::new(self.from, f64::INFINITY) {
                Ok(ranking) => self.narrow_by(asked, parts, ranking, ROUNDING_M2, test),
                Err(_) => Ok(()),
            },
        }
    }

    fn narrow_by<K: Ranking<2> + Copy>(
        &self,
        asked: &mut Asked,
        parts: &[Part],
        ranking: K,
        slack: f64,
        test: Option<&Test>,
    ) -> Result<()> {
        let bound = looked_at(parts.iter().map(Part::rows).sum());
        let mut most = self.most;
        while most > 0 && most <= bound {
            let found = asked.nearest(parts, ranking, most).map_err(failed)?;
            let exhausted = found.len() < most;
            let rank = match test {
                None => found.get(self.most - 1).map(|(rank, _, _)| *rank),
                Some(test) => test.rank_of(parts, &found, self.most)?,
            };
            // A little farther: the distance in the question is rounded otherwise.
            if let Some(around) = rank.and_then(|rank| ranking.around(rank * (1.0 + 1e-9) + slack)) {
                asked.only_near(around);
                return Ok(());
            }
            if exhausted {
                return Ok(());
            }
            most = most.saturating_mul(8);
        }
        Ok(())
    }
}

/// What rows have to fulfil beside what the index answers.
pub(super) struct Test {
    /// The columns that are tested.
    pub(super) columns: Vec<usize>,
    schema: SchemaRef,
    predicate: Arc<dyn PhysicalExpr>,
}

impl Test {
    pub(super) fn of(state: &dyn Session, stored: &Schema, ordered: &Ordered) -> Result<Option<Self>> {
        let Some(predicate) = ordered.for_memory() else { return Ok(None) };
        let names = predicate.column_refs().into_iter().map(|column| stored.index_of(&column.name));
        let mut columns = names.collect::<Result<Vec<_>, _>>()?;
        columns.sort_unstable();
        columns.dedup();
        let schema = Arc::new(stored.project(&columns)?);
        let predicate = in_one_step(state, predicate, &schema)?;
        Ok(Some(Self { columns, schema, predicate }))
    }

    /// The rank of the `wanted`-th of the rows that pass, nearest first.
    fn rank_of(&self, parts: &[Part], found: &[(f64, usize, usize)], wanted: usize) -> Result<Option<f64>> {
        let mut by_place: Vec<(usize, usize, usize)> =
            found.iter().enumerate().map(|(order, (_, part, row))| (*part, *row, order)).collect();
        by_place.sort_unstable();
        let mut passing = Vec::new();
        for group in by_place.chunk_by(|a, b| (a.0, a.1 / CHUNK_ROWS) == (b.0, b.1 / CHUNK_ROWS)) {
            let rows: Vec<usize> = group.iter().map(|(_, row, _)| *row).collect();
            let passes = self.mask(&self.read(&parts[group[0].0], &rows)?)?;
            let passed = group.iter().zip(&passes).filter(|(_, passes)| *passes == Some(true));
            passing.extend(passed.map(|((_, _, order), _)| found[*order].0));
        }
        passing.sort_unstable_by(f64::total_cmp);
        Ok(passing.get(wanted - 1).copied())
    }

    /// The columns that are tested of some rows of one chunk.
    pub(super) fn read(&self, part: &Part, rows: &[usize]) -> Result<RecordBatch> {
        let chunk = rows.first().map_or(0, |row| row / CHUNK_ROWS);
        let places = UInt32Array::from_iter_values(rows.iter().map(|row| (row % CHUNK_ROWS) as u32));
        let column = |column: &usize| Ok(take(&part.column(chunk, *column).map_err(failed)?, &places, None)?);
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }

    /// Which rows of a batch of its columns pass.
    pub(super) fn mask(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        let passes = self.predicate.evaluate(rows)?.into_array(rows.num_rows())?;
        Ok(as_boolean_array(&passes)?.clone())
    }
}
