//! Rows of the right side past a tree of the left ones: a batch comes in, its geometries as points or boxes look their
//! candidates up, and pairs come out, some rows of the batch at a time.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use datafusion::error::Result;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use kernel_model::Geometry;
use spatial_index::{Bounds, LonLatBox};

use super::left::{Left, shapes};
use super::output::Candidates;
use super::reach::bounds;

/// Pairs that are made before any is tested.
const PAIRS: usize = 32_768;

/// A batch of the right side on its way.
pub(super) struct Batch {
    pub(super) rows: RecordBatch,
    places: Places,
    next: usize,
}

/// The geometries of a batch.
enum Places {
    Points(Float64Array, Float64Array),
    Shapes(BinaryArray),
}

/// Where one right row lies.
enum Place {
    Nowhere,
    Point([f64; 2]),
    Box(LonLatBox),
    /// It cannot be said.
    Anywhere,
}

impl Batch {
    pub(super) fn new(rows: RecordBatch, geometry: &Arc<dyn PhysicalExpr>) -> Result<Self> {
        let places = match points(geometry, &rows)? {
            Some((lon, lat)) => Places::Points(lon, lat),
            None => Places::Shapes(shapes(geometry, &rows)?),
        };
        Ok(Self { rows, places, next: 0 })
    }

    /// Whether all rows were looked at.
    pub(super) fn is_done(&self) -> bool {
        self.next == self.rows.num_rows()
    }

    /// Pairs of the next rows.
    pub(super) fn candidates(&mut self, left: &Left) -> Candidates {
        let mut pairs = Candidates::default();
        while !self.is_done() && pairs.len() < PAIRS {
            let right = self.next as u32;
            let reach = |row: u32| &left.reaches[row as usize];
            match self.places.of(self.next) {
                Place::Nowhere => {}
                Place::Point(at) => left.candidates(Some(&Bounds::point(at)), |row| {
                    pairs.push(row, right, reach(row).settle_point(&at));
                }),
                Place::Box(bounds) => left.candidates(Some(&bounds), |row| {
                    pairs.push(row, right, reach(row).settle_box(&bounds.min, &bounds.max));
                }),
                Place::Anywhere => left.candidates(None, |row| pairs.push(row, right, None)),
            }
            self.next += 1;
        }
        pairs
    }
}

impl Places {
    fn of(&self, row: usize) -> Place {
        match self {
            Self::Points(lon, lat) if lon.is_null(row) || lat.is_null(row) => Place::Nowhere,
            Self::Points(lon, lat) => {
                let at = [lon.value(row), lat.value(row)];
                if at.iter().all(|side| side.is_finite()) { Place::Point(at) } else { Place::Anywhere }
            }
            Self::Shapes(shapes) if shapes.is_null(row) => Place::Nowhere,
            Self::Shapes(shapes) => match Geometry::from_wkb(shapes.value(row)).ok().as_ref().and_then(bounds) {
                Some(bounds) if bounds.min == bounds.max => Place::Point(bounds.min),
                Some(bounds) => Place::Box(bounds),
                None => Place::Anywhere,
            },
        }
    }
}

/// Longitudes and latitudes where the geometry is `st_point(lon, lat)`: no bytes need be written for it.
fn points(geometry: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<Option<(Float64Array, Float64Array)>> {
    let Some(call) = geometry.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.name() == "st_point") else {
        return Ok(None);
    };
    let [lon, lat] = call.args() else { return Ok(None) };
    let numbers = |expr: &Arc<dyn PhysicalExpr>| -> Result<Option<Float64Array>> {
        let values = expr.evaluate(rows)?.into_array(rows.num_rows())?;
        Ok(values.as_primitive_opt::<Float64Type>().cloned())
    };
    Ok(numbers(lon)?.zip(numbers(lat)?))
}
