//! Structured logs on standard error.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Starts logging; later calls change nothing.
pub(crate) fn start(filter: &str, format: &str) -> anyhow::Result<()> {
    // Each try of each request to an object store would be a line: what comes of them is logged by who asked.
    let filter =
        EnvFilter::try_new(format!("object_store=warn,{filter}")).with_context(|| format!("log filter `{filter}`"))?;
    let colour = std::io::stderr().is_terminal();
    // A line that cannot be written (standard error is a file, the disk is full) is dropped: the default would panic.
    let builder = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter);
    let builder = builder.with_writer(std::io::stderr).with_ansi(colour);
    let started = match format {
        "json" => builder.json().try_init(),
        _ => builder.with_target(false).try_init(),
    };
    // A second start in one process finds the first one's subscriber: that is fine.
    drop(started);
    Ok(())
}
