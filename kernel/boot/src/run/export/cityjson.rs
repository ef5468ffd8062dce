//! Rows of things to CityJSONSeq 2.0 (cityjson.org/specs/2.0.1, clause 8): a first line with transform and reference system,
//! then a feature a line, a thing with the parts that stand behind it. Coordinates are degrees and metres on a grid of
//! 1e-9 degrees (a tenth of a millimetre) and a millimetre. A file has one height reference, which the reference system
//! names; things without a shape in space are left out and counted, never given heights.

use std::collections::HashMap;
use std::io::Write;

use anyhow::{Context, bail};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use kernel_model::{Coord, Geometry, HeightReference, Shape};
use serde_json::{Map, Value, json};

/// Steps of the grid: degrees, degrees, metres.
const STEPS: [f64; 3] = [1e-9, 1e-9, 1e-3];
/// Names of properties that say something of the shape, or of how the object was told.
const OF_THE_SHAPE: [&str; 3] = ["lod", "surfaces", "city_object_type"];

pub(super) struct Writer<W: Write> {
    out: W,
    /// Of the file, once a thing has said it, and where its grid begins.
    frame: Option<(HeightReference, [f64; 3])>,
    feature: Option<Feature>,
    left_out: u64,
}

/// A thing and its parts, on their way.
struct Feature {
    id: String,
    objects: Map<String, Value>,
    vertices: Vec<Value>,
    numbers: HashMap<[i64; 3], usize>,
}

/// A row.
struct Thing<'a> {
    id: &'a str,
    kind: &'a str,
    class: &'a str,
    name: Option<&'a str>,
    parent: Option<&'a str>,
    said: Map<String, Value>,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, frame: None, feature: None, left_out: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let text = |name: &str| -> anyhow::Result<StringArray> {
            let column = batch.column_by_name(name);
            let column = column.with_context(|| format!("CityJSONSeq needs the column `{name}`: use --collection"))?;
            Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
        };
        let (id, kind, class, name) = (text("id")?, text("kind")?, text("class")?, text("name")?);
        let (parent, reference, said) = (text("parent")?, text("height_reference")?, text("properties")?);
        let shapes = cast(batch.column_by_name("geometry").context("there is no geometry")?, &DataType::Binary)?;
        for row in 0..batch.num_rows() {
            let shape = shapes.as_binary::<i32>();
            let shape = shape.is_valid(row).then(|| Geometry::from_wkb(shape.value(row))).transpose()?;
            let at = |column: &'_ StringArray| column.is_valid(row);
            let thing = Thing {
                id: id.value(row),
                kind: kind.value(row),
                class: class.value(row),
                name: at(&name).then(|| name.value(row)),
                parent: at(&parent).then(|| parent.value(row)),
                said: serde_json::from_str(said.value(row)).unwrap_or_default(),
            };
            self.thing(thing, shape.as_ref(), reference.value(row))?;
        }
        Ok(())
    }

    fn thing(&mut self, thing: Thing<'_>, shape: Option<&Geometry>, reference: &str) -> anyhow::Result<()> {
        let shape = shape.filter(|shape| shape.has_height && shape.coord_count() > 0);
        let of_this = |feature: &Feature| thing.parent.is_some_and(|parent| feature.objects.contains_key(parent));
        let is_part = self.feature.as_ref().is_some_and(of_this);
        // A building may have its shape in its parts; anything else without one says nothing here.
        if shape.is_none() && thing.kind != "building" {
            self.left_out += 1;
            return Ok(());
        }
        if let Some(shape) = shape {
            self.begin(shape, reference)?;
        }
        if !is_part {
            self.end_feature()?;
            self.feature = Some(Feature::new(thing.id));
        }
        let origin = self.frame.as_ref().map_or([0.0; 3], |(_, origin)| *origin);
        if let Some(feature) = &mut self.feature {
            feature.add(thing, shape, origin);
        }
        Ok(())
    }

    /// The first line, and that all heights are measured from one thing.
    fn begin(&mut self, shape: &Geometry, reference: &str) -> anyhow::Result<()> {
        let reference: HeightReference = reference.parse().context("height_reference")?;
        match &self.frame {
            Some((known, _)) if *known == reference => Ok(()),
            Some((known, _)) => bail!(
                "heights above {known} and above {reference}: a CityJSON file has one reference, export them apart with \
                 --where \"height_reference = '{known}'\""
            ),
            None => {
                let region = shape.region();
                let low = shape.height_range_m().map_or(0.0, |(low, _)| low.floor());
                let origin = [region.west.floor(), region.south.floor(), low];
                let mut metadata = json!({});
                if let Some(system) = system(&reference) {
                    metadata["referenceSystem"] = system.into();
                }
                let first = json!({
                    "type": "CityJSON", "version": "2.0", "transform": { "scale": STEPS, "translate": origin },
                    "metadata": metadata, "CityObjects": {}, "vertices": [],
                });
                writeln!(self.out, "{first}")?;
                self.frame = Some((reference, origin));
                Ok(())
            }
        }
    }

    fn end_feature(&mut self) -> anyhow::Result<()> {
        let Some(feature) = self.feature.take() else { return Ok(()) };
        if self.frame.is_none() || feature.vertices.is_empty() {
            self.left_out += feature.objects.len() as u64;
            return Ok(());
        }
        let line = json!({
            "type": "CityJSONFeature", "id": feature.id, "CityObjects": feature.objects, "vertices": feature.vertices,
        });
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Ends the file and says what was left out.
    pub(super) fn finish(mut self) -> anyhow::Result<String> {
        self.end_feature()?;
        if self.frame.is_none() {
            bail!("nothing of this has a shape with heights: CityJSON has no others, take geojson or geoparquet");
        }
        self.out.flush()?;
        Ok(match self.left_out {
            0 => String::new(),
            n => format!("; {n} things without a shape with heights were left out"),
        })
    }
}

