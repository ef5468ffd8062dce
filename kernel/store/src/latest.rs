//! The latest reading of every datastream and the latest fix of every moving thing, and their file beside the
//! segments: two Arrow IPC streams (positions, observations), so that a start need not read history.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Sequence};

use crate::disk::Disk;
use crate::error::Error;
use crate::hash::IdMap;
use crate::last::NO_COMMIT;
use crate::parts::{self, Layout, Part};
use crate::record;
use crate::rows::{read_observations, read_positions};
use crate::series_rows::{ObservationRows, PositionRows};

/// Columns of `observations` and `positions`; these have no number.
const SEQUENCE: usize = 7;
const ID: usize = 9;

/// Latest values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latest {
    /// By the number of the datastream, which counts up from 1.
    readings: Vec<Option<Observation>>,
    fixes: Fixes,
    /// The greatest number of an observation.
    pub(crate) last_observation: u64,
}

/// The latest fix of each thing that ever moved. These have numbers that count up from 0 in the order of their first fixes.
#[derive(Debug, Clone, Default)]
struct Fixes {
    numbers: IdMap<EntityId, u32>,
    rows: Vec<(EntityId, PositionFix)>,
}

/// The latest values by the last commit that is sealed: what came after lies in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct SealedLatest {
    pub(crate) values: Arc<Latest>,
    /// The last sealed commit.
    pub(crate) through: Sequence,
    /// The fixes among them as rows with a zone map, made when they are first asked by place.
    fixes: Arc<OnceLock<Part>>,
}

impl SealedLatest {
    pub(crate) fn new(values: Arc<Latest>, through: Sequence) -> Self {
        Self { values, through, fixes: Arc::default() }
    }

    /// The latest fix of each thing, in rows that name no commit.
    pub(crate) fn fixes(&self) -> Result<&Part, Error> {
        if let Some(fixes) = self.fixes.get() {
            return Ok(fixes);
        }
        let part = Part::of(Table::Positions, &[self.values.fix_rows()?])?;
        Ok(self.fixes.get_or_init(|| part))
    }

    /// Bytes of memory that are held, about.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let rows = self
            .fixes
            .get()
            .map_or(0, |part| part.batch().map_or(0, RecordBatch::get_array_memory_size) + part.zone_map_bytes());
        self.values.memory_bytes() + rows as u64
    }
}

/// The greatest number among observations; 0 where they are older than numbers.
pub(crate) fn last_id(batch: &RecordBatch) -> u64 {
    let numbers = batch.columns().get(9).map(AsArray::as_primitive::<UInt64Type>);
    numbers.and_then(arrow::compute::max).unwrap_or_default()
}

/// Series of rows: a datastream's number, an entity's id.
fn series_in(column: &ArrayRef) -> Vec<u128> {
    match column.as_fixed_size_binary_opt() {
        Some(ids) => {
            let number = |id: &[u8]| id.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
            (0..ids.len()).map(|row| number(ids.value(row))).collect()
        }
        None => column.as_primitive::<UInt64Type>().values().iter().copied().map(u128::from).collect(),
    }
}

impl Latest {
    /// The newest reading of a datastream.
    pub(crate) fn reading_of(&self, datastream: DatastreamId) -> Option<Observation> {
        *self.readings.get(datastream.0 as usize)?
    }

