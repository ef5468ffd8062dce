//! The present city in memory: every revision as Arrow rows with a mask of the present ones, and by id and by what its source
//! calls it the row of each thing's last state; its story where that has more than one state. What is said of a thing stands
//! in its rows only: beside them a thing takes some twenty bytes.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, BooleanArray, BooleanBufferBuilder, Float64Array, RecordBatch};
use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use arrow::error::ArrowError;
use hashbrown::HashTable;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, HeightReference, Kind, Place, Region, Sequence, SourceKey, TimeUs};

use crate::entity_boxes::EntityBoxes;
use crate::hash::Folding;
use crate::history::{History, Ids};
use crate::story::Story;

/// Columns of `entities`.
const DATASET: usize = 7;
const SOURCE_ID: usize = 8;
const HEIGHT_REFERENCE: usize = 10;
const VALID_FROM: usize = 20;
const VALID_TO: usize = 21;
const RETIRED: usize = 22;
const DIGEST: usize = 24;
/// Batches of at least this many rows are left as they are.
const LARGE: usize = 131_072;
/// So many batches of like size become one.
const FAN: usize = 8;

/// A datastream as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct DatastreamInfo {
    /// Its number.
    pub id: DatastreamId,
    /// The thing it belongs to.
    pub entity: EntityId,
    /// The observed property.
    pub property: String,
    /// The unit (UCUM).
    pub unit: String,
    /// A name people use.
    pub name: String,
    /// What the source calls it.
    pub source: SourceKey,
}

/// A thing as it stands by the last state of its story, in short, read from its row.
#[derive(Debug, Clone, PartialEq)]
pub struct PresentEntity {
    /// Its id.
    pub id: EntityId,
    /// Its kind.
    pub kind: Kind,
    /// Its class.
    pub class: String,
    /// Its name.
    pub name: Option<String>,
    /// The anchor, where it has one.
    pub place: Option<Place>,
    /// The box of its geometry.
    pub region: Option<Region>,
    /// What heights are measured from.
    pub height_reference: HeightReference,
    /// The commit of this revision.
    pub sequence: Sequence,
    /// Whether it is gone.
    pub retired: bool,
    /// Since when it is so.
    pub valid_from: Option<TimeUs>,
    /// Until when it is so; of what is gone, when it went.
    pub valid_to: Option<TimeUs>,
    /// Its number among all rows.
    row: usize,
}

/// What is remembered of a revision in a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) digest: [u8; 32],
    /// The number of the row.
    pub(crate) row: usize,
}

/// Rows that came together, or small ones that became one.
#[derive(Debug, Clone)]
struct Revisions {
    /// The number of the first row.
    first: usize,
    batch: RecordBatch,
    present: Marks,
    mask: OnceLock<BooleanArray>,
    ids: Arc<Ids>,
    boxes: Arc<EntityBoxes>,
    /// They lie in a file that is mapped.
    is_mapped: bool,
}

/// A bit for each row that is the last state of a thing that is there.
#[derive(Debug, Clone)]
struct Marks {
    bytes: Vec<u8>,
    rows: usize,
}

/// All entities in memory. A copy shares the rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Present {
    batches: Vec<Revisions>,
    rows: usize,
    /// So many of the first rows are sealed; up to the second number they are being sealed.
    settled: usize,
    frozen: usize,
    /// The row of the last state of each thing, in the order in which things were first seen.
    slots: Vec<u32>,
    /// Slots by id, and by what the source calls it.
    by_id: HashTable<u32>,
    by_source: HashTable<u32>,
    /// What sources call things is theirs to choose: hashed with a key that none of them knows.
    source_hash: RandomState,
    /// Stories of more than one state, by slot.
    stories: HashMap<u32, Story<Note>>,
}

impl Present {
    /// Takes in revisions, newest last; `is_mapped` says that they lie in a file.
    pub(crate) fn learn(&mut self, batch: &RecordBatch, is_mapped: bool) {
        if batch.num_rows() == 0 {
            return;
        }
        let first = self.rows;
        self.rows += batch.num_rows();
        self.batches.push(Revisions { is_mapped, ..Revisions::of(first, batch.clone()) });
        for row in first..self.rows {
            self.take(row);
        }
        self.gather_small();
    }

