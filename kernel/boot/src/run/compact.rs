//! `urbis compact`: the log into segments, small segments into large ones.

use kernel_store::{Options, Store};

use crate::cli::CompactArgs;
use crate::say::say;

pub(crate) fn compact(args: &CompactArgs) -> anyhow::Result<()> {
    let files = || kernel_store::check(&args.data).map(|report| (report.segments, report.rows));
    let (before, _) = files()?;
    let (mut store, _) = Store::open(&args.data, Options::default())?;
    store.compact()?;
    drop(store);
    let (after, rows) = files()?;
    say(format_args!("{before} segments became {after}, with {rows} rows"));
    Ok(())
}
