//! Heights in a picture's colours: Terrarium (R·256 + G + B/256 − 32768 m) and terrain-RGB (−10000 + (R·65536 + G·256 + B)/10
//! m), tiles of the Web Mercator pyramid. Neither encoding nor place is in the file; both have to be stated. What is
//! transparent is a void. What the heights are measured from is unknown, unless the caller says it.

use std::f64::consts::PI;
use std::fs::File;
use std::io::BufReader;

use png::{ColorType, Decoder, DecodingError, Limits, Transformations};

use super::{Block, Grid, Source, malformed, sides};
use crate::crs::{AxisOrder, Crs};
use crate::error::Error;
use crate::input::Input;
use crate::options::{Ground, Options};

/// Half the width of the pyramid in metres (EPSG:3857).
const HALF_WORLD_M: f64 = PI * 6_378_137.0;
const MAX_BYTES: usize = 256 << 20;

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Terrarium,
    TerrainRgb,
}

pub(super) struct Reader {
    png: png::Reader<BufReader<File>>,
    encoding: Encoding,
    /// Bytes a pixel: 3, or 4 with opacity.
    pixel: usize,
    width: u32,
    height: u32,
    row: u32,
    file: String,
}

/// `10/906/404`: zoom, column, row from the north.
fn tile(options: &Options) -> Result<(u32, f64, f64), Error> {
    let wanted = |reason: &str| Error::Option { option: "--tile", reason: reason.to_owned() };
    let text = options.tile.as_deref();
    let text =
        text.ok_or_else(|| wanted("a picture does not say where it is; give zoom/column/row, such as 10/906/404"))?;
    let numbers: Vec<u32> = text.split('/').filter_map(|n| n.parse().ok()).collect();
    match numbers.as_slice() {
        [zoom @ 0..=30, x, y] if *x < 1 << zoom && *y < 1 << zoom => Ok((*zoom, f64::from(*x), f64::from(*y))),
        _ => Err(wanted("it is no tile: give zoom/column/row, such as 10/906/404")),
    }
}

pub(super) fn open(input: &Input, options: &Options) -> Result<Grid, Error> {
    let file = input.name.clone();
    let encoding = match options.heights.as_deref() {
        Some("terrarium") => Encoding::Terrarium,
        Some("terrain-rgb") => Encoding::TerrainRgb,
        _ => {
            let reason = format!("{file} does not say how heights are in its colours; give terrarium or terrain-rgb");
            return Err(Error::Option { option: "--heights", reason });
        }
    };
    if options.crs.is_some() {
        let reason = "a picture's place is its tile; leave it out".to_owned();
        return Err(Error::Option { option: "--crs", reason });
    }
    let (zoom, x, y) = tile(options)?;
    let reader = BufReader::new(File::open(input.path()).map_err(|e| Error::from_io(&file, e))?);
    let mut decoder = Decoder::new_with_limits(reader, Limits { bytes: MAX_BYTES });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let reader = decoder.read_info().map_err(|e| from_png(&file, e))?;
    let (width, height) = sides(&file, reader.info().width, reader.info().height)?;
    let pixel = match reader.output_color_type().0 {
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        other => return Err(malformed(&file, format!("pixels of {other:?}, where heights need red, green and blue"))),
    };
    if reader.info().interlaced {
        return Err(malformed(&file, "it is interlaced; write it without"));
    }
    let side_m = 2.0 * HALF_WORLD_M / f64::from(1_u32 << zoom);
    let (dx, dy) = (side_m / f64::from(width), side_m / f64::from(height));
    let crs = Crs::parse("EPSG:3857", AxisOrder::LonLat).map_err(|source| Error::Crs { file: file.clone(), source })?;
    Ok(Grid {
        columns: width,
        rows: height,
        first: [x * side_m - HALF_WORLD_M + dx / 2.0, HALF_WORLD_M - y * side_m - dy / 2.0],
        step: [dx, -dy],
        margin: 0.5,
        media_type: "image/png",
        ground: Ground::new(&file, &crs, options)?,
        source: Source::Picture(Box::new(Reader { png: reader, encoding, pixel, width, height, row: 0, file })),
    })
}

impl Reader {
    /// A row of the picture.
    pub(super) fn next_block(&mut self) -> Result<Option<Block>, Error> {
        let Some(row) = self.png.next_row().map_err(|e| from_png(&self.file, e))? else {
            let is_whole = self.row == self.height;
            let detail = format!("{} of {} rows", self.row, self.height);
            return if is_whole { Ok(None) } else { Err(Error::Truncated { file: self.file.clone(), detail }) };
        };
        let heights_m = row.data().chunks_exact(self.pixel).map(|p| self.encoding.height_m(p)).collect();
        self.row += 1;
        Ok(Some(Block { column: 0, row: self.row - 1, width: self.width, heights_m }))
    }
}

impl Encoding {
    fn height_m(self, pixel: &[u8]) -> Option<f32> {
        let [r, g, b, rest @ ..] = pixel else { return None };
        if rest.first() == Some(&0) {
            return None;
        }
        let (r, g, b) = (f64::from(*r), f64::from(*g), f64::from(*b));
        Some(match self {
            Self::Terrarium => r * 256.0 + g + b / 256.0 - 32_768.0,
            Self::TerrainRgb => -10_000.0 + (r * 65_536.0 + g * 256.0 + b) * 0.1,
        } as f32)
    }
}

fn from_png(file: &str, error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(source) => Error::from_io(file, source),
        other => malformed(file, other.to_string()),
    }
}
