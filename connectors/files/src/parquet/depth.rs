//! How deep a file's schema is nested, before the library builds it: it does so by recursion without a bound, and a footer
//! of some hundred kilobytes could run it out of stack, which nothing can catch. The footer's Thrift (compact protocol) is
//! walked over as far as the schema.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Groups within groups; lists of lists of structs take seven.
const MAX_DEPTH: usize = 64;

/// Whether the schema of the file is one that can be built. What is no Parquet at all is left to the library.
pub(super) fn is_sound(file: &mut File, bytes: u64) -> std::io::Result<bool> {
    let mut tail = [0; 8];
    if bytes < 12 {
        return Ok(true);
    }
    file.seek(SeekFrom::Start(bytes - 8))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if magic != super::MAGIC || length > bytes - 8 {
        return Ok(true);
    }
    file.seek(SeekFrom::Start(bytes - 8 - length))?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer)?;
    Ok(schema(&mut Thrift(&footer)).is_some())
}

/// Finds field 2 of `FileMetaData`, the list of `SchemaElement`s, depth first. `None`: it is broken or too deep.
fn schema(thrift: &mut Thrift<'_>) -> Option<()> {
    let mut field = 0;
    while let kind @ 1.. = thrift.field(&mut field)? {
        if field == 2 && kind == LIST {
            return elements(thrift);
        }
        thrift.skip(kind, 0)?;
    }
    Some(())
}

fn elements(thrift: &mut Thrift<'_>) -> Option<()> {
    let (count, _) = thrift.list()?;
    // Children that are still to come, level by level.
    let mut open: Vec<u64> = Vec::new();
    for _ in 0..count {
        let (mut field, mut children) = (0, 0);
        while let kind @ 1.. = thrift.field(&mut field)? {
            if field == 5 && matches!(kind, I16 | I32 | I64) {
                children = thrift.varint()? >> 1;
            } else {
                thrift.skip(kind, 0)?;
            }
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > MAX_DEPTH {
            return None;
        }
    }
    Some(())
}

/// Bytes of the compact protocol (thrift-compact-protocol.md).
struct Thrift<'a>(&'a [u8]);

const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const LIST: u8 = 9;

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The next field's type, its number in `field`; type 0: the struct ends.
    fn field(&mut self, field: &mut u64) -> Option<u8> {
        let head = self.byte()?;
        if head == 0 {
            return Some(0);
        }
        *field = match head >> 4 {
            0 => self.varint()? >> 1,
            step => field.checked_add(u64::from(step))?,
        };
        // A type 0 with a number is none.
        Some(head & 15).filter(|kind| *kind > 0)
    }

    /// A list's length and the type of its members.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        // Every member has a byte at the least.
        (count <= self.0.len() as u64).then_some((count, head & 15))
    }

    fn advance(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    /// Reads over a value; booleans in lists have a byte, in structs none.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.advance(1),
            I16 | I32 | I64 => self.varint().map(|_| ()),
            7 => self.advance(8),
            8 => {
                let length = self.varint()?;
                self.advance(length)
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| if kind < 3 { self.advance(1) } else { self.skip(kind, depth + 1) })
            }
            12 => {
                let mut field = 0;
                while let kind @ 1.. = self.field(&mut field)? {
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer whose groups hold each other.
    fn nested(levels: usize) -> Vec<u8> {
        let mut footer = vec![0x15, 2, 0x19, 0xfc];
        let mut count = levels as u64;
        while count >= 0x80 {
            footer.push(count as u8 | 0x80);
            count >>= 7;
        }
        footer.push(count as u8);
        for _ in 0..levels {
            // repetition 0, name "a", one child
            footer.extend([0x35, 0, 0x18, 1, b'a', 0x15, 2, 0]);
        }
        footer.push(0);
        footer
    }

    #[test]
    fn deep_schemas_and_broken_footers_are_told() {
        assert_eq!(schema(&mut Thrift(&nested(60))), Some(()));
        assert_eq!(schema(&mut Thrift(&nested(100_000))), None);
        let whole = nested(20);
        for cut in 0..whole.len() - 1 {
            assert_eq!(schema(&mut Thrift(&whole[..cut])), None, "{cut}");
        }
    }
}
