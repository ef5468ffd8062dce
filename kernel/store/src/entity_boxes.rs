//! The boxes of the revisions of a batch: a window or a place comes in, numbers of rows go out, the candidates or the nearest
//! first. The tree is built when it is first asked for.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use spatial_index::{LonLatBox, NearInDegrees, Packed, PackedBuilder, Region, Relation};

/// Columns of `entities`.
const SIDES: [usize; 4] = [14, 15, 16, 17];

/// Boxes by row.
#[derive(Debug)]
pub struct EntityBoxes {
    /// West, south, east, north.
    sides: [Float64Array; 4],
    /// Nothing inside: there are more rows than a tree counts.
    tree: OnceLock<Option<Tree>>,
}

#[derive(Debug)]
struct Tree {
    packed: Packed<2>,
    /// Rows whose degrees run on beyond the globe's: to a tree that knows the globe they would lie elsewhere.
    beyond: Vec<u32>,
}

impl EntityBoxes {
    /// Of a batch of the table `entities`.
    pub(crate) fn of(batch: &RecordBatch) -> Arc<Self> {
        let sides = SIDES.map(|column| batch.column(column).as_primitive::<Float64Type>().clone());
        Arc::new(Self { sides, tree: OnceLock::new() })
    }

    /// Rows whose box meets a region, ascending; a row or two more may come.
    pub fn candidates(&self, region: &impl Region<2>) -> Vec<u32> {
        let Some(tree) = self.tree() else { return (0..self.sides[0].len() as u32).collect() };
        let mut rows = tree.packed.candidates(region);
        rows.extend(&tree.beyond);
        rows.sort_unstable();
        rows
    }

    /// Rows whose box meets a window, ascending; a row or two more may come. Sides of the window may be infinite.
    pub fn in_window(&self, window: &kernel_model::Region) -> Vec<u32> {
        let window = LonLatBox { min: [window.west, window.south], max: [window.east, window.north] };
        self.candidates(&window.as_numbers())
    }

    /// The same as [`Self::candidates`], each with whether all of its box lies in the region.
    pub fn related(&self, region: &impl Region<2>) -> Vec<(u32, bool)> {
        let covers = |row: u32| {
            let bounds = self.bounds(row as usize).filter(is_on_the_globe);
            bounds.is_some_and(|bounds| region.relate(&bounds.min, &bounds.max) == Relation::Covers)
        };
        self.candidates(region).into_iter().map(|row| (row, covers(row))).collect()
    }

    /// Rows with a bound of their distance in degrees, nearest bound first: no point of a row's box is nearer. Nothing where
    /// there is no tree.
    pub fn nearest(&self, from: NearInDegrees) -> Option<impl Iterator<Item = (u32, f64)> + '_> {
        let tree = self.tree()?;
        let beyond = tree.beyond.iter().map(|row| (*row, 0.0));
        Some(beyond.chain(tree.packed.nearest(from)))
    }

    /// Bytes of the tree, where it was built.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.tree.get().and_then(Option::as_ref).map_or(0, |tree| tree.packed.memory_bytes())
    }

    fn tree(&self) -> Option<&Tree> {
        let build = || {
            let mut builder = PackedBuilder::with_capacity(self.sides[0].len());
            let mut beyond = Vec::new();
            for row in 0..self.sides[0].len() {
                let Some(bounds) = self.bounds(row) else { continue };
                if !is_on_the_globe(&bounds) || builder.boxed(bounds, row as u32).is_err() {
                    beyond.push(row as u32);
                }
            }
            Some(Tree { packed: builder.build().ok()?, beyond })
        };
        self.tree.get_or_init(build).as_ref()
    }

    fn bounds(&self, row: usize) -> Option<LonLatBox> {
        let [west, south, east, north] = self.sides.each_ref();
        let there = self.sides.iter().all(|side| side.is_valid(row));
        there.then(|| LonLatBox { min: [west.value(row), south.value(row)], max: [east.value(row), north.value(row)] })
    }
}

fn is_on_the_globe(bounds: &LonLatBox) -> bool {
    let within = |axis: usize, end: f64| {
        -end <= bounds.min[axis] && bounds.min[axis] <= bounds.max[axis] && bounds.max[axis] <= end
    };
    within(0, 180.0) && within(1, 90.0)
}
