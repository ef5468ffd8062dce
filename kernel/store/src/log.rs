//! The log: commits in order, each in one checksummed record, synced before `append` returns.
//!
//! A file: magic `URBISLOG`, version u32, 4 zero bytes; then records: payload length u32, CRC-32C u32 over sequence and
//! payload, sequence u64, payload; all little-endian. Files are named by the first sequence they may hold. A tail that
//! was being written when the power went is cut and reported. A record of which one bit is not as it was written is read as
//! it was written, and reported; any other damage before the tail is an error, never cut.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use kernel_model::Sequence;

use crate::disk::{Disk, DiskFile};
use crate::error::Error;
use crate::flusher::{Durability, Flusher};
use crate::onebit;

const MAGIC: &[u8; 8] = b"URBISLOG";
const VERSION: u32 = 3;
const HEADER: u64 = 16;
const RECORD: usize = 16;

/// Bytes at the end of the log that were never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// Which file.
    pub path: PathBuf,
    /// Where the good part ends.
    pub at: u64,
    /// How many bytes were left aside.
    pub bytes: u64,
}

/// The file being appended to.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Disk,
    dir: PathBuf,
    path: PathBuf,
    file: DiskFile,
    len: u64,
    /// The commit that the next record holds, if nothing comes between.
    next: Sequence,
    /// Why what was written in vain could not be cut off.
    broken: Option<String>,
    durability: Durability,
    /// Syncs where commits do not.
    flusher: Option<Flusher>,
}

impl Log {
    /// Begins a new file whose first record will be `first`, of which no file holds any.
    pub(crate) fn create(disk: &Disk, dir: &Path, first: Sequence, durability: Durability) -> Result<Self, Error> {
        let path = dir.join(format!("{:020}.log", first.0));
        let begun = begin(disk, &path).and_then(|file| disk.sync_folder(dir).map(|()| file));
        if begun.is_err() {
            // A file that was not begun must not look like the newest one.
            drop(disk.remove(&path));
        }
        Self::over(disk, path, begun?, (HEADER, first), durability)
    }

    /// Goes on with an existing file after its last good record, with the commit `next`.
    pub(crate) fn resume(
        disk: &Disk,
        path: PathBuf,
        (len, next): (u64, Sequence),
        durability: Durability,
    ) -> Result<Self, Error> {
        let mut file = disk.open(&path)?;
        file.cut(len).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
        Self::over(disk, path, file, (len, next), durability)
    }

    fn over(
        disk: &Disk,
        path: PathBuf,
        file: DiskFile,
        (len, next): (u64, Sequence),
        durability: Durability,
    ) -> Result<Self, Error> {
        let flusher = match durability {
            Durability::EveryCommit => None,
            Durability::Within(interval) => Some(Flusher::start(file.try_clone().map_err(Error::io(&path))?, interval)),
        };
        let dir = path.parent().unwrap_or(&path).to_owned();
        Ok(Self { disk: disk.clone(), dir, path, file, len, next, broken: None, durability, flusher })
    }

    /// Goes on in a new file whose first record will be `first`; what the old one holds is synced. A file that holds nothing
    /// yet stays.
    pub(crate) fn turn_over(&mut self, first: Sequence) -> Result<(), Error> {
        if let Some(why) = self.broken.take() {
            self.put_back(&why)?;
        }
        if self.len == HEADER && self.next == first { Ok(()) } else { self.begin_next(first) }
    }

    /// Goes on in a new file, whatever this one holds.
    pub(crate) fn begin_next(&mut self, first: Sequence) -> Result<(), Error> {
        let next = Self::create(&self.disk, &self.dir, first, self.durability)?;
        drop(std::mem::replace(self, next));
        Ok(())
    }

