//! A town of some 2,700 buildings in blocks with streets between, and its routes.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use kernel_model::{Change, ContentDraft, Coord, EntityDraft, Geometry, HeightReference, Kind, Shape, SourceKey};
use kernel_store::{Options, Store};
use tempfile::TempDir;
use tower::ServiceExt;

pub(super) const WEST: f64 = 116.305;
pub(super) const SOUTH: f64 = 39.98;
/// Buildings along a side of the town.
pub(super) const SIDE: usize = 52;
const STEP_LON: f64 = 5e-4;
const STEP_LAT: f64 = 3e-4;

pub(super) struct Town {
    pub(super) store: Store,
    pub(super) router: Router,
    _dir: TempDir,
}

pub(super) fn key(name: impl ToString) -> SourceKey {
    SourceKey::new("town", name.to_string())
}

fn ring(west: f64, south: f64, wide: f64, high: f64, height_m: f64) -> Vec<Coord> {
    [(0.0, 0.0), (wide, 0.0), (wide, high), (0.0, high), (0.0, 0.0)]
        .map(|(x, y)| Coord::new(west + x, south + y, height_m))
        .to_vec()
}

/// How high a building is, metres: higher towards the middle.
pub(super) fn height_m(column: usize, row: usize) -> f64 {
    let off = |at: usize| (at as f64 - SIDE as f64 / 2.0).abs();
    (90.0 - 4.0 * off(column).max(off(row))).max(6.0) + ((column * 7 + row * 13) % 11) as f64
}

pub(super) fn house(column: usize, row: usize, height_m: f64) -> EntityDraft {
    let (west, south) = (WEST + column as f64 * STEP_LON, SOUTH + row as f64 * STEP_LAT);
    let mut draft = EntityDraft::new(key(format!("{column}-{row}")), Kind::Building, "residential");
    draft.name = (column == row).then(|| format!("楼 {column}"));
    let (wide, high) = (0.6 * STEP_LON, 0.55 * STEP_LAT);
    if (column + row).is_multiple_of(5) {
        // A solid with a roof of two slopes, above the ellipsoid.
        draft.geometry = Some(Geometry::with_height(gabled(west, south, wide, high, height_m)));
        draft.height_reference = HeightReference::Ellipsoid;
    } else {
        let mut rings = vec![ring(west, south, wide, high, 0.0)];
        if (column + row).is_multiple_of(7) {
            rings.push(ring(west + wide * 0.3, south + high * 0.3, wide * 0.4, high * 0.4, 0.0));
        }
        draft.geometry = Some(Geometry::flat(Shape::Polygon(rings)));
        draft.properties.insert("height_m".to_owned(), height_m.into());
    }
    draft
}

fn gabled(west: f64, south: f64, wide: f64, high: f64, height_m: f64) -> Shape {
    let [low, eaves] = [0.0, height_m * 0.8].map(|height| ring(west, south, wide, high, height));
    let ridge = [0.0, wide].map(|x| Coord::new(west + x, south + high / 2.0, height_m));
    let closed = |corners: &[Coord]| vec![[corners, &corners[..1]].concat()];
    Shape::MultiPolygon(vec![
        closed(&[low[3], low[2], low[1], low[0]]),
        closed(&[low[0], low[1], eaves[1], eaves[0]]),
        closed(&[low[1], low[2], eaves[2], ridge[1], eaves[1]]),
        closed(&[low[2], low[3], eaves[3], eaves[2]]),
        closed(&[low[3], low[0], eaves[0], ridge[0], eaves[3]]),
        closed(&[eaves[0], eaves[1], ridge[1], ridge[0]]),
        closed(&[eaves[2], eaves[3], ridge[0], ridge[1]]),
    ])
}

fn street(name: String, ends: [(f64, f64); 2]) -> Change {
    let mut draft = EntityDraft::new(key(name), Kind::Road, "residential");
    draft.geometry = Some(Geometry::flat(Shape::LineString(ends.map(|(lon, lat)| Coord::new(lon, lat, 0.0)).to_vec())));
    Change::Entity(draft)
}

/// One pixel of green, as PNG.
const GREEN: [u8; 69] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00, 0x0c, 0x49,
    0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xd0, 0x38, 0x61, 0x03, 0x00, 0x02, 0x48, 0x01, 0x2d, 0xe0, 0x19, 0x88, 0x2c,
    0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The roof of a house with an image on it, as the importers store one.
fn painted(picture: &[u8]) -> Vec<u8> {
    let corners: [[f32; 3]; 6] = [
        [0.0, 100.0, 0.0],
        [25.0, 100.0, 0.0],
        [25.0, 100.0, -18.0],
        [0.0, 100.0, 0.0],
        [25.0, 100.0, -18.0],
        [0.0, 100.0, -18.0],
    ];
    let uv: [[f32; 2]; 6] = [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]];
    let mut binary: Vec<u8> = corners.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    binary.extend(uv.iter().flatten().flat_map(|v| v.to_le_bytes()));
    binary.extend(picture);
    binary.resize(binary.len().next_multiple_of(4), 0);
    let document = serde_json::json!({
        "asset": { "version": "2.0" },
        "nodes": [{ "mesh": 0, "extras": { "lon_deg": WEST, "lat_deg": SOUTH, "height_m": 0.0 } }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0, "TEXCOORD_0": 1 }, "material": 0 }] }],
        "materials": [{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }],
        "textures": [{ "source": 0 }], "images": [{ "bufferView": 2, "mimeType": "image/png" }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": 6, "type": "VEC3" },
            { "bufferView": 1, "componentType": 5126, "count": 6, "type": "VEC2" }],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": 72 }, { "buffer": 0, "byteOffset": 72, "byteLength": 48 },
            { "buffer": 0, "byteOffset": 120, "byteLength": picture.len() }],
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

pub(super) fn town() -> Town {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let places = (0..SIDE).flat_map(|column| (0..SIDE).map(move |row| (column, row)));
    let mut changes: Vec<_> = places.map(|(c, r)| Change::Entity(house(c, r, height_m(c, r)))).collect();
    for at in 0..=SIDE {
        let (lon, lat) = (WEST + (at as f64 - 0.2) * STEP_LON, SOUTH + (at as f64 - 0.2) * STEP_LAT);
        let (east, north) = (WEST + SIDE as f64 * STEP_LON, SOUTH + SIDE as f64 * STEP_LAT);
        changes.push(street(format!("north {at}"), [(lon, SOUTH), (lon, north)]));
        changes.push(street(format!("east {at}"), [(WEST, lat), (east, lat)]));
    }
    changes.push(Change::Content(ContentDraft {
        entity: key("0-0"),
        media_type: "model/gltf-binary".to_owned(),
        name: "0-0.glb".to_owned(),
        bytes: painted(&GREEN),
    }));
    store.commit(&[changes]).unwrap();
    let router = super::super::router(store.reader());
    Town { store, router, _dir: dir }
}

impl Town {
    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::get(path).header("host", "town.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, axum::body::to_bytes(body, 1 << 26).await.unwrap())
    }

    pub(super) async fn json(&self, path: &str) -> serde_json::Value {
        let (status, _, body) = self.get(path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}
