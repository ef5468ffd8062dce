//! The textured mesh of each object that has images on its faces: a content object beside its entity. Images are read from
//! the file's folder and below, JPEG and PNG of a bounded size; what is missing is counted and its faces stay bare.

use kernel_model::{Change, ContentDraft, Polygon, Shape};
use serde_json::json;

use super::feature::{self, Feature, LeftOut};
use super::geometry::Assembler;
use super::paint::Paints;
use super::tree::{Element, Space};
use super::types::{Role, role};
use super::{Run, left_out};
use crate::city::{Built, Image, Picture, write_glb};
use crate::error::Error;
use crate::input::Input;
use crate::intake::Intake;

/// Bytes of one image.
const MAX_IMAGE_BYTES: u64 = 16 << 20;
/// Bytes of all textured meshes of a file.
const MAX_CONTENT_BYTES: usize = 512 << 20;

/// Whether an object or one inside it has an appearance of its own.
pub(super) fn has_own(feature: &Feature<'_>) -> bool {
    !feature.appearances.is_empty() || feature.inside.iter().any(has_own)
}

impl Run<'_> {
    /// Makes the meshes of one member. Its entities are written; objects that were refused are passed over.
    pub(super) fn textures(&mut self, intake: &mut Intake<'_>, member: Element<'_>, number: u64) -> Result<(), Error> {
        let (Role::Object(object_type), Space::City) = (role(member.local()), member.space()) else { return Ok(()) };
        let unnamed = format!("{}/{number}", object_type.trim_start_matches('+'));
        let feature = feature::read(member, object_type, &unnamed, &mut LeftOut::new());
        let mut own = Paints::default();
        collect(&feature, &mut own, &mut intake.left_out);
        if own.is_empty() && self.paints.is_empty() {
            return Ok(());
        }
        let mut meshes = Vec::new();
        let mut assembler = Assembler::new(member, &mut self.grounds, &mut self.located, &self.shared);
        assembler.paints = vec![&own, &self.paints];
        build(&mut assembler, feature, None, &mut meshes);
        for (id, built, images, ground) in meshes {
            let height_reference = self.grounds.get(ground).map(|g| g.height_reference.to_string());
            let pictures: Vec<Option<Picture>> = images.iter().map(|image| picture(intake.input, image)).collect();
            for _ in pictures.iter().filter(|p| p.is_none()) {
                left_out(intake, "image that is no JPEG or PNG of at most 16 MiB beside the file");
            }
            let Some(bytes) = mesh(&built, &pictures, height_reference) else { continue };
            if self.content_bytes + bytes.len() > MAX_CONTENT_BYTES {
                left_out(intake, "textured mesh past 512 MiB of them");
                continue;
            }
            self.content_bytes += bytes.len();
            intake.put(Change::Content(ContentDraft {
                entity: intake.key(id.as_str()),
                media_type: "model/gltf-binary".to_owned(),
                name: format!("{id}.glb"),
                bytes,
            }))?;
        }
        Ok(())
    }
}

fn collect(feature: &Feature<'_>, paints: &mut Paints, left_out: &mut LeftOut) {
    feature.appearances.iter().for_each(|appearance| paints.read(*appearance, left_out));
    feature.inside.iter().for_each(|inside| collect(inside, paints, left_out));
}

type Mesh = (String, Built, Vec<Image>, usize);

fn build<'t>(
    assembler: &mut Assembler<'_, '_, 't>,
    mut feature: Feature<'t>,
    srs_name: Option<&'t str>,
    meshes: &mut Vec<Mesh>,
) {
    let srs_name = feature.srs_name.or(srs_name);
    let inside = std::mem::take(&mut feature.inside);
    if feature.faults.is_empty()
        && let Ok((built, Some(ground))) = assembler.build(&mut feature, srs_name)
        && !built.painted.is_empty()
    {
        meshes.push((feature.id, built, assembler.images.clone(), ground));
    }
    for child in inside {
        build(assembler, child, srs_name, meshes);
    }
}

/// An object's mesh; none where none of its images is there.
fn mesh(built: &Built, pictures: &[Option<Picture>], height_reference: Option<String>) -> Option<Vec<u8>> {
    let geometry = built.geometry.as_ref()?;
    let Shape::MultiPolygon(faces) = &geometry.shape else { return None };
    if pictures.iter().all(Option::is_none) {
        return None;
    }
    let anchor = geometry.anchor()?;
    let painted: Vec<_> = built.painted.values().cloned().collect();
    let plain: Vec<&Polygon> =
        faces.iter().enumerate().filter(|(at, _)| !built.painted.contains_key(at)).map(|(_, face)| face).collect();
    let extras = json!({ "lon_deg": anchor.lon_deg, "lat_deg": anchor.lat_deg, "height_m": anchor.height_m,
        "height_reference": height_reference, "lod": built.lod });
    write_glb(anchor, &painted, &plain, pictures, &extras)
}

fn picture(input: &Input, image: &Image) -> Option<Picture> {
    let bytes = input.beside(&image.uri, MAX_IMAGE_BYTES)?;
    let media_type = match bytes.as_slice() {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        _ => return None,
    };
    Some(Picture { bytes, media_type, wrap: image.wrap })
}
