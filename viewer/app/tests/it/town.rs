//! A made-up town as the server would tell it: blocks of houses by class, a tower, streets, a river, a park with trees,
//! sensors and traffic. Everything follows from arithmetic, so that two runs draw the same picture.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, UInt64Array,
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use viewer_app::EntityId;
use viewer_app::local::LocalFrame;

pub(crate) const LON: f64 = 116.391;
pub(crate) const LAT: f64 = 39.907;
/// The data's ground, in its own reference.
pub(crate) const GROUND_M: f64 = 43.5;

#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) id: EntityId,
    pub(crate) kind: &'static str,
    pub(crate) class: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) anchor: [f64; 2],
    pub(crate) height: Option<f64>,
    pub(crate) extrude: Option<f32>,
    pub(crate) geometry: Option<Vec<u8>>,
    pub(crate) seq: u64,
    pub(crate) removed: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) id: [u8; 16],
    pub(crate) time_us: i64,
    pub(crate) place: Option<[f64; 2]>,
    pub(crate) heading: Option<f32>,
    pub(crate) speed: Option<f32>,
    pub(crate) reading: Option<(&'static str, f64, &'static str)>,
}

pub(crate) fn id(kind: u8, number: u32) -> EntityId {
    let mut bytes = [0u8; 16];
    bytes[0] = kind;
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    EntityId(bytes)
}

fn chance(a: u32, b: u32) -> f64 {
    let mut hash = a.wrapping_mul(0x9e37_79b9) ^ b.wrapping_mul(0x85eb_ca6b) ^ 0x27d4_eb2f;
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x2c1b_3c6d);
    hash ^= hash >> 12;
    f64::from(hash >> 8) / f64::from(1u32 << 24)
}

fn frame() -> LocalFrame {
    LocalFrame::new(LON, LAT)
}

pub(crate) fn degrees(x: f64, y: f64) -> [f64; 2] {
    frame().to_degrees(x, y)
}

/// Little-endian WKB of one or more polygons of rings, in metres of the town; with heights when `z` is given.
pub(crate) fn polygons(polygons: &[Vec<Vec<[f64; 3]>>], with_z: bool) -> Vec<u8> {
    let thousand = if with_z { 1000u32 } else { 0 };
    let mut bytes = vec![1];
    bytes.extend((6 + thousand).to_le_bytes());
    bytes.extend((polygons.len() as u32).to_le_bytes());
    for rings in polygons {
        bytes.push(1);
        bytes.extend((3 + thousand).to_le_bytes());
        bytes.extend((rings.len() as u32).to_le_bytes());
        for ring in rings {
            bytes.extend((ring.len() as u32 + 1).to_le_bytes());
            for place in ring.iter().chain(ring.first()) {
                put(&mut bytes, *place, with_z);
            }
        }
    }
    bytes
}

