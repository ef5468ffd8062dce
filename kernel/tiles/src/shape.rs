//! The vertices of a stored geometry in one flat list that is used again for the next one: ISO WKB comes in, lines and rings
//! go out. Every length is compared with the bytes that are there; what is no geometry gives none.

/// What the lines are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Points,
    Lines,
    Polygons,
}

/// A geometry.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) sort: Sort,
    pub(crate) has_height: bool,
    /// Degrees east, degrees north, metres.
    coords: Vec<[f64; 3]>,
    /// Where each line or ring ends in `coords`.
    lines: Vec<usize>,
    /// Where each polygon ends in `lines`.
    polygons: Vec<usize>,
}

impl Shape {
    /// Takes another geometry; `None`, and nothing in it, where the bytes are none.
    pub(crate) fn read(&mut self, wkb: &[u8]) -> Option<()> {
        self.clear();
        let read = Reader { bytes: wkb, little: true, z: false }.geometry(self);
        if read.is_none() {
            self.clear();
        }
        read
    }

    fn clear(&mut self) {
        (self.sort, self.has_height) = (Sort::Points, false);
        self.coords.clear();
        self.lines.clear();
        self.polygons.clear();
    }

    /// The points of points.
    pub(crate) fn coords(&self) -> &[[f64; 3]] {
        &self.coords
    }

    /// Lines, or the rings of all polygons.
    pub(crate) fn lines(&self) -> impl ExactSizeIterator<Item = &[[f64; 3]]> {
        self.lines_of(0..self.lines.len())
    }

    fn lines_of(&self, range: std::ops::Range<usize>) -> impl ExactSizeIterator<Item = &[[f64; 3]]> {
        range.map(move |line| {
            let from = line.checked_sub(1).map_or(0, |before| self.lines[before]);
            &self.coords[from..self.lines[line]]
        })
    }

    pub(crate) fn polygon_count(&self) -> usize {
        self.polygons.len()
    }

    /// The rings of a polygon, the outer one first.
    pub(crate) fn rings(&self, polygon: usize) -> impl ExactSizeIterator<Item = &[[f64; 3]]> {
        let from = polygon.checked_sub(1).map_or(0, |before| self.polygons[before]);
        self.lines_of(from..self.polygons[polygon])
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
    z: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u32> {
        let raw = self.take()?;
        Some(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    fn real(&mut self) -> Option<f64> {
        let raw = self.take()?;
        Some(if self.little { f64::from_le_bytes(raw) } else { f64::from_be_bytes(raw) })
    }

    /// The type without its dimension.
    fn header(&mut self) -> Option<u32> {
        self.little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let code = self.number()?;
        self.z = code > 1_000;
        Some(if self.z { code - 1_000 } else { code })
    }

    fn coord(&mut self, shape: &mut Shape) -> Option<()> {
        let (lon, lat) = (self.real()?, self.real()?);
        let height = if self.z { self.real()? } else { 0.0 };
        let is_number = lon.is_finite() && lat.is_finite() && height.is_finite();
        is_number.then(|| shape.coords.push([lon, lat, height]))
    }

    fn line(&mut self, shape: &mut Shape) -> Option<()> {
        for _ in 0..self.number()? {
            self.coord(shape)?;
        }
        shape.lines.push(shape.coords.len());
        Some(())
    }

    fn polygon(&mut self, shape: &mut Shape) -> Option<()> {
        for _ in 0..self.number()? {
            self.line(shape)?;
        }
        shape.polygons.push(shape.lines.len());
        Some(())
    }

    fn members(&mut self, shape: &mut Shape, code: u32, read: fn(&mut Self, &mut Shape) -> Option<()>) -> Option<()> {
        for _ in 0..self.number()? {
            if self.header()? != code || self.z != shape.has_height {
                return None;
            }
            read(self, shape)?;
        }
        Some(())
    }

    fn geometry(&mut self, shape: &mut Shape) -> Option<()> {
        let code = self.header()?;
        shape.has_height = self.z;
        shape.sort = match code {
            1 | 4 => Sort::Points,
            2 | 5 => Sort::Lines,
            _ => Sort::Polygons,
        };
        match code {
            1 => self.coord(shape),
            2 => self.line(shape),
            3 => self.polygon(shape),
            4 => self.members(shape, 1, Self::coord),
            5 => self.members(shape, 2, Self::line),
            6 => self.members(shape, 3, Self::polygon),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel_model::{Coord, Geometry, Shape as Stored};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rings_are_those_that_were_stored() {
        let ring = |x: f64, corners: usize| (0..corners).map(|i| Coord::new(x, i as f64, 2.0)).collect::<Vec<_>>();
        let polygons = vec![vec![ring(0.0, 4), ring(1.0, 5)], vec![ring(2.0, 6)]];
        let mut shape = Shape::default();
        shape.read(&Geometry::with_height(Stored::MultiPolygon(polygons)).to_wkb()).unwrap();
        assert_eq!((shape.sort, shape.has_height, shape.polygon_count()), (Sort::Polygons, true, 2));
        let lengths = |polygon| shape.rings(polygon).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!((lengths(0), lengths(1)), (vec![4, 5], vec![6]));
        assert_eq!(shape.rings(1).next().unwrap()[5], [2.0, 5.0, 2.0]);
        shape.read(&Geometry::flat(Stored::MultiPoint(ring(7.0, 3))).to_wkb()).unwrap();
        assert_eq!((shape.sort, shape.coords().len(), shape.lines().len()), (Sort::Points, 3, 0));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_geometry_or_none(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200), code in 0_u8..8, z: bool,
        ) {
            let head = if z { [1, 0xe8 + code, 3, 0, 0] } else { [1, code, 0, 0, 0] };
            let count = bytes.len().min(5);
            bytes[..count].copy_from_slice(&head[..count]);
            let mut shape = Shape::default();
            if shape.read(&bytes).is_none() {
                prop_assert!(shape.coords().is_empty() && shape.polygon_count() == 0);
            }
        }
    }
}
