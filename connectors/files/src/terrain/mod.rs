//! Grids of heights: GeoTIFF and COG, SRTM HGT (plain or in zip), Terrarium and terrain-RGB pictures. A file in, one entity
//! of kind terrain with the grid's extent and one content object (the file) out; [`Grid`] gives the heights block by block
//! to whoever wants them. Heights are metres above what the file says they are, unknown where it says nothing; voids are
//! absent. Nothing is converted and no pixel is guessed: a picture's encoding and place have to be stated.

mod geotiff;
mod hgt;
mod picture;

use std::path::Path;

use kernel_model::{Change, ContentDraft, Coord, EntityDraft, Geometry, HeightReference, Kind, Shape};
use serde_json::{Map, Value, json};

use crate::Used;
use crate::archive::{Bundle, has_ending};
use crate::crs::CrsError;
use crate::error::Error;
use crate::input::Input;
use crate::intake::Intake;
use crate::options::{Ground, Options};

pub(crate) use hgt::is_hgt;

/// Cells a side of a grid may have.
const MAX_SIDE: u32 = 1 << 20;

/// Heights of a regular grid, north up, in the file's own coordinate reference system.
pub struct Grid {
    /// Cells from west to east.
    pub columns: u32,
    /// Cells from north to south.
    pub rows: u32,
    /// Coordinates of the middle of the cell at column 0, row 0.
    pub first: [f64; 2],
    /// From one cell to the next: eastward, and southward as a negative number.
    pub step: [f64; 2],
    /// Half a cell where cells are areas, nothing where they are points: what the extent has beyond the cells' middles.
    margin: f64,
    media_type: &'static str,
    ground: Ground,
    source: Source,
}

/// Some of a grid's cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The grid's column of its first cell.
    pub column: u32,
    /// The grid's row of its first cell.
    pub row: u32,
    /// Cells in a row of it.
    pub width: u32,
    /// Metres, row by row from north; `None`: a void.
    pub heights_m: Vec<Option<f32>>,
}

enum Source {
    GeoTiff(Box<geotiff::Reader>),
    Hgt(hgt::Reader),
    Picture(Box<picture::Reader>),
}

impl Grid {
    /// Opens a grid of heights.
    ///
    /// # Errors
    /// [`Error`] where the file is none, or does not say where it is and the options do not either.
    pub fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        Self::of_input(&Input::new(path), options)
    }

    fn of_input(input: &Input, options: &Options) -> Result<Self, Error> {
        match input.head(4)?.as_slice() {
            [b'P', b'K', ..] => {
                let bundle = Bundle::open(input)?;
                let mut members = bundle.ending(".hgt");
                match (members.next(), members.next()) {
                    (Some(member), None) => {
                        hgt::open(input, bundle.read(member)?, member.file_name(), member.size, options)
                    }
                    _ => Err(Error::Foreign {
                        file: input.name.clone(),
                        found: "it is a zip archive of several tiles: give them one by one".to_owned(),
                    }),
                }
            }
            [0x89, b'P', b'N', b'G'] => picture::open(input, options),
            _ if has_ending(&input.name, ".hgt") => {
                let size = std::fs::metadata(input.path()).map_err(|e| Error::from_io(&input.name, e))?.len();
                hgt::open(input, input.open()?, &input.name, size, options)
            }
            _ => geotiff::open(input, options),
        }
    }

    /// The next block, in the file's order; `None` after the last.
    ///
    /// # Errors
    /// [`Error`] where the file ends early or contradicts itself.
    pub fn next_block(&mut self) -> Result<Option<Block>, Error> {
        match &mut self.source {
            Source::GeoTiff(reader) => reader.next_block(),
            Source::Hgt(reader) => reader.next_block(),
            Source::Picture(reader) => reader.next_block(),
        }
    }

    /// Longitude and latitude of the middle of a cell.
    ///
    /// # Errors
    /// Text where the coordinates do not fit the grid's system.
    pub fn place(&self, column: u32, row: u32) -> Result<Coord, String> {
        self.at(f64::from(column), f64::from(row))
    }

    fn at(&self, column: f64, row: f64) -> Result<Coord, String> {
        self.ground.frame.locate(self.first[0] + self.step[0] * column, self.first[1] + self.step[1] * row, 0.0)
    }

    /// What the heights are measured from.
    pub fn height_reference(&self) -> &HeightReference {
        &self.ground.height_reference
    }

    /// The outline, a few points a side, so that it bends with the projection.
    fn outline(&self) -> Result<Vec<Coord>, String> {
        const STEPS: u32 = 8;
        let (west, north) = (-self.margin, -self.margin);
        let (east, south) = (f64::from(self.columns) - 1.0 + self.margin, f64::from(self.rows) - 1.0 + self.margin);
        let along = |a: f64, b: f64, step: u32| a + (b - a) * f64::from(step) / f64::from(STEPS);
        let corners = [(west, north), (west, south), (east, south), (east, north), (west, north)];
        let mut ring = Vec::new();
        for side in corners.windows(2) {
            for step in 0..STEPS {
                ring.push(self.at(along(side[0].0, side[1].0, step), along(side[0].1, side[1].1, step))?);
            }
        }
        ring.extend(ring.first().copied());
        Ok(ring)
    }
}

