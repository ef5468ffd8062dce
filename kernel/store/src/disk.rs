//! The one door through which the store changes files. In: what is to be done to which file or folder. Out: that it was done,
//! or why not. Nothing in this crate writes, renames, syncs or removes past it, so that a test can say of every action of one
//! store what is to become of it (a full disk, one that is read-only, one that dies in the middle of a write) while
//! everything else is the real thing. Without a test in its place a door is an `Option` that is empty.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;

/// What is done to a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A file is made, or emptied.
    Create,
    /// A file is opened for writing.
    Open,
    /// Bytes are added to a file.
    Write,
    /// Its bytes are synced.
    SyncData,
    /// Its bytes and everything else of it are synced.
    SyncAll,
    /// It is cut to a length.
    SetLen,
    /// It takes the place of another one.
    Rename,
    /// It is removed.
    Remove,
    /// A folder is made.
    CreateFolder,
    /// The names in a folder are synced.
    SyncFolder,
}

/// What becomes of an action.
#[derive(Debug)]
pub enum Verdict {
    /// It is done.
    Do,
    /// It is not done, and fails so.
    Fail(io::Error),
    /// It fails so when it is done; of a write the first half is.
    Late(io::Error),
}

type Judge = dyn Fn(Action, &Path) -> Verdict + Send + Sync;

/// The door to the disk; clones are cheap and are the same door.
#[derive(Clone, Default)]
pub struct Disk(Option<Arc<Judge>>);

impl fmt::Debug for Disk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Disk(judged)" } else { "Disk" })
    }
}

/// A file that is written through the door.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    path: PathBuf,
    disk: Disk,
}

impl Disk {
    /// A door at which somebody is asked before every action; from any thread.
    pub fn judged(judge: impl Fn(Action, &Path) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(judge)))
    }

    /// A door that is shut: what only reads writes nothing.
    pub(crate) fn shut() -> Self {
        Self::judged(|_, _| Verdict::Fail(io::ErrorKind::ReadOnlyFilesystem.into()))
    }

    fn act<T>(&self, action: Action, path: &Path, does: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.0.as_ref().map_or(Verdict::Do, |judge| judge(action, path)) {
            Verdict::Do => does(),
            Verdict::Fail(error) => Err(error),
            Verdict::Late(error) => does().and(Err(error)),
        }
    }

    fn file(&self, file: File, path: &Path) -> DiskFile {
        DiskFile { file, path: path.to_owned(), disk: self.clone() }
    }

    /// A new file, empty also where there was one.
    pub(crate) fn create(&self, path: &Path) -> Result<DiskFile, Error> {
        let made = self.act(Action::Create, path, || File::create(path)).map_err(Error::io(path))?;
        Ok(self.file(made, path))
    }

    /// A file that is there, for reading and writing.
    pub(crate) fn open(&self, path: &Path) -> Result<DiskFile, Error> {
        let opened = self.act(Action::Open, path, || File::options().read(true).write(true).open(path));
        Ok(self.file(opened.map_err(Error::io(path))?, path))
    }

    /// A file as it is, made where there is none.
    pub(crate) fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.act(Action::Open, path, || File::options().create(true).truncate(false).write(true).open(path))
    }

    /// Writes a file whole and syncs it; its name lasts when its folder is synced.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.create(path)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(path))
    }

    /// Puts new content in a file's place, durably: after a power cut all of the old one or all of the new one is there. When
    /// this fails either of them may be.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let beside = beside(path);
        let renamed = self.write(&beside, bytes).and_then(|()| self.rename(&beside, path));
        if renamed.is_err() {
            // What a full disk took in half must not keep it full.
            drop(self.remove(&beside));
        }
        renamed?;
        path.parent().map_or(Ok(()), |folder| self.sync_folder(folder))
    }

    /// Writes a file that is the same as another one, durably but for its name, and says how many bytes it has.
    pub(crate) fn copy(&self, from: &Path, to: &Path) -> Result<u64, Error> {
        let bytes = self.act(Action::Write, to, || fs::copy(from, to)).map_err(Error::io(from))?;
        let sync = || File::open(to).and_then(|file| file.sync_all());
        self.act(Action::SyncAll, to, sync).map_err(Error::io(to))?;
        Ok(bytes)
    }

    /// Gives a file another name; a file that has it goes.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        self.act(Action::Rename, to, || fs::rename(from, to)).map_err(Error::io(to))
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), Error> {
        self.act(Action::Remove, path, || fs::remove_file(path)).map_err(Error::io(path))
    }

    /// Makes a folder and those above it, unless they are there.
    pub(crate) fn create_folder(&self, path: &Path) -> Result<(), Error> {
        if path.is_dir() {
            return Ok(());
        }
        self.act(Action::CreateFolder, path, || fs::create_dir_all(path)).map_err(Error::io(path))
    }

    /// Syncs a folder, so that names in it survive a power cut.
    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<(), Error> {
        let sync = || File::open(folder).and_then(|folder| folder.sync_all());
        self.act(Action::SyncFolder, folder, sync).map_err(Error::io(folder))
    }
}

/// Where a file is written before it takes its place.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

impl DiskFile {
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        self.disk.act(Action::SyncData, &self.path, || self.file.sync_data())
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        self.disk.act(Action::SyncAll, &self.path, || self.file.sync_all())
    }

    /// Cuts it; what is written next comes at its end.
    pub(crate) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.disk.act(Action::SetLen, &self.path, || self.file.set_len(len))?;
        self.file.seek(SeekFrom::Start(len)).map(drop)
    }

    /// The same file for another thread.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, path: self.path.clone(), disk: self.disk.clone() })
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.disk.0.as_ref().map_or(Verdict::Do, |judge| judge(Action::Write, &self.path)) {
            Verdict::Do => self.file.write(bytes),
            Verdict::Fail(error) => Err(error),
            Verdict::Late(error) => self.file.write_all(&bytes[..bytes.len() / 2]).and(Err(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
