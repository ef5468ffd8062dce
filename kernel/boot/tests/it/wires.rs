//! The SQL wires with other people's clients: ADBC, pyarrow, geopandas, DuckDB, psycopg, psql, and what dashboards ask. The
//! recipes are those of docs/wires.md, run as they stand there.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::python;
use crate::support::{Server, has, urbis};

const PAGE: &str = include_str!("../../../../docs/wires.md");

/// A server with both wires and, where it is given, a configuration.
fn start(dir: &Path, config: Option<&str>) -> Server {
    let mut command = urbis();
    command.env("URBIS_FLIGHT", "127.0.0.1:0").env("URBIS_PG", "127.0.0.1:0");
    let file = config.map(|text| {
        let file = dir.join("urbis.toml");
        std::fs::write(&file, text).unwrap();
        file
    });
    Server::start_with(command, &dir.join("data"), "off", file.as_deref())
}

/// The same with three buildings, a sensor and its readings.
fn city(python: &Path, dir: &Path, config: Option<&str>) -> Server {
    let server = start(dir, config);
    let mut changes = Vec::new();
    for (at, (name, class)) in
        [("Hall", "public"), ("Tower", "residential"), ("School", "public")].into_iter().enumerate()
    {
        let (west, south) = (116.30 + at as f64 * 0.01, 39.98);
        let corners = [(0.0, 0.0), (0.001, 0.0), (0.001, 0.001), (0.0, 0.001), (0.0, 0.0)];
        let ring: Vec<_> = corners.iter().map(|(x, y)| json!([west + x, south + y, 50.0])).collect();
        changes.push(json!({"describe": {"id": name, "kind": "building", "class": class, "name": name,
            "geometry": {"type": "Polygon", "coordinates": [ring]}, "height_reference": "ellipsoid"}}));
    }
    changes.push(json!({"describe": {"id": "mast", "kind": "sensor", "class": "air", "name": "Mast",
        "geometry": {"type": "Point", "coordinates": [116.31, 39.99]}}}));
    changes.push(json!({"datastream": {"id": "mast-pm25", "entity": "mast", "property": "pm25", "unit": "ug/m3"}}));
    let body = json!({"type": "Changes", "dataset": "city", "changes": changes}).to_string();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent
        .post(format!("{}/changes", server.url))
        .header("authorization", format!("Bearer {}", server.key.clone().unwrap()))
        .header("content-type", "application/json")
        .send(body)
        .unwrap();
    let told = response.body_mut().read_to_string().unwrap();
    assert_eq!(response.status().as_u16(), 200, "{told}");
    runs(python, &server, READINGS);
    server
}

/// Three readings at `POST /observations`.
const READINGS: &str = r#"
import urllib.request
import pyarrow as pa
rows = pa.table({
    "source_id": ["mast-pm25"] * 3,
    "phenomenon_time": pa.array([1793491200, 1793494800, 1793498400]).cast(pa.timestamp("s", tz="UTC")),
    "value": [10.0, 20.0, 30.0],
}).replace_schema_metadata({"unit": "ug/m3", "dataset": "city"})
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, rows.schema) as stream:
    stream.write_table(rows)
head = {"authorization": f"Bearer {KEY}", "content-type": "application/vnd.apache.arrow.stream"}
urllib.request.urlopen(urllib.request.Request(URL + "/observations", sink.getvalue().to_pybytes(), head))
"#;

/// A Python program that knows where the server is.
fn script(python: &Path, server: &Server, text: &str) -> Command {
    let mut names = String::new();
    for (name, value) in [
        ("URL", Some(&server.url)),
        ("FLIGHT", server.flight.as_ref()),
        ("PG", server.pg.as_ref()),
        ("KEY", server.key.as_ref()),
    ] {
        writeln!(names, "{name} = {:?}", value.unwrap()).unwrap();
    }
    let mut command = Command::new(python);
    command.arg("-c").arg(names + text);
    command
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn runs(python: &Path, server: &Server, text: &str) -> String {
    told(&script(python, server, text).output().unwrap())
}

#[test]
fn the_recipes_of_the_page_work() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = city(&python, dir.path(), None);
    let mut recipes = 0;
    for piece in PAGE.split("```python\n").skip(1) {
        let (recipe, rest) = piece.split_once("```").unwrap();
        let shown = rest.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
        assert_eq!(runs(&python, &server, recipe), shown, "{recipe}");
        recipes += 1;
    }
    assert_eq!(recipes, 8);
}

