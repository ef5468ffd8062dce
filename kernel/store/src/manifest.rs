//! The manifest: which segments exist and up to which commit they hold everything. One small file, replaced atomically;
//! its first line is `URBISMAN <version> <CRC-32C of the rest in hex>`, the rest is JSON.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use kernel_model::Sequence;
use kernel_model::schema::Table;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::log::sync_dir;
use crate::parts::SegmentMeta;

const MAGIC: &str = "URBISMAN";
/// Of a folder whose segments are in it, and of one whose segments are in an object store, which older programs would miss.
const IN_FOLDER: u32 = 3;
const IN_STORE: u32 = 4;

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
    /// The object store in which all files are that it names: `s3://bucket/prefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) objects: Option<String>,
    /// The folder's own mark, by which it knows its objects again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<String>,
}

impl Manifest {
    /// Reads it; a folder without one has nothing sealed.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("manifest");
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(Error::io(&path))?,
        };
        let damaged = |what: String| Error::Damaged { path: path.clone(), at: 0, what };
        let (head, body) = text.split_once('\n').ok_or_else(|| damaged("no first line".to_owned()))?;
        let mut words = head.split(' ');
        let (magic, version, sum) = (words.next(), words.next(), words.next());
        if magic != Some(MAGIC) {
            return Err(damaged("no URBISMAN header".to_owned()));
        }
        let found = version.and_then(|v| v.parse().ok()).unwrap_or(0);
        if found > IN_STORE {
            return Err(Error::Version { path: path.clone(), found, known: IN_STORE });
        }
        if sum != Some(format!("{:08x}", crc32c::crc32c(body.as_bytes())).as_str()) {
            return Err(damaged("its checksum does not match".to_owned()));
        }
        serde_json::from_str(body).map_err(|e| damaged(e.to_string()))
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
        self.segments.iter().any(|meta| meta.file == file || zones(meta))
    }

    /// Its text.
    pub(crate) fn encode(&self) -> Result<String, Error> {
        let body =
            serde_json::to_string_pretty(self).map_err(|_| Error::defect("a manifest cannot be written as JSON"))?;
        let version = if self.objects.is_some() { IN_STORE } else { IN_FOLDER };
        Ok(format!("{MAGIC} {version} {:08x}\n{body}", crc32c::crc32c(body.as_bytes())))
    }

    /// Replaces it: all of the new one or all of the old one is there after a power cut.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join("manifest");
        let text = self.encode()?;
        let beside = dir.join("manifest.part");
        let written = File::create(&beside).and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all()));
        written.and_then(|()| fs::rename(&beside, &path)).map_err(Error::io(&path))?;
        sync_dir(dir)
    }
}
