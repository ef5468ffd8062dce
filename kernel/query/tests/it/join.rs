//! Joins by where things are, against every pair tried with `geo`: areas with holes and exclaves, lines, points, things
//! without a place; a table with an index on the right, and without; inner, outer, semi and anti.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use geo::{Contains, Distance, Euclidean, Intersects, Relate};
use kernel_model::{
    Change, Coord, EntityDraft, Geometry, HeightReference, Kind, Place, PositionBatch, PositionFix, Shape, SourceKey,
    TimeUs,
};
use kernel_query::Limits;
use kernel_store::{Options, Snapshot, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::city::{NEW_YEAR_US, block_on, cells, engine};

struct World {
    _dir: TempDir,
    snapshot: Snapshot,
    /// Areas and lines; one has no geometry.
    areas: Vec<(String, Option<geo::Geometry>)>,
    /// Smaller ones.
    things: Vec<(String, geo::Geometry)>,
    /// Fixes of one van, by minute.
    fixes: Vec<(i64, geo::Point)>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(build)
}

fn lattice(value: f64) -> f64 {
    (value * 20.0).round() / 20.0
}

/// A star that does not cross itself, on a lattice where it is large enough to stay one.
fn ring(at: (f64, f64), size: f64, corners: usize, random: &mut StdRng) -> geo::LineString {
    let angle = |n: usize| std::f64::consts::TAU * n as f64 / corners as f64;
    let mut corner = |n: usize| {
        let reach = size * random.random_range(0.7..1.0);
        (at.0 + reach * angle(n).cos(), at.1 + reach * angle(n).sin())
    };
    (0..corners).map(&mut corner).collect()
}

/// A diamond with its corners and edges on the lattice, so that points lie on its border.
fn diamond(at: (f64, f64), size: f64) -> geo::LineString {
    let (x, y, size) = (lattice(at.0), lattice(at.1), lattice(size).max(0.1));
    [(x + size, y), (x, y + size), (x - size, y), (x, y - size), (x + size, y)].into_iter().collect()
}

fn area(random: &mut StdRng, n: usize) -> geo::Geometry {
    let at = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
    let size = random.random_range(0.05..0.4);
    match n % 5 {
        0 => geo::Polygon::new(diamond(at, size), Vec::new()).into(),
        1 => geo::Polygon::new(ring(at, size, 9, random), vec![ring(at, size * 0.4, 5, random)]).into(),
        2 => geo::Polygon::new(ring(at, size, 40, random), Vec::new()).into(),
        3 => {
            let other = (at.0 + 3.0 * size, at.1);
            let far = geo::Polygon::new(ring(other, size, 6, random), Vec::new());
            geo::MultiPolygon::new(vec![geo::Polygon::new(diamond(at, size), Vec::new()), far]).into()
        }
        _ => geo::LineString::from(vec![at, (at.0 + size, at.1 + size), (at.0 + size, at.1)]).into(),
    }
}

fn thing(random: &mut StdRng, n: usize) -> geo::Geometry {
    let at = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
    match n % 4 {
        0 => geo::Point::new(lattice(at.0), lattice(at.1)).into(),
        1 => geo::Point::from(at).into(),
        2 => geo::Polygon::new(ring(at, 0.02, 5, random), Vec::new()).into(),
        _ => geo::LineString::from(vec![at, (at.0 + 0.05, at.1)]).into(),
    }
}

fn ours(geometry: &geo::Geometry) -> Geometry {
    let coord = |at: &geo::Coord| Coord::new(at.x, at.y, 0.0);
    let line = |line: &geo::LineString| line.coords().map(coord).collect::<Vec<_>>();
    let polygon =
        |polygon: &geo::Polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(line).collect();
    Geometry::flat(match geometry {
        geo::Geometry::Point(at) => Shape::Point(coord(&at.0)),
        geo::Geometry::LineString(of) => Shape::LineString(line(of)),
        geo::Geometry::Polygon(of) => Shape::Polygon(polygon(of)),
        geo::Geometry::MultiPolygon(of) => Shape::MultiPolygon(of.iter().map(polygon).collect()),
        other => panic!("{other:?}"),
    })
}

fn build() -> World {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), Options { seal_rows: usize::MAX, ..Options::default() }).unwrap();
    let mut random = StdRng::seed_from_u64(31);
    let mut areas: Vec<_> = (0..40).map(|n| (format!("area-{n:02}"), Some(area(&mut random, n)))).collect();
    areas.push(("area-none".to_owned(), None));
    let things: Vec<_> = (0..300).map(|n| (format!("thing-{n:03}"), thing(&mut random, n))).collect();
    let draft = |kind: Kind, id: &str, geometry: Option<&geo::Geometry>| {
        let mut draft = EntityDraft::new(SourceKey::new("town", id), kind, "some");
        draft.geometry = geometry.map(ours);
        draft.height_reference = HeightReference::Ellipsoid;
        Change::Entity(draft)
    };
    let all = areas.iter().map(|(id, area)| draft(Kind::Landuse, id, area.as_ref()));
    let all = all.chain(things.iter().map(|(id, thing)| draft(Kind::Vegetation, id, Some(thing))));
    store.commit(&[all.chain([draft(Kind::Vehicle, "van", None)]).collect()]).unwrap();
    let fixes: Vec<(i64, geo::Point)> = (0..1_200)
        .map(|minute| {
            let at = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
            (minute, if minute % 3 == 0 { geo::Point::new(lattice(at.0), lattice(at.1)) } else { at.into() })
        })
        .collect();
    for (n, some) in fixes.chunks(400).enumerate() {
        let fix = |(minute, at): &(i64, geo::Point)| PositionFix {
            time: TimeUs(NEW_YEAR_US + minute * 60_000_000),
            place: Place { lon_deg: at.x(), lat_deg: at.y(), height_m: None },
            heading_deg: None,
            speed_m_s: None,
        };
        let rows = some.iter().map(fix).collect();
        let entity = SourceKey::new("town", "van");
        let batch = PositionBatch { entity, height_reference: HeightReference::Ellipsoid, rows };
        store.commit(&[vec![Change::Positions(batch)]]).unwrap();
        if n == 0 {
            store.seal().unwrap();
        }
    }
    World { snapshot: store.reader().snapshot(), areas, things, fixes, _dir: dir }
}

