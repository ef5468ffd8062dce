//! The lengths that frame a PBF file's blobs, followed from the first byte to the last before anything is decoded: a file
//! cut inside a blob is found here. One cut exactly between two blobs cannot be told from a whole one by its bytes.

use std::io::{BufRead, Read};

use crate::error::Error;
use crate::input::Input;

/// The format's own limits on a blob's header and body.
const MAX_HEADER_BYTES: u64 = 64 << 10;
const MAX_BODY_BYTES: u64 = 32 << 20;

/// Follows the frames to the end; the file must have a header and at least one block of data.
pub(super) fn check(input: &Input) -> Result<(), Error> {
    let mut reader = input.open()?;
    let cut = |blob: u64| Error::Truncated { file: input.name.clone(), detail: format!("in blob {blob}") };
    let broken = |blob: u64, reason: &str| Error::Malformed {
        file: input.name.clone(),
        place: format!("blob {blob}"),
        reason: reason.to_owned(),
    };
    let io = |e| Error::from_io(&input.name, e);
    let mut blobs = 0;
    while !reader.fill_buf().map_err(io)?.is_empty() {
        let header = counted(&mut reader, 4).map_err(io)?;
        let length = header.try_into().map(u32::from_be_bytes).map_err(|_| cut(blobs))?;
        if u64::from(length) > MAX_HEADER_BYTES {
            return Err(broken(blobs, "its header is longer than 64 KiB"));
        }
        let header = counted(&mut reader, u64::from(length)).map_err(io)?;
        if header.len() < length as usize {
            return Err(cut(blobs));
        }
        let size = data_size(&header).filter(|size| *size <= MAX_BODY_BYTES);
        let size = size.ok_or_else(|| broken(blobs, "its header states no size of at most 32 MiB"))?;
        let skipped = std::io::copy(&mut (&mut reader).take(size), &mut std::io::sink()).map_err(io)?;
        if skipped < size {
            return Err(cut(blobs));
        }
        blobs += 1;
    }
    match blobs {
        0 | 1 => Err(Error::Truncated { file: input.name.clone(), detail: "no block of data".to_owned() }),
        _ => Ok(()),
    }
}

fn counted(reader: &mut impl Read, count: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(count).read_to_end(&mut bytes).map(|_| bytes)
}

/// Field 3 of the blob header (protocol buffers: key, then a varint or a length and bytes).
fn data_size(mut header: &[u8]) -> Option<u64> {
    let mut size = None;
    while !header.is_empty() {
        let key = varint(&mut header)?;
        let value = varint(&mut header)?;
        match key & 7 {
            0 => size = if key >> 3 == 3 { Some(value) } else { size },
            2 => header = header.get(usize::try_from(value).ok()?..)?,
            _ => return None,
        }
    }
    size
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_found_among_the_fields() {
        assert_eq!(data_size(&[0x0a, 2, b'O', b'S', 0x18, 0x96, 0x01]), Some(150));
        assert_eq!(data_size(&[0x18, 5, 0x12, 1, 0]), Some(5));
        for broken in [&[][..], &[0x0a, 9, 1], &[0x18], &[0x18, 0x80], &[0x1d, 0, 0, 0, 0], &[0xff; 20]] {
            assert_eq!(data_size(broken), None, "{broken:?}");
        }
    }
}
