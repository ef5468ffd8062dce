//! Both doors over a socket: what is taken is what SQL then shows, what is not said is refused, and small and bulk give the same.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float32Array, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt64Array,
};
use arrow::datatypes::{Int32Type, Schema};
use arrow::ipc::writer::StreamWriter;
use kernel_model::{Change, Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Shape, SourceKey};
use serde_json::Value;

use crate::tests::{exchange, served};

const SAID: &str = "unit=Cel&crs=OGC:CRS84&height_reference=ellipsoid&dataset=test";

fn things() -> Vec<Change> {
    let key = |id: &str| SourceKey::new("test", id);
    let mut mast = EntityDraft::new(key("mast"), Kind::Sensor, "mast");
    mast.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.5, 39.5, 0.0))));
    let mut bus = EntityDraft::new(key("bus"), Kind::Vehicle, "bus");
    bus.height_reference = HeightReference::Ellipsoid;
    let stream = |id: &str, unit: &str| {
        Change::Datastream(DatastreamDraft {
            source: key(id),
            entity: key("mast"),
            property: id.to_owned(),
            unit: unit.to_owned(),
            name: id.to_owned(),
        })
    };
    vec![Change::Entity(mast), Change::Entity(bus), stream("air", "Cel"), stream("wind", "m/s")]
}

fn times(count: i64, zone: Option<&str>) -> ArrayRef {
    let times = TimestampMillisecondArray::from_iter_values((0..count).map(|n| 1_790_784_000_000 + n * 1_000));
    Arc::new(match zone {
        Some(zone) => times.with_timezone(zone),
        None => times,
    })
}

