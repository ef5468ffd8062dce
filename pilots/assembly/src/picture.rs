//! A picture of bodies: parallel projection, flat shading, dark lines along sharp edges and outlines, everything hidden by
//! what lies before it (a depth buffer), drawn at twice the size and averaged. No graphics chip, and the same bytes
//! every time.

use glam::{DAffine3, DVec2, DVec3};

use crate::error::Error;
use crate::mesh::Mesh;
use crate::tree::Aabb;

/// Samples a pixel has along each side.
const SAMPLES: usize = 2;
/// Edges sharper than this are drawn: cosine of 28 degrees.
const SHARP: f64 = 0.883;
const PAPER: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [40, 44, 52];

/// One body in the picture.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) pose: DAffine3,
    pub(crate) colour: [u8; 3],
}

/// From where the picture is seen, and how large.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    right: DVec3,
    up: DVec3,
    /// Towards the eye.
    pub(crate) toward: DVec3,
    centre: DVec3,
    pixels_per_mm: f64,
    size: DVec2,
}

impl View {
    /// Looks from a direction (y is up) at everything in a box.
    pub(crate) fn of(toward: DVec3, bounds: Aabb, width: usize, height: usize) -> Self {
        let toward = toward.normalize_or(DVec3::Z);
        let right = DVec3::Y.cross(toward).try_normalize().unwrap_or(DVec3::X);
        let up = toward.cross(right);
        let size = DVec2::new((width * SAMPLES) as f64, (height * SAMPLES) as f64);
        let half = bounds.half();
        let reach = |axis: DVec3| axis.abs().dot(half).max(1e-9);
        let pixels_per_mm = (size.x / reach(right)).min(size.y / reach(up)) * 0.47;
        Self { right, up, toward, centre: bounds.centre(), pixels_per_mm, size }
    }

    /// Pixels right and down, and the height towards the eye.
    fn project(&self, at: DVec3) -> DVec3 {
        let from = at - self.centre;
        let x = self.size.x / 2.0 + from.dot(self.right) * self.pixels_per_mm;
        let y = self.size.y / 2.0 - from.dot(self.up) * self.pixels_per_mm;
        DVec3::new(x, y, from.dot(self.toward) * self.pixels_per_mm)
    }
}

/// The picture while it is drawn.
pub(crate) struct Canvas {
    view: View,
    width: usize,
    height: usize,
    colour: Vec<[u8; 3]>,
    depth: Vec<f32>,
    item: Vec<u16>,
}

impl Canvas {
    pub(crate) fn new(view: View) -> Self {
        let (width, height) = (view.size.x as usize, view.size.y as usize);
        let count = width * height;
        let depth = vec![f32::NEG_INFINITY; count];
        Self { view, width, height, colour: vec![PAPER; count], depth, item: vec![0; count] }
    }

