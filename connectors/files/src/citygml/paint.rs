//! Appearances: which image lies on which ring, and where. Only textures with a list of coordinates for a ring are read; of
//! several on one ring the first counts. Materials, textures by a matrix and georeferenced ones are left out and counted.

use std::collections::HashMap;

use super::feature::LeftOut;
use super::tree::Element;
use crate::city::{Image, Wrap};

/// Bytes that texture coordinates of a file may take.
const MAX_BYTES: usize = 256 << 20;

/// Where an image lies on a ring.
#[derive(Debug, Clone)]
pub(super) struct Painted {
    /// The image, by number.
    pub(super) image: usize,
    /// One pair for each position of the ring as it is written, the origin at the image's lower left.
    pub(super) uv: Vec<[f32; 2]>,
}

/// The textures known.
#[derive(Debug, Default)]
pub(super) struct Paints {
    pub(super) images: Vec<Image>,
    rings: HashMap<String, Painted>,
    bytes: usize,
}

impl Paints {
    pub(super) fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    /// What lies on the ring of this id.
    pub(super) fn of(&self, ring: &str) -> Option<&Painted> {
        self.rings.get(ring)
    }

    /// Takes what is in an `appearanceMember` or an object's `appearance`.
    pub(super) fn read(&mut self, property: Element<'_>, left_out: &mut LeftOut) {
        for appearance in property.children().filter(|a| a.local() == "Appearance") {
            for member in appearance.children() {
                if !matches!(member.local(), "surfaceDataMember" | "surfaceData") {
                    continue;
                }
                for data in member.children() {
                    if data.local() != "ParameterizedTexture" || !self.texture(data) {
                        *left_out.entry(data.label().to_owned()).or_default() += 1;
                    }
                }
            }
        }
    }

    /// Takes one texture; `false` where nothing of it can be used.
    fn texture(&mut self, texture: Element<'_>) -> bool {
        let Some(uri) = texture.child("imageURI").map(|u| u.text()).filter(|uri| !uri.is_empty()) else { return false };
        let wrap = match texture.child("wrapMode").map(|w| w.text()) {
            Some("wrap") => Wrap::Repeat,
            Some("mirror") => Wrap::Mirror,
            _ => Wrap::Clamp,
        };
        let image = Image { uri: uri.to_owned(), wrap };
        let number = self.images.iter().position(|i| *i == image).unwrap_or_else(|| {
            self.images.push(image);
            self.images.len() - 1
        });
        let mut found = false;
        // 3.0 puts an object TextureAssociation between the target and its list.
        let targets = texture.children().filter(|p| matches!(p.local(), "target" | "textureParameterization"));
        for list in targets.flat_map(Element::children).flat_map(lists) {
            found |= self.list(list, number);
        }
        found
    }

    fn list(&mut self, list: Element<'_>, image: usize) -> bool {
        let coordinates: Vec<Element<'_>> = list.children().filter(|c| c.local() == "textureCoordinates").collect();
        let rings = list.children().filter(|c| c.local() == "ring").map(|r| r.text());
        // 2.0 has the ring as an attribute, 3.0 as elements in the same order.
        let named = coordinates.iter().filter_map(|c| c.attribute("ring")).chain(rings);
        let mut found = false;
        for (ring, coordinates) in named.zip(&coordinates) {
            let Some(ring) = ring.strip_prefix('#') else { continue };
            let numbers: Option<Vec<f32>> = coordinates
                .text()
                .split_ascii_whitespace()
                .map(|n| n.parse().ok().filter(|n: &f32| n.is_finite()))
                .collect();
            let Some(numbers) = numbers.filter(|n| n.len() >= 6 && n.len() % 2 == 0) else { continue };
            self.bytes += numbers.len() * 4 + ring.len() + 100;
            if self.bytes > MAX_BYTES {
                return false;
            }
            let uv = numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
            self.rings.entry(ring.to_owned()).or_insert(Painted { image, uv });
            found = true;
        }
        found
    }
}

/// The coordinate lists in what a target holds.
fn lists(inside: Element<'_>) -> Vec<Element<'_>> {
    match inside.local() {
        "TexCoordList" => vec![inside],
        "TextureAssociation" => inside
            .children()
            .filter(|p| matches!(p.local(), "textureParameterization" | "target"))
            .flat_map(Element::children)
            .filter(|e| e.local() == "TexCoordList")
            .collect(),
        _ => Vec::new(),
    }
}
