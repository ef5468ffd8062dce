//! Geometry as PostGIS sends it. ISO WKB (OGC 06-103r4, clause 8) comes in, extended WKB goes out: heights and measures as flags of
//! the type, and the reference system's number in the first header. Coordinates are copied as they are. Bytes that are no
//! geometry are an error and never a panic; nesting is bounded.

/// What geometry of the city is in: longitude, latitude on WGS 84.
pub(super) const SRID: u32 = 4326;

const HAS_Z: u32 = 0x8000_0000;
const HAS_M: u32 = 0x4000_0000;
const HAS_SRID: u32 = 0x2000_0000;
/// Collections in collections.
const MOST_NESTED: usize = 32;

/// The bytes are no geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its bytes are no WKB geometry")]
pub(super) struct NoGeometry;

/// Appends the geometry as extended WKB; without `srid` its reference system is unknown.
pub(super) fn write(wkb: &[u8], srid: Option<u32>, out: &mut Vec<u8>) -> Result<(), NoGeometry> {
    let begin = out.len();
    let mut reader = Reader { rest: wkb, out };
    let done = reader.geometry(srid, 0).and_then(|()| reader.rest.is_empty().then_some(()).ok_or(NoGeometry));
    if done.is_err() {
        out.truncate(begin);
    }
    done
}

struct Reader<'a> {
    rest: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl Reader<'_> {
    fn take(&mut self, bytes: usize) -> Result<&[u8], NoGeometry> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(NoGeometry)?;
        self.rest = rest;
        Ok(taken)
    }

    fn copy(&mut self, bytes: usize) -> Result<(), NoGeometry> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(NoGeometry)?;
        self.out.extend_from_slice(taken);
        self.rest = rest;
        Ok(())
    }

    fn number(&mut self, little: bool) -> Result<u32, NoGeometry> {
        let bytes = self.take(4)?.try_into().map_err(|_| NoGeometry)?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn put(&mut self, number: u32, little: bool) {
        self.out.extend(if little { number.to_le_bytes() } else { number.to_be_bytes() });
    }

    /// A number that is copied too.
    fn count(&mut self, little: bool) -> Result<usize, NoGeometry> {
        let count = self.number(little)?;
        self.put(count, little);
        usize::try_from(count).map_err(|_| NoGeometry)
    }

    fn geometry(&mut self, srid: Option<u32>, depth: usize) -> Result<(), NoGeometry> {
        let little = match self.take(1)?.first() {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(NoGeometry),
        };
        self.out.push(u8::from(little));
        let (kind, has_z, has_m, own) = self.header(little)?;
        let flags = if has_z { HAS_Z } else { 0 } | if has_m { HAS_M } else { 0 };
        match own.or(srid).filter(|_| depth == 0) {
            Some(srid) => {
                self.put(kind | flags | HAS_SRID, little);
                self.put(srid, little);
            }
            None => self.put(kind | flags, little),
        }
        let vertex = 8 * (2 + usize::from(has_z) + usize::from(has_m));
        match kind {
            1 => self.copy(vertex),
            2 => self.path(vertex, little),
            3 | 17 => {
                for _ in 0..self.count(little)? {
                    self.path(vertex, little)?;
                }
                Ok(())
            }
            4..=7 | 15 | 16 if depth < MOST_NESTED => {
                for _ in 0..self.count(little)? {
                    self.geometry(None, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(NoGeometry),
        }
    }

    /// The type, whether it has heights and measures, and its own reference system, written as ISO or as PostGIS writes them.
    fn header(&mut self, little: bool) -> Result<(u32, bool, bool, Option<u32>), NoGeometry> {
        let code = self.number(little)?;
        let flags = code & (HAS_Z | HAS_M | HAS_SRID);
        let plain = code & !(HAS_Z | HAS_M | HAS_SRID);
        let (kind, dimensions) = (plain % 1000, plain / 1000);
        if dimensions > 3 {
            return Err(NoGeometry);
        }
        let srid = if flags & HAS_SRID == 0 { None } else { Some(self.number(little)?) };
        let has_z = flags & HAS_Z != 0 || matches!(dimensions, 1 | 3);
        let has_m = flags & HAS_M != 0 || matches!(dimensions, 2 | 3);
        Ok((kind, has_z, has_m, srid))
    }

    fn path(&mut self, vertex: usize, little: bool) -> Result<(), NoGeometry> {
        let count = self.count(little)?;
        self.copy(count.checked_mul(vertex).ok_or(NoGeometry)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from_digit(digit.into(), 16).unwrap())
            .collect()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn written(wkb: &str, srid: Option<u32>) -> Result<String, NoGeometry> {
        let mut out = Vec::new();
        write(&bytes(wkb), srid, &mut out).map(|()| hex(&out))
    }

    /// Set down by hand from the description of extended WKB: 0x80000000 says heights, 0x20000000 the number of the reference
    /// system, which the outermost header alone has.
    #[test]
    fn forms_are_those_of_extended_wkb() {
        let (one, two, three) = ("000000000000f03f", "0000000000000040", "0000000000000840");
        // POINT(1 2)
        assert_eq!(written(&format!("0101000000{one}{two}"), Some(4326)), Ok(format!("0101000020e6100000{one}{two}")));
        // POINT Z (1 2 3), without a reference system
        assert_eq!(written(&format!("01e9030000{one}{two}{three}"), None), Ok(format!("0101000080{one}{two}{three}")));
        // MULTIPOINT Z (1 2 3): only the first header has the number
        assert_eq!(
            written(&format!("01ec0300000100000001e9030000{one}{two}{three}"), Some(4326)),
            Ok(format!("01040000a0e6100000010000000101000080{one}{two}{three}"))
        );
        // What is extended already keeps its own number.
        let extended = format!("01010000a0110f0000{one}{two}{three}");
        assert_eq!(written(&extended, Some(4326)), Ok(extended));
    }

    #[test]
    fn other_bytes_are_refused() {
        let point = format!("0101000000{}{}", "000000000000f03f", "0000000000000040");
        for cut in 0..point.len() / 2 {
            assert_eq!(written(&point[..2 * cut], None), Err(NoGeometry));
        }
        assert_eq!(written(&format!("{point}00"), None), Err(NoGeometry));
        assert_eq!(written("0102000000ffffffff", None), Err(NoGeometry));
        assert_eq!(written("01d0070000", None), Err(NoGeometry));
        let nested = format!("{}{point}", "010700000001000000".repeat(100));
        assert_eq!(written(&nested, None), Err(NoGeometry));
    }
}