fn floats(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

fn stream_of(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    said_stream(columns, &[])
}

fn said_stream(columns: Vec<(&str, ArrayRef)>, said: &[(&str, &str)]) -> Vec<u8> {
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let said = said.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect();
    let schema = Arc::new(Schema::new_with_metadata(rows.schema().fields().clone(), said));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    // Two batches, so that a stream of several is read.
    for half in [rows.slice(0, rows.num_rows() / 2), rows.slice(rows.num_rows() / 2, rows.num_rows().div_ceil(2))] {
        writer.write(&RecordBatch::try_new(schema.clone(), half.columns().to_vec()).unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

async fn send(address: SocketAddr, key: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/vnd.apache.arrow.stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer = exchange(address, &[head.as_bytes(), body].concat()).await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap_or("null")).unwrap_or(Value::Null))
}

async fn rows(address: SocketAddr, sql: &str) -> Value {
    let head =
        format!("POST /sql HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", sql.len());
    let answer = exchange(address, format!("{head}{sql}").as_bytes()).await;
    let answer: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    answer["rows"].clone()
}

fn readings(count: i64) -> Vec<(&'static str, ArrayRef)> {
    let numbers = (0..count).map(|_| 1).collect::<UInt64Array>();
    vec![
        ("datastream", Arc::new(numbers) as ArrayRef),
        ("phenomenon_time", times(count, Some("UTC"))),
        ("value", Arc::new((0..count).map(|n| Some(n as f32 / 4.0)).collect::<Float32Array>())),
        ("lon", floats((0..count).map(|n| 116.0 + n as f64 / 1e3))),
        ("lat", floats((0..count).map(|_| 39.25))),
        ("height_m", Arc::new((0..count).map(|n| (n % 2 == 0).then_some(40.0)).collect::<Float64Array>())),
    ]
}

fn replaced(
    columns: Vec<(&'static str, ArrayRef)>,
    name: &'static str,
    new: ArrayRef,
) -> Vec<(&'static str, ArrayRef)> {
    columns.into_iter().map(|(n, old)| if n == name { (n, new.clone()) } else { (n, old) }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_is_what_sql_shows_small_and_in_bulk() {
    let asked = "SELECT phenomenon_time, value, lon, lat, height_m FROM observations ORDER BY phenomenon_time";
    let mut seen = Vec::new();
    for bulk in ["", "&bulk=true"] {
        let dir = tempfile::tempdir().unwrap();
        let (state, server, key) = served(dir.path()).await;
        state.ingest.commit(things()).await.unwrap();
        let path = format!("/observations?{SAID}{bulk}");
        let (status, answer) = send(server.address, &key, &path, &stream_of(readings(100))).await;
        assert_eq!((status, &answer["taken"], &answer["refused"]), (200, &100.into(), &0.into()), "{answer}");
        let (_, again) = send(server.address, &key, &path, &stream_of(readings(120))).await;
        assert_eq!((&again["taken"], &again["unchanged"]), (&20.into(), &100.into()), "{again}");
        let shown = rows(server.address, asked).await;
        assert_eq!(shown.as_array().unwrap().len(), 120);
        assert_eq!(
            (&shown[2]["value"], &shown[2]["height_m"], &shown[3]["height_m"]),
            (&0.5.into(), &40.0.into(), &Value::Null)
        );
        seen.push(shown);

        // By the source's names, without places: where the mast stands.
        let names: DictionaryArray<Int32Type> = ["air", "air", "air"].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("source_id", Arc::new(names)),
            ("phenomenon_time", times(3_000, Some("+00:00")).slice(2_997, 3)),
            ("value", floats([1.0, 2.0, 3.0])),
        ];
        let (status, answer) = send(server.address, &key, &path, &stream_of(columns)).await;
        assert_eq!((status, &answer["taken"]), (200, &3.into()), "{answer}");
        let stand =
            rows(server.address, "SELECT count(*) AS n FROM observations WHERE lon = 116.5 AND lat = 39.5").await;
        assert_eq!(stand[0]["n"], 3);

        let bus: Vec<(&str, ArrayRef)> = vec![
            ("source_id", Arc::new(StringArray::from(vec!["bus", "bus"]))),
            ("time", times(2, Some("UTC"))),
            ("lon", floats([116.1, 116.2])),
            ("lat", floats([39.1, 39.2])),
            ("height_m", floats([50.0, 51.0])),
            ("speed_m_s", Arc::new(Float32Array::from(vec![Some(3.5), None]))),
        ];
        let said = [("crs", "EPSG:4490"), ("height_reference", "ellipsoid"), ("dataset", "test")];
        let path = format!("/positions?{}", bulk.trim_start_matches('&'));
        let (status, answer) = send(server.address, &key, &path, &said_stream(bus, &said)).await;
        assert_eq!((status, &answer["taken"]), (200, &2.into()), "{answer}");
        let shown = rows(server.address, "SELECT lon, height_m, speed_m_s FROM positions ORDER BY time").await;
        let wanted =
            r#"[{"height_m":50.0,"lon":116.1,"speed_m_s":3.5},{"height_m":51.0,"lon":116.2,"speed_m_s":null}]"#;
        assert_eq!(shown, serde_json::from_str::<Value>(wanted).unwrap());
        server.stop().await;
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_said_or_not_right_is_refused_and_nothing_of_it_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (state, server, key) = served(dir.path()).await;
    state.ingest.commit(things()).await.unwrap();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["2026-01-01T00:00:00Z"; 4]));
    let whole = || readings(4);
    let cases = [
        ("crs=OGC:CRS84&height_reference=ellipsoid", whole(), "say the unit"),
        ("unit=Cel&height_reference=ellipsoid", whole(), "say what `lon` and `lat` are on"),
        ("unit=Cel&crs=EPSG:3857&height_reference=ellipsoid", whole(), "convert first"),
        ("unit=Cel&crs=OGC:CRS84", whole(), "say what `height_m` is measured from"),
        ("unit=Cel&crs=OGC:CRS84&height_reference=ground", whole(), "above the ellipsoid"),
        (SAID, replaced(whole(), "phenomenon_time", times(4, None)), "says no time zone"),
        (SAID, replaced(whole(), "phenomenon_time", text.clone()), "must be a timestamp in UTC"),
        (SAID, replaced(whole(), "value", text), "must be float64"),
        (SAID, whole().into_iter().filter(|(name, _)| *name != "value").collect(), "column value: missing"),
        (SAID, whole().into_iter().filter(|(name, _)| *name != "lat").collect(), "both columns, lon and lat"),
        (
            SAID,
            whole().into_iter().filter(|(name, _)| *name != "datastream").collect(),
            "one of the columns datastream",
        ),
        (SAID, whole().into_iter().chain([("colour", floats([1.0; 4]))]).collect(), "column colour: not known here"),
        ("unit=Cel&colour=1", whole(), "unknown field"),
    ];
    for (said, columns, why) in cases {
        for bulk in ["", "&bulk=true"] {
            let (status, answer) =
                send(server.address, &key, &format!("/observations?{said}{bulk}"), &stream_of(columns.clone())).await;
            assert_eq!(status, 400, "{why}: {answer}");
            assert!(answer["description"].as_str().unwrap().contains(why), "{why}: {answer}");
        }
    }
    // In bulk a row that is not right refuses all; else the others are kept and it is said.
    let off = replaced(whole(), "lat", floats([39.0, 39.0, 390.0, 39.0]));
    let unknown = replaced(whole(), "datastream", Arc::new(UInt64Array::from(vec![1, 9, 9, 9])));
    let unit = format!("/observations?{}", SAID.replace("Cel", "K"));
    let right = format!("/observations?{SAID}");
    for (path, columns) in [(&right, off.clone()), (&right, unknown), (&unit, whole())] {
        let (status, answer) = send(server.address, &key, &format!("{path}&bulk=true"), &stream_of(columns)).await;
        assert_eq!(status, 400, "{answer}");
    }
    let (status, _) = send(server.address, "urbis_wrong", &right, &stream_of(whole())).await;
    assert_eq!(status, 403);
    let (status, answer) = send(server.address, &key, &right, b"no stream").await;
    assert!(status == 400 && answer["description"].as_str().unwrap().contains("not an Arrow IPC stream"), "{answer}");
    assert_eq!(rows(server.address, "SELECT id FROM observations").await, Value::Array(vec![]));
    let (_, answer) = send(server.address, &key, &right, &stream_of(off)).await;
    assert_eq!((&answer["taken"], &answer["refused"]), (&3.into(), &1.into()), "{answer}");
    let (_, answer) = send(server.address, &key, &unit, &stream_of(whole())).await;
    assert_eq!((&answer["taken"], &answer["refused"]), (&0.into(), &4.into()), "{answer}");
    assert!(answer["first_refused"][0]["reason"].as_str().unwrap().contains("its unit is Cel"), "{answer}");
    server.stop().await;
}

/// Rows of several units in one stream, each by its column.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_says_the_unit_of_each_row() {
    let dir = tempfile::tempdir().unwrap();
    let (state, server, key) = served(dir.path()).await;
    state.ingest.commit(things()).await.unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("datastream", Arc::new(UInt64Array::from(vec![1, 2, 1, 2]))),
        ("phenomenon_time", times(4, Some("UTC"))),
        ("value", floats([1.0, 2.0, 3.0, 4.0])),
        ("unit", Arc::new(StringArray::from(vec!["Cel", "m/s", "Cel", "Cel"]))),
    ];
    let (status, answer) = send(server.address, &key, "/observations", &stream_of(columns.clone())).await;
    assert_eq!((status, &answer["taken"], &answer["refused"]), (200, &3.into(), &1.into()), "{answer}");
    let (status, answer) = send(server.address, &key, "/observations?unit=Cel", &stream_of(columns)).await;
    assert!(status == 400 && answer["description"].as_str().unwrap().contains("say it once"), "{answer}");
    server.stop().await;
}
