//! SedonaDB's spatial functions, gathered: constructors and accessors, measures in pure Rust, predicates of tg. Geometry
//! that a question makes without naming a reference system is in the kernel's own (OGC:CRS84, longitude first, as all
//! stored geometry); one that names another is refused beside stored geometry, never converted or mistaken.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use sedona_expr::function_set::FunctionSet;
use sedona_expr::scalar_udf::{ScalarKernelRef, SedonaScalarKernel};
use sedona_schema::crs::lnglat;
use sedona_schema::datatypes::SedonaType;

use super::contained;

/// Functions that make planar geometry out of numbers, text or bytes. The last kernel of each is the one that takes no
/// reference system.
const MAKERS: [&str; 17] = [
    "st_point",
    "st_pointz",
    "st_pointm",
    "st_pointzm",
    "st_makeenvelope",
    "st_geomfromwkt",
    "st_geomcollfromtext",
    "st_linefromtext",
    "st_mlinefromtext",
    "st_mpointfromtext",
    "st_mpolyfromtext",
    "st_pointfromtext",
    "st_polygonfromtext",
    "st_geomfromwkb",
    "st_geomfromwkbunchecked",
    "st_pointfromwkb",
    "st_linestringfromwkb",
];

/// All spatial functions.
pub(super) fn functions() -> Result<FunctionSet> {
    let mut set = sedona_functions::register::default_function_set();
    for (name, kernels) in
        sedona_geo::register::scalar_kernels().into_iter().chain(sedona_tg::register::scalar_kernels())
    {
        set.add_scalar_udf_impl(name, kernels)?;
    }
    for function in sedona_geo::register::aggregate_udfs() {
        set.add_aggregate_udf(function)?;
    }
    for name in MAKERS {
        if let Some(function) = set.scalar_udf(name) {
            let mut kernels = function.kernels().to_vec();
            if let Some(last) = kernels.last_mut() {
                *last = Arc::new(InOurFrame(last.clone()));
            }
            set.insert_scalar_udf(function.clone().with_kernels(kernels));
        }
    }
    for name in contained::PREDICATES {
        if let Some(function) = set.scalar_udf(name) {
            let kernels = function.kernels().iter().map(|kernel| contained::OrByUnion::of(name, kernel.clone()));
            set.insert_scalar_udf(function.clone().with_kernels(kernels.collect()));
        }
    }
    Ok(set)
}

/// A kernel whose geometry is said to be in the kernel's frame.
#[derive(Debug)]
struct InOurFrame(ScalarKernelRef);

fn framed(made: SedonaType) -> SedonaType {
    match made {
        SedonaType::Wkb(edges, None) => SedonaType::Wkb(edges, lnglat()),
        SedonaType::WkbLarge(edges, None) => SedonaType::WkbLarge(edges, lnglat()),
        SedonaType::WkbView(edges, None) => SedonaType::WkbView(edges, lnglat()),
        other => other,
    }
}

impl SedonaScalarKernel for InOurFrame {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        Ok(self.0.return_type(args)?.map(framed))
    }

    fn return_type_from_args_and_scalars(
        &self,
        args: &[SedonaType],
        scalars: &[Option<&ScalarValue>],
    ) -> Result<Option<SedonaType>> {
        Ok(self.0.return_type_from_args_and_scalars(args, scalars)?.map(framed))
    }

    fn invoke_batch(&self, types: &[SedonaType], args: &[ColumnarValue]) -> Result<ColumnarValue> {
        self.0.invoke_batch(types, args)
    }

    fn invoke_batch_from_args(
        &self,
        types: &[SedonaType],
        args: &[ColumnarValue],
        made: &SedonaType,
        rows: usize,
        options: Option<&ConfigOptions>,
    ) -> Result<ColumnarValue> {
        self.0.invoke_batch_from_args(types, args, made, rows, options)
    }
}
