//! `urbis backup` and `urbis restore`: the ledger is copied before the store, whose function it is, so that it never knows
//! more than the store does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::{BackupArgs, RestoreArgs};
use crate::say::{say, warn};

/// Small files beside the store and the ledger.
const BESIDE: [&str; 2] = ["log.pub", "api-keys"];

pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    if args.to.join("LOCK").exists() {
        bail!("{} is a data folder that was served, no backup: give another folder", args.to.display());
    }
    if !is_empty(&args.to) && !args.to.join("segments").exists() {
        bail!("{} is not empty and holds no backup: give another folder", args.to.display());
    }
    let report = copy(&args.data, &args.to)?;
    say(format_args!(
        "backed up as of commit {}: {} files copied ({} bytes), {} were there already",
        report.sequence, report.copied, report.copied_bytes, report.kept
    ));
    Ok(())
}

pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    if !is_empty(&args.data) {
        bail!("{} is not empty: a backup is restored into a folder of its own", args.data.display());
    }
    let report = copy(&args.from, &args.data)?;
    say(format_args!(
        "restored as of commit {}: {} files; begin with `urbis serve --data {}`",
        report.sequence,
        report.copied,
        args.data.display()
    ));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<kernel_store::BackupReport> {
    if !from.join("log").exists() {
        bail!("{} is not a data folder", from.display());
    }
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let ledger = from.join("ledger");
    if ledger.join("checkpoint").exists() {
        let files = kernel_ledger::backup(&ledger, &to.join("ledger"))?;
        warn(format_args!("ledger: {files} files"));
    }
    alarms(&from.join("alarms"), &to.join("alarms"))?;
    for name in BESIDE {
        beside(&from.join(name), &to.join(name))?;
    }
    Ok(kernel_store::backup(from, to, |file| warn(format_args!("{}", file.display())))?)
}

/// Copies the alarms before the store, whose function they are: the checkpoint first, so that the log knows all that it does.
/// What is appended meanwhile may be cut at its end, and is made anew from the store.
fn alarms(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.join("checkpoint").exists() {
        return Ok(());
    }
    for folder in ["log", "webhooks"] {
        fs::create_dir_all(to.join(folder)).with_context(|| to.display().to_string())?;
    }
    beside(&from.join("checkpoint"), &to.join("checkpoint"))?;
    for folder in ["log", "webhooks"] {
        let Ok(entries) = fs::read_dir(from.join(folder)) else { continue };
        for entry in entries {
            let name = entry.with_context(|| from.display().to_string())?.file_name();
            beside(&from.join(folder).join(&name), &to.join(folder).join(&name))?;
        }
    }
    Ok(())
}

/// Copies a small file with its permissions.
fn beside(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.exists() {
        return Ok(());
    }
    let what = || from.display().to_string();
    let permissions = fs::metadata(from).with_context(what)?.permissions();
    let part = to.with_extension("part");
    fs::write(&part, "")
        .and_then(|()| fs::set_permissions(&part, fs::Permissions::from_mode(permissions.mode())))
        .and_then(|()| fs::copy(from, &part))
        .and_then(|_| fs::rename(&part, to))
        .with_context(what)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}