pub(crate) fn line(places: &[[f64; 2]]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(2u32.to_le_bytes());
    bytes.extend((places.len() as u32).to_le_bytes());
    for [x, y] in places {
        put(&mut bytes, [*x, *y, 0.0], false);
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, [x, y, z]: [f64; 3], with_z: bool) {
    for figure in degrees(x, y) {
        bytes.extend(figure.to_le_bytes());
    }
    if with_z {
        bytes.extend((z + GROUND_M).to_le_bytes());
    }
}

fn thing(kind: &'static str, class: &'static str, number: u8, count: u32, x: f64, y: f64) -> Thing {
    Thing {
        id: id(number, count),
        kind,
        class,
        name: None,
        anchor: degrees(x, y),
        height: None,
        extrude: None,
        geometry: None,
        seq: 1,
        removed: false,
    }
}

fn rectangle(x: f64, y: f64, w: f64, d: f64) -> Vec<[f64; 3]> {
    vec![
        [x - w / 2.0, y - d / 2.0, 0.0],
        [x + w / 2.0, y - d / 2.0, 0.0],
        [x + w / 2.0, y + d / 2.0, 0.0],
        [x - w / 2.0, y + d / 2.0, 0.0],
    ]
}

/// A house with a ridge roof as a closed set of faces, as city models give it.
fn gabled(x: f64, y: f64, w: f64, d: f64, eaves: f64, ridge: f64) -> Vec<u8> {
    let [a, b, c, e] = [0, 1, 2, 3].map(|i| rectangle(x, y, w, d)[i]);
    let up = |p: [f64; 3], z: f64| [p[0], p[1], z];
    let (west, east) = ([x - w / 2.0, y, ridge], [x + w / 2.0, y, ridge]);
    let faces = vec![
        vec![a, e, c, b],
        vec![a, b, up(b, eaves), up(a, eaves)],
        vec![c, e, up(e, eaves), up(c, eaves)],
        vec![b, c, up(c, eaves), east, up(b, eaves)],
        vec![e, a, up(a, eaves), west, up(e, eaves)],
        vec![up(a, eaves), up(b, eaves), east, west],
        vec![up(c, eaves), up(e, eaves), west, east],
    ];
    polygons(&faces.into_iter().map(|face| vec![face]).collect::<Vec<_>>(), true)
}

/// The tower in the middle: 90 m, told as an extruded footprint with a courtyard.
pub(crate) const TOWER: u32 = 7_000;

pub(crate) fn things() -> Vec<Thing> {
    let mut out = Vec::new();
    let mut number = 0;
    for bx in -4i32..4 {
        for by in -4i32..4 {
            block(bx, by, &mut number, &mut out);
        }
    }
    let mut tower = thing("building", "office", 1, TOWER, 55.0, 55.0);
    let ring = rectangle(55.0, 55.0, 34.0, 34.0);
    let yard: Vec<_> = rectangle(55.0, 55.0, 12.0, 12.0).into_iter().rev().collect();
    tower.geometry = Some(polygons(&[vec![ring, yard]], false));
    tower.extrude = Some(90.0);
    tower.name = Some("Tower".to_owned());
    out.push(tower);
    roads(&mut out);
    green(&mut out);
    live(&mut out);
    out
}

fn block(bx: i32, by: i32, number: &mut u32, out: &mut Vec<Thing>) {
    let (x0, y0) = (f64::from(bx) * 110.0 + 55.0, f64::from(by) * 110.0 + 55.0);
    let park = bx == -2 && by == 0;
    let river = by == -3;
    if park || river || (bx == 0 && by == 0) {
        return;
    }
    let centre = 1.0 - (x0.hypot(y0) / 620.0).min(1.0);
    for ix in 0..3 {
        for iy in 0..3 {
            *number += 1;
            let n = *number;
            if ix == 1 && iy == 1 {
                continue;
            }
            let (x, y) = (x0 + f64::from(ix - 1) * 29.0, y0 + f64::from(iy - 1) * 29.0);
            let (w, d) = (17.0 + 8.0 * chance(n, 1), 17.0 + 8.0 * chance(n, 2));
            let low = chance(n, 3) > 0.35 + centre * 0.5;
            let class = ["residential", "residential", "office", "retail", "school", "industrial", ""]
                [(chance(n, 4) * 7.0) as usize];
            let mut house = thing("building", class, 1, n, x, y);
            if low {
                let eaves = 5.0 + 5.0 * chance(n, 5);
                house.geometry = Some(gabled(x, y, w, d, eaves, eaves + 4.0));
            } else {
                house.geometry = Some(polygons(&[vec![rectangle(x, y, w, d)]], false));
                house.extrude = Some((8.0 + 34.0 * chance(n, 6) * (0.35 + centre)) as f32);
            }
            out.push(house);
        }
    }
}

fn roads(out: &mut Vec<Thing>) {
    let mut count = 0;
    for i in -4i32..=4 {
        let at = f64::from(i) * 110.0;
        let class = if i == 0 {
            "primary"
        } else if i % 2 == 0 {
            "secondary"
        } else {
            "residential"
        };
        for places in [[[at, -470.0], [at, 470.0]], [[-470.0, at], [470.0, at]]] {
            count += 1;
            let mut road = thing("road", class, 2, count, places[0][0], places[0][1]);
            road.geometry = Some(line(&[
                places[0],
                [f64::midpoint(places[0][0], places[1][0]), f64::midpoint(places[0][1], places[1][1])],
                places[1],
            ]));
            out.push(road);
        }
    }
}

fn green(out: &mut Vec<Thing>) {
    let mut river = thing("water", "river", 3, 1, 0.0, -275.0);
    let bank = |x: f64, side: f64| [x, -275.0 + 22.0 * (x / 160.0).sin() + side, 0.0];
    let mut ring: Vec<_> = (-12..=12).map(|i| bank(f64::from(i) * 60.0, -30.0)).collect();
    ring.extend((-12..=12).rev().map(|i| bank(f64::from(i) * 60.0, 30.0)));
    river.geometry = Some(polygons(&[vec![ring]], false));
    out.push(river);
    let mut park = thing("landuse", "park", 4, 1, -165.0, 55.0);
    park.geometry = Some(polygons(&[vec![rectangle(-165.0, 55.0, 92.0, 92.0)]], false));
    out.push(park);
    for n in 0..420u32 {
        let (x, y) = if n < 60 {
            (-165.0 + 84.0 * (chance(n, 31) - 0.5), 55.0 + 84.0 * (chance(n, 32) - 0.5))
        } else {
            let street = f64::from((n % 9) as i32 - 4) * 110.0;
            let along = f64::from(n / 9) * 20.0 - 460.0;
            let side = if n % 2 == 0 { 9.5 } else { -9.5 };
            if (along + 275.0).abs() < 70.0 || (along.rem_euclid(110.0) - 55.0).abs() > 42.0 {
                continue;
            }
            (street + side, along)
        };
        let mut tree = thing("vegetation", if n % 7 == 3 { "needleleaved" } else { "broadleaved" }, 5, n, x, y);
        tree.geometry = None;
        out.push(tree);
    }
}

pub(crate) const SENSORS: u32 = 24;
pub(crate) const CARS: u32 = 120;

fn live(out: &mut Vec<Thing>) {
    for n in 0..SENSORS {
        let (x, y) = (f64::from(n % 6) * 160.0 - 410.0 + 10.0, f64::from(n / 6) * 220.0 - 320.0);
        let mut sensor = thing("sensor", "air_quality", 6, n, x, y);
        sensor.name = Some(format!("Air {n}"));
        out.push(sensor);
    }
    for n in 0..CARS {
        out.push(thing("vehicle", if n % 17 == 0 { "bus" } else { "car" }, 7, n, 0.0, 0.0));
    }
    for n in 0..60 {
        let (x, y) = (f64::from(n % 9) * 110.0 - 440.0 + 7.5, chance(n, 50) * 800.0 - 400.0);
        out.push(thing("pedestrian", "", 8, n, x, y));
    }
}

/// Traffic and air at a second of the day.
pub(crate) fn states(second: f64) -> Vec<State> {
    let time_us = 1_760_000_000_000_000 + (second * 1e6) as i64;
    let sensors = (0..SENSORS).map(|n| State {
        id: id(6, n).0,
        time_us,
        reading: Some(("pm25", 15.0 + 120.0 * chance(n, 70), "ug/m3")),
        ..State::default()
    });
    let cars = (0..CARS).map(|n| {
        let street = f64::from((n % 9) as i32 - 4) * 110.0;
        let speed = 7.0 + 6.0 * chance(n, 60);
        let forth = n % 2 == 0;
        let way = (chance(n, 61) * 900.0 + speed * second).rem_euclid(900.0) - 450.0;
        let along = if forth { way } else { -way };
        let lane = if forth { 2.2 } else { -2.2 };
        let (place, heading) = if n % 4 < 2 {
            (degrees(street + lane, along), if forth { 0.0 } else { 180.0 })
        } else {
            (degrees(along, street - lane), if forth { 90.0 } else { 270.0 })
        };
        State {
            id: id(7, n).0,
            time_us,
            place: Some(place),
            heading: Some(heading),
            speed: Some(speed as f32),
            reading: None,
        }
    });
    sensors.chain(cars).collect()
}

pub(crate) fn stream(schema: Schema, columns: Vec<ArrayRef>) -> Vec<u8> {
    let schema = Arc::new(schema);
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn named(message: &str, fields: Vec<Field>) -> Schema {
    Schema::new(fields).with_metadata(HashMap::from([("urbis.message".to_owned(), message.to_owned())]))
}

pub(crate) fn entities(things: &[Thing]) -> Vec<u8> {
    let text = |f: fn(&Thing) -> Option<&str>| Arc::new(things.iter().map(f).collect::<StringArray>()) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(FixedSizeBinaryArray::try_from_iter(things.iter().map(|t| t.id.0)).unwrap()),
        text(|t| Some(t.kind)),
        text(|t| Some(t.class)),
        text(|t| t.name.as_deref()),
        Arc::new(things.iter().map(|t| Some(t.anchor[0])).collect::<Float64Array>()),
        Arc::new(things.iter().map(|t| Some(t.anchor[1])).collect::<Float64Array>()),
        Arc::new(things.iter().map(|t| t.height).collect::<Float64Array>()),
        Arc::new(things.iter().map(|t| t.extrude).collect::<Float32Array>()),
        Arc::new(things.iter().map(|t| t.geometry.as_deref()).collect::<BinaryArray>()),
        Arc::new(things.iter().map(|t| Some(t.seq)).collect::<UInt64Array>()),
        Arc::new(things.iter().map(|t| Some(t.removed)).collect::<BooleanArray>()),
    ];
    let fields = vec![
        Field::new("id", DataType::FixedSizeBinary(16), false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("class", DataType::Utf8, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("lon", DataType::Float64, false),
        Field::new("lat", DataType::Float64, false),
        Field::new("height_m", DataType::Float64, true),
        Field::new("extrude_m", DataType::Float32, true),
        Field::new("geometry", DataType::Binary, true),
        Field::new("recorded_seq", DataType::UInt64, false),
        Field::new("removed", DataType::Boolean, false),
    ];
    stream(named("entities", fields), columns)
}

pub(crate) fn states_message(states: &[State]) -> Vec<u8> {
    let text = |f: fn(&State) -> Option<&str>| Arc::new(states.iter().map(f).collect::<StringArray>()) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(FixedSizeBinaryArray::try_from_iter(states.iter().map(|s| s.id)).unwrap()),
        Arc::new(states.iter().map(|s| Some(s.time_us)).collect::<Int64Array>()),
        Arc::new(states.iter().map(|s| s.place.map(|p| p[0])).collect::<Float64Array>()),
        Arc::new(states.iter().map(|s| s.place.map(|p| p[1])).collect::<Float64Array>()),
        Arc::new(states.iter().map(|s| s.heading).collect::<Float32Array>()),
        Arc::new(states.iter().map(|s| s.speed).collect::<Float32Array>()),
        text(|s| s.reading.map(|r| r.0)),
        Arc::new(states.iter().map(|s| s.reading.map(|r| r.1)).collect::<Float64Array>()),
        text(|s| s.reading.map(|r| r.2)),
    ];
    let fields = vec![
        Field::new("id", DataType::FixedSizeBinary(16), false),
        Field::new("time_us", DataType::Int64, false),
        Field::new("lon", DataType::Float64, true),
        Field::new("lat", DataType::Float64, true),
        Field::new("heading_deg", DataType::Float32, true),
        Field::new("speed_m_s", DataType::Float32, true),
        Field::new("property", DataType::Utf8, true),
        Field::new("value", DataType::Float64, true),
        Field::new("unit", DataType::Utf8, true),
    ];
    stream(named("states", fields), columns)
}
