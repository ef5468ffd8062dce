use std::collections::BTreeMap;

use connectors_files::{Error, Format, Mapping, Options};
use kernel_model::{Change, HeightReference, Kind, Quality, TimeUs};
use proptest::prelude::*;

use crate::support::{Kept, file, one_line, read, read_bytes, shared, with_crs};

fn mapped(mapping: &str) -> Options {
    Options { mapping: Some(Mapping::load(mapping).unwrap()), ..Options::default() }
}

/// A mapping of this TOML.
fn written(toml: &str) -> Options {
    let (_folder, path) = file("mapping.toml", toml.as_bytes());
    mapped(path.to_str().unwrap())
}

/// Values, suspects and sum of each datastream.
fn series(kept: &Kept) -> BTreeMap<String, (usize, usize, f64)> {
    let mut series = BTreeMap::new();
    for change in &kept.changes {
        if let Change::Observations(batch) = change {
            assert!(batch.rows.len() <= 8192 && batch.unit.is_some());
            let (rows, suspect, sum) = series.entry(batch.datastream.id.to_string()).or_insert((0, 0, 0.0));
            *rows += batch.rows.len();
            *suspect += batch.rows.iter().filter(|r| r.quality == Quality::Suspect).count();
            *sum += batch.rows.iter().map(|r| r.value).sum::<f64>();
        }
    }
    series
}

#[test]
fn beijings_air_is_read_to_the_last_value() {
    let Some(path) = shared("iot/beijing_air/PRSA_Data_Aotizhongxin_20130301-20170228.csv.gz") else { return };
    let (summary, kept) = read(&path, &mapped("beijing-air")).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str()), (Format::Table, "beijing-air"));
    assert_eq!((summary.records_read, summary.records_refused), (35_064, 0));
    assert!(summary.lineage.contains("approximate"), "{}", summary.lineage);
    let station = kept.entity("Aotizhongxin");
    assert_eq!((station.kind, station.class.as_str()), (Kind::Sensor, "air"));
    assert!(station.geometry.is_some() && station.lineage.contains("approximate"));
    // Counted with Python's csv module: values other than NA and one blank, CO at 10000, PM10 below PM2.5, the sum of PM2.5.
    let series = series(&kept);
    assert_eq!(series.values().map(|s| s.0).sum::<usize>(), 378_514);
    assert_eq!(series["Aotizhongxin/co"].1, 5);
    assert_eq!((series["Aotizhongxin/pm25"].1, series["Aotizhongxin/pm10"].1), (1183, 1183));
    assert!((series["Aotizhongxin/pm25"].2 - 2_825_808.3).abs() < 0.01);
    assert_eq!(series["Aotizhongxin/pm25"].0, 35_064 - 925);
    let streams: Vec<_> =
        kept.changes.iter().filter_map(|c| if let Change::Datastream(d) = c { Some(d) } else { None }).collect();
    assert_eq!(streams.len(), 11);
    assert_eq!((streams[6].property.as_str(), streams[6].unit.as_str()), ("temperature", "Cel"));
    let Some(Change::Observations(first)) = kept.changes.iter().find(|c| matches!(c, Change::Observations(_))) else {
        panic!()
    };
    assert_eq!(first.rows[0].phenomenon_time, TimeUs::parse("2013-03-01T00:00:00+08:00").unwrap());
}

#[test]
fn geolife_is_read_in_both_layouts() {
    let options = mapped("geolife");
    let plt = "Geolife trajectory\nWGS 84\nAltitude is in Feet\nReserved 3\n0,2,255,My Track,0,0,2,8421376\n0\n\
        39.984702,116.318417,0,492,39744.1201851852,2008-10-23,02:53:04\n\
        39.984683,116.31845,0,-777,39744.1202546296,2008-10-23,02:53:10\n\
        539.98,116.3,0,1,39744.1,2008-10-23,02:53:15\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("017/Trajectory")).unwrap();
    let path = folder.path().join("017/Trajectory/20081023025304.plt");
    std::fs::write(&path, plt).unwrap();
    let (_, kept) = read(&path, &options).unwrap();
    let Some(Change::Positions(batch)) = kept.changes.last() else { panic!() };
    assert_eq!((&*batch.entity.id, &*batch.entity.dataset), ("017", "geolife"));
    assert_eq!(batch.rows[0].time, TimeUs::parse("2008-10-23T02:53:04Z").unwrap());
    assert!((batch.rows[0].place.height_m.unwrap() - 149.9616).abs() < 1e-6, "feet");
    assert_eq!((batch.rows[1].place.height_m, &batch.height_reference), (None, &HeightReference::Unknown));
    assert_eq!((kept.refused.len(), kept.refused[0].place.as_str()), (1, "line 9"));
    let Some(sample) = shared("moving/geolife_beijing_sample.txt.gz") else { return };
    let (summary, kept) = read(&sample, &options).unwrap();
    assert_eq!((summary.records_read, summary.records_refused), (217_653, 0));
    let mut fixes: BTreeMap<&str, usize> = BTreeMap::new();
    for change in &kept.changes {
        if let Change::Positions(batch) = change {
            *fixes.entry(&batch.entity.id).or_default() += batch.rows.len();
        }
    }
    assert_eq!(fixes, [("001", 108_607), ("005", 109_046)].into());
}

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

