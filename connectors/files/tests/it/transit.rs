//! GTFS and GTFS-Realtime: a real feed against its own counts, its times against a calendar made by hand, and faults.

use std::io::Write;

use connectors_files::{Error, Format, Options};
use kernel_model::{Change, HeightReference, Kind, Shape, TimeUs};
use proptest::prelude::*;
use prost::Message;

use crate::support::{Kept, file, one_line, read, read_bytes, shared};

fn of_class(kept: &Kept, class: &str) -> usize {
    kept.entities().filter(|e| e.class == class).count()
}

fn days(days: &str) -> Options {
    Options { days: Some(days.to_owned()), ..Options::default() }
}

#[test]
fn cairns_is_read_whole() {
    let Some(path) = shared("moving/gtfs_cairns.zip") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str(), summary.records_refused), (Format::Gtfs, "gtfs_cairns", 0));
    // DATA.md: counted with gtfs_kit and pandas.
    assert_eq!(
        (of_class(&kept, "transit_stop"), of_class(&kept, "bus_route"), of_class(&kept, "transit_trip")),
        (416, 22, 1339)
    );
    let stop_times = |e: &kernel_model::EntityDraft| {
        e.properties.get("stop_times").and_then(|t| t.as_array()).cloned().unwrap_or_default()
    };
    let all: Vec<_> = kept.entities().flat_map(stop_times).collect();
    assert_eq!(all.len(), 37_790);
    assert_eq!(all.iter().filter(|t| t[3] == "interpolated").count(), 65, "blank times");
    let late = |t: &&serde_json::Value| t[1].as_str().unwrap() >= "24:00:00" || t[2].as_str().unwrap() >= "24:00:00";
    assert!(all.iter().filter(late).count() >= 1405, "times at or past 24:00");
    let stop = kept.entity("stop/750000");
    let anchor = stop.geometry.as_ref().unwrap().anchor().unwrap();
    assert_eq!((stop.kind, anchor.lon_deg, anchor.lat_deg), (Kind::Poi, 145.668_217, -16.743_59));
    assert_eq!(stop.properties["routes"], serde_json::json!(["110", "110N"]));
    let route = kept.entity("route/110-423");
    assert!(matches!(route.geometry.as_ref().unwrap().shape, Shape::MultiLineString(_) | Shape::LineString(_)));
    let trip = kept.entity("trip/CNS2014-CNS_MUL-Weekday-00-4165878");
    assert_eq!(trip.parent.as_ref().unwrap().id.as_ref(), "route/110-423");
    assert_eq!(
        (trip.valid_from, trip.valid_to),
        (Some(TimeUs::parse("2014-05-25T14:00:00Z").unwrap()), Some(TimeUs::parse("2014-12-26T14:00:00Z").unwrap()))
    );
    assert_eq!(trip.properties["service"]["removed"][0], "2014-06-09");
}

#[test]
fn a_day_of_cairns_is_where_its_buses_are_to_be() {
    let Some(path) = shared("moving/gtfs_cairns.zip") else { return };
    // A Monday holiday that the exceptions take out of the weekday service, and the Tuesday after.
    let of = |day: &str| {
        let (_, kept) = read(&path, &days(day)).unwrap();
        let fixes = kept.changes.into_iter().filter_map(|c| if let Change::Positions(p) = c { Some(p) } else { None });
        fixes.map(|p| (p.entity.id.to_string(), p.rows)).collect::<std::collections::BTreeMap<_, _>>()
    };
    let trip = "trip/CNS2014-CNS_MUL-Weekday-00-4165878";
    assert!(!of("2014-06-09").contains_key(trip));
    let tuesday = of("2014-06-10");
    let rows = &tuesday[trip];
    assert_eq!((rows[0].time.to_string().as_str(), rows[0].place.lon_deg), ("2014-06-09T19:50:00Z", 145.664_794));
    assert!(rows.is_sorted_by_key(|r| r.time));
    assert!(of("2019-01-01").is_empty(), "no service runs in 2019");
    assert!(one_line(&read(&path, &days("soon")).unwrap_err()).contains("--days"));
}