fn ask(sql: &str) -> Vec<Vec<String>> {
    let answer =
        block_on(async { engine().query(&world().snapshot, &[], sql, Limits::default()).await?.collect().await });
    cells(&answer.unwrap_or_else(|error| panic!("{sql}: {error}")))
}

/// Pairs of names, from two columns.
fn pairs(sql: &str, way: &str) -> BTreeSet<(String, String)> {
    let plan = ask(&format!("explain {sql}")).concat().concat();
    assert!(plan.contains("SpatialJoinExec") && plan.contains(way), "{sql}: {plan}");
    let rows = ask(sql);
    let pairs: BTreeSet<_> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(pairs.len(), rows.len(), "a pair comes twice: {sql}");
    pairs
}

type Holds = fn(&geo::Geometry, &geo::Geometry) -> bool;
type Also = fn(i64) -> bool;
type In<'a> = Box<dyn Fn(&geo::Geometry) -> bool + 'a>;

/// Predicates with what `geo` says of them.
const PREDICATES: [(&str, Holds); 8] = [
    ("st_intersects(A, B)", |a, b| a.intersects(b)),
    ("st_intersects(B, A)", |a, b| a.intersects(b)),
    ("st_contains(A, B)", |a, b| a.relate(b).is_contains()),
    ("st_within(B, A)", |a, b| a.relate(b).is_contains()),
    ("st_covers(A, B)", |a, b| a.relate(b).is_covers()),
    ("st_coveredby(B, A)", |a, b| a.relate(b).is_covers()),
    ("st_touches(A, B)", |a, b| a.relate(b).is_touches()),
    ("st_dwithin(A, B, 0.03)", |a, b| Euclidean.distance(a, b) <= 0.03),
];

const TREE: &str = "by=tree of the left side";
const INDEX: &str = "by=index of the right side";

#[test]
fn things_in_areas_are_those_of_brute_force() {
    for (predicate, holds) in PREDICATES {
        let condition = predicate.replace('A', "a.geometry").replace('B', "b.geometry");
        let sql = format!(
            "select a.source_id, b.source_id from entities a join entities b on {condition} \
             where a.kind = 'landuse' and b.kind = 'vegetation'"
        );
        let mut wanted = BTreeSet::new();
        for (area, shape) in &world().areas {
            for (thing, other) in &world().things {
                if shape.as_ref().is_some_and(|shape| holds(shape, other)) {
                    wanted.insert((area.clone(), thing.clone()));
                }
            }
        }
        assert!(wanted.len() > 10, "{predicate} proves nothing");
        let found = pairs(&sql, TREE);
        assert_eq!(found.symmetric_difference(&wanted).collect::<Vec<_>>(), Vec::<&_>::new(), "{sql}");
    }
}

