//! How fast city models are read: files in, changes counted, figures out. Nothing is stored.
//!
//! `cargo run --profile quick -p connectors-files --example city_speed [--crs EPSG:n] [FILE...]`; without files it writes
//! 50,000 LoD2 buildings (a house with a gabled roof each, in EPSG:25832) as CityJSONSeq and as CityGML into a temporary
//! folder, reads both three times and removes them. Rates are of processor time where Linux tells it (reading is one
//! thread's work), so that a busy machine does not count; the time on the clock stands beside.
#![expect(clippy::print_stdout, reason = "a program that writes figures")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use connectors_files::{Options, read_file};
use kernel_model::{Change, Rejection, Shape, Sink, SinkError};

/// Buildings of the generated files.
const BUILDINGS: u32 = 50_000;
/// A house of 10 m by 8 m: vertices and faces, by number.
const VERTICES: [[u32; 3]; 10] =
    [[0, 0, 0], [10, 0, 0], [10, 8, 0], [0, 8, 0], [0, 0, 6], [10, 0, 6], [10, 8, 6], [0, 8, 6], [0, 4, 9], [10, 4, 9]];
const FACES: [(&str, &[usize]); 7] = [
    ("GroundSurface", &[0, 3, 2, 1]),
    ("WallSurface", &[0, 1, 5, 4]),
    ("WallSurface", &[1, 2, 6, 9, 5]),
    ("WallSurface", &[2, 3, 7, 6]),
    ("WallSurface", &[3, 0, 4, 8, 7]),
    ("RoofSurface", &[4, 5, 9, 8]),
    ("RoofSurface", &[6, 7, 8, 9]),
];

/// Counts what comes.
#[derive(Debug, Default)]
struct Counted {
    kinds: BTreeMap<&'static str, u64>,
    faces: u64,
    contents: u64,
    refused: Vec<Rejection>,
}

impl Sink for Counted {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        match &change {
            Change::Entity(draft) => {
                *self.kinds.entry(draft.kind.name()).or_default() += 1;
                if let Some(Shape::MultiPolygon(faces)) = draft.geometry.as_ref().map(|g| &g.shape) {
                    self.faces += faces.len() as u64;
                }
            }
            Change::Content(_) => self.contents += 1,
            _ => {}
        }
        Ok(())
    }

    fn refused(&mut self, rejection: Rejection) {
        self.refused.push(rejection);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    let mut files: Vec<PathBuf> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--crs" => options.crs = arguments.next(),
            file => files.push(file.into()),
        }
    }
    if !files.is_empty() {
        return files.iter().try_for_each(|file| measure(file, &options));
    }
    let folder = std::env::temp_dir().join(format!("city-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = generated(&folder, &options);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn generated(folder: &Path, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    for (name, write) in [
        ("houses.city.jsonl", write_sequence as fn(&mut dyn Write) -> std::io::Result<()>),
        ("houses.gml", write_citygml),
    ] {
        let path = folder.join(name);
        let mut out = BufWriter::new(std::fs::File::create(&path)?);
        write(&mut out)?;
        out.flush()?;
        drop(out);
        for _ in 0..3 {
            measure(&path, options)?;
        }
    }
    Ok(())
}