    fn take(&mut self, row: usize) {
        let id = self.id_at(row);
        let Some(slot) = self.slot(&id) else { return self.add(&id, row) };
        let stands = self.slots[slot as usize] as usize;
        let mut story = self.stories.remove(&slot).unwrap_or_else(|| self.told(stands, Story::default()));
        story = self.told(row, story);
        let last = story.last().map_or(stands, |state| state.what.row);
        if story.states().len() > 1 {
            self.stories.insert(slot, story);
        }
        // Another one than this row: a correction of the past. The thing stands as it stood, or as it stood before it was
        // retired.
        self.mark(stands, false);
        self.mark(last, !self.is_retired(last));
        self.slots[slot as usize] = last as u32;
    }

    /// A thing that is seen for the first time.
    fn add(&mut self, id: &EntityId, row: usize) {
        let slot = self.slots.len() as u32;
        self.slots.push(row as u32);
        let (dataset, source) = self.source_at(row);
        let (own, by_source) = (hash_id(id.bytes()), self.source_hash.hash_one((dataset, source)));
        let (batches, slots) = (&self.batches, &self.slots);
        self.by_id.insert_unique(own, slot, |slot| hash_id(id_in(batches, slots[*slot as usize] as usize)));
        let hash = |slot: &u32| self.source_hash.hash_one(source_in(batches, slots[*slot as usize] as usize));
        self.by_source.insert_unique(by_source, slot, hash);
        self.mark(row, !self.is_retired(row));
    }

    fn slot(&self, id: &EntityId) -> Option<u32> {
        let is_it = |slot: &u32| id_in(&self.batches, self.slots[*slot as usize] as usize) == id.bytes();
        self.by_id.find(hash_id(id.bytes()), is_it).copied()
    }

    /// The thing that a source calls so.
    pub(crate) fn of_source(&self, source: &SourceKey) -> Option<EntityId> {
        let wanted = (&*source.dataset, &*source.id);
        let is_it = |slot: &u32| source_in(&self.batches, self.slots[*slot as usize] as usize) == wanted;
        let slot = self.by_source.find(self.source_hash.hash_one(wanted), is_it)?;
        Some(self.id_at(self.slots[*slot as usize] as usize))
    }

    fn id_at(&self, row: usize) -> EntityId {
        EntityId::from_slice(id_in(&self.batches, row)).unwrap_or(EntityId(uuid::Uuid::nil()))
    }

    fn source_at(&self, row: usize) -> (&str, &str) {
        source_in(&self.batches, row)
    }

    fn is_retired(&self, row: usize) -> bool {
        let (batch, at) = place_in(&self.batches, row);
        batch.column(RETIRED).as_boolean().value(at)
    }

    /// Goes on with a story by a row.
    fn told(&self, row: usize, mut story: Story<Note>) -> Story<Note> {
        let (batch, at) = place_in(&self.batches, row);
        let [from, to] = [VALID_FROM, VALID_TO].map(|column| instant(batch, column, at));
        let digest = batch.column(DIGEST).as_fixed_size_binary().value(at).try_into().unwrap_or([0; 32]);
        let note = Note { digest, row };
        match to.filter(|_| batch.column(RETIRED).as_boolean().value(at)) {
            Some(at) => story.retire(at, note),
            None => story.describe(from, to, note),
        }
        story
    }

    fn mark(&mut self, row: usize, present: bool) {
        let at = self.batches.partition_point(|batch| batch.first <= row).saturating_sub(1);
        let batch = &mut self.batches[at];
        batch.present.set(row - batch.first, present);
        batch.mask.take();
    }

    /// Small batches of like size become one, so that their number grows with the logarithm of the rows.
    fn gather_small(&mut self) {
        let tier = |batch: &Revisions| batch.batch.num_rows().max(1).ilog(FAN);
        loop {
            let is_small =
                |batch: &&Revisions| batch.batch.num_rows() < LARGE && !batch.is_mapped && batch.first >= self.frozen;
            let Some(last) = self.batches.last().filter(is_small) else { return };
            let tier_of_last = tier(last);
            let alike = self.batches.iter().rev().take_while(is_small);
            let alike = alike.take_while(|batch| tier(batch) <= tier_of_last).count();
            if alike < FAN {
                return;
            }
            let from = self.batches.len() - alike;
            // What cannot be joined stays apart.
            let Ok(joined) = Revisions::joined(&self.batches[from..]) else { return };
            self.batches.truncate(from);
            self.batches.push(joined);
        }
    }

    /// From now on the rows that are there are being sealed.
    pub(crate) fn freeze(&mut self) {
        self.frozen = self.rows;
    }

