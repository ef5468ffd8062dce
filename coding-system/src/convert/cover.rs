//! Covers of a cell by the cells of another scheme. A code and what is wanted come in, codes go out with what they say of the cell: inner ones
//! lie wholly inside it, the others only meet it. Cells of the common grid are compared in whole units; H3 cells and voxels, whose edges
//! are not on it, by one area that holds them and one they hold.

use super::exact::LatticeCell;
use crate::area::{HeightBand, LonLatBox};
use crate::cover::boxed::{Boxed, Solid};
use crate::cover::descend::{self, descend};
use crate::cover::fixed::{self, Rect, Side};
use crate::cover::grids::{LatticeScheme, check_latitude, within};
use crate::cover::nested::Nested;
use crate::cover::shape::of_hull;
use crate::cover::tree::{self, Voxels};
use crate::cover::{Limits, check_heights};
use crate::error::{Error, excerpt};
use crate::grid::GridCell;
use crate::scheme::{Scheme, recognise};
use crate::text::CodeText;
use crate::{beidou, geosot, h3, rslc, spatialid};

/// What a code is to be covered with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The scheme of the cells wanted.
    pub scheme: Scheme,
    /// How many cells, and the finest level; for H3 the one resolution of all cells.
    pub limits: Limits,
    /// The heights to be covered, metres above the ellipsoid, when a 2D code is covered by 3D cells; a 3D code has its own.
    pub heights: Option<HeightBand>,
    /// The height of the geoid above the ellipsoid there, metres, from or to Spatial ID: it is never guessed.
    pub geoid_height_m: Option<f64>,
}

/// The cells of a scheme that cover the cell of a code, with their inner flags, in the order of their codes. A 3D code, or a 2D code with
/// [`Target::heights`], is covered by 3D cells; by H3, which has no heights, its ground is.
///
/// # Errors
/// What the code's scheme refuses; [`Error::UnknownScheme`] from or to a space-time code (give its place code); [`Error::Level`],
/// [`Error::Cover`] and [`Error::Latitude`] where the wanted scheme has no cells; [`Error::NeedsHeight`] and [`Error::NeedsGeoid`] from and
/// to Spatial ID.
pub fn cover(code: &str, target: &Target) -> Result<Vec<(CodeText, bool)>, Error> {
    if let Some(heights) = &target.heights {
        check_heights(heights)?;
    }
    match recognise(code)? {
        Scheme::BeiDou => of_lattice(&code.parse::<beidou::Cell>()?, target),
        Scheme::GeoSot => of_lattice(&code.parse::<geosot::Cell>()?, target),
        Scheme::Rslc => of_lattice(&code.parse::<rslc::Cell>()?, target),
        Scheme::H3 => of_hexagon(code.parse()?, target),
        Scheme::SpatialId => of_voxel(&code.parse()?, target),
        Scheme::SpaceTime => Err(Error::UnknownScheme { text: excerpt(code) }),
    }
}

/// A band of heights: one that holds it, and one it holds.
#[derive(Debug, Clone, Copy)]
struct Band {
    outer: Side,
    inner: Side,
}

impl Target {
    fn band(&self) -> Option<Band> {
        let side = |band: HeightBand| (fixed::of_height(band.low_m), fixed::of_height(band.high_m));
        self.heights.map(side).map(|side| Band { outer: side, inner: side })
    }
}

fn of_lattice(cell: &impl LatticeCell, target: &Target) -> Result<Vec<(CodeText, bool)>, Error> {
    let ground = Ground::Box(cell.area());
    let Some(units) = cell.units() else {
        return cells(&Boxed::of(&cell.area()), target.band(), &ground, target);
    };
    let band = units.height.map(|h| fixed::side(h.negative, h.start, h.end));
    let plane = Boxed::of_sides(lon_side(&units.lon), fixed::side(units.lat.negative, units.lat.start, units.lat.end));
    cells(&plane, band.map(|side| Band { outer: side, inner: side }).or(target.band()), &ground, target)
}

/// The interval of longitudes, cut at the antimeridian, or with it where it belongs to the last cells of the west.
fn lon_side(lon: &super::exact::Stretch) -> Side {
    let (low, high) = fixed::cut(fixed::side(lon.negative, lon.start, lon.end), Rect::WORLD.x);
    let last = lon.negative && lon.end == 180 * crate::quantum::UNITS_PER_DEGREE;
    (if last { Rect::WORLD.x.0 } else { low }, high)
}

fn of_voxel(cell: &spatialid::Cell, target: &Target) -> Result<Vec<(CodeText, bool)>, Error> {
    let geoid_height_m = target.geoid_height_m.ok_or(Error::NeedsGeoid)?;
    spatialid::check_geoid(geoid_height_m)?;
    let voxels = Voxels { geoid_height_m };
    let (outer, inner) = (voxels.rect(cell), voxels.core(cell));
    let band = outer.z.zip(inner.z).map(|(outer, inner)| Band { outer, inner });
    let plane = Nested::new(Boxed::of_sides(outer.x, outer.y), Boxed::of_sides(inner.x, inner.y));
    cells(&plane, band, &Ground::Box(cell.area()), target)
}

