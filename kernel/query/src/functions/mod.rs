//! The functions that SQL has beyond the engine's own: SedonaDB's spatial ones (`st_...`), and ours over space-time codes
//! (`code_...`) and over what sources say (`property_...`), one file each. They are registered once; a question only borrows
//! them.

mod area;
mod args;
mod beidou;
mod code;
mod contained;
mod contains;
mod cover;
mod decode;
mod distance;
mod geosot;
mod h3;
mod property;
mod relate;
mod rslc;
mod spatial;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

pub(crate) use distance::NAME as DISTANCE_M;

/// Adds all of them to `state`.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    let spatial = spatial::functions()?;
    for function in spatial.scalar_udfs() {
        state.register_udf(Arc::new(function.clone().into()))?;
    }
    for function in spatial.aggregate_udfs() {
        state.register_udaf(Arc::new(function.clone().into()))?;
    }
    let codes = [beidou::functions(), geosot::functions(), rslc::functions(), cover::functions()];
    let others = [h3::function(), decode::function(), area::function(), contains::function(), distance::function()];
    for function in codes.into_iter().flatten().chain(others).chain(relate::functions()).chain(property::functions()) {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use datafusion::execution::session_state::SessionStateBuilder;

    /// `docs/sql.md` is what people read: a function that is not there does not exist for them.
    #[test]
    fn every_function_of_ours_is_in_the_manual() {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        super::register(&mut state).unwrap();
        let manual = include_str!("../../../../docs/sql.md");
        let ours: Vec<&String> = state
            .scalar_functions()
            .keys()
            .filter(|name| name.starts_with("code_") || name.starts_with("property_"))
            .collect();
        assert!(ours.len() >= 20, "{ours:?}");
        for name in ours {
            assert!(manual.contains(&format!("`{name}(")), "{name} is not in docs/sql.md");
        }
    }
}
