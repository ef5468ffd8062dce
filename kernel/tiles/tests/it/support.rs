//! A small city whose entities the tests know.

use std::collections::BTreeMap;

use kernel_model::{Change, Coord, EntityDraft, Geometry, HeightReference, Kind, Region, Shape, SourceKey, TimeUs};
use kernel_store::{Options, Store};
use kernel_tiles::{Answer, Question, Tiler, Times, What};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

pub(crate) struct City {
    pub(crate) store: Store,
    pub(crate) tiler: Tiler,
    _dir: TempDir,
}

pub(crate) fn key(name: impl ToString) -> SourceKey {
    SourceKey::new("test", name.to_string())
}

/// A rectangle of degrees as a closed ring, anticlockwise.
pub(crate) fn ring(at: &Region, height_m: f64) -> Vec<Coord> {
    [(at.west, at.south), (at.east, at.south), (at.east, at.north), (at.west, at.north), (at.west, at.south)]
        .map(|(lon, lat)| Coord::new(lon, lat, height_m))
        .to_vec()
}

pub(crate) fn building(name: impl ToString, at: &Region, height_m: f64) -> EntityDraft {
    let mut draft = EntityDraft::new(key(name), Kind::Building, "residential");
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring(at, 0.0)])));
    draft.properties.insert("height_m".to_owned(), height_m.into());
    draft
}

/// A closed block as its six faces, each looking outward, above the ellipsoid.
pub(crate) fn solid(name: impl ToString, at: &Region, low_m: f64, high_m: f64) -> EntityDraft {
    let (mut floor, roof) = (ring(at, low_m), ring(at, high_m));
    let walls = (0..4).map(|i| vec![vec![floor[i], floor[i + 1], roof[i + 1], roof[i], floor[i]]]);
    let mut faces: Vec<_> = walls.collect();
    floor.reverse();
    faces.extend([vec![floor], vec![roof]]);
    let mut draft = EntityDraft::new(key(name), Kind::Building, "solid");
    draft.geometry = Some(Geometry::with_height(Shape::MultiPolygon(faces)));
    draft.height_reference = HeightReference::Ellipsoid;
    draft
}

pub(crate) fn point(name: impl ToString, lon: f64, lat: f64) -> EntityDraft {
    let mut draft = EntityDraft::new(key(name), Kind::Poi, "cafe");
    draft.geometry = Some(Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0))));
    draft
}

pub(crate) fn line(name: impl ToString, points: &[(f64, f64)]) -> EntityDraft {
    let mut draft = EntityDraft::new(key(name), Kind::Road, "primary");
    let points = points.iter().map(|(lon, lat)| Coord::new(*lon, *lat, 0.0)).collect();
    draft.geometry = Some(Geometry::flat(Shape::LineString(points)));
    draft
}

/// Boxes of buildings strewn over a square of degrees, by the names `0`, `1`, ...
pub(crate) fn strewn(count: usize, seed: u64) -> Vec<Region> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut side = |most: f64| random.random_range(0.0..most);
    (0..count)
        .map(|number| {
            let (west, south) = (116.30 + side(0.04), 39.97 + side(0.04));
            // One in a hundred is large.
            let large = if number % 100 == 0 { 20.0 } else { 1.0 };
            Region { west, south, east: west + 1e-4 + large * side(2e-4), north: south + 1e-4 + large * side(1e-4) }
        })
        .collect()
}

impl City {
    pub(crate) fn of(drafts: impl IntoIterator<Item = EntityDraft>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
        let tiler = Tiler::new(store.reader(), 64 << 20);
        let mut city = Self { store, tiler, _dir: dir };
        city.tell(drafts);
        city
    }

    pub(crate) fn tell(&mut self, drafts: impl IntoIterator<Item = EntityDraft>) {
        self.store.commit(&[drafts.into_iter().map(Change::Entity).collect()]).unwrap();
    }

    pub(crate) fn retire(&mut self, name: &str, at: TimeUs) {
        self.store.commit(&[vec![Change::Retire { source: key(name), at }]]).unwrap();
    }

    pub(crate) fn ask(&self, kind: Kind, what: What) -> Answer {
        self.ask_at(kind, what, Times::default())
    }

    pub(crate) fn ask_at(&self, kind: Kind, what: What, times: Times) -> Answer {
        self.tiler.answer(&Question { kind, times, what }, None)
    }

    /// The id of each thing, by its name.
    pub(crate) fn ids(&self) -> BTreeMap<String, String> {
        use arrow::array::AsArray;
        let snapshot = self.store.reader().snapshot();
        let mut ids = BTreeMap::new();
        for (batch, _) in snapshot.entities() {
            let (id, name) = (batch.column(0).as_fixed_size_binary(), batch.column(8).as_string::<i32>());
            ids.extend((0..batch.num_rows()).map(|row| {
                let id = kernel_model::EntityId::from_slice(id.value(row)).unwrap();
                (name.value(row).to_owned(), id.to_string())
            }));
        }
        ids
    }
}

pub(crate) fn bytes(answer: &Answer) -> Vec<u8> {
    answer.body.as_ref().unwrap().plain().to_vec()
}
