//! Paths and bytes of c2sp.org/tlog-tiles: tile coordinates in, files out. A file is written whole and synced, and one
//! that a checkpoint vouches for is never written again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Error;

/// Hashes or entries in a full tile.
pub(super) const WIDTH: u64 = 256;

/// Which column of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    /// `tile/entries`.
    Entries,
    /// `tile/<level>`.
    Hashes(u8),
}

/// One tile file: full if `width` is 256, else partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile {
    pub row: Row,
    pub number: u64,
    pub width: u64,
}

impl Tile {
    /// Path below the log's folder.
    pub(super) fn path(self) -> PathBuf {
        let row = match self.row {
            Row::Entries => "entries".to_owned(),
            Row::Hashes(level) => level.to_string(),
        };
        let mut groups = vec![format!("{:03}", self.number % 1000)];
        let mut rest = self.number / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        let name = groups.join("/");
        match self.width {
            WIDTH => PathBuf::from(format!("tile/{row}/{name}")),
            width => PathBuf::from(format!("tile/{row}/{name}.p/{width}")),
        }
    }

    /// The tile of a path below the log's folder; `None` where it is no tile's path.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let (row, name) = text.strip_prefix("tile/")?.split_once('/')?;
        let row = match row {
            "entries" => Row::Entries,
            level => Row::Hashes(level.parse().ok().filter(|level| *level < 64)?),
        };
        let (digits, width) = match name.split_once(".p/") {
            Some((digits, width)) => (digits, width.parse().ok()?),
            None => (name, WIDTH),
        };
        let mut number = 0_u64;
        for group in digits.split('/') {
            let value: u64 = group.trim_start_matches('x').parse().ok()?;
            number = number.checked_mul(1000)?.checked_add(value)?;
        }
        let tile = Self { row, number, width };
        // Printing it back refuses every other spelling.
        (tile.path() == path).then_some(tile)
    }

    /// How many leaves of the log one slot of this row stands for.
    fn leaves_per_slot(self) -> u64 {
        match self.row {
            Row::Entries => 1,
            Row::Hashes(level) => 1_u64.checked_shl(8 * u32::from(level)).unwrap_or(u64::MAX),
        }
    }

    /// Whether a log of `size` leaves has this file, now or as a partial tile that an earlier checkpoint needed.
    pub(super) fn belongs_to(self, size: u64) -> bool {
        let slots = size / self.leaves_per_slot();
        let (full, partial) = (slots / WIDTH, slots % WIDTH);
        match self.width {
            WIDTH => self.number < full,
            width => self.number < full || (self.number == full && width <= partial),
        }
    }

    /// The bytes of the tile: of its own file, or of the wider full one that replaced it.
    pub(super) fn read(self, dir: &Path) -> Result<(Vec<u8>, PathBuf), Error> {
        let path = dir.join(self.path());
        match fs::read(&path) {
            Ok(bytes) => Ok((bytes, path)),
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.width < WIDTH => {
                let full = dir.join(Self { width: WIDTH, ..self }.path());
                match fs::read(&full) {
                    Ok(bytes) => Ok((bytes, full)),
                    Err(_) => Err(missing(path)),
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(missing(path)),
            Err(source) => Err(Error::Io { doing: "read", path, source }),
        }
    }
}

fn missing(path: PathBuf) -> Error {
    Error::Damaged { path, what: "the file is missing".to_owned() }
}

/// Writes files and remembers which folders have to be synced so that the files' names last too.
pub(super) struct Writer<'a> {
    dir: &'a Path,
    folders: BTreeSet<PathBuf>,
    /// Written and not yet synced: the file system syncs many files together much faster than one after the other.
    unsynced: Vec<(PathBuf, File)>,
}

/// The most files held open before they are synced.
const UNSYNCED: usize = 64;

impl<'a> Writer<'a> {
    pub(super) fn new(dir: &'a Path) -> Self {
        Self { dir, folders: BTreeSet::new(), unsynced: Vec::new() }
    }

