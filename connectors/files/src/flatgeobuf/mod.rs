//! FlatGeobuf 3 (flatgeobuf.org, header.fbs and feature.fbs) into entity drafts, feature by feature in the file's order. The
//! spatial index is read over. The reference system is the header's; a column marked as primary key gives the ids.

mod buffer;

use std::cell::Cell;
use std::io::{BufRead, Read};

use kernel_model::{Coord, Geometry, Shape};
use serde_json::Value;

use crate::Used;
use crate::crs::{AxisOrder, Crs, Frame};
use crate::error::Error;
use crate::features::{Drafts, Properties, identifier};
use crate::geopackage::hex;
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};
use crate::wkb;
use buffer::{Outside, Table};

/// The first bytes of a file, the patch level left out.
pub(crate) const MAGIC: &[u8] = b"fgb\x03fgb";
const MAX_HEADER_BYTES: u64 = 16 << 20;
const MAX_FEATURE_BYTES: u64 = 256 << 20;
/// Columns a file may have, and bytes of a name: offsets may point to one name many times.
const MAX_COLUMNS: usize = 4096;
const MAX_NAME_BYTES: usize = 1024;
const OUTSIDE: &str = "it points out of its own bytes";

struct Header {
    features: u64,
    node_size: u16,
    kind: u8,
    has_z: bool,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: u8,
    is_key: bool,
}

/// Reads one file.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let mut reader = intake.input.open()?;
    let file = intake.file().to_owned();
    let io = |e| Error::from_io(&file, e);
    reader.read_exact(&mut [0; 8]).map_err(io)?;
    let mut bytes = Vec::new();
    sized(&mut reader, &file, MAX_HEADER_BYTES, &mut bytes)?;
    let broken =
        |_: Outside| Error::Malformed { file: file.clone(), place: "header".to_owned(), reason: OUTSIDE.to_owned() };
    let table = Table::root(&bytes).map_err(broken)?;
    let header = header(table).map_err(broken)?;
    let crs = reference(table, &file, options)?;
    let mut drafts = Drafts::new(Ground::new(&file, &crs, options)?, options)?;
    skip_index(&mut reader, &header, &file)?;
    let mut index = 0;
    let mut feature = Vec::new();
    while !reader.fill_buf().map_err(io)?.is_empty() {
        sized(&mut reader, &file, MAX_FEATURE_BYTES, &mut feature)?;
        let draft = read_feature(&feature, &header, &drafts.ground.frame)
            .and_then(|(own, geometry, properties)| drafts.draft(intake, own, index, geometry, properties));
        drafts.settle(intake, format!("features/{index}"), "", draft)?;
        index += 1;
    }
    // A writer that streams leaves the number open as 0.
    if header.features > 0 && header.features != index {
        return Err(Error::Truncated { file, detail: format!("{index} of {} features", header.features) });
    }
    Ok(drafts.ground.used())
}

/// Bytes with their length before them.
fn sized(reader: &mut impl Read, file: &str, limit: u64, bytes: &mut Vec<u8>) -> Result<(), Error> {
    let io = |e| Error::from_io(file, e);
    let mut length = [0; 4];
    reader.read_exact(&mut length).map_err(io)?;
    let length = u64::from(u32::from_le_bytes(length));
    if length > limit {
        let reason = format!("a part of {length} bytes, more than the {limit} that are read");
        return Err(Error::Malformed { file: file.to_owned(), place: "FlatGeobuf".to_owned(), reason });
    }
    bytes.clear();
    let read = reader.take(length).read_to_end(bytes).map_err(io)?;
    if (read as u64) < length {
        return Err(Error::Truncated { file: file.to_owned(), detail: "in the middle of a feature".to_owned() });
    }
    Ok(())
}

fn header(table: Table<'_>) -> Result<Header, Outside> {
    Ok(Header {
        kind: table.scalar(2, 0)?,
        has_z: table.scalar::<u8>(3, 0)? != 0,
        columns: columns(table, 7)?,
        features: table.scalar(8, 0)?,
        node_size: table.scalar(9, 16)?,
    })
}

fn columns(table: Table<'_>, field: usize) -> Result<Vec<Column>, Outside> {
    let column = |column: Result<Table<'_>, Outside>| {
        let column = column?;
        if column.bytes(0)?.len() > MAX_NAME_BYTES {
            return Err(Outside);
        }
        Ok(Column { name: column.text(0)?, kind: column.scalar(1, 0)?, is_key: column.scalar::<u8>(9, 0)? != 0 })
    };
    table.tables(field)?.take(MAX_COLUMNS).map(column).collect()
}

