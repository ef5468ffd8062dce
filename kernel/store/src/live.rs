//! The present city in memory: what is there now, its datastreams, the newest reading and fix of each. Durable rows come
//! in, in the order of their commits; what is new in them goes out as a [`Delta`].

use std::collections::HashSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use kernel_model::schema::Table;
use kernel_model::{EntityId, Sequence, TimeUs};

use crate::catalog::Catalog;
use crate::delta::{Delta, Fix, Reading};
use crate::entities::Present;
use crate::hash::IdSet;
use crate::latest::{Latest, last_id};
use crate::lineage::Lineage;
use crate::moving::Move;
use crate::record::TableBatches;
use crate::rows::{read_observations, read_positions};

/// The present city, shared between the writer and readers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    pub(crate) catalog: Catalog,
    pub(crate) present: Present,
    pub(crate) latest: Latest,
    pub(crate) contents: HashSet<([u8; 32], EntityId)>,
    pub(crate) lineage: Lineage,
    /// What is gone, so that it need not be looked for among all things whenever something moves.
    gone: IdSet<EntityId>,
    /// When the last commit was recorded.
    pub(crate) last_recorded: TimeUs,
}

impl Live {
    /// Takes in revisions that are sealed; `is_mapped` says that they lie in a file.
    pub(crate) fn learn_things(&mut self, batch: &RecordBatch, is_mapped: bool) {
        self.note_time(Table::Entities, batch);
        self.present.learn(batch, is_mapped);
        for id in ids(batch) {
            match self.present.is_gone(&id) {
                true => self.gone.insert(id),
                false => self.gone.remove(&id),
            };
        }
    }

    /// Takes in rows that are durable.
    pub(crate) fn learn(&mut self, table: Table, batch: &RecordBatch) {
        self.note_time(table, batch);
        match table {
            Table::Entities => self.learn_things(batch, false),
            Table::Datastreams => self.catalog.learn_datastreams(batch),
            Table::Contents => {
                let (digest, entity) = (batch.column(0).as_fixed_size_binary(), batch.column(1).as_fixed_size_binary());
                self.contents.extend((0..batch.num_rows()).filter_map(|row| {
                    Some((digest.value(row).try_into().ok()?, EntityId::from_slice(entity.value(row))?))
                }));
            }
            Table::Observations | Table::Positions => self.latest.learn(table, batch),
            Table::Lineage => self.lineage.learn(batch),
            Table::Rejected
            | Table::Origins
            | Table::ObservationsMinute
            | Table::ObservationsHour
            | Table::ObservationsDay => {}
        }
    }

    /// When the next commit is recorded: later than the one before, also where the clock was set back.
    pub(crate) fn next_recorded(&self, clock: TimeUs) -> TimeUs {
        if clock < self.last_recorded {
            let last = self.last_recorded;
            tracing::warn!(%clock, %last, "the clock was set back: commits are recorded right after the last one until it has caught up");
        }
        clock.max(TimeUs(self.last_recorded.0.saturating_add(1)))
    }

    fn note_time(&mut self, table: Table, batch: &RecordBatch) {
        let recorded = batch.column(table.recorded_column()).as_primitive::<TimestampMicrosecondType>();
        self.last_recorded = self.last_recorded.max(TimeUs(arrow::compute::max(recorded).unwrap_or_default()));
    }

    /// Takes in the rows of a commit and says what is new in the present city, and what is elsewhere now.
    pub(crate) fn learn_commit(&mut self, sequence: Sequence, batches: &TableBatches) -> (Delta, Vec<Move>) {
        let (mut delta, mut moved) = (Delta { sequence, ..Delta::default() }, Vec::new());
        for (table, batch) in batches {
            self.note_time(*table, batch);
            match table {
                Table::Observations => {
                    self.latest.last_observation = self.latest.last_observation.max(last_id(batch));
                    read_observations(batch, |datastream, observation| {
                        let entity = self.catalog.by_id.get(&datastream).map(|info| info.entity);
                        if let Some(entity) = entity.filter(|_| self.latest.reading(datastream, observation)) {
                            delta.readings.push(Reading { entity, datastream, observation });
                        }
                    });
                }
                Table::Positions => {
                    delta.fixes.reserve(batch.num_rows());
                    moved.reserve(batch.num_rows());
                    read_positions(batch, |entity, fix| {
                        if let Some(number) = self.latest.fix(entity, fix) {
                            delta.fixes.push(Fix { entity, fix });
                            moved.push(number);
                        }
                    });
                }
                Table::Entities => {
                    self.learn(*table, batch);
                    delta.entities.extend(ids(batch));
                    moved.extend(delta.entities.iter().filter_map(|id| self.latest.number(id)));
                }
                other => self.learn(*other, batch),
            }
        }
        (delta, self.moves(moved))
    }

    /// Where things are by their numbers; nowhere those that are gone.
    pub(crate) fn moves(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Move> {
        let place = |number: u32| {
            let (entity, fix) = *self.latest.numbered(number)?;
            Some(Move { number, entity, fix: (!self.gone.contains(&entity)).then_some(fix) })
        };
        numbers.into_iter().filter_map(place).collect()
    }
}

/// Ids of the things of some rows of `entities`.
fn ids(batch: &RecordBatch) -> impl Iterator<Item = EntityId> + '_ {
    let ids = batch.column(0).as_fixed_size_binary();
    (0..batch.num_rows()).filter_map(|row| EntityId::from_slice(ids.value(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_recording_ascend_whatever_the_clock_does() {
        let live = Live { last_recorded: TimeUs(100), ..Live::default() };
        assert_eq!([50, 99, 100, 101, 200].map(|clock| live.next_recorded(TimeUs(clock)).0), [101, 101, 101, 101, 200]);
    }
}
