//! `urbis compact`: the log into segments, small segments into large ones.

use kernel_store::{Options, Store};

use crate::cli::CompactArgs;
use crate::say::{say, warn};

pub(crate) fn compact(args: &CompactArgs) -> anyhow::Result<()> {
    let files = || kernel_store::check(&args.data).map(|report| (report.segments, report.rows));
    // What is wrong now may be mended by being written anew.
    let before = match files() {
        Ok((before, _)) => before.to_string(),
        Err(error) => {
            warn(format_args!("{error}"));
            "the".to_owned()
        }
    };
    let (mut store, _) = Store::open(&args.data, Options::default())?;
    store.compact()?;
    drop(store);
    let (after, rows) = files()?;
    say(format_args!("{before} segments became {after}, with {rows} rows"));
    Ok(())
}