#[test]
fn buses_keep_the_bearings_they_have() {
    let Some(path) = shared("moving/liverpool_bus_route14.csv") else { return };
    let (summary, kept) = read(&path, &written(BUSES)).unwrap();
    assert_eq!((summary.records_read, summary.records_refused), (1533, 0));
    let rows = kept.changes.iter().filter_map(|c| if let Change::Positions(b) = c { Some(&b.rows) } else { None });
    assert_eq!(rows.flatten().filter(|r| r.heading_deg.is_none()).count(), 399);
}

#[test]
fn boats_are_entities_behind_a_byte_order_mark() {
    let Some(path) = shared("moving/boat-positions.csv") else { return };
    let (summary, kept) = read(
        &path,
        &written(
            r#"
            [[layout]]
            mode = "entities"
            datum = "WGS84"
            kind = "vehicle"
            id = { row = true }
            place = { lon = "longitude", lat = "latitude" }
            time = { zone = "Africa/Cairo", columns = ["ais_pos_timestamp"], format = "%d/%m/%Y %H:%M" }
            "#,
        ),
    )
    .unwrap();
    assert_eq!((summary.records_read, kept.entities().count()), (22_287, 22_287));
    let first = kept.entities().next().unwrap();
    assert_eq!(first.valid_from, Some(TimeUs::parse("2021-03-20T00:22:00+02:00").unwrap()));
    assert_eq!(first.properties["ID"], serde_json::json!(1));
}

const AIR: &str = r#"
    [[layout]]
    mode = "observations"
    missing = ["NA"]
    kind = "sensor"
    id = { column = "s" }
    time = { zone = "Asia/Shanghai", columns = ["t"], format = "%Y-%m-%d %H:%M" }
    values = [{ column = "v", property = "v", unit = "ug/m3", ceiling = 100 }]
"#;

#[test]
fn a_bad_row_or_value_is_refused_and_the_rest_goes_in() {
    let table = "s,t,v\na,2026-01-01 00:00,5\na,yesterday,6\na,2026-01-01 02:00,six\na,2026-01-01 03:00\n,2026-01-01 04:00,1\nb,2026-01-01 05:00,100\nb,2026-01-01 06:00,NA\n";
    let (summary, kept) = read_bytes("air.csv", table.as_bytes(), &written(AIR)).unwrap();
    assert_eq!((summary.records_read, summary.records_refused), (7, 4));
    let places: Vec<&str> = kept.refused.iter().map(|r| r.place.as_str()).collect();
    assert_eq!(places, ["line 3", "line 4, v", "line 5", "line 6"]);
    assert_eq!(series(&kept), [("a/v".to_owned(), (1, 0, 5.0)), ("b/v".to_owned(), (1, 1, 100.0))].into());
}

#[test]
fn what_does_not_fit_is_said_in_one_line() {
    let air = written(AIR);
    let told = |bytes: &[u8], options: &Options| one_line(&read_bytes("air.csv", bytes, options).unwrap_err());
    assert!(told(b"s,t,v\na,2026-01-01 00:00,5\na,2026-01-", &air).contains("ends too early"));
    assert!(told(b"s,when,v\n", &air).contains("a column `t` that is not in the header s,when,v"));
    assert!(told(b"", &air).contains("it is empty"));
    assert!(told(b"s,t,v\n", &Options::default()).contains("--mapping"));
    assert!(told(b"a\0b", &air).contains("not text"));
    assert!(told(b"x,y\n", &mapped("geolife")).contains("Geolife trajectory"));
    let both = Options { crs: Some("EPSG:4326".to_owned()), ..air };
    assert!(told(b"s,t,v\n", &both).contains("leave it out"));
    assert!(matches!(read_bytes("air.csv", b"s,t,v\n", &with_crs("EPSG:4326")), Err(Error::NoMapping { .. })));
}

#[test]
fn stations_may_stand_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stations.csv"), "station,lat,lon\na,39.9,116.4\n").unwrap();
    let toml = format!("{AIR}\ndatum = \"CGCS2000\"\nstations = {{ note = \"approximate\", file = \"stations.csv\" }}");
    std::fs::write(folder.path().join("m.toml"), toml).unwrap();
    let options = mapped(folder.path().join("m.toml").to_str().unwrap());
    let (_, kept) = read_bytes("air.csv", b"s,t,v\na,2026-01-01 00:00,5\nb,2026-01-01 00:00,5\n", &options).unwrap();
    let place = kept.entity("a").geometry.as_ref().unwrap().anchor().unwrap();
    assert!((place.lon_deg - 116.4).abs() < 1e-12 && (place.lat_deg - 39.9).abs() < 1e-12);
    assert!(kept.entity("b").geometry.is_none(), "no place is made up");
    assert_eq!(&*kept.entity("a").lineage, "CGCS2000 coordinates as given; places approximate");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'1'), any::<u8>()], 0..200)) {
        let table = [b"s,t,v\na,2026-01-01 00:00,5\n".as_slice(), &bytes].concat();
        let _ = read_bytes("air.csv", &table, &written(AIR));
    }
}
