//! `urbis audit`: what the leaves of the ledger say, made anew and held against what was signed and kept.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use kernel_ledger::{Areas, Ledger};
use kernel_query::Engine;
use kernel_server::check_heads;
use kernel_store::Reader;

use super::serve::runtime;
use crate::cli::AuditArgs;
use crate::config::Config;
use crate::say::say;

pub(crate) fn audit(args: &AuditArgs) -> anyhow::Result<()> {
    let (folder, public_key) = (args.data.join("ledger"), args.data.join("log.pub"));
    ledger(&folder, &public_key)?;
    if !folder.join("areas/checkpoint").is_file() {
        return Ok(());
    }
    let (areas, _) = Areas::open(Ledger::open_reading(&folder, &public_key)?.tip())?;
    let (reader, _) = Reader::open(&args.data)?;
    let engine = Engine::new(&Config::load(None)?.questions(None)?)?;
    let check = async { check_heads(&engine, &reader.snapshot(), areas.view().heads()).await };
    let (checked, problems) = runtime()?.block_on(check).map_err(|error| anyhow!(error.description))?;
    if !problems.is_empty() {
        bail!("the audit found: {}", problems.join("; "));
    }
    say(format_args!("readings:   {checked} chains are those that were registered"));
    Ok(())
}

/// Of the folder of a ledger, whole or copied, with a public key of one's own.
pub(crate) fn ledger(folder: &Path, public_key: &Path) -> anyhow::Result<()> {
    let key = fs::read_to_string(public_key).with_context(|| public_key.display().to_string())?;
    let report = kernel_ledger::check(folder, key.trim())?;
    if !report.is_sound() {
        bail!("the ledger is not sound: {}; restore it from a backup", report.problems.join("; "));
    }
    let audit = kernel_ledger::audit(folder, public_key)?;
    if !audit.problems.is_empty() {
        bail!("the audit found: {}", audit.problems.join("; "));
    }
    say(format_args!("leaves:     {}, every one under the signed root {}", audit.size, report.root_hash));
    say(format_args!(
        "map:        {} assets; {} signed roots are those of the leaves",
        audit.asset_count, audit.root_count
    ));
    say(format_args!("statements: of {} assets, all signed by who may make them", audit.stated_count));
    Ok(())
}
