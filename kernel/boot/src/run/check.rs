//! `urbis check`: the bytes of store and alarms against their checksums, the ledger against its signed checkpoint.

use std::fs;

use anyhow::{Context, bail};

use crate::cli::CheckArgs;
use crate::say::say;

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let report = kernel_store::check(&args.data)?;
    say(format_args!(
        "store:  whole up to commit {}: {} log records, {} segments with {} rows, {} content objects",
        report.sequence, report.commits, report.segments, report.rows, report.contents
    ));
    if let Some(torn) = report.torn {
        say(format_args!(
            "        {} unacknowledged bytes at the end of {} will be cut at the next start",
            torn.bytes,
            torn.path.display()
        ));
    }
    let alarms = args.data.join("alarms");
    if alarms.exists() {
        say(format_args!("alarms: whole, {} records", kernel_alarms::check(&alarms)?));
    }
    let (folder, key) = (args.data.join("ledger"), args.data.join("log.pub"));
    if !folder.exists() {
        say(format_args!("ledger: none yet"));
        return Ok(());
    }
    let key = fs::read_to_string(&key).with_context(|| key.display().to_string())?;
    let ledger = kernel_ledger::check(&folder, key.trim())?;
    if !ledger.is_sound() {
        bail!("the ledger is not sound: {}; restore it from a backup", ledger.problems.join("; "));
    }
    say(format_args!(
        "ledger: sound, {} leaves of {} assets, root {}",
        ledger.size, ledger.asset_count, ledger.root_hash
    ));
    Ok(())
}
