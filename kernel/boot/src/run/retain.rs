//! `urbis retain`: what is older than it is kept goes, and of readings summaries come; or only what would go is told.

use kernel_model::TimeUs;
use kernel_store::{Reader, Retired, Store, would_retire};

use crate::cli::RetainArgs;
use crate::config::Config;
use crate::say::say;

pub(crate) fn retain(args: &RetainArgs) -> anyhow::Result<()> {
    let options = Config::load(args.config.as_deref())?.store()?;
    let now = TimeUs::now();
    let retired = if args.dry_run {
        let (reader, _) = Reader::open(&args.data)?;
        would_retire(&reader.snapshot(), &options.retention, now)?
    } else {
        // A folder that is not there is not to be made.
        drop(Reader::open(&args.data)?);
        let (mut store, _) = Store::open(&args.data, options)?;
        store.retain(now)?
    };
    tell(&retired, args.dry_run);
    Ok(())
}

fn tell(retired: &Retired, dry_run: bool) {
    let (goes, comes) = if dry_run { ("would go", "would come") } else { ("gone", "written") };
    for removed in &retired.removed {
        let time = removed.time.map(|(from, to)| format!(", from {from} to {to}")).unwrap_or_default();
        let (table, rows, bytes) = (removed.table.name(), removed.rows, removed.bytes);
        say(format_args!("{table}: {rows} rows {goes}, about {bytes} bytes{time}"));
    }
    for (table, rows) in &retired.summaries {
        say(format_args!("{}: {rows} summaries {comes}", table.name()));
    }
    if retired.is_nothing() {
        say(format_args!("nothing is older than it is kept"));
    }
}
