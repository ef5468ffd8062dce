//! Covers of shapes against an independent judge: the plane geometry of the crate geo, with its robust predicates, and its geodesics on
//! the ellipsoid. What the judge says is in a shape is in its cover; what an inner range holds is in the shape; and no cell is kept
//! that the border does not touch.

use coding_system::cover::{
    Certainty, Cover, Limits, Shape, cover, cover_beidou, cover_cells, cover_rslc, cover_solid, cover_spatial_id,
};
use coding_system::{
    Error, GridCell, HeightBand, LonLatBox, Position, beidou, encode_with_geoid, geosot, rslc, spatialid,
};
use geo::{Closest, ClosestPoint, Coord, Distance, Euclidean, Geodesic, Intersects, Line, LineString, Point, Polygon};
use proptest::prelude::*;

/// A little more than the last place of a degree.
const HAIR_DEG: f64 = 1e-11;

/// A polygon with its hole, around a centre; longitudes may run beyond the antimeridian.
#[derive(Debug, Clone)]
pub(crate) struct Star {
    outline: Vec<(f64, f64)>,
    hole: Option<Vec<(f64, f64)>>,
}

impl Star {
    /// The rings as a caller gives them.
    fn rings(&self) -> Vec<Vec<(f64, f64)>> {
        let wrapped = |ring: &Vec<(f64, f64)>| ring.iter().map(|p| (wrap(p.0), p.1)).collect();
        std::iter::once(&self.outline).chain(&self.hole).map(wrapped).collect()
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape::of_polygons(&[self.rings()]).unwrap()
    }

    /// A place in the middle of the corners.
    pub(crate) fn centre(&self) -> (f64, f64) {
        let sum = self.outline.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        (wrap(sum.0 / self.outline.len() as f64), sum.1 / self.outline.len() as f64)
    }

    fn judge(&self) -> Polygon {
        let ring = |ring: &Vec<(f64, f64)>| LineString::from(ring.clone());
        Polygon::new(ring(&self.outline), self.hole.iter().map(ring).collect())
    }

    /// A position as a point on the turn of the polygon.
    fn near(&self, p: &Position) -> Coord {
        let centre = self.outline[0].0;
        Coord { x: p.lon_deg() + 360.0 * ((centre - p.lon_deg()) / 360.0).round(), y: p.lat_deg() }
    }

    /// Is the position in the area or within a hair of it?
    pub(crate) fn holds(&self, p: &Position) -> bool {
        Euclidean.distance(&Point(self.near(p)), &self.judge()) <= HAIR_DEG
    }

    /// Positions worth asking about: corners, points of edges, and points anywhere around.
    fn probes(&self, share: &[(f64, f64)]) -> Vec<Position> {
        let mut probes = Vec::new();
        for ring in std::iter::once(&self.outline).chain(&self.hole) {
            for (i, a) in ring.iter().enumerate() {
                let b = ring[(i + 1) % ring.len()];
                probes.push(*a);
                probes.extend(share.iter().take(3).map(|(u, _)| (a.0 + (b.0 - a.0) * u, a.1 + (b.1 - a.1) * u)));
            }
        }
        let xs = self.outline.iter().map(|p| p.0);
        let ys = self.outline.iter().map(|p| p.1);
        let (west, east) = (xs.clone().fold(f64::MAX, f64::min), xs.fold(f64::MIN, f64::max));
        let (south, north) = (ys.clone().fold(f64::MAX, f64::min), ys.fold(f64::MIN, f64::max));
        probes.extend(share.iter().map(|(u, v)| (west + (east - west) * u, south + (north - south) * v)));
        let on_earth = probes.into_iter().filter(|p| p.1.abs() <= 90.0);
        on_earth.map(|(lon, lat)| Position::new_2d(wrap(lon), lat).unwrap()).collect()
    }
}

fn wrap(lon: f64) -> f64 {
    if lon > 180.0 {
        lon - 360.0
    } else if lon < -180.0 {
        lon + 360.0
    } else {
        lon
    }
}

