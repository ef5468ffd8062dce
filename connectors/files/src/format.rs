//! Which format a file is of, from its first bytes and, for tables, from the caller's mapping. The name only helps to say
//! what a foreign file is; a file is never read as something that its content is not.

use std::fmt;
use std::path::Path;

use kernel_model::CHANGES_TYPE;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::archive::{Bundle, has_ending};
use crate::error::Error;
use crate::input::Input;
use crate::options::Options;
use crate::{flatgeobuf, geojson, parquet, terrain};

/// Bytes looked at before the whole file has to be.
const HEAD_BYTES: usize = 1 << 16;

/// The formats read; gzip around any of them is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// CityJSON 1.0, 1.1, 2.0: one document.
    CityJson,
    /// CityJSONSeq: a document a line.
    CityJsonSeq,
    /// CityGML 1.0, 2.0, 3.0.
    CityGml,
    /// OpenStreetMap protocol buffers.
    OsmPbf,
    /// OpenStreetMap XML.
    OsmXml,
    /// GeoJSON (RFC 7946).
    GeoJson,
    /// GeoJSON text sequences (RFC 8142), or a feature a line.
    GeoJsonSeq,
    /// OGC GeoPackage.
    GeoPackage,
    /// ESRI shapefiles, loose or in a zip archive.
    Shapefile,
    /// FlatGeobuf.
    FlatGeobuf,
    /// GeoParquet, or Parquet with a geometry column.
    GeoParquet,
    /// GTFS: a zip archive or a folder of tables.
    Gtfs,
    /// GTFS-Realtime: one feed message.
    GtfsRealtime,
    /// ADS-B positions as JSON records.
    Adsb,
    /// A grid of heights: GeoTIFF, SRTM HGT, or a picture with heights in its colours.
    Terrain,
    /// Separated values with a mapping.
    Table,
    /// ASPRS LAS 1.0 to 1.4, plain or LAZ.
    Las,
    /// Changes of things, written as JSON.
    Changes,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CityJson => "CityJSON",
            Self::CityJsonSeq => "CityJSONSeq",
            Self::CityGml => "CityGML",
            Self::OsmPbf => "OSM PBF",
            Self::OsmXml => "OSM XML",
            Self::GeoJson => "GeoJSON",
            Self::GeoJsonSeq => "GeoJSONSeq",
            Self::GeoPackage => "GeoPackage",
            Self::Shapefile => "Shapefile",
            Self::FlatGeobuf => "FlatGeobuf",
            Self::GeoParquet => "GeoParquet",
            Self::Gtfs => "GTFS",
            Self::GtfsRealtime => "GTFS-Realtime",
            Self::Adsb => "ADS-B",
            Self::Terrain => "terrain",
            Self::Table => "table",
            Self::Las => "LAS/LAZ",
            Self::Changes => "changes",
        })
    }
}

impl Format {
    /// Whether a file of this format, taken in again, lists all that there still is of what it listed before. A table says it
    /// itself; timetables, clouds and messages never do.
    pub(crate) const fn lists_things(self) -> bool {
        match self {
            Self::CityJson
            | Self::CityJsonSeq
            | Self::CityGml
            | Self::OsmPbf
            | Self::OsmXml
            | Self::GeoJson
            | Self::GeoJsonSeq
            | Self::GeoPackage
            | Self::Shapefile
            | Self::FlatGeobuf
            | Self::GeoParquet => true,
            Self::Gtfs | Self::GtfsRealtime | Self::Adsb | Self::Terrain | Self::Table | Self::Las | Self::Changes => {
                false
            }
        }
    }

    /// Finds the format of a file.
    ///
    /// # Errors
    /// [`Error`] where it cannot be read, ends too early to tell, or is of no known format.
    pub fn detect(path: &Path, options: &Options) -> Result<Self, Error> {
        Self::of_input(&Input::new(path), options)
    }

