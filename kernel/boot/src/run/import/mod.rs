//! `urbis import`: files in, one commit each, all or nothing; a progress bar while it reads, a report afterwards. A file is read
//! on one thread and worked in on another, piece by piece.

mod reading;
mod report;
mod writing;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use connectors_files::{Mapping, Options};
use kernel_model::Change;
use kernel_server::Registrar;
use kernel_store::Store;

use crate::cli::{ImportArgs, Place};
use crate::config::Config;
use crate::remote::Remote;
use crate::say::warn;
use reading::{Out, bar, read};
pub(super) use writing::Written;

pub(crate) fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let options = options(args)?;
    let mut target = Target::open(&args.place, args.key.as_deref())?;
    let mut failed = 0;
    for file in &args.files {
        if let Err(error) = import_file(file, &options, args, &mut target) {
            failed += 1;
            warn(format_args!("{error:#}; nothing of this file was kept"));
        }
    }
    match failed {
        0 => Ok(()),
        1 if args.files.len() == 1 => Err(anyhow!("the file was refused")),
        n => Err(anyhow!("{n} of {} files were refused", args.files.len())),
    }
}

fn options(args: &ImportArgs) -> anyhow::Result<Options> {
    let mapping = args.mapping.as_deref().map(Mapping::load).transpose()?;
    Ok(Options {
        crs: args.crs.clone(),
        height_reference: args.height_reference.clone(),
        mapping,
        class: args.class.clone(),
        dataset: args.dataset.clone(),
        id: args.id.clone(),
        layer: args.layer.clone(),
        encoding: args.encoding.clone(),
        days: args.days.clone(),
        heights: args.heights.clone(),
        tile: args.tile.clone(),
    })
}

fn import_file(file: &Path, options: &Options, args: &ImportArgs, target: &mut Target) -> anyhow::Result<()> {
    let begun = Instant::now();
    let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    let bar = bar(size, file);
    let read = |out: &mut Out<'_>| read(file, options, args, bar.clone(), out);
    let (read, written) = match target {
        Target::Folder { store, registrar, .. } => writing::to_folder(store, registrar, read)?,
        Target::Server(remote) => writing::to_server(remote, read)?,
    };
    bar.finish_and_clear();
    report::report(file, &read, &written, begun, &target.reports())
}

/// Where the changes go.
pub(super) enum Target {
    Folder { store: Box<Store>, registrar: Box<Registrar>, reports: PathBuf },
    Server(Box<Remote>),
}

impl Target {
    pub(super) fn open(place: &Place, key: Option<&str>) -> anyhow::Result<Self> {
        if let Some(url) = &place.server {
            return Ok(Self::Server(Box::new(Remote::new(url, key)?)));
        }
        let data = place.data.clone().context("give --data DIR or --server URL")?;
        let config = Config::load(None)?;
        let (store, _) = Store::open(&data, config.store()?)?;
        let (registrar, _) =
            Registrar::open(&data.join("ledger"), &data.join("log.pub"), &config.origin, store.reader())?;
        Ok(Self::Folder { store: Box::new(store), registrar: Box::new(registrar), reports: data.join("reports") })
    }

    /// Writes changes that are at hand as one commit.
    pub(super) fn write(&mut self, changes: Vec<Change>) -> anyhow::Result<Written> {
        match self {
            Self::Folder { store, registrar, .. } => {
                let committed = store.commit(&[changes])?;
                registrar.catch_up()?;
                Ok(committed.outcomes.into_iter().next().unwrap_or_default().into())
            }
            Self::Server(remote) => writing::send(remote, &changes),
        }
    }

    /// Where the list of refused records goes.
    fn reports(&self) -> PathBuf {
        match self {
            Self::Folder { reports, .. } => reports.clone(),
            Self::Server { .. } => PathBuf::from("."),
        }
    }
}