/// Star-shaped rings of all sizes around all kinds of places, some snapped to whole degrees, minutes or seconds so that corners and edges
/// fall on cell edges.
pub(crate) fn star() -> impl Strategy<Value = Star> {
    let centre = prop_oneof![
        3 => (-180.0..180.0f64, -76.0..76.0f64),
        1 => (prop::sample::select(vec![0.0, 180.0, -180.0, 116.0]), prop::sample::select(vec![0.0, 40.0, -1.0])),
    ];
    let size = prop_oneof![Just(0.000_01), Just(0.01), Just(0.3), Just(8.0)];
    let snap = prop::sample::select(vec![None, Some(1.0), Some(60.0), Some(3600.0)]);
    let radii = prop::collection::vec(0.5..1.0f64, 3..24);
    (centre, size, snap, radii, any::<bool>())
        .prop_map(|(centre, size, snap, radii, hole)| {
            let ring = |share: f64, snap: Option<f64>| -> Vec<(f64, f64)> {
                let count = radii.len() as f64;
                let corners = radii.iter().enumerate().map(|(i, r)| {
                    let angle = i as f64 / count * std::f64::consts::TAU;
                    (centre.0 + size * share * r * angle.cos(), centre.1 + size * share * r * angle.sin())
                });
                corners.map(|(x, y)| snap.map_or((x, y), |s| ((x * s).round() / s, (y * s).round() / s))).collect()
            };
            Star { outline: ring(1.0, snap), hole: hole.then(|| ring(0.3, None)) }
        })
        .prop_filter("rings that cross themselves", is_simple)
}

fn shares() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 12..30)
}

/// Snapping may make a ring touch or cross itself, and then two rules of what is inside may differ.
fn is_simple(star: &Star) -> bool {
    let mut corners: Vec<_> = star.outline.clone();
    corners.dedup();
    let lines: Vec<Line> =
        LineString::from(corners.clone()).lines().chain([Line::new(corners[corners.len() - 1], corners[0])]).collect();
    let apart = |i: usize, j: usize| (i + 1) % lines.len() != j && (j + 1) % lines.len() != i && i != j;
    let crossing = (0..lines.len()).any(|i| (0..lines.len()).any(|j| apart(i, j) && lines[i].intersects(&lines[j])));
    let judge = star.judge();
    let hole_inside = star.hole.iter().flatten().all(|p| {
        Polygon::new(judge.exterior().clone(), vec![]).intersects(&Coord::from(*p))
            && judge.exterior().lines().all(|l| Euclidean.distance(&Point::from(*p), &l) > 1e-9)
    });
    let hole_apart = star.hole.is_none() || !judge.interiors()[0].intersects(judge.exterior());
    corners.len() > 2 && lines.iter().all(|l| l.start != l.end) && !crossing && hole_inside && hole_apart
}

