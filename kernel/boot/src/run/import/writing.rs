//! Pieces of changes into a data folder or to a server, as one commit or not at all, and what became of them.

use std::fmt;
use std::io::{self, BufWriter, Seek};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, anyhow};
use kernel_model::{Change, Rejection, SinkError};
use kernel_server::Registrar;
use kernel_store::{Outcome, Store};
use serde::Deserialize;

use super::reading::{Out, Read};
use crate::remote::Remote;

/// What became of a file's changes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Written {
    pub(super) created: u64,
    pub(super) revised: u64,
    pub(super) unchanged: u64,
    pub(super) retired: u64,
    #[serde(default)]
    pub(super) links: u64,
    pub(super) observations: u64,
    pub(super) positions: u64,
    pub(super) contents: u64,
    #[serde(skip)]
    pub(crate) refused: Vec<Rejection>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, revised, unchanged, retired, observations, positions, contents, .. } = self;
        write!(
            f,
            "{created} new, {revised} revised, {observations} observations, {positions} positions, {contents} contents; \
             {unchanged} unchanged, {retired} removed"
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

/// Reads on this thread, works in on another one: what is read waits for what is written, so that little waits.
pub(super) fn to_folder(
    store: &mut Store,
    registrar: &Registrar,
    read: impl FnOnce(&mut Out<'_>) -> anyhow::Result<Read>,
) -> anyhow::Result<(Read, Written)> {
    let (pieces, coming) = mpsc::sync_channel::<Option<Vec<Change>>>(2);
    let mut import = store.import();
    let (read, outcome) = thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for piece in coming {
                match piece {
                    Some(changes) => import.take(changes)?,
                    None => return import.finish().map(Some),
                }
            }
            Ok::<_, kernel_store::Error>(None)
        });
        let stopped = |_| SinkError("nothing more can be written".to_owned());
        let read = read(&mut |changes| pieces.send(Some(changes)).map_err(stopped));
        if read.is_ok() {
            drop(pieces.send(None));
        }
        drop(pieces);
        let written = writer.join().map_err(|_| anyhow!("the writer ended with a panic"))?;
        // Why it could not be written says more than that it could not be handed on.
        let committed = written?;
        anyhow::Ok((read?, committed.unwrap_or_default().outcomes.into_iter().next().unwrap_or_default()))
    })?;
    registrar.catch_up()?;
    Ok((read, outcome.into()))
}

/// Puts the changes aside until the file was read whole, then sends them.
pub(super) fn to_server(
    remote: &Remote,
    read: impl FnOnce(&mut Out<'_>) -> anyhow::Result<Read>,
) -> anyhow::Result<(Read, Written)> {
    let mut file = BufWriter::new(tempfile::tempfile().context("make a file for the changes")?);
    let unwritten = |error: ciborium::ser::Error<io::Error>| SinkError(format!("put the changes aside: {error}"));
    let read = read(&mut |changes| ciborium::into_writer(&changes, &mut file).map_err(unwritten))?;
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error).context("put the changes aside")?;
    file.rewind().context("read the changes again")?;
    let reply = remote.post("/changes", "application/cbor-seq", file)?;
    Ok((read, answered(&reply.body)?))
}

/// Sends changes that are at hand.
pub(super) fn send(remote: &Remote, changes: &Vec<Change>) -> anyhow::Result<Written> {
    let mut body = Vec::new();
    ciborium::into_writer(changes, &mut body).context("encode the changes")?;
    answered(&remote.post("/changes", "application/cbor", &*body)?.body)
}

fn answered(body: &[u8]) -> anyhow::Result<Written> {
    let answer: RemoteOutcome = serde_json::from_slice(body).context("the server's answer")?;
    let mut written = answer.written;
    written.refused = answer.first_rejected.into_iter().map(Refused::into_rejection).collect();
    Ok(written)
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