    /// The newest reading of each datastream that has one, by its number.
    pub(crate) fn readings(&self) -> impl Iterator<Item = (DatastreamId, Observation)> + '_ {
        (0..).map(DatastreamId).zip(&self.readings).filter_map(|(id, reading)| Some((id, (*reading)?)))
    }

    /// The newest fix of a thing.
    pub(crate) fn fix_of(&self, entity: &EntityId) -> Option<&PositionFix> {
        self.numbered(*self.fixes.numbers.get(entity)?).map(|(_, fix)| fix)
    }

    /// The number of a thing that has moved.
    pub(crate) fn number(&self, entity: &EntityId) -> Option<u32> {
        self.fixes.numbers.get(entity).copied()
    }

    /// The thing of a number and its newest fix.
    pub(crate) fn numbered(&self, number: u32) -> Option<&(EntityId, PositionFix)> {
        self.fixes.rows.get(number as usize)
    }

    /// Everything that ever moved with its newest fix, by its number.
    pub(crate) fn fixes(&self) -> &[(EntityId, PositionFix)] {
        &self.fixes.rows
    }

    /// Takes a reading; `true` where it is the newest.
    pub(crate) fn reading(&mut self, datastream: DatastreamId, reading: Observation) -> bool {
        let at = datastream.0 as usize;
        if at >= self.readings.len() {
            self.readings.resize(at + 1, None);
        }
        let newest = self.readings[at].is_none_or(|old| old.phenomenon_time <= reading.phenomenon_time);
        if newest {
            self.readings[at] = Some(reading);
        }
        newest
    }

    /// Takes a fix; the number of the thing where it is the newest.
    pub(crate) fn fix(&mut self, entity: EntityId, fix: PositionFix) -> Option<u32> {
        let rows = &mut self.fixes.rows;
        let number = *self.fixes.numbers.entry(entity).or_insert_with(|| {
            rows.push((entity, fix));
            (rows.len() - 1) as u32
        });
        let own = &mut rows[number as usize].1;
        let newest = own.time <= fix.time;
        if newest {
            *own = fix;
        }
        newest.then_some(number)
    }

    /// Bytes of memory that are held, about.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let readings = self.readings.capacity() * size_of::<Option<Observation>>();
        let numbers = self.fixes.numbers.capacity() * size_of::<(EntityId, u32)>();
        (readings + numbers + self.fixes.rows.capacity() * size_of::<(EntityId, PositionFix)>()) as u64
    }

    /// Takes in what another one knows; the numbers of the things whose fixes are newer now.
    pub(crate) fn take(&mut self, other: Self) -> Vec<u32> {
        for (datastream, reading) in (0..).zip(other.readings) {
            if let Some(reading) = reading {
                self.reading(DatastreamId(datastream), reading);
            }
        }
        self.last_observation = self.last_observation.max(other.last_observation);
        other.fixes.rows.into_iter().filter_map(|(entity, fix)| self.fix(entity, fix)).collect()
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

    /// The latest values of sealed rows, read from all of them: what was told last stands for its instant.
    pub(crate) fn of_parts(parts: &[Part]) -> Result<Self, Error> {
        let mut latest = Self::default();
        let mut newest: HashMap<u128, (i64, u64, u64)> = HashMap::new();
        for part in parts {
            let Some(layout) = Layout::of(part.table()) else { continue };
            for chunk in 0..part.chunks() {
                let rows = parts::read_chunk(part.table(), part, chunk)?;
                let times = parts::instants(rows.column(layout.time));
                let told = rows.column(SEQUENCE).as_primitive::<UInt64Type>();
                let numbers = rows.columns().get(ID).and_then(|column| column.as_primitive_opt::<UInt64Type>());
                for (row, series) in series_in(rows.column(layout.series)).into_iter().enumerate() {
                    let own = (times[row], told.value(row), numbers.map_or(0, |numbers| numbers.value(row)));
                    if newest.get(&series).is_none_or(|newest| *newest <= own) {
                        newest.insert(series, own);
                        latest.learn(part.table(), &rows.slice(row, 1));
                    }
                }
            }
        }
        Ok(latest)
    }

    /// The fixes as rows, by their things' ids.
    fn fix_rows(&self) -> Result<RecordBatch, Error> {
        let mut positions = PositionRows::default();
        for (entity, fix) in self.fixes.rows.iter().map(|(entity, fix)| (entity, fix)).collect::<BTreeMap<_, _>>() {
            positions.push(*entity, fix);
        }
        positions.finish(Sequence(NO_COMMIT), None, &[])
    }

    /// Writes the file durably.
    pub(crate) fn write(&self, disk: &Disk, path: &Path) -> Result<(), Error> {
        let mut observations = ObservationRows::default();
        for (datastream, reading) in (0..).zip(&self.readings) {
            if let Some(reading) = reading {
                observations.push(DatastreamId(datastream), reading, None);
            }
        }
        let batches = vec![
            (Table::Positions, self.fix_rows()?),
            (Table::Observations, observations.finish(Sequence(0), None, 0, &[])?),
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