    /// Writes one tile; it is on disk when [`Writer::finish`] returns.
    pub(super) fn tile(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), Error> {
        let path = self.dir.join(tile.path());
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        let mut file = File::create(&path).map_err(Error::io("create", &path))?;
        file.write_all(bytes).map_err(Error::io("write", &path))?;
        self.unsynced.push((path, file));
        if self.unsynced.len() == UNSYNCED { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.unsynced.drain(..).try_for_each(|(path, file)| file.sync_data().map_err(Error::io("sync", &path)))
    }

    fn folder(&mut self, folder: &Path) -> Result<(), Error> {
        if self.folders.insert(folder.to_owned()) && !folder.is_dir() {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            let above = folder.ancestors().skip(1).take_while(|path| path.starts_with(self.dir));
            self.folders.extend(above.map(Path::to_owned));
        }
        Ok(())
    }

    /// Makes everything written last, and the names of it.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.sync()?;
        self.folders.iter().try_for_each(|folder| sync_folder(folder))
    }
}

/// Writes a whole file and waits until it is on disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = File::create(path).map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    file.sync_data().map_err(Error::io("sync", path))
}

/// Puts new content in a file's place so that a reader sees the old or the new, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("tmp");
    write_synced(&beside, bytes)?;
    fs::rename(&beside, path).map_err(Error::io("replace", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(Error::io("sync the folder", folder))
}

/// Adds one entry to an entry bundle: its length in two bytes, big-endian, then itself.
pub(super) fn push_entry(bundle: &mut Vec<u8>, leaf: &[u8]) {
    bundle.extend_from_slice(&(leaf.len() as u16).to_be_bytes());
    bundle.extend_from_slice(leaf);
}

/// The first `width` entries of a bundle; `None` where it does not hold so many whole ones.
pub(super) fn split_entries(bundle: &[u8], width: u64) -> Option<Vec<&[u8]>> {
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(width as usize);
    while entries.len() < width as usize {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |row, number, width| Tile { row, number, width };
        for (tile, path) in [
            (tile(Row::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067"),
            (tile(Row::Hashes(1), 0, 17), "tile/1/000.p/17"),
            (tile(Row::Entries, 273, 112), "tile/entries/273.p/112"),
        ] {
            assert_eq!(tile.path(), Path::new(path));
            assert_eq!(Tile::from_path(Path::new(path)), Some(tile));
        }
        for wrong in
            ["tile/0/67", "tile/64/000", "tile/0/000.p/256", "tile/0/000.p/07", "tile/x/000", "tile/0/x000/001"]
        {
            assert_eq!(Tile::from_path(Path::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_log_of_70000_has_the_tiles_of_the_specification() {
        let has = |row, number, width| Tile { row, number, width }.belongs_to(70_000);
        assert!(has(Row::Hashes(0), 272, 256) && !has(Row::Hashes(0), 273, 256));
        assert!(has(Row::Hashes(0), 273, 112) && !has(Row::Hashes(0), 273, 113));
        assert!(has(Row::Hashes(1), 0, 256) && has(Row::Hashes(1), 1, 17) && !has(Row::Hashes(1), 1, 18));
        assert!(has(Row::Hashes(2), 0, 1) && !has(Row::Hashes(3), 0, 1));
    }

    #[test]
    fn a_bundle_holds_its_entries_and_a_cut_one_does_not() {
        let mut bundle = Vec::new();
        push_entry(&mut bundle, b"one");
        push_entry(&mut bundle, b"");
        assert_eq!(bundle, b"\0\x03one\0\0");
        assert_eq!(split_entries(&bundle, 2), Some(vec![b"one".as_slice(), b""]));
        assert_eq!(split_entries(&bundle[..6], 2), None);
        assert_eq!(split_entries(&bundle, 3), None);
    }
}
