//! GeoTIFF (OGC 19-008r4) and COG: the first image, one band, its strips or tiles as blocks. The reference system is of the
//! geo keys, the voids of GDAL's no-data tag. More bands are a picture and no heights: refused.

use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffResult};

use super::{Block, Grid, Source, malformed, sides};
use crate::crs::{AxisOrder, Crs};
use crate::error::Error;
use crate::input::Input;
use crate::options::{Ground, Options};

/// Bytes a strip or tile may have.
const MAX_BLOCK_BYTES: usize = 256 << 20;

pub(super) struct Reader {
    decoder: Decoder<BufReader<File>>,
    file: String,
    columns: u32,
    chunk: u32,
    chunks: u32,
    across: u32,
    no_data: Option<f64>,
    metres_per_unit: f64,
}

/// Runs the decoding library, which may stop at input that contradicts itself.
fn guarded<T>(file: &str, decode: impl FnOnce() -> TiffResult<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(TiffError::IoError(source))) => Err(Error::from_io(file, source)),
        Ok(Err(error)) => Err(malformed(file, error.to_string())),
        Err(_) => Err(malformed(file, "its parts contradict each other")),
    }
}

pub(super) fn open(input: &Input, options: &Options) -> Result<Grid, Error> {
    let file = input.name.clone();
    let reader = BufReader::new(File::open(input.path()).map_err(|e| Error::from_io(&file, e))?);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BLOCK_BYTES;
    limits.intermediate_buffer_size = MAX_BLOCK_BYTES;
    limits.ifd_value_size = 64 << 20;
    let mut decoder = guarded(&file, || Ok(Decoder::new(reader)?.with_limits(limits)))?;
    let (columns, rows) = guarded(&file, || decoder.dimensions())?;
    let (columns, rows) = sides(&file, columns, rows)?;
    match guarded(&file, || decoder.colortype())? {
        ColorType::Gray(_) => {}
        other => {
            let found = format!("it is a picture of {other:?}, and heights are one band of numbers");
            return Err(Error::Foreign { file, found });
        }
    }
    let keys = Keys::of(&mut decoder);
    let crs = reference(&file, &keys, options)?;
    let (origin, step) = transform(&file, &mut decoder)?;
    let is_point = keys.get(1025) == Some(2);
    let (across, chunks) = guarded(&file, || {
        let (width, height) = decoder.chunk_dimensions();
        let (width, height) = (width.max(1), height.max(1));
        Ok((columns.div_ceil(width), columns.div_ceil(width).saturating_mul(rows.div_ceil(height))))
    })?;
    let no_data =
        decoder.get_tag_ascii_string(Tag::GdalNodata).ok().and_then(|t| t.trim_matches(['\0', ' ']).parse().ok());
    let ground = Ground::new(&file, &crs, options)?;
    let metres_per_unit = keys.metres().unwrap_or(1.0);
    let half = if is_point { 0.0 } else { 0.5 };
    Ok(Grid {
        columns,
        rows,
        first: [origin[0] + step[0] * half, origin[1] + step[1] * half],
        step,
        margin: half,
        media_type: "image/tiff; application=geotiff",
        ground,
        source: Source::GeoTiff(Box::new(Reader {
            decoder,
            file,
            columns,
            chunk: 0,
            chunks,
            across,
            no_data,
            metres_per_unit,
        })),
    })
}

/// The GeoKeyDirectory: keys with their numbers (clause 7.1.2); those of texts and doubles are left out.
struct Keys(Vec<(u16, u16)>);

impl Keys {
    fn of(decoder: &mut Decoder<BufReader<File>>) -> Self {
        let directory = decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default();
        let entries = directory.chunks_exact(4).skip(1).filter(|e| e[1] == 0).map(|e| (e[0], e[3]));
        Self(entries.take(1000).collect())
    }

