//! A file into changes, piece by piece: first which file they are from, at the end what becomes of things that it names no
//! more. A progress bar follows.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use connectors_files::{Format, Options, Summary, format_of, origin_of, read_file};
use indicatif::{ProgressBar, ProgressStyle};
use kernel_model::{Change, Origin, Rejection, Removal, Sink, SinkError, SourceKey, TimeUs};

use crate::cli::ImportArgs;

/// Where pieces go.
pub(super) type Out<'a> = dyn FnMut(Vec<Change>) -> Result<(), SinkError> + 'a;

pub(super) fn bar(size: u64, file: &Path) -> ProgressBar {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {bytes}/{total_bytes} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(size).with_style(style).with_prefix(name)
}

/// Bytes of changes that are handed on together, about, and how many at most.
const PIECE_BYTES: usize = 4 << 20;
const PIECE_CHANGES: usize = 8_192;

/// What a file gave.
pub(super) struct Read {
    pub(super) summary: Summary,
    pub(super) refused: Vec<Rejection>,
    /// Nothing was removed, since there are refused records of which nobody knows whose they are.
    pub(super) keeps_all: bool,
}

/// Reads a file and hands its changes on in pieces.
pub(super) fn read(
    file: &Path,
    options: &Options,
    args: &ImportArgs,
    bar: ProgressBar,
    out: &mut Out<'_>,
) -> anyhow::Result<Read> {
    let file_name = origin_of(file, options).into();
    // A file of changes says itself what ended, and may be taken in again after that.
    let lists = args.complete || format_of(file, options)? != Format::Changes;
    let mut pieces =
        Pieces { file_name, lists, has_origin: false, changes: Vec::new(), bytes: 0, out, refused: Vec::new(), bar };
    let summary = read_file(file, options, &mut pieces)?;
    let is_unclear = summary.unidentified > 0;
    let removal = match (args.partial, args.complete) {
        (true, _) => Removal::Nothing,
        (_, true) if !pieces.has_origin => {
            return Err(anyhow!("--complete is for files that list things, and this one lists none"));
        }
        _ if is_unclear => Removal::Nothing,
        (_, true) => Removal::OfDataset,
        _ if summary.lists_things => Removal::OfFile,
        _ => Removal::Nothing,
    };
    if pieces.has_origin {
        pieces.change(Change::Ended { removal, at: TimeUs::now() })?;
    }
    pieces.hand_on()?;
    let keeps_all = is_unclear && !args.partial && (args.complete || summary.lists_things);
    pieces.bar.set_message("writing and registering");
    Ok(Read { summary, refused: pieces.refused, keeps_all })
}

/// The changes of a file on their way.
struct Pieces<'a> {
    file_name: Arc<str>,
    /// Whether account is kept of which things it holds.
    lists: bool,
    /// Whether it was said which file they are from, which is said before the first thing.
    has_origin: bool,
    changes: Vec<Change>,
    bytes: usize,
    out: &'a mut Out<'a>,
    refused: Vec<Rejection>,
    bar: ProgressBar,
}

impl Pieces<'_> {
    fn hand_on(&mut self) -> Result<(), SinkError> {
        self.bytes = 0;
        (self.out)(std::mem::take(&mut self.changes))
    }
}

impl Sink for Pieces<'_> {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        let thing = match &change {
            Change::Entity(draft) => Some(&draft.source),
            Change::Mention(source) => Some(source),
            _ => None,
        };
        if let Some(source) = thing.filter(|_| self.lists && !self.has_origin) {
            self.has_origin = true;
            let origin = Origin { dataset: source.dataset.clone(), file: self.file_name.clone() };
            self.changes.push(Change::Origin(origin));
        }
        self.bytes += change.memory_bytes();
        self.changes.push(change);
        let is_full = self.bytes >= PIECE_BYTES || self.changes.len() >= PIECE_CHANGES;
        if is_full { self.hand_on() } else { Ok(()) }
    }

    fn refused(&mut self, rejection: Rejection) {
        self.refused.push(rejection);
    }

    fn mention(&mut self, source: SourceKey) -> Result<(), SinkError> {
        self.change(Change::Mention(source))
    }

    fn progress(&mut self, bytes_read: u64) {
        self.bar.set_position(bytes_read);
    }
}