fn corners_and_middle(area: &LonLatBox) -> [Position; 5] {
    let (lon, lat) = area.centre_deg();
    [
        (area.west_deg(), area.south_deg()),
        (area.east_deg(), area.south_deg()),
        (area.west_deg(), area.north_deg()),
        (area.east_deg(), area.north_deg()),
        (lon, lat),
    ]
    .map(|(lon, lat)| Position::new_2d(lon, lat).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_polygon_lies_in_its_cover_and_inner_cells_lie_in_the_polygon(star in star(), share in shares(), max in prop_oneof![1usize..12, 12usize..2000], finest in 0u8..=32) {
        let (shape, limits) = (star.shape(), Limits { max_cells: max, finest_level: finest });
        let cover = cover(&shape, limits).unwrap();
        prop_assert!(cover.cell_count() <= max && !cover.is_empty());
        for p in star.probes(&share) {
            let certain = cover.of_position(&p).unwrap();
            if star.judge().intersects(&star.near(&p)) {
                prop_assert!(certain != Certainty::Outside, "{p:?} is in the area and not in the cover");
            }
            prop_assert!(certain != Certainty::Inside || star.holds(&p), "{p:?} is in an inner range and not in the area");
        }
        for (cell, inner) in cover_cells(&shape, limits).unwrap() {
            prop_assert!(!inner || corners_and_middle(&cell.area()).iter().all(|p| star.holds(p)), "{cell} is not inner");
        }
    }

    #[test]
    fn no_cell_is_kept_in_vain(star in star(), finest in 0u8..=32) {
        // As fine as a few hundred cells allow, so that outer cells are all of the finest level.
        let shape = star.shape();
        let finest = (0..=finest).rev().find(|level| cover_cells(&shape, Limits { max_cells: 400, finest_level: *level }).unwrap().len() < 350).unwrap();
        let judge = star.judge();
        for (cell, inner) in cover_cells(&shape, Limits { max_cells: 4000, finest_level: finest }).unwrap() {
            let near = corners_and_middle(&cell.area()).map(|p| star.near(&p));
            // Cells half the Earth wide have no one turn; they are kept near the root only.
            if inner || cell.level() < 4 || (near[0].x - near[1].x).abs() > 180.0 {
                continue;
            }
            prop_assert_eq!(cell.level(), finest);
            let area = Polygon::new(LineString::from(vec![near[0], near[1], near[3], near[2]]), vec![]);
            let distance = Euclidean.distance(&area, &judge);
            prop_assert!(distance <= HAIR_DEG, "{cell} is {distance} degrees away");
        }
    }

    #[test]
    fn a_line_lies_in_its_cover(points in prop::collection::vec((-180.0..=180.0f64, -90.0..=90.0f64), 1..8), near in any::<bool>(), share in shares(), max in 1usize..600, finest in 0u8..=32) {
        // Far-flung lines, and short ones.
        let points: Vec<_> = if near { points.iter().map(|p| (wrap(179.99 + p.0 / 9e3), p.1 / 1e4)).collect() } else { points };
        let shape = Shape::of_line(&points, 0.0).unwrap();
        let cover = cover(&shape, Limits { max_cells: max, finest_level: finest }).unwrap();
        prop_assert!(cover.ranges().iter().all(|range| !range.inner) && cover.cell_count() <= max);
        for p in points.windows(2).flat_map(|ends| share.iter().map(|(u, _)| on_the_way(ends[0], ends[1], *u))).chain(points.iter().map(|p| Position::new_2d(p.0, p.1).unwrap())) {
            prop_assert_eq!(cover.of_position(&p), Some(Certainty::Perhaps), "{:?}", p);
        }
    }

    #[test]
    fn a_corridor_is_what_lies_near_its_line(start in (-180.0..180.0f64, -85.0..85.0f64), steps in prop::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 1..5), size in prop_oneof![Just(0.001), Just(0.1), Just(2.0)], width in 0.05..2.0f64, share in shares(), max in 8usize..1500) {
        let mut unrolled = vec![start];
        for step in steps {
            let (lon, lat) = unrolled[unrolled.len() - 1];
            unrolled.push((lon + step.0 * size, (lat + step.1 * size).clamp(-89.0, 89.0)));
        }
        let points: Vec<_> = unrolled.iter().map(|p| (wrap(p.0), p.1)).collect();
        let radius_m = width * size * 30_000.0;
        let cover = cover(&Shape::of_line(&points, 2.0 * radius_m).unwrap(), Limits { max_cells: max, finest_level: 32 }).unwrap();
        let reach = 2.0 * size * width.max(0.5);
        for (i, (u, v)) in share.iter().enumerate() {
            let (lon, lat) = unrolled[i % unrolled.len()];
            let p = Position::new_2d(wrap(lon + reach * (u - 0.5)), (lat + reach * (v - 0.5)).clamp(-90.0, 90.0)).unwrap();
            let distance_m = geodesic_m(&p, &unrolled);
            let certain = cover.of_position(&p).unwrap();
            prop_assert!(distance_m > radius_m || certain != Certainty::Outside, "{p:?} is {distance_m} of {radius_m} m away");
            prop_assert!(distance_m < radius_m * 1.000_001 || certain != Certainty::Inside, "{p:?} is {distance_m} of {radius_m} m away");
        }
    }

    #[test]
    fn a_solid_lies_in_its_cover(star in star(), share in shares(), low in -500.0..9000.0f64, thick in prop_oneof![Just(0.0), 0.1..20.0f64, 20.0..5e5f64], max in 1usize..3000, finest in 0u8..=32) {
        let band = HeightBand { low_m: low, high_m: low + thick };
        let cover: Cover<u128> = cover_solid(&star.shape(), &band, Limits { max_cells: max, finest_level: finest }).unwrap();
        prop_assert!(cover.cell_count() <= max && !cover.is_empty());
        for (i, p) in star.probes(&share).iter().enumerate() {
            let height = low + thick * [0.0, 0.5, 1.0, 1.2, -0.1][i % 5];
            let p = Position::new(p.lon_deg(), p.lat_deg(), Some(height)).unwrap();
            let within = band.contains(height) && star.judge().intersects(&star.near(&p));
            let certain = cover.of_position(&p).unwrap();
            prop_assert!(!within || certain != Certainty::Outside, "{p:?} is left out");
            prop_assert!(certain != Certainty::Inside || (star.holds(&p) && height >= low - 1e-6 && height <= low + thick + 1e-6), "{p:?}");
        }
        prop_assert_eq!(cover.of_position(&Position::new_2d(0.0, 0.0).unwrap()), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn lattice_covers_hold_the_polygon(star in star(), share in shares(), max in 64usize..2000, level in 1u8..=10, more in 0u8..=6) {
        let shape = star.shape();
        let beidou = cover_beidou(&shape, None, Limits { max_cells: max, finest_level: level }).unwrap();
        let rslc = cover_rslc(&shape, None, Limits { max_cells: max, finest_level: level + more }).unwrap();
        prop_assert!(beidou.len() <= max && rslc.len() <= max);
        let area = HeightBand { low_m: 3.0, high_m: 30.0 };
        let voxels = cover_spatial_id(&shape, &area, 12.5, Limits { max_cells: max, finest_level: 2 * level }).unwrap();
        for p in star.probes(&share) {
            let bd = beidou::encode_2d(&p, 10).unwrap();
            let rs = rslc::encode(&p, 16).unwrap();
            let in_beidou = beidou.iter().find(|(cell, _)| bd.starts_with(cell.text().as_str()));
            let in_rslc = rslc.iter().find(|(cell, _)| rs.starts_with(cell.text().as_str()));
            let solid = Position::new(p.lon_deg(), p.lat_deg(), Some(17.0)).unwrap();
            let si = spatialid::encode(&solid, 12.5, 35).unwrap();
            let in_voxels = voxels.iter().find(|(cell, _)| si.parent(cell.zoom()) == Some(*cell));
            for (which, found) in [in_beidou.map(|c| c.1), in_rslc.map(|c| c.1), in_voxels.map(|c| c.1)].into_iter().enumerate() {
                prop_assert!(found.is_some() || !star.judge().intersects(&star.near(&p)), "{which}: {p:?} is left out");
                prop_assert!(found != Some(true) || star.holds(&p), "{which}: {p:?} is not inside");
            }
        }
    }
}

fn on_the_way(a: (f64, f64), b: (f64, f64), share: f64) -> Position {
    let step = match b.0 - a.0 {
        step if step > 180.0 => step - 360.0,
        step if step < -180.0 => step + 360.0,
        step => step,
    };
    Position::new_2d(wrap(a.0 + step * share), a.1 + (b.1 - a.1) * share).unwrap()
}

/// Distance on the ellipsoid from a position to a line that is straight in degrees: the nearest place in the plane stretched to metres, then
/// refined by trying closer and closer places around it.
fn geodesic_m(p: &Position, line: &[(f64, f64)]) -> f64 {
    let turn = 360.0 * ((line[0].0 - p.lon_deg()) / 360.0).round();
    let (lon, lat) = (p.lon_deg() + turn, p.lat_deg());
    let distance = |(x, y): (f64, f64)| Geodesic.distance(Point::new(lon, lat), Point::new(x, y));
    let squeeze = lat.to_radians().cos();
    let segments = line.windows(2).map(|ends| {
        let at =
            |share: f64| (ends[0].0 + (ends[1].0 - ends[0].0) * share, ends[0].1 + (ends[1].1 - ends[0].1) * share);
        let flat =
            Line::new(Coord { x: ends[0].0 * squeeze, y: ends[0].1 }, Coord { x: ends[1].0 * squeeze, y: ends[1].1 });
        let mut best = match flat.closest_point(&Point::new(lon * squeeze, lat)) {
            Closest::SinglePoint(q) | Closest::Intersection(q) => {
                let (dx, dy) = (flat.dx(), flat.dy());
                ((q.x() - flat.start.x) * dx + (q.y() - flat.start.y) * dy) / (dx * dx + dy * dy).max(1e-300)
            }
            Closest::Indeterminate => 0.0,
        };
        let mut step = 0.1;
        while step > 1e-9 {
            let tries = [best - step, best, best + step].map(|share| share.clamp(0.0, 1.0));
            let nearest = tries.into_iter().min_by(|a, b| distance(at(*a)).total_cmp(&distance(at(*b)))).unwrap();
            if nearest == best {
                step /= 3.0;
            }
            best = nearest;
        }
        distance(at(best))
    });
    segments.fold(f64::MAX, f64::min)
}

#[test]
fn shapes_along_cell_edges_are_covered_by_those_cells_alone() {
    let limits = Limits { max_cells: 100_000, finest_level: 20 };
    for (west, south) in [
        (116.0, 39.0),
        (-117.0, 39.0),
        (116.0, -40.0),
        (-117.0, -40.0),
        (0.0, 0.0),
        (-1.0, -1.0),
        (179.0, 0.0),
        (-180.0, 5.0),
        (10.0, 89.0),
        (10.0, -90.0),
    ] {
        let ring = [(west, south), (west + 1.0, south), (west + 1.0, south + 1.0), (west, south + 1.0)];
        let area = LonLatBox::new(west, south, west + 1.0, south + 1.0).unwrap();
        let cell = geosot::Cell::of_2d(&Position::new_2d(west + 0.5, south + 0.5).unwrap(), 9).unwrap();
        let mut both = Vec::new();
        for shape in [Shape::of_ring(&ring).unwrap(), Shape::of_box(&area)] {
            let cover = cover(&shape, limits).unwrap();
            assert_eq!(cover.of_cell(&cell), Some(Certainty::Inside), "{cell}");
            assert!(cover.inner().cells().contains(&(cell, true)), "{cell}: {:?}", cover.inner().cells());
            both.push(cover.inner());
        }
        assert_eq!(both[0], both[1]);
    }
}

#[test]
fn the_earth_and_its_halves_are_inner() {
    let world = [(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0)];
    let limits = Limits { max_cells: 1000, finest_level: 12 };
    let whole = cover(&Shape::of_ring(&world).unwrap(), limits).unwrap();
    assert!(whole.ranges().len() == 1 && whole.ranges()[0].inner, "{whole:?}");
    // Antarctica as it is drawn in files: along the antimeridian and the pole.
    let south = [(-180.0, -90.0), (180.0, -90.0), (180.0, -70.0), (0.0, -65.0), (-180.0, -70.0)];
    let cap = cover(&Shape::of_ring(&south).unwrap(), limits).unwrap();
    for lon in [-180.0, -179.999, -90.0, 0.0, 45.5, 180.0] {
        for lat in [-90.0, -89.999, -75.0] {
            let p = Position::new_2d(lon, lat).unwrap();
            assert_eq!(cap.of_position(&p), Some(Certainty::Inside), "{p:?}");
        }
        assert_eq!(cap.of_position(&Position::new_2d(lon, -60.0).unwrap()), Some(Certainty::Outside));
    }
}

#[test]
fn polygons_that_overlap_are_one_area() {
    let square = |west: f64| vec![vec![(west, 10.0), (west + 2.0, 10.0), (west + 2.0, 12.0), (west, 12.0)]];
    let both = Shape::of_polygons(&[square(10.0), square(11.0)]).unwrap();
    let cover = cover(&both, Limits { max_cells: 500, finest_level: 32 }).unwrap();
    for lon in [10.5, 11.5, 12.5] {
        assert_eq!(cover.of_position(&Position::new_2d(lon, 11.0).unwrap()), Some(Certainty::Inside), "{lon}");
    }
}

#[test]
fn shapes_that_are_none_are_refused() {
    let refused = |shape: Result<Shape, Error>| matches!(shape, Err(Error::Cover { .. } | Error::OutOfRange { .. }));
    assert!(refused(Shape::of_ring(&[(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)])));
    assert!(refused(Shape::of_ring(&[(0.0, 80.0), (120.0, 80.0), (-120.0, 80.0)])));
    assert!(refused(Shape::of_ring(&[(0.0, 80.0), (f64::NAN, 80.0), (1.0, 80.5)])));
    assert!(refused(Shape::of_line(&[], 0.0)));
    for width in [-1.0, f64::NAN, f64::INFINITY, 3e6] {
        assert!(refused(Shape::of_line(&[(0.0, 0.0)], width)));
    }
    let none: [Vec<Vec<(f64, f64)>>; 0] = [];
    assert!(refused(Shape::of_polygons(&none)));
    let shape = Shape::of_line(&[(0.0, 0.0)], 0.0).unwrap();
    let limits = Limits { max_cells: 10, finest_level: 5 };
    for (low_m, high_m) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, 1e9)] {
        assert!(cover_solid(&shape, &HeightBand { low_m, high_m }, limits).is_err());
    }
    assert!(cover(&shape, Limits { max_cells: 0, ..limits }).is_err());
    assert!(cover(&shape, Limits { finest_level: 33, ..limits }).is_err());
    let far_north = Shape::of_line(&[(0.0, 88.0)], 0.0).unwrap();
    assert!(matches!(cover_beidou(&far_north, None, limits), Err(Error::Latitude { .. })));
    assert!(matches!(cover_rslc(&far_north, None, limits), Err(Error::Latitude { .. })));
    let band = HeightBand { low_m: 0.0, high_m: 1.0 };
    assert!(matches!(cover_spatial_id(&far_north, &band, 0.0, limits), Err(Error::Latitude { .. })));
    assert!(
        encode_with_geoid(coding_system::Scheme::BeiDou, 1, &Position::new_2d(0.0, 87.999).unwrap(), None, None)
            .is_ok()
    );
}