    /// Writes one record and syncs it, at once or within the interval. A record that does not follow the one before begins a
    /// new file. After an error nothing of the record is there, unless the error is [`Error::Poisoned`].
    pub(crate) fn append(&mut self, sequence: Sequence, payload: &[u8]) -> Result<(), Error> {
        if let Some(why) = self.flusher.as_ref().and_then(Flusher::failure) {
            return Err(Error::Poisoned(why));
        }
        if let Some(why) = self.broken.take() {
            self.put_back(&why)?;
        }
        if sequence != self.next {
            self.turn_over(sequence)?;
        }
        let record = frame(sequence, payload);
        let written = self.file.write_all(&record).and_then(|()| match &self.flusher {
            None => self.file.sync_data(),
            Some(flusher) => {
                flusher.note();
                Ok(())
            }
        });
        if let Err(source) = written {
            self.put_back(&source.to_string())?;
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.len += record.len() as u64;
        self.next = Sequence(sequence.0 + 1);
        Ok(())
    }

    /// Cuts off what was written in vain. Where that fails it is tried again before anything else is written: until then
    /// nobody knows whether a restart would find it.
    fn put_back(&mut self, cause: &str) -> Result<(), Error> {
        let cut = self.file.cut(self.len).and_then(|()| self.file.sync_data());
        cut.map_err(|_| {
            self.broken = Some(cause.to_owned());
            Error::Poisoned(cause.to_owned())
        })
    }

    /// The folder of the log files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A new file with its header, synced.
fn begin(disk: &Disk, path: &Path) -> Result<DiskFile, Error> {
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend([0; 4]);
    let mut file = disk.create(path)?;
    file.write_all(&header).and_then(|()| file.sync_all()).map_err(Error::io(path))?;
    Ok(file)
}

fn frame(sequence: Sequence, payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(RECORD + payload.len());
    record.extend((payload.len() as u32).to_le_bytes());
    record.extend(checksum(sequence, payload).to_le_bytes());
    record.extend(sequence.0.to_le_bytes());
    record.extend(payload);
    record
}

fn checksum(sequence: Sequence, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&sequence.0.to_le_bytes()), payload)
}

/// The log files of a folder, oldest first.
pub(crate) fn files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io(dir))? {
        let path = entry.map_err(Error::io(dir))?.path();
        if path.extension().is_some_and(|e| e == "log") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The first commit that a file may hold, by its name.
pub(crate) fn first_of(path: &Path) -> Option<Sequence> {
    path.file_stem()?.to_str()?.parse().ok().map(Sequence)
}

/// How many of the files, oldest first, may hold records: of the last of them the tail may be torn. Those after it were only
/// begun.
pub(crate) fn with_records(files: &[PathBuf]) -> usize {
    let holds = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > HEADER);
    files.iter().rposition(holds).map_or(0, |at| at + 1)
}

/// What reading one file found.
pub(crate) struct Replayed {
    /// Length of the good part.
    pub(crate) len: u64,
    /// What came after it, if anything.
    pub(crate) torn: Option<TornTail>,
    /// Written by an older program, which must not find what is new in it.
    pub(crate) is_old: bool,
    /// The commit after the last one in it.
    pub(crate) next: Option<Sequence>,
    /// Bytes in which one bit was not as it was written.
    pub(crate) mended: Vec<u64>,
}

/// Reads one file and hands every record to `each`. Only the newest file may have a torn tail.
pub(crate) fn replay(
    path: &Path,
    newest: bool,
    mut each: impl FnMut(Sequence, &[u8]) -> Result<(), Error>,
) -> Result<Replayed, Error> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut f| f.read_to_end(&mut bytes)).map_err(Error::io(path))?;
    let damaged =
        |at: usize, what: &str| Error::Damaged { path: path.to_owned(), at: at as u64, what: what.to_owned() };
    let mut found = Replayed { len: 0, torn: None, is_old: false, next: None, mended: Vec::new() };
    if bytes.len() < HEADER as usize && newest {
        found.torn = Some(torn(path, 0, bytes.len()));
        return Ok(found);
    }
    let magic = bytes.get(..8).map_or(u32::MAX, |magic| bits_between(magic, MAGIC));
    if bytes.len() < HEADER as usize || magic > 1 {
        return Err(damaged(0, "no URBISLOG header"));
    }
    found.mended.extend((magic == 1).then_some(0));
    let version = le_u32(&bytes, 8);
    if version > VERSION {
        return Err(Error::Version { path: path.to_owned(), found: version, known: VERSION });
    }
    found.is_old = version < VERSION;
    let mut at = HEADER as usize;
    while at < bytes.len() {
        if let Some((sequence, payload)) = parse(&bytes, at) {
            each(sequence, payload)?;
            (at, found.next) = (at + RECORD + payload.len(), Some(Sequence(sequence.0 + 1)));
        } else if let Some(bit) = turned(&bytes, at) {
            // What follows is read as it was written; the file stays as it is.
            bytes[bit / 8] ^= 1 << (bit % 8);
            found.mended.push(bit as u64 / 8);
        } else if newest && !good_record_follows(&bytes, at, first_of(path).unwrap_or_default()) {
            found.torn = Some(torn(path, at, bytes.len()));
            break;
        } else {
            return Err(damaged(at, "a record does not match its checksum and good ones follow it"));
        }
    }
    found.len = at as u64;
    Ok(found)
}

fn torn(path: &Path, at: usize, end: usize) -> TornTail {
    TornTail { path: path.to_owned(), at: at as u64, bytes: (end - at) as u64 }
}

