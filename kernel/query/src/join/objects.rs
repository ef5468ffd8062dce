//! What neighbours are looked for among, where it has no index: all rows with a tree of their geometries. Points come in, rows
//! go out, nearest first; a geometry is measured where its box comes near enough.

use std::sync::Arc;

use arrow::array::{Array, BinaryArray, RecordBatch};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::ExecutionPlan;
use geo::{Distance, Euclidean, Point};
use kernel_model::{Geometry, Shape as Shapes};
use spatial_index::{Near, NearInDegrees, Packed, PackedBuilder, distance_m};

use super::condition::{Neighbours, Shape};
use super::left::shapes;
use super::reach::{bounds, failed, on_the_globe};
use super::whole::read_whole;
use crate::scan::Metric;
use crate::shapes::planar;

/// Bytes of a row's place in the tree.
const ROW_BYTES: usize = 64;

/// All rows of the side that is looked in.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) rows: RecordBatch,
    shapes: BinaryArray,
    tree: Packed<2>,
    /// Rows off the globe.
    beyond: Vec<u32>,
    _memory: MemoryReservation,
}

impl Objects {
    pub(super) async fn read(plan: Arc<dyn ExecutionPlan>, to: Shape, context: Arc<TaskContext>) -> Result<Self> {
        let (rows, memory) = read_whole(plan, ROW_BYTES, context).await?;
        let shapes = shapes(&to, &rows)?;
        let mut builder = PackedBuilder::with_capacity(rows.num_rows());
        let mut beyond = Vec::new();
        for row in (0..rows.num_rows()).filter(|row| shapes.is_valid(*row)) {
            match Geometry::from_wkb(shapes.value(row)).ok().as_ref().and_then(bounds) {
                Some(bounds) if on_the_globe(&bounds) => drop(failed(builder.boxed(bounds, row as u32))?),
                Some(_) => beyond.push(row as u32),
                // An empty geometry is near nothing.
                None => {}
            }
        }
        let tree = failed(builder.build())?;
        Ok(Self { rows, shapes, tree, beyond, _memory: memory })
    }

    /// For each point the rows nearest to it: row here, number of the point.
    pub(super) fn neighbours(&self, from: &[Option<[f64; 2]>], asked: &Neighbours) -> Result<Vec<(u32, u32)>> {
        let mut pairs = Vec::new();
        for (number, from) in (0_u32..).zip(from) {
            let Some(from) = *from else { continue };
            for row in self.nearest(from, asked)? {
                pairs.push((row, number));
            }
        }
        Ok(pairs)
    }

    fn nearest(&self, from: [f64; 2], asked: &Neighbours) -> Result<Vec<u32>> {
        let by_tree: Box<dyn Iterator<Item = (u32, f64)>> = match asked.metric {
            Metric::Degrees => Box::new(self.tree.nearest(failed(NearInDegrees::new(from))?)),
            Metric::Metres => Box::new(self.tree.nearest(failed(Near::new(from, f64::INFINITY))?)),
        };
        let coming = self.beyond.iter().map(|row| (*row, 0.0)).chain(by_tree);
        let mut best: Vec<(f64, u32)> = Vec::new();
        for (row, at_least) in coming {
            // Bounds and distances are rounded apart.
            if best.len() == asked.most && best.last().is_none_or(|worst| at_least > worst.0 * (1.0 + 1e-9) + 1e-6) {
                break;
            }
            let distance = self.distance(from, row, asked.metric)?;
            let place = best.partition_point(|other| *other < (distance, row));
            best.insert(place, (distance, row));
            best.truncate(asked.most);
        }
        Ok(best.into_iter().map(|(_, row)| row).collect())
    }

    fn distance(&self, from: [f64; 2], row: u32, metric: Metric) -> Result<f64> {
        let read = Geometry::from_wkb(self.shapes.value(row as usize));
        let geometry = read.map_err(|error| DataFusionError::Execution(format!("ST_KNN: {error}")))?;
        match (metric, &geometry.shape) {
            (Metric::Degrees, _) => {
                Ok(Euclidean.distance(&planar(&geometry), &geo::Geometry::Point(Point::new(from[0], from[1]))))
            }
            (Metric::Metres, Shapes::Point(at)) => Ok(distance_m(from, [at.lon_deg, at.lat_deg])),
            (Metric::Metres, _) => Err(DataFusionError::Execution(
                "ST_KNN measures metres between points: give ST_Centroid(geometry), or false as the last argument"
                    .to_owned(),
            )),
        }
    }
}
