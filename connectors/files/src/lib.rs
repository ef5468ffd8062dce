//! City files to changes: a file in, [`kernel_model::Change`]s into a [`Sink`] out. Read are CityJSON and CityJSONSeq
//! (1.0, 1.1, 2.0), CityGML (1.0, 2.0, 3.0), OSM PBF and XML, GeoJSON (RFC 7946, RFC 8142), GeoPackage, shapefiles, FlatGeobuf, GeoParquet, tables and
//! Parquet with a mapping, GTFS and GTFS-Realtime, ADS-B, LAS/LAZ, grids of heights, and changes as people write them; gzip
//! around what is read from front to back is undone.
//!
//! What never happens: no coordinate reference system, datum, unit or time zone is guessed, nothing outside the file is
//! asked but the images beside it that a city model names, and no input makes it panic. A record that cannot be taken in
//! goes to [`Sink::refused`] with its place and the reason, and the rest goes in; an [`Error`] concerns the file as a
//! whole. Changes are written as they are read, so the caller stages them and commits only where [`read_file`] returns
//! `Ok`: then a truncated file leaves no trace.

mod adsb;
mod archive;
mod changes;
mod city;
mod citygml;
mod cityjson;
pub mod crs;
mod error;
mod features;
mod fixes;
mod flatgeobuf;
mod format;
mod geojson;
mod geopackage;
mod gtfs;
mod input;
mod intake;
mod metered;
mod options;
mod osm;
mod parquet;
mod points;
mod realtime;
mod rings;
mod shapefile;
mod table;
mod terrain;
mod wkb;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kernel_model::Sink;

pub use error::Error;
pub use format::Format;
pub use options::{Class, Options};
pub use table::{Mapping, MappingError};
pub use terrain::{Block, Grid};

use input::Input;
use intake::Intake;

/// What was read of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The format found.
    pub format: Format,
    /// The dataset's name, as it stands in every source key.
    pub dataset: String,
    /// The coordinate reference system used: the file's or the caller's.
    pub crs: String,
    /// How coordinates came into the kernel's frame, and how accurate that is.
    pub lineage: String,
    /// Records seen: city objects, OSM elements of interest, features, rows, clouds.
    pub records_read: u64,
    /// Records of these that were refused.
    pub records_refused: u64,
    /// What the file has and is left out, by its name there, with how often: an ADE's elements, sorts of city model that have
    /// no place in a city.
    pub left_out: BTreeMap<String, u64>,
    /// Things of these that went in without a geometry: the file has none of them.
    pub without_geometry: u64,
    /// Records of those refused that may be of any thing: they do not say of which.
    pub unidentified: u64,
    /// Whether the file lists all that there is of its things, so that what it lists no more is gone: city models, files of
    /// features, OSM, tables of things without times.
    pub lists_things: bool,
}

/// The frame a reader used, for the summary.
struct Used {
    crs: String,
    lineage: String,
}

/// Reads one file into the sink.
///
/// # Errors
/// [`Error`], one line that says what to do, where the file as a whole cannot be taken in: it is foreign, truncated or
/// unreadable, or states no coordinate reference system. What the sink got until then is not to be kept.
pub fn read_file(path: &Path, options: &Options, sink: &mut dyn Sink) -> Result<Summary, Error> {
    let input = Input::new(path);
    let format = Format::of_input(&input, options)?;
    let dataset: Arc<str> = options.dataset.as_deref().map_or_else(|| stem(&input.name), str::to_owned).into();
    let mut intake = Intake::new(&input, dataset, sink);
    intake.lists_things = format.lists_things();
    let used = match format {
        Format::CityJson => cityjson::read_document(&mut intake, options),
        Format::CityGml => citygml::read(&mut intake, options),
        Format::CityJsonSeq => cityjson::read_sequence(&mut intake, options),
        Format::OsmPbf | Format::OsmXml => osm::read(&mut intake, options),
        Format::GeoJson => geojson::read(&mut intake, options),
        Format::GeoJsonSeq => geojson::sequence::read(&mut intake, options),
        Format::GeoPackage => geopackage::read(&mut intake, options),
        Format::Shapefile => shapefile::read(&mut intake, options),
        Format::FlatGeobuf => flatgeobuf::read(&mut intake, options),
        Format::GeoParquet => parquet::geo::read(&mut intake, options),
        Format::Table => table::read(&mut intake, options),
        Format::Gtfs => gtfs::read(&mut intake, options),
        Format::GtfsRealtime => realtime::read(&mut intake, options),
        Format::Adsb => adsb::read(&mut intake, options),
        Format::Terrain => terrain::read(&mut intake, options),
        Format::Las => points::read(&mut intake, options),
        Format::Changes => changes::read(&mut intake, options),
    }?;
    intake.finish();
    let Used { crs, lineage } = used;
    let (records_read, records_refused, without_geometry) = (intake.read, intake.refused, intake.without_geometry);
    let (unidentified, lists_things) = (intake.unidentified, intake.lists_things);
    let left_out = std::mem::take(&mut intake.left_out);
    let dataset = intake.dataset().to_owned();
    tracing::debug!(file = input.name, %format, %crs, records_read, records_refused, "file read");
    Ok(Summary {
        format,
        dataset,
        crs,
        lineage,
        records_read,
        records_refused,
        left_out,
        without_geometry,
        unidentified,
        lists_things,
    })
}

/// The format of a file.
///
/// # Errors
/// Where it cannot be read or is of none that is known.
pub fn format_of(path: &Path, options: &Options) -> Result<Format, Error> {
    Format::of_input(&Input::new(path), options)
}

/// What a file is called at every import: its name without folders and without the endings that only tell its format, and the
/// layer where one is chosen. The same city in another format, or gzipped, is the same file.
pub fn origin_of(path: &Path, options: &Options) -> String {
    let name = stem(&Input::new(path).name);
    options.layer.as_ref().map_or_else(|| name.clone(), |layer| format!("{name}#{layer}"))
}

/// The file's name without the endings that only tell its format.
fn stem(name: &str) -> String {
    const ENDINGS: [&str; 30] = [
        ".gz",
        ".json",
        ".jsonl",
        ".geojson",
        ".city",
        ".pbf",
        ".osm",
        ".csv",
        ".txt",
        ".tsv",
        ".plt",
        ".laz",
        ".las",
        ".copc",
        ".zip",
        ".gpkg",
        ".shp",
        ".fgb",
        ".parquet",
        ".geoparquet",
        ".geojsonl",
        ".geojsons",
        ".ndjson",
        ".gtfs",
        ".pb",
        ".tif",
        ".tiff",
        ".hgt",
        ".png",
        ".gml",
    ];
    let mut stem = name;
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)).filter(|s| !s.is_empty()) {
        stem = shorter;
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_dataset_is_the_files_stem() {
        for (name, stem) in [
            ("denhaag_01.city.json.gz", "denhaag_01"),
            ("helsinki-centre.osm.pbf", "helsinki-centre"),
            ("PRSA_Data_Tiantan_20130301-20170228.csv.gz", "PRSA_Data_Tiantan_20130301-20170228"),
            (".json", ".json"),
            ("v1.2.las", "v1.2"),
        ] {
            assert_eq!(super::stem(name), stem);
        }
    }
}
