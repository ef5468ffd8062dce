//! A reader of vector tiles of its own (Mapbox Vector Tile 2.1), to compare with what was stored.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Float(f32),
}

#[derive(Debug, Clone)]
pub(crate) struct Feature {
    pub(crate) id: u64,
    pub(crate) form: u64,
    pub(crate) tags: BTreeMap<String, Value>,
    /// Points, lines or rings, units of the tile.
    pub(crate) paths: Vec<Vec<[i64; 2]>>,
}

impl Feature {
    pub(crate) fn text(&self, key: &str) -> &str {
        match &self.tags[key] {
            Value::Text(text) => text,
            Value::Float(number) => panic!("{key} is {number}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) features: Vec<Feature>,
}

struct Message<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Word(u32),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}

impl<'a> Iterator for Message<'a> {
    type Item = (u64, Field<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let tag = varint(&mut self.0);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut self.0)),
            2 => {
                let length = varint(&mut self.0) as usize;
                let (own, rest) = self.0.split_at(length);
                self.0 = rest;
                Field::Bytes(own)
            }
            5 => {
                let (own, rest) = self.0.split_at(4);
                self.0 = rest;
                Field::Word(u32::from_le_bytes(own.try_into().unwrap()))
            }
            other => panic!("wire type {other}"),
        };
        Some((tag >> 3, field))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The one layer of a tile; `None` where the tile is empty.
pub(crate) fn read(tile: &[u8]) -> Option<Layer> {
    let mut layers = Message(tile).map(|(field, value)| match (field, value) {
        (3, Field::Bytes(layer)) => layer,
        (other, _) => panic!("field {other} of a tile"),
    });
    let layer = layers.next()?;
    assert!(layers.next().is_none(), "one layer");
    let (mut name, mut raw, mut keys, mut values, mut version, mut extent) =
        (String::new(), vec![], vec![], vec![], 0, 0);
    for (field, value) in Message(layer) {
        match (field, value) {
            (1, Field::Bytes(bytes)) => name = text(bytes),
            (2, Field::Bytes(bytes)) => raw.push(bytes),
            (3, Field::Bytes(bytes)) => keys.push(text(bytes)),
            (4, Field::Bytes(bytes)) => values.push(match Message(bytes).next().unwrap() {
                (1, Field::Bytes(bytes)) => Value::Text(text(bytes)),
                (2, Field::Word(word)) => Value::Float(f32::from_bits(word)),
                (other, _) => panic!("field {other} of a value"),
            }),
            (5, Field::Number(number)) => extent = number,
            (15, Field::Number(number)) => version = number,
            (other, _) => panic!("field {other} of a layer"),
        }
    }
    assert_eq!((version, extent), (2, 4096));
    Some(Layer { name, features: raw.into_iter().map(|bytes| feature(bytes, &keys, &values)).collect() })
}

fn feature(bytes: &[u8], keys: &[String], values: &[Value]) -> Feature {
    let mut feature = Feature { id: 0, form: 0, tags: BTreeMap::new(), paths: vec![] };
    for (field, value) in Message(bytes) {
        match (field, value) {
            (1, Field::Number(number)) => feature.id = number,
            (2, Field::Bytes(mut bytes)) => {
                while !bytes.is_empty() {
                    let (key, value) = (varint(&mut bytes), varint(&mut bytes));
                    feature.tags.insert(keys[key as usize].clone(), values[value as usize].clone());
                }
            }
            (3, Field::Number(number)) => feature.form = number,
            (4, Field::Bytes(bytes)) => feature.paths = paths(bytes),
            (other, _) => panic!("field {other} of a feature"),
        }
    }
    feature
}

fn paths(mut bytes: &[u8]) -> Vec<Vec<[i64; 2]>> {
    let (mut paths, mut at) = (Vec::<Vec<[i64; 2]>>::new(), [0, 0]);
    while !bytes.is_empty() {
        let command = varint(&mut bytes);
        let (what, count) = (command & 7, command >> 3);
        for _ in 0..if what == 7 { 0 } else { count } {
            for axis in &mut at {
                let step = varint(&mut bytes);
                *axis += (step >> 1) as i64 ^ -((step & 1) as i64);
            }
            if what == 1 {
                paths.push(Vec::new());
            }
            paths.last_mut().unwrap().push(at);
        }
    }
    paths
}

/// Twice the area, positive where an outer ring is written.
pub(crate) fn area(ring: &[[i64; 2]]) -> i64 {
    (0..ring.len()).map(|i| (ring[i], ring[(i + 1) % ring.len()])).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}
