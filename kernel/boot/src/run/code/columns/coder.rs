//! One column of codes: a block of positions in, a column of texts of the scheme and level out.

use anyhow::{Context, anyhow, bail};
use arrow::array::{StringArray, StringBuilder};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use coding_system::batch::{self, Positions};
use coding_system::{Datum, Dimension, Error, Position, Scheme, h3, rslc, spatialid};

use crate::cli::ColumnsArgs;

/// What one column holds.
pub(super) struct Coder {
    /// Name of the column: `code_` and what was asked for.
    pub(super) name: String,
    scheme: Scheme,
    level: u8,
    is_3d: bool,
    datum: Datum,
    geoid: Option<f64>,
}

/// A block of rows; heights where codes are 3D. Rows without a position hold zeros and are named in `missing`.
#[derive(Default)]
pub(super) struct Block {
    pub(super) lon: Vec<f64>,
    pub(super) lat: Vec<f64>,
    pub(super) height: Option<Vec<f64>>,
    /// In order.
    pub(super) missing: Vec<usize>,
}

/// Longitudes and latitudes.
type Degrees = (Vec<f64>, Vec<f64>);

impl Coder {
    pub(super) fn new(text: &str, args: &ColumnsArgs) -> anyhow::Result<Self> {
        let (scheme, level) = text.split_once(':').ok_or_else(|| anyhow!("--code wants SCHEME:LEVEL, not `{text}`"))?;
        let level = level.parse().with_context(|| format!("--code {text}: the level is a number"))?;
        let datum = match args.datum.as_str() {
            "gcj02" => Datum::Gcj02,
            "bd09" => Datum::Bd09,
            "cgcs2000" => Datum::Cgcs2000,
            _ => Datum::Wgs84,
        };
        let coder = Self {
            name: format!("code_{}", text.replace(':', "_")),
            scheme: scheme.parse()?,
            level,
            is_3d: args.height.is_some(),
            datum,
            geoid: args.geoid,
        };
        if coder.scheme == Scheme::SpaceTime {
            bail!("--code {text}: a column holds places; give bd, gs, rs, h3 or si");
        }
        // A wrong level or a missing geoid height is said before a file is read.
        let anywhere =
            Block { lon: vec![116.3], lat: vec![39.9], height: coder.is_3d.then(|| vec![50.0]), missing: vec![] };
        coder.code(&anywhere).with_context(|| format!("--code {text}"))?;
        Ok(coder)
    }

    /// The codes of a block; null where there is no position.
    pub(super) fn code(&self, block: &Block) -> Result<StringArray, Error> {
        let shifted = self.in_frame(block)?;
        let (lon, lat) = shifted.as_ref().map_or((&block.lon, &block.lat), |(lon, lat)| (lon, lat));
        let positions = match &block.height {
            Some(height) => Positions::new_3d(lon, lat, height)?,
            None => Positions::new_2d(lon, lat)?,
        };
        let Some(width) = self.width()? else { return self.one_by_one(block, lon, lat) };
        let mut texts = vec![0; width * block.lon.len()];
        match (self.scheme, self.is_3d) {
            (Scheme::BeiDou, false) => batch::beidou_2d(&positions, self.level, &mut texts)?,
            (Scheme::BeiDou, true) => batch::beidou_3d(&positions, self.level, &mut texts)?,
            (Scheme::GeoSot, _) => batch::geosot(&positions, self.level, &mut texts)?,
            (Scheme::H3, _) => batch::texts(&h3::Grid, &positions, self.level, width, &mut texts)?,
            (_, is_3d) => {
                let dimension = if is_3d { Dimension::Solid } else { Dimension::Plane };
                batch::texts(&rslc::Grid(dimension), &positions, self.level, width, &mut texts)?
            }
        };
        Ok(column(texts, width, block))
    }

    /// Degrees in the coding system's frame, where they were given in another.
    fn in_frame(&self, block: &Block) -> Result<Option<Degrees>, Error> {
        if matches!(self.datum, Datum::Wgs84 | Datum::Cgcs2000) {
            return Ok(None);
        }
        let mut places = (Vec::with_capacity(block.lon.len()), Vec::with_capacity(block.lon.len()));
        for (row, (lon, lat)) in block.lon.iter().zip(&block.lat).enumerate() {
            let place = Position::from_datum(self.datum, *lon, *lat, None);
            let place = place.map_err(|refusal| Error::Row { row, refusal: Box::new(refusal) })?;
            places.0.push(place.lon_deg());
            places.1.push(place.lat_deg());
        }
        Ok(Some(places))
    }

    /// Characters of every code; none where they differ.
    fn width(&self) -> Result<Option<usize>, Error> {
        let place = Position::new(116.3, 39.9, self.is_3d.then_some(50.0))?;
        Ok(match self.scheme {
            Scheme::SpatialId => None,
            scheme => Some(coding_system::encode(scheme, self.level, &place, None)?.len()),
        })
    }

    fn one_by_one(&self, block: &Block, lon: &[f64], lat: &[f64]) -> Result<StringArray, Error> {
        let geoid_m = self.geoid.ok_or(Error::NeedsGeoid)?;
        let mut texts = StringBuilder::with_capacity(lon.len(), lon.len() * 24);
        for row in 0..lon.len() {
            if block.missing.binary_search(&row).is_ok() {
                texts.append_null();
                continue;
            }
            let position = Position::new(lon[row], lat[row], block.height.as_ref().map(|height| height[row]));
            let cell = position.and_then(|position| spatialid::encode(&position, geoid_m, self.level));
            let cell = cell.map_err(|refusal| Error::Row { row, refusal: Box::new(refusal) })?;
            texts.append_value(coding_system::GridCell::text(&cell).as_str());
        }
        Ok(texts.finish())
    }
}

/// Texts of one width as a column.
fn column(texts: Vec<u8>, width: usize, block: &Block) -> StringArray {
    let rows = block.lon.len();
    let offsets: ScalarBuffer<i32> = (0..=rows).map(|row| (row * width) as i32).collect();
    let nulls = (!block.missing.is_empty()).then(|| {
        let mut present = vec![true; rows];
        block.missing.iter().for_each(|row| present[*row] = false);
        present.into()
    });
    StringArray::new(OffsetBuffer::new(offsets), Buffer::from_vec(texts), nulls)
}

impl Block {
    pub(super) fn push(&mut self, lon: f64, lat: f64, height_m: Option<f64>) {
        self.lon.push(lon);
        self.lat.push(lat);
        if let (Some(heights), Some(height_m)) = (&mut self.height, height_m) {
            heights.push(height_m);
        }
    }

    /// A row without a position.
    pub(super) fn push_missing(&mut self) {
        self.missing.push(self.lon.len());
        self.push(0.0, 0.0, Some(0.0));
    }
}