fn by_minute(area: &str, minute: i64) -> (String, String) {
    (area.to_owned(), minute.to_string())
}

#[test]
fn positions_in_areas_come_from_the_index_and_are_those_of_brute_force() {
    let minute = format!("cast((extract(epoch from b.time) - {}) / 60 as bigint)", NEW_YEAR_US / 1_000_000);
    let extra: [(&str, Also); 3] = [
        ("true", |_| true),
        ("b.time >= '2026-01-01T10:00:00Z'", |minute| minute >= 600),
        (
            "b.heading_deg is null and b.lon > 115 and length(a.source_id) + extract(minute from b.time) > 20",
            |minute| minute % 60 > 13,
        ),
    ];
    for (predicate, holds) in PREDICATES {
        let mut meeting = Vec::new();
        for (area, shape) in &world().areas {
            let meets = |at: geo::Point| shape.as_ref().is_some_and(|shape| holds(shape, &at.into()));
            let minutes = world().fixes.iter().filter(|(_, at)| meets(*at)).map(|(minute, _)| *minute);
            meeting.extend(minutes.map(|minute| (area, minute)));
        }
        for (beside, also) in extra {
            let condition = predicate.replace('A', "a.geometry").replace('B', "st_point(b.lon, b.lat)");
            let sql = format!(
                "select a.source_id, {minute} as minute from entities a join positions b on {condition} and {beside} \
                 where a.kind = 'landuse' and a.source_id <> 'area-none'"
            );
            let meant = meeting.iter().filter(|(_, minute)| also(*minute));
            let wanted: BTreeSet<_> = meant.map(|(area, minute)| by_minute(area, *minute)).collect();
            let found = pairs(&sql, INDEX);
            let differs: Vec<_> = found.symmetric_difference(&wanted).take(5).collect();
            assert_eq!(differs, Vec::<&_>::new(), "{} {} {sql}", found.len(), wanted.len());
        }
    }
}

#[test]
fn outer_semi_and_anti_joins_are_those_of_brute_force() {
    let inside = |shape: &Option<geo::Geometry>| {
        let fixes = world().fixes.iter();
        fixes.filter(|(_, at)| shape.as_ref().is_some_and(|shape| shape.contains(at))).count()
    };
    let counts: Vec<(String, usize)> =
        world().areas.iter().map(|(area, shape)| (area.clone(), inside(shape))).collect();
    let listed = |rows: Vec<Vec<String>>| -> BTreeSet<String> { rows.into_iter().map(|row| row.join(" ")).collect() };
    let on = "st_contains(a.geometry, st_point(b.lon, b.lat))";
    let left = format!(
        "select a.source_id, count(b.time) from entities a left join positions b on {on} where a.kind = 'landuse' group by 1"
    );
    assert_eq!(listed(ask(&left)), counts.iter().map(|(area, n)| format!("{area} {n}")).collect());
    for (word, has) in [("", true), ("not", false)] {
        let sql = format!(
            "select a.source_id from entities a where a.kind = 'landuse' and {word} exists (select 1 from positions b where {on})"
        );
        let plan = ask(&format!("explain {sql}")).concat().concat();
        assert!(plan.contains("SpatialJoinExec"), "{plan}");
        assert_eq!(listed(ask(&sql)), counts.iter().filter(|(_, n)| (*n > 0) == has).map(|(a, _)| a.clone()).collect());
        let sql = format!(
            "select count(*) from positions b where {word} exists (select 1 from entities a where a.kind = 'landuse' and {on})"
        );
        let covered =
            |at: &geo::Point| world().areas.iter().flat_map(|(_, shape)| shape).any(|shape| shape.contains(at));
        let wanted = world().fixes.iter().filter(|(_, at)| covered(at) == has).count();
        assert_eq!(ask(&sql)[0][0], wanted.to_string(), "{sql}");
    }
    let both = format!(
        "select count(*), count(a.id), count(b.time) from (select * from entities where kind = 'landuse') a \
         full join (select * from positions where lat < 39.2) b on {on}"
    );
    let south: Vec<_> = world().fixes.iter().filter(|(_, at)| at.y() < 39.2).collect();
    let (mut pairs, mut lonely_areas, mut lonely_fixes) = (0, 0, 0);
    for (_, shape) in &world().areas {
        let n = south.iter().filter(|(_, at)| shape.as_ref().is_some_and(|shape| shape.contains(at))).count();
        pairs += n;
        lonely_areas += usize::from(n == 0);
    }
    for (_, at) in &south {
        let is_in = world().areas.iter().flat_map(|(_, shape)| shape).any(|shape| shape.contains(at));
        lonely_fixes += usize::from(!is_in);
    }
    let wanted = [pairs + lonely_areas + lonely_fixes, pairs + lonely_areas, pairs + lonely_fixes];
    assert_eq!(ask(&both)[0], wanted.map(|n| n.to_string()));
}