    /// What was being sealed is sealed; `mapped` are the same rows where they lie in a file.
    pub(crate) fn settle(&mut self, mapped: Option<Vec<RecordBatch>>) {
        let (from, to) = (self.settled, self.frozen);
        self.settled = to;
        let Some(mapped) = mapped else { return };
        if mapped.iter().map(RecordBatch::num_rows).sum::<usize>() != to - from {
            return;
        }
        let [begin, end] = [from, to].map(|row| self.batches.partition_point(|batch| batch.first < row));
        let old = &self.batches[begin..end];
        let (mut first, mut new) = (from, Vec::with_capacity(mapped.len()));
        for batch in mapped {
            let mut own = Revisions { is_mapped: true, ..Revisions::of(first, batch) };
            for row in 0..own.batch.num_rows() {
                let of = &old[old.partition_point(|batch| batch.first <= first + row).saturating_sub(1)];
                own.present.set(row, of.present.get(first + row - of.first));
            }
            first += own.batch.num_rows();
            new.push(own);
        }
        self.batches.splice(begin..end, new);
    }

    /// The last state of a thing, also where it is gone.
    pub(crate) fn get(&self, id: &EntityId) -> Option<PresentEntity> {
        self.read(self.slots[self.slot(id)? as usize] as usize)
    }

    /// Whether it is a thing, also one that is gone.
    pub(crate) fn contains(&self, id: &EntityId) -> bool {
        self.slot(id).is_some()
    }

    /// Whether a thing is gone.
    pub(crate) fn is_gone(&self, id: &EntityId) -> bool {
        self.slot(id).is_some_and(|slot| self.is_retired(self.slots[slot as usize] as usize))
    }

    /// What heights of a thing are measured from.
    pub(crate) fn height_reference(&self, id: &EntityId) -> Option<HeightReference> {
        let (batch, at) = place_in(&self.batches, self.slots[self.slot(id)? as usize] as usize);
        batch.column(HEIGHT_REFERENCE).as_string::<i32>().value(at).parse().ok()
    }

    /// Where a thing stands.
    pub(crate) fn place(&self, id: &EntityId) -> Option<Place> {
        let (batch, at) = place_in(&self.batches, self.slots[self.slot(id)? as usize] as usize);
        place(batch, at)
    }

    /// What is known of a thing over valid time.
    pub(crate) fn story(&self, id: &EntityId) -> Option<Story<Note>> {
        let slot = self.slot(id)?;
        let one = || self.told(self.slots[slot as usize] as usize, Story::default());
        Some(self.stories.get(&slot).cloned().unwrap_or_else(one))
    }

    /// A row by its number.
    pub(crate) fn numbered(&self, row: usize) -> RecordBatch {
        let (batch, at) = place_in(&self.batches, row);
        batch.slice(at, 1)
    }

    /// The whole row of an entity.
    pub(crate) fn row(&self, entity: &PresentEntity) -> RecordBatch {
        self.numbered(entity.row)
    }

    /// Everything present, in the order in which it was first seen.
    pub(crate) fn iter(&self) -> impl Iterator<Item = PresentEntity> {
        self.present_rows().filter_map(|row| self.read(row))
    }

    fn present_rows(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().map(|row| *row as usize).filter(|row| !self.is_retired(*row))
    }

    /// Everything present of a dataset.
    pub(crate) fn of_dataset(&self, dataset: &str) -> Vec<EntityId> {
        let rows = self.present_rows().filter(|row| self.source_at(*row).0 == dataset);
        rows.map(|row| self.id_at(row)).collect()
    }

    /// All revisions, with marks at the present ones.
    pub(crate) fn history(&self) -> History {
        let rows = self.batches.iter().map(|batch| (batch.batch.clone(), batch.mask().clone())).collect();
        History {
            rows,
            ids: self.batches.iter().map(|batch| batch.ids.clone()).collect(),
            boxes: self.batches.iter().map(|batch| batch.boxes.clone()).collect(),
            mapped: self.batches.iter().map(|batch| batch.is_mapped).collect(),
        }
    }

    fn read(&self, row: usize) -> Option<PresentEntity> {
        let (batch, at) = place_in(&self.batches, row);
        read_row(batch, row, at)
    }
}

impl PresentEntity {
    /// Its number among all rows.
    pub(crate) fn row(&self) -> usize {
        self.row
    }
}

