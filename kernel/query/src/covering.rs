//! Geometries to cells of any scheme: a shape in longitude and latitude and what cells are wanted come in, codes that together
//! hold it go out, each with whether it lies wholly inside. Heights are given as a band above the ellipsoid, never read
//! from the geometry: what its heights are counted from is another column's word.

use coding_system::cover::{self, Limits, Shape};
use coding_system::{Error, GridCell, HeightBand, Position, Scheme, h3};
use kernel_model::{Coord, Geometry};

/// A code of a cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverCode {
    /// The code.
    pub code: String,
    /// Whether the cell lies wholly inside the shape.
    pub inner: bool,
}

/// What cells are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Their scheme; not a space-time code.
    pub scheme: Scheme,
    /// The finest level; of H3 the one resolution.
    pub level: u8,
    /// Most cells.
    pub max_cells: usize,
    /// The band of heights above the ellipsoid, for 3D cells.
    pub heights: Option<HeightBand>,
    /// The height of the geoid above the ellipsoid in metres, for Spatial ID.
    pub geoid_height_m: Option<f64>,
    /// The width of a corridor around lines and points in metres; 0 is the line itself.
    pub width_m: f64,
}

/// The cells that together hold a geometry, sorted by code, none twice.
///
/// # Errors
/// What the scheme refuses: no such level, a place it does not reach, a limit that is too low; H3 covers areas and single
/// points, not lines.
pub fn cover_geometry(geometry: &Geometry, wanted: &Wanted) -> Result<Vec<CoverCode>, Error> {
    let parts = parts(geometry);
    let wanted = Wanted { max_cells: wanted.max_cells / parts.len().max(1), ..*wanted };
    let mut cells = Vec::new();
    for part in &parts {
        cells.extend(cover_part(part, &wanted)?);
    }
    // Of one cell of two parts, the inner one stands.
    cells.sort_by(|a, b| a.code.cmp(&b.code).then(b.inner.cmp(&a.inner)));
    cells.dedup_by(|later, first| later.code == first.code);
    Ok(cells)
}

/// Several points or lines one by one; everything else as it is.
fn parts(geometry: &Geometry) -> Vec<kernel_model::Shape> {
    match &geometry.shape {
        kernel_model::Shape::MultiPoint(points) => points.iter().copied().map(kernel_model::Shape::Point).collect(),
        kernel_model::Shape::MultiLineString(lines) => {
            lines.iter().cloned().map(kernel_model::Shape::LineString).collect()
        }
        whole => vec![whole.clone()],
    }
}

fn cover_part(part: &kernel_model::Shape, wanted: &Wanted) -> Result<Vec<CoverCode>, Error> {
    let limits = Limits { max_cells: wanted.max_cells, finest_level: wanted.level };
    let heights = wanted.heights.as_ref();
    let shape = || shape_of(part, wanted.width_m);
    Ok(match wanted.scheme {
        Scheme::BeiDou => codes(cover::cover_beidou(&shape()?, heights, limits)?),
        Scheme::Rslc => codes(cover::cover_rslc(&shape()?, heights, limits)?),
        Scheme::GeoSot => match heights {
            None => codes(cover::cover_cells(&shape()?, limits)?),
            Some(band) => codes(cover::cover_solid(&shape()?, band, limits)?.cells()),
        },
        Scheme::SpatialId => {
            let band = heights.ok_or(Error::NeedsHeight { scheme: "Spatial ID" })?;
            let geoid_m = wanted.geoid_height_m.ok_or(Error::NeedsGeoid)?;
            codes(cover::cover_spatial_id(&shape()?, band, geoid_m, limits)?)
        }
        Scheme::H3 => hexagons(part, wanted)?,
        Scheme::SpaceTime => {
            let why = "a space-time code is of one cell and one interval: cover with bd, gs, rs, h3 or si";
            return Err(Error::Cover { why });
        }
    })
}

fn codes<C: GridCell>(cells: Vec<(C, bool)>) -> Vec<CoverCode> {
    cells.into_iter().map(|(cell, inner)| CoverCode { code: cell.text().into(), inner }).collect()
}

type Ring = Vec<(f64, f64)>;

fn places(line: &[Coord]) -> Ring {
    line.iter().map(|c| (c.lon_deg, c.lat_deg)).collect()
}

fn polygons(faces: &[kernel_model::Polygon]) -> Vec<Vec<Ring>> {
    faces.iter().map(|rings| rings.iter().map(|ring| places(ring)).collect()).collect()
}

fn shape_of(part: &kernel_model::Shape, width_m: f64) -> Result<Shape, Error> {
    match part {
        kernel_model::Shape::Point(c) if width_m > 0.0 => Shape::of_line(&[(c.lon_deg, c.lat_deg)], width_m),
        kernel_model::Shape::Point(c) => Ok(Shape::of_position(&Position::new_2d(c.lon_deg, c.lat_deg)?)),
        kernel_model::Shape::LineString(line) => Shape::of_line(&places(line), width_m),
        kernel_model::Shape::Polygon(rings) => Shape::of_polygons(&polygons(std::slice::from_ref(rings))),
        kernel_model::Shape::MultiPolygon(faces) => Shape::of_polygons(&polygons(faces)),
        kernel_model::Shape::MultiPoint(_) | kernel_model::Shape::MultiLineString(_) => {
            Err(Error::Cover { why: "several points or lines are covered one by one" })
        }
    }
}

fn hexagons(part: &kernel_model::Shape, wanted: &Wanted) -> Result<Vec<CoverCode>, Error> {
    let faces = match part {
        kernel_model::Shape::Point(c) => {
            let cell = h3::Cell::of(&Position::new_2d(c.lon_deg, c.lat_deg)?, wanted.level)?;
            return Ok(codes(vec![(cell, false)]));
        }
        kernel_model::Shape::Polygon(rings) => polygons(std::slice::from_ref(rings)),
        kernel_model::Shape::MultiPolygon(faces) => polygons(faces),
        _ => return Err(Error::Cover { why: "H3 covers areas and single points: give a polygon" }),
    };
    let cells = h3::cover_polygons(&faces, wanted.level, wanted.max_cells)?;
    Ok(cells.into_iter().map(|found| CoverCode { code: found.cell.text().into(), inner: found.inner }).collect())
}
