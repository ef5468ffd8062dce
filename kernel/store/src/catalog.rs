//! Which datastream is which: source keys to the numbers minted for them. Grows with the city, never forgets; things are by
//! their source keys in `entities`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::{DatastreamId, EntityId, SourceKey};

use crate::entities::DatastreamInfo;
use crate::hash::IdMap;

/// Source keys and what they stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub(crate) datastreams: HashMap<SourceKey, Arc<DatastreamInfo>>,
    pub(crate) by_id: IdMap<DatastreamId, Arc<DatastreamInfo>>,
    pub(crate) by_entity: IdMap<EntityId, Vec<DatastreamId>>,
    pub(crate) last_datastream: u64,
}

impl Catalog {
    /// Takes in rows of the table `datastreams`; a later row of an id replaces the earlier one.
    pub(crate) fn learn_datastreams(&mut self, batch: &RecordBatch) {
        for info in (0..batch.num_rows()).filter_map(|row| datastream(batch, row)) {
            self.learn(Arc::new(info));
        }
    }

    fn learn(&mut self, info: Arc<DatastreamInfo>) {
        self.last_datastream = self.last_datastream.max(info.id.0);
        self.datastreams.insert(info.source.clone(), info.clone());
        let of_entity = self.by_entity.entry(info.entity).or_default();
        if !of_entity.contains(&info.id) {
            of_entity.push(info.id);
        }
        self.by_id.insert(info.id, info);
    }
}

/// A row of the table `datastreams`.
pub(crate) fn datastream(batch: &RecordBatch, row: usize) -> Option<DatastreamInfo> {
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
    Some(DatastreamInfo {
        id: DatastreamId(batch.column(0).as_primitive::<UInt64Type>().value(row)),
        entity: EntityId::from_slice(batch.column(3).as_fixed_size_binary().value(row))?,
        property: text(4).to_owned(),
        unit: text(5).to_owned(),
        name: text(6).to_owned(),
        source: SourceKey::new(text(7), text(8)),
    })
}