/// What a client of ADBC can find out before it asks.
#[test]
fn flight_says_what_there_is() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), None);
    let said = runs(
        &python,
        &server,
        r#"
import adbc_driver_flightsql.dbapi, json
with adbc_driver_flightsql.dbapi.connect(FLIGHT) as city:
    info = city.adbc_get_info()
    print(info["vendor_name"], city.adbc_get_table_types())
    objects = city.adbc_get_objects(depth="columns", table_name_filter="entit%").read_all().to_pylist()
    for catalog in objects:
        for schema in catalog["catalog_db_schemas"]:
            for table in schema["db_schema_tables"]:
                names = [column["column_name"] for column in table["table_columns"]]
                print(catalog["catalog_name"], schema["db_schema_name"], table["table_name"], table["table_type"], "geometry" in names)
    print(city.adbc_get_table_schema("observations").field("value").type)
    with city.cursor() as cursor:
        schema = cursor.adbc_execute_schema("SELECT geometry FROM entities")
        print(schema.field("geometry").metadata[b"ARROW:extension:metadata"].decode())
        print(cursor.adbc_prepare("SELECT name FROM entities WHERE name = $1 AND kind = $2"))
"#,
    );
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[..4],
        ["Urbis ['TABLE']", "urbis city entities TABLE True", "urbis city entity_revisions TABLE True", "double",],
        "{said}"
    );
    assert!(lines[4].contains("OGC:CRS84"), "{said}");
    assert!(said.contains("$1: string") && said.contains("$2: string"), "{said}");
}

const REFUSED: &str = r#"
import adbc_driver_flightsql.dbapi, psycopg
for sql in ["DELETE FROM entities", "INSERT INTO entities VALUES (1)", "DROP TABLE entities", "CREATE TABLE t AS SELECT 1",
            "COPY entities TO '/tmp/out.csv'", "SELECT 1 INTO t", "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'"]:
    for execute in ["execute", "adbc_prepare"]:
        with adbc_driver_flightsql.dbapi.connect(FLIGHT) as city, city.cursor() as cursor:
            try:
                getattr(cursor, execute)(sql)
                print("done", sql)
            except adbc_driver_flightsql.dbapi.Error as error:
                assert "this interface only reads" in str(error), error
    with psycopg.connect(PG, autocommit=True) as city:
        for binary in [False, True]:
            try:
                city.execute(sql, binary=binary)
                print("done", sql)
            except psycopg.Error as error:
                assert error.sqlstate == "25006", (error.sqlstate, error)
        for sql in ["INSERT INTO pg_class VALUES (1)", "DELETE FROM geometry_columns", "SELECT * INTO t FROM pg_class"]:
            try:
                city.execute(sql)
                print("done", sql)
            except psycopg.Error as error:
                assert error.sqlstate in ("25006", "42000"), (error.sqlstate, error)
        print(city.execute("SELECT count(*) FROM entities").fetchone())
"#;

#[test]
fn whatever_writes_is_refused_on_both_wires() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = city(&python, dir.path(), None);
    assert_eq!(runs(&python, &server, REFUSED), "(4,)\n".repeat(7));
}

const KEYS: &str = r#"
import adbc_driver_flightsql.dbapi, psycopg
from adbc_driver_flightsql import DatabaseOptions
def flight(**options):
    try:
        with adbc_driver_flightsql.dbapi.connect(FLIGHT, db_kwargs=options) as city, city.cursor() as cursor:
            cursor.execute("SELECT 1 AS one")
            return cursor.fetchone()
    except adbc_driver_flightsql.dbapi.Error as error:
        assert "UNAUTHENTICATED" in str(error).upper(), error
        return "key" in str(error)
