//! What is asked of every reader with any bytes at all: it returns, whatever they are, its message is one line, and what it
//! gives is on the globe. Bytes come in and lie in a file of this process for as long as they are read. The fuzz targets and
//! a bounded random test of the test suite run the same bodies.

use std::path::{Path, PathBuf};

use connectors_files::{Options, read_file};
use kernel_model::{Change, Rejection, Sink, SinkError};

/// Holds every change against what must be true of it.
#[derive(Debug, Default)]
struct Judge {
    refused: u64,
}

impl Sink for Judge {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        if let Change::Entity(draft) = &change {
            if let Some(geometry) = &draft.geometry {
                assert!(geometry.coord_count() > 0, "{}", draft.source);
                geometry.for_each_coord(|c| {
                    let on_globe = c.lon_deg.abs() <= 180.0 && c.lat_deg.abs() <= 90.0 && c.height_m.is_finite();
                    assert!(on_globe, "{c:?} of {}", draft.source);
                });
            }
            assert!(!draft.source.id.is_empty());
            // What is written down has to be writable: geometry as WKB, properties as JSON.
            let _ = draft.digest();
        }
        Ok(())
    }

    fn refused(&mut self, rejection: Rejection) {
        assert!(!rejection.reason.is_empty() && rejection.sample.len() <= 200, "{rejection:?}");
        self.refused += 1;
    }
}

fn folder() -> PathBuf {
    let shm = Path::new("/dev/shm");
    let root = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    let folder = root.join(format!("connectors-files-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the input");
    folder
}

fn options() -> Options {
    Options {
        crs: None,
        heights: Some("terrain-rgb".to_owned()),
        tile: Some("10/906/404".to_owned()),
        days: Some("2026-03-28/2026-03-29".to_owned()),
        ..Options::default()
    }
}

/// The input as a file of this name.
fn as_file(name: &str, parts: &[&[u8]], options: &Options) {
    let path = folder().join(name);
    std::fs::write(&path, parts.concat()).expect("the input written");
    read(&path, options);
    let _ = std::fs::remove_file(&path);
}

fn read(path: &Path, options: &Options) {
    let mut judge = Judge::default();
    match read_file(path, options, &mut judge) {
        Ok(summary) => {
            assert_eq!(summary.records_refused, judge.refused);
            assert!(summary.records_refused <= summary.records_read);
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}

/// CityGML.
pub fn citygml(data: &[u8]) {
    as_file("a.gml", &[data], &Options::default());
}

/// CityJSON, one document or a sequence.
pub fn cityjson(data: &[u8]) {
    as_file("a.city.jsonl", &[data], &Options::default());
}

/// A GeoPackage.
pub fn geopackage(data: &[u8]) {
    as_file("a.gpkg", &[b"SQLite format 3\0", data], &options());
}

/// A shapefile: the first two bytes part the shapes from the table.
pub fn shapefile(data: &[u8]) {
    let (head, rest) = data.split_at(data.len().min(2));
    let at = head.iter().fold(0, |n, b| n << 8 | usize::from(*b)).min(rest.len());
    let (shapes, table) = rest.split_at(at);
    std::fs::write(folder().join("a.dbf"), table).expect("the table written");
    let stated = Options { crs: Some("EPSG:4326".to_owned()), ..options() };
    // Words of two bytes.
    let length = (shapes.len() as u32 + 8) >> 1;
    let header = [&[0, 0, 0x27, 0x0a][..], &[0; 20], &length.to_be_bytes(), shapes].concat();
    as_file("a.shp", &[&header], &stated);
}

/// A FlatGeobuf.
pub fn flatgeobuf(data: &[u8]) {
    as_file("a.fgb", &[b"fgb\x03fgb\x00", data], &options());
}

/// A GeoParquet file.
pub fn geoparquet(data: &[u8]) {
    as_file("a.parquet", &[b"PAR1", data, b"PAR1"], &options());
}

/// OpenStreetMap XML.
pub fn osm_xml(data: &[u8]) {
    as_file("a.osm", &[b"<osm version='0.6'>", data], &options());
}

/// A GeoJSON text sequence.
pub fn geojson_seq(data: &[u8]) {
    as_file("a.geojsons", &[b"\x1e", data], &options());
}

/// A GTFS archive of one table for each line that begins with `#`.
pub fn gtfs(data: &[u8]) {
    const TABLES: [&str; 7] = ["agency", "stops", "routes", "trips", "stop_times", "calendar", "shapes"];
    let feed = folder().join("feed");
    std::fs::create_dir_all(&feed).expect("a folder for the feed");
    for (name, text) in TABLES.iter().zip(data.split(|b| *b == b'#').chain(std::iter::repeat(&[][..]))) {
        std::fs::write(feed.join(format!("{name}.txt")), text).expect("a table written");
    }
    read(&feed, &options());
    as_file("a.zip", &[b"PK\x03\x04", data], &options());
}

/// A GTFS-Realtime message.
pub fn gtfs_realtime(data: &[u8]) {
    as_file("a.pb", &[b"\x0a\x05\x0a\x032.0", data], &options());
}

/// ADS-B records.
pub fn adsb(data: &[u8]) {
    as_file("a.json", &[b"[{\"icao24\":\"a\",", data], &options());
}

/// A GeoTIFF or a picture.
pub fn terrain(data: &[u8]) {
    as_file("a.tif", &[b"II\x2a\x00", data], &options());
    as_file("a.png", &[b"\x89PNG\r\n\x1a\n", data], &options());
}