fn le_u32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn parse(bytes: &[u8], at: usize) -> Option<(Sequence, &[u8])> {
    let head = bytes.get(at..at + RECORD)?;
    let len = le_u32(head, 0) as usize;
    let sequence = Sequence(u64::from(le_u32(head, 12)) << 32 | u64::from(le_u32(head, 8)));
    let payload = bytes.get(at + RECORD..at.checked_add(RECORD + len)?)?;
    (checksum(sequence, payload) == le_u32(head, 4)).then_some((sequence, payload))
}

/// In how many bits two pieces of equal length differ.
fn bits_between(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// The bit of the file that was turned over, if a single one is what is wrong with a record.
fn turned(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..at + RECORD)?;
    let (len, sum) = (le_u32(head, 0), le_u32(head, 4));
    let summed = |len: u32| bytes.get(at + 8..(at + RECORD).checked_add(len as usize)?);
    if let Some(summed) = summed(len) {
        let found = crc32c::crc32c(summed);
        if (found ^ sum).is_power_of_two() {
            return Some((at + 4) * 8 + (found ^ sum).trailing_zeros() as usize);
        }
        if let Some(bit) = onebit::turned(sum, found, summed.len()) {
            return Some((at + 8) * 8 + bit);
        }
    }
    let fits = |bit: &u32| summed(len ^ (1 << bit)).is_some_and(|summed| crc32c::crc32c(summed) == sum);
    (0..32).find(fits).map(|bit| at * 8 + bit as usize)
}

/// Whether a good record begins anywhere after `at`: then what stands there is damage, and no torn tail.
fn good_record_follows(bytes: &[u8], at: usize, first: Sequence) -> bool {
    (at + 1..bytes.len().saturating_sub(RECORD - 1)).any(|at| {
        // No file holds so many that the upper half counts on.
        let plausible = le_u32(bytes, at + 12) == (first.0 >> 32) as u32 && le_u32(bytes, at + 8) >= first.0 as u32;
        plausible && first.0 > 0 && parse(bytes, at).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path) -> PathBuf {
        let mut log = Log::create(&Disk::default(), dir, Sequence(1), Durability::EveryCommit).unwrap();
        for n in 1..=3_u64 {
            log.append(Sequence(n), format!("commit {n}").as_bytes()).unwrap();
        }
        log.path.clone()
    }

    fn read(path: &Path) -> Result<(Vec<u64>, Option<TornTail>), Error> {
        let mut seen = Vec::new();
        let replayed = replay(path, true, |sequence, _| {
            seen.push(sequence.0);
            Ok(())
        })?;
        Ok((seen, replayed.torn))
    }

    #[test]
    fn every_cut_of_the_tail_loses_only_the_tail() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (seen, torn) = read(&path).unwrap();
            assert!(seen.len() <= 3 && seen.iter().copied().eq(1..=seen.len() as u64));
            let record = RECORD + "commit 1".len();
            assert_eq!(seen.len(), cut.saturating_sub(HEADER as usize) / record);
            let clean = cut >= HEADER as usize && (cut - HEADER as usize).is_multiple_of(record);
            assert_eq!(torn.is_none(), clean, "cut at {cut}");
        }
    }

    #[test]
    fn one_turned_bit_loses_nothing_and_worse_damage_is_never_cut_silently() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            match read(&path) {
                Ok(read) => assert_eq!(read, (vec![1, 2, 3], None), "bit {bit}"),
                Err(error) => {
                    assert!(matches!(error, Error::Version { .. }) && (8..12).contains(&(bit / 8)), "{error}");
                }
            }
        }
        let record = RECORD + "commit 1".len();
        for first in HEADER as usize..good.len() - record - 2 {
            let mut bytes = good.clone();
            bytes[first..first + 3].iter_mut().for_each(|byte| *byte ^= 0x55);
            fs::write(&path, &bytes).unwrap();
            assert!(matches!(read(&path), Err(Error::Damaged { .. })), "bytes {first} to {}", first + 3);
        }
    }

    #[test]
    fn a_resumed_log_goes_on_after_the_last_good_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        let good = bytes.len() as u64;
        bytes.extend([7; 9]);
        fs::write(&path, &bytes).unwrap();
        let replayed = replay(&path, true, |_, _| Ok(())).unwrap();
        assert_eq!((replayed.len, replayed.torn.unwrap().bytes), (good, 9));
        let mut log =
            Log::resume(&Disk::default(), path.clone(), (good, Sequence(4)), Durability::EveryCommit).unwrap();
        log.append(Sequence(4), b"commit 4").unwrap();
        assert_eq!(read(&path).unwrap().0, [1, 2, 3, 4]);
    }
}
