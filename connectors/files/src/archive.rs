//! Files that belong together: the members of a zip archive, or the files of a folder. Names in, readers out, each reading
//! its own stretch of the archive, so that several can be read side by side. Nothing is unpacked to disk; a member gives no
//! more bytes than the archive's directory states, and its checksum is compared at its end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use crate::error::Error;
use crate::input::Input;

/// Members an archive may have.
const MAX_MEMBERS: usize = 100_000;
/// Bytes a member may have unpacked: 64 GiB.
const MAX_MEMBER_BYTES: u64 = 64 << 30;
/// Times a member may grow when it is unpacked; deflate itself reaches 1032.
const MAX_GROWTH: u64 = 1100;

/// The files that belong together.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// What messages call it.
    name: String,
    path: PathBuf,
    members: Vec<Member>,
}

/// One file of them.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its name with folders, `/` between them.
    pub(crate) name: String,
    /// Its bytes, unpacked.
    pub(crate) size: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Packed {
        at: u64,
        packed: u64,
        deflated: bool,
        crc: u32,
    },
    /// What cannot be read, and why.
    Unreadable(&'static str),
}

impl Bundle {
    /// The members of a zip archive, or the files of a folder (not of folders in it).
    pub(crate) fn open(input: &Input) -> Result<Self, Error> {
        let path = input.path();
        let members = if path.is_dir() { of_folder(input, path)? } else { of_archive(input, path)? };
        Ok(Self { name: input.name.clone(), path: path.to_owned(), members })
    }

    /// A file and those beside it that differ from it in their ending only.
    pub(crate) fn beside(input: &Input) -> Result<Self, Error> {
        let path = input.path();
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut members = of_folder(input, folder)?;
        members.retain(|m| stem(&m.name) == stem(&input.name));
        Ok(Self { name: input.name.clone(), path: path.to_owned(), members })
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member whose last name is this one, whatever its case; the first of the archive's order.
    pub(crate) fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.file_name().eq_ignore_ascii_case(name))
    }

    /// Members whose name ends so, whatever its case.
    pub(crate) fn ending(&self, ending: &str) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |m| has_ending(&m.name, ending))
    }

    /// Opens a member at its beginning.
    pub(crate) fn read(&self, member: &Member) -> Result<Box<dyn BufRead + Send>, Error> {
        let io = |source| Error::Io { file: format!("{}/{}", self.name, member.name), source };
        let (at, packed, deflated, crc) = match &member.place {
            Place::File(path) => {
                return Ok(Box::new(BufReader::with_capacity(1 << 16, File::open(path).map_err(io)?)));
            }
            Place::Unreadable(why) => return Err(io(std::io::Error::other(*why))),
            Place::Packed { at, packed, deflated, crc } => (*at, *packed, *deflated, *crc),
        };
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(at)).map_err(io)?;
        let packed = BufReader::with_capacity(1 << 16, file.take(packed));
        let inner: Box<dyn Read + Send> =
            if deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        let checked = Checked { inner, left: member.size, crc: Crc::new(), wanted: crc };
        Ok(Box::new(BufReader::with_capacity(1 << 16, checked)))
    }

    /// A whole member, which may have so many bytes.
    pub(crate) fn whole(&self, member: &Member, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let name = format!("{}/{}", self.name, member.name);
        self.read(member)?.take(limit + 1).read_to_end(&mut bytes).map_err(|e| Error::from_io(&name, e))?;
        if bytes.len() as u64 > limit {
            let reason = format!("more than the {limit} bytes that are read of it");
            return Err(Error::Malformed { file: self.name.clone(), place: member.name.clone(), reason });
        }
        Ok(bytes)
    }
}

impl Member {
    /// Its name without folders.
    pub(crate) fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

pub(crate) fn has_ending(name: &str, ending: &str) -> bool {
    let at = name.len().checked_sub(ending.len()).filter(|at| name.is_char_boundary(*at));
    at.is_some_and(|at| name[at..].eq_ignore_ascii_case(ending))
}

/// A name without its last ending.
pub(crate) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn of_folder(input: &Input, folder: &Path) -> Result<Vec<Member>, Error> {
    let io = |source| Error::Io { file: input.name.clone(), source };
    let mut members = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)?.take(MAX_MEMBERS) {
        let entry = entry.map_err(io)?;
        // A link to nothing beside the file is none of its parts.
        let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
        if metadata.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            members.push(Member { name, size: metadata.len(), place: Place::File(entry.path()) });
        }
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

fn of_archive(input: &Input, path: &Path) -> Result<Vec<Member>, Error> {
    let io = |source| Error::Io { file: input.name.clone(), source };
    let broken =
        |reason: String| Error::Malformed { file: input.name.clone(), place: "zip directory".to_owned(), reason };
    let file = BufReader::new(File::open(path).map_err(io)?);
    let mut archive = ZipArchive::new(file).map_err(|e| broken(e.to_string()))?;
    if archive.len() > MAX_MEMBERS {
        return Err(broken(format!("more than {MAX_MEMBERS} members")));
    }
    let mut members = Vec::with_capacity(archive.len());
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(|e| broken(e.to_string()))?;
        if member.is_dir() {
            continue;
        }
        let (size, packed) = (member.size(), member.compressed_size());
        let place = match (member.compression(), member.data_start()) {
            _ if member.encrypted() => Place::Unreadable("it is encrypted: unpack it first"),
            _ if size > MAX_MEMBER_BYTES || size / MAX_GROWTH > packed => {
                Place::Unreadable("it would unpack to far more than an archive's member has")
            }
            (CompressionMethod::Stored, Some(at)) => Place::Packed { at, packed, deflated: false, crc: member.crc32() },
            (CompressionMethod::Deflated, Some(at)) => {
                Place::Packed { at, packed, deflated: true, crc: member.crc32() }
            }
            _ => Place::Unreadable("it is packed by a method that is not read here: pack it with deflate"),
        };
        members.push(Member { name: member.name().to_owned(), size, place });
    }
    Ok(members)
}

/// Reads what the directory states, no more, and compares the checksum at the end.
struct Checked {
    inner: Box<dyn Read + Send>,
    left: u64,
    crc: Crc,
    wanted: u32,
}

impl Read for Checked {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if room == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buf[..room])?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.crc.update(&buf[..n]);
        self.left -= n as u64;
        if self.left == 0 && self.crc.sum() != self.wanted {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "the zip member's checksum does not match",
            ));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn endings_are_of_any_case() {
        assert!(super::has_ending("a/B.SHP", ".shp") && !super::has_ending("ä", ".shp"));
        assert_eq!(super::stem("roads.v2.shp"), "roads.v2");
    }
}
