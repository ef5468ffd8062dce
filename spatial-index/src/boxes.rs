//! Boxes under change: an R*-tree (crate rstar) of boxes, each with a number, that can be replaced and removed.

use rstar::{AABB, RTree, RTreeObject};

/// A closed box in degrees: west, south, east, north.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LonLatBox {
    /// Lower corner: longitude, latitude.
    pub min: [f64; 2],
    /// Upper corner: longitude, latitude.
    pub max: [f64; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    bounds: LonLatBox,
    number: u32,
}

impl RTreeObject for Entry {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.bounds.min, self.bounds.max)
    }
}

/// A dynamic index of numbered boxes.
#[derive(Debug, Clone, Default)]
pub struct BoxIndex {
    tree: RTree<Entry>,
}

impl BoxIndex {
    /// Adds a box; the caller sees to it that a number stands in at most one.
    pub fn insert(&mut self, bounds: LonLatBox, number: u32) {
        self.tree.insert(Entry { bounds, number });
    }

    /// Adds many boxes at once; faster than one by one where the index is empty.
    pub fn extend(&mut self, boxes: impl IntoIterator<Item = (LonLatBox, u32)>) {
        let entries: Vec<Entry> = boxes.into_iter().map(|(bounds, number)| Entry { bounds, number }).collect();
        if self.tree.size() == 0 {
            self.tree = RTree::bulk_load(entries);
        } else {
            for entry in entries {
                self.tree.insert(entry);
            }
        }
    }

    /// Takes a box out again; `false` where it was not there.
    pub fn remove(&mut self, bounds: LonLatBox, number: u32) -> bool {
        self.tree.remove(&Entry { bounds, number }).is_some()
    }

    /// Numbers of all boxes that share a point with the query, in no particular order.
    pub fn candidates(&self, query: LonLatBox) -> impl Iterator<Item = u32> + '_ {
        self.tree.locate_in_envelope_intersecting(&AABB::from_corners(query.min, query.max)).map(|entry| entry.number)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn lon_lat_box() -> impl Strategy<Value = LonLatBox> {
        (-10.0..10.0, -10.0..10.0, 0.0..3.0, 0.0..3.0)
            .prop_map(|(x, y, w, h): (f64, f64, f64, f64)| LonLatBox { min: [x, y], max: [x + w, y + h] })
    }

    fn meets(a: &LonLatBox, b: &LonLatBox) -> bool {
        (0..2).all(|axis| a.min[axis] <= b.max[axis] && b.min[axis] <= a.max[axis])
    }

    proptest! {
        #[test]
        fn candidates_are_the_brute_force_answer_under_change(
            first in prop::collection::vec(lon_lat_box(), 0..60),
            then in prop::collection::vec(lon_lat_box(), 0..60),
            gone in prop::collection::vec(0_usize..120, 0..40),
            query in lon_lat_box(),
        ) {
            let mut index = BoxIndex::default();
            let mut all: Vec<Option<LonLatBox>> = first.iter().copied().map(Some).collect();
            index.extend(first.into_iter().zip(0..));
            for bounds in then {
                index.insert(bounds, all.len() as u32);
                all.push(Some(bounds));
            }
            for n in gone {
                if let Some(bounds) = all.get_mut(n).and_then(Option::take) {
                    prop_assert!(index.remove(bounds, n as u32));
                }
            }
            let wanted: BTreeSet<u32> = all.iter().zip(0_u32..)
                .filter(|(b, _)| b.is_some_and(|b| meets(&b, &query))).map(|(_, n)| n).collect();
            prop_assert_eq!(index.candidates(query).collect::<BTreeSet<_>>(), wanted);
            prop_assert_eq!(index.len(), all.iter().flatten().count());
        }
    }
}
