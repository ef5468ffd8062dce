//! A sorted file of the index: which leaves of a stretch of the log speak of which asset. It is made whole from its stretch
//! and never changed; every block of it has a checksum. Pairs go in, sorted; look-ups read one block.
//!
//! ```text
//! blocks   of 4096 bytes: 170 pairs of 16 bytes of the asset's hash and its leaf, 12 zeros, CRC-32C
//! starts   the first eight bytes of each block
//! end      "URBISIX1", first leaf, leaf after the last, pairs that are an asset's first leaf, pairs, the last leaf's
//!          hash, CRC-32C of starts and end
//! ```
//! Numbers are 64 bits, big-endian; the last block is filled up with ones.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Error;
use super::files::sync_folder;

/// The first half of an asset's hash.
pub(super) type AssetKey = [u8; 16];

const BLOCK: usize = 4_096;
const PAIR: usize = 24;
const PAIRS: usize = 170;
const MAGIC: &[u8; 8] = b"URBISIX1";
const END: usize = 8 + 4 * 8 + 32 + 4;

/// An open file.
#[derive(Debug)]
pub(super) struct Run {
    file: File,
    path: PathBuf,
    starts: Vec<[u8; 8]>,
    pub first: u64,
    pub end: u64,
    /// How many assets begin here.
    pub new_assets: u64,
    pairs: u64,
    /// Hash of the last leaf of the stretch.
    pub last_hash: [u8; 32],
}

impl Run {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let io = Error::io("read", path);
        let read = || -> std::io::Result<Option<Self>> {
            let file = File::open(path)?;
            let length = file.metadata()?.len() as usize;
            let Some(before) = length.checked_sub(END) else { return Ok(None) };
            let mut end = [0; END];
            file.read_exact_at(&mut end, before as u64)?;
            let number = |n: usize| u64::from_be_bytes(std::array::from_fn(|i| end[8 + n * 8 + i]));
            let blocks = number(3).div_ceil(PAIRS as u64) as usize;
            if &end[..8] != MAGIC || blocks.checked_mul(BLOCK + 8) != Some(before) {
                return Ok(None);
            }
            let mut starts = vec![0; blocks * 8];
            file.read_exact_at(&mut starts, (blocks * BLOCK) as u64)?;
            let sum = crc32c::crc32c_append(crc32c::crc32c(&starts), &end[..END - 4]);
            if end[END - 4..] != sum.to_be_bytes() {
                return Ok(None);
            }
            Ok(Some(Self {
                file,
                path: path.to_owned(),
                starts: starts.chunks_exact(8).map(|start| std::array::from_fn(|i| start[i])).collect(),
                first: number(0),
                end: number(1),
                new_assets: number(2),
                pairs: number(3),
                last_hash: std::array::from_fn(|i| end[40 + i]),
            }))
        };
        read().map_err(io)?.ok_or_else(|| Error::Index(path.to_owned()))
    }

    /// Adds the asset's leaves, oldest first.
    pub(super) fn leaves(&self, key: &AssetKey, out: &mut Vec<u64>) -> Result<(), Error> {
        // The first block whose start is not below may begin with it, the one before it may end with it.
        let from = self.starts.partition_point(|start| start[..] < key[..8]).saturating_sub(1);
        for block in from..self.starts.len() {
            if self.starts[block][..] > key[..8] {
                break;
            }
            let bytes = self.block(block)?;
            out.extend(pairs(&bytes).filter(|(asset, _)| asset == key).map(|(_, leaf)| leaf));
        }
        Ok(())
    }

    fn block(&self, number: usize) -> Result<[u8; BLOCK], Error> {
        let mut bytes = [0; BLOCK];
        self.file.read_exact_at(&mut bytes, (number * BLOCK) as u64).map_err(Error::io("read", &self.path))?;
        let is_right = bytes[BLOCK - 4..] == crc32c::crc32c(&bytes[..BLOCK - 4]).to_be_bytes();
        if is_right { Ok(bytes) } else { Err(Error::Index(self.path.clone())) }
    }

    /// All pairs in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Result<(AssetKey, u64), Error>> {
        (0..self.starts.len()).flat_map(|number| {
            let (block, failed) = match self.block(number) {
                Ok(bytes) => (pairs(&bytes).collect(), None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            block.into_iter().map(Ok).chain(failed)
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.pairs
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn pairs(block: &[u8; BLOCK]) -> impl Iterator<Item = (AssetKey, u64)> {
    let pair = |bytes: &[u8]| {
        let (asset, leaf) = (std::array::from_fn(|i| bytes[i]), std::array::from_fn(|i| bytes[16 + i]));
        (asset, u64::from_be_bytes(leaf))
    };
    block[..PAIRS * PAIR].chunks_exact(PAIR).map(pair).filter(|(_, leaf)| *leaf != u64::MAX)
}

/// What a run is made of.
pub(super) struct Made {
    pub first: u64,
    pub end: u64,
    pub new_assets: u64,
    pub last_hash: [u8; 32],
}

/// Writes a run of sorted pairs and opens it.
pub(super) fn write(
    dir: &Path,
    made: &Made,
    sorted: impl Iterator<Item = Result<(AssetKey, u64), Error>>,
) -> Result<Run, Error> {
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let path = dir.join(name(made.first, made.end));
    let beside = path.with_extension("tmp");
    let file = File::create(&beside).map_err(Error::io("create", &beside))?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let mut starts = Vec::new();
    let mut block = Vec::with_capacity(BLOCK);
    let mut count = 0_u64;
    for pair in sorted {
        let (asset, leaf) = pair?;
        if block.is_empty() {
            starts.extend_from_slice(&asset[..8]);
        }
        block.extend_from_slice(&asset);
        block.extend_from_slice(&leaf.to_be_bytes());
        count += 1;
        if block.len() == PAIRS * PAIR {
            flush(&mut out, &mut block).map_err(Error::io("write", &beside))?;
        }
    }
    if !block.is_empty() {
        flush(&mut out, &mut block).map_err(Error::io("write", &beside))?;
    }
    let mut end = MAGIC.to_vec();
    for n in [made.first, made.end, made.new_assets, count] {
        end.extend_from_slice(&n.to_be_bytes());
    }
    end.extend_from_slice(&made.last_hash);
    let sum = crc32c::crc32c_append(crc32c::crc32c(&starts), &end);
    end.extend_from_slice(&sum.to_be_bytes());
    let finish = || -> std::io::Result<()> {
        out.write_all(&starts)?;
        out.write_all(&end)?;
        out.into_inner()?.sync_data()
    };
    finish().map_err(Error::io("write", &beside))?;
    fs::rename(&beside, &path).map_err(Error::io("replace", &path))?;
    sync_folder(dir)?;
    Run::open(&path)
}

fn flush(out: &mut impl Write, block: &mut Vec<u8>) -> std::io::Result<()> {
    block.resize(PAIRS * PAIR, u8::MAX);
    block.resize(BLOCK - 4, 0);
    let sum = crc32c::crc32c(block);
    block.extend_from_slice(&sum.to_be_bytes());
    out.write_all(block)?;
    block.clear();
    Ok(())
}

fn name(first: u64, end: u64) -> String {
    format!("{first:015}-{end:015}.run")
}

/// First and end of a run by its file's name.
pub(super) fn range_of(path: &Path) -> Option<(u64, u64)> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".run")?;
    let (first, end) = stem.split_once('-')?;
    let (first, end) = (first.parse().ok()?, end.parse().ok()?);
    (name(first, end) == path.file_name()?.to_str()?).then_some((first, end))
}