/// Seconds that this thread has had a processor.
fn cpu_s() -> Option<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(told.split_ascii_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

fn measure(path: &Path, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let megabytes = std::fs::metadata(path)?.len() as f64 / 1e6;
    let (begun, cpu_begun) = (Instant::now(), cpu_s());
    let mut counted = Counted::default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let summary = match read_file(path, options, &mut counted) {
        Ok(summary) => summary,
        Err(error) => {
            println!("{error}");
            return Ok(());
        }
    };
    let clock = begun.elapsed().as_secs_f64();
    let seconds = cpu_s().zip(cpu_begun).map_or(clock, |(now, then)| now - then).max(0.001);
    let entities: u64 = counted.kinds.values().sum();
    println!(
        "{name} ({}): {megabytes:.1} MB, {} read, {} refused, {entities} entities, {} faces, {} contents in {seconds:.2} s ({clock:.2} s on the clock): \
         {:.0} entities/s, {:.1} MB/s",
        summary.format,
        summary.records_read,
        summary.records_refused,
        counted.faces,
        counted.contents,
        entities as f64 / seconds,
        megabytes / seconds
    );
    println!("  {}; {:?}; left out {:?}", summary.crs, counted.kinds, summary.left_out);
    for rejection in counted.refused.iter().take(5) {
        println!("  {}: {}", rejection.place, rejection.reason);
    }
    Ok(())
}

/// Where a house stands: metres.
fn place(at: u32) -> (u32, u32) {
    (400_000 + at % 250 * 20, 5_700_000 + at / 250 * 20)
}

fn write_sequence(out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        r#"{{"type":"CityJSON","version":"2.0","metadata":{{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/5555"}},"transform":{{"scale":[0.001,0.001,0.001],"translate":[400000.0,5700000.0,0.0]}},"CityObjects":{{}},"vertices":[]}}"#
    )?;
    let faces: Vec<_> = FACES.iter().map(|(_, face)| vec![*face]).collect();
    let surfaces: Vec<_> = FACES.iter().map(|(sort, _)| serde_json::json!({ "type": sort })).collect();
    let geometry = serde_json::json!([{ "type": "Solid", "lod": "2.2", "boundaries": [faces],
        "semantics": { "surfaces": surfaces, "values": [[0, 1, 2, 3, 4, 5, 6]] } }]);
    for at in 0..BUILDINGS {
        let (east, north) = place(at);
        let (east, north) = (east - 400_000, north - 5_700_000);
        let vertices: Vec<[u32; 3]> =
            VERTICES.iter().map(|[x, y, z]| [(east + x) * 1000 + at % 97, (north + y) * 1000, z * 1000]).collect();
        let feature = serde_json::json!({ "type": "CityJSONFeature", "id": format!("house-{at}"), "CityObjects": {
            format!("house-{at}"): { "type": "Building", "geometry": geometry, "attributes": {
                "measuredHeight": 9.0, "roofType": "gabled", "storeysAboveGround": 2, "yearOfConstruction": 1900 + at % 120 } } },
            "vertices": vertices });
        writeln!(out, "{feature}")?;
    }
    Ok(())
}

fn write_citygml(out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink">
  <gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783" srsDimension="3"><gml:lowerCorner>400000 5700000 0</gml:lowerCorner><gml:upperCorner>405000 5704000 9</gml:upperCorner></gml:Envelope></gml:boundedBy>"#
    )?;
    for at in 0..BUILDINGS {
        let (east, north) = place(at);
        let mut text = format!(
            "  <core:cityObjectMember>\n    <bldg:Building gml:id=\"house-{at}\">\n      <bldg:yearOfConstruction>{}</bldg:yearOfConstruction>\n      <bldg:roofType>gabled</bldg:roofType>\n      <bldg:measuredHeight uom=\"m\">9.0</bldg:measuredHeight>\n      <bldg:storeysAboveGround>2</bldg:storeysAboveGround>\n      <bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>\n",
            1900 + at % 120
        );
        for face in 0..FACES.len() {
            let _ = writeln!(text, "        <gml:surfaceMember xlink:href=\"#house-{at}-{face}\"/>");
        }
        text.push_str("      </gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid>\n");
        for (face, (sort, ring)) in FACES.iter().enumerate() {
            let mut positions = String::new();
            for vertex in ring.iter().chain(&ring[..1]) {
                let [x, y, z] = VERTICES[*vertex];
                let _ = write!(positions, "{}.{:03} {}.000 {z}.000 ", east + x, at % 97, north + y);
            }
            let _ = writeln!(
                text,
                "      <bldg:boundedBy>\n        <bldg:{sort}>\n          <bldg:lod2MultiSurface>\n            <gml:MultiSurface>\n              <gml:surfaceMember>\n                <gml:Polygon gml:id=\"house-{at}-{face}\">\n                  <gml:exterior>\n                    <gml:LinearRing>\n                      <gml:posList>{}</gml:posList>\n                    </gml:LinearRing>\n                  </gml:exterior>\n                </gml:Polygon>\n              </gml:surfaceMember>\n            </gml:MultiSurface>\n          </bldg:lod2MultiSurface>\n        </bldg:{sort}>\n      </bldg:boundedBy>",
                positions.trim_end()
            );
        }
        text.push_str("    </bldg:Building>\n  </core:cityObjectMember>\n");
        out.write_all(text.as_bytes())?;
    }
    writeln!(out, "</core:CityModel>")
}