#[test]
fn a_partial_feed_gives_what_it_has() {
    let Some(path) = shared("moving/beijing_subway/gtfs") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str()), (Format::Gtfs, "gtfs"));
    assert_eq!(of_class(&kept, "transit_agency"), 5);
    assert_eq!(kept.entities().filter(|e| e.source.id.starts_with("route/")).count(), 28);
    let stops = kept.entities().filter(|e| e.source.id.starts_with("stop/")).count();
    let refused = kept.refused.iter().filter(|r| r.place.starts_with("stops.txt")).count();
    assert_eq!((stops + refused, refused), (2658, kept.refused.len()));
    assert_eq!(kept.refused.iter().filter(|r| r.reason.contains("no stop_lat")).count(), 5, "{:?}", kept.reasons());
    let (child, parent) = (kept.entity("stop/n339091847"), "stop/r2605258");
    assert_eq!(child.parent.as_ref().unwrap().id.as_ref(), parent);
    let at = |id: &str| kept.entities().position(|e| &*e.source.id == id).unwrap();
    assert!(at(parent) < at("stop/n339091847"), "a station is there before its platforms");
}

/// A feed of these tables.
fn feed(tables: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, text) in tables {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const SMALL: [(&str, &str); 6] = [
    ("feed/agency.txt", "\u{feff}agency_id,agency_name,agency_timezone\na,A,Europe/Berlin\n"),
    (
        "feed/stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\np,P,52.5,13.4,0,s\ns,S,52.5,13.4,1,\nx,X,,,0,\n",
    ),
    ("feed/routes.txt", "route_id,route_short_name,route_type\nr,1,3\n"),
    ("feed/trips.txt", "route_id,service_id,trip_id\nr,w,t\nr,w,bad\nnone,w,u\n"),
    (
        "feed/stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,25:00:00,25:01:00,p,1\nt,,,s,2\nt,25:11:00,,p,3\nbad,,,p,1\nbad,8:00:00,8:00:00,s,2\nt,8:61:00,,p,4\n",
    ),
    ("feed/calendar_dates.txt", "service_id,date,exception_type\nw,20260328,1\nw,2026-03-29,1\n"),
];

#[test]
fn blanks_nights_and_wrong_rows() {
    let (summary, kept) = read_bytes("small.zip", &feed(&SMALL), &days("2026-03-28/2026-03-29")).unwrap();
    let mut reasons: Vec<&str> = kept.reasons();
    reasons.sort_unstable();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    for said in [
        "no stop_lat",
        "`none` is not in routes.txt",
        "no time of the form",
        "first and its last stop",
        "no day of the form",
    ] {
        assert!(reasons.iter().any(|r| r.contains(said)), "{said}: {reasons:?}");
    }
    assert_eq!(summary.dataset, "small");
    let Some(Change::Positions(batch)) = kept.changes.iter().find(|c| matches!(c, Change::Positions(_))) else {
        panic!()
    };
    assert_eq!((batch.entity.id.as_ref(), &batch.height_reference), ("trip/t", &HeightReference::None));
    let times: Vec<String> = batch.rows.iter().map(|r| r.time.to_string()).collect();
    // 01:00 of the night in which the clocks are put forward; the service day of the 28th has 24 hours to its midnight.
    assert_eq!(times, ["2026-03-29T00:00:00Z", "2026-03-29T00:01:00Z", "2026-03-29T00:06:00Z", "2026-03-29T00:11:00Z"]);
    assert_eq!(
        kept.entity("trip/t").properties["stop_times"][1],
        serde_json::json!(["s", "25:06:00", "25:06:00", "interpolated"])
    );
}

#[test]
fn a_feed_is_refused_as_a_whole_where_it_has_to_be() {
    let mut zones = SMALL;
    zones[0].1 = "agency_id,agency_name,agency_timezone\na,A,Europe/Berlin\nb,B,Asia/Shanghai\n";
    assert!(
        one_line(&read_bytes("z.zip", &feed(&zones), &Options::default()).unwrap_err())
            .contains("different time zones")
    );
    let mut none = SMALL;
    none[0].1 = "agency_id,agency_name,agency_timezone\na,A,Bielefeld\n";
    assert!(one_line(&read_bytes("z.zip", &feed(&none), &days("2026-03-28")).unwrap_err()).contains("time zone"));
    let whole = feed(&SMALL);
    for cut in [whole.len() - 1, whole.len() / 2, 10] {
        assert!(read_bytes("z.zip", &whole[..cut], &Options::default()).is_err());
    }
    let other = feed(&[("readme.txt", "hello")]);
    assert!(matches!(read_bytes("z.zip", &other, &Options::default()), Err(Error::Foreign { .. })));
    let mut long = SMALL;
    let text = format!("stop_id,stop_lat,stop_lon\n\"{}", "x".repeat(3 << 20));
    long[1].1 = &text;
    assert!(
        one_line(&read_bytes("z.zip", &feed(&long), &Options::default()).unwrap_err()).contains("longer than 1 MiB")
    );
}

#[derive(Clone, PartialEq, Message)]
struct Outer {
    #[prost(bytes, tag = "1")]
    header: Vec<u8>,
    #[prost(bytes, repeated, tag = "2")]
    entities: Vec<Vec<u8>>,
}

/// Fields by hand, as the specification numbers them, so that our own messages are not what checks them.
fn part(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2, bytes.len() as u8];
    out.extend(bytes);
    out
}