    /// Draws bodies without lines.
    pub(crate) fn draw_faces(&mut self, items: &[Item<'_>]) {
        for (number, item) in items.iter().enumerate() {
            self.fill(item, (number + 1).min(usize::from(u16::MAX) - 1) as u16);
        }
    }

    /// Draws bodies, then their lines.
    pub(crate) fn draw(&mut self, items: &[Item<'_>]) {
        self.draw_faces(items);
        for item in items {
            self.outline(item);
        }
    }

    /// How many samples show a body, by its number from 0.
    pub(crate) fn shown(&self, number: usize) -> usize {
        self.item.iter().filter(|item| usize::from(**item) == number + 1).count()
    }

    fn fill(&mut self, item: &Item<'_>, number: u16) {
        let light = (self.view.toward + self.view.up * 0.7 - self.view.right * 0.4).normalize();
        for (triangle, normal) in item.mesh.normals.iter().enumerate() {
            let bright = 0.45 + 0.55 * item.pose.transform_vector3(*normal).dot(light).abs();
            let colour = item.colour.map(|c| (f64::from(c) * bright) as u8);
            let corners = item.mesh.triangle(triangle).map(|at| self.view.project(item.pose.transform_point3(at)));
            self.triangle(corners, colour, number);
        }
    }

    fn triangle(&mut self, [a, b, c]: [DVec3; 3], colour: [u8; 3], number: u16) {
        let side = |p: DVec2, q: DVec2, at: DVec2| (q - p).perp_dot(at - p);
        let area = side(a.truncate(), b.truncate(), c.truncate());
        if area == 0.0 {
            return;
        }
        let (lo, hi) = (a.min(b).min(c), a.max(b).max(c));
        let span =
            |lo: f64, hi: f64, limit: usize| (lo.floor().max(0.0) as usize)..(hi.ceil().max(0.0) as usize).min(limit);
        for y in span(lo.y, hi.y, self.height) {
            for x in span(lo.x, hi.x, self.width) {
                let at = DVec2::new(x as f64 + 0.5, y as f64 + 0.5);
                let u = side(b.truncate(), c.truncate(), at) / area;
                let v = side(c.truncate(), a.truncate(), at) / area;
                let w = 1.0 - u - v;
                if u < 0.0 || v < 0.0 || w < 0.0 {
                    continue;
                }
                let depth = (u * a.z + v * b.z + w * c.z) as f32;
                let place = y * self.width + x;
                if depth > self.depth[place] {
                    (self.depth[place], self.colour[place], self.item[place]) = (depth, colour, number);
                }
            }
        }
    }

    /// Sharp edges, and edges between a face that is seen and one that is not.
    fn outline(&mut self, item: &Item<'_>) {
        let normals = &item.mesh.normals;
        let seen = |n: usize| item.pose.transform_vector3(normals[n]).dot(self.view.toward) > 0.0;
        let mut lines = Vec::new();
        for (one, across) in item.mesh.across.iter().enumerate() {
            let corners = item.mesh.triangle(one);
            for (edge, other) in across.iter().enumerate() {
                let other = *other as usize;
                let drawn = other == one || normals[one].dot(normals[other]) < SHARP || seen(one) != seen(other);
                if drawn && other >= one && (seen(one) || seen(other)) {
                    let ends = [corners[edge], corners[(edge + 1) % 3]];
                    lines.push(ends.map(|at| self.view.project(item.pose.transform_point3(at))));
                }
            }
        }
        lines.into_iter().for_each(|[from, to]| self.line(from, to, INK, Some(1.5)));
    }

    /// A line; hidden where something lies before it by more than `bias` pixels, where that is given.
    fn line(&mut self, from: DVec3, to: DVec3, colour: [u8; 3], bias: Option<f64>) {
        let steps = (to - from).truncate().abs().max_element().ceil().clamp(1.0, 20_000.0);
        for i in 0..=steps as usize {
            let at = from.lerp(to, i as f64 / steps);
            if at.x < 0.0 || at.y < 0.0 || at.x >= self.width as f64 || at.y >= self.height as f64 {
                continue;
            }
            let place = at.y as usize * self.width + at.x as usize;
            if bias.is_none_or(|bias| (at.z + bias) as f32 >= self.depth[place]) {
                self.colour[place] = colour;
            }
        }
    }

    /// An arrow over everything, from one point of space to another.
    pub(crate) fn arrow(&mut self, from: DVec3, to: DVec3, colour: [u8; 3]) {
        let (from, to) = (self.view.project(from).truncate(), self.view.project(to).truncate());
        let Some(along) = (to - from).try_normalize() else { return };
        let (wide, head) = (2.5 * SAMPLES as f64, 9.0 * SAMPLES as f64);
        let side = along.perp();
        let neck = to - along * head.min((to - from).length());
        self.flat([from + side * wide, from - side * wide, neck - side * wide], colour);
        self.flat([from + side * wide, neck - side * wide, neck + side * wide], colour);
        self.flat([neck + side * head * 0.6, neck - side * head * 0.6, to], colour);
    }

    fn flat(&mut self, corners: [DVec2; 3], colour: [u8; 3]) {
        self.triangle(corners.map(|at| at.extend(f64::from(f32::MAX) / 2.0)), colour, u16::MAX);
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// [`Error::Picture`].
    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        let (width, height) = (self.width / SAMPLES, self.height / SAMPLES);
        let mut rgb = Vec::with_capacity(width * height * 3);
        for place in 0..width * height {
            let (x, y) = (place % width * SAMPLES, place / width * SAMPLES);
            let mut sum = [0_usize; 3];
            for i in 0..SAMPLES * SAMPLES {
                let sample = self.colour[(y + i / SAMPLES) * self.width + x + i % SAMPLES];
                (0..3).for_each(|c| sum[c] += usize::from(sample[c]));
            }
            rgb.extend(sum.map(|c| (c / (SAMPLES * SAMPLES)) as u8));
        }
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&rgb)?;
        Ok(out)
    }
}