def pg(**options):
    try:
        with psycopg.connect(PG, user="any", **options) as city:
            return city.execute("SELECT 1").fetchone()
    except psycopg.OperationalError as error:
        return "API key" in str(error) or "no password" in str(error)
header = DatabaseOptions.AUTHORIZATION_HEADER.value
print(flight(), flight(**{header: "Bearer urbis_00"}), flight(**{header: f"Bearer {KEY}"}),
      flight(username="any", password="urbis_00"), flight(username="any", password=KEY))
print(pg(), pg(password="urbis_00"), pg(password=KEY))
"#;

#[test]
fn a_closed_door_takes_the_key_and_nothing_else() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), Some("[wires]\naccess = \"key\"\n"));
    let said = runs(&python, &server, KEYS);
    assert_eq!(said, "True True (1,) True (1,)\nTrue True (1,)\n");
    drop(server);
    let dir = tempfile::tempdir().unwrap();
    let open = start(dir.path(), None);
    let said = runs(&python, &open, KEYS);
    assert_eq!(said, "(1,) True (1,) True (1,)\n(1,) (1,) (1,)\n", "open: a wrong key that is shown is refused");
}

/// Memory that the process has had at most, kB.
fn peak_kb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A million rows, 200 bytes each, over both wires; what is read is counted and thrown away.
const MILLION: &str = r#"
import adbc_driver_flightsql.dbapi, psycopg, time
sql = "SELECT value AS n, repeat('x', 200) AS filler FROM generate_series(1, 1000000)"
begin = time.monotonic()
with adbc_driver_flightsql.dbapi.connect(FLIGHT) as city, city.cursor() as cursor:
    cursor.execute(sql)
    rows = total = 0
    for batch in cursor.fetch_record_batch():
        rows += batch.num_rows
        total += sum(batch.column("n").to_pylist())
print(rows, total)
with psycopg.connect(PG) as city, city.cursor() as cursor:
    rows = total = 0
    for n, filler in cursor.stream(sql):
        rows += 1
        total += n
        assert len(filler) == 200
print(rows, total)
"#;

#[test]
fn a_million_rows_stream_within_bounded_memory() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), Some("sql_deadline_s = 600\n"));
    runs(&python, &server, &MILLION.replace("1000000", "10000"));
    let before = peak_kb(&server.child);
    assert_eq!(runs(&python, &server, MILLION), "1000000 500000500000\n".repeat(2));
    let grown = peak_kb(&server.child) - before;
    assert!(grown < 100_000, "{grown} kB more for an answer of 200 MB");
}

/// Until as many questions run as wanted, without the one that looks.
fn until_running(server: &Server, wanted: i64) {
    let begin = Instant::now();
    loop {
        let running = server.number("SELECT count(*) - 1 FROM memory WHERE question IS NOT NULL");
        if running == wanted {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{running} questions run, not {wanted}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const FLIGHT_FOREVER: &str = r#"
import adbc_driver_flightsql.dbapi
with adbc_driver_flightsql.dbapi.connect(FLIGHT) as city, city.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
    cursor.fetchone()
"#;
const PG_FOREVER: &str = r#"
import psycopg
psycopg.connect(PG).execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
"#;
/// Half a million rows of which none is read.
const PG_UNREAD: &str = r#"
import psycopg, time
city = psycopg.connect(PG)
city.pgconn.send_query(b"SELECT repeat('x', 1000) FROM generate_series(1, 1000000000)")
city.pgconn.flush()
time.sleep(600)
"#;

#[test]
fn a_client_that_goes_ends_its_question() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), Some("sql_deadline_s = 600\n"));
    for text in [FLIGHT_FOREVER, PG_FOREVER, PG_UNREAD] {
        let mut client = script(&python, &server, text).stderr(Stdio::null()).spawn().unwrap();
        until_running(&server, 1);
        client.kill().unwrap();
        client.wait().unwrap();
        until_running(&server, 0);
    }
}

