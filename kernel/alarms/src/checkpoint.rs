//! The state of the engine in a file, so that a start reads only the rows after it. The file is written whole beside the one
//! that counts and takes its place; bytes that are not what was written are found by their checksum.
//!
//! `URBALRM1`, then a checksum (CRC-32C, 4 bytes, little-endian) of the rest, then the rest: numbers little-endian, texts and
//! lists with their length (u32) before them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use kernel_model::{EntityId, Sequence, TimeUs};

use crate::engine::{LimitState, State, Stay, Thing};
use crate::error::Error;

const MAGIC: &[u8; 8] = b"URBALRM1";
const HEAD: usize = MAGIC.len() + 4;

/// Writes the state; when this returns it survives a power cut.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside).map_err(Error::io("write", &beside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", &beside))?;
    fs::rename(&beside, path).map_err(Error::io("replace", path))?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}

/// Reads the state; none where there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<State>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let damaged = |what: &str| Error::Damaged { path: path.to_owned(), at: 0, what: what.to_owned() };
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else { return Err(damaged("it is cut")) };
    if &head[..MAGIC.len()] != MAGIC {
        return Err(damaged("it does not begin as a checkpoint of alarms does"));
    }
    if head[MAGIC.len()..] != crc32c::crc32c(rest).to_le_bytes() {
        return Err(damaged("its checksum does not fit"));
    }
    decode(rest).map(Some).ok_or_else(|| damaged("it does not hold a whole state"))
}

/// The bytes of the file.
pub(crate) fn encode(state: &State) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + 64 + state.things.len() * 64);
    out.extend(MAGIC);
    out.extend([0; 4]);
    out.extend(state.sequence.0.to_le_bytes());
    length(&mut out, state.rules.len());
    for (name, digest, from) in &state.rules {
        length(&mut out, name.len());
        out.extend(name.as_bytes());
        out.extend(digest);
        out.extend(from.0.to_le_bytes());
    }
    length(&mut out, state.things.len());
    for thing in &state.things {
        out.extend(thing.id.bytes());
        out.extend(thing.time.0.to_le_bytes());
        for value in [thing.at[0], thing.at[1], thing.height_m.unwrap_or(f64::NAN)] {
            out.extend(value.to_le_bytes());
        }
        length(&mut out, thing.stays.len());
        for stay in &thing.stays {
            out.extend(stay.rule.to_le_bytes());
            out.extend(stay.fence.bytes());
            out.extend(stay.since.0.to_le_bytes());
            out.push(u8::from(stay.told_dwell) | u8::from(stay.is_fast) << 1);
        }
    }
    length(&mut out, state.limits.len());
    for (rule, datastream, limit) in &state.limits {
        out.extend(rule.to_le_bytes());
        out.extend(datastream.to_le_bytes());
        out.extend(limit.time.0.to_le_bytes());
        out.extend(limit.value.to_le_bytes());
        out.push(u8::from(limit.is_raised));
    }
    let sum = crc32c::crc32c(&out[HEAD..]).to_le_bytes();
    out[MAGIC.len()..HEAD].copy_from_slice(&sum);
    out
}

fn length(out: &mut Vec<u8>, length: usize) {
    out.extend((length as u32).to_le_bytes());
}

/// The bytes that are still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<TimeUs> {
        self.bytes().map(i64::from_le_bytes).map(TimeUs)
    }

    fn real(&mut self) -> Option<f64> {
        self.bytes().map(f64::from_le_bytes)
    }

    fn id(&mut self) -> Option<EntityId> {
        EntityId::from_slice(&self.bytes::<16>()?)
    }

    fn rule(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    /// A list, whose length is believed only as far as there are bytes.
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.bytes().map(u32::from_le_bytes)?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(each(self)?);
        }
        Some(list)
    }
}

fn decode(bytes: &[u8]) -> Option<State> {
    let mut rest = Rest(bytes);
    let sequence = Sequence(rest.number()?);
    let rules = rest.list(|rest| {
        let length = rest.bytes().map(u32::from_le_bytes)?;
        let name = std::str::from_utf8(rest.slice(length as usize)?).ok()?.to_owned();
        Some((name, rest.bytes()?, Sequence(rest.number()?)))
    })?;
    let things = rest.list(|rest| {
        let (id, time) = (rest.id()?, rest.time()?);
        let (at, height_m) = ([rest.real()?, rest.real()?], rest.real()?);
        let stays = rest.list(|rest| {
            let (rule, fence, since, [marks]) = (rest.rule()?, rest.id()?, rest.time()?, rest.bytes()?);
            Some(Stay { rule, fence, since, told_dwell: marks & 1 != 0, is_fast: marks & 2 != 0 })
        })?;
        Some(Thing { id, time, at, height_m: Some(height_m).filter(|height| !height.is_nan()), stays })
    })?;
    let limits = rest.list(|rest| {
        let (rule, datastream, time, value, [raised]) =
            (rest.rule()?, rest.number()?, rest.time()?, rest.real()?, rest.bytes()?);
        Some((rule, datastream, LimitState { time, value, is_raised: raised != 0 }))
    })?;
    rest.0.is_empty().then_some(State { sequence, rules, things, limits })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let id = |n: u128| EntityId(uuid::Uuid::from_u128(n));
        let stay = Stay { rule: 1, fence: id(7), since: TimeUs(-5), told_dwell: true, is_fast: false };
        let thing = Thing { id: id(3), time: TimeUs(9), at: [116.0, 39.5], height_m: None, stays: vec![stay] };
        let limit = LimitState { time: TimeUs(4), value: 1.5, is_raised: true };
        let rules = vec![("a".to_owned(), [1; 32], Sequence(2)), ("b".to_owned(), [2; 32], Sequence(0))];
        State { sequence: Sequence(12), rules, things: vec![thing], limits: vec![(0, 17, limit)] }
    }

    #[test]
    fn a_state_is_read_as_it_was_written_and_damage_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        assert_eq!(read(&path).unwrap(), None);
        let bytes = encode(&state());
        write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap(), Some(state()));
        for at in 0..bytes.len() {
            let mut turned = bytes.clone();
            turned[at] ^= 0x10;
            fs::write(&path, &turned).unwrap();
            assert!(matches!(read(&path), Err(Error::Damaged { .. })), "byte {at}");
            fs::write(&path, &bytes[..at]).unwrap();
            assert!(matches!(read(&path), Err(Error::Damaged { .. })), "cut at {at}");
        }
    }
}