/// Counts of pairs by columns of the areas come from the index, and are those of brute force.
#[test]
fn counts_by_area_make_no_pairs() {
    let extra: [(&str, Also); 2] = [("true", |_| true), ("b.time >= '2026-01-01T10:00:00Z'", |minute| minute >= 600)];
    let areas = "(select *, substr(source_id, 1, 6) as part from entities where kind = 'landuse' and \
                 st_geometrytype(geometry) like '%Polygon' and source_id <> 'area-none')";
    for (predicate, holds) in &PREDICATES[..6] {
        for (beside, also) in extra {
            let on = predicate.replace('A', "a.geometry").replace('B', "st_point(b.lon, b.lat)");
            let mut by_part: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::default();
            let (mut all, mut lonely) = (0, 0);
            for (area, shape) in &world().areas {
                let Some(shape @ (geo::Geometry::Polygon(_) | geo::Geometry::MultiPolygon(_))) = shape else {
                    continue;
                };
                let meets = |(minute, at): &&(i64, geo::Point)| also(*minute) && holds(shape, &(*at).into());
                let count = world().fixes.iter().filter(meets).count();
                *by_part.entry(area[..6].to_owned()).or_default() += count;
                (all, lonely) = (all + count, lonely + usize::from(count == 0));
            }
            assert!(all > 20, "{predicate} proves nothing");
            let from = format!("from {areas} a join (select * from positions b where {beside}) b on {on}");
            let by = format!("select a.part, count(*), count(b.time), count(a.id) {from} group by a.part");
            let outer = from.replacen(" a join", " a left join", 1);
            let whole = format!("select count(1) {from}");
            let of_all = format!("select count(*), count(b.entity) {outer}");
            for sql in [&by, &whole, &of_all] {
                let plan = ask(&format!("explain {sql}")).concat().concat();
                assert!(plan.contains("SpatialCountExec"), "{sql}: {plan}");
            }
            let found: std::collections::BTreeMap<_, _> =
                ask(&by).into_iter().map(|row| (row[0].clone(), row)).collect();
            let wanted = by_part.into_iter().filter(|(_, n)| *n > 0);
            let row =
                |(part, n): (String, usize)| (part.clone(), vec![part, n.to_string(), n.to_string(), n.to_string()]);
            assert_eq!(found, wanted.map(row).collect(), "{by}");
            assert_eq!(ask(&whole), [[all.to_string()]], "{whole}");
            assert_eq!(ask(&of_all), [[(all + lonely).to_string(), all.to_string()]], "{of_all}");
        }
    }
    // Lines settle nothing, what only rows answer neither, and what may be null is not counted by number.
    let on = "st_covers(a.geometry, st_point(b.lon, b.lat))";
    let lines = format!("select count(*) from entities a join positions b on {on} where a.kind = 'landuse'");
    let pairs = format!(
        "select count(*) from (select b.time from entities a join positions b on {on} and a.kind = 'landuse' and length(a.source_id) + b.lon > 0)"
    );
    assert_eq!(ask(&lines), ask(&pairs));
    for sql in [
        &pairs,
        &lines.replace("count(*)", "count(b.heading_deg)"),
        &lines.replace("count(*)", "count(distinct b.time)"),
    ] {
        let plan = ask(&format!("explain {sql}")).concat().concat();
        assert!(!plan.contains("SpatialCountExec") && plan.contains("SpatialJoinExec"), "{sql}: {plan}");
    }
}

