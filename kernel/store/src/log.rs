//! The log: commits in order, each in one checksummed record, synced before `append` returns.
//!
//! A file: magic `URBISLOG`, version u32, 4 zero bytes; then records: payload length u32, CRC-32C u32 over sequence and
//! payload, sequence u64, payload; all little-endian. Files are named by the first sequence they may hold. A tail that
//! was being written when the power went is cut and reported; damage before the tail is an error, never cut.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kernel_model::Sequence;

use crate::error::Error;
use crate::flusher::{Durability, Flusher};

const MAGIC: &[u8; 8] = b"URBISLOG";
const VERSION: u32 = 2;
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
    dir: PathBuf,
    path: PathBuf,
    file: File,
    len: u64,
    broken: Option<String>,
    durability: Durability,
    /// Syncs where commits do not.
    flusher: Option<Flusher>,
}

impl Log {
    /// Begins a new file whose first record will be `first`.
    pub(crate) fn create(dir: &Path, first: Sequence, durability: Durability) -> Result<Self, Error> {
        let path = dir.join(format!("{:020}.log", first.0));
        let begun = begin(&path).and_then(|file| sync_dir(dir).map(|()| file));
        if begun.is_err() {
            // A file that was not begun must not look like the newest one.
            drop(fs::remove_file(&path));
        }
        Self::over(dir, path, begun?, HEADER, durability)
    }

    /// Goes on with an existing file after its last good record.
    pub(crate) fn resume(dir: &Path, path: PathBuf, len: u64, durability: Durability) -> Result<Self, Error> {
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io(&path))?;
        let cut = file.set_len(len).and_then(|()| file.sync_all()).and_then(|()| file.seek(SeekFrom::End(0)));
        cut.map_err(Error::io(&path))?;
        Self::over(dir, path, file, len, durability)
    }

    fn over(dir: &Path, path: PathBuf, file: File, len: u64, durability: Durability) -> Result<Self, Error> {
        let flusher = match durability {
            Durability::EveryCommit => None,
            Durability::Within(interval) => Some(Flusher::start(file.try_clone().map_err(Error::io(&path))?, interval)),
        };
        Ok(Self { dir: dir.to_owned(), path, file, len, broken: None, durability, flusher })
    }

    /// Goes on in a new file whose first record will be `first`; what the old one holds is synced.
    pub(crate) fn turn_over(&mut self, first: Sequence) -> Result<(), Error> {
        let next = Self::create(&self.dir, first, self.durability)?;
        drop(std::mem::replace(self, next));
        Ok(())
    }

    /// Writes one record and syncs it, at once or within the interval. After an error nothing of the record is there.
    pub(crate) fn append(&mut self, sequence: Sequence, payload: &[u8]) -> Result<(), Error> {
        if let Some(why) = &self.broken {
            return Err(Error::Poisoned(why.clone()));
        }
        let record = frame(sequence, payload);
        if let Some(why) = self.flusher.as_ref().and_then(Flusher::failure) {
            self.broken = Some(why.clone());
            return Err(Error::Poisoned(why));
        }
        let written = self.file.write_all(&record).and_then(|()| match &self.flusher {
            None => self.file.sync_data(),
            Some(flusher) => {
                flusher.note();
                Ok(())
            }
        });
        if let Err(source) = written {
            self.put_back(&source);
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.len += record.len() as u64;
        Ok(())
    }

    fn put_back(&mut self, cause: &std::io::Error) {
        let cut = self.file.set_len(self.len).and_then(|()| self.file.seek(SeekFrom::Start(self.len)));
        if cut.and_then(|_| self.file.sync_data()).is_err() {
            self.broken = Some(cause.to_string());
        }
    }

    /// The folder of the log files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A new file with its header, synced.
fn begin(path: &Path) -> Result<File, Error> {
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend([0; 4]);
    let mut file = File::create(path).map_err(Error::io(path))?;
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

/// Syncs a folder, so that names in it survive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(Error::io(dir))
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

/// What reading one file found.
pub(crate) struct Replayed {
    /// Length of the good part.
    pub(crate) len: u64,
    /// What came after it, if anything.
    pub(crate) torn: Option<TornTail>,
    /// Written by an older program, which must not find what is new in it.
    pub(crate) is_old: bool,
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
    if bytes.len() < HEADER as usize && newest {
        return Ok(Replayed { len: 0, torn: Some(torn(path, 0, bytes.len())), is_old: false });
    }
    if bytes.len() < HEADER as usize || &bytes[..8] != MAGIC {
        return Err(damaged(0, "no URBISLOG header"));
    }
    let version = le_u32(&bytes, 8);
    if version > VERSION {
        return Err(Error::Version { path: path.to_owned(), found: version, known: VERSION });
    }
    let mut at = HEADER as usize;
    while at < bytes.len() {
        match parse(&bytes, at) {
            Some((sequence, payload)) => {
                each(sequence, payload)?;
                at += RECORD + payload.len();
            }
            None if newest && !good_record_follows(&bytes, at) => {
                let torn = Some(torn(path, at, bytes.len()));
                return Ok(Replayed { len: at as u64, torn, is_old: version < VERSION });
            }
            None => return Err(damaged(at, "a record does not match its checksum and good ones follow it")),
        }
    }
    Ok(Replayed { len: at as u64, torn: None, is_old: version < VERSION })
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

fn good_record_follows(bytes: &[u8], at: usize) -> bool {
    let Some(head) = bytes.get(at..at + 4) else { return false };
    let next = at.saturating_add(RECORD).saturating_add(le_u32(head, 0) as usize);
    next < bytes.len() && parse(bytes, next).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path) -> PathBuf {
        let mut log = Log::create(dir, Sequence(1), Durability::EveryCommit).unwrap();
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
    fn damage_before_the_tail_is_never_cut_silently() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER as usize + RECORD] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(&path), Err(Error::Damaged { .. })));
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
        Log::resume(dir.path(), path.clone(), good, Durability::EveryCommit)
            .unwrap()
            .append(Sequence(4), b"commit 4")
            .unwrap();
        assert_eq!(read(&path).unwrap().0, [1, 2, 3, 4]);
    }
}
