//! Well-known binary (ISO 19125 / OGC 06-103r4, with the Z, M and ZM type codes and PostGIS' flag bits) to points, lines
//! and polygons in degrees and metres. Garbage gives an error, never a panic and never more memory than its own size.

use crate::error::WkbError;

/// Longitude and latitude in degrees, height in metres (0 where the geometry has none: see [`Geometry::has_height`]).
pub type Place = [f64; 3];

/// A polygon: the outer ring first, then holes. Rings may or may not repeat their first place at the end.
pub type Rings = Vec<Vec<Place>>;

/// A geometry taken apart by dimension.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Geometry {
    /// Single places.
    pub points: Vec<Place>,
    /// Lines of two places or more.
    pub lines: Vec<Vec<Place>>,
    /// Surfaces.
    pub polygons: Vec<Rings>,
    /// Whether the third figure was given.
    pub has_height: bool,
}

const MOST_NESTED: u8 = 8;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

#[derive(Clone, Copy)]
struct Head {
    little: bool,
    kind: u32,
    z: bool,
    m: bool,
}

/// Reads one geometry.
///
/// # Errors
/// When the bytes end early, hold an unknown type, nest too deep or leave the range of degrees and metres.
pub fn read(bytes: &[u8]) -> Result<Geometry, WkbError> {
    let mut geometry = Geometry::default();
    Reader { bytes, at: 0 }.geometry(&mut geometry, 0)?;
    Ok(geometry)
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WkbError> {
        let short = WkbError::Short { at: self.at };
        let end = self.at.checked_add(N).ok_or(short)?;
        let taken = self.bytes.get(self.at..end).and_then(|s| s.try_into().ok()).ok_or(short)?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, little: bool) -> Result<u32, WkbError> {
        let bytes = self.take()?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// A count of things that take `least` bytes each: never more than can still follow.
    fn count(&mut self, little: bool, least: usize) -> Result<usize, WkbError> {
        let count = self.number(little)? as usize;
        if count > (self.bytes.len() - self.at) / least { Err(WkbError::Short { at: self.at }) } else { Ok(count) }
    }

    fn head(&mut self) -> Result<Head, WkbError> {
        let at = self.at;
        let [order] = self.take()?;
        if order > 1 {
            return Err(WkbError::Type { code: u32::from(order), at });
        }
        let little = order == 1;
        let code = self.number(little)?;
        let flags = code >> 29;
        if flags & 1 == 1 {
            self.number(little)?;
        }
        let plain = code & 0x1fff_ffff;
        let (kind, thousand) = (plain % 1000, plain / 1000);
        if thousand > 3 || !matches!(kind, 1..=7 | 15..=17) {
            return Err(WkbError::Type { code, at });
        }
        let z = flags & 4 != 0 || matches!(thousand, 1 | 3);
        let m = flags & 2 != 0 || matches!(thousand, 2 | 3);
        Ok(Head { little, kind, z, m })
    }

    fn double(&mut self, little: bool) -> Result<f64, WkbError> {
        let bytes = self.take()?;
        Ok(if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    fn place(&mut self, head: Head) -> Result<Place, WkbError> {
        let at = self.at;
        let lon = self.double(head.little)?;
        let lat = self.double(head.little)?;
        let height = if head.z { self.double(head.little)? } else { 0.0 };
        if head.m {
            self.double(head.little)?;
        }
        let in_range = lon.abs() <= 360.0 && lat.abs() <= 90.0 && height.abs() <= 1e6;
        if in_range { Ok([lon, lat, height]) } else { Err(WkbError::Coordinate { at }) }
    }

    fn line(&mut self, head: Head) -> Result<Vec<Place>, WkbError> {
        let each = 8 * (2 + usize::from(head.z) + usize::from(head.m));
        let count = self.count(head.little, each)?;
        (0..count).map(|_| self.place(head)).collect()
    }

    fn rings(&mut self, head: Head) -> Result<Rings, WkbError> {
        let count = self.count(head.little, 4)?;
        (0..count).map(|_| self.line(head)).collect()
    }

    fn geometry(&mut self, out: &mut Geometry, depth: u8) -> Result<(), WkbError> {
        if depth > MOST_NESTED {
            return Err(WkbError::Nested { most: MOST_NESTED });
        }
        let head = self.head()?;
        out.has_height |= head.z;
        match head.kind {
            1 => self.point(head, out)?,
            2 => out.lines.push(self.line(head)?),
            3 | 17 => out.polygons.push(self.rings(head)?),
            _ => {
                for _ in 0..self.count(head.little, 5)? {
                    self.geometry(out, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// An empty point is written as not-a-numbers: it adds nothing.
    fn point(&mut self, head: Head, out: &mut Geometry) -> Result<(), WkbError> {
        let start = self.at;
        let empty = self.double(head.little)?.is_nan();
        self.at = start;
        if empty {
            for _ in 0..2 + u8::from(head.z) + u8::from(head.m) {
                self.double(head.little)?;
            }
            return Ok(());
        }
        out.points.push(self.place(head)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line_z(places: &[Place]) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(1002u32.to_le_bytes());
        bytes.extend((places.len() as u32).to_le_bytes());
        for place in places {
            for figure in place {
                bytes.extend(figure.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn big_endian_and_flagged_points_are_read() {
        let mut big = vec![0, 0, 0, 0, 1];
        big.extend(116.5f64.to_be_bytes());
        big.extend(39.25f64.to_be_bytes());
        let point = read(&big).unwrap();
        assert_eq!((point.points[0], point.has_height), ([116.5, 39.25, 0.0], false));

        let mut flagged = vec![1];
        flagged.extend((1u32 | 0x8000_0000 | 0x2000_0000).to_le_bytes());
        flagged.extend(4326u32.to_le_bytes());
        for figure in [1.0f64, 2.0, 3.0] {
            flagged.extend(figure.to_le_bytes());
        }
        let point = read(&flagged).unwrap();
        assert_eq!((point.points[0], point.has_height), ([1.0, 2.0, 3.0], true));
    }

    #[test]
    fn a_huge_count_asks_for_no_memory() {
        let mut bytes = vec![1];
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(u32::MAX.to_le_bytes());
        assert!(matches!(read(&bytes), Err(WkbError::Short { .. })));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn damaged_lines_never_panic_and_whole_ones_come_back(
            places in prop::collection::vec([-180.0..180.0f64, -90.0..90.0f64, -100.0..900.0f64], 0..20),
            cut in 0usize..600, at in 0usize..600, byte in any::<u8>(),
        ) {
            let whole = line_z(&places);
            prop_assert_eq!(&read(&whole).unwrap().lines[0], &places);
            let _ = read(&whole[..cut.min(whole.len())]);
            let mut damaged = whole.clone();
            let index = at % damaged.len();
            damaged[index] = byte;
            let _ = read(&damaged);
        }
    }
}
