//! How fast a file is read and how much memory that takes: `read_speed FILE [OPTION=VALUE...]` prints records, entities,
//! rows, seconds, records a second and peak memory. `read_speed --make polygons|nodes COUNT FILE` first writes a GeoParquet
//! file of so many building-like polygons, or an OSM PBF file of so many nodes, the same at every run.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use connectors_files::{Mapping, Options, read_file};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use kernel_model::{Change, Coord, Geometry, Rejection, Shape, Sink, SinkError};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

/// Counts what it is given and keeps nothing.
#[derive(Default)]
struct Counted {
    entities: u64,
    rows: u64,
    refused: u64,
}

impl Sink for Counted {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        match change {
            Change::Entity(_) => self.entities += 1,
            other => self.rows += other.row_count() as u64,
        }
        Ok(())
    }

    fn refused(&mut self, _: Rejection) {
        self.refused += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--make", "polygons", count, path] => polygons(count.parse()?, Path::new(path)),
        ["--make", "nodes", count, path] => nodes(count.parse()?, Path::new(path)),
        [path, options @ ..] => measure(Path::new(path), options),
        [] => {
            Err("read_speed FILE [crs=EPSG:n] [mapping=NAME] [id=NAME] [days=A/B], or --make polygons|nodes COUNT FILE"
                .into())
        }
    }
}

fn measure(path: &Path, stated: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    for word in stated {
        let value = |value: &str| Some(value.to_owned());
        match word.split_once('=') {
            Some(("crs", crs)) => options.crs = value(crs),
            Some(("id", id)) => options.id = value(id),
            Some(("days", days)) => options.days = value(days),
            Some(("mapping", mapping)) => options.mapping = Some(Mapping::load(mapping)?),
            _ => return Err(format!("`{word}` is none of crs=, id=, days=, mapping=").into()),
        }
    }
    let mut sink = Counted::default();
    let begun = Instant::now();
    let summary = read_file(path, &options, &mut sink)?;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{}: {} records, {} entities, {} rows, {} refused in {seconds:.2} s: {:.0} records/s, peak {} MiB",
        summary.format,
        summary.records_read,
        sink.entities,
        sink.rows,
        sink.refused,
        summary.records_read as f64 / seconds,
        peak_mib()
    );
    Ok(())
}

/// The most memory this process had at once (Linux).
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}

/// A number of 0 to 1 that looks random.
fn noise(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / u64::MAX as f64
}

/// GeoParquet: id, name, storeys, a polygon of 5 to 13 vertices.
fn polygons(count: u64, path: &Path) -> Result<(), Box<dyn Error>> {
    let geo = r#"{"version":"1.0.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB","geometry_types":["Polygon"]}}}"#;
    let mut writer: Option<ArrowWriter<File>> = None;
    for from in (0..count).step_by(65_536) {
        let ids = from..count.min(from + 65_536);
        let shapes: Vec<Vec<u8>> = ids.clone().map(polygon).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new(Int64Array::from_iter_values(ids.clone().map(|id| id as i64)))),
            ("name", Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("Building {id}"))))),
            ("storeys", Arc::new(Int64Array::from_iter_values(ids.map(|id| 1 + (noise(id) * 30.0) as i64)))),
            ("geometry", Arc::new(BinaryArray::from_iter_values(shapes))),
        ];
        let batch = RecordBatch::try_from_iter(columns)?;
        let mut open = match writer.take() {
            Some(open) => open,
            None => ArrowWriter::try_new(File::create(path)?, batch.schema(), None)?,
        };
        open.write(&batch)?;
        writer = Some(open);
    }
    let mut writer = writer.ok_or("no polygons, no file")?;
    writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo.to_owned()));
    writer.close()?;
    Ok(())
}

fn polygon(id: u64) -> Vec<u8> {
    let (lon, lat) = (115.7 + 1.7 * noise(id * 3), 39.4 + 1.7 * noise(id * 3 + 1));
    let corners = 4 + id % 9;
    let corner = |at: u64| {
        let angle = std::f64::consts::TAU * (at % corners) as f64 / corners as f64;
        Coord::new(lon + 3e-4 * angle.cos(), lat + 3e-4 * angle.sin(), 0.0)
    };
    Geometry::flat(Shape::Polygon(vec![(0..=corners).map(corner).collect()])).to_wkb()
}

/// OSM PBF: nodes in dense blocks of 8,000, one in fifty of them a tree.
fn nodes(count: u64, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(File::create(path)?);
    let features = [field(4, b"OsmSchema-V0.6"), field(4, b"DenseNodes")].concat();
    blob(&mut out, "OSMHeader", &features)?;
    for from in (0..count).step_by(8000) {
        let ids = from..count.min(from + 8000);
        let (mut id_deltas, mut lats, mut lons, mut tags) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut last = [0_i64; 3];
        for id in ids {
            let now = [id as i64 + 1, (4e8 + 1e7 * noise(2 * id)) as i64, (1.16e9 + 1e7 * noise(2 * id + 1)) as i64];
            signed(&mut id_deltas, now[0] - last[0]);
            signed(&mut lats, now[1] - last[1]);
            signed(&mut lons, now[2] - last[2]);
            last = now;
            // Numbers in the table of strings: natural = tree.
            tags.extend_from_slice(if id % 50 == 0 { &[1, 2, 0] } else { &[0] });
        }
        let dense = [field(1, &id_deltas), field(8, &lats), field(9, &lons), field(10, &tags)].concat();
        let strings = [field(1, b""), field(1, b"natural"), field(1, b"tree")].concat();
        let block = [field(1, &strings), field(2, &field(2, &dense))].concat();
        blob(&mut out, "OSMData", &block)?;
    }
    out.flush()?;
    Ok(())
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed(out: &mut Vec<u8>, value: i64) {
    varint(out, (value << 1 ^ value >> 63) as u64);
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    varint(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

fn blob(out: &mut impl Write, kind: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes)?;
    let mut body = vec![2 << 3];
    varint(&mut body, bytes.len() as u64);
    body.extend(field(3, &packed.finish()?));
    let mut header = field(1, kind.as_bytes());
    header.push(3 << 3);
    varint(&mut header, body.len() as u64);
    out.write_all(&(header.len() as u32).to_be_bytes())?;
    out.write_all(&header)?;
    out.write_all(&body)
}
