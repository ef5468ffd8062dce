//! The functions that SQL has beyond the engine's own: SedonaDB's spatial ones (`st_...`), and ours over space-time codes
//! (`code_...`), one file each. They are registered once; a question only borrows them.

mod area;
mod args;
mod beidou;
mod code;
mod cover;
mod decode;
mod geosot;
mod h3;
mod spatial;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

/// Adds all of them to `state`.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    let spatial = spatial::functions()?;
    for function in spatial.scalar_udfs() {
        state.register_udf(Arc::new(function.clone().into()))?;
    }
    for function in spatial.aggregate_udfs() {
        state.register_udaf(Arc::new(function.clone().into()))?;
    }
    let ours = beidou::functions().into_iter().chain(geosot::functions());
    for function in ours.chain([h3::function(), cover::function(), decode::function(), area::function()]) {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}
