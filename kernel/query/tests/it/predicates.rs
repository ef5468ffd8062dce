//! SQL's spatial predicates against the crate `geo`, pair by pair, on random shapes in memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use geo::{Distance, Euclidean, Geometry as Geo, Relate};
use kernel_model::{Coord, Geometry, Shape};
use kernel_query::ExtraTable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::city::{LIMITS, ask_with, brought, cells};

/// A star-shaped ring around a place, on a lattice so that shapes touch often.
fn ring(random: &mut StdRng, reach: f64) -> Vec<(f64, f64)> {
    let (x, y) = (f64::from(random.random_range(0..20_i32)), f64::from(random.random_range(0..20_i32)));
    let corners = random.random_range(3..9_i32);
    let at = |i: i32, r: f64| {
        let angle = std::f64::consts::TAU * f64::from(i) / f64::from(corners);
        (x + r * angle.cos(), y + r * angle.sin())
    };
    let mut ring: Vec<_> = (0..corners).map(|i| at(i, random.random_range(0.3..1.0) * reach)).collect();
    if random.random_bool(0.3) {
        ring = vec![(x, y), (x + reach, y), (x + reach, y + reach), (x, y + reach)];
    }
    ring.push(ring[0]);
    ring
}

fn shape(random: &mut StdRng) -> Shape {
    let coords = |ring: Vec<(f64, f64)>| ring.into_iter().map(|(x, y)| Coord::new(x, y, 0.0)).collect::<Vec<_>>();
    let lattice = |random: &mut StdRng| f64::from(random.random_range(0..80_i32)) / 4.0;
    match random.random_range(0..4) {
        0 => Shape::Point(Coord::new(lattice(random), lattice(random), 0.0)),
        1 => {
            let mut line = coords(ring(random, 2.0));
            line.truncate(3);
            Shape::LineString(line)
        }
        _ => Shape::Polygon(vec![coords(ring(random, 3.0))]),
    }
}

fn to_geo(shape: &Shape) -> Geo {
    let line = |coords: &[Coord]| coords.iter().map(|c| (c.lon_deg, c.lat_deg)).collect::<geo::LineString>();
    match shape {
        Shape::Point(c) => geo::Point::new(c.lon_deg, c.lat_deg).into(),
        Shape::LineString(coords) => line(coords).into(),
        Shape::Polygon(rings) => geo::Polygon::new(line(&rings[0]), Vec::new()).into(),
        other => panic!("{other:?} is not made here"),
    }
}

/// A table with box columns, as `entities` has.
fn table(shapes: &[Shape]) -> ExtraTable {
    let real = |name: &str| Field::new(name, DataType::Float64, true);
    let mut fields = vec![Field::new("n", DataType::UInt64, false), kernel_model::schema::geometry("geometry")];
    fields.extend(["west", "south", "east", "north"].map(real));
    let geometries: Vec<_> = shapes.iter().map(|shape| Geometry::flat(shape.clone())).collect();
    let regions: Vec<_> = geometries.iter().map(Geometry::region).collect();
    let side = |pick: fn(&kernel_model::Region) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(regions.iter().map(pick)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(0..shapes.len() as u64)),
        Arc::new(BinaryArray::from_iter_values(geometries.iter().map(Geometry::to_wkb))),
        side(|r| r.west),
        side(|r| r.south),
        side(|r| r.east),
        side(|r| r.north),
    ];
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    brought("shapes", batch)
}

fn literal(shape: &Shape) -> String {
    let bytes = Geometry::flat(shape.clone()).to_wkb();
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("st_geomfromwkb(x'{}')", digits.concat())
}

fn found(sql: &str, table: &ExtraTable) -> Vec<String> {
    let answer = ask_with(sql, std::slice::from_ref(table), LIMITS).unwrap_or_else(|error| panic!("{sql}: {error}"));
    cells(&answer).into_iter().map(|mut row| row.swap_remove(0)).collect()
}

type Holds = fn(&geo::relate::IntersectionMatrix) -> bool;