/// The reference system by its URI; none where nobody said what heights are measured from.
fn system(reference: &HeightReference) -> Option<String> {
    match reference {
        HeightReference::Ellipsoid => Some("https://www.opengis.net/def/crs/OGC/0/CRS84h".to_owned()),
        HeightReference::Vertical(code) => {
            let code = code.strip_prefix("EPSG:")?;
            Some(format!(
                "https://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/OGC/1.3/CRS84&2=http://www.opengis.net/def/crs/EPSG/0/{code}"
            ))
        }
        _ => None,
    }
}

/// The type of an object of a kind, where its source did not say one.
fn object_type(kind: &str, is_part: bool) -> &'static str {
    match kind {
        "building" => "Building",
        "building_part" if is_part => "BuildingPart",
        "road" => "Road",
        "bridge" => "Bridge",
        "water" => "WaterBody",
        "vegetation" => "PlantCover",
        "landuse" => "LandUse",
        "terrain" => "TINRelief",
        "furniture" => "CityFurniture",
        _ => "+GenericCityObject",
    }
}

impl Feature {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), objects: Map::new(), vertices: Vec::new(), numbers: HashMap::new() }
    }

    fn add(&mut self, thing: Thing<'_>, shape: Option<&Geometry>, origin: [f64; 3]) {
        let mut attributes = thing.said;
        let [lod, surfaces, told] = OF_THE_SHAPE.map(|name| attributes.remove(name));
        attributes.insert("class".to_owned(), thing.class.into());
        if let Some(name) = thing.name {
            attributes.insert("name".to_owned(), name.into());
        }
        let parent = thing.parent.filter(|parent| self.objects.contains_key(*parent));
        let told =
            told.as_ref().and_then(Value::as_str).filter(|told| parent.is_some() || !told.starts_with("BuildingP"));
        let mut object =
            json!({ "type": told.unwrap_or(object_type(thing.kind, parent.is_some())), "attributes": attributes });
        if let Some(parent) = parent {
            object["parents"] = json!([parent]);
            let children = self.objects[parent]["children"].as_array().cloned().unwrap_or_default();
            self.objects[parent]["children"] = children.into_iter().chain([thing.id.into()]).collect();
        }
        if let Some(shape) = shape {
            let lod = lod.as_ref().and_then(Value::as_str).map_or("1".to_owned(), str::to_owned);
            object["geometry"] = json!([self.geometry(shape, &lod, surfaces.as_ref(), origin)]);
        }
        self.objects.insert(thing.id.to_owned(), object);
    }

    fn geometry(&mut self, shape: &Geometry, lod: &str, surfaces: Option<&Value>, origin: [f64; 3]) -> Value {
        let (kind, boundaries) = match &shape.shape {
            Shape::Point(c) => ("MultiPoint", json!([self.vertex(c, origin)])),
            Shape::MultiPoint(points) => ("MultiPoint", self.line(points, origin)),
            Shape::LineString(line) => ("MultiLineString", json!([self.line(line, origin)])),
            Shape::MultiLineString(lines) => {
                ("MultiLineString", lines.iter().map(|line| self.line(line, origin)).collect())
            }
            Shape::Polygon(rings) => ("MultiSurface", json!([self.face(rings, origin)])),
            Shape::MultiPolygon(faces) => {
                ("MultiSurface", faces.iter().map(|rings| self.face(rings, origin)).collect())
            }
        };
        let mut geometry = json!({ "type": kind, "lod": lod, "boundaries": boundaries });
        let faces = geometry["boundaries"].as_array().map_or(0, Vec::len);
        if let Some(semantics) = surfaces.and_then(|runs| semantics(runs, faces)).filter(|_| kind == "MultiSurface") {
            geometry["semantics"] = semantics;
        }
        geometry
    }

    /// Rings without their last vertex, which is the first.
    fn face(&mut self, rings: &[Vec<Coord>], origin: [f64; 3]) -> Value {
        rings.iter().map(|ring| self.line(&ring[..ring.len().saturating_sub(1)], origin)).collect()
    }

    fn line(&mut self, line: &[Coord], origin: [f64; 3]) -> Value {
        line.iter().map(|c| Value::from(self.vertex(c, origin))).collect()
    }

    fn vertex(&mut self, c: &Coord, origin: [f64; 3]) -> usize {
        let place = [c.lon_deg, c.lat_deg, c.height_m];
        let grid: [i64; 3] = std::array::from_fn(|axis| ((place[axis] - origin[axis]) / STEPS[axis]).round() as i64);
        let next = self.vertices.len();
        *self.numbers.entry(grid).or_insert_with(|| {
            self.vertices.push(json!(grid));
            next
        })
    }
}

/// Runs of faces (`[["GroundSurface",1],["WallSurface",4]]`) as CityJSON's semantics.
fn semantics(runs: &Value, faces: usize) -> Option<Value> {
    let (mut kinds, mut values): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for run in runs.as_array()? {
        let (name, count) = (run[0].as_str()?, run[1].as_u64()?);
        if values.len() as u64 + count > faces as u64 {
            return None;
        }
        let value = if name.is_empty() {
            Value::Null
        } else {
            kinds.push(json!({ "type": name }));
            (kinds.len() - 1).into()
        };
        values.extend(std::iter::repeat_n(value, count as usize));
    }
    (values.len() == faces).then(|| json!({ "surfaces": kinds, "values": values }))
}
