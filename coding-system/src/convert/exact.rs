//! Equal cells. A BeiDou, GeoSOT or RSLC cell comes in as whole units of the grid all three share; the cell of another of them that spans
//! exactly the same units goes out, or a refusal that says there is none. No floating point is involved.

use crate::error::{Error, excerpt};
use crate::geosot::{of_units, span_of_axis};
use crate::grid::GridCell;
use crate::lattice::{self, Step};
use crate::scheme::{Scheme, recognise};
use crate::text::CodeText;
use crate::{beidou, geosot, rslc};

/// What a cell spans on one axis: its side of zero, the first unit inside and the first one outside, counted away from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) negative: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Stretch {
    const fn new(negative: bool, start: u32, size: u32) -> Self {
        Self { negative, start, end: start + size }
    }
}

/// What a cell spans on all axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    pub(crate) lon: Stretch,
    pub(crate) lat: Stretch,
    pub(crate) height: Option<Stretch>,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::beidou::Cell {}
    impl Sealed for crate::geosot::Cell {}
    impl Sealed for crate::rslc::Cell {}
}

/// A cell of one of the three schemes on the common grid.
pub trait LatticeCell: GridCell + sealed::Sealed {
    /// What the cell spans, in whole units; nothing for the world, a hemisphere or a polar cell.
    fn units(&self) -> Option<Units>;
}

impl LatticeCell for beidou::Cell {
    fn units(&self) -> Option<Units> {
        of_lattice(&beidou::STEPS, self.corner()?)
    }
}

impl LatticeCell for rslc::Cell {
    fn units(&self) -> Option<Units> {
        of_lattice(&rslc::STEPS, self.corner())
    }
}

impl LatticeCell for geosot::Cell {
    fn units(&self) -> Option<Units> {
        let level = self.level();
        let stretch = |axis| span_of_axis(axis, level).map(|(negative, start, end)| Stretch { negative, start, end });
        let (lon, lat) = self.axes();
        let height = self.height_layer().map(stretch);
        (level > 0).then_some(Units { lon: stretch(lon)?, lat: stretch(lat)?, height: height.flatten() })
    }
}

fn of_lattice(steps: &[Step], cell: &lattice::Cell) -> Option<Units> {
    let step = steps.get((cell.level as usize).checked_sub(1)?)?;
    Some(Units {
        lon: Stretch::new(cell.west, cell.x, step.lon),
        lat: Stretch::new(cell.south, cell.y, step.lat),
        height: cell.z.map(|(below, z)| Stretch::new(below, z, step.height)),
    })
}

/// The finest lattice cell that spans exactly the units.
fn lattice_cell(steps: &[Step], units: &Units) -> Option<lattice::Cell> {
    let cell = |level| lattice::Cell {
        south: units.lat.negative,
        west: units.lon.negative,
        x: units.lon.start,
        y: units.lat.start,
        z: units.height.map(|h| (h.negative, h.start)),
        level,
    };
    let aligned = |cell: &lattice::Cell| cell.truncated(steps, cell.level) == *cell;
    (1..=steps.len() as u8).rev().map(cell).find(|cell| aligned(cell) && of_lattice(steps, cell) == Some(*units))
}

/// The GeoSOT cell that spans exactly what a cell spans. Where several levels do (the last cells of a minute or degree), the finest.
///
/// # Errors
/// [`Error::NoEqualCell`] when there is none.
pub fn to_geosot(cell: &impl LatticeCell) -> Result<geosot::Cell, Error> {
    let equal = |units: Units| {
        let at = |s: Stretch| (s.negative, s.start);
        let levels = (1..=geosot::FINEST_LEVEL).rev();
        let cells = levels.map(|level| of_units(at(units.lon), at(units.lat), units.height.map(at), level));
        cells.flatten().find(|cell| cell.units() == Some(units))
    };
    cell.units().and_then(equal).ok_or_else(|| none(cell, Scheme::GeoSot))
}

/// The BeiDou cell that spans exactly what a cell spans.
///
/// # Errors
/// [`Error::NoEqualCell`] when there is none, as at |lat| >= 88 degrees.
pub fn to_beidou(cell: &impl LatticeCell) -> Result<beidou::Cell, Error> {
    let units = cell.units().filter(|units| units.lat.end <= beidou::POLAR_Y);
    let equal = units.and_then(|units| lattice_cell(&beidou::STEPS, &units));
    equal.map(beidou::Cell::from_corner).ok_or_else(|| none(cell, Scheme::BeiDou))
}

/// The RSLC cell that spans exactly what a cell spans.
///
/// # Errors
/// [`Error::NoEqualCell`] when there is none, as at |lat| >= 88 degrees.
pub fn to_rslc(cell: &impl LatticeCell) -> Result<rslc::Cell, Error> {
    let units = cell.units().filter(|units| units.lat.end <= rslc::LIMIT_DEG * crate::quantum::UNITS_PER_DEGREE);
    let equal = units.and_then(|units| lattice_cell(&rslc::STEPS, &units));
    equal.map(rslc::Cell::from_corner).ok_or_else(|| none(cell, Scheme::Rslc))
}

fn none(cell: &impl LatticeCell, to: Scheme) -> Error {
    Error::NoEqualCell { code: cell.text().to_string(), to: to.title() }
}

/// The code of the equal cell in another scheme, as text: between BeiDou, GeoSOT and RSLC, and of any code in its own scheme.
///
/// # Errors
/// What the code's scheme refuses; [`Error::NoEqualCell`] when the other scheme has no equal cell, as H3 and Spatial ID never have.
pub fn exact(code: &str, to: Scheme) -> Result<CodeText, Error> {
    match recognise(code)? {
        from if from == to && from != Scheme::SpaceTime => {
            crate::scheme::check(from, code)?;
            let mut text = CodeText::new();
            text.push_str(code);
            Ok(text)
        }
        Scheme::BeiDou => exact_of(&code.parse::<beidou::Cell>()?, to),
        Scheme::GeoSot => exact_of(&code.parse::<geosot::Cell>()?, to),
        Scheme::Rslc => exact_of(&code.parse::<rslc::Cell>()?, to),
        from => {
            if from != Scheme::SpaceTime {
                crate::scheme::check(from, code)?;
            }
            Err(Error::NoEqualCell { code: excerpt(code), to: to.title() })
        }
    }
}

fn exact_of(cell: &impl LatticeCell, to: Scheme) -> Result<CodeText, Error> {
    match to {
        Scheme::BeiDou => to_beidou(cell).map(|cell| cell.text()),
        Scheme::GeoSot => to_geosot(cell).map(|cell| cell.text()),
        Scheme::Rslc => to_rslc(cell).map(|cell| cell.text()),
        Scheme::H3 | Scheme::SpatialId | Scheme::SpaceTime => Err(none(cell, to)),
    }
}
