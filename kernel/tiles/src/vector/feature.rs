//! Things to features: a row and its geometry come in, commands of the tile's whole units go out (Mapbox Vector Tile 2.1,
//! 4.3). What has no extent left in the tile becomes no feature.

use kernel_model::EntityId;

use super::layer::{Form, Layer, varint};
use super::project::{Address, Projection};
use super::{clip, simplify};
use crate::columns::Columns;
use crate::fingerprint::mixed;
use crate::shape::{Shape, Sort};
use crate::view::Found;

const MOVE_TO: u64 = 1;
const LINE_TO: u64 = 2;
const CLOSE_PATH: u64 = 15;

/// A thing's number in tiles: 53 bits of its id, spread; all that a number of JavaScript holds.
pub(crate) fn number_of(id: &[u8]) -> u64 {
    let half = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    mixed(half(id) ^ mixed(half(id.get(8..).unwrap_or_default()))) >> 11
}

/// Geometry commands: differences to a cursor, zigzag.
#[derive(Debug, Default)]
struct Commands {
    bytes: Vec<u8>,
    cursor: [i32; 2],
}

impl Commands {
    fn command(&mut self, what: u64, count: usize) {
        varint(&mut self.bytes, what | (count as u64) << 3);
    }

    fn point(&mut self, at: [i32; 2]) {
        for (to, from) in at.into_iter().zip(self.cursor) {
            let step = to.wrapping_sub(from);
            varint(&mut self.bytes, ((step << 1) ^ (step >> 31)) as u32 as u64);
        }
        self.cursor = at;
    }

    fn path(&mut self, points: impl ExactSizeIterator<Item = [i32; 2]>) {
        let more = points.len() - 1;
        for (number, at) in points.enumerate() {
            match number {
                0 => self.command(MOVE_TO, 1),
                1 => self.command(LINE_TO, more),
                _ => {}
            }
            self.point(at);
        }
    }
}

/// Writes features of one tile and keeps memory between them.
pub(super) struct Writer {
    projection: Projection,
    shape: Shape,
    line: Vec<[f64; 2]>,
    spare: Vec<[f64; 2]>,
    whole: Vec<[i32; 2]>,
    simplifier: simplify::Simplifier,
    commands: Commands,
}

impl Writer {
    pub(super) fn new(at: Address) -> Self {
        Self {
            projection: Projection::of(at),
            shape: Shape::default(),
            line: Vec::new(),
            spare: Vec::new(),
            whole: Vec::new(),
            simplifier: simplify::Simplifier::default(),
            commands: Commands::default(),
        }
    }

    pub(super) fn add(&mut self, layer: &mut Layer, columns: &Columns<'_>, found: &Found) {
        let row = found.item.row as usize;
        let mut shape = std::mem::take(&mut self.shape);
        self.commands.bytes.clear();
        self.commands.cursor = [0, 0];
        let form = shape.read(columns.geometry.value(row)).map(|()| self.geometry(&shape));
        self.shape = shape;
        let Some(form) = form.filter(|_| !self.commands.bytes.is_empty()) else { return };
        let id = columns.id.value(row);
        let mut text = [0; 36];
        let name = match EntityId::from_slice(id) {
            Some(id) => id.0.hyphenated().encode_lower(&mut text),
            None => "",
        };
        let mut tags = [(0, 0); 4];
        let mut count = 0;
        let mut say = |key: u32, value: u32| {
            tags[count] = (key, value);
            count += 1;
        };
        say(0, layer.own_text(name));
        say(1, layer.text(columns.class.value(row)));
        if arrow::array::Array::is_valid(columns.name, row) {
            say(2, layer.text(columns.name.value(row)));
        }
        if let Some(height) = height_m(columns, found) {
            say(3, layer.number((height * 10.0).round() / 10.0));
        }
        layer.feature(number_of(id), form, &tags[..count], &self.commands.bytes);
    }

    fn geometry(&mut self, shape: &Shape) -> Form {
        match shape.sort {
            Sort::Points => {
                self.points(shape);
                Form::Point
            }
            Sort::Lines => {
                shape.lines().for_each(|line| self.line(line));
                Form::Line
            }
            Sort::Polygons => {
                let seen = self.faces_seen(shape);
                for polygon in 0..shape.polygon_count() {
                    if seen.is_none_or(|sign| self.side(shape, polygon) * sign > 0.0) {
                        self.polygon(shape, polygon);
                    }
                }
                Form::Polygon
            }
        }
    }

