//! ASPRS LAS 1.0 to 1.4 and LAZ: one file becomes one entity (its extent and what its points are) and one content object
//! (its bytes). Every point is looked at, so a file that ends early or contradicts its header is refused; its points are
//! not taken apart into rows. Coordinates that do not fit the stated reference system refuse the file.

mod reference;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kernel_model::{Change, ContentDraft, Coord, EntityDraft, Geometry, Kind, Shape};
use serde_json::{Map, Value, json};

use crate::Used;
use crate::crs::CrsError;
use crate::error::Error;
use crate::intake::Intake;
use crate::options::{Ground, Options};

/// Points decoded at a time.
const CHUNK_POINTS: u64 = 1 << 15;

/// What one pass over the points finds.
#[derive(Debug)]
struct Census {
    points: u64,
    classes: [u64; 256],
    returns: [u64; 16],
    min: [f64; 3],
    max: [f64; 3],
}

/// Bytes shared with the decoder, which wants to own what it reads.
#[derive(Debug, Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Reads one cloud.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let bytes = Shared(Arc::new(intake.input.whole()?));
    intake.count_record();
    let file = intake.file().to_owned();
    let header = guarded(&file, || las::Header::new(Cursor::new(bytes.clone())))?;
    let crs = reference::of(&file, &header, options)?;
    let ground = Ground::new(&file, &crs, options)?;
    let misfit = |()| Error::Crs { file: file.clone(), source: CrsError::Misfit(crs.name().to_owned()) };
    // The header's box is enough to see that the system is wrong, before the points are unpacked.
    let bounds = header.bounds();
    extent(&ground, [bounds.min.x, bounds.min.y, bounds.min.z], [bounds.max.x, bounds.max.y]).map_err(misfit)?;
    let census = census(&file, &header, &bytes)?;
    let (geometry, area_m2) = extent(&ground, census.min, [census.max[0], census.max[1]]).map_err(misfit)?;
    let class = options.stated_class()?.map(|stated| stated.class).unwrap_or_default();
    let key = intake.key(file.as_str());
    let mut draft = EntityDraft::new(key.clone(), Kind::PointCloud, class);
    draft.name = Some(file.clone());
    draft.geometry = Some(geometry);
    draft.properties = properties(&header, &census, area_m2);
    ground.stamp(&mut draft);
    intake.entity(draft)?;
    let media_type = if header.point_format().is_compressed { "application/vnd.laszip" } else { "application/vnd.las" };
    let bytes = Arc::try_unwrap(bytes.0).unwrap_or_else(|shared| shared.to_vec());
    let content = ContentDraft { entity: key, media_type: media_type.to_owned(), name: file.clone(), bytes };
    intake.put(Change::Content(content))?;
    Ok(ground.used())
}

/// Runs the decoding library, which may stop at input that contradicts itself; that becomes an error too.
fn guarded<T>(file: &str, decode: impl FnOnce() -> Result<T, las::Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|e| from_las(file, e)),
        Err(_) => Err(malformed(file, "its parts contradict each other")),
    }
}

fn malformed(file: &str, reason: &str) -> Error {
    Error::Malformed { file: file.to_owned(), place: "points".to_owned(), reason: reason.to_owned() }
}

/// Looks at every point.
fn census(file: &str, header: &las::Header, bytes: &Shared) -> Result<Census, Error> {
    let stated = header.number_of_points();
    if stated == 0 {
        return Err(malformed(file, "it has no points"));
    }
    let census = guarded(file, || count(Cursor::new(bytes.clone())))?;
    if census.points == stated {
        Ok(census)
    } else {
        let detail = format!("{} of {stated} points", census.points);
        Err(Error::Truncated { file: file.to_owned(), detail })
    }
}

fn count(reader: Cursor<Shared>) -> Result<Census, las::Error> {
    let mut reader = las::Reader::new(reader)?;
    let mut census =
        Census { points: 0, classes: [0; 256], returns: [0; 16], min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] };
    let mut points = Vec::new();
    loop {
        points.clear();
        if reader.read_points_into(CHUNK_POINTS, &mut points)? == 0 {
            return Ok(census);
        }
        for point in &points {
            census.add(point);
        }
    }
}

impl Census {
    fn add(&mut self, point: &las::Point) {
        self.points += 1;
        self.classes[usize::from(u8::from(point.classification))] += 1;
        self.returns[usize::from(point.return_number & 15)] += 1;
        for (at, value) in [point.x, point.y, point.z].into_iter().enumerate() {
            self.min[at] = self.min[at].min(value);
            self.max[at] = self.max[at].max(value);
        }
    }
}

/// The box around the points as a polygon at the lowest height, and its area in square metres.
fn extent(ground: &Ground, min: [f64; 3], max: [f64; 2]) -> Result<(Geometry, f64), ()> {
    let corners = [(min[0], min[1]), (max[0], min[1]), (max[0], max[1]), (min[0], max[1]), (min[0], min[1])];
    let mut ring: Vec<Coord> = Vec::with_capacity(corners.len());
    for (x, y) in corners {
        if !ground.frame.is_at_home(x, y, min[2]) {
            return Err(());
        }
        ring.push(ground.frame.locate(x, y, min[2]).map_err(|_| ())?);
    }
    let metres_per_degree = 111_195.0;
    let shrink = ring[0].lat_deg.to_radians().cos();
    let crossed: f64 = ring.windows(2).map(|e| e[0].lon_deg * e[1].lat_deg - e[1].lon_deg * e[0].lat_deg).sum();
    let area_m2 = (crossed / 2.0).abs() * metres_per_degree * metres_per_degree * shrink;
    let geometry = Geometry { has_height: ground.frame.knows_height_unit(), shape: Shape::Polygon(vec![ring]) };
    Ok((geometry, area_m2))
}

fn properties(header: &las::Header, census: &Census, area_m2: f64) -> Map<String, Value> {
    let histogram = |counts: &[u64]| -> Map<String, Value> {
        counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(at, n)| (at.to_string(), (*n).into())).collect()
    };
    let transforms = header.transforms();
    let version = header.version();
    let mut properties = Map::new();
    let mut put = |key: &str, value: Value| properties.insert(key.to_owned(), value);
    put("points", census.points.into());
    if area_m2 > 0.0 {
        put("density_per_m2", (census.points as f64 / area_m2).into());
    }
    put("classes", histogram(&census.classes).into());
    put("returns", histogram(&census.returns).into());
    put("source_bounds", json!([census.min, census.max]));
    put("source_scale", json!([transforms.x.scale, transforms.y.scale, transforms.z.scale]));
    put("las_version", format!("{}.{}", version.major, version.minor).into());
    put("point_format", header.point_format().to_u8().unwrap_or_default().into());
    if let Some(date) = header.date() {
        put("created", date.to_string().into());
    }
    let software = header.generating_software().trim();
    if !software.is_empty() {
        put("software", software.into());
    }
    properties
}

fn from_las(file: &str, error: las::Error) -> Error {
    match error {
        las::Error::Io(source) | las::Error::LasZipError(laz::LasZipError::IoError(source)) => {
            Error::from_io(file, source)
        }
        other => Error::Malformed { file: file.to_owned(), place: "header".to_owned(), reason: other.to_string() },
    }
}
