//! SRTM tiles (SRTM_Topo.pdf, 2.1.4): big-endian metres above EGM96, 1,201 or 3,601 a side, a degree wide, named by their
//! south-west corner. The lines on the edges are shared with the neighbours: samples are points.

use std::io::{BufRead, Read};

use super::{Block, Grid, Source, malformed};
use crate::crs::{AxisOrder, Crs};
use crate::error::Error;
use crate::input::Input;
use crate::options::{Ground, Options};

/// Samples a side, of three and of one arc second.
const SIDES: [u32; 2] = [1201, 3601];
const VOID: i16 = -32_768;

pub(super) struct Reader {
    bytes: Box<dyn BufRead + Send>,
    file: String,
    side: u32,
    row: u32,
}

/// Whether the file's name and size are those of a tile.
pub(crate) fn is_hgt(input: &Input) -> bool {
    let size = std::fs::metadata(input.path()).map_or(0, |m| m.len());
    corner(&input.name).is_some() && side(size).is_some()
}

fn side(size: u64) -> Option<u32> {
    SIDES.into_iter().find(|side| size == u64::from(*side) * u64::from(*side) * 2)
}

/// `N49E011.hgt`: latitude and longitude of the south-west corner.
fn corner(name: &str) -> Option<(f64, f64)> {
    let name = name.to_ascii_uppercase();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<f64>().ok()).flatten();
    let stem = name.strip_suffix(".HGT").filter(|stem| stem.len() == 7 && stem.is_ascii())?;
    let lat = digits(&stem[1..3])? * if stem.starts_with('S') { -1.0 } else { 1.0 };
    let lon = digits(&stem[4..7])? * if &stem[3..4] == "W" { -1.0 } else { 1.0 };
    let is_named = matches!(&stem[..1], "N" | "S") && matches!(&stem[3..4], "E" | "W");
    (is_named && (-90.0..90.0).contains(&lat) && (-180.0..180.0).contains(&lon)).then_some((lat, lon))
}

pub(super) fn open(
    input: &Input,
    reader: Box<dyn BufRead + Send>,
    name: &str,
    size: u64,
    options: &Options,
) -> Result<Grid, Error> {
    let file = input.name.clone();
    if options.crs.is_some() {
        return Err(Error::Option { option: "--crs", reason: "SRTM tiles are always WGS 84; leave it out".to_owned() });
    }
    let side =
        side(size).ok_or_else(|| malformed(&file, format!("{size} bytes are neither 1201 nor 3601 samples a side")))?;
    let (lat, lon) =
        corner(name).ok_or_else(|| malformed(&file, format!("`{name}` is no tile's name such as N49E011.hgt")))?;
    let crs =
        Crs::parse("EPSG:4326+5773", AxisOrder::LonLat).map_err(|source| Error::Crs { file: file.clone(), source })?;
    let step = 1.0 / f64::from(side - 1);
    Ok(Grid {
        columns: side,
        rows: side,
        first: [lon, lat + 1.0],
        step: [step, -step],
        margin: 0.0,
        media_type: if input.name == name { "application/x-srtm-hgt" } else { "application/zip" },
        ground: Ground::new(&file, &crs, options)?,
        source: Source::Hgt(Reader { bytes: reader, file, side, row: 0 }),
    })
}

impl Reader {
    /// A row of the tile.
    pub(super) fn next_block(&mut self) -> Result<Option<Block>, Error> {
        if self.row == self.side {
            return Ok(None);
        }
        let mut bytes = vec![0; self.side as usize * 2];
        self.bytes.read_exact(&mut bytes).map_err(|e| Error::from_io(&self.file, e))?;
        let samples = bytes.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
        let heights_m = samples.map(|h| (h != VOID).then_some(f32::from(h))).collect();
        self.row += 1;
        Ok(Some(Block { column: 0, row: self.row - 1, width: self.side, heights_m }))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_corners() {
        assert_eq!(super::corner("N49E011.hgt"), Some((49.0, 11.0)));
        assert_eq!(super::corner("s33w070.HGT"), Some((-33.0, -70.0)));
        for name in ["N99E011.hgt", "N49E011", "N4 E011.hgt", "X49E011.hgt", "N49X011.hgt", "ä9E0111.hgt"] {
            assert_eq!(super::corner(name), None, "{name}");
        }
    }
}
