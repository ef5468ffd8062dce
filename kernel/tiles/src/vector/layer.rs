//! One layer as Mapbox Vector Tile 2.1 writes it (protocol buffers, `vector_tile.proto`): features with their numbers of keys
//! and values come in, the bytes of a tile with this layer go out.

use std::collections::HashMap;

use super::EXTENT;

/// Wire types of protocol buffers.
const VARINT: u64 = 0;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// What features say of themselves; the number of a key is its place.
pub(super) const KEYS: [&str; 4] = ["id", "class", "name", "height_m"];

/// The form of a feature (`GeomType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Point = 1,
    Line = 2,
    Polygon = 3,
}

/// A layer that grows.
#[derive(Debug)]
pub(super) struct Layer {
    name: &'static str,
    features: Vec<u8>,
    values: Vec<u8>,
    count: u32,
    texts: HashMap<String, u32>,
    numbers: HashMap<u32, u32>,
    spare: Vec<u8>,
}

impl Layer {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            features: Vec::new(),
            values: Vec::new(),
            count: 0,
            texts: HashMap::new(),
            numbers: HashMap::new(),
            spare: Vec::new(),
        }
    }

    /// So large it is by now.
    pub(super) fn bytes(&self) -> usize {
        self.features.len() + self.values.len()
    }

    /// The number of a text that no other feature has.
    pub(super) fn own_text(&mut self, text: &str) -> u32 {
        tag(&mut self.values, 4, LENGTH);
        // A value is a message of its own: string_value is its field 1.
        varint(&mut self.values, text.len() as u64 + 1 + varint_bytes(text.len() as u64));
        field(&mut self.values, 1, text.as_bytes());
        self.count += 1;
        self.count - 1
    }

    /// The number of a text.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(number) = self.texts.get(text) {
            return *number;
        }
        let number = self.own_text(text);
        self.texts.insert(text.to_owned(), number);
        number
    }

    /// The number of a number.
    pub(super) fn number(&mut self, value: f32) -> u32 {
        if let Some(number) = self.numbers.get(&value.to_bits()) {
            return *number;
        }
        tag(&mut self.values, 4, LENGTH);
        varint(&mut self.values, 5);
        tag(&mut self.values, 2, FIXED32);
        self.values.extend(value.to_le_bytes());
        self.numbers.insert(value.to_bits(), self.count);
        self.count += 1;
        self.count - 1
    }

    /// Adds a feature: its tags as pairs of key and value, its geometry as encoded commands.
    pub(super) fn feature(&mut self, id: u64, form: Form, tags: &[(u32, u32)], geometry: &[u8]) {
        let mut feature = std::mem::take(&mut self.spare);
        feature.clear();
        tag(&mut feature, 1, VARINT);
        varint(&mut feature, id);
        tag(&mut feature, 2, LENGTH);
        let length: u64 = tags.iter().map(|(k, v)| varint_bytes((*k).into()) + varint_bytes((*v).into())).sum();
        varint(&mut feature, length);
        for (key, value) in tags {
            varint(&mut feature, (*key).into());
            varint(&mut feature, (*value).into());
        }
        tag(&mut feature, 3, VARINT);
        varint(&mut feature, form as u64);
        field(&mut feature, 4, geometry);
        field(&mut self.features, 2, &feature);
        self.spare = feature;
    }

    /// The tile; no bytes where there is no feature.
    pub(super) fn finish(self) -> Vec<u8> {
        if self.features.is_empty() {
            return Vec::new();
        }
        let mut layer = Vec::with_capacity(self.bytes() + 128);
        tag(&mut layer, 15, VARINT);
        varint(&mut layer, 2);
        field(&mut layer, 1, self.name.as_bytes());
        layer.extend(&self.features);
        for key in KEYS {
            field(&mut layer, 3, key.as_bytes());
        }
        layer.extend(&self.values);
        tag(&mut layer, 5, VARINT);
        varint(&mut layer, EXTENT as u64);
        let mut tile = Vec::with_capacity(layer.len() + 8);
        field(&mut tile, 3, &layer);
        tile
    }
}

fn tag(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    tag(out, number, LENGTH);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varint_bytes(number: u64) -> u64 {
    u64::from(64 - (number | 1).leading_zeros()).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The point of the specification's example (4.3.5.1): at 25,17.
    #[test]
    fn bytes_are_the_specifications() {
        let mut layer = Layer::new("poi");
        let tags = [(0, layer.own_text("a")), (3, layer.number(1.5)), (1, layer.text("x")), (2, layer.text("x"))];
        layer.feature(300, Form::Point, &tags, &[9, 50, 34]);
        let tile = layer.finish();
        let wanted: Vec<u8> = [
            &[0x1a, 76, 0x78, 2, 0x0a, 3][..],
            b"poi",
            &[0x12, 20, 0x08, 0xac, 0x02, 0x12, 8, 0, 0, 3, 1, 1, 2, 2, 2, 0x18, 1, 0x22, 3, 9, 50, 34],
            &[0x1a, 2],
            b"id",
            &[0x1a, 5],
            b"class",
            &[0x1a, 4],
            b"name",
            &[0x1a, 8],
            b"height_m",
            &[0x22, 3, 0x0a, 1, b'a', 0x22, 5, 0x15, 0, 0, 0xc0, 0x3f, 0x22, 3, 0x0a, 1, b'x'],
            &[0x28, 0x80, 0x20],
        ]
        .concat();
        assert_eq!(tile, wanted);
        assert_eq!([0, 127, 128, u64::MAX].map(varint_bytes), [1, 1, 2, 10]);
        assert!(Layer::new("empty").finish().is_empty());
    }
}
