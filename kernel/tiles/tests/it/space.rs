//! 3D Tiles against the entities: every tile that the tileset leads to is read again.

use std::collections::{BTreeMap, BTreeSet};

use kernel_model::{Change, ContentDraft, HeightReference, Kind, Region, Span, TimeUs};
use kernel_tiles::grid::Cell;
use kernel_tiles::space::{Address, COARSE, LEAF, Offsets, SUBTREE_LEVELS};
use kernel_tiles::{Times, What};
use serde_json::Value;

use crate::support::{City, building, bytes, key, point, solid, strewn};

/// A tile of the walk.
pub(crate) struct Tile {
    pub(crate) level: u8,
    pub(crate) region: [f64; 6],
    pub(crate) error_m: f64,
    pub(crate) address: Address,
    pub(crate) parent: Option<usize>,
}

/// What a binary glTF says.
pub(crate) struct Glb {
    pub(crate) document: Value,
    binary: Vec<u8>,
}

impl Glb {
    pub(crate) fn read(file: &[u8]) -> Self {
        assert_eq!(
            (&file[..4], u32::from_le_bytes(file[8..12].try_into().unwrap()) as usize),
            (&b"glTF"[..], file.len())
        );
        let length = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
        let document = serde_json::from_slice(&file[20..20 + length]).unwrap();
        Self { document, binary: file[28 + length..].to_vec() }
    }

    fn view(&self, number: &Value) -> &[u8] {
        let view = &self.document["bufferViews"][number.as_u64().unwrap() as usize];
        let from = view["byteOffset"].as_u64().unwrap() as usize;
        &self.binary[from..from + view["byteLength"].as_u64().unwrap() as usize]
    }

    fn texts(&self, property: &str) -> Vec<String> {
        let table = &self.document["extensions"]["EXT_structural_metadata"]["propertyTables"][0];
        let property = &table["properties"][property];
        let (values, ends) = (self.view(&property["values"]), self.view(&property["stringOffsets"]));
        let ends: Vec<usize> = ends.chunks(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()) as usize).collect();
        assert_eq!(ends.len() as u64, table["count"].as_u64().unwrap() + 1);
        ends.windows(2).map(|pair| String::from_utf8(values[pair[0]..pair[1]].to_vec()).unwrap()).collect()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.texts("id")
    }

    fn floats(&self, accessor: &Value) -> Vec<f32> {
        let accessor = &self.document["accessors"][accessor.as_u64().unwrap() as usize];
        self.view(&accessor["bufferView"]).chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    /// Every vertex with the number of its thing, as longitude and latitude in degrees and metres above the ellipsoid.
    pub(crate) fn vertices(&self) -> Vec<(usize, [f64; 3])> {
        let middle: Vec<f64> = serde_json::from_value(self.document["nodes"][0]["translation"].clone()).unwrap();
        let mut vertices = Vec::new();
        for primitive in self.document["meshes"][0]["primitives"].as_array().unwrap() {
            let positions = self.floats(&primitive["attributes"]["POSITION"]);
            let features = self.floats(&primitive["attributes"]["_FEATURE_ID_0"]);
            assert_eq!(primitive["extensions"]["EXT_mesh_features"]["featureIds"][0]["attribute"], 0);
            for (at, feature) in positions.chunks(3).zip(features) {
                let at: Vec<f64> = at.iter().zip(&middle).map(|(a, b)| f64::from(*a) + b).collect();
                // y up: x, z, -y of the earth's axes.
                vertices.push((feature as usize, degrees([at[0], -at[2], at[1]])));
            }
        }
        vertices
    }
}

/// Bowring's formula, iterated: another way than the crate's.
fn degrees([x, y, z]: [f64; 3]) -> [f64; 3] {
    let (a, e2) = (6_378_137.0_f64, 0.006_694_379_990_141_317_f64);
    let axis = x.hypot(y);
    let (mut lat, mut height) = (z.atan2(axis * (1.0 - e2)), 0.0);
    for _ in 0..6 {
        let normal = a / (1.0 - e2 * lat.sin().powi(2)).sqrt();
        height = axis / lat.cos() - normal;
        lat = z.atan2(axis * (1.0 - e2 * normal / (normal + height)));
    }
    [y.atan2(x).to_degrees(), lat.to_degrees(), height]
}