/// What one pass over the heights finds.
#[derive(Default)]
struct Census {
    heights: u64,
    voids: u64,
    range_m: Option<(f32, f32)>,
}

/// Reads one grid.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    intake.count_record();
    let file = intake.file().to_owned();
    let mut grid = Grid::of_input(intake.input, options)?;
    let misfit = |why| Error::Crs { file: file.clone(), source: CrsError::Misfit(why) };
    let ring = grid.outline().map_err(misfit)?;
    let mut census = Census::default();
    while let Some(block) = grid.next_block()? {
        for height in block.heights_m {
            let Some(height) = height else {
                census.voids += 1;
                continue;
            };
            census.heights += 1;
            census.range_m =
                Some(census.range_m.map_or((height, height), |(low, high)| (low.min(height), high.max(height))));
        }
    }
    let bytes = intake.input.raw()?;
    let key = intake.key(file.as_str());
    let mut draft =
        EntityDraft::new(key.clone(), Kind::Terrain, options.stated_class()?.map(|c| c.class).unwrap_or_default());
    draft.name = Some(file.clone());
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring])));
    draft.properties = properties(&grid, &census);
    grid.ground.stamp(&mut draft);
    intake.entity(draft)?;
    let media_type = grid.media_type.to_owned();
    intake.put(Change::Content(ContentDraft { entity: key, media_type, name: file, bytes }))?;
    Ok(grid.ground.used())
}

fn properties(grid: &Grid, census: &Census) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut put = |key: &str, value: Value| properties.insert(key.to_owned(), value);
    put("columns", grid.columns.into());
    put("rows", grid.rows.into());
    put("heights", census.heights.into());
    put("voids", census.voids.into());
    put("source_crs", grid.ground.frame.crs().name().into());
    put("source_first", json!(grid.first));
    put("source_step", json!(grid.step));
    // The outline is flat: what the cells' heights are measured from stands here.
    put("heights_above", grid.height_reference().to_string().into());
    if let Some((low, high)) = census.range_m {
        put("lowest_m", f64::from(low).into());
        put("highest_m", f64::from(high).into());
    }
    properties
}

/// A grid's sides, within reason.
fn sides(file: &str, columns: u32, rows: u32) -> Result<(u32, u32), Error> {
    if columns == 0 || rows == 0 || columns > MAX_SIDE || rows > MAX_SIDE {
        return Err(malformed(file, format!("{columns} by {rows} cells, where 1 to {MAX_SIDE} a side are read")));
    }
    Ok((columns, rows))
}

fn malformed(file: &str, reason: impl Into<String>) -> Error {
    Error::Malformed { file: file.to_owned(), place: "grid".to_owned(), reason: reason.into() }
}