#[test]
fn what_is_cut_never_looks_whole() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), Some("sql_deadline_s = 2\n[wires]\nrows = 1000\n"));
    let said = runs(
        &python,
        &server,
        r#"
import adbc_driver_flightsql.dbapi, psycopg, threading
long, endless = "SELECT * FROM generate_series(1, 5000)", "SELECT count(*) FROM generate_series(1, 1000000000000)"
for sql in [long, endless]:
    with adbc_driver_flightsql.dbapi.connect(FLIGHT) as city, city.cursor() as cursor:
        try:
            cursor.execute(sql)
            print("whole", len(cursor.fetchall()))
        except adbc_driver_flightsql.dbapi.Error as error:
            print("cut after" in str(error))
    with psycopg.connect(PG) as city:
        try:
            print("whole", len(city.execute(sql).fetchall()))
        except psycopg.Error as error:
            print(error.sqlstate, "cut after" in str(error))
with psycopg.connect(PG, autocommit=True) as city:
    city.execute("SET statement_timeout = '300ms'")
    try:
        city.execute(endless)
    except psycopg.Error as error:
        print(error.sqlstate, "300 ms" in str(error))
    city.execute("RESET statement_timeout")
    timer = threading.Timer(0.3, city.cancel)
    timer.start()
    try:
        city.execute(endless)
    except psycopg.errors.QueryCanceled as error:
        print("cancel" in str(error))
    print(city.execute("SELECT count(*) FROM generate_series(1, 1000)").fetchone())
"#,
    );
    assert_eq!(said, "True\n54000 True\nTrue\n57014 True\n57014 True\nTrue\n(1000,)\n");
}

/// Times, transactions, values of every kind.
const PSYCOPG: &str = r#"
import datetime, psycopg, time
with psycopg.connect(PG, autocommit=True) as city:
    count = "SELECT count(*) FROM entity_revisions"
    now = city.execute(count).fetchone()
    city.execute("SET recorded = '2020-01-01T00:00:00Z'")
    then = city.execute(count).fetchone()
    city.execute("RESET recorded")
    print(now, then, city.execute(count).fetchone())
    for wrong in ["SET recorded = 'yesterday'", "SET TimeZone = 'Asia/Shanghai'", "SET nonsense = 1", "SELEC 1",
                  "SELECT nonsense FROM entities", "SELECT 1; SELEC 2"]:
        try:
            city.execute(wrong)
        except psycopg.Error as error:
            print(error.sqlstate, end=" ")
    print()
    sql = "SELECT name, phenomenon_time, value, NULL::text, value > 15, geometry FROM observations, entities "           "WHERE name = %s AND value > %s AND phenomenon_time < %s ORDER BY value"
    for binary in [False, True]:
        rows = city.execute(sql, ["Hall", 15, datetime.datetime(2026, 11, 1, 3, tzinfo=datetime.UTC)], binary=binary).fetchall()
        print(len(rows), rows[0][0], rows[0][1].isoformat(), *rows[0][2:5], type(rows[0][5]).__name__, len(rows[0][5]))
    with city.cursor(binary=False) as cursor:
        cursor.executemany("SELECT name FROM entities WHERE name = %s", [["Hall"], ["Tower"]], returning=True)
        print(cursor.fetchall(), cursor.nextset(), cursor.fetchall())
    print(city.execute("SELECT 1 AS a; SELECT ';' AS b").fetchall())
with psycopg.connect(PG) as city:
    first = city.execute("SELECT count(*) FROM entities").fetchone()
    with city.cursor(name="c") as cursor:
        cursor.itersize = 1000
        cursor.execute("SELECT value FROM generate_series(1, 10000)")
        print(sum(value for value, in cursor), first)
