//! Rows of things in the order of their ids: an id comes in, the rows of all later ids go out one by one, so that a page
//! costs as much as it shows, wherever it begins. Runs that are sorted by themselves are merged; nothing is copied.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::FixedSizeBinaryArray;
use kernel_model::EntityId;

use crate::history::History;
use crate::snapshot::Snapshot;

/// A batch's rows from some id on.
#[derive(Debug)]
struct Run<'a> {
    batch: usize,
    ids: &'a FixedSizeBinaryArray,
    /// Row numbers in the order of their ids.
    order: &'a [u32],
    /// Rows from this number on are not known to the snapshot.
    known: u32,
}

impl<'a> Run<'a> {
    fn head(&self) -> Option<&'a [u8]> {
        self.order.first().map(|row| self.ids.value(*row as usize))
    }
}

/// Walks over rows; see [`Snapshot::entities_by_id`].
#[derive(Debug)]
pub struct EntitiesById<'a> {
    runs: Vec<Run<'a>>,
    /// First ids of all runs but the current one.
    waiting: BinaryHeap<Reverse<(&'a [u8], usize)>>,
    current: Option<usize>,
}

impl<'a> EntitiesById<'a> {
    fn of(history: &'a History, after: Option<&EntityId>) -> Self {
        let runs = history.rows.iter().zip(&history.ids).enumerate().map(|(batch, ((rows, _), ids))| {
            let (ids, order) = ids.sorted();
            let behind =
                |after: &EntityId| order.partition_point(|row| ids.value(*row as usize) <= after.bytes().as_slice());
            Run { batch, ids, order: &order[after.map_or(0, behind)..], known: rows.num_rows() as u32 }
        });
        let runs: Vec<Run<'_>> = runs.collect();
        let heads = runs.iter().enumerate().filter_map(|(number, run)| Some(Reverse((run.head()?, number))));
        Self { waiting: heads.collect(), runs, current: None }
    }

    /// The run with the least id; the current one stays while no other has a lesser one.
    fn least(&mut self) -> Option<usize> {
        let head = self.current.and_then(|run| Some((self.runs[run].head()?, run)));
        match (head, self.waiting.peek()) {
            (Some(own), Some(Reverse(other))) if *other < own => {
                let next = other.1;
                self.waiting.pop();
                self.waiting.push(Reverse(own));
                self.current = Some(next);
            }
            (Some(_), _) => {}
            (None, _) => self.current = self.waiting.pop().map(|Reverse((_, run))| run),
        }
        self.current
    }
}

impl Iterator for EntitiesById<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let number = self.least()?;
            let run = &mut self.runs[number];
            let (row, rest) = run.order.split_first()?;
            run.order = rest;
            if *row < run.known {
                return Some((run.batch, *row as usize));
            }
        }
    }
}

impl Snapshot {
    /// Every row of things behind an id, in the order of ids, as the number of its batch in [`Snapshot::entities`] and its row
    /// there; of one id in the order of its commits. Also rows that no mask marks.
    pub fn entities_by_id(&self, after: Option<&EntityId>) -> EntitiesById<'_> {
        EntitiesById::of(&self.entities, after)
    }
}
