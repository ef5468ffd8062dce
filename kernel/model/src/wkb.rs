//! Geometry <-> ISO well-known binary (OGC 06-103r4 clause 8, ISO type codes: 1001.. for Z), little-endian out, either
//! order in. Reading checks every length against the bytes that are there, so that no claim can make it allocate more.

use crate::geometry::{Coord, Geometry, Polygon, Shape};

/// The bytes are not a geometry this kernel keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WkbError {
    /// Fewer bytes than the header announces.
    #[error("WKB ends at byte {at}, {wanted} more were announced")]
    Truncated {
        /// Where the bytes ended.
        at: usize,
        /// How many were missing.
        wanted: usize,
    },
    /// A type code that is not kept.
    #[error("WKB type {0} is not supported: give Point, LineString, Polygon or their Multi forms, 2D or Z")]
    Type(u32),
    /// A byte-order mark other than 0 or 1, or a member of another type than its collection.
    #[error("WKB is malformed at byte {0}")]
    Malformed(usize),
}

impl Geometry {
    /// Writes ISO WKB, little-endian.
    pub fn to_wkb(&self) -> Vec<u8> {
        let mut out = Writer { bytes: Vec::with_capacity(16 + self.coord_count() * 24), z: self.has_height };
        match &self.shape {
            Shape::Point(c) => {
                out.header(1);
                out.coord(c);
            }
            Shape::LineString(line) => {
                out.header(2);
                out.coords(line);
            }
            Shape::Polygon(polygon) => out.polygon(polygon),
            Shape::MultiPoint(points) => {
                out.header(4);
                out.count(points.len());
                for point in points {
                    out.header(1);
                    out.coord(point);
                }
            }
            Shape::MultiLineString(lines) => {
                out.header(5);
                out.count(lines.len());
                for line in lines {
                    out.header(2);
                    out.coords(line);
                }
            }
            Shape::MultiPolygon(polygons) => {
                out.header(6);
                out.count(polygons.len());
                for polygon in polygons {
                    out.polygon(polygon);
                }
            }
        }
        out.bytes
    }

    /// Reads ISO or EWKB-free WKB in either byte order.
    ///
    /// # Errors
    /// [`WkbError`] where the bytes end early, are of another type or contradict themselves.
    pub fn from_wkb(bytes: &[u8]) -> Result<Self, WkbError> {
        Reader { bytes, at: 0, little: true, z: false }.geometry()
    }
}

struct Writer {
    bytes: Vec<u8>,
    z: bool,
}

