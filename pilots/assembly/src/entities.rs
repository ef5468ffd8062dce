//! Parts as things of the kernel: the assembly and each part become an entity with a box around it in degrees and metres,
//! a code and where it came from, in the same changes as every other import; the file itself is kept whole, so that a
//! receipt can name it.

use std::sync::Arc;

use coding_system::{Position, Scheme, encode};
use glam::{DAffine3, DVec3};
use kernel_model::{
    Change, ContentDraft, Coord, EntityDraft, Geometry, HeightReference, Kind, Place, Polygon, Shape, SourceKey,
};
use serde_json::json;

use crate::error::Error;
use crate::part::{Assembly, Part};
use crate::tree::Aabb;

/// First axis of the WGS 84 ellipsoid in metres, and its flattening.
const AXIS_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// Where the origin of the model stands on the earth.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Longitude, degrees east.
    pub lon_deg: f64,
    /// Latitude, degrees north.
    pub lat_deg: f64,
    /// Height of the origin, metres.
    pub height_m: f64,
    /// What the height is measured from.
    pub height_reference: HeightReference,
    /// Where the model's -z axis points, degrees clockwise from north; at 0 its x axis points east. Its y axis is up.
    pub heading_deg: f64,
}

/// From millimetres of the model to degrees and metres.
struct Frame {
    placement: Placement,
    origin: DVec3,
    east: DVec3,
    north: DVec3,
    up: DVec3,
}

impl Frame {
    fn new(placement: &Placement) -> Result<Self, Error> {
        let Placement { lon_deg, lat_deg, height_m, heading_deg, .. } = *placement;
        Place::new(lon_deg, lat_deg, Some(height_m)).map_err(|error| Error::Place(error.to_string()))?;
        if placement.height_reference == HeightReference::None || !height_m.is_finite() || !heading_deg.is_finite() {
            return Err(Error::Place("give its height, what that is measured from, and its heading".to_owned()));
        }
        let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
        let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
        Ok(Self {
            placement: placement.clone(),
            origin: centred(lon_deg, lat_deg, height_m),
            east: DVec3::new(-sin_lon, cos_lon, 0.0),
            north: DVec3::new(-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat),
            up: DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat),
        })
    }

    fn coord(&self, mm: DVec3) -> Coord {
        let (sin, cos) = self.placement.heading_deg.to_radians().sin_cos();
        let (right, ahead) = (mm.x / 1e3, -mm.z / 1e3);
        let (east, north) = (right * cos + ahead * sin, ahead * cos - right * sin);
        let at = self.origin + self.east * east + self.north * north + self.up * (mm.y / 1e3);
        let (lon_deg, lat_deg, height_m) = geodetic(at);
        Coord::new(lon_deg, lat_deg, height_m)
    }
}

/// Earth-centred metres (EPSG:9602).
fn centred(lon_deg: f64, lat_deg: f64, height_m: f64) -> DVec3 {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin, cos) = lat_deg.to_radians().sin_cos();
    let e2 = FLATTENING * (2.0 - FLATTENING);
    let across = AXIS_M / (1.0 - e2 * sin * sin).sqrt();
    let out = (across + height_m) * cos;
    DVec3::new(out * cos_lon, out * sin_lon, (across * (1.0 - e2) + height_m) * sin)
}

/// Back; ten rounds leave less than a nanometre.
fn geodetic(at: DVec3) -> (f64, f64, f64) {
    let e2 = FLATTENING * (2.0 - FLATTENING);
    let out = at.x.hypot(at.y);
    let mut lat = at.z.atan2(out * (1.0 - e2));
    for _ in 0..10 {
        let sin = lat.sin();
        let across = AXIS_M / (1.0 - e2 * sin * sin).sqrt();
        lat = (at.z + e2 * across * sin).atan2(out);
    }
    let (sin, cos) = lat.sin_cos();
    // Along the normal, which is exact at every latitude.
    let height = out * cos + at.z * sin - AXIS_M * (1.0 - e2 * sin * sin).sqrt();
    (at.y.atan2(at.x).to_degrees(), lat.to_degrees(), height)
}

/// The assembly, its parts, and the file: what an import writes.
///
/// # Errors
/// [`Error::Place`].
pub fn changes(assembly: &Assembly, placement: &Placement, dataset: &str, file: Vec<u8>) -> Result<Vec<Change>, Error> {
    let frame = Frame::new(placement)?;
    let lineage: Arc<str> = Arc::from(format!(
        "glTF in {}, origin at {} {} and {} m ({}), heading {} degrees -> OGC:CRS84 by WGS 84 east, north and up",
        unit_name(assembly),
        placement.lon_deg,
        placement.lat_deg,
        placement.height_m,
        placement.height_reference,
        placement.heading_deg
    ));
    let whole = SourceKey::new(dataset, "assembly");
    let mut draft = described(&frame, whole.clone(), "assembly", assembly.bounds(), &DAffine3::IDENTITY)?;
    draft.name = Some(assembly.name.clone());
    draft.properties.insert("parts".to_owned(), json!(assembly.parts.len()));
    draft.properties.insert("triangles".to_owned(), json!(assembly.triangle_count()));
    draft.lineage = Arc::clone(&lineage);
    let media_type = if file.starts_with(b"glTF") { "model/gltf-binary" } else { "model/gltf+json" }.to_owned();
    let content = ContentDraft { entity: whole.clone(), media_type, name: assembly.name.clone(), bytes: file };
    let mut out = vec![Change::Entity(draft), Change::Content(content)];
    for part in &assembly.parts {
        let mut draft = part_draft(&frame, SourceKey::new(dataset, part.id.as_str()), part)?;
        draft.parent = Some(whole.clone());
        draft.lineage = Arc::clone(&lineage);
        out.push(Change::Entity(draft));
    }
    Ok(out)
}

