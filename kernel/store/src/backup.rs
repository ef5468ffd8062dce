//! A copy of a data folder as of one commit, made beside its writer. Files that never change are copied once: what a backup
//! has already is not copied again. The manifest goes last, so that a backup that was interrupted is still the one before.
//! Segments that are in an object store are brought from it: a backup is a folder that needs nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::check::check;
use crate::disk::{Disk, beside};
use crate::error::Error;
use crate::log;
use crate::manifest::Manifest;
use crate::objects::{self, Access, Objects};
use crate::parts::{Measured, SegmentMeta};

/// How often a copy is begun anew because the writer replaced files meanwhile.
const ATTEMPTS: usize = 20;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// The last commit of the copy.
    pub sequence: kernel_model::Sequence,
    /// Files copied.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Files that were there already.
    pub kept: u64,
}

/// Copies the data folder `from` into `to`, which is empty, is not there yet, or holds an earlier backup of it; another
/// process may be writing in `from`. `progress` is told of every file.
///
/// # Errors
/// Where `from` is no data folder, files cannot be copied, or the copy is not whole.
pub fn backup(from: &Path, to: &Path, progress: impl FnMut(&Path)) -> Result<BackupReport, Error> {
    backup_by(&Disk::default(), from, to, progress)
}

/// As [`backup`], writing through `disk`.
///
/// # Errors
/// As [`backup`].
pub fn backup_by(disk: &Disk, from: &Path, to: &Path, mut progress: impl FnMut(&Path)) -> Result<BackupReport, Error> {
    if !from.join("log").exists() {
        return Err(Error::Missing(from.display().to_string()));
    }
    for folder in ["log", "segments", "content"] {
        disk.create_folder(&to.join(folder))?;
    }
    let objects = Objects::local(from, disk.clone());
    let report = BackupReport::default();
    let mut copy = Copy { disk, from, to, objects, logs: BTreeSet::new(), report, progress: &mut progress };
    for _ in 0..ATTEMPTS {
        let manifest = Manifest::read(from)?;
        copy.objects = Objects::of(from, disk, &manifest, &Access::from_env())?;
        match copy.everything(&manifest) {
            Ok(()) if Manifest::read(from)?.generation == manifest.generation => {
                let manifest = Manifest { objects: None, mark: None, ..manifest };
                manifest.write(disk, to)?;
                copy.remove_unnamed(&manifest)?;
                let whole = check(to)?;
                return Ok(BackupReport { sequence: whole.sequence, ..copy.report });
            }
            // The writer sealed or compacted meanwhile: what was copied stays copied.
            Ok(()) => {}
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(Error::Gone(_)) if Manifest::read(from)?.generation != manifest.generation => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Busy(from.to_owned()))
}

struct Copy<'a> {
    disk: &'a Disk,
    from: &'a Path,
    to: &'a Path,
    objects: Objects,
    /// Log files that belong to the copy.
    logs: BTreeSet<String>,
    report: BackupReport,
    progress: &'a mut dyn FnMut(&Path),
}

impl Copy<'_> {
    fn everything(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let before = Manifest::read(self.to)?;
        for meta in &manifest.segments {
            self.segment(meta, &before)?;
        }
        if let Some(latest) = &manifest.latest {
            self.file(Path::new(latest), before.latest.as_ref() == Some(latest))?;
        }
        let files = log::files(&self.from.join("log"))?;
        self.logs = files.iter().filter_map(|file| Some(file.file_name()?.to_str()?.to_owned())).collect();
        for name in self.logs.clone() {
            self.file(&Path::new("log").join(name), false)?;
        }
        // After the log: a content object is kept before the commit that names it.
        for (folder, file) in contents(&self.from.join("content"))? {
            let path = Path::new("content").join(folder).join(file);
            let there = self.to.join(&path).exists();
            self.file(&path, there)?;
        }
        Ok(())
    }

    fn segment(&mut self, meta: &SegmentMeta, before: &Manifest) -> Result<(), Error> {
        let known = before.segments.iter().find(|old| old.file == meta.file);
        self.sealed(&objects::sealed(&meta.file), known.map(|old| old.parquet), meta.parquet)?;
        if let Some(zones) = meta.zones {
            self.sealed(&objects::zones(&meta.file), known.and_then(|old| old.zones), zones)?;
        }
        Ok(())
    }

    /// Copies a sealed file from wherever it is, unless the same one is there.
    fn sealed(&mut self, name: &str, known: Option<Measured>, wanted: Measured) -> Result<(), Error> {
        let path = Path::new(name);
        let there = known == Some(wanted) && self.to.join(path).exists();
        if there || self.objects.open(name)?.is_some() {
            return self.file(path, there);
        }
        (self.progress)(path);
        self.objects.copy(name, Some(wanted), &self.to.join(path))?;
        self.report.copied += 1;
        self.report.copied_bytes += wanted.bytes;
        Ok(())
    }

    /// Copies one file durably, unless it is there.
    fn file(&mut self, path: &Path, there: bool) -> Result<(), Error> {
        if there {
            self.report.kept += 1;
            return Ok(());
        }
        (self.progress)(path);
        let (source, target) = (self.from.join(path), self.to.join(path));
        let folder = target.parent().unwrap_or(self.to);
        self.disk.create_folder(folder)?;
        let beside = beside(&target);
        let bytes = self.disk.copy(&source, &beside)?;
        self.disk.rename(&beside, &target)?;
        self.disk.sync_folder(folder)?;
        self.report.copied += 1;
        self.report.copied_bytes += bytes;
        Ok(())
    }

    /// Removes what the new manifest does not name any more.
    fn remove_unnamed(&self, manifest: &Manifest) -> Result<(), Error> {
        let remove = |path: PathBuf| self.disk.remove(&path);
        let names = |folder: &Path| -> Result<BTreeSet<String>, Error> {
            let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
            Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        };
        let segments = self.to.join("segments");
        for name in names(&segments)?.into_iter().filter(|name| !manifest.names(name)) {
            remove(segments.join(name))?;
        }
        let log = self.to.join("log");
        for name in names(&log)?.into_iter().filter(|name| !self.logs.contains(name)) {
            remove(log.join(name))?;
        }
        let is_old = |name: &String| name.starts_with("latest-") && manifest.latest.as_ref() != Some(name);
        for name in names(self.to)?.into_iter().filter(is_old) {
            remove(self.to.join(name))?;
        }
        Ok(())
    }
}

/// Content objects as (folder, file).
fn contents(folder: &Path) -> Result<Vec<(String, String)>, Error> {
    let mut found = Vec::new();
    for group in fs::read_dir(folder).map_err(Error::io(folder))? {
        let group = group.map_err(Error::io(folder))?;
        for file in fs::read_dir(group.path()).map_err(Error::io(&group.path()))? {
            let file = file.map_err(Error::io(&group.path()))?;
            let names = (group.file_name().into_string(), file.file_name().into_string());
            if let (Ok(group), Ok(file)) = names
                && !file.contains('.')
            {
                found.push((group, file));
            }
        }
    }
    found.sort();
    Ok(found)
}