impl Writer {
    fn header(&mut self, code: u32) {
        self.bytes.push(1);
        self.bytes.extend((code + if self.z { 1000 } else { 0 }).to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.bytes.extend((count as u32).to_le_bytes());
    }

    fn coord(&mut self, c: &Coord) {
        self.bytes.extend(c.lon_deg.to_le_bytes());
        self.bytes.extend(c.lat_deg.to_le_bytes());
        if self.z {
            self.bytes.extend(c.height_m.to_le_bytes());
        }
    }

    fn coords(&mut self, coords: &[Coord]) {
        self.count(coords.len());
        for c in coords {
            self.coord(c);
        }
    }

    fn polygon(&mut self, rings: &Polygon) {
        self.header(3);
        self.count(rings.len());
        for ring in rings {
            self.coords(ring);
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    little: bool,
    z: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WkbError> {
        let truncated =
            WkbError::Truncated { at: self.bytes.len(), wanted: (self.at + N).saturating_sub(self.bytes.len()) };
        let slice = self.bytes.get(self.at..self.at + N).ok_or(truncated)?;
        self.at += N;
        slice.try_into().map_err(|_| WkbError::Malformed(self.at))
    }

    fn u32(&mut self) -> Result<u32, WkbError> {
        let raw = self.take::<4>()?;
        Ok(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    fn f64(&mut self) -> Result<f64, WkbError> {
        let raw = self.take::<8>()?;
        Ok(if self.little { f64::from_le_bytes(raw) } else { f64::from_be_bytes(raw) })
    }

    fn header(&mut self) -> Result<u32, WkbError> {
        let at = self.at;
        self.little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            _ => return Err(WkbError::Malformed(at)),
        };
        let code = self.u32()?;
        let (z, base) = match code {
            1..=6 => (false, code),
            1001..=1006 => (true, code - 1000),
            other => return Err(WkbError::Type(other)),
        };
        self.z = z;
        Ok(base)
    }

    /// A count whose members of at least `size` bytes each can still be there.
    fn count(&mut self, size: usize) -> Result<usize, WkbError> {
        let count = self.u32()? as usize;
        let left = self.bytes.len() - self.at;
        match count.checked_mul(size) {
            Some(need) if need <= left => Ok(count),
            need => Err(WkbError::Truncated {
                at: self.bytes.len(),
                wanted: need.unwrap_or(usize::MAX).saturating_sub(left),
            }),
        }
    }

    fn coord(&mut self) -> Result<Coord, WkbError> {
        let (lon_deg, lat_deg) = (self.f64()?, self.f64()?);
        let height_m = if self.z { self.f64()? } else { 0.0 };
        Ok(Coord { lon_deg, lat_deg, height_m })
    }

    fn coords(&mut self) -> Result<Vec<Coord>, WkbError> {
        let count = self.count(if self.z { 24 } else { 16 })?;
        (0..count).map(|_| self.coord()).collect()
    }

    fn rings(&mut self) -> Result<Polygon, WkbError> {
        let count = self.count(4)?;
        (0..count).map(|_| self.coords()).collect()
    }

    fn members<T>(
        &mut self,
        code: u32,
        mut read: impl FnMut(&mut Self) -> Result<T, WkbError>,
    ) -> Result<Vec<T>, WkbError> {
        let count = self.count(5)?;
        let z = self.z;
        let mut members = Vec::with_capacity(count);
        for _ in 0..count {
            let at = self.at;
            if self.header()? != code || self.z != z {
                return Err(WkbError::Malformed(at));
            }
            members.push(read(self)?);
        }
        Ok(members)
    }

    fn geometry(&mut self) -> Result<Geometry, WkbError> {
        let code = self.header()?;
        let has_height = self.z;
        let shape = match code {
            1 => Shape::Point(self.coord()?),
            2 => Shape::LineString(self.coords()?),
            3 => Shape::Polygon(self.rings()?),
            4 => Shape::MultiPoint(self.members(1, Self::coord)?),
            5 => Shape::MultiLineString(self.members(2, Self::coords)?),
            _ => Shape::MultiPolygon(self.members(3, Self::rings)?),
        };
        Ok(Geometry { has_height, shape })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn coord() -> impl Strategy<Value = Coord> {
        (-180.0..180.0, -90.0..90.0).prop_map(|(lon, lat)| Coord::new(lon, lat, 0.0))
    }

    fn line() -> impl Strategy<Value = Vec<Coord>> {
        prop::collection::vec(coord(), 0..6)
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let rings = || prop::collection::vec(line(), 0..4);
        prop_oneof![
            coord().prop_map(Shape::Point),
            line().prop_map(Shape::LineString),
            rings().prop_map(Shape::Polygon),
            line().prop_map(Shape::MultiPoint),
            rings().prop_map(Shape::MultiLineString),
            prop::collection::vec(rings(), 0..4).prop_map(Shape::MultiPolygon),
        ]
    }

    proptest! {
        #[test]
        fn written_bytes_read_back(shape in shape(), has_height: bool) {
            let geometry = Geometry { has_height, shape };
            prop_assert_eq!(Geometry::from_wkb(&geometry.to_wkb()), Ok(geometry));
        }

        #[test]
        fn cut_or_changed_bytes_never_panic(shape in shape(), cut in 0_usize..400, byte: u8) {
            let mut bytes = Geometry::with_height(shape).to_wkb();
            let at = cut % bytes.len();
            prop_assert!(Geometry::from_wkb(&bytes[..at]).is_err());
            bytes[at] = byte;
            let _ = Geometry::from_wkb(&bytes);
        }
    }

    #[test]
    fn bytes_are_the_standards() {
        let point = Geometry::flat(Shape::Point(Coord::new(1.0, 2.0, 0.0)));
        let mut wanted = vec![1, 1, 0, 0, 0];
        wanted.extend([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        wanted.extend([0, 0, 0, 0, 0, 0, 0, 0x40]);
        assert_eq!(point.to_wkb(), wanted, "OGC 06-103r4, 8.2.8: little-endian, type 1, x = 1, y = 2");
    }
}
