//! GeoPackage 1.0 to 1.4 (OGC 12-128r19): every feature table, or the one of `--layer`, row by row, into entity drafts.
//! SQLite reads the file, read-only, with triggers and functions of the file's own switched off. Ids are `layer/fid`: a fid
//! is unique in its table only. Extended and curved geometries are refused one by one; tiles and attribute tables are left.

use kernel_model::Geometry;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::Used;
use crate::crs::{AxisOrder, Crs, Frame};
use crate::error::Error;
use crate::features::{Drafts, Properties};
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};
use crate::wkb;

/// Bytes a value may have.
const MAX_VALUE_BYTES: i32 = 256 << 20;
/// Layers and columns that are read.
const MAX_LAYERS: usize = 10_000;

struct Layer {
    table: String,
    geometry: String,
    srs: i64,
}

struct Column {
    name: String,
    kind: String,
    is_key: bool,
}

/// Reads one file.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let file = intake.file().to_owned();
    let broken = |e: rusqlite::Error| from_sqlite(&file, &e);
    let connection = open(intake).map_err(broken)?;
    let layers = layers(&connection, &file, options)?;
    let mut used: Option<Used> = None;
    let mut drafts: Option<Drafts> = None;
    for layer in &layers {
        let ground = Ground::new(&file, &reference(&connection, &file, layer, options)?, options)?;
        let found = ground.used();
        match &mut used {
            None => used = Some(found),
            Some(used) if used.crs != found.crs => {
                used.crs = format!("{}, {}", used.crs, found.crs);
                used.lineage = format!("{}; {}", used.lineage, found.lineage);
            }
            Some(_) => {}
        }
        match &mut drafts {
            None => drafts = Some(Drafts::new(ground, options)?),
            Some(drafts) => drafts.ground = ground,
        }
        if let Some(drafts) = &mut drafts {
            features(intake, &connection, layer, drafts)?;
        }
    }
    intake.input.note_read(std::fs::metadata(intake.input.path()).map_or(0, |m| m.len()));
    used.ok_or(Error::Foreign { file, found: "it is a GeoPackage without feature tables".to_owned() })
}

fn open(intake: &Intake<'_>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(intake.input.path(), flags)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;")?;
    Ok(connection)
}

fn from_sqlite(file: &str, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase};
    let reason = error.to_string().replace('\n', " ");
    match error.sqlite_error_code() {
        Some(CannotOpen) => Error::Io { file: file.to_owned(), source: std::io::Error::other(reason) },
        Some(NotADatabase) => {
            Error::Foreign { file: file.to_owned(), found: format!("it begins like a GeoPackage, but {reason}") }
        }
        Some(DatabaseCorrupt) => Error::Truncated { file: file.to_owned(), detail: format!("or is damaged: {reason}") },
        _ => Error::Malformed { file: file.to_owned(), place: "GeoPackage".to_owned(), reason },
    }
}

/// The feature tables, by name; of `--layer` only.
fn layers(connection: &Connection, file: &str, options: &Options) -> Result<Vec<Layer>, Error> {
    let broken = |e: rusqlite::Error| from_sqlite(file, &e);
    let known = "SELECT count(*) FROM sqlite_master WHERE name IN ('gpkg_contents', 'gpkg_spatial_ref_sys')";
    if connection.query_row(known, [], |row| row.get::<_, i64>(0)).map_err(broken)? < 2 {
        return Err(Error::Foreign {
            file: file.to_owned(),
            found: "it is an SQLite file that is no GeoPackage".to_owned(),
        });
    }
    let query = "SELECT c.table_name, g.column_name, g.srs_id FROM gpkg_contents c JOIN gpkg_geometry_columns g \
                 ON g.table_name = c.table_name WHERE c.data_type = 'features' ORDER BY c.table_name";
    let has_features = "SELECT count(*) FROM sqlite_master WHERE name = 'gpkg_geometry_columns'";
    if connection.query_row(has_features, [], |row| row.get::<_, i64>(0)).map_err(broken)? == 0 {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(query).map_err(broken)?;
    let read = |row: &rusqlite::Row<'_>| Ok(Layer { table: row.get(0)?, geometry: row.get(1)?, srs: row.get(2)? });
    let layers = statement.query_map([], read).map_err(broken)?.take(MAX_LAYERS);
    let layers = layers.collect::<Result<Vec<_>, _>>().map_err(broken)?;
    let Some(wanted) = &options.layer else { return Ok(layers) };
    let names: Vec<String> = layers.iter().map(|l| l.table.clone()).take(20).collect();
    let chosen: Vec<Layer> = layers.into_iter().filter(|l| l.table == *wanted).collect();
    if chosen.is_empty() {
        let reason = format!("{file} has no layer `{wanted}`; it has {}", names.join(", "));
        return Err(Error::Option { option: "--layer", reason });
    }
    Ok(chosen)
}

/// The layer's system, of `gpkg_spatial_ref_sys`. Coordinates are longitude or easting first whatever it says (annex F).
fn reference(connection: &Connection, file: &str, layer: &Layer, options: &Options) -> Result<Crs, Error> {
    if options.crs.is_some() {
        return options.crs_or(file, None, AxisOrder::LonLat);
    }
    let query = "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?1";
    let row = connection.query_row(query, [layer.srs], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<String>>(2)?))
    });
    let (organization, code, definition) = match row {
        Ok(row) => row,
        Err(rusqlite::Error::QueryReturnedNoRows) => return Err(Error::NoCrs { file: file.to_owned() }),
        Err(error) => return Err(from_sqlite(file, &error)),
    };
    // -1 and 0 are the standard's "undefined" systems.
    if organization.eq_ignore_ascii_case("none") || code <= 0 {
        return Err(Error::NoCrs { file: file.to_owned() });
    }
    let definition = definition.unwrap_or_default();
    Crs::by_code_or_wkt(&organization, &code.to_string(), &definition, AxisOrder::LonLat)
        .map_err(|source| Error::Crs { file: file.to_owned(), source })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(connection: &Connection, layer: &Layer) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1)")?;
    let read = |row: &rusqlite::Row<'_>| {
        let kind: Option<String> = row.get(1)?;
        Ok(Column {
            name: row.get(0)?,
            kind: kind.unwrap_or_default().to_ascii_uppercase(),
            is_key: row.get::<_, i64>(2)? > 0,
        })
    };
    statement.query_map([&layer.table], read)?.collect()
}

