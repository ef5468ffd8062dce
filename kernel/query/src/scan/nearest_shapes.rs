//! The nearest geometries to a point: rows come from the trees of their boxes, nearest box first; those that fulfil the
//! predicates are measured, until enough are nearer than the next box. Equally far ones are all kept.

use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use datafusion::error::Result;
use geo::{Distance, Euclidean, Point};
use kernel_model::Geometry;
use kernel_store::EntityBoxes;
use spatial_index::NearInDegrees;

use super::boxed::{Boxed, Picked, some_rows};
use super::nearest::{Metric, NearestRows, Test, looked_at};
use crate::shapes::planar;

/// Rows that are tested together, at first.
const TOGETHER: usize = 64;

/// A row of a batch with a bound of its distance, or its distance.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near {
    degrees: f64,
    batch: usize,
    row: u32,
}

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The nearest is the greatest.
impl Ord for Near {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.degrees.total_cmp(&self.degrees).then((other.batch, other.row).cmp(&(self.batch, self.row)))
    }
}

impl NearestRows {
    /// The rows up to the last that matters; `None` where they cannot be told from the others in good time. `geometry` is the
    /// column that is measured.
    pub(super) fn pick(&self, boxed: &Boxed, geometry: usize, test: Option<&Test>) -> Result<Option<Picked>> {
        let (Metric::Degrees, Ok(from)) = (self.metric, NearInDegrees::new(self.from)) else { return Ok(None) };
        let Some(mut coming) = Coming::of(boxed, from) else { return Ok(None) };
        let mut measured: Vec<Near> = Vec::new();
        let (mut looked, mut together) = (0, TOGETHER.max(self.most));
        loop {
            let worst = self.worst(&mut measured);
            let some: Vec<Near> = coming.by_ref().take(together).take_while(|near| near.degrees <= worst).collect();
            let enough = some.len() < together;
            looked += some.len();
            measure(self.from, boxed, geometry, test, &some, &mut measured)?;
            if enough {
                break;
            }
            if looked > looked_at(boxed.len()) {
                return Ok(None);
            }
            together *= 2;
        }
        let worst = self.worst(&mut measured);
        if worst == f64::INFINITY {
            return Ok(None);
        }
        let mut rows = vec![Vec::new(); boxed.batches.len()];
        measured.iter().filter(|near| near.degrees <= worst).for_each(|near| rows[near.batch].push(near.row));
        for rows in &mut rows {
            rows.sort_unstable();
        }
        Ok(Some(Picked { rows, asked: "nearest".to_owned() }))
    }

    /// The distance from which on nothing matters; a little more, because the distance in the question is rounded otherwise.
    fn worst(&self, measured: &mut [Near]) -> f64 {
        if self.most == 0 || measured.len() < self.most {
            return f64::INFINITY;
        }
        measured.sort_unstable_by(|a, b| b.cmp(a));
        measured[self.most - 1].degrees * (1.0 + 1e-9) + 1e-12
    }
}

/// Rows of all batches, nearest box first.
struct Coming<'a> {
    streams: Vec<Box<dyn Iterator<Item = (u32, f64)> + 'a>>,
    heads: BinaryHeap<Near>,
    rows: Vec<usize>,
}

impl<'a> Coming<'a> {
    fn of(boxed: &'a Boxed, from: NearInDegrees) -> Option<Self> {
        let stream = |boxes: &'a Arc<EntityBoxes>| Some(Box::new(boxes.nearest(from)?) as Box<dyn Iterator<Item = _>>);
        let streams = boxed.boxes.iter().map(stream).collect::<Option<Vec<_>>>()?;
        let rows = boxed.batches.iter().map(arrow::array::RecordBatch::num_rows).collect();
        let mut coming = Self { streams, heads: BinaryHeap::new(), rows };
        (0..coming.streams.len()).for_each(|batch| coming.pull(batch));
        Some(coming)
    }

    /// The next row of a batch; the tree may know rows that are not to be seen.
    fn pull(&mut self, batch: usize) {
        let seen = self.rows[batch];
        let next = self.streams[batch].find(|(row, _)| (*row as usize) < seen);
        self.heads.extend(next.map(|(row, degrees)| Near { degrees, batch, row }));
    }
}

impl Iterator for Coming<'_> {
    type Item = Near;

    fn next(&mut self) -> Option<Near> {
        let near = self.heads.pop()?;
        self.pull(near.batch);
        Some(near)
    }
}

/// Measures those of the rows that fulfil the predicates.
fn measure(
    from: [f64; 2],
    boxed: &Boxed,
    geometry: usize,
    test: Option<&Test>,
    some: &[Near],
    measured: &mut Vec<Near>,
) -> Result<()> {
    for number in 0..boxed.batches.len() {
        let batch = &boxed.batches[number];
        let rows: Vec<u32> = some.iter().filter(|near| near.batch == number).map(|near| near.row).collect();
        if rows.is_empty() {
            continue;
        }
        let passes = test.map(|test| test.mask(&some_rows(batch, &rows, &test.columns)?)).transpose()?;
        let shapes = batch.column(geometry).as_binary::<i32>();
        for (at, row) in rows.into_iter().enumerate() {
            let passes = passes.as_ref().is_none_or(|passes| passes.is_valid(at) && passes.value(at));
            let shape = Some(row as usize).filter(|row| passes && shapes.is_valid(*row));
            // What cannot be read is told by the function in the question.
            if let Some(shape) = shape.and_then(|row| Geometry::from_wkb(shapes.value(row)).ok()) {
                let degrees = Euclidean.distance(&planar(&shape), &geo::Geometry::Point(Point::new(from[0], from[1])));
                measured.push(Near { degrees, batch: number, row });
            }
        }
    }
    Ok(())
}