"#;

#[test]
fn psycopg_sets_prepares_and_fetches() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = city(&python, dir.path(), None);
    let said = runs(&python, &server, PSYCOPG);
    let row = "2 Hall 2026-11-01T01:00:00+00:00 20.0 None True";
    let wanted = [
        "(4,) (0,) (4,)".to_owned(),
        "22023 22023 22023 42601 42000 42601 ".to_owned(),
        format!("{row} str 274"),
        format!("{row} bytes 137"),
        "[('Hall',)] True [('Tower',)]".to_owned(),
        "[(1,)]".to_owned(),
        "50005000 (4,)".to_owned(),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
}

fn psql(server: &Server, arguments: &[&str]) -> String {
    told(
        &Command::new("psql")
            .arg(server.pg.as_ref().unwrap())
            .args(["-X", "-q", "-P", "pager=off"])
            .args(arguments)
            .output()
            .unwrap(),
    )
}

#[test]
fn psql_describes_and_asks() {
    if !has("psql") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), None);
    let tables = psql(&server, &["-c", "\\dt"]);
    assert!(
        tables.contains(" city ") && tables.contains(" entities ") && tables.contains(" observations "),
        "{tables}"
    );
    let columns = psql(&server, &["-c", "\\d entities"]);
    assert!(
        columns.contains("geometry") && columns.contains("valid_from") && columns.contains("timestamp"),
        "{columns}"
    );
    for other in ["\\d", "\\dn", "\\l", "\\conninfo"] {
        psql(&server, &["-c", other]);
    }
    assert_eq!(psql(&server, &["-At", "-c", "SELECT 1, 'a;b'", "-c", "SHOW recorded"]), "1|a;b\n\n");
    let geometry = psql(&server, &["-At", "-c", "SELECT * FROM geometry_columns WHERE f_table_name = 'entities'"]);
    assert_eq!(geometry, "urbis|city|entities|geometry|3|4326|GEOMETRY\n");
    let system = psql(&server, &["-At", "-c", "SELECT srid, auth_name, srtext FROM spatial_ref_sys WHERE srid = 4326"]);
    assert!(system.starts_with("4326|EPSG|GEOGCS[\"WGS 84\""), "{system}");
}

/// What a dashboard asks before and when it draws, in our own words: whether it is there, which version, which schemas, tables
/// and columns, and a series. Not what Grafana sends letter by letter.
const DASHBOARD: &str = include_str!("../clients/dashboard.sql");

#[test]
fn a_dashboard_finds_its_tables_and_draws() {
    let Some(python) = python() else { return };
    if !has("psql") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = city(&python, dir.path(), None);
    let answers: Vec<_> = DASHBOARD.split("\n\n").map(|sql| psql(&server, &["-At", "-c", sql.trim()])).collect();
    assert_eq!(answers[0], "1\n", "health");
    assert_eq!(answers[1], "1600\n", "version");
    assert_eq!(answers[2], "", "no TimescaleDB");
    assert!(answers[3].lines().any(|line| line == "city"), "schemas: {}", answers[3]);
    for tables in &answers[4..6] {
        assert!(tables.lines().any(|line| line == "observations"), "tables: {tables}");
    }
    for columns in &answers[6..8] {
        assert!(columns.lines().any(|line| line.starts_with("phenomenon_time|timestamp")), "columns: {columns}");
    }
    let series = &answers[8];
    assert_eq!(series.lines().count(), 3, "series: {series}");
    assert!(series.starts_with("2026-11-01 0") && series.contains("|10|pm25"), "series: {series}");
}

/// Rows a second of one big answer over each wire and over HTTP, in one run.
#[test]
#[ignore = "a measurement: cargo test -p kernel-boot --test it -- --ignored --nocapture wires_beside_http"]
fn wires_beside_http() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), Some("sql_deadline_s = 600\nsql_rows = 10000000\n"));
    println!("{}", runs(&python, &server, include_str!("../clients/measure.py")));
}