fn unit_name(assembly: &Assembly) -> &'static str {
    match assembly.unit {
        crate::Unit::Mm => "mm",
        crate::Unit::Cm => "cm",
        crate::Unit::M => "m",
        crate::Unit::In => "in",
    }
}

fn part_draft(frame: &Frame, source: SourceKey, part: &Part) -> Result<EntityDraft, Error> {
    let mut draft = described(frame, source, "part", part.mesh.bounds(), &part.pose)?;
    draft.name = Some(part.name.clone());
    let mut set = |name: &str, value| draft.properties.insert(name.to_owned(), value);
    set("body", json!(part.body));
    set("triangles", json!(part.mesh.len()));
    if part.mesh.is_closed() {
        set("volume_mm3", json!(part.mesh.volume_mm3().round()));
    }
    if !part.path.is_empty() {
        set("path", json!(part.path));
    }
    Ok(draft)
}

/// Corners by their bits x, y, z; counter-clockwise seen from outside (the motion keeps handedness).
const FACES: [[usize; 4]; 6] = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

/// A box of a frame in millimetres as six faces, and the code of its middle.
fn described(frame: &Frame, source: SourceKey, class: &str, b: Aabb, pose: &DAffine3) -> Result<EntityDraft, Error> {
    let mut draft = EntityDraft::new(source, Kind::Other, class);
    let corner = |bits: usize| {
        let pick = |axis: usize| if bits >> axis & 1 == 0 { b.lo[axis] } else { b.hi[axis] };
        frame.coord(pose.transform_point3(DVec3::new(pick(0), pick(1), pick(2))))
    };
    let face = |bits: &[usize; 4]| -> Polygon { vec![bits.iter().chain(&bits[..1]).map(|at| corner(*at)).collect()] };
    draft.geometry = Some(Geometry::with_height(Shape::MultiPolygon(FACES.iter().map(face).collect())));
    draft.height_reference = frame.placement.height_reference.clone();
    let middle = frame.coord(pose.transform_point3(b.centre()));
    // A code in space is of heights above the ellipsoid.
    let height = (draft.height_reference == HeightReference::Ellipsoid).then_some(middle.height_m);
    let code = Position::new(middle.lon_deg, middle.lat_deg, height)
        .and_then(|position| encode(Scheme::BeiDou, 10, &position, None))
        .map_err(|error| Error::Place(error.to_string()))?;
    let size = (b.hi - b.lo).to_array().map(|mm| (mm * 1e3).round() / 1e3);
    draft.properties.insert("code".to_owned(), json!(code));
    draft.properties.insert("size_mm".to_owned(), json!(size));
    draft.properties.insert("shape".to_owned(), json!("box around the body, in the body's own axes"));
    Ok(draft)
}

/// A turn of the model around the earth's up, for tests of what a heading means.
#[cfg(test)]
fn turned(heading_deg: f64) -> glam::DMat3 {
    glam::DMat3::from_rotation_y(-heading_deg.to_radians())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(heading_deg: f64) -> Frame {
        let height_reference = HeightReference::Ellipsoid;
        Frame::new(&Placement { lon_deg: 116.31, lat_deg: 39.99, height_m: 50.0, height_reference, heading_deg })
            .unwrap()
    }

    #[test]
    fn minus_z_points_where_the_heading_says_and_y_up() {
        // Metres of a degree at 39.99 degrees north, from tables: 85,398 east, 111,034 north.
        for (heading, east, north) in [(0.0, 0.0, 1.0), (90.0, 1.0, 0.0), (180.0, 0.0, -1.0), (270.0, -1.0, 0.0)] {
            let at = frame(heading).coord(DVec3::new(0.0, 250.0, -10_000.0));
            assert!(((at.lon_deg - 116.31) * 85_398.0 - 10.0 * east).abs() < 2e-2, "{heading}: {at:?}");
            assert!(((at.lat_deg - 39.99) * 111_034.0 - 10.0 * north).abs() < 2e-2, "{heading}: {at:?}");
            assert!((at.height_m - 50.25).abs() < 1e-4);
            let same = frame(0.0).coord(turned(heading) * DVec3::new(0.0, 250.0, -10_000.0));
            assert!((same.lon_deg - at.lon_deg).abs() + (same.lat_deg - at.lat_deg).abs() < 1e-12);
        }
    }

    #[test]
    fn there_and_back_is_the_same_to_a_nanometre() {
        for (lon, lat, height) in
            [(116.31, 39.99, 50.0), (-70.0, -89.9, 3_000.0), (0.0, 0.0, -400.0), (180.0, 60.0, 1.0)]
        {
            let (lon2, lat2, height2) = geodetic(centred(lon, lat, height));
            assert!((lon - lon2).abs() < 1e-12 && (lat - lat2).abs() < 1e-12 && (height - height2).abs() < 5e-9);
        }
    }
}
