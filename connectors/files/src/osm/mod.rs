//! OpenStreetMap PBF or XML into entity drafts in two passes: the first keeps the nodes' places (16 bytes a node) and the
//! relations of interest, the second writes nodes, ways and relations. Footprints and lines are flat; heights stand in
//! properties. A node that is not in the file is not invented: an area that needs it is refused, a line is cut there and
//! says `clipped`.

mod frames;
mod source;
mod tags;
mod xml;

use std::collections::{HashMap, HashSet};

use kernel_model::{Coord, EntityDraft, Geometry, Shape};

use crate::Used;
use crate::crs::Crs;
use crate::error::Error;
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};

use crate::rings::{self, Line};
use source::{Element, Relation, Way};
use tags::{Sort, Tags};

/// Where the nodes are, sorted by id, in the format's finest steps of 1e-7 degrees.
#[derive(Debug, Default)]
struct Places(Vec<(i64, i32, i32)>);

impl Places {
    fn coord(&self, id: i64) -> Option<Coord> {
        let at = self.0.binary_search_by_key(&id, |p| p.0).ok()?;
        let (_, lon, lat) = self.0.get(at)?;
        Some(Coord::new(f64::from(*lon) / 1e7, f64::from(*lat) / 1e7, 0.0))
    }
}

/// Reads one file.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    if options.crs.is_some() {
        return Err(Error::Option { option: "--crs", reason: "OSM data is always WGS 84; leave it out".to_owned() });
    }
    let ground = Ground::new(intake.file(), &Crs::wgs84(), options)?;
    let input = intake.input;
    if source::is_pbf(input)? {
        frames::check(input)?;
    }
    let mut places = Places::default();
    let mut relations: Vec<Relation> = Vec::new();
    source::for_each(input, |element| {
        match element {
            Element::Node(node) => places.0.push((node.id, node.lon_e7, node.lat_e7)),
            Element::Relation(relation) if is_area_relation(&relation.tags) => relations.push(relation),
            Element::Relation(_) | Element::Way(_) => {}
        }
        Ok(())
    })?;
    places.0.sort_unstable_by_key(|p| p.0);
    places.0.dedup_by_key(|p| p.0);
    let wanted: HashSet<i64> = relations.iter().flat_map(|r| r.ways.iter().map(|m| m.0)).collect();
    let mut members: HashMap<i64, Vec<i64>> = HashMap::new();
    source::for_each(input, |element| match element {
        Element::Node(node) => match tags::sort(&node.tags) {
            None => Ok(()),
            Some(sort) => {
                let point = Coord::new(f64::from(node.lon_e7) / 1e7, f64::from(node.lat_e7) / 1e7, 0.0);
                let geometry = if on_globe(&point) {
                    Ok(Geometry::flat(Shape::Point(point)))
                } else {
                    Err(format!("lon {}, lat {} is not on the globe", point.lon_deg, point.lat_deg))
                };
                write(intake, &ground, &format!("node/{}", node.id), sort, &node.tags, node.edited, geometry, false)
            }
        },
        Element::Way(way) => {
            if wanted.contains(&way.id) {
                members.insert(way.id, way.nodes.clone());
            }
            match tags::sort(&way.tags) {
                None => Ok(()),
                Some(sort) => write_way(intake, &ground, &places, sort, way),
            }
        }
        Element::Relation(_) => Ok(()),
    })?;
    for relation in relations {
        let Some(sort) = tags::sort(&relation.tags) else { continue };
        let shape = relation_shape(&relation, &members, &places).map(Geometry::flat);
        let id = format!("relation/{}", relation.id);
        write(intake, &ground, &id, sort, &relation.tags, relation.edited, shape, false)?;
    }
    Ok(ground.used())
}

fn on_globe(c: &Coord) -> bool {
    (-180.0..=180.0).contains(&c.lon_deg) && (-90.0..=90.0).contains(&c.lat_deg)
}

