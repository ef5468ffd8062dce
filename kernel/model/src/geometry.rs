//! Geometry in the kernel's frame: points, lines and polygons of longitude, latitude and (where they have one) height.
//! Solids and surfaces are multipolygons of their faces. The bytes are ISO WKB (see [`Geometry::to_wkb`]).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::place::Region;

/// One vertex: degrees east, degrees north, metres. The height of a 2D geometry's vertex is 0 and means nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coord {
    /// Longitude in degrees.
    pub lon_deg: f64,
    /// Latitude in degrees.
    pub lat_deg: f64,
    /// Height in metres above the entity's height reference.
    pub height_m: f64,
}

impl Coord {
    /// A vertex with a height.
    pub const fn new(lon_deg: f64, lat_deg: f64, height_m: f64) -> Self {
        Self { lon_deg, lat_deg, height_m }
    }
}

/// Rings of vertices, the outer one first; each ring ends with its first vertex.
pub type Polygon = Vec<Vec<Coord>>;

/// The shape without its dimension.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// One vertex.
    Point(Coord),
    /// A line of two or more vertices.
    LineString(Vec<Coord>),
    /// One face.
    Polygon(Polygon),
    /// Several points.
    MultiPoint(Vec<Coord>),
    /// Several lines.
    MultiLineString(Vec<Vec<Coord>>),
    /// Several faces: footprints, or the surfaces of a solid.
    MultiPolygon(Vec<Polygon>),
}

/// A shape and whether its heights mean anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// `true`: heights are data (WKB Z). `false`: a 2D geometry.
    pub has_height: bool,
    /// The vertices.
    pub shape: Shape,
}

impl Geometry {
    /// A geometry whose heights mean something.
    pub fn with_height(shape: Shape) -> Self {
        Self { has_height: true, shape }
    }

    /// A geometry of longitude and latitude only.
    pub fn flat(shape: Shape) -> Self {
        Self { has_height: false, shape }
    }

    /// Calls `visit` for every vertex in order.
    pub fn for_each_coord(&self, mut visit: impl FnMut(&Coord)) {
        match &self.shape {
            Shape::Point(c) => visit(c),
            Shape::LineString(line) | Shape::MultiPoint(line) => line.iter().for_each(visit),
            Shape::Polygon(lines) | Shape::MultiLineString(lines) => lines.iter().flatten().for_each(visit),
            Shape::MultiPolygon(polygons) => polygons.iter().flatten().flatten().for_each(visit),
        }
    }

    /// The box around all vertices; empty where there are none.
    pub fn region(&self) -> Region {
        let mut region = Region::EMPTY;
        self.for_each_coord(|c| region.include(c.lon_deg, c.lat_deg));
        region
    }

    /// Lowest and highest vertex in metres, where heights mean anything.
    pub fn height_range_m(&self) -> Option<(f64, f64)> {
        let mut range: Option<(f64, f64)> = None;
        self.for_each_coord(|c| {
            range =
                Some(range.map_or((c.height_m, c.height_m), |(low, high)| (low.min(c.height_m), high.max(c.height_m))));
        });
        range.filter(|_| self.has_height)
    }

    /// Number of vertices.
    pub fn coord_count(&self) -> usize {
        let mut count = 0;
        self.for_each_coord(|_| count += 1);
        count
    }

    /// The place that stands for the whole thing: a point itself, a line's middle vertex, else the middle of the box;
    /// with the lowest height.
    pub fn anchor(&self) -> Option<Coord> {
        let region = self.region();
        if region.is_empty() {
            return None;
        }
        let (lon_deg, lat_deg) = match &self.shape {
            Shape::Point(c) => (c.lon_deg, c.lat_deg),
            Shape::LineString(line) => line.get(line.len() / 2).map_or(region.centre(), |c| (c.lon_deg, c.lat_deg)),
            _ => region.centre(),
        };
        Some(Coord { lon_deg, lat_deg, height_m: self.height_range_m().map_or(0.0, |(low, _)| low) })
    }
}

/// On the wire between nodes of Urbis a geometry is its WKB.
impl Serialize for Geometry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_wkb())
    }
}

impl<'de> Deserialize<'de> for Geometry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        Self::from_wkb(&bytes).map_err(D::Error::custom)
    }
}
