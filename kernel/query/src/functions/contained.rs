//! Containment of geometries whose parts touch, as the faces of a building's solid do: tg refuses them. A kernel of one of the four
//! predicates comes in; the same goes out, in which a batch with such a geometry is answered by the crate geo, of the union of
//! the parts seen from above.

use std::sync::Arc;

use arrow::array::{Array, BooleanBuilder};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_binary_array;
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use geo::{Area, Relate, Validation, unary_union};
use kernel_model::Geometry;
use sedona_expr::scalar_udf::{ScalarKernelRef, SedonaScalarKernel};
use sedona_schema::datatypes::SedonaType;

use super::args::{finish, refuse};
use crate::shapes::planar;

/// What tg says of such a geometry.
const REFUSED: &str = "interacting collection components";

/// The predicates of containment.
pub(super) const PREDICATES: [&str; 4] = ["st_contains", "st_within", "st_covers", "st_coveredby"];

/// A kernel, and what is done where it refuses.
#[derive(Debug)]
pub(super) struct OrByUnion {
    predicate: &'static str,
    kernel: ScalarKernelRef,
}

impl OrByUnion {
    pub(super) fn of(predicate: &'static str, kernel: ScalarKernelRef) -> ScalarKernelRef {
        Arc::new(Self { predicate, kernel })
    }

    fn unless_refused(&self, answer: Result<ColumnarValue>, args: &[ColumnarValue]) -> Result<ColumnarValue> {
        match answer {
            Err(error) if error.to_string().contains(REFUSED) => self.by_union(args),
            answer => answer,
        }
    }

    fn by_union(&self, args: &[ColumnarValue]) -> Result<ColumnarValue> {
        let constant = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(args)?;
        let [a, b] = columns.as_slice() else { return Err(refuse(self.predicate, "two geometries are wanted")) };
        let binary = |column| arrow::compute::cast(column, &arrow::datatypes::DataType::Binary);
        let (a, b) = (binary(a)?, binary(b)?);
        let (a, b) = (as_binary_array(&a)?, as_binary_array(&b)?);
        let mut truths = BooleanBuilder::with_capacity(a.len());
        for row in 0..a.len() {
            if a.is_null(row) || b.is_null(row) {
                truths.append_null();
                continue;
            }
            let (a, b) = (self.seen(a.value(row))?, self.seen(b.value(row))?);
            let (holder, held) = if matches!(self.predicate, "st_contains" | "st_covers") { (a, b) } else { (b, a) };
            let strictly = matches!(self.predicate, "st_contains" | "st_within");
            truths.append_value(holds(&holder, &whole(&held), strictly));
        }
        finish(Arc::new(truths.finish()), constant)
    }

    fn seen(&self, wkb: &[u8]) -> Result<geo::Geometry> {
        Ok(planar(&Geometry::from_wkb(wkb).map_err(|error| refuse(self.predicate, error))?))
    }
}

/// Whether a geometry, or the union of its faces, holds another one; `strictly`: not only on its border.
fn holds(holder: &geo::Geometry, held: &geo::Geometry, strictly: bool) -> bool {
    let relates = |holder: &geo::Geometry| {
        let matrix = holder.relate(held);
        if strictly { matrix.is_contains() } else { matrix.is_covers() }
    };
    let geo::Geometry::MultiPolygon(faces) = holder else { return relates(holder) };
    // A union is rounded: what one face holds is told by that face.
    faces.iter().filter(|face| face.unsigned_area() > 0.0).any(|face| relates(&face.clone().into()))
        || relates(&whole(holder))
}

/// Faces that touch as one; upright ones are nothing from above.
fn whole(shape: &geo::Geometry) -> geo::Geometry {
    match shape {
        geo::Geometry::MultiPolygon(faces) if !faces.is_valid() => {
            unary_union(faces.iter().filter(|face| face.unsigned_area() > 0.0)).into()
        }
        shape => shape.clone(),
    }
}

impl SedonaScalarKernel for OrByUnion {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        self.kernel.return_type(args)
    }

    fn return_type_from_args_and_scalars(
        &self,
        args: &[SedonaType],
        scalars: &[Option<&ScalarValue>],
    ) -> Result<Option<SedonaType>> {
        self.kernel.return_type_from_args_and_scalars(args, scalars)
    }

    fn invoke_batch(&self, types: &[SedonaType], args: &[ColumnarValue]) -> Result<ColumnarValue> {
        self.unless_refused(self.kernel.invoke_batch(types, args), args)
    }

    fn invoke_batch_from_args(
        &self,
        types: &[SedonaType],
        args: &[ColumnarValue],
        made: &SedonaType,
        rows: usize,
        options: Option<&ConfigOptions>,
    ) -> Result<ColumnarValue> {
        let answer: Result<ColumnarValue, DataFusionError> =
            self.kernel.invoke_batch_from_args(types, args, made, rows, options);
        self.unless_refused(answer, args)
    }
}
