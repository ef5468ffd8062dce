//! Boxes under change: an R*-tree (crate rstar) of boxes, each with a number, that can be replaced and removed. What is not
//! a box (see [`Bounds`]) is not taken in: no region could meet it.

use rstar::{AABB, ParentNode, RStarInsertionStrategy, RTree, RTreeNode, RTreeObject, RTreeParams, SelectionFunction};

use crate::{
    bounds::Bounds,
    nearest::{Queue, Ranking},
    region::{Region, Relation, relate_kept},
};

/// A box as it is kept, see [`Bounds::kept`].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry<const D: usize> {
    lo: [f64; D],
    hi: [f64; D],
    number: u32,
}

impl<const D: usize> Entry<D> {
    fn new(bounds: Bounds<D>, number: u32) -> Option<Self> {
        bounds.kept().map(|(lo, hi)| Self { lo, hi, number })
    }
}

impl<const D: usize> RTreeObject for Entry<D> {
    type Envelope = AABB<[f64; D]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.lo, self.hi)
    }
}

/// Nodes of up to twelve. With rstar's own six, a bulk load in three dimensions of 49 boxes (and of many other numbers)
/// leaves some leaves deeper than others, and an insert after it panics; from nine on all are equally deep, because a node
/// is cut in at most eight where two would do.
#[derive(Debug, Clone, Copy)]
struct Wide;

impl RTreeParams for Wide {
    const MIN_SIZE: usize = 4;
    const MAX_SIZE: usize = 12;
    const REINSERTION_COUNT: usize = 3;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

/// A dynamic index of numbered boxes.
#[derive(Debug, Clone)]
pub struct Boxes<const D: usize> {
    tree: RTree<Entry<D>, Wide>,
}

/// A dynamic index of numbered boxes of longitude and latitude.
pub type BoxIndex = Boxes<2>;

/// A dynamic index of numbered boxes of longitude, latitude and height.
pub type VolumeIndex = Boxes<3>;

impl<const D: usize> Default for Boxes<D> {
    fn default() -> Self {
        Self { tree: RTree::new_with_params() }
    }
}

impl<const D: usize> Boxes<D> {
    /// Adds a box; the caller sees to it that a number stands in at most one. `false` where it is not a box.
    pub fn insert(&mut self, bounds: Bounds<D>, number: u32) -> bool {
        Entry::new(bounds, number).map(|entry| self.tree.insert(entry)).is_some()
    }

    /// Adds many boxes at once; faster than one by one where the index is empty. Says how many were boxes.
    pub fn extend(&mut self, boxes: impl IntoIterator<Item = (Bounds<D>, u32)>) -> usize {
        let entries: Vec<_> = boxes.into_iter().filter_map(|(bounds, number)| Entry::new(bounds, number)).collect();
        let count = entries.len();
        if self.tree.size() == 0 {
            self.tree = RTree::bulk_load_with_params(entries);
        } else {
            for entry in entries {
                self.tree.insert(entry);
            }
        }
        count
    }

    /// Takes a box out again; `false` where it was not there.
    pub fn remove(&mut self, bounds: Bounds<D>, number: u32) -> bool {
        Entry::new(bounds, number).is_some_and(|entry| self.tree.remove(&entry).is_some())
    }

    /// Numbers of all boxes that share a point with the query, in no particular order. The query may go over the
    /// antimeridian; what is not a box meets nothing.
    pub fn candidates(&self, query: Bounds<D>) -> impl Iterator<Item = u32> + '_ {
        self.candidates_in(query.region())
    }

    /// Numbers of all boxes that may share a point with a region, in no particular order.
    pub fn candidates_in<R: Region<D>>(&self, region: R) -> impl Iterator<Item = u32> {
        self.tree.locate_with_selection_function(Meeting(region)).map(|entry| entry.number)
    }

    /// Numbers of boxes with a bound of their distance, nearest bound first: no point of a box is nearer than its bound in
    /// metres. Whoever wants the nearest k things measures as they come, and stops when k are nearer than the next bound.
    pub fn nearest<'a, K: Ranking<D> + 'a>(&'a self, ranking: K) -> impl Iterator<Item = (u32, f64)> + 'a {
        let mut queue = Queue::new(ranking.limit());
        self.tree.root().children().iter().for_each(|node| queue.push(0.0, node));
        std::iter::from_fn(move || {
            while let Some((rank, node)) = queue.pop() {
                match node {
                    RTreeNode::Leaf(entry) => return Some((entry.number, ranking.distance(rank))),
                    RTreeNode::Parent(parent) => push_children(parent, &ranking, &mut queue),
                }
            }
            None
        })
    }

    /// How many boxes there are.
    pub fn len(&self) -> usize {
        self.tree.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn push_children<'a, const D: usize>(
    parent: &'a ParentNode<Entry<D>>,
    ranking: &impl Ranking<D>,
    queue: &mut Queue<&'a RTreeNode<Entry<D>>>,
) {
    for child in parent.children() {
        let envelope = child.envelope();
        queue.push(ranking.at_least(&envelope.lower(), &envelope.upper()), child);
    }
}

struct Meeting<R>(R);

impl<const D: usize, R: Region<D>> SelectionFunction<Entry<D>> for Meeting<R> {
    fn should_unpack_parent(&self, envelope: &AABB<[f64; D]>) -> bool {
        // An empty tree's envelope is upside down.
        let (lo, hi) = (envelope.lower(), envelope.upper());
        lo[0] <= hi[0] && relate_kept(&self.0, &lo, &hi) != Relation::Apart
    }

    fn should_unpack_leaf(&self, leaf: &Entry<D>) -> bool {
        relate_kept(&self.0, &leaf.lo, &leaf.hi) != Relation::Apart
    }
}
