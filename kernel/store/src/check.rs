//! Reads every byte of a data folder again and compares it with its checksums, without changing anything. Where the segments
//! are in an object store, every object is read, and what the folder holds of them too.

use std::fs;
use std::io;
use std::path::Path;

use kernel_model::{ContentId, Sequence};

use crate::disk::Disk;
use crate::error::Error;
use crate::latest::Latest;
use crate::log::{self, TornTail};
use crate::manifest::Manifest;
use crate::objects::{self, Access, Objects};
use crate::parts::{self, Measured, mapped};
use crate::record;

/// What was found to be whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Log records read.
    pub commits: u64,
    /// The last commit.
    pub sequence: Sequence,
    /// Segments compared with their checksums and read through.
    pub segments: u64,
    /// Rows in segments.
    pub rows: u64,
    /// Content objects whose hash is their name.
    pub contents: u64,
    /// Unacknowledged bytes at the end of the log, cut at the next start.
    pub torn: Option<TornTail>,
}

/// Checks a data folder. Where its segments are in an object store, the environment says how that is reached
/// ([`Access::from_env`](crate::Access::from_env)).
///
/// # Errors
/// At the first byte that does not match, with its file and place.
pub fn check(dir: &Path) -> Result<CheckReport, Error> {
    if !dir.join("log").exists() {
        return Err(Error::Missing(dir.display().to_string()));
    }
    let manifest = Manifest::read_only(dir)?;
    let mut report = CheckReport { sequence: manifest.sealed, ..CheckReport::default() };
    let objects = Objects::of(dir, &Disk::shut(), &manifest, &Access::from_env())?;
    check_segments(&objects, &manifest, &mut report)?;
    if let Some(file) = &manifest.latest {
        Latest::read(&dir.join(file))?;
        if let Some(remote) = objects.remote() {
            objects::same(remote, file, Measured::of(&dir.join(file))?)?;
        }
    }
    check_log(dir, &manifest, &mut report)?;
    check_contents(&dir.join("content"), &mut report)?;
    Ok(report)
}

fn check_segments(objects: &Objects, manifest: &Manifest, report: &mut CheckReport) -> Result<(), Error> {
    for meta in &manifest.segments {
        let (name, zones) = (objects::sealed(&meta.file), objects::zones(&meta.file));
        let place = objects.place(&name);
        let damaged = |what: String| Error::Damaged { path: place.clone(), at: 0, what };
        let table = objects::table_of(meta);
        let table = table.ok_or_else(|| damaged(format!("the manifest names an unknown table {}", meta.table)))?;
        let batches = match objects.remote() {
            None => {
                same(&objects.path(&name), meta.parquet)?;
                meta.zones.map_or(Ok(()), |wanted| same(&objects.path(&zones), wanted))?;
                parts::read(objects, meta, table)?
            }
            Some(remote) => {
                same_if_there(&objects.path(&name), Some(meta.parquet))?;
                same_if_there(&objects.path(&zones), meta.zones)?;
                meta.zones.map_or(Ok(()), |wanted| objects::same(remote, &zones, wanted))?;
                parts::read_from(objects::fetched(remote, &name, Some(meta.parquet))?, &place, table)?
            }
        };
        if mapped::has_rows(meta) {
            mapped::check(&objects.path(&name), meta.parquet)?;
        }
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        if rows != meta.rows {
            return Err(damaged(format!("it holds {rows} rows, the manifest says {}", meta.rows)));
        }
        report.rows += rows;
        report.segments += 1;
    }
    Ok(())
}

fn same(path: &Path, wanted: Measured) -> Result<(), Error> {
    match Measured::of(path)? == wanted {
        true => Ok(()),
        false => Err(Error::not_as_named(path)),
    }
}

/// What the folder holds of an object may be taken out of it at any moment.
fn same_if_there(path: &Path, wanted: Option<Measured>) -> Result<(), Error> {
    match wanted.map_or(Ok(()), |wanted| same(path, wanted)) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn check_log(dir: &Path, manifest: &Manifest, report: &mut CheckReport) -> Result<(), Error> {
    let files = log::files(&dir.join("log"))?;
    let (mut last, newest) = (None, log::with_records(&files));
    for (n, path) in files.iter().enumerate() {
        let replayed = log::replay(path, n + 1 >= newest, |sequence, payload| {
            if last.is_some_and(|last: u64| sequence.0 != last + 1) {
                let what = format!("commit {sequence} does not follow commit {}", last.unwrap_or(0));
                return Err(Error::Damaged { path: path.clone(), at: 0, what });
            }
            record::decode(payload)?;
            last = Some(sequence.0);
            report.commits += 1;
            report.sequence = report.sequence.max(sequence);
            Ok(())
        })?;
        if let Some(at) = replayed.mended.first() {
            let what = "one bit is not as it was written; it is read as it was, and `urbis compact` writes it anew";
            return Err(Error::Damaged { path: path.clone(), at: *at, what: what.to_owned() });
        }
        report.torn = replayed.torn.or(report.torn.take());
    }
    let gap = files.first().and_then(|f| f.file_stem()?.to_str()?.parse::<u64>().ok());
    match gap.filter(|first| *first > manifest.sealed.0 + 1) {
        None => Ok(()),
        Some(first) => {
            let what = format!("the log begins at commit {first}, the segments end at {}", manifest.sealed);
            Err(Error::Damaged { path: dir.join("log"), at: 0, what })
        }
    }
}

fn check_contents(folder: &Path, report: &mut CheckReport) -> Result<(), Error> {
    let Ok(groups) = fs::read_dir(folder) else { return Ok(()) };
    for group in groups {
        let group = group.map_err(Error::io(folder))?.path();
        for file in fs::read_dir(&group).map_err(Error::io(&group))? {
            let path = file.map_err(Error::io(&group))?.path();
            if path.extension().is_some() {
                continue;
            }
            let bytes = fs::read(&path).map_err(Error::io(&path))?;
            if path.file_name().and_then(|n| n.to_str()) != Some(ContentId::of(&bytes).to_string().as_str()) {
                return Err(Error::Damaged { path, at: 0, what: "its hash is not its name".to_owned() });
            }
            report.contents += 1;
        }
    }
    Ok(())
}
