//! ESRI shapefiles (white paper J-7855, 1998) into entity drafts: `.shp` and `.dbf` side by side, record by record, the
//! reference system of `.prj`, the encoding of `.cpg`; loose or in a zip archive, one or several. Rings become polygons by
//! their winding and by what holds what. Multipatches are refused.

mod dbase;
mod records;

use crate::Used;
use crate::archive::{Bundle, Member, has_ending, stem};
use crate::crs::{AxisOrder, Crs};
use crate::error::Error;
use crate::features::{Drafts, Properties};
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};
use dbase::Table;
use records::Records;

/// Bytes a text beside the shapes may have.
const MAX_TEXT_BYTES: u64 = 1 << 16;

/// Reads a `.shp` with the files beside it, or all of a zip archive.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let is_archive = intake.input.head(2)? == b"PK";
    let bundle = if is_archive { Bundle::open(intake.input)? } else { Bundle::beside(intake.input)? };
    let file = intake.file().to_owned();
    let layers: Vec<&Member> = if is_archive {
        bundle.ending(".shp").filter(|m| !m.file_name().starts_with("._")).collect()
    } else {
        bundle.members().iter().filter(|m| m.name == file).collect()
    };
    let several = layers.len() > 1;
    let wanted = |m: &&&Member| options.layer.as_deref().is_none_or(|layer| stem(m.file_name()) == layer);
    let chosen: Vec<&&Member> = layers.iter().filter(wanted).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = layers.iter().map(|m| stem(m.file_name())).take(20).collect();
        let reason = format!("{file} has no such layer; it has {}", names.join(", "));
        return Err(Error::Option { option: "--layer", reason });
    }
    let mut drafts: Option<Drafts> = None;
    for shp in chosen {
        let ground = Ground::new(&file, &reference(&bundle, shp, &file, options)?, options)?;
        let drafts = match &mut drafts {
            None => drafts.insert(Drafts::new(ground, options)?),
            Some(drafts) => {
                drafts.ground = ground;
                drafts
            }
        };
        layer(intake, &bundle, shp, drafts, several, options)?;
    }
    intake.input.note_read(bundle.members().iter().map(|m| m.size).sum());
    drafts.map(|d| d.ground.used()).ok_or(Error::Foreign { file, found: "it has no .shp".to_owned() })
}

fn reference(bundle: &Bundle, shp: &Member, file: &str, options: &Options) -> Result<Crs, Error> {
    if options.crs.is_some() {
        return options.crs_or(file, None, AxisOrder::LonLat);
    }
    let prj = beside(bundle, shp, ".prj").ok_or_else(|| Error::NoCrs { file: file.to_owned() })?;
    let text = bundle.whole(prj, MAX_TEXT_BYTES)?;
    Crs::from_wkt(&String::from_utf8_lossy(&text), AxisOrder::LonLat)
        .map_err(|source| Error::Crs { file: file.to_owned(), source })
}

/// The member that differs from the shapes' in its ending only.
fn beside<'b>(bundle: &'b Bundle, shp: &Member, ending: &str) -> Option<&'b Member> {
    bundle.members().iter().find(|m| has_ending(&m.name, ending) && stem(&m.name) == stem(&shp.name))
}

fn layer(
    intake: &mut Intake<'_>,
    bundle: &Bundle,
    shp: &Member,
    drafts: &mut Drafts,
    several: bool,
    options: &Options,
) -> Result<(), Error> {
    let file = intake.file().to_owned();
    let malformed = |reason: String| Error::Malformed { file: file.clone(), place: shp.name.clone(), reason };
    let name = stem(shp.file_name());
    let mut records = Records::open(bundle.read(shp)?, shp.size, &file)?;
    let mut table = match beside(bundle, shp, ".dbf") {
        None => None,
        Some(dbf) => {
            let cpg = beside(bundle, shp, ".cpg").map(|cpg| bundle.whole(cpg, MAX_TEXT_BYTES)).transpose()?;
            Some(Table::open(bundle.read(dbf)?, &file, cpg.as_deref(), options)?)
        }
    };
    let mut index = 0;
    while let Some(shape) = records.next(&drafts.ground.frame)? {
        let row: Result<Option<Properties>, Refusal> = match &mut table {
            None => Ok(Some(Properties::new())),
            Some(table) => match table.next()? {
                None => return Err(malformed(format!("the table beside it has only {index} rows"))),
                Some(row) => row,
            },
        };
        let number = index;
        index += 1;
        let own = several.then(|| format!("{name}/{number}"));
        let draft = match (shape, row) {
            // Marked as deleted in the table.
            (_, Ok(None)) => continue,
            (shape, Ok(Some(properties))) => drafts.draft(intake, own, number, shape, properties),
            (_, Err(reason)) => Err(reason),
        };
        drafts.settle(intake, format!("{name} record {}", number + 1), "", draft)?;
    }
    let more = table.map_or(Ok(None), |mut table| table.next())?;
    if more.is_some() {
        return Err(malformed(format!("it has {index} shapes and the table beside it has more rows")));
    }
    match beside(bundle, shp, ".shx").map(|shx| shx.size.saturating_sub(100) / 8) {
        Some(stated) if stated != index => {
            Err(Error::Truncated { file, detail: format!("{index} of the {stated} shapes that its index has") })
        }
        _ => Ok(()),
    }
}