    fn points(&mut self, shape: &Shape) {
        self.whole.clear();
        let units = shape.coords().iter().map(|coord| self.projection.units(*coord));
        self.whole.extend(units.filter(|at| clip::holds(*at)).map(|at| at.map(|v| v.round() as i32)));
        if !self.whole.is_empty() {
            self.commands.command(MOVE_TO, self.whole.len());
            self.whole.iter().for_each(|at| self.commands.point(*at));
        }
    }

    fn line(&mut self, coords: &[[f64; 3]]) {
        self.line.clear();
        self.line.extend(coords.iter().map(|coord| self.projection.units(*coord)));
        let Self { line, spare, whole, simplifier, commands, .. } = self;
        let write = |piece: &[[f64; 2]]| {
            simplifier.write(piece, false, whole);
            if whole.len() > 1 {
                commands.path(whole.iter().copied());
            }
        };
        clip::line(line, spare, write);
    }

    /// Of surfaces in space those are shown that look down, or up where there are more of these: a solid's floor is its
    /// footprint, and walls have none. `None`: all are shown.
    fn faces_seen(&self, shape: &Shape) -> Option<f64> {
        if !shape.has_height || shape.polygon_count() < 2 {
            return None;
        }
        let sides = (0..shape.polygon_count()).map(|polygon| self.side(shape, polygon));
        let (down, up) = sides.fold((0.0, 0.0), |(down, up), side| (down - side.min(0.0), up + side.max(0.0)));
        Some(if down >= 0.9 * up { -1.0 } else { 1.0 })
    }

    /// Twice the area of a polygon's outer ring seen from above, square units: negative where it looks down, 0 where hardly
    /// anything is seen of it.
    fn side(&self, shape: &Shape, polygon: usize) -> f64 {
        let Some(ring) = shape.rings(polygon).next() else { return 0.0 };
        let at = |i: usize| self.projection.units(ring[i % ring.len()]);
        let (mut area, mut around) = (0.0, 0.0);
        for i in 1..ring.len() {
            let (origin, a, b) = (at(0), at(i - 1), at(i));
            area -= (a[0] - origin[0]) * (b[1] - origin[1]) - (b[0] - origin[0]) * (a[1] - origin[1]);
            around += (a[0] - b[0]).hypot(a[1] - b[1]);
        }
        if area.abs() < 1e-4 * around * around { 0.0 } else { area }
    }

    fn polygon(&mut self, shape: &Shape, polygon: usize) {
        for (number, coords) in shape.rings(polygon).enumerate() {
            let written = self.ring(coords, number == 0);
            if number == 0 && !written {
                return;
            }
        }
    }

    /// Writes a ring, an outer one clockwise as it is seen (positive by the surveyor's formula, 4.3.4.4).
    fn ring(&mut self, coords: &[[f64; 3]], is_outer: bool) -> bool {
        self.line.clear();
        self.line.extend(coords.iter().map(|coord| self.projection.units(*coord)));
        if self.line.len() > 1 && self.line.first() == self.line.last() {
            self.line.pop();
        }
        if !clip::is_inside(&self.line) {
            clip::ring(&mut self.line, &mut self.spare);
        }
        if self.line.len() < 3 {
            return false;
        }
        self.simplifier.write(&self.line, true, &mut self.whole);
        let area = surveyors(&self.whole);
        if self.whole.len() < 3 || area == 0 {
            return false;
        }
        match (area > 0) == is_outer {
            true => self.commands.path(self.whole.iter().copied()),
            false => self.commands.path(self.whole.iter().rev().copied()),
        }
        varint(&mut self.commands.bytes, CLOSE_PATH);
        true
    }
}

/// How high it stands, metres: as stated, or from its lowest vertex to its highest.
fn height_m(columns: &Columns<'_>, found: &Found) -> Option<f32> {
    let row = found.item.row as usize;
    let [low, top] = found.item.heights_m;
    let own = (found.item.has_height && top > low).then_some(top - low);
    columns.stated_height_m(row).map(|height| height as f32).or(own)
}

/// Twice the area, positive where the ring is clockwise with y downward.
fn surveyors(ring: &[[i32; 2]]) -> i64 {
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    pairs.map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])).sum()
}
