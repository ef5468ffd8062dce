//! What opening does before the log takes records: leaves are reread and held against the signed root, derived files
//! that a crash spoilt are rewritten, and files beyond the checkpoint are moved aside and told of. Nothing that the
//! checkpoint vouches for is changed, and nothing at all is touched before the root was found right.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tlog_tiles::Checkpoint;

use super::Error;
use super::files::{Row, Tile, WIDTH, Writer, push_entry, split_entries};
use super::frontier::Frontier;
use super::replay::{Seen, replay};
use super::tree::Options;

/// A file that stood beyond the last checkpoint: the rest of an append that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where it stood, below the log's folder.
    pub path: PathBuf,
    /// Where it lies now.
    pub kept: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The state of a log whose root was found right.
pub(super) struct Recovered {
    pub frontier: Frontier,
    pub bundle: Vec<u8>,
    pub repaired: Vec<PathBuf>,
}

/// The state of the log under a checkpoint: of a large one from its right edge, else from all leaves.
pub(super) fn recover(
    dir: &Path,
    checkpoint: &Checkpoint,
    options: Options,
    may_write: bool,
) -> Result<Recovered, Error> {
    if checkpoint.size() > options.reread_upto {
        if let Some(edge) = edge(dir, checkpoint) {
            return Ok(edge);
        }
        tracing::warn!("the right edge of the log is not what was signed: all leaves are reread");
    }
    reread(dir, checkpoint, may_write)
}

/// The right edge read from its tiles, if that leads to the signed root.
fn edge(dir: &Path, checkpoint: &Checkpoint) -> Option<Recovered> {
    let size = checkpoint.size();
    let frontier = Frontier::read(size, |tile| tile.read(dir).map(|(bytes, _)| bytes).ok())?;
    let bundle = match size % WIDTH {
        0 => Vec::new(),
        width => {
            let tile = Tile { row: Row::Entries, number: size / WIDTH, width };
            let bytes = tile.read(dir).ok()?.0;
            let leaves = split_entries(&bytes, width)?;
            let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| tlog_tiles::record_hash(leaf).0).collect();
            let mut bundle = Vec::new();
            for leaf in &leaves {
                push_entry(&mut bundle, leaf);
            }
            (hashes == frontier.open_leaves()).then_some(bundle)?
        }
    };
    (frontier.root() == *checkpoint.hash()).then(|| Recovered { frontier, bundle, repaired: Vec::new() })
}

/// Whether there is any tile at all.
pub(super) fn has_tiles(dir: &Path) -> Result<bool, Error> {
    let first = Tile { row: Row::Entries, number: 0, width: WIDTH };
    Ok(dir.join(first.path()).is_file() || !tile_files(dir)?.is_empty())
}

/// Rereads every leaf and compares with the checkpoint; then rewrites tiles that are missing or wrong although the
/// leaves are right, unless nothing may be written: then what needs one of them fails when it is asked.
fn reread(dir: &Path, checkpoint: &Checkpoint, may_write: bool) -> Result<Recovered, Error> {
    let size = checkpoint.size();
    let mut spoilt = BTreeSet::new();
    let (frontier, bundle) = replay(dir, size, |seen| {
        match seen {
            Seen::Leaf { .. } => {}
            Seen::Tile(tile, bytes) => {
                if !fs::read(dir.join(tile.path())).is_ok_and(|stored| stored == bytes) {
                    spoilt.insert(tile);
                }
            }
        }
        Ok(())
    })?;
    let root = frontier.root();
    if root != *checkpoint.hash() {
        let first_bad = spoilt.iter().find(|tile| tile.row == Row::Hashes(0)).map(|tile| tile.number);
        return Err(Error::RootDiffers {
            size,
            computed: hex::encode(root.0),
            signed: hex::encode(checkpoint.hash().0),
            first_bad,
        });
    }
    for tile in spoilt.iter().filter(|_| !may_write) {
        let path = dir.join(tile.path());
        tracing::error!(path = %path.display(), "a tile is not what the leaves give; it is written anew where the folder can be written");
    }
    let repaired = if may_write { rewrite(dir, size, &spoilt)? } else { Vec::new() };
    Ok(Recovered { frontier, bundle, repaired })
}

/// Writes the named tiles anew from the leaves.
fn rewrite(dir: &Path, size: u64, spoilt: &BTreeSet<Tile>) -> Result<Vec<PathBuf>, Error> {
    if spoilt.is_empty() {
        return Ok(Vec::new());
    }
    let mut writer = Writer::new(dir);
    replay(dir, size, |seen| match seen {
        Seen::Tile(tile, bytes) if spoilt.contains(&tile) => writer.tile(tile, bytes),
        _ => Ok(()),
    })?;
    writer.finish()?;
    Ok(spoilt.iter().map(|tile| tile.path()).collect())
}

/// Every file below `tile/`, as a path below `dir`, in order.
pub(super) fn tile_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from("tile")];
    while let Some(folder) = folders.pop() {
        let path = dir.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::Io { doing: "list", path, source }),
        };
        for entry in entries {
            let entry = entry.map_err(Error::io("list", &path))?;
            let inside = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(Error::io("look at", &path))?;
            if kind.is_dir() { folders.push(inside) } else { files.push(inside) }
        }
    }
    files.sort();
    Ok(files)
}

/// Moves what stands beyond the checkpoint to `cut/`, and removes partial tiles whose full tile is there.
pub(super) fn cut(dir: &Path, size: u64) -> Result<Vec<Cut>, Error> {
    let mut beyond = vec![PathBuf::from("checkpoint.tmp")];
    for path in tile_files(dir)? {
        // Files that are no tiles are somebody else's and stay.
        let Some(tile) = Tile::from_path(&path) else { continue };
        if !tile.belongs_to(size) {
            beyond.push(path);
        } else if tile.width < WIDTH && (Tile { width: WIDTH, ..tile }).belongs_to(size) {
            remove_partials(dir, tile);
        }
    }
    beyond.retain(|path| dir.join(path).is_file());
    if beyond.is_empty() {
        return Ok(Vec::new());
    }
    let keep = free_name(dir, size);
    beyond.into_iter().map(|path| move_aside(dir, &keep, path)).collect()
}

fn free_name(dir: &Path, size: u64) -> PathBuf {
    let name = |i: u32| PathBuf::from(format!("cut/at-{size}.{i}"));
    (0..u32::MAX).map(name).find(|path| !dir.join(path).exists()).unwrap_or_else(|| name(u32::MAX))
}

fn move_aside(dir: &Path, keep: &Path, path: PathBuf) -> Result<Cut, Error> {
    let (from, kept) = (dir.join(&path), keep.join(&path));
    let to = dir.join(&kept);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let bytes = fs::metadata(&from).map_err(Error::io("look at", &from))?.len();
    fs::rename(&from, &to).map_err(Error::io("move aside", &from))?;
    Ok(Cut { path, kept, bytes })
}

/// Removes the partial tiles of a tile that is full now. They are only a convenience for readers, so a failure is
/// logged and the log goes on.
pub(super) fn remove_partials(dir: &Path, tile: Tile) {
    let partial = dir.join(Tile { width: 1, ..tile }.path());
    let Some(folder) = partial.parent() else { return };
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "superseded partial tiles could not be removed");
        }
        _ => {}
    }
}