fn is_area_relation(tags: &Tags) -> bool {
    tags.get("type").is_some_and(|t| t == "multipolygon") && tags::sort(tags).is_some()
}

fn write_way(intake: &mut Intake<'_>, ground: &Ground, places: &Places, sort: Sort, way: Way) -> Result<(), Error> {
    let id = format!("way/{}", way.id);
    let (geometry, clipped) = match way_shape(&way, &sort, places) {
        Ok((shape, clipped)) => (Ok(Geometry::flat(shape)), clipped),
        Err(reason) => (Err(reason), false),
    };
    write(intake, ground, &id, sort, &way.tags, way.edited, geometry, clipped)
}

#[expect(clippy::too_many_arguments, reason = "the parts of one element; a struct of them would be used once")]
fn write(
    intake: &mut Intake<'_>,
    ground: &Ground,
    id: &str,
    sort: Sort,
    tags: &Tags,
    edited: Option<String>,
    geometry: Result<Geometry, Refusal>,
    clipped: bool,
) -> Result<(), Error> {
    let sample = match &geometry {
        Ok(_) => String::new(),
        Err(_) => format!("{}={} of {tags:?}", sort.key, tags.get(sort.key).map_or("", String::as_str)),
    };
    let record = geometry.map(|geometry| {
        let mut draft = EntityDraft::new(intake.key(id), sort.kind, sort.class);
        draft.name = tags.get("name").filter(|n| !n.is_empty()).cloned();
        draft.properties = tags::properties(tags, edited);
        if clipped {
            draft.properties.insert("clipped".to_owned(), true.into());
        }
        draft.geometry = Some(geometry);
        ground.stamp(&mut draft);
        draft
    });
    intake.settle(Some(id), id, &sample, record).map(|_| ())
}

/// A closed way of an area's sort is a polygon, every other one a line, cut where nodes are missing.
fn way_shape(way: &Way, sort: &Sort, places: &Places) -> Result<(Shape, bool), Refusal> {
    let closed = way.nodes.len() >= 4 && way.nodes.first() == way.nodes.last();
    let missing = way.nodes.iter().filter(|id| places.coord(**id).is_none()).count();
    if sort.area && closed {
        if missing > 0 {
            return Err(format!("{missing} of its {} nodes are not in the file: an area is not cut", way.nodes.len()));
        }
        let ring = way.nodes.iter().filter_map(|id| places.coord(*id)).collect();
        return Ok((Shape::Polygon(vec![ring]), false));
    }
    if sort.kind == kernel_model::Kind::Building {
        return Err(format!("a building of {} nodes that is no closed ring", way.nodes.len()));
    }
    let mut runs: Vec<Vec<Coord>> = vec![Vec::new()];
    for id in &way.nodes {
        match (places.coord(*id), runs.last_mut()) {
            (Some(coord), Some(run)) => run.push(coord),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| run.len() >= 2);
    match runs.len() {
        0 => Err(format!("{missing} of its {} nodes are not in the file: no two neighbours are", way.nodes.len())),
        1 => Ok((Shape::LineString(runs.remove(0)), missing > 0)),
        _ => Ok((Shape::MultiLineString(runs), true)),
    }
}

fn relation_shape(relation: &Relation, members: &HashMap<i64, Vec<i64>>, places: &Places) -> Result<Shape, Refusal> {
    let (mut outer, mut inner) = (Vec::new(), Vec::new());
    for (id, is_inner) in &relation.ways {
        let nodes = members.get(id).ok_or_else(|| format!("its way {id} is not in the file"))?;
        let line: Option<Line> = nodes.iter().map(|n| places.coord(*n).map(|c| (*n, c))).collect();
        let line = line.ok_or_else(|| format!("nodes of its way {id} are not in the file"))?;
        if *is_inner { inner.push(line) } else { outer.push(line) }
    }
    rings::polygons(rings::join(outer)?, rings::join(inner)?)
}