#[test]
fn within_metres_of_things_is_what_brute_force_says() {
    let sql = "select a.source_id, count(*) from (select * from entities where source_id in ('thing-000', 'thing-001')) a \
               join positions b on st_distancespheroid(st_point(a.lon, a.lat), st_point(b.lon, b.lat)) <= 9000 group by 1";
    let plan = ask(&format!("explain {sql}")).concat().concat();
    assert!(plan.contains(INDEX), "{plan}");
    for row in ask(sql) {
        let thing = world().things.iter().find(|(id, _)| *id == row[0]).unwrap();
        let geo::Geometry::Point(from) = &thing.1 else { panic!() };
        let near = |at: &geo::Point| spatial_index::distance_m([from.x(), from.y()], [at.x(), at.y()]) <= 9000.0;
        let wanted = world().fixes.iter().filter(|(_, at)| near(at)).count();
        assert!(wanted > 3);
        assert_eq!(row[1], wanted.to_string());
    }
}

/// The same as a question without the join: every pair is tried.
#[test]
fn a_condition_that_compares_nothing_stays_a_nested_loop() {
    let sql = "select count(*) from entities a join entities b on st_intersects(a.geometry, st_point(116.5, 39.5)) \
               and length(a.source_id) < length(b.source_id)";
    let plan = ask(&format!("explain {sql}")).concat().concat();
    assert!(!plan.contains("SpatialJoinExec"), "{plan}");
}

#[test]
fn the_nearest_things_are_those_of_brute_force() {
    let mut random = StdRng::seed_from_u64(32);
    for n in 0..60 {
        let from =
            geo::Point::new(116.0 + random.random_range(-0.5..1.5), lattice(39.0 + random.random_range(0.0..1.0)));
        let most = if n % 10 == 0 { 400 } else { random.random_range(1..30) };
        let (kind, beside): (&str, fn(&str) -> bool) = match n % 3 {
            0 => ("kind = 'vegetation'", |name| name.starts_with("thing")),
            1 => ("kind = 'landuse' and right(source_id, 1) <> '4'", |name| {
                name.starts_with("area") && !name.ends_with('4')
            }),
            _ => ("true", |_| true),
        };
        let distance = format!("st_distance(geometry, st_point({}, {}))", from.x(), from.y());
        let sql = format!(
            "select source_id, {distance} as d from entities where {kind} and geometry is not null order by d, source_id limit {most}"
        );
        let areas = world().areas.iter().filter_map(|(name, shape)| Some((name, shape.as_ref()?)));
        let all = areas.chain(world().things.iter().map(|(name, shape)| (name, shape)));
        let meant = all.filter(|(name, _)| beside(name));
        let mut wanted: Vec<f64> =
            meant.map(|(_, shape)| Euclidean.distance(shape, &geo::Geometry::Point(from))).collect();
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(most);
        let found: Vec<f64> = ask(&sql).iter().map(|row| row[1].parse().unwrap()).collect();
        assert_eq!(found.len(), wanted.len(), "{sql}");
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{sql}: {found:?} {wanted:?}");
    }
    let plan = ask("explain select id from entities order by st_distance(st_point(116.5, 39.5), geometry) limit 5");
    assert!(plan.concat().concat().contains("RowsExec: asked=[nearest]"), "{plan:?}");
}

#[test]
fn things_in_a_window_are_picked_out_by_their_boxes() {
    let mut random = StdRng::seed_from_u64(33);
    let mut picked = 0;
    for n in 0..60 {
        let (x, y) = (116.0 + random.random_range(0.0..1.0), 39.0 + random.random_range(0.0..1.0));
        let side = random.random_range(0.001..0.2);
        let window = geo::Rect::new((x, y), (x + side, y + side)).to_polygon();
        let wkt =
            format!("st_geomfromtext('POLYGON(({x} {y}, {0} {y}, {0} {1}, {x} {1}, {x} {y}))')", x + side, y + side);
        let (sql, holds): (String, In<'_>) = match n % 4 {
            0 => (format!("st_intersects(geometry, {wkt})"), Box::new(|shape| window.intersects(shape))),
            1 => (format!("st_within(geometry, {wkt})"), Box::new(|shape| window.relate(shape).is_contains())),
            2 => (
                format!("st_dwithin(geometry, st_point({x}, {y}), 0.05)"),
                Box::new(|shape| Euclidean.distance(shape, &geo::Geometry::Point(geo::Point::new(x, y))) <= 0.05),
            ),
            _ => (format!("west > {x} and east < {} and south >= {y} and {} >= north", x + side, y + side), {
                Box::new(|shape| {
                    use geo::BoundingRect;
                    let bounds = shape.bounding_rect().unwrap();
                    bounds.min().x > x && bounds.max().x < x + side && bounds.min().y >= y && bounds.max().y <= y + side
                })
            }),
        };
        let sql = format!("select source_id from entities where {sql} order by 1");
        let areas = world().areas.iter().filter_map(|(name, shape)| Some((name, shape.as_ref()?)));
        let all = areas.chain(world().things.iter().map(|(name, shape)| (name, shape)));
        let mut wanted: Vec<&String> = all.filter(|(_, shape)| holds(shape)).map(|(name, _)| name).collect();
        wanted.sort();
        assert_eq!(ask(&sql).concat().iter().collect::<Vec<_>>(), wanted, "{sql}");
        picked += usize::from(ask(&format!("explain {sql}")).concat().concat().contains("RowsExec: asked=[lon"));
    }
    assert!(picked > 40, "{picked}");
}

