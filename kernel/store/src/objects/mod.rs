//! Where sealed files lie: in the data folder, or in an object store of which the folder then holds a part. The name of a
//! file under the data folder comes in (`segments/...`, `latest-...`), its bytes go out. A folder without an object store is
//! read as files, with nothing between. No manifest ever names a file before all of its bytes are where they belong.

mod access;
mod keeper;
mod place;
mod remote;
mod window;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel_model::schema::Table;
use uuid::Uuid;

use crate::disk::Disk;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::parts::{Measured, SegmentMeta, is_placed, mapped};

pub use access::Access;
pub use place::SegmentsAt;

pub(crate) use keeper::Keeper;
pub(crate) use place::settle;
pub(crate) use remote::Remote;
pub(crate) use window::Window;

/// What the names of copies of the manifest begin with; a copy never changes.
const COPY: &str = "manifest-";

/// Sealed files of one data folder; clones are cheap.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    dir: Arc<Path>,
    disk: Disk,
    remote: Option<Arc<Remote>>,
    /// Of the one writer.
    keeper: Option<Arc<Keeper>>,
    /// What the names of objects end with that are written since the writer opened the folder: a removal that comes late
    /// must never find a new object of an old name.
    tag: Arc<str>,
}

/// The name of the copy of a manifest.
fn copy_name(generation: u64) -> String {
    format!("{COPY}{generation:020}")
}

/// The name of a file of a segment.
pub(crate) fn sealed(file: &str) -> String {
    format!("segments/{file}")
}

/// The name of a segment's zone map.
pub(crate) fn zones(file: &str) -> String {
    sealed(&Path::new(file).with_extension("zones").to_string_lossy())
}

/// All files that a manifest names, with what it says of them; of the latest values it says nothing.
pub(crate) fn files(manifest: &Manifest) -> Vec<(String, Option<Measured>)> {
    let mut files: Vec<_> = manifest.latest.iter().map(|latest| (latest.clone(), None)).collect();
    for meta in &manifest.segments {
        files.push((sealed(&meta.file), Some(meta.parquet)));
        files.extend(meta.zones.map(|measured| (zones(&meta.file), Some(measured))));
    }
    files
}

impl Objects {
    /// Files of a folder.
    pub(crate) fn local(dir: &Path, disk: Disk) -> Self {
        Self { dir: dir.into(), disk, remote: None, keeper: None, tag: "".into() }
    }

    /// Where a manifest says that they are.
    pub(crate) fn of(dir: &Path, disk: &Disk, manifest: &Manifest, access: &Access) -> Result<Self, Error> {
        let remote = manifest.objects.as_ref().map(|url| Remote::new(url, access).map(Arc::new)).transpose()?;
        Ok(Self { remote, ..Self::local(dir, disk.clone()) })
    }

    /// For the one writer, who removes what no manifest names any more.
    pub(crate) fn kept(self) -> Self {
        let Some(remote) = self.remote.clone() else { return self };
        let tag = format!("-{:08x}", Uuid::new_v4().as_fields().0).into();
        Self { keeper: Some(Keeper::begin(remote).into()), tag, ..self }
    }