struct Subtree {
    bits: Vec<u8>,
    below: Vec<u8>,
    regions: Vec<[f64; 6]>,
    errors: Vec<f64>,
}

fn is_set(bits: &[u8], bit: usize) -> bool {
    bits.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

impl Subtree {
    fn read(file: &[u8]) -> Self {
        assert_eq!(&file[..4], b"subt");
        let length = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
        let (text, binary) = (length(8), length(16));
        assert_eq!((file.len(), text % 8, binary % 8), (24 + text + binary, 0, 0));
        let document: Value = serde_json::from_slice(&file[24..24 + text]).unwrap();
        let view = |number: &Value| -> Vec<u8> {
            let Some(number) = number.as_u64() else { return Vec::new() };
            let view = &document["bufferViews"][number as usize];
            let from = 24 + text + view["byteOffset"].as_u64().unwrap() as usize;
            file[from..from + view["byteLength"].as_u64().unwrap() as usize].to_vec()
        };
        assert_eq!(document["tileAvailability"], document["contentAvailability"][0]);
        let table = &document["propertyTables"][0];
        let reals = |name: &str| -> Vec<f64> {
            let bytes = view(&table["properties"][name]["values"]);
            bytes.chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
        };
        let regions: Vec<[f64; 6]> = reals("region").chunks(6).map(|r| r.try_into().unwrap()).collect();
        let subtree = Self {
            bits: view(&document["tileAvailability"]["bitstream"]),
            below: view(&document["childSubtreeAvailability"]["bitstream"]),
            errors: reals("geometricError"),
            regions,
        };
        let set: u32 = subtree.bits.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!((set as u64, subtree.regions.len() as u64), (table["count"].as_u64().unwrap(), u64::from(set)));
        subtree
    }
}

/// Reads a tileset from its top to its last leaf.
pub(crate) fn walk(city: &City, times: Times, offsets: Offsets) -> Vec<Tile> {
    let answer = city.ask_at(Kind::Building, What::Tileset(offsets), times);
    let mut tiles = Vec::new();
    if bytes(&answer).is_empty() {
        return tiles;
    }
    let document: Value = serde_json::from_slice(&bytes(&answer)).unwrap();
    for child in document["root"]["children"].as_array().unwrap() {
        let uri = child["content"]["uri"].as_str().unwrap();
        let root: Vec<u32> = uri.split('/').next().unwrap().split('-').map(|n| n.parse().unwrap()).collect();
        let root = Cell::new(root[0] as u8, root[1], root[2]).unwrap();
        let mut open = vec![(0_u8, 0_u32, 0_u32, None)];
        while let Some((level, x, y, parent)) = open.pop() {
            let at = Address::new(root, level, x, y).unwrap();
            let subtree = Subtree::read(&bytes(&city.ask_at(Kind::Building, What::Subtree(at, offsets), times)));
            let (mut bit, mut row) = (0, 0);
            let mut numbers: BTreeMap<(u8, u32, u32), usize> = BTreeMap::new();
            for deep in 0..=SUBTREE_LEVELS {
                for code in 0..4_u32.pow(deep.into()) {
                    let (mut dx, mut dy) = (0, 0);
                    for i in 0..deep {
                        dx |= (code >> (2 * i) & 1) << i;
                        dy |= (code >> (2 * i + 1) & 1) << i;
                    }
                    let (l, x, y) = (level + deep, (x << deep) + dx, (y << deep) + dy);
                    let above =
                        numbers.get(&(l.wrapping_sub(1), x / 2, y / 2)).copied().or(parent.filter(|_| deep == 0));
                    if deep == SUBTREE_LEVELS {
                        if is_set(&subtree.below, code as usize) {
                            open.push((l, x, y, above));
                        }
                        continue;
                    }
                    if is_set(&subtree.bits, bit) {
                        numbers.insert((l, x, y), tiles.len());
                        let address = Address::new(root, l, x, y).unwrap();
                        let (region, error_m) = (subtree.regions[row], subtree.errors[row]);
                        tiles.push(Tile { level: l, region, error_m, address, parent: above });
                        row += 1;
                    }
                    bit += 1;
                }
            }
        }
    }
    tiles
}

pub(crate) fn content(city: &City, tile: &Tile, times: Times, offsets: Offsets) -> Glb {
    Glb::read(&bytes(&city.ask_at(Kind::Building, What::Content(tile.address, offsets), times)))
}

fn city_of(count: usize) -> (Vec<Region>, City) {
    // Every second one stands in one small quarter, so that the tree is deep there.
    let crowded = |(n, at): (usize, Region)| {
        let moved = |from: f64, to: f64| to + (from - to) / 40.0 - from;
        let (east, north) = (moved(at.west, 116.32), moved(at.south, 39.99));
        let shifted =
            Region { west: at.west + east, south: at.south + north, east: at.east + east, north: at.north + north };
        if n % 2 == 0 { at } else { shifted }
    };
    let boxes: Vec<Region> = strewn(count, 7).into_iter().enumerate().map(crowded).collect();
    let drafts = boxes.iter().enumerate().map(|(n, at)| match n % 3 {
        0 => solid(n, at, 40.0, 52.0 + (n % 50) as f64),
        _ => building(n, at, 3.0 + (n % 50) as f64),
    });
    let city = City::of(drafts.collect::<Vec<_>>());
    (boxes, city)
}

#[test]
fn every_building_is_in_one_leaf_as_it_is_and_all_of_it_in_the_tiles_above() {
    let (boxes, city) = city_of(6_000);
    let ids: BTreeMap<String, usize> = city.ids().into_iter().map(|(name, id)| (id, name.parse().unwrap())).collect();
    let tiles = walk(&city, Times::default(), Offsets::default());
    let mut in_leaves = BTreeMap::new();
    let mut deepest = 0;
    for (number, tile) in tiles.iter().enumerate() {
        let is_leaf = !tiles.iter().any(|other| other.parent == Some(number));
        assert_eq!(tile.error_m == 0.0, is_leaf);
        let glb = content(&city, tile, Times::default(), Offsets::default());
        let things = glb.ids();
        assert!(things.len() <= if is_leaf { LEAF } else { COARSE });
        let [west, south, east, north, low, high] = tile.region;
        let mut reach = vec![[f64::MAX, f64::MIN]; things.len()];
        for (thing, [lon, lat, height]) in glb.vertices() {
            // A block is a little larger than its thing, and half a millimetre is what floats of 32 bits round.
            let room = if is_leaf { 1e-9 } else { 1e-4 };
            assert!((west - room..=east + room).contains(&lon.to_radians()), "{lon} {west} {east}");
            assert!((south - room..=north + room).contains(&lat.to_radians()));
            assert!((low - 0.03..=high + 0.03).contains(&height), "{height} {low} {high}");
            reach[thing] = [reach[thing][0].min(height), reach[thing][1].max(height)];
        }
        for (id, [floor, top]) in things.iter().zip(reach) {
            let n = ids[id];
            let wanted =
                if n.is_multiple_of(3) { [40.0, 52.0 + (n % 50) as f64] } else { [0.0, 3.0 + (n % 50) as f64] };
            // A block is flat, which over some hundred metres the ellipsoid is not.
            let near = |got: f64, wanted: f64| (got - wanted).abs() < if is_leaf { 0.01 } else { 0.03 };
            assert!(near(floor, wanted[0]) && near(top, wanted[1]), "{n}: {floor} {top} {wanted:?}");
            if is_leaf {
                assert_eq!(in_leaves.insert(n, tile.level), None, "{n} is in one leaf");
                deepest = deepest.max(tile.level);
            }
        }
        if let Some(parent) = tile.parent.map(|parent| &tiles[parent]) {
            assert!(parent.error_m >= tile.error_m && parent.level + 1 == tile.level);
            assert!((0..2).all(|i| parent.region[i] <= tile.region[i] && parent.region[i + 2] >= tile.region[i + 2]));
            assert!(parent.region[4] <= tile.region[4] && parent.region[5] >= tile.region[5]);
        }
    }
    assert_eq!(in_leaves.len(), boxes.len(), "every building is there");
    assert!(deepest >= SUBTREE_LEVELS, "the walk went through subtrees below others: {deepest}");
}

#[test]
fn a_tile_above_the_leaves_shows_the_largest_and_its_error_is_what_it_leaves_out() {
    let (boxes, city) = city_of(6_000);
    let ids: BTreeMap<String, usize> = city.ids().into_iter().map(|(name, id)| (id, name.parse().unwrap())).collect();
    let size = |n: usize| {
        let at = &boxes[n];
        let east = (at.east - at.west) * 111_320.0 * at.centre().1.to_radians().cos();
        let up = if n.is_multiple_of(3) { 12.0 } else { 3.0 } + (n % 50) as f64;
        east.hypot((at.north - at.south) * 111_320.0).hypot(up)
    };
    let tiles = walk(&city, Times::default(), Offsets::default());
    let above = tiles.iter().filter(|tile| tile.error_m > 0.0);
    let mut looked = 0;
    for tile in above {
        let cell = tile.address.cell.region();
        let inside = |n: &usize| {
            let (lon, lat) = boxes[*n].centre();
            lon >= cell.west && lon < cell.east && lat >= cell.south && lat < cell.north
        };
        let mut all: Vec<usize> = (0..boxes.len()).filter(inside).collect();
        all.sort_by(|a, b| size(*b).total_cmp(&size(*a)));
        let shown: BTreeSet<usize> =
            content(&city, tile, Times::default(), Offsets::default()).ids().iter().map(|id| ids[id]).collect();
        assert_eq!(shown.len(), all.len().min(COARSE));
        let least = shown.iter().map(|n| size(*n)).fold(f64::MAX, f64::min);
        let left_out = all.iter().filter(|n| !shown.contains(n)).map(|n| size(*n)).fold(0.0, f64::max);
        assert!(left_out <= least + 0.01, "{left_out} {least}");
        let wanted = left_out.max(size(all[0]) / 4.0);
        assert!((tile.error_m - wanted).abs() < 0.01 * wanted, "{} {wanted}", tile.error_m);
        looked += 1;
    }
    assert!(looked > 5, "{looked}");
}

#[test]
fn heights_are_moved_only_as_who_asks_says() {
    let at = Region { west: 4.36, south: 52.01, east: 4.3603, north: 52.0102 };
    let mut nap = solid("nap", &at, 2.0, 12.0);
    nap.height_reference = HeightReference::Vertical("EPSG:5709".to_owned());
    let city =
        City::of([nap, solid("ellipsoid", &at, 45.0, 55.0), building("flat", &at, 8.0), point("pole", 4.36, 52.01)]);
    let ids = city.ids();
    let heights = |offsets: Offsets| -> BTreeMap<String, [f64; 2]> {
        let tiles = walk(&city, Times::default(), offsets);
        assert_eq!(tiles.len(), 1);
        let glb = content(&city, &tiles[0], Times::default(), offsets);
        let (names, mut reach) = (glb.ids(), BTreeMap::new());
        for (thing, [_, _, height]) in glb.vertices() {
            assert!((tiles[0].region[4] - 0.01..=tiles[0].region[5] + 0.01).contains(&height));
            let own = reach.entry(names[thing].clone()).or_insert([f64::MAX, f64::MIN]);
            *own = [own[0].min(height), own[1].max(height)];
        }
        let references: BTreeMap<_, _> = names.into_iter().zip(glb.texts("height_reference")).collect();
        assert_eq!(references[&ids["nap"]], "EPSG:5709");
        reach
    };
    let near = |got: [f64; 2], wanted: [f64; 2]| (0..2).all(|i| (got[i] - wanted[i]).abs() < 0.01);
    let plain = heights(Offsets::default());
    assert!(near(plain[&ids["nap"]], [2.0, 12.0]) && near(plain[&ids["flat"]], [0.0, 8.0]));
    let moved = heights(Offsets { undulation_mm: 43_400, ground_mm: 44_000 });
    assert!(near(moved[&ids["nap"]], [45.4, 55.4]), "{moved:?}");
    assert!(near(moved[&ids["flat"]], [44.0, 52.0]) && near(moved[&ids["ellipsoid"]], [45.0, 55.0]));
}

#[test]
fn tiles_are_of_any_time() {
    let day = |day: i64| TimeUs(day * 86_400_000_000);
    let at = Region { west: 116.30, south: 39.97, east: 116.301, north: 39.971 };
    let described = |height: f64, from: i64| {
        let mut draft = building("house", &at, height);
        draft.valid_from = Some(day(from));
        draft
    };
    let mut city = City::of([described(10.0, 10)]);
    city.tell([described(30.0, 20)]);
    city.retire("house", day(30));
    let top = |times: Times| {
        let tiles = walk(&city, times, Offsets::default());
        let glb = content(&city, tiles.first()?, times, Offsets::default());
        Some(glb.vertices().iter().map(|(_, at)| at[2]).fold(f64::MIN, f64::max).round())
    };
    let at = |day_of: i64| top(Times { valid: Some(Span::at(day(day_of))), recorded: None });
    assert_eq!([at(5), at(15), at(25), at(35), top(Times::default())], [None, Some(10.0), Some(30.0), None, None]);
}

/// A triangle with an image, as the importers write it: east, up and south of an anchor.
fn stored_mesh(marker: u8) -> Vec<u8> {
    let corners: [[f32; 3]; 3] = [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [10.0, 7.0, 0.0]];
    let mut binary: Vec<u8> = corners.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    binary.extend([[0.0_f32, 1.0], [1.0, 1.0], [1.0, 0.0]].iter().flatten().flat_map(|v| v.to_le_bytes()));
    let image = binary.len();
    binary.extend([0x89, b'P', b'N', b'G', marker, 0, 0, 0]);
    let document = serde_json::json!({
        "asset": { "version": "2.0" },
        "nodes": [{ "mesh": 0, "extras": { "lon_deg": 116.3, "lat_deg": 39.97, "height_m": 5.0 } }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0, "TEXCOORD_0": 1 }, "material": 0 }] }],
        "materials": [{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }],
        "textures": [{ "source": 0 }], "images": [{ "bufferView": 2, "mimeType": "image/png" }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" },
            { "bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2" }],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": 36 }, { "buffer": 0, "byteOffset": 36, "byteLength": 24 },
            { "buffer": 0, "byteOffset": image, "byteLength": 8 }],
        "buffers": [{ "byteLength": binary.len() }],
    });
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut file = b"glTF".to_vec();
    for word in [2, 28 + text.len() + binary.len(), text.len()] {
        file.extend((word as u32).to_le_bytes());
    }
    file.extend(b"JSON");
    file.extend(text);
    file.extend((binary.len() as u32).to_le_bytes());
    file.extend(b"BIN\0");
    file.extend(binary);
    file
}

