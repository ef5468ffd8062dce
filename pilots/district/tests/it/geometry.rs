//! Laws of the geometry, checked on the coordinates as published and with `geo`'s predicates, not with the generator's.

use std::collections::BTreeMap;

use geo::{Area, BoundingRect, Distance, Euclidean, Intersects, LineString, Polygon};
use kernel_model::{Coord, EntityDraft, Kind, Shape};

use crate::{entities, faces, metres};

type Vertex = (u64, u64, u64);

fn vertex(c: &Coord) -> Vertex {
    (c.lon_deg.to_bits(), c.lat_deg.to_bits(), c.height_m.to_bits())
}

#[test]
fn every_solid_is_closed_and_looks_outward() {
    for building in entities(Kind::Building) {
        let mut edges: BTreeMap<(Vertex, Vertex), i32> = BTreeMap::new();
        let mut volume = 0.0;
        for face in faces(building) {
            for ring in face {
                assert_eq!(ring.first(), ring.last(), "{}: an open ring", building.source);
                for w in ring.windows(2) {
                    *edges.entry((vertex(&w[0]), vertex(&w[1]))).or_default() += 1;
                }
                volume += cone(&building.geometry.as_ref().unwrap().anchor().unwrap(), ring);
            }
        }
        for ((a, b), count) in &edges {
            assert_eq!(*count, 1, "{}: an edge used twice in one direction", building.source);
            assert_eq!(edges.get(&(*b, *a)), Some(&1), "{}: an edge without its opposite", building.source);
        }
        assert!(volume > 20.0, "{}: {volume} cubic metres: its faces look inward", building.source);
    }
}

/// The signed volume of the cone from a point to a ring (of a face, holes counting against it).
fn cone(apex: &Coord, ring: &[Coord]) -> f64 {
    let v = |c: &Coord| {
        let (x, y) = metres(c.lon_deg, c.lat_deg);
        let (ax, ay) = metres(apex.lon_deg, apex.lat_deg);
        [x - ax, y - ay, c.height_m - apex.height_m]
    };
    let fan = |i: usize| {
        let (a, b, c) = (v(&ring[0]), v(&ring[i]), v(&ring[i + 1]));
        (a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]))
            / 6.0
    };
    (1..ring.len() - 2).map(fan).sum()
}

#[test]
fn every_face_is_flat() {
    for building in entities(Kind::Building) {
        for face in faces(building) {
            let ring = &face[0];
            let at = |c: &Coord| {
                let (x, y) = metres(c.lon_deg, c.lat_deg);
                [x, y, c.height_m]
            };
            let mut n = [0.0; 3];
            for w in ring.windows(2) {
                let (a, b) = (at(&w[0]), at(&w[1]));
                for (i, n) in n.iter_mut().enumerate() {
                    let (j, k) = ((i + 1) % 3, (i + 2) % 3);
                    *n += (a[j] - b[j]) * (a[k] + b[k]);
                }
            }
            let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt();
            let first = at(&ring[0]);
            for c in face.iter().flatten() {
                let p = at(c);
                let off = (0..3).map(|i| (p[i] - first[i]) * n[i] / length).sum::<f64>();
                assert!(off.abs() < 0.01, "{}: a corner lies {off} m off its face", building.source);
            }
        }
    }
}

/// The outline on the ground: the face at the lowest height.
fn footprint(building: &EntityDraft) -> Polygon {
    let on_ground = |face: &&Vec<Vec<Coord>>| face.iter().flatten().all(|c| (c.height_m - 42.0).abs() < 1e-6);
    let ground: Vec<_> = faces(building).iter().filter(on_ground).collect();
    assert_eq!(ground.len(), 1, "{} has one floor", building.source);
    let ring = |ring: &Vec<Coord>| -> LineString { ring.iter().map(|c| metres(c.lon_deg, c.lat_deg)).collect() };
    Polygon::new(ring(&ground[0][0]), ground[0][1..].iter().map(ring).collect())
}

#[test]
fn no_building_stands_in_another_or_on_a_road() {
    let footprints: Vec<(&EntityDraft, Polygon)> = entities(Kind::Building).map(|b| (b, footprint(b))).collect();
    let mut order: Vec<usize> = (0..footprints.len()).collect();
    let bounds: Vec<_> = footprints.iter().map(|(_, p)| p.bounding_rect().unwrap()).collect();
    order.sort_by(|a, b| bounds[*a].min().x.total_cmp(&bounds[*b].min().x));
    for (n, i) in order.iter().enumerate() {
        for j in order[n + 1..].iter().take_while(|j| bounds[**j].min().x <= bounds[*i].max().x) {
            if bounds[*i].intersects(&bounds[*j]) {
                let (a, b) = (&footprints[*i], &footprints[*j]);
                assert!(!a.1.intersects(&b.1), "{} and {} overlap", a.0.source, b.0.source);
            }
        }
    }
    for road in entities(Kind::Road) {
        let Shape::LineString(points) = &road.geometry.as_ref().unwrap().shape else { panic!("no line") };
        let line: LineString = points.iter().map(|c| metres(c.lon_deg, c.lat_deg)).collect();
        let reach =
            road.properties["width_m"].as_f64().unwrap() / 2.0 + road.properties["sidewalk_m"].as_f64().unwrap();
        let near = line.bounding_rect().unwrap();
        for ((building, outline), bound) in footprints.iter().zip(&bounds) {
            let apart = bound.min().x - near.max().x > reach
                || near.min().x - bound.max().x > reach
                || bound.min().y - near.max().y > reach
                || near.min().y - bound.max().y > reach;
            if !apart {
                let distance = Euclidean.distance(&line, outline);
                assert!(distance >= reach - 0.01, "{} is {distance} m from {}", building.source, road.source);
            }
        }
    }
    let built: f64 = footprints.iter().map(|(_, p)| p.unsigned_area()).sum();
    assert!((180_000.0..420_000.0).contains(&built), "{built} square metres are built over");
}