impl Marks {
    fn none(rows: usize) -> Self {
        Self { bytes: vec![0; rows.div_ceil(8)], rows }
    }

    fn set(&mut self, row: usize, value: bool) {
        let bit = 1 << (row % 8);
        match value {
            true => self.bytes[row / 8] |= bit,
            false => self.bytes[row / 8] &= !bit,
        }
    }

    fn get(&self, row: usize) -> bool {
        self.bytes[row / 8] & 1 << (row % 8) > 0
    }

    fn array(&self) -> BooleanArray {
        BooleanArray::new(BooleanBuffer::new(Buffer::from(self.bytes.as_slice()), 0, self.rows), None)
    }
}

impl Revisions {
    fn of(first: usize, batch: RecordBatch) -> Self {
        let present = Marks::none(batch.num_rows());
        let (ids, boxes) = (Ids::of(&batch), EntityBoxes::of(&batch));
        Self { first, ids, boxes, batch, present, mask: OnceLock::new(), is_mapped: false }
    }

    fn joined(batches: &[Self]) -> Result<Self, ArrowError> {
        let batch = concat_batches(&Table::Entities.schema(), batches.iter().map(|batch| &batch.batch))?;
        let mut present = BooleanBufferBuilder::new(batch.num_rows());
        for batch in batches {
            present.append_buffer(batch.mask().values());
        }
        let present = Marks { rows: batch.num_rows(), bytes: present.as_slice().to_vec() };
        let first = batches.first().map_or(0, |batch| batch.first);
        Ok(Self { present, ..Self::of(first, batch) })
    }

    fn mask(&self) -> &BooleanArray {
        self.mask.get_or_init(|| self.present.array())
    }
}

/// The batch of a row and its place in it.
fn place_in(batches: &[Revisions], row: usize) -> (&RecordBatch, usize) {
    let batch = &batches[batches.partition_point(|batch| batch.first <= row).saturating_sub(1)];
    (&batch.batch, row - batch.first)
}

fn id_in(batches: &[Revisions], row: usize) -> &[u8] {
    let (batch, at) = place_in(batches, row);
    batch.column(0).as_fixed_size_binary().value(at)
}

fn source_in(batches: &[Revisions], row: usize) -> (&str, &str) {
    let (batch, at) = place_in(batches, row);
    let text = |column: usize| batch.column(column).as_string::<i32>().value(at);
    (text(DATASET), text(SOURCE_ID))
}

/// Ids are the store's own.
fn hash_id(id: &[u8]) -> u64 {
    BuildHasherDefault::<Folding>::default().hash_one(id)
}

fn instant(batch: &RecordBatch, column: usize, row: usize) -> Option<TimeUs> {
    let times = batch.column(column).as_primitive::<TimestampMicrosecondType>();
    times.is_valid(row).then(|| TimeUs(times.value(row)))
}

fn place(batch: &RecordBatch, row: usize) -> Option<Place> {
    let real = |column: usize| value(batch.column(column).as_primitive::<Float64Type>(), row);
    Some(Place { lon_deg: real(11)?, lat_deg: real(12)?, height_m: real(13) })
}

/// A row of a batch; `number` is its number among all rows.
pub(crate) fn read_row(batch: &RecordBatch, number: usize, row: usize) -> Option<PresentEntity> {
    debug_assert_eq!(batch.schema(), Table::Entities.schema());
    let text = |column: usize| batch.column(column).as_string::<i32>();
    let real = |column: usize| value(batch.column(column).as_primitive::<Float64Type>(), row);
    let region = match (real(14), real(15), real(16), real(17)) {
        (Some(west), Some(south), Some(east), Some(north)) => Some(Region { west, south, east, north }),
        _ => None,
    };
    let name = text(5);
    Some(PresentEntity {
        id: EntityId::from_slice(batch.column(0).as_fixed_size_binary().value(row))?,
        kind: text(3).value(row).parse().ok()?,
        class: text(4).value(row).to_owned(),
        name: name.is_valid(row).then(|| name.value(row).to_owned()),
        place: place(batch, row),
        region,
        height_reference: text(HEIGHT_REFERENCE).value(row).parse().ok()?,
        sequence: Sequence(batch.column(1).as_primitive::<UInt64Type>().value(row)),
        retired: batch.column(RETIRED).as_boolean().value(row),
        valid_from: instant(batch, VALID_FROM, row),
        valid_to: instant(batch, VALID_TO, row),
        row: number,
    })
}

fn value(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}