/// For each of some things the nearest areas, and the nearest positions; either side of the join may be the one that asks.
#[test]
fn the_neighbours_of_each_thing_are_those_of_brute_force() {
    let things =
        "(select * from entities where source_id like 'thing-%0' and st_geometrytype(geometry) = 'ST_Point') t";
    let points =
        || world().things.iter().filter(|(id, shape)| id.ends_with('0') && matches!(shape, geo::Geometry::Point(_)));
    assert!(points().count() > 10);
    let areas = "(select * from entities where kind = 'landuse' and geometry is not null) a";
    for from in [format!("{things} join {areas}"), format!("{areas} join {things}")] {
        let sql = format!(
            "select t.source_id, st_distance(t.geometry, a.geometry) from {from} on st_knn(t.geometry, a.geometry, 3)"
        );
        let plan = ask(&format!("explain {sql}")).concat().concat();
        assert!(plan.contains("NearestJoinExec: 3") && plan.contains("by=tree"), "{plan}");
        let shapes: Vec<_> = world().areas.iter().filter_map(|(_, shape)| shape.as_ref()).collect();
        agree(&ask(&sql), points(), 3, |point| shapes.iter().map(|shape| Euclidean.distance(*shape, point)).collect());
    }
    let far = "st_distancespheroid(t.geometry, st_point(p.lon, p.lat))";
    for (beside, also) in [("true", (|_| true) as Also), ("p.time >= '2026-01-01T10:00:00Z'", |minute| minute >= 600)] {
        let positions = format!("(select * from positions p where {beside}) p");
        for from in [format!("{things} join {positions}"), format!("{positions} join {things}")] {
            let sql = format!(
                "select t.source_id, {far} from {from} on st_knn(t.geometry, st_point(p.lon, p.lat), 5, true) and length(t.source_id) > 1"
            );
            let plan = ask(&format!("explain {sql}")).concat().concat();
            assert!(plan.contains("NearestJoinExec: 5") && plan.contains("by=index"), "{plan}");
            let fixes: Vec<_> = world().fixes.iter().filter(|(minute, _)| also(*minute)).map(|(_, at)| *at).collect();
            agree(&ask(&sql), points(), 5, |point| {
                let geo::Geometry::Point(from) = point else { panic!() };
                fixes.iter().map(|at| spatial_index::distance_m([from.x(), from.y()], [at.x(), at.y()])).collect()
            });
        }
    }
    for (sql, says) in [
        (format!("select 1 from {things} join {areas} on st_knn(a.geometry, t.geometry, 2)"), "looks from points"),
        (format!("select 1 from {things} join {areas} on st_knn(t.geometry, a.geometry, 0)"), "whole number from 1"),
    ] {
        let answer =
            block_on(async { engine().query(&world().snapshot, &[], &sql, Limits::default()).await?.collect().await });
        let error = answer.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(says), "{sql}: {error}");
    }
}

/// Rows of a name and a distance are, for each thing, its `most` least distances.
fn agree<'a>(
    found: &[Vec<String>],
    things: impl Iterator<Item = &'a (String, geo::Geometry)>,
    most: usize,
    distances: impl Fn(&geo::Geometry) -> Vec<f64>,
) {
    let mut count = 0;
    for (id, shape) in things {
        let of = |row: &&Vec<String>| row[0] == *id;
        let mut own: Vec<f64> = found.iter().filter(of).map(|row| row[1].parse().unwrap()).collect();
        own.sort_by(f64::total_cmp);
        let mut wanted = distances(shape);
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(most);
        assert_eq!(own.len(), wanted.len(), "{id}");
        assert!(own.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{id}: {own:?} {wanted:?}");
        count += own.len();
    }
    assert_eq!(count, found.len());
}
