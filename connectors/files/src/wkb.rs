//! Well-known binary of a file's coordinates into geometry in the kernel's frame, in one pass: ISO 13249-3 and OGC 06-103r4
//! type codes, and the older flags for Z, M and SRID (PostGIS, GDAL before 2). A measure M is read over. Every count is
//! compared with the bytes that are there before anything is allocated; collections and curves are refused, a geometry
//! without coordinates is none.

use kernel_model::{Coord, Geometry, Polygon, Shape};

use crate::crs::Frame;
use crate::intake::Refusal;

/// Reads one geometry; `None`: it is empty.
pub(crate) fn read(bytes: &[u8], frame: &Frame) -> Result<Option<Geometry>, Refusal> {
    let mut reader = Reader { bytes, little: true, dims: Dims::default(), frame };
    let code = reader.header()?;
    let has_height = reader.dims.z && frame.knows_height_unit();
    let shape = reader.shape(code)?;
    Ok(shape.map(|shape| Geometry { has_height, shape }))
}

/// A line as it may stand in a geometry.
pub(crate) fn line(coords: Vec<Coord>) -> Result<Vec<Coord>, Refusal> {
    if coords.len() < 2 { Err("a line of it has fewer than two positions".to_owned()) } else { Ok(coords) }
}

/// A ring as it may stand in a polygon.
pub(crate) fn ring(coords: Vec<Coord>) -> Result<Vec<Coord>, Refusal> {
    if coords.len() < 4 {
        Err("a ring of it has fewer than four positions".to_owned())
    } else if coords.first() == coords.last() {
        Ok(coords)
    } else {
        Err("a ring of it does not end where it begins".to_owned())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Dims {
    z: bool,
    m: bool,
}

impl Dims {
    fn bytes(self) -> usize {
        16 + 8 * (usize::from(self.z) + usize::from(self.m))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
    dims: Dims,
    frame: &'a Frame,
}

const ENDS: &str = "its WKB ends too early";

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(ENDS)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        let raw = self.take(4)?.try_into().map_err(|_| ENDS)?;
        Ok(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    fn header(&mut self) -> Result<u32, Refusal> {
        self.little = match self.take(1)? {
            [0] => false,
            [1] => true,
            _ => return Err("its WKB begins with no byte order".to_owned()),
        };
        let code = self.u32()?;
        let flags = code & 0xe000_0000;
        let thousands = (code & 0x1fff_ffff) / 1000;
        self.dims = Dims {
            z: flags & 0x8000_0000 != 0 || thousands & 1 == 1,
            m: flags & 0x4000_0000 != 0 || thousands & 2 == 2,
        };
        if flags & 0x2000_0000 != 0 {
            self.u32()?;
        }
        match ((code & 0x1fff_ffff) % 1000, thousands) {
            (base @ 1..=6, 0..=3) => Ok(base),
            (7, 0..=3) => Err("geometry collections are not taken: split it".to_owned()),
            (8..=14, 0..=3) => Err("curves are not taken: make lines of them first".to_owned()),
            (15..=17, 0..=3) => {
                Err("surfaces of triangles and polyhedra are not taken: make a MultiPolygon of them".to_owned())
            }
            _ => Err(format!("WKB type {code} is not known")),
        }
    }

    /// A count whose members, of so many bytes each at the least, can be there.
    fn count(&mut self, size: usize) -> Result<usize, Refusal> {
        let count = self.u32()? as usize;
        if count > self.bytes.len() / size { Err(ENDS.to_owned()) } else { Ok(count) }
    }

    fn numbers(&self, bytes: &[u8]) -> (f64, f64, f64) {
        let number = |at: usize| {
            let raw = bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).unwrap_or_default();
            if self.little { f64::from_le_bytes(raw) } else { f64::from_be_bytes(raw) }
        };
        (number(0), number(8), if self.dims.z { number(16) } else { 0.0 })
    }

    fn coords(&mut self) -> Result<Vec<Coord>, Refusal> {
        let size = self.dims.bytes();
        let count = self.count(size)?;
        let bytes = self.take(count * size)?;
        let mut coords = Vec::with_capacity(count);
        for position in bytes.chunks_exact(size) {
            let (x, y, z) = self.numbers(position);
            coords.push(self.frame.locate(x, y, z)?);
        }
        Ok(coords)
    }

    fn point(&mut self) -> Result<Option<Coord>, Refusal> {
        let position = self.take(self.dims.bytes())?;
        let (x, y, z) = self.numbers(position);
        if x.is_nan() && y.is_nan() { Ok(None) } else { self.frame.locate(x, y, z).map(Some) }
    }

    fn polygon(&mut self) -> Result<Option<Polygon>, Refusal> {
        let count = self.count(4)?;
        let rings = (0..count).map(|_| self.coords().and_then(ring)).collect::<Result<Polygon, _>>()?;
        Ok(Some(rings).filter(|rings| !rings.is_empty()))
    }

    fn lines(&mut self) -> Result<Option<Vec<Coord>>, Refusal> {
        let coords = self.coords()?;
        if coords.is_empty() { Ok(None) } else { line(coords).map(Some) }
    }

    /// Members of a multi-geometry; empty ones are left out.
    fn members<T>(
        &mut self,
        code: u32,
        read: impl Fn(&mut Self) -> Result<Option<T>, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        let count = self.count(9)?;
        let dims = self.dims;
        let mut members = Vec::new();
        for _ in 0..count {
            if self.header()? != code || self.dims != dims {
                return Err("a member of it is of another type than its WKB says".to_owned());
            }
            members.extend(read(self)?);
        }
        Ok(members)
    }

    fn shape(&mut self, code: u32) -> Result<Option<Shape>, Refusal> {
        fn some<T>(members: Vec<T>) -> Option<Vec<T>> {
            Some(members).filter(|m| !m.is_empty())
        }
        Ok(match code {
            1 => self.point()?.map(Shape::Point),
            2 => self.lines()?.map(Shape::LineString),
            3 => self.polygon()?.map(Shape::Polygon),
            4 => some(self.members(1, Self::point)?).map(Shape::MultiPoint),
            5 => some(self.members(2, Self::lines)?).map(Shape::MultiLineString),
            _ => some(self.members(3, Self::polygon)?).map(Shape::MultiPolygon),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crs::Crs;

    fn frame() -> Frame {
        Frame::new(&Crs::wgs84()).unwrap()
    }

    fn square() -> Vec<Vec<Coord>> {
        let c = |x, y| Coord::new(x, y, 7.0);
        vec![vec![c(0.0, 0.0), c(1.0, 0.0), c(1.0, 1.0), c(0.0, 0.0)]]
    }

    #[test]
    fn what_the_kernel_writes_reads_back() {
        for shape in [
            Shape::Point(Coord::new(1.0, 2.0, 3.0)),
            Shape::LineString(square().remove(0)),
            Shape::Polygon(square()),
            Shape::MultiPoint(square().remove(0)),
            Shape::MultiLineString(square()),
            Shape::MultiPolygon(vec![square(), square()]),
        ] {
            let geometry = Geometry::with_height(shape);
            assert_eq!(read(&geometry.to_wkb(), &frame()), Ok(Some(geometry)));
        }
    }

    #[test]
    fn measures_flags_and_emptiness() {
        let point = |code: u32, numbers: &[f64]| {
            let mut bytes = vec![0];
            bytes.extend(code.to_be_bytes());
            bytes.extend(numbers.iter().flat_map(|n| n.to_be_bytes()));
            read(&bytes, &frame())
        };
        let flat = Geometry::flat(Shape::Point(Coord::new(1.0, 2.0, 0.0)));
        let high = Geometry::with_height(Shape::Point(Coord::new(1.0, 2.0, 3.0)));
        assert_eq!(point(1, &[1.0, 2.0]), Ok(Some(flat.clone())));
        assert_eq!(point(2001, &[1.0, 2.0, 9.0]), Ok(Some(flat)));
        for code in [1001, 0x8000_0001] {
            assert_eq!(point(code, &[1.0, 2.0, 3.0]), Ok(Some(high.clone())));
        }
        assert_eq!(point(3001, &[1.0, 2.0, 3.0, 9.0]), Ok(Some(high)));
        assert_eq!(point(1, &[f64::NAN, f64::NAN]), Ok(None));
        assert!(point(7, &[0.0]).unwrap_err().contains("split it"));
        assert!(point(10, &[0.0]).unwrap_err().contains("curves"));
        assert!(point(2, &[1e300, 2.0]).unwrap_err().contains("ends too early"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), code in 1_u32..18, thousand in 0_u32..4) {
            let _ = read(&bytes, &frame());
            if bytes.len() > 5 {
                bytes[0] = 1;
                bytes[1..5].copy_from_slice(&(code + 1000 * thousand).to_le_bytes());
                let _ = read(&bytes, &frame());
            }
        }
    }
}