    pub(crate) fn of_input(input: &Input, options: &Options) -> Result<Self, Error> {
        if input.path().is_dir() {
            return of_members(input);
        }
        let head = input.head(HEAD_BYTES)?;
        if options.mapping.is_some() {
            return match foreign_to_tables(&head) {
                None => Ok(Self::Table),
                Some(found) => Err(Error::Foreign { file: input.name.clone(), found: found.to_owned() }),
            };
        }
        if terrain::is_hgt(input) {
            return Ok(Self::Terrain);
        }
        if let Some(format) = of_bytes(&head) {
            return of_seekable(input, format);
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
        if text.starts_with(b"{") {
            return of_json(input, text);
        }
        match of_text(text).ok_or_else(|| known_stranger(text)) {
            Ok(format) => Ok(format),
            Err(Some(found)) => Err(Error::Foreign { file: input.name.clone(), found: found.to_owned() }),
            Err(None) if is_table_name(&input.name) && is_text(&head) => {
                Err(Error::NoMapping { file: input.name.clone() })
            }
            Err(None) => {
                Err(Error::Foreign { file: input.name.clone(), found: "its content is of no known format".to_owned() })
            }
        }
    }
}

/// Formats that their first bytes tell.
fn of_bytes(head: &[u8]) -> Option<Format> {
    Some(match head {
        [b'L', b'A', b'S', b'F', ..] => Format::Las,
        [b'P', b'K', 3, 4, ..] => Format::Gtfs,
        [0, 0, 0x27, 0x0a, ..] => Format::Shapefile,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] | [0x89, b'P', b'N', b'G', ..] => Format::Terrain,
        _ if head.starts_with(b"SQLite format 3\0") => Format::GeoPackage,
        _ if head.starts_with(parquet::MAGIC) => Format::GeoParquet,
        _ if head.starts_with(flatgeobuf::MAGIC) => Format::FlatGeobuf,
        _ if is_pbf(head) => Format::OsmPbf,
        // A header's length, and in it the version: `2.0`.
        [0x0a, _, 0x0a, 3, b'1' | b'2', b'.', b'0' | b'1', ..] => Format::GtfsRealtime,
        _ => return None,
    })
}

/// Formats that are read here and there have to lie unpacked; an archive's members tell what it is.
fn of_seekable(input: &Input, format: Format) -> Result<Format, Error> {
    let is_sequential = matches!(format, Format::Las | Format::OsmPbf | Format::FlatGeobuf | Format::GtfsRealtime);
    let foreign = |found: String| Err(Error::Foreign { file: input.name.clone(), found });
    match format {
        _ if is_sequential => Ok(format),
        _ if input.is_gzip()? => foreign(format!("it is {format} in gzip: unpack it first")),
        Format::Gtfs => of_members(input),
        Format::Shapefile if has_ending(&input.name, ".shx") => {
            foreign("it is the index of a shapefile: give the .shp, the others are read beside it".to_owned())
        }
        _ => Ok(format),
    }
}

/// What a zip archive or a folder holds.
fn of_members(input: &Input) -> Result<Format, Error> {
    let bundle = Bundle::open(input)?;
    if bundle.find("stops.txt").is_some() || bundle.find("agency.txt").is_some() {
        return Ok(Format::Gtfs);
    }
    let is_archive = !input.path().is_dir();
    if is_archive && bundle.ending(".shp").next().is_some() {
        return Ok(Format::Shapefile);
    }
    if is_archive && bundle.ending(".hgt").next().is_some() {
        return Ok(Format::Terrain);
    }
    let what = if is_archive { "a zip archive" } else { "a folder" };
    let found = format!("it is {what} with neither GTFS tables nor what else is read of one: give the files in it");
    Err(Error::Foreign { file: input.name.clone(), found })
}

/// Formats of text that begin with something else than an object.
fn of_text(text: &[u8]) -> Option<Format> {
    let has = |needle: &[u8]| text.windows(needle.len()).any(|w| w == needle);
    match text {
        [geojson::sequence::SEPARATOR, ..] => Some(Format::GeoJsonSeq),
        [b'<', ..] if has(b"CityModel") => Some(Format::CityGml),
        [b'<', ..] if has(b"<osm") => Some(Format::OsmXml),
        [b'[', ..] if has(b"\"icao24\"") => Some(Format::Adsb),
        _ => None,
    }
}

/// A PBF file begins with the length of a blob header of type `OSMHeader`.
fn is_pbf(head: &[u8]) -> bool {
    head.starts_with(&[0, 0])
        && head.get(4..64.min(head.len())).is_some_and(|h| h.windows(9).any(|w| w == b"OSMHeader"))
}

fn is_text(head: &[u8]) -> bool {
    !head.is_empty() && !head.contains(&0)
}

fn is_table_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(".gz");
    [".csv", ".tsv", ".txt", ".plt"].iter().any(|ending| name.ends_with(ending))
}

