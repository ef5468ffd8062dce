//! Which things came of which: rows of the table `lineage` in, the links of a thing out. A thing never comes of itself, by
//! no way: that is checked before a link is kept.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use kernel_model::{EntityId, TimeUs};

/// Links by the thing that came of another one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lineage {
    predecessors: HashMap<EntityId, Vec<(EntityId, TimeUs)>>,
}

impl Lineage {
    /// Takes in rows of the table.
    pub(crate) fn learn(&mut self, batch: &RecordBatch) {
        let [old, new] = [0, 1].map(|column| batch.column(column).as_fixed_size_binary());
        let at = batch.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let ids = (EntityId::from_slice(old.value(row)), EntityId::from_slice(new.value(row)));
            if let (Some(predecessor), Some(successor)) = ids {
                self.link(predecessor, successor, TimeUs(at.value(row)));
            }
        }
    }

    pub(crate) fn link(&mut self, predecessor: EntityId, successor: EntityId, at: TimeUs) {
        self.predecessors.entry(successor).or_default().push((predecessor, at));
    }

    /// What a thing came of directly, and when.
    pub(crate) fn predecessors(&self, successor: &EntityId) -> &[(EntityId, TimeUs)] {
        self.predecessors.get(successor).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Things that came of some others by any number of links, and these themselves; `predecessors` says what one came of.
pub(crate) fn with_ancestors<'a>(
    things: impl IntoIterator<Item = EntityId>,
    predecessors: impl Fn(&EntityId) -> Vec<EntityId> + 'a,
) -> HashSet<EntityId> {
    let mut seen = HashSet::new();
    let mut next: Vec<EntityId> = things.into_iter().collect();
    while let Some(id) = next.pop() {
        if seen.insert(id) {
            next.extend(predecessors(&id));
        }
    }
    seen
}