fn features(intake: &mut Intake<'_>, connection: &Connection, layer: &Layer, drafts: &mut Drafts) -> Result<(), Error> {
    let file = intake.file().to_owned();
    let broken = |e: rusqlite::Error| from_sqlite(&file, &e);
    let columns = columns(connection, layer).map_err(broken)?;
    let names: Vec<String> = columns.iter().map(|c| quoted(&c.name)).collect();
    let query = format!("SELECT {} FROM {}", names.join(", "), quoted(&layer.table));
    let mut statement = connection.prepare(&query).map_err(broken)?;
    let mut rows = statement.query([]).map_err(broken)?;
    let mut index = 0;
    while let Some(row) = rows.next().map_err(broken)? {
        let read = feature(row, &columns, layer, &drafts.ground.frame);
        let place = match &read {
            Ok(Feature { fid: Some(fid), .. }) => format!("{}/{fid}", layer.table),
            _ => format!("{} row {}", layer.table, index + 1),
        };
        let draft = read.and_then(|f| {
            let fid = f.fid.map_or_else(|| format!("row {}", index + 1), |fid| fid.to_string());
            drafts.draft(intake, Some(format!("{}/{fid}", layer.table)), index, f.geometry, f.properties)
        });
        drafts.settle(intake, place, "", draft)?;
        index += 1;
    }
    Ok(())
}

struct Feature {
    fid: Option<i64>,
    geometry: Result<Option<Geometry>, Refusal>,
    properties: Properties,
}

fn feature(row: &rusqlite::Row<'_>, columns: &[Column], layer: &Layer, frame: &Frame) -> Result<Feature, Refusal> {
    let mut feature = Feature { fid: None, geometry: Ok(None), properties: Properties::new() };
    for (at, column) in columns.iter().enumerate() {
        let value = row.get_ref(at).map_err(|e| e.to_string())?;
        if column.name.eq_ignore_ascii_case(&layer.geometry) {
            feature.geometry = match value {
                ValueRef::Null => Ok(None),
                ValueRef::Blob(blob) => geometry(blob, frame),
                _ => Err("its geometry is no blob".to_owned()),
            };
        } else if let (true, ValueRef::Integer(fid)) = (column.is_key, value) {
            feature.fid = Some(fid);
        } else if let Some(value) = json(value, column)? {
            feature.properties.insert(column.name.clone(), value);
        }
    }
    Ok(feature)
}

/// The GeoPackage binary header (clause 2.1.3), then well-known binary.
fn geometry(blob: &[u8], frame: &Frame) -> Result<Option<Geometry>, Refusal> {
    let [b'G', b'P', 0, flags, ..] = blob else { return Err("its geometry is no GeoPackage binary".to_owned()) };
    if flags & 0b10_0000 != 0 {
        return Err("its geometry is of an extended type, which is not taken".to_owned());
    }
    let envelope = match flags >> 1 & 0b111 {
        0 => 0,
        1 => 32,
        2 | 3 => 48,
        4 => 64,
        _ => return Err("its geometry has an envelope that the standard does not know".to_owned()),
    };
    let bytes = blob.get(8 + envelope..).ok_or("its geometry ends too early")?;
    if flags & 0b1_0000 != 0 { Ok(None) } else { wkb::read(bytes, frame) }
}

/// A value by its own type and the column's: texts stay as they are, dates too (the standard has them as text, times in
/// UTC).
fn json(value: ValueRef<'_>, column: &Column) -> Result<Option<Value>, Refusal> {
    Ok(Some(match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(number) if column.kind == "BOOLEAN" => (number != 0).into(),
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => return Ok(serde_json::Number::from_f64(number).map(Value::Number)),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| format!("its `{}` is not UTF-8", column.name))?;
            text.into()
        }
        ValueRef::Blob(bytes) => hex(bytes).into(),
    }))
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
