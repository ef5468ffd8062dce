//! The shared data's place, a sink that keeps everything, and files made for one test.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use connectors_files::{Error, Options, Summary, read_file};
use kernel_model::{Change, EntityDraft, Kind, Rejection, Sink, SinkError};

/// A file of the shared data; `None` where it is not there (in CI that is a failure).
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("URBIS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = root.join("data").join(path);
    if !file.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", file.display());
        println!("left out: needs ../shared/data/{path}");
        return None;
    }
    Some(file)
}

/// Keeps everything.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) changes: Vec<Change>,
    pub(crate) refused: Vec<Rejection>,
    pub(crate) progress: u64,
}

impl Sink for Kept {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        self.changes.push(change);
        Ok(())
    }

    fn refused(&mut self, rejection: Rejection) {
        self.refused.push(rejection);
    }

    fn progress(&mut self, bytes_read: u64) {
        self.progress = self.progress.max(bytes_read);
    }
}

impl Kept {
    pub(crate) fn entities(&self) -> impl Iterator<Item = &EntityDraft> {
        self.changes.iter().filter_map(|c| if let Change::Entity(draft) = c { Some(draft) } else { None })
    }

    pub(crate) fn entity(&self, id: &str) -> &EntityDraft {
        self.entities().find(|e| &*e.source.id == id).unwrap_or_else(|| panic!("no entity {id}"))
    }

    pub(crate) fn kinds(&self) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        self.entities().for_each(|e| *kinds.entry(e.kind).or_default() += 1);
        kinds
    }

    pub(crate) fn reasons(&self) -> Vec<&str> {
        self.refused.iter().map(|r| r.reason.as_str()).collect()
    }
}

pub(crate) fn read(path: &Path, options: &Options) -> Result<(Summary, Kept), Error> {
    let mut kept = Kept::default();
    let summary = read_file(path, options, &mut kept)?;
    assert_eq!(summary.records_refused, kept.refused.len() as u64);
    Ok((summary, kept))
}

pub(crate) fn with_crs(crs: &str) -> Options {
    Options { crs: Some(crs.to_owned()), ..Options::default() }
}

/// A file of these bytes, gone after the test.
pub(crate) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    (folder, path)
}

pub(crate) fn read_bytes(name: &str, bytes: &[u8], options: &Options) -> Result<(Summary, Kept), Error> {
    let (_folder, path) = file(name, bytes);
    read(&path, options)
}

/// A message is one line.
pub(crate) fn one_line(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// Whether one of GDAL's programs is here (in CI it has to be).
pub(crate) fn gdal(program: &str) -> Option<()> {
    let is_there = std::process::Command::new(program).arg("--version").output().is_ok();
    assert!(is_there || std::env::var_os("CI").is_none(), "{program} is missing: apt-get install gdal-bin");
    if !is_there {
        println!("left out: needs GDAL's {program}");
    }
    is_there.then_some(())
}