fn reference(header: Table<'_>, file: &str, options: &Options) -> Result<Crs, Error> {
    if options.crs.is_some() {
        return options.crs_or(file, None, AxisOrder::LonLat);
    }
    let no_crs = || Error::NoCrs { file: file.to_owned() };
    let stated =
        |crs: Table<'_>| Ok::<_, Outside>((crs.text(0)?, crs.scalar::<i32>(1, 0)?, crs.text(4)?, crs.text(5)?));
    let crs = header.table(10).ok().flatten().ok_or_else(no_crs)?;
    let (authority, code, wkt, code_text) = stated(crs).map_err(|_| no_crs())?;
    let code = if code > 0 { code.to_string() } else { code_text };
    if code.is_empty() && wkt.is_empty() {
        return Err(no_crs());
    }
    // Without a name the code is EPSG's.
    let authority = if authority.is_empty() { "EPSG" } else { authority.as_str() };
    Crs::by_code_or_wkt(authority, &code, &wkt, AxisOrder::LonLat)
        .map_err(|source| Error::Crs { file: file.to_owned(), source })
}

/// Reads over the packed R-tree: 40 bytes a node, levels of `node_size` until there is one.
fn skip_index(reader: &mut impl Read, header: &Header, file: &str) -> Result<(), Error> {
    if header.node_size == 0 || header.features == 0 {
        return Ok(());
    }
    let malformed =
        |reason: &str| Error::Malformed { file: file.to_owned(), place: "index".to_owned(), reason: reason.to_owned() };
    if header.node_size < 2 {
        return Err(malformed("nodes of one child have no end"));
    }
    let (mut level, mut nodes) = (header.features, u128::from(header.features));
    // Also one feature has a node above it.
    loop {
        level = level.div_ceil(u64::from(header.node_size));
        nodes += u128::from(level);
        if level == 1 {
            break;
        }
    }
    let bytes = u64::try_from(nodes * 40).map_err(|_| malformed("more features than any file has"))?;
    let skipped = std::io::copy(&mut reader.take(bytes), &mut std::io::sink()).map_err(|e| Error::from_io(file, e))?;
    if skipped < bytes {
        return Err(Error::Truncated { file: file.to_owned(), detail: "in the index".to_owned() });
    }
    Ok(())
}

type Feature = (Option<String>, Result<Option<Geometry>, Refusal>, Properties);

fn read_feature(bytes: &[u8], header: &Header, frame: &Frame) -> Result<Feature, Refusal> {
    let outside = |_: Outside| OUTSIDE.to_owned();
    let table = Table::root(bytes).map_err(outside)?;
    let geometry = match table.table(0).map_err(outside)? {
        None => Ok(None),
        Some(geometry) => {
            let kind = geometry.scalar::<u8>(6, 0).map_err(outside)?;
            let kind = if kind == 0 { header.kind } else { kind };
            let has_z = header.has_z;
            let left = Cell::new(bytes.len() / 16);
            let shape = Reader { frame, has_z, left }.shape(geometry, kind);
            let whole = |shape| Geometry { has_height: has_z && frame.knows_height_unit(), shape };
            shape.map(|shape| shape.map(whole))
        }
    };
    let own_columns = columns(table, 2).map_err(outside)?;
    let columns = if own_columns.is_empty() { &header.columns } else { &own_columns };
    let (own, properties) = read_properties(table.bytes(1).map_err(outside)?, columns)?;
    Ok((own, geometry, properties))
}

struct Reader<'a> {
    frame: &'a Frame,
    has_z: bool,
    /// Positions that the feature's bytes can hold; offsets that point to the same ones many times run out of them.
    left: Cell<usize>,
}

