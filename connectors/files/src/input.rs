//! A file's bytes, gzip undone where its first two bytes are gzip's (RFC 1952), with a count of how far the reading got.
//! Nothing here holds a whole file unless asked to.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::error::Error;

/// Bytes a decompressed file may have where the format must be held whole: 4 GiB, against gzip bombs.
const MAX_WHOLE: u64 = 4 << 30;

/// One file to read, once or several times.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    path: PathBuf,
    /// The file's name without folders, as it stands in messages.
    pub(crate) name: String,
    read: Arc<AtomicU64>,
}

impl Input {
    pub(crate) fn new(path: &Path) -> Self {
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |n| n.to_string_lossy()).into_owned();
        Self { path: path.to_owned(), name, read: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether gzip is around it.
    pub(crate) fn is_gzip(&self) -> Result<bool, Error> {
        let io = |source| Error::Io { file: self.name.clone(), source };
        let mut head = Vec::new();
        File::open(&self.path).map_err(io)?.take(2).read_to_end(&mut head).map_err(io)?;
        Ok(head == [0x1f, 0x8b])
    }

    /// States how far the reading got, where it does not go through [`Input::open`].
    pub(crate) fn note_read(&self, bytes: u64) {
        self.read.store(bytes, Ordering::Relaxed);
    }

    /// The name of the folder so many levels above the file; the file's stem where there is none.
    pub(crate) fn folder(&self, levels: usize) -> String {
        let named = self.path.ancestors().nth(levels).and_then(Path::file_name).filter(|_| levels > 0);
        named.or_else(|| self.path.file_stem()).map_or_else(|| self.name.clone(), |n| n.to_string_lossy().into_owned())
    }

    /// Opens the file at its beginning, gzip undone.
    pub(crate) fn open(&self) -> Result<Box<dyn BufRead + Send>, Error> {
        let io = |source| Error::Io { file: self.name.clone(), source };
        let file = File::open(&self.path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(io(std::io::Error::other("it is a folder; give the files in it")));
        }
        self.read.store(0, Ordering::Relaxed);
        let mut reader = BufReader::with_capacity(1 << 16, Counted { inner: file, read: Arc::clone(&self.read) });
        let gzip = reader.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        Ok(if gzip {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader)))
        } else {
            Box::new(reader)
        })
    }

    /// The first bytes, at most `limit`. A stream that breaks later gives what there was before.
    pub(crate) fn head(&self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut head = vec![0; limit];
        let mut reader = self.open()?;
        let mut filled = 0;
        while filled < limit {
            match reader.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(_) if filled > 0 => break,
                Err(error) => return Err(Error::from_io(&self.name, error)),
            }
        }
        head.truncate(filled);
        Ok(head)
    }

    /// All bytes as they are in the file.
    pub(crate) fn raw(&self) -> Result<Vec<u8>, Error> {
        let io = |source| Error::Io { file: self.name.clone(), source };
        let file = File::open(&self.path).map_err(io)?;
        let mut bytes = Vec::new();
        file.take(MAX_WHOLE).read_to_end(&mut bytes).map_err(io)?;
        self.note_read(bytes.len() as u64);
        Ok(bytes)
    }

    /// All bytes, gzip undone.
    pub(crate) fn whole(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.open()?.take(MAX_WHOLE + 1).read_to_end(&mut bytes).map_err(|e| Error::from_io(&self.name, e))?;
        if bytes.len() as u64 > MAX_WHOLE {
            Err(Error::Malformed {
                file: self.name.clone(),
                place: "file".to_owned(),
                reason: "more than 4 GiB in one document; give it as CityJSONSeq or in parts".to_owned(),
            })
        } else {
            Ok(bytes)
        }
    }

    /// The bytes of a file that this one names, where it lies in the same folder or below it (links followed) and has at most
    /// so many.
    pub(crate) fn beside(&self, name: &str, limit: u64) -> Option<Vec<u8>> {
        let name = name.replace('\\', "/");
        let inside = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
        if !Path::new(&name).components().all(inside) {
            return None;
        }
        let folder = self.path.canonicalize().ok()?.parent()?.to_owned();
        let file = folder.join(&name).canonicalize().ok().filter(|file| file.starts_with(&folder) && file.is_file())?;
        let mut bytes = Vec::new();
        File::open(file).ok()?.take(limit + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= limit).then_some(bytes)
    }

    /// Bytes of the file (before gzip is undone) that the last opening has read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

struct Counted {
    inner: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