fn number(field: u8, mut value: u64) -> Vec<u8> {
    let mut out = vec![field << 3];
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn float(field: u8, value: f32) -> Vec<u8> {
    let mut out = vec![field << 3 | 5];
    out.extend(value.to_le_bytes());
    out
}

fn message() -> Vec<u8> {
    let trip = [part(1, b"t1"), part(3, b"20261130"), part(5, b"r1")].concat();
    let position = [float(1, 52.5), float(2, 13.25), float(3, 370.0), float(5, 12.5)].concat();
    let vehicle = [part(1, &trip), part(2, &position), number(5, 1_796_000_060), part(8, &part(1, b"bus 7"))].concat();
    let event = [number(1, 90), number(2, 1_796_000_300)].concat();
    let stop = [number(1, 4), part(2, &event), part(4, b"s")].concat();
    let update = [part(1, &trip), part(2, &stop), number(5, 60)].concat();
    let words = part(1, &[part(1, "Störung".as_bytes()), part(2, b"de")].concat());
    let alert =
        [part(1, &number(1, 1_796_000_000)), part(5, &part(5, b"s")), number(6, 10), number(7, 4), part(10, &words)]
            .concat();
    let entity = |id: &[u8], field: u8, bytes: &[u8]| [part(1, id), part(field, bytes)].concat();
    Outer {
        header: [part(1, b"2.0"), number(3, 1_796_000_000)].concat(),
        entities: vec![entity(b"1", 4, &vehicle), entity(b"2", 3, &update), entity(b"3", 5, &alert), part(1, b"4")],
    }
    .encode_to_vec()
}

#[test]
fn a_message_moves_vehicles_delays_trips_and_warns() {
    let options = Options { dataset: Some("city".to_owned()), ..Options::default() };
    let (summary, kept) = read_bytes("feed.pb", &message(), &options).unwrap();
    assert_eq!((summary.format, summary.records_read, summary.records_refused), (Format::GtfsRealtime, 4, 1));
    assert!(kept.reasons()[0].contains("neither a trip update"));
    let fix = kept.changes.iter().find_map(|c| if let Change::Positions(p) = c { Some(p) } else { None }).unwrap();
    assert_eq!((fix.entity.id.as_ref(), fix.rows[0].time), ("vehicle/bus 7", TimeUs(1_796_000_060_000_000)));
    assert_eq!(
        (fix.rows[0].heading_deg, fix.rows[0].speed_m_s, fix.rows[0].place.lat_deg),
        (Some(10.0), Some(12.5), 52.5)
    );
    let delays =
        kept.changes.iter().find_map(|c| if let Change::Observations(o) = c { Some(o) } else { None }).unwrap();
    assert_eq!((delays.datastream.id.as_ref(), delays.unit.as_deref()), ("run/t1/20261130/delay", Some("s")));
    let rows: Vec<(i64, f64)> = delays.rows.iter().map(|r| (r.phenomenon_time.0 / 1_000_000, r.value)).collect();
    assert_eq!(rows, [(1_796_000_000, 60.0), (1_796_000_300, 90.0)]);
    assert!(delays.rows.iter().all(|r| r.result_time == Some(TimeUs(1_796_000_000_000_000))));
    let alert = kept.entity("alert/3");
    assert_eq!((alert.name.as_deref(), alert.valid_from), (Some("Störung"), Some(TimeUs(1_796_000_000_000_000))));
    assert_eq!((&alert.properties["cause"], &alert.properties["effect"]), (&"construction".into(), &"detour".into()));
    assert_eq!(alert.properties["concerns"][0]["stop_id"], "s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_of_bytes_makes_it_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index, is_feed: bool) {
        let mut bytes = if is_feed { feed(&SMALL) } else { message() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read_bytes("a.pb", &bytes, &days("2026-03-28"));
        let _ = read_bytes("a.pb", &bytes[..cut.index(bytes.len())], &Options::default());
    }
}

#[test]
fn aircraft_are_read_by_record_and_by_column() {
    for (name, records, aircraft, high) in
        [("quickstart", 284_505, 213, 463), ("noisy_ground", 924, 1, 0), ("noisy_landing", 848, 1, 0)]
    {
        let Some(path) = shared(&format!("moving/adsb_{name}.json.gz")) else { return };
        let (summary, kept) = read(&path, &Options::default()).unwrap();
        assert_eq!(
            (summary.format, summary.records_read, summary.records_refused),
            (Format::Adsb, records, high),
            "{name}"
        );
        assert!(kept.refused.iter().all(|r| r.reason.contains("above 60000 ft")));
        assert_eq!(kept.entities().count(), aircraft);
        let fixes: usize =
            kept.changes.iter().map(|c| if let Change::Positions(p) = c { p.rows.len() } else { 0 }).sum();
        assert_eq!(fixes as u64, records);
        assert!(summary.lineage.contains("knots"));
    }
    let Some(path) = shared("moving/adsb_quickstart.json.gz") else { return };
    let (_, kept) = read(&path, &Options::default()).unwrap();
    let Some(Change::Positions(first)) =
        kept.changes.iter().find(|c| matches!(c, Change::Positions(p) if &*p.entity.id == "0101de"))
    else {
        panic!()
    };
    let fix = first.rows[0];
    assert!(
        (fix.place.height_m.unwrap() - 13_650.0 * 0.3048).abs() < 1e-9
            && (fix.speed_m_s.unwrap() - 167.194_44).abs() < 1e-3
    );
    assert_eq!(
        (fix.time.to_string().as_str(), &first.height_reference),
        ("2021-10-07T12:12:53Z", &HeightReference::Unknown)
    );
    let (_folder, path) =
        file("a.json", b"[{\"icao24\":\"a\",\"timestamp\":1,\"latitude\":1.0,\"longitude\":2.0},{\"icao24\":\"a\"}]");
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.records_refused, kept.reasons()[0]), (1, "it has no timestamp"));
    assert!(matches!(
        read_bytes("a.json", b"[{\"icao24\":\"a\",\"timest", &Options::default()),
        Err(Error::Truncated { .. })
    ));
}