    fn get(&self, key: u16) -> Option<u16> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, value)| *value)
    }

    /// A key that is a code of the register; 32767 is "defined by other keys".
    fn code(&self, key: u16) -> Option<u16> {
        self.get(key).filter(|code| (1024..32_767).contains(code))
    }

    /// Metres a unit of the heights.
    fn metres(&self) -> Option<f64> {
        match self.get(4099)? {
            9001 => Some(1.0),
            9002 => Some(0.3048),
            9003 => Some(1200.0 / 3937.0),
            _ => None,
        }
    }
}

fn reference(file: &str, keys: &Keys, options: &Options) -> Result<Crs, Error> {
    if options.crs.is_some() {
        return options.crs_or(file, None, AxisOrder::LonLat);
    }
    let horizontal = keys.code(3072).or(keys.code(2048)).ok_or_else(|| Error::NoCrs { file: file.to_owned() })?;
    let name = match keys.code(4096) {
        Some(vertical) => format!("EPSG:{horizontal}+{vertical}"),
        None => format!("EPSG:{horizontal}"),
    };
    Crs::parse(&name, AxisOrder::LonLat).map_err(|source| Error::Crs { file: file.to_owned(), source })
}

/// Where the north-west corner is and what a cell measures: scale and tie point, or a matrix without turning.
fn transform(file: &str, decoder: &mut Decoder<BufReader<File>>) -> Result<([f64; 2], [f64; 2]), Error> {
    let scale = decoder.get_tag_f64_vec(Tag::ModelPixelScaleTag).unwrap_or_default();
    let tie = decoder.get_tag_f64_vec(Tag::ModelTiepointTag).unwrap_or_default();
    let matrix = decoder.get_tag_f64_vec(Tag::ModelTransformationTag).unwrap_or_default();
    let (origin, step) = match (scale.as_slice(), tie.as_slice(), matrix.as_slice()) {
        ([dx, dy, ..], [i, j, _, x, y, ..], _) => ([x - i * dx, y + j * dy], [*dx, -dy]),
        (_, _, [dx, turn_x, _, x, turn_y, dy, _, y, ..]) if *turn_x == 0.0 && *turn_y == 0.0 => ([*x, *y], [*dx, *dy]),
        (_, _, [_, _, _, _, ..]) => return Err(malformed(file, "its grid is turned; write it north up")),
        _ => return Err(malformed(file, "it does not say where its cells are")),
    };
    let is_sound = step[0] > 0.0 && step[1] < 0.0 && origin.iter().chain(&step).all(|n| n.is_finite());
    if is_sound { Ok((origin, step)) } else { Err(malformed(file, "its cells have no size, or it is not north up")) }
}

impl Reader {
    /// A strip or a tile.
    pub(super) fn next_block(&mut self) -> Result<Option<Block>, Error> {
        if self.chunk == self.chunks {
            return Ok(None);
        }
        let chunk = self.chunk;
        self.chunk += 1;
        let decoder = &mut self.decoder;
        let (samples, size, data) = guarded(&self.file, || {
            let data = decoder.chunk_data_dimensions(chunk);
            Ok((decoder.read_chunk(chunk)?, decoder.chunk_dimensions(), data))
        })?;
        let numbers: Vec<f64> = match samples {
            DecodingResult::U8(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::U16(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::U32(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::I8(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::I16(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::I32(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::F32(v) => v.into_iter().map(f64::from).collect(),
            DecodingResult::F64(v) => v,
            _ => return Err(malformed(&self.file, "numbers of a type that heights do not have")),
        };
        let (column, row) = (chunk % self.across * size.0, chunk / self.across * size.1);
        let width = data.0.min(self.columns.saturating_sub(column));
        if numbers.len() as u64 != u64::from(data.0) * u64::from(data.1) || width != data.0 {
            return Err(malformed(&self.file, format!("block {chunk} has {} cells", numbers.len())));
        }
        let height = |n: f64| {
            let is_void = !n.is_finite() || self.no_data.is_some_and(|void| n == void || n as f32 == void as f32);
            (!is_void).then_some((n * self.metres_per_unit) as f32)
        };
        Ok(Some(Block { column, row, width, heights_m: numbers.into_iter().map(height).collect() }))
    }
}