fn of_hexagon(cell: h3::Cell, target: &Target) -> Result<Vec<(CodeText, bool)>, Error> {
    let Some((outer, inner)) = h3::hulls(cell) else {
        // Near a pole the box around the cell holds it, and nothing is said to be inside.
        let area = cell.area();
        return cells(&Nested::new(Boxed::of(&area), Boxed::none()), target.band(), &Ground::Box(area), target);
    };
    let plane = Nested::new(of_hull(&outer), of_hull(&inner));
    cells(&plane, target.band(), &Ground::Hulls(outer, inner), target)
}

/// The ground of a cell, as H3 is asked for it.
enum Ground {
    Box(LonLatBox),
    /// A ring that holds it and one that it holds, longitudes without a jump.
    Hulls(Vec<(f64, f64)>, Vec<(f64, f64)>),
}

fn cells(
    plane: &impl descend::Target,
    band: Option<Band>,
    ground: &Ground,
    target: &Target,
) -> Result<Vec<(CodeText, bool)>, Error> {
    match target.scheme {
        Scheme::GeoSot => {
            let limits = target.limits.check(geosot::SCHEME, 0, geosot::FINEST_LEVEL)?;
            let cells = over(&tree::GeoSot { solid: band.is_some() }, plane, band, limits);
            Ok(texts(crate::cover::sorted(cells)))
        }
        Scheme::BeiDou => lattice(&beidou::LATTICE, plane, band, ground, target.limits),
        Scheme::Rslc => lattice(&rslc::LATTICE, plane, band, ground, target.limits),
        Scheme::SpatialId => {
            let geoid_height_m = target.geoid_height_m.ok_or(Error::NeedsGeoid)?;
            spatialid::check_geoid(geoid_height_m)?;
            let band = band.ok_or(Error::NeedsHeight { scheme: spatialid::SCHEME })?;
            let limits = target.limits.check(spatialid::SCHEME, 0, spatialid::FINEST_ZOOM)?;
            check_latitude(spatialid::SCHEME, ground.latitudes(), spatialid::LIMIT_LAT_DEG)?;
            let mut cells = within(over(&Voxels { geoid_height_m }, plane, Some(band), limits), limits)?;
            cells.sort_unstable();
            Ok(texts(cells))
        }
        Scheme::H3 => hexagons(ground, target.limits),
        Scheme::SpaceTime => Err(Error::UnknownScheme { text: Scheme::SpaceTime.to_string() }),
    }
}

fn over<T: descend::Tree>(
    tree: &T,
    plane: &impl descend::Target,
    band: Option<Band>,
    limits: Limits,
) -> Vec<(T::Cell, bool)> {
    let Limits { max_cells, finest_level } = limits;
    match band {
        None => descend(tree, plane, max_cells, finest_level),
        Some(Band { outer, inner }) => descend(tree, &Solid::between(plane, outer, inner), max_cells, finest_level),
    }
}

fn lattice(
    scheme: &LatticeScheme,
    plane: &impl descend::Target,
    band: Option<Band>,
    ground: &Ground,
    limits: Limits,
) -> Result<Vec<(CodeText, bool)>, Error> {
    let limits = limits.check(scheme.name, 1, scheme.steps.len() as u8)?;
    // A cell that ends at the limit is inside: its far edge is not its own.
    let (south, north) = ground.latitudes();
    check_latitude(scheme.name, (south, north), scheme.end_deg())?;
    let cells = within(over(&scheme.tree(band.is_some()), plane, band, limits), limits)?;
    let mut texts: Vec<_> = cells.iter().map(|(cell, inner)| ((scheme.text)(cell), *inner)).collect();
    texts.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    Ok(texts)
}

fn texts<C: GridCell>(cells: Vec<(C, bool)>) -> Vec<(CodeText, bool)> {
    cells.into_iter().map(|(cell, inner)| (cell.text(), inner)).collect()
}

impl Ground {
    /// South and north, degrees.
    fn latitudes(&self) -> (f64, f64) {
        match self {
            Self::Box(area) => (area.south_deg(), area.north_deg()),
            Self::Hulls(outer, _) => {
                outer.iter().fold((90.0, -90.0), |(south, north), p| (p.1.min(south), p.1.max(north)))
            }
        }
    }
}

fn hexagons(ground: &Ground, limits: Limits) -> Result<Vec<(CodeText, bool)>, Error> {
    let Limits { max_cells, finest_level: resolution } = limits.check(h3::SCHEME, 0, h3::FINEST_RESOLUTION)?;
    let found = match ground {
        Ground::Box(area) => h3::cover_box(area, resolution, max_cells)?,
        Ground::Hulls(outer, inner) => {
            let wrapped = |ring: &[(f64, f64)]| -> Vec<_> {
                ring.iter().map(|p| ((p.0 + 540.0).rem_euclid(360.0) - 180.0, p.1)).collect()
            };
            let sure = h3::cover_polygon(&wrapped(inner), resolution, max_cells)?;
            let mut found = h3::cover_polygon(&wrapped(outer), resolution, max_cells)?;
            for near in &mut found {
                near.inner = sure.binary_search(&h3::CoverCell { cell: near.cell, inner: true }).is_ok();
            }
            found
        }
    };
    Ok(found.into_iter().map(|found| (found.cell.text(), found.inner)).collect())
}
