//! `urbis import`: files in, one commit each, all or nothing; a progress bar while it reads, a report afterwards.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use connectors_files::{Mapping, Options, Summary, read_file};
use indicatif::{ProgressBar, ProgressStyle};
use kernel_model::{Change, Rejection, Sink, SinkError, TimeUs};
use kernel_server::Registrar;
use kernel_store::{Outcome, Store};
use serde::Deserialize;

use crate::cli::{ImportArgs, Place};
use crate::config::Config;
use crate::remote::Remote;
use crate::say::{say, warn};

/// Refused records shown on the terminal; the file has all.
const SHOWN: usize = 20;

pub(crate) fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let options = options(args)?;
    let mut target = Target::open(&args.place, args.key.as_deref())?;
    let mut failed = 0;
    for file in &args.files {
        if let Err(error) = import_file(file, &options, &mut target) {
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

fn import_file(file: &Path, options: &Options, target: &mut Target) -> anyhow::Result<()> {
    let begun = Instant::now();
    let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    let mut staged = Staged { changes: Vec::new(), refused: Vec::new(), bar: bar(size, file) };
    let summary = read_file(file, options, &mut staged)?;
    let Staged { changes, mut refused, bar } = staged;
    bar.set_message("writing and registering");
    let written = target.write(changes)?;
    bar.finish_and_clear();
    refused.extend(written.refused.iter().cloned());
    report(file, &summary, &written, &refused, begun, target)
}

fn bar(size: u64, file: &Path) -> ProgressBar {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {bytes}/{total_bytes} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(size).with_style(style).with_prefix(name)
}

/// What a file gave, before anything is written.
struct Staged {
    changes: Vec<Change>,
    refused: Vec<Rejection>,
    bar: ProgressBar,
}

impl Sink for Staged {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        self.changes.push(change);
        Ok(())
    }

    fn refused(&mut self, rejection: Rejection) {
        self.refused.push(rejection);
    }

    fn progress(&mut self, bytes_read: u64) {
        self.bar.set_position(bytes_read);
    }
}

/// What became of a file's changes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Written {
    created: u64,
    revised: u64,
    unchanged: u64,
    retired: u64,
    #[serde(default)]
    links: u64,
    observations: u64,
    positions: u64,
    contents: u64,
    #[serde(skip)]
    pub(super) refused: Vec<Rejection>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, revised, unchanged, observations, positions, contents, .. } = self;
        write!(
            f,
            "{created} new, {revised} revised, {observations} observations, {positions} positions, {contents} contents; {unchanged} unchanged"
        )
    }
}

impl From<Outcome> for Written {
    fn from(outcome: Outcome) -> Self {
        Self {
            created: outcome.created,
            revised: outcome.revised,
            unchanged: outcome.unchanged,
            retired: outcome.retired,
            links: outcome.links,
            observations: outcome.observations,
            positions: outcome.positions,
            contents: outcome.contents,
            refused: outcome.rejected,
        }
    }
}

/// Where the changes go.
pub(super) enum Target {
    Folder { store: Box<Store>, registrar: Box<Registrar>, reports: PathBuf },
    Server { remote: Box<Remote>, key: Option<String> },
}

impl Target {
    pub(super) fn open(place: &Place, key: Option<&str>) -> anyhow::Result<Self> {
        if let Some(url) = &place.server {
            return Ok(Self::Server { remote: Box::new(Remote::new(url)?), key: key.map(str::to_owned) });
        }
        let data = place.data.clone().context("give --data DIR or --server URL")?;
        let config = Config::load(None)?;
        let (store, _) = Store::open(&data, config.store()?)?;
        let (registrar, _) =
            Registrar::open(&data.join("ledger"), &data.join("log.pub"), &config.origin, store.reader())?;
        Ok(Self::Folder { store: Box::new(store), registrar: Box::new(registrar), reports: data.join("reports") })
    }

    pub(super) fn write(&mut self, changes: Vec<Change>) -> anyhow::Result<Written> {
        match self {
            Self::Folder { store, registrar, .. } => {
                let committed = store.commit(&[changes])?;
                registrar.catch_up()?;
                Ok(committed.outcomes.into_iter().next().unwrap_or_default().into())
            }
            Self::Server { remote, key } => {
                let mut body = Vec::new();
                ciborium::into_writer(&changes, &mut body).context("encode the changes")?;
                let reply = remote.post("/changes", "application/cbor", key.as_deref(), &body)?;
                let answer: RemoteOutcome = serde_json::from_slice(&reply.body).context("the server's answer")?;
                let mut written = answer.written;
                written.refused = answer.first_rejected.into_iter().map(Refused::into_rejection).collect();
                Ok(written)
            }
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

#[derive(Debug, Deserialize)]
struct RemoteOutcome {
    #[serde(flatten)]
    written: Written,
    first_rejected: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    source: String,
    place: String,
    reason: String,
}

impl Refused {
    fn into_rejection(self) -> Rejection {
        Rejection { source: self.source, place: self.place, reason: self.reason, sample: String::new() }
    }
}

fn report(
    file: &Path,
    summary: &Summary,
    written: &Written,
    refused: &[Rejection],
    begun: Instant,
    target: &Target,
) -> anyhow::Result<()> {
    say(format_args!("{} ({}, dataset {}, {})", file.display(), summary.format, summary.dataset, summary.crs));
    let Written { retired, links, .. } = written;
    say(format_args!("  read {} records in {:.2} s", summary.records_read, begun.elapsed().as_secs_f64()));
    say(format_args!("  imported {written}"));
    if *retired + *links > 0 {
        say(format_args!("  ended {retired} things; {links} links from a thing to one that came of it"));
    }
    for (name, count) in &summary.left_out {
        say(format_args!("  left out {name}: {count}"));
    }
    if summary.without_geometry > 0 {
        say(format_args!("  {} things have no geometry in the file", summary.without_geometry));
    }
    say(format_args!("  refused {}", refused.len()));
    for rejection in refused.iter().take(SHOWN) {
        say(format_args!("    {}: {}", rejection.place, rejection.reason));
    }
    if !refused.is_empty() {
        let path = write_report(file, refused, &target.reports())?;
        say(format_args!("  all refused records: {}", path.display()));
    }
    Ok(())
}

/// All refused records as CSV: place, reason, sample.
fn write_report(file: &Path, refused: &[Rejection], folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let stem = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let time = TimeUs::now().to_string().replace(':', "");
    let path = folder.join(format!("import-{stem}-{time}.csv"));
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).with_context(|| path.display().to_string())?);
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\"").replace('\n', " "));
    writeln!(out, "file,place,reason,sample")?;
    for r in refused {
        writeln!(out, "{},{},{},{}", quoted(&r.source), quoted(&r.place), quoted(&r.reason), quoted(&r.sample))?;
    }
    out.flush().with_context(|| path.display().to_string())?;
    Ok(path)
}
