//! The latest reading of every datastream and the latest fix of every moving thing, and their file beside the
//! segments: two Arrow IPC streams (positions, observations), so that a start need not read history.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Sequence};

use crate::disk::Disk;
use crate::error::Error;
use crate::record;
use crate::rows::{ObservationRows, PositionRows, read_observations, read_positions};

/// Latest values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latest {
    pub(crate) readings: HashMap<DatastreamId, Observation>,
    pub(crate) fixes: HashMap<EntityId, PositionFix>,
    /// The greatest number of an observation.
    pub(crate) last_observation: u64,
}

/// The greatest number among observations; 0 where they are older than numbers.
pub(crate) fn last_id(batch: &RecordBatch) -> u64 {
    let numbers = batch.columns().get(9).map(AsArray::as_primitive::<UInt64Type>);
    numbers.and_then(arrow::compute::max).unwrap_or_default()
}

impl Latest {
    /// Takes a reading; `true` where it is the newest.
    pub(crate) fn reading(&mut self, datastream: DatastreamId, reading: Observation) -> bool {
        let newest = self.readings.get(&datastream).is_none_or(|old| old.phenomenon_time <= reading.phenomenon_time);
        if newest {
            self.readings.insert(datastream, reading);
        }
        newest
    }

    /// Takes a fix; `true` where it is the newest.
    pub(crate) fn fix(&mut self, entity: EntityId, fix: PositionFix) -> bool {
        let newest = self.fixes.get(&entity).is_none_or(|old| old.time <= fix.time);
        if newest {
            self.fixes.insert(entity, fix);
        }
        newest
    }

    /// Takes in what another one knows.
    pub(crate) fn take(&mut self, other: Self) {
        for (datastream, reading) in other.readings {
            self.reading(datastream, reading);
        }
        for (entity, fix) in other.fixes {
            self.fix(entity, fix);
        }
        self.last_observation = self.last_observation.max(other.last_observation);
    }

    /// Takes in rows of `observations` or `positions`; other tables hold no state.
    pub(crate) fn learn(&mut self, table: Table, batch: &RecordBatch) {
        match table {
            Table::Observations => {
                self.last_observation = self.last_observation.max(last_id(batch));
                read_observations(batch, |datastream, reading| {
                    self.reading(datastream, reading);
                });
            }
            Table::Positions => read_positions(batch, |entity, fix| {
                self.fix(entity, fix);
            }),
            _ => {}
        }
    }

    /// Writes the file durably.
    pub(crate) fn write(&self, disk: &Disk, path: &Path) -> Result<(), Error> {
        let mut positions = PositionRows::default();
        for (entity, fix) in self.fixes.iter().collect::<BTreeMap<_, _>>() {
            positions.push(*entity, fix);
        }
        let mut observations = ObservationRows::default();
        for (datastream, reading) in self.readings.iter().collect::<BTreeMap<_, _>>() {
            observations.push(*datastream, reading, None);
        }
        let batches = vec![
            (Table::Positions, positions.finish(Sequence(0), None)?),
            (Table::Observations, observations.finish(Sequence(0), None, 0)?),
        ];
        let payload = record::encode(&batches)?;
        let mut bytes = crc32c::crc32c(&payload).to_le_bytes().to_vec();
        bytes.extend(payload);
        disk.write(path, &bytes)
    }

    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        Self::decode(path, &fs::read(path).map_err(Error::io(path))?)
    }

    /// Reads its bytes; `path` is where they lay.
    pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let damaged =
            || Error::Damaged { path: path.to_owned(), at: 0, what: "its checksum does not match".to_owned() };
        let (sum, payload) = bytes.split_at_checked(4).ok_or_else(damaged)?;
        if sum != crc32c::crc32c(payload).to_le_bytes() {
            return Err(damaged());
        }
        let mut latest = Self::default();
        for (table, batch) in record::decode(payload)? {
            latest.learn(table, &batch);
        }
        Ok(latest)
    }
}