#[test]
fn a_stored_mesh_is_shown_with_its_image_while_it_is_of_the_thing_as_it_is() {
    let at = Region { west: 116.30, south: 39.97, east: 116.301, north: 39.971 };
    let mut city = City::of([solid("house", &at, 5.0, 12.0)]);
    let keep = |city: &mut City, bytes: Vec<u8>| {
        let content = ContentDraft {
            entity: key("house"),
            media_type: "model/gltf-binary".to_owned(),
            name: "mesh".to_owned(),
            bytes,
        };
        city.store.commit(&[vec![Change::Content(content)]]).unwrap();
    };
    let read = |city: &City| {
        let tiles = walk(city, Times::default(), Offsets::default());
        content(city, &tiles[0], Times::default(), Offsets::default())
    };
    keep(&mut city, b"glTF, but no more".to_vec());
    assert!(read(&city).document.get("images").is_none(), "what cannot be read is not shown");
    keep(&mut city, stored_mesh(1));
    let glb = read(&city);
    assert_eq!(glb.document["images"].as_array().map(Vec::len), Some(1));
    let (low, high) =
        glb.vertices().iter().map(|(_, at)| at[2]).fold((f64::MAX, f64::MIN), |(a, b), h| (a.min(h), b.max(h)));
    assert!((low - 5.0).abs() < 0.01 && (high - 12.0).abs() < 0.01, "{low} {high}");
    assert!(
        glb.vertices().iter().any(|(_, at)| ((at[0] - 116.3) * 85_394.0 - 10.0).abs() < 0.1),
        "10 m east of the anchor"
    );
    keep(&mut city, stored_mesh(2));
    let image = &read(&city);
    let view = image.document["images"][0]["bufferView"].clone();
    assert_eq!(image.view(&view)[4], 2, "the newer one");
    city.tell([solid("house", &at, 5.0, 20.0)]);
    assert!(read(&city).document.get("images").is_none(), "the mesh is of the house as it was");
}
