//! Every file of the shared data that is in scope, one line each: read with these counts, or refused with this reason. The
//! counts are DATA.md's, which other readers made.

use connectors_files::{Format, Mapping, Options};

use crate::support::{one_line, read, shared};

/// What becomes of a file.
enum Fate {
    /// Its format, records read, records refused, things without a geometry, and all entities, observations and fixes.
    Read(Format, [u64; 6]),
    /// A part of the message.
    Refused(&'static str),
}
use Fate::{Read, Refused};

const STOPS: &str = r#"
    [[layout]]
    mode = "entities"
    datum = "WGS84"
    kind = "sensor"
    id = { column = "station" }
    place = { lon = "lon", lat = "lat" }
"#;
const BOATS: &str = r#"
    [[layout]]
    mode = "positions"
    datum = "WGS84"
    kind = "vehicle"
    class = "boat"
    id = { column = "ID" }
    place = { lon = "longitude", lat = "latitude" }
    time = { zone = "UTC", columns = ["ais_pos_timestamp"], format = "%d/%m/%Y %H:%M" }
"#;
const BUSES: &str = r#"
    [[layout]]
    mode = "positions"
    datum = "WGS84"
    kind = "vehicle"
    class = "bus"
    missing = [""]
    id = { column = "vehicle_id" }
    place = { lon = "longitude", lat = "latitude" }
    heading = "bearing"
    time = { zone = "Europe/London", columns = ["timestamp"], format = "%Y-%m-%d %H:%M:%S" }
"#;

fn mapped(mapping: &str) -> Options {
    if !mapping.contains('\n') {
        return Options { mapping: Some(Mapping::load(mapping).unwrap()), ..Options::default() };
    }
    let (_folder, path) = crate::support::file("mapping.toml", mapping.as_bytes());
    Options { mapping: Some(Mapping::load(path.to_str().unwrap()).unwrap()), ..Options::default() }
}

fn with(heights: &str) -> Options {
    Options { heights: Some(heights.to_owned()), tile: Some("10/906/404".to_owned()), ..Options::default() }
}

fn check(path: &str, options: &Options, fate: Fate) {
    let Some(file) = shared(path) else { return };
    let result = read(&file, options);
    match (fate, result) {
        (Read(format, counts), Ok((summary, kept))) => {
            use kernel_model::Change::{Observations, Positions};
            let (mut observations, mut fixes) = (0, 0);
            for change in &kept.changes {
                match change {
                    Observations(batch) => observations += batch.rows.len() as u64,
                    Positions(batch) => fixes += batch.rows.len() as u64,
                    _ => {}
                }
            }
            let entities = kept.entities().count() as u64;
            let found = [
                summary.records_read,
                summary.records_refused,
                summary.without_geometry,
                entities,
                observations,
                fixes,
            ];
            assert_eq!((summary.format, found), (format, counts), "{path}: {:?}", kept.reasons().first());
        }
        (Refused(reason), Err(error)) => assert!(one_line(&error).contains(reason), "{path}: {error}"),
        (Read(..), Err(error)) => panic!("{path}: {error}"),
        (Refused(reason), Ok(_)) => panic!("{path} was read and should be refused: {reason}"),
    }
}

#[test]
fn maps() {
    let plain = Options::default();
    for (path, fate) in [
        ("osm/reference/buildings_all.parquet", Read(Format::GeoParquet, [1932, 0, 0, 1932, 0, 0])),
        ("osm/reference/buildings_residential.parquet", Read(Format::GeoParquet, [21, 0, 0, 21, 0, 0])),
        ("osm/reference/network_paths.parquet", Read(Format::GeoParquet, [27_160, 0, 0, 27_160, 0, 0])),
        ("osm/beijing_subway/node.json.gz", Refused("without a `type`")),
        ("osm/beijing_subway/station.json.gz", Refused("JSON")),
        ("geoparquet/countries.fgb", Read(Format::FlatGeobuf, [179, 0, 0, 179, 0, 0])),
        ("geoparquet/example.parquet", Read(Format::GeoParquet, [5, 0, 0, 5, 0, 0])),
        ("geoparquet/spec-test-data/data-point-wkt.csv", Refused("--mapping")),
    ] {
        check(path, &plain, fate);
    }
}

#[test]
fn extracts_of_openstreetmap() {
    for (path, format) in [
        ("osm/helsinki-centre.osm.pbf", Format::OsmPbf),
        ("osm/finland-rural.osm.pbf", Format::OsmPbf),
        ("osm/berlin-siegessaeule.osm.gz", Format::OsmXml),
    ] {
        let Some(file) = shared(path) else { return };
        let (summary, kept) = read(&file, &Options::default()).unwrap();
        assert_eq!((summary.format, summary.without_geometry), (format, 0));
        assert_eq!(summary.records_read, kept.entities().count() as u64 + summary.records_refused);
    }
}

#[test]
fn what_moves() {
    let plain = Options::default();
    check("moving/geolife_small.gpkg", &plain, Read(Format::GeoPackage, [5908, 0, 0, 5908, 0, 0]));
    check(
        "moving/geolife_beijing_sample.txt.gz",
        &mapped("geolife"),
        Read(Format::Table, [217_653, 0, 2, 2, 0, 217_653]),
    );
    check("moving/liverpool_bus_route14.csv", &mapped(BUSES), Read(Format::Table, [1533, 0, 8, 8, 0, 1533]));
    check("moving/boat-positions.csv", &mapped(BOATS), Read(Format::Table, [22_287, 0, 256, 256, 0, 22_287]));
    check("moving/boat-positions.csv", &plain, Refused("--mapping"));
    check("moving/beijing_subway/timetables/line1.json5", &plain, Refused("no known format"));
    check("moving/beijing_subway/gtfs/stops.txt", &plain, Refused("--mapping"));
}

#[test]
fn readings() {
    for station in ["Aotizhongxin", "Dongsi"] {
        let path = format!("iot/beijing_air/PRSA_Data_{station}_20130301-20170228.csv.gz");
        let Some(file) = shared(&path) else { return };
        let (summary, kept) = read(&file, &mapped("beijing-air")).unwrap();
        assert_eq!((summary.records_read, summary.records_refused, kept.entities().count()), (35_064, 0, 1));
    }
    check("iot/beijing_air/stations_approximate.csv", &mapped(STOPS), Read(Format::Table, [12, 0, 0, 12, 0, 0]));
}

#[test]
fn terrain() {
    let plain = Options::default();
    let one = || Read(Format::Terrain, [1, 0, 0, 1, 0, 0]);
    check("terrain/dem_croatia.tif", &plain, one());
    check("terrain/srtm_N49E011.hgt.zip", &plain, one());
    check("terrain/fuji.png", &with("terrain-rgb"), one());
    check("terrain/terrarium.png", &with("terrarium"), one());
    check("terrain/fuji.png", &plain, Refused("--heights"));
    check("terrain/terrarium.png", &plain, Refused("--heights"));
    check("terrain/quantized_mesh.terrain", &plain, Refused("no known format"));
    check("terrain/cog/usda_naip_256_lzw_z3.tif", &plain, Refused("one band"));
    check("terrain/cog/usda_naip_512_deflate_z2.tif", &plain, Refused("one band"));
}