impl Reader<'_> {
    fn shape(&self, geometry: Table<'_>, kind: u8) -> Result<Option<Shape>, Refusal> {
        fn some<T>(members: Vec<T>) -> Option<Vec<T>> {
            Some(members).filter(|m| !m.is_empty())
        }
        Ok(match kind {
            1 => self.coords(geometry)?.first().copied().map(Shape::Point),
            2 => some(self.coords(geometry)?).map(wkb::line).transpose()?.map(Shape::LineString),
            3 => some(self.rings(geometry)?).map(Shape::Polygon),
            4 => some(self.coords(geometry)?).map(Shape::MultiPoint),
            5 => {
                let lines = self.parts(geometry)?.into_iter().map(wkb::line).collect::<Result<Vec<_>, _>>()?;
                some(lines).map(Shape::MultiLineString)
            }
            6 => {
                let mut polygons = Vec::new();
                for part in geometry.tables(7).map_err(|_| OUTSIDE)? {
                    polygons.extend(some(self.rings(part.map_err(|_| OUTSIDE)?)?));
                }
                some(polygons).map(Shape::MultiPolygon)
            }
            7 => return Err("geometry collections are not taken: split it".to_owned()),
            8..=12 => return Err("curves are not taken: make lines of them first".to_owned()),
            13..=17 => {
                return Err("surfaces of triangles and polyhedra are not taken: make a MultiPolygon of them".to_owned());
            }
            _ => return Err(format!("geometry type {kind} is not known")),
        })
    }

    fn coords(&self, geometry: Table<'_>) -> Result<Vec<Coord>, Refusal> {
        let xy = geometry.scalars::<f64>(1).map_err(|_| OUTSIDE)?;
        let mut z = geometry.scalars::<f64>(2).map_err(|_| OUTSIDE)?;
        if xy.len() % 2 != 0 || self.has_z && z.len() != xy.len() / 2 {
            return Err("its coordinates are not as many as its dimensions ask".to_owned());
        }
        self.left.set(self.left.get().checked_sub(xy.len() / 2).ok_or("its parts overlap")?);
        let mut coords = Vec::with_capacity(xy.len() / 2);
        let mut xy = xy;
        while let (Some(x), Some(y)) = (xy.next(), xy.next()) {
            if x.is_nan() && y.is_nan() {
                continue;
            }
            let z = if self.has_z { z.next().unwrap_or_default() } else { 0.0 };
            coords.push(self.frame.locate(x, y, z)?);
        }
        Ok(coords)
    }

    /// The lines or rings that `ends` parts the coordinates into.
    fn parts(&self, geometry: Table<'_>) -> Result<Vec<Vec<Coord>>, Refusal> {
        let coords = self.coords(geometry)?;
        let ends: Vec<u32> = geometry.scalars(0).map_err(|_| OUTSIDE)?.collect();
        if ends.is_empty() {
            return Ok(Some(coords).filter(|c| !c.is_empty()).into_iter().collect());
        }
        let mut begin = 0;
        let mut parts = Vec::with_capacity(ends.len());
        for end in ends {
            let part = coords.get(begin..end as usize).ok_or("its parts overlap")?;
            begin = end as usize;
            if !part.is_empty() {
                parts.push(part.to_vec());
            }
        }
        Ok(parts)
    }

    fn rings(&self, geometry: Table<'_>) -> Result<Vec<Vec<Coord>>, Refusal> {
        self.parts(geometry)?.into_iter().map(wkb::ring).collect()
    }
}

/// The values: each a column's number, then its bytes (feature.fbs).
fn read_properties(mut bytes: &[u8], columns: &[Column]) -> Result<(Option<String>, Properties), Refusal> {
    let mut properties = Properties::new();
    let mut own = None;
    while !bytes.is_empty() {
        let number = u16::from_le_bytes(fixed(&mut bytes)?);
        let column =
            columns.get(usize::from(number)).ok_or("a value of it is of a column that the header does not have")?;
        let Some(value) = value(&mut bytes, column)? else { continue };
        if column.is_key {
            own = identifier(&value);
        }
        properties.insert(column.name.clone(), value);
    }
    Ok((own, properties))
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let (value, rest) = bytes.split_first_chunk::<N>().ok_or("its values end too early")?;
    *bytes = rest;
    Ok(*value)
}

fn value(bytes: &mut &[u8], column: &Column) -> Result<Option<Value>, Refusal> {
    let real = |number: f64| serde_json::Number::from_f64(number).map(Value::Number);
    Ok(match column.kind {
        0 => Some(i8::from_le_bytes(fixed(bytes)?).into()),
        1 => Some(u8::from_le_bytes(fixed(bytes)?).into()),
        2 => Some((fixed::<1>(bytes)? != [0]).into()),
        3 => Some(i16::from_le_bytes(fixed(bytes)?).into()),
        4 => Some(u16::from_le_bytes(fixed(bytes)?).into()),
        5 => Some(i32::from_le_bytes(fixed(bytes)?).into()),
        6 => Some(u32::from_le_bytes(fixed(bytes)?).into()),
        7 => Some(i64::from_le_bytes(fixed(bytes)?).into()),
        8 => Some(u64::from_le_bytes(fixed(bytes)?).into()),
        9 => real(f64::from(f32::from_le_bytes(fixed(bytes)?))),
        10 => real(f64::from_le_bytes(fixed(bytes)?)),
        kind @ 11..=14 => {
            let length = u32::from_le_bytes(fixed(bytes)?) as usize;
            let (text, rest) = bytes.split_at_checked(length).ok_or("its values end too early")?;
            *bytes = rest;
            if kind == 14 {
                return Ok(Some(hex(text).into()));
            }
            let text = std::str::from_utf8(text).map_err(|_| format!("its `{}` is not UTF-8", column.name))?;
            // JSON stays structure where it is some; dates are texts (ISO 8601) as the format has them.
            let parsed = (kind == 12).then(|| serde_json::from_str(text).ok()).flatten();
            Some(parsed.unwrap_or_else(|| text.into()))
        }
        kind => return Err(format!("its column `{}` is of type {kind}, which the format does not know", column.name)),
    })
}