/// What a head that is certainly no table is.
fn foreign_to_tables(head: &[u8]) -> Option<&'static str> {
    match head {
        [] => Some("it is empty"),
        [b'L', b'A', b'S', b'F', ..] => Some("it is a point cloud and a mapping is for tables"),
        _ if head.starts_with(parquet::MAGIC) => None,
        _ if head.contains(&0) => Some("it is not text and a mapping is for tables"),
        _ => None,
    }
}

/// Names formats that are known but not read, so that the message helps.
fn known_stranger(text: &[u8]) -> Option<&'static str> {
    match text {
        [] => Some("it is empty"),
        [b'<', ..] => Some("it is XML"),
        [b'g', b'l', b'T', b'F', ..] => Some("it is glTF, which has no place on the globe"),
        [b'[', ..] => Some("it is a JSON array, and no city format begins with one"),
        _ => None,
    }
}

/// What tells the JSON formats apart.
#[derive(Debug, Deserialize)]
struct Top {
    #[serde(rename = "type", default)]
    kind: Option<serde_json::Value>,
    #[serde(rename = "CityObjects", default)]
    city_objects: Option<IgnoredAny>,
    /// Tables by column, as pandas writes them.
    #[serde(default)]
    icao24: Option<IgnoredAny>,
}

/// A CityJSONSeq file's first line is a whole document and more follows; other documents are read to their end only
/// where the head does not tell.
fn of_json(input: &Input, head: &[u8]) -> Result<Format, Error> {
    let mut documents = serde_json::Deserializer::from_slice(head).into_iter::<Top>();
    let top = match (documents.next(), shallow_sniff(head)) {
        (Some(Ok(top)), _) => top,
        // A first line longer than the head: only the name tells a sequence from a document.
        (_, Some(Format::CityJson)) if input.name.contains(".jsonl") => return Ok(Format::CityJsonSeq),
        (_, Some(format)) => return Ok(format),
        (_, None) => {
            let mut whole = serde_json::Deserializer::from_reader(input.open()?);
            Top::deserialize(&mut whole).map_err(|e| Error::from_json(&input.name, "", e))?
        }
    };
    let more = head.get(documents.byte_offset()..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"));
    let first_is_whole = documents.byte_offset() > 0;
    match top.kind.as_ref().and_then(serde_json::Value::as_str) {
        Some("CityJSON") if first_is_whole && more => Ok(Format::CityJsonSeq),
        Some("CityJSON") => Ok(Format::CityJson),
        Some("CityJSONFeature") => Ok(Format::CityJsonSeq),
        Some("Feature") if first_is_whole && more => Ok(Format::GeoJsonSeq),
        Some("FeatureCollection" | "Feature" | "GeometryCollection") => Ok(Format::GeoJson),
        Some("Point" | "LineString" | "Polygon" | "MultiPoint" | "MultiLineString" | "MultiPolygon") => {
            Ok(Format::GeoJson)
        }
        Some(CHANGES_TYPE) => Ok(Format::Changes),
        None if top.icao24.is_some() => Ok(Format::Adsb),
        other => Err(Error::Foreign {
            file: input.name.clone(),
            found: match (other, top.city_objects) {
                (Some(other), _) => format!("it is JSON of type `{}`", other.chars().take(40).collect::<String>()),
                (None, Some(_)) => "it has CityObjects but no `type`: CityJSON".to_owned(),
                (None, None) => "it is JSON without a `type`".to_owned(),
            },
        }),
    }
}

/// The format where the document goes on past the head: the first of the keys that tell it.
fn shallow_sniff(head: &[u8]) -> Option<Format> {
    let at = |needle: &[u8]| head.windows(needle.len()).position(|w| w == needle);
    let city = [&b"\"CityObjects\""[..], b"\"CityJSON\""].into_iter().filter_map(at).min();
    let features = [&b"\"FeatureCollection\""[..], b"\"features\""].into_iter().filter_map(at).min();
    match (city, features) {
        (Some(c), Some(f)) if f < c => Some(Format::GeoJson),
        (Some(_), _) if head.contains(&b'\n') && first_line_is_whole(head) => None,
        (Some(_), _) => Some(Format::CityJson),
        (None, Some(_)) => Some(Format::GeoJson),
        (None, None) => None,
    }
}

fn first_line_is_whole(head: &[u8]) -> bool {
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<IgnoredAny>(line).is_ok()
}
