//! The manifest: which segments exist and up to which commit they hold everything. One small file, replaced atomically;
//! its first line is `URBISMAN <version> <CRC-32C of the rest in hex>`, the rest is JSON. A copy stands beside it, for the day
//! on which a bit of it is not as it was written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kernel_model::Sequence;
use kernel_model::schema::Table;
use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::error::Error;
use crate::objects;
use crate::parts::{Measured, SegmentMeta, mapped};

const MAGIC: &str = "URBISMAN";
/// Of a folder whose segments are in it, and of one whose segments are in an object store.
const IN_FOLDER: u32 = 5;
const IN_STORE: u32 = 6;
/// Of one from which rows have gone, whose summaries older programs would not know.
const WITH_SUMMARIES: u32 = 7;
/// Of one that says which files hold which things.
const WITH_ORIGINS: u32 = 8;
const NAME: &str = "manifest";
/// Written before the manifest itself, so that it is never the older of the two.
const COPY: &str = "manifest.copy";

/// What is sealed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Counts the replacements of this file.
    pub(crate) generation: u64,
    /// Commits up to here are in the segments; the log holds those after.
    pub(crate) sealed: Sequence,
    /// The segments, oldest first.
    pub(crate) segments: Vec<SegmentMeta>,
    /// File with the latest reading and fix of everything as of `sealed`.
    pub(crate) latest: Option<String>,
    /// The greatest number in a file's name.
    #[serde(default)]
    pub(crate) last_file: u64,
    /// The greatest number of an observation as of `sealed`.
    #[serde(default)]
    pub(crate) last_observation: u64,
    /// When the last sealed commit was recorded, UTC microseconds.
    #[serde(default)]
    pub(crate) last_recorded_us: i64,
    /// Before which instant rows of a table have gone, UTC microseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) gone_us: BTreeMap<String, i64>,
    /// The object store in which all files are that it names: `s3://bucket/prefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) objects: Option<String>,
    /// The folder's own mark, by which it knows its objects again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<String>,
}

impl Manifest {
    /// Reads it; a folder without one has nothing sealed. Where it is damaged its copy is read, if that is provably right.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        match Self::read_file(dir, NAME) {
            Ok(Some(manifest)) => Ok(manifest),
            Ok(None) => Ok(Self::read_copy(dir).unwrap_or_default()),
            Err(error @ Error::Io { .. }) => Err(error),
            Err(error) => {
                let copy = Self::read_copy(dir).ok_or(error)?;
                tracing::error!(dir = %dir.display(), "the manifest is damaged and its copy is read");
                Ok(copy)
            }
        }
    }

    /// As [`Manifest::read`], without a look at the copy.
    pub(crate) fn read_only(dir: &Path) -> Result<Self, Error> {
        Self::read_file(dir, COPY)?;
        Ok(Self::read_file(dir, NAME)?.unwrap_or_default())
    }

    /// Whether the manifest or its copy is damaged, or they differ, as a crash between the two leaves them.
    pub(crate) fn is_to_mend(dir: &Path) -> bool {
        match (Self::read_file(dir, NAME), Self::read_file(dir, COPY)) {
            (Ok(manifest), Ok(copy)) => copy.is_some() && manifest != copy,
            _ => true,
        }
    }

    /// The copy, where all that it names is there as it says. Since it is never older than the manifest, and no file is
    /// removed before the manifest that does not name it is written, it is then the manifest, or one that was to follow it.
    fn read_copy(dir: &Path) -> Option<Self> {
        let copy = Self::read_file(dir, COPY).ok()??;
        let is_there = |(name, wanted): &(String, Option<Measured>)| match Measured::of(&dir.join(name)) {
            Ok(found) => wanted.is_none_or(|wanted| wanted == found),
            Err(_) => copy.objects.is_some(),
        };
        objects::files(&copy).iter().all(is_there).then_some(copy)
    }

    fn read_file(dir: &Path, name: &str) -> Result<Option<Self>, Error> {
        let path = dir.join(name);
        let bytes = match fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Error::io(&path))?,
        };
        let damaged = |what: String| Error::Damaged { path: path.clone(), at: 0, what };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is no text".to_owned()))?;
        let (head, body) = text.split_once('\n').ok_or_else(|| damaged("no first line".to_owned()))?;
        let mut words = head.split(' ');
        let (magic, version, sum) = (words.next(), words.next(), words.next());
        if magic != Some(MAGIC) {
            return Err(damaged("no URBISMAN header".to_owned()));
        }
        let found = version.and_then(|v| v.parse().ok()).unwrap_or(0);
        if found > WITH_ORIGINS {
            return Err(Error::Version { path: path.clone(), found, known: WITH_ORIGINS });
        }
        if sum != Some(format!("{:08x}", crc32c::crc32c(body.as_bytes())).as_str()) {
            return Err(damaged("its checksum does not match".to_owned()));
        }
        serde_json::from_str(body).map(Some).map_err(|e| damaged(e.to_string()))
    }

    /// The segments of a table, oldest first.
    pub(crate) fn of(&self, table: Table) -> impl DoubleEndedIterator<Item = &SegmentMeta> {
        self.segments.iter().filter(move |meta| meta.table == table.name())
    }

    /// Puts new segments in the place of old ones.
    pub(crate) fn replace(&mut self, old: &[String], new: Vec<SegmentMeta>) {
        let is_old = |meta: &SegmentMeta| old.contains(&meta.file);
        let at = self.segments.iter().position(is_old).unwrap_or(self.segments.len());
        self.segments.retain(|meta| !is_old(meta));
        self.segments.splice(at..at, new);
    }

    /// Whether a file of the folder of segments belongs to it.
    pub(crate) fn names(&self, file: &str) -> bool {
        let zones = |meta: &SegmentMeta| {
            meta.zones.is_some() && Path::new(&meta.file).with_extension("zones") == Path::new(file)
        };
        let rows =
            |meta: &SegmentMeta| mapped::has_rows(meta) && mapped::path(Path::new(&meta.file)) == Path::new(file);
        self.segments.iter().any(|meta| meta.file == file || zones(meta) || rows(meta))
    }

    /// Its text.
    pub(crate) fn encode(&self) -> Result<String, Error> {
        let body =
            serde_json::to_string_pretty(self).map_err(|_| Error::defect("a manifest cannot be written as JSON"))?;
        let version = match (self.gone_us.is_empty(), &self.objects) {
            _ if self.of(Table::Origins).next().is_some() => WITH_ORIGINS,
            (false, _) => WITH_SUMMARIES,
            (true, Some(_)) => IN_STORE,
            (true, None) => IN_FOLDER,
        };
        Ok(format!("{MAGIC} {version} {:08x}\n{body}", crc32c::crc32c(body.as_bytes())))
    }

    /// Replaces it: all of the new one or all of the old one is there after a power cut. When this fails either may be there.
    pub(crate) fn write(&self, disk: &Disk, dir: &Path) -> Result<(), Error> {
        let text = self.encode()?;
        disk.replace(&dir.join(COPY), text.as_bytes())?;
        disk.replace(&dir.join(NAME), text.as_bytes())
    }
}