#[test]
fn predicates_agree_with_brute_force() {
    let mut random = StdRng::seed_from_u64(42);
    let shapes: Vec<_> = (0..300).map(|_| shape(&mut random)).collect();
    let table = table(&shapes);
    let predicates: [(&str, Holds); 3] = [
        ("st_intersects", |matrix| matrix.is_intersects()),
        ("st_contains", |matrix| matrix.is_contains()),
        ("st_within", |matrix| matrix.is_within()),
    ];
    let mut matches = [0; 3];
    for _ in 0..30 {
        let question = shape(&mut random);
        let asked = to_geo(&question);
        for (at, (name, holds)) in predicates.iter().enumerate() {
            let right: Vec<_> = (0..shapes.len())
                .filter(|n| holds(&to_geo(&shapes[*n]).relate(&asked)))
                .map(|n| n.to_string())
                .collect();
            let literal = literal(&question);
            let sql = format!("select n from shapes where {name}(geometry, {literal}) order by n");
            assert_eq!(found(&sql, &table), right, "{name} {question:?}");
            // Without the box columns in reach, the same rows.
            let plain = format!("select n from shapes where {name}(geometry, {literal}) is true order by n");
            assert_eq!(found(&plain, &table), right, "{name} {question:?}");
            matches[at] += right.len();
        }
    }
    assert!(matches.iter().all(|count| *count > 10), "the shapes meet too seldom to prove anything: {matches:?}");
}

#[test]
fn distances_agree_with_brute_force() {
    let mut random = StdRng::seed_from_u64(43);
    let shapes: Vec<_> = (0..300).map(|_| shape(&mut random)).collect();
    let table = table(&shapes);
    for _ in 0..10 {
        let question = shape(&mut random);
        let asked = to_geo(&question);
        let literal = literal(&question);
        let right: Vec<f64> = shapes.iter().map(|shape| Euclidean.distance(&to_geo(shape), &asked)).collect();
        let sql = format!("select st_distance(geometry, {literal}) from shapes order by n");
        for (n, (ours, right)) in found(&sql, &table).iter().zip(&right).enumerate() {
            let ours: f64 = ours.parse().unwrap();
            assert!((ours - right).abs() < 1e-9, "shape {n}: {ours}, {right}: {:?} {question:?}", shapes[n]);
        }
        // A limit that no distance is near, so that rounding decides nothing.
        let near: Vec<_> = (0..shapes.len()).filter(|n| right[*n] < 2.500_001).map(|n| n.to_string()).collect();
        for condition in [
            format!("st_dwithin(geometry, {literal}, 2.500001)"),
            format!("st_distance(geometry, {literal}) <= 2.500001"),
        ] {
            let sql = format!("select n from shapes where {condition} order by n");
            assert_eq!(found(&sql, &table), near, "{sql}");
        }
    }
}

/// A house as a solid: a floor, a roof and upright walls, whose faces touch. It holds what its ground does.
#[test]
fn a_solid_contains_what_its_ground_contains() {
    let mut random = StdRng::seed_from_u64(44);
    let mut held = 0;
    for _ in 0..40 {
        let ground: Vec<Coord> = ring(&mut random, 3.0).into_iter().map(|(x, y)| Coord::new(x, y, 0.0)).collect();
        let roof: Vec<Coord> = ground.iter().map(|at| Coord::new(at.lon_deg, at.lat_deg, 9.0)).collect();
        let wall = |edge: (&[Coord], &[Coord])| {
            let (low, high) = edge;
            vec![vec![low[0], low[1], high[1], high[0], low[0]]]
        };
        let walls = ground.windows(2).zip(roof.windows(2)).map(wall);
        let faces: Vec<_> = [vec![ground.clone()], vec![roof.clone()]].into_iter().chain(walls).collect();
        let solid = Geometry { shape: Shape::MultiPolygon(faces), has_height: true };
        let digits: Vec<_> = solid.to_wkb().iter().map(|byte| format!("{byte:02x}")).collect();
        let solid = format!("st_geomfromwkb(x'{}')", digits.concat());
        let others: Vec<_> = (0..40).map(|_| shape(&mut random)).collect();
        let ground = to_geo(&Shape::Polygon(vec![ground]));
        let numbers = |holds: &dyn Fn(&Geo) -> bool| -> Vec<String> {
            (0..others.len()).filter(|n| holds(&to_geo(&others[*n]))).map(|n| n.to_string()).collect()
        };
        let table = table(&others);
        for (predicate, wanted) in [
            (format!("st_contains({solid}, geometry)"), numbers(&|other| ground.relate(other).is_contains())),
            (format!("st_within(geometry, {solid})"), numbers(&|other| ground.relate(other).is_contains())),
            (format!("st_covers({solid}, geometry)"), numbers(&|other| ground.relate(other).is_covers())),
        ] {
            held += wanted.len();
            assert_eq!(
                found(&format!("select n from shapes where {predicate} order by n"), &table),
                wanted,
                "{predicate}"
            );
        }
    }
    assert!(held > 20, "{held}: they hold too seldom to prove anything");
}
