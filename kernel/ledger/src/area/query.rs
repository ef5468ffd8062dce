//! What is asked of the map: a box or cells in, and of any cell whether it lies outside, inside or across. Prover and
//! verifier ask the same function, so what the one leaves out the other accepts.

use coding_system::LonLatBox;

use super::bytes::{Bytes, write_number};
use super::place::MapCell;

/// Cells of one question.
const MAX_CELLS: usize = 1_024;

/// An area, or cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// West, south, east, north in degrees, CGCS2000/WGS 84, the sides belonging to it; west above east crosses the
    /// antimeridian.
    Box([f64; 4]),
    /// GeoSOT cells, at most 1,024.
    Cells(Vec<MapCell>),
}

/// Why there is no such question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No box.
    #[error("the box: {0}; give west, south, east, north in degrees")]
    Box(String),
    /// No cell.
    #[error("`{0}` is no GeoSOT cell: give texts such as G001310322-230230")]
    Cell(String),
    /// None, or too many.
    #[error("{0} cells: give 1 to 1024")]
    Count(usize),
}

/// Where a cell lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Outside,
    Inside,
    Across,
}

impl Query {
    /// A box of west, south, east, north in degrees.
    ///
    /// # Errors
    /// Where it lies off the Earth or south is above north.
    pub fn of_box(sides: [f64; 4]) -> Result<Self, QueryError> {
        let query = Self::Box(sides);
        query.boxes().map_err(QueryError::Box)?;
        Ok(query)
    }

    /// The cells of these GeoSOT texts.
    ///
    /// # Errors
    /// Where one is no cell, or there are none or too many.
    pub fn of_cells<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, QueryError> {
        let cell = |text: &str| MapCell::of_text(text).ok_or_else(|| QueryError::Cell(text.to_owned()));
        let cells: Vec<_> = texts.into_iter().map(cell).collect::<Result<_, _>>()?;
        match cells.len() {
            1..=MAX_CELLS => Ok(Self::Cells(cells)),
            count => Err(QueryError::Count(count)),
        }
    }

    /// Made ready for many cells.
    pub(super) fn prepared(&self) -> Option<Prepared> {
        match self {
            Self::Box(_) => self.boxes().ok().map(Prepared::Boxes),
            Self::Cells(cells) => Some(Prepared::Cells(cells.clone())),
        }
    }

    /// One box, or the two on both sides of the antimeridian.
    fn boxes(&self) -> Result<Vec<LonLatBox>, String> {
        let Self::Box([west, south, east, north]) = *self else { return Ok(Vec::new()) };
        let one = |west, east| LonLatBox::new(west, south, east, north).map_err(|e| e.to_string());
        if west <= east { Ok(vec![one(west, east)?]) } else { Ok(vec![one(west, 180.0)?, one(-180.0, east)?]) }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Box(sides) => {
                out.push(0);
                for side in sides {
                    out.extend_from_slice(&side.to_be_bytes());
                }
            }
            Self::Cells(cells) => {
                out.push(1);
                write_number(out, cells.len() as u64);
                for cell in cells {
                    out.push(cell.level());
                    out.extend_from_slice(&cell.code().to_be_bytes());
                }
            }
        }
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let word = |bytes: &mut Bytes<'_>| bytes.take(8)?.try_into().ok();
        if bytes.byte()? == 0 {
            let mut sides = [0.0; 4];
            for side in &mut sides {
                *side = f64::from_be_bytes(word(bytes)?);
            }
            return Self::of_box(sides).ok();
        }
        let count = bytes.number().filter(|count| (1..=MAX_CELLS as u64).contains(count))?;
        let cell = |_| {
            let level = bytes.byte()?;
            MapCell::checked(u64::from_be_bytes(word(bytes)?), level)
        };
        (0..count).map(cell).collect::<Option<_>>().map(Self::Cells)
    }
}

/// A question made ready.
#[derive(Debug)]
pub(super) enum Prepared {
    Boxes(Vec<LonLatBox>),
    Cells(Vec<MapCell>),
}

impl Prepared {
    /// Nothing for what is no cell of the grid.
    pub(super) fn relation(&self, cell: MapCell) -> Option<Relation> {
        match self {
            Self::Cells(cells) => Some(if cells.iter().any(|asked| asked.holds(cell)) {
                Relation::Inside
            } else if cells.iter().any(|asked| cell.holds(*asked)) {
                Relation::Across
            } else {
                Relation::Outside
            }),
            Self::Boxes(boxes) => {
                let area = cell.area()?;
                let relations = boxes.iter().map(|asked| relation(asked, &area));
                Some(relations.fold(Relation::Outside, |so_far, next| match (so_far, next) {
                    (Relation::Inside, _) | (_, Relation::Inside) => Relation::Inside,
                    (Relation::Across, _) | (_, Relation::Across) => Relation::Across,
                    _ => Relation::Outside,
                }))
            }
        }
    }
}

/// Both are closed: what only touches lies across.
fn relation(asked: &LonLatBox, cell: &LonLatBox) -> Relation {
    let apart = cell.west_deg() > asked.east_deg()
        || cell.east_deg() < asked.west_deg()
        || cell.south_deg() > asked.north_deg()
        || cell.north_deg() < asked.south_deg();
    let within = cell.west_deg() >= asked.west_deg()
        && cell.east_deg() <= asked.east_deg()
        && cell.south_deg() >= asked.south_deg()
        && cell.north_deg() <= asked.north_deg();
    match (apart, within) {
        (true, _) => Relation::Outside,
        (_, true) => Relation::Inside,
        _ => Relation::Across,
    }
}
