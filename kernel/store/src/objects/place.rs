//! Where segments are to be, and the move there. In: a data folder's manifest and what the configuration says. Out: where
//! they are now. A prefix of an object store belongs to one data folder: it is claimed with the folder's mark before anything
//! is put there, and one with another mark is refused. A move copies and compares everything before the manifest that counts
//! it is written; what it came from stays.

use std::collections::BTreeSet;
use std::path::Path;

use uuid::Uuid;

use super::{Access, COPY, Objects, Remote, copy_name, files};
use crate::disk::Disk;
use crate::error::Error;
use crate::manifest::Manifest;

/// The object that says whose a prefix is.
const MARK: &str = "mark";

/// Where segments are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SegmentsAt {
    /// Where they are; those of a new data folder stay in it.
    #[default]
    AsTheyAre,
    /// In the data folder.
    Folder,
    /// In an object store: `s3://bucket/prefix`.
    Store(String),
}

impl SegmentsAt {
    fn url(&self, now: &Manifest) -> Option<String> {
        match self {
            Self::AsTheyAre => now.objects.clone(),
            Self::Folder => None,
            Self::Store(url) => Some(url.trim_end_matches('/').to_owned()),
        }
    }
}

/// Opens the sealed files of a folder for its writer, moving them where they are to be.
pub(crate) fn settle(dir: &Path, disk: &Disk, wanted: &SegmentsAt, access: &Access) -> Result<Objects, Error> {
    let mut manifest = Manifest::read(dir)?;
    let url = wanted.url(&manifest);
    if url != manifest.objects {
        move_to(dir, disk, url, &mut manifest, access)?;
    }
    let objects = Objects::of(dir, disk, &manifest, access)?.kept();
    if let Some(remote) = objects.remote() {
        match tidy(&objects, remote, &manifest) {
            // What must be read now is in the folder, or reading it says that it is not.
            Err(error @ Error::Objects { .. }) => {
                tracing::warn!(%error, "the object store is not there; what it lacks is put there when it is back");
            }
            other => other?,
        }
        objects.follow(&manifest)?;
    }
    objects.bring_needed(&manifest)?;
    Ok(objects)
}

/// Makes sure that the prefix is still this folder's, and has removed what a crash left there beside the manifest.
fn tidy(objects: &Objects, remote: &Remote, manifest: &Manifest) -> Result<(), Error> {
    let names = remote.names()?;
    check_ours(remote, manifest, &names)?;
    let mut named: BTreeSet<String> = files(manifest).into_iter().map(|(name, _)| name).collect();
    named.insert(copy_name(manifest.generation));
    let ours = |name: &String| ["segments/", "latest-", COPY].iter().any(|begin| name.starts_with(begin));
    for name in names.into_iter().filter(ours).filter(|name| !named.contains(name)) {
        if !name.starts_with(COPY) {
            tracing::warn!(object = remote.place(&name), "removing an object that was never finished or is obsolete");
        }
        objects.forget(&name);
    }
    Ok(())
}

/// Whether the prefix has this folder's mark, and nothing newer than this folder.
fn check_ours(remote: &Remote, manifest: &Manifest, names: &[String]) -> Result<(), Error> {
    let theirs = remote.read(MARK)?.ok_or_else(|| Error::Gone(remote.place(MARK)))?;
    if Some(&*String::from_utf8_lossy(&theirs)) != manifest.mark.as_deref() {
        return Err(Error::Taken(remote.url().to_owned()));
    }
    let generation = |name: &String| name.strip_prefix(COPY)?.parse::<u64>().ok();
    match names.iter().filter_map(generation).max() {
        Some(theirs) if theirs > manifest.generation => {
            Err(Error::Ahead { url: remote.url().to_owned(), theirs, ours: manifest.generation })
        }
        _ => Ok(()),
    }
}

fn move_to(
    dir: &Path,
    disk: &Disk,
    url: Option<String>,
    manifest: &mut Manifest,
    access: &Access,
) -> Result<(), Error> {
    let from = Objects::of(dir, disk, manifest, access)?;
    if let Some(old) = from.remote() {
        tracing::info!(from = old.url(), "bringing all segments into the data folder; the objects stay");
        files(manifest).iter().try_for_each(|(name, measured)| from.bring(name, *measured))?;
    }
    if let Some(url) = &url {
        manifest.mark.get_or_insert_with(|| Uuid::new_v4().simple().to_string());
        write(dir, disk, manifest)?;
        let to = Objects { remote: Some(Remote::new(url, access)?.into()), ..Objects::local(dir, disk.clone()) };
        if let Some(remote) = to.remote() {
            claim(remote, manifest)?;
        }
        tracing::info!(to = url, segments = manifest.segments.len(), "putting all segments into the object store");
        to.keep(&files(manifest))?;
    }
    manifest.objects = url;
    write(dir, disk, manifest)
}

/// Puts the folder's mark under the prefix before anything else: of two folders one has it.
fn claim(remote: &Remote, manifest: &Manifest) -> Result<(), Error> {
    let mark = manifest.mark.clone().unwrap_or_default();
    match remote.create(MARK, mark.into())? {
        true => Ok(()),
        false => check_ours(remote, manifest, &remote.names()?),
    }
}

fn write(dir: &Path, disk: &Disk, manifest: &mut Manifest) -> Result<(), Error> {
    manifest.generation += 1;
    manifest.write(disk, dir)
}