    /// Through which files are changed.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The end of new files' names.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The object store, where there is one.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        self.remote.as_deref()
    }

    /// Where a file lies or would lie in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where a file belongs, for people.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.remote.as_ref().map_or_else(|| self.path(name), |remote| remote.place(name).into())
    }

    /// The file, where it is in the folder; without an object store it must be.
    pub(crate) fn open(&self, name: &str) -> Result<Option<File>, Error> {
        let path = self.path(name);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.remote.is_some() => Ok(None),
            other => other.map(Some).map_err(Error::io(&path)),
        }
    }

    /// Some bytes of a file that is not in the folder.
    pub(crate) fn range(&self, name: &str, range: Range<u64>) -> Result<Window, Error> {
        let remote = self.remote().ok_or_else(|| Error::defect("a range is read of an object store only"))?;
        Ok(Window { start: range.start, bytes: remote.range(name, range)? })
    }

    /// All bytes of a file, compared with what the manifest says.
    pub(crate) fn whole(&self, name: &str, wanted: Option<Measured>) -> Result<Bytes, Error> {
        let path = self.path(name);
        let bytes = match (fs::read(&path), self.remote()) {
            (Err(error), Some(remote)) if error.kind() == io::ErrorKind::NotFound => {
                return fetched(remote, name, wanted);
            }
            (read, _) => read.map(Bytes::from).map_err(Error::io(&path))?,
        };
        match wanted.is_none_or(|wanted| wanted == Measured::of_bytes(&bytes)) {
            true => Ok(bytes),
            false => Err(Error::not_as_named(path)),
        }
    }

    /// Sees to it that files that were written in the folder are where they belong: each is put into the object store and
    /// read back, every byte.
    pub(crate) fn keep(&self, files: &[(String, Option<Measured>)]) -> Result<(), Error> {
        let Some(remote) = self.remote() else { return Ok(()) };
        for (name, measured) in files {
            let path = self.path(name);
            let wanted = measured.map_or_else(|| Measured::of(&path), Ok)?;
            remote.put_file(name, &path)?;
            same(remote, name, wanted)?;
        }
        Ok(())
    }

    /// As [`Objects::keep`], of segments.
    pub(crate) fn keep_segments(&self, segments: &[SegmentMeta]) -> Result<(), Error> {
        self.keep(&files(&Manifest { segments: segments.to_vec(), ..Manifest::default() }))
    }

    /// Brings a file into the folder, unless it is there.
    pub(crate) fn bring(&self, name: &str, wanted: Option<Measured>) -> Result<(), Error> {
        match self.path(name).exists() {
            true => Ok(()),
            false => self.copy(name, wanted, &self.path(name)),
        }
    }

    /// Writes all bytes of a file to another place, durably.
    pub(crate) fn copy(&self, name: &str, wanted: Option<Measured>, to: &Path) -> Result<(), Error> {
        self.disk.replace(to, &self.whole(name, wanted)?)
    }

    /// Forgets a file that no manifest names; what stays is an orphan and goes at the next start.
    pub(crate) fn forget(&self, name: &str) {
        drop(self.disk.remove(&self.path(name)));
        if let Some(keeper) = &self.keeper {
            keeper.remove(name.to_owned());
        }
    }

    /// As [`Objects::forget`], of a segment and its zone map.
    pub(crate) fn forget_segment(&self, meta: &SegmentMeta) {
        self.forget(&sealed(&meta.file));
        self.forget(&zones(&meta.file));
        if mapped::has_rows(meta) {
            drop(self.disk.remove(&mapped::path(&self.path(&sealed(&meta.file)))));
        }
    }

    /// Tells the object store of a new manifest of the folder.
    pub(crate) fn follow(&self, manifest: &Manifest) -> Result<(), Error> {
        if let Some(keeper) = &self.keeper {
            keeper.publish(copy_name(manifest.generation), manifest.encode()?.into());
            keeper.remove(copy_name(manifest.generation.saturating_sub(1)));
        }
        Ok(())
    }

    /// Waits until the object store has followed, or for so long.
    pub(crate) fn settle(&self, most: Duration) {
        if let Some(keeper) = &self.keeper {
            keeper.settle(most);
        }
    }

    /// Brings what is asked at every start or by every question into the folder: zone maps, the latest values, the segments
    /// of tables that are read whole. Only a folder that lost them lacks any.
    pub(crate) fn bring_needed(&self, manifest: &Manifest) -> Result<(), Error> {
        if self.remote.is_none() {
            return Ok(());
        }
        let parquet: BTreeSet<String> =
            manifest.segments.iter().filter(|meta| is_placed(meta)).map(|meta| sealed(&meta.file)).collect();
        files(manifest)
            .iter()
            .filter(|(name, _)| !parquet.contains(name))
            .try_for_each(|(name, measured)| self.bring(name, *measured))
    }

    /// Takes the oldest Parquet files out of the folder that are beyond so many bytes and lie in the object store. Zone maps
    /// stay, and tables that are read whole.
    pub(crate) fn trim(&self, manifest: &Manifest, most_bytes: u64) {
        if self.remote.is_none() {
            return;
        }
        let mut held = 0;
        for meta in manifest.segments.iter().rev().filter(|meta| is_placed(meta)) {
            held += meta.parquet.bytes;
            if held > most_bytes {
                drop(self.disk.remove(&self.path(&sealed(&meta.file))));
            }
        }
    }
}

/// An object's bytes, compared with what the manifest says.
pub(crate) fn fetched(remote: &Remote, name: &str, wanted: Option<Measured>) -> Result<Bytes, Error> {
    let gone = || Error::Gone(remote.place(name));
    let bytes = match wanted {
        Some(measured) => remote.range(name, 0..measured.bytes)?,
        None => remote.read(name)?.ok_or_else(gone)?,
    };
    match wanted.is_none_or(|wanted| wanted == Measured::of_bytes(&bytes)) {
        true => Ok(bytes),
        false => Err(Error::not_as_named(remote.place(name))),
    }
}

/// Reads an object through and compares it.
pub(crate) fn same(remote: &Remote, name: &str, wanted: Measured) -> Result<(), Error> {
    match remote.measure(name)? == wanted {
        true => Ok(()),
        false => Err(Error::not_as_named(remote.place(name))),
    }
}

/// Of which table a segment is.
pub(crate) fn table_of(meta: &SegmentMeta) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.name() == meta.table)
}
