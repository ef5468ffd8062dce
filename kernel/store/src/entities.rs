//! The present city in memory: every revision as Arrow rows with a mask of the present ones, each entity's essentials by
//! id, its story where that has more than one state, and an index of their boxes.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, BooleanArray, BooleanBufferBuilder, Float64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use arrow::error::ArrowError;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, HeightReference, Kind, Place, Region, Sequence, SourceKey, TimeUs};
use spatial_index::{BoxIndex, LonLatBox};

use crate::entity_boxes::EntityBoxes;
use crate::hash::IdMap;
use crate::history::{History, Ids};
use crate::story::Story;

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

/// A thing as it stands by the last state of its story, in short; the whole row is [`Present::row`].
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
    pub(crate) digest: [u8; 32],
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
#[derive(Debug)]
struct Revisions {
    /// The number of the first row.
    first: usize,
    batch: RecordBatch,
    /// Rows that are the last state of a thing that is there.
    present: BooleanBufferBuilder,
    mask: OnceLock<BooleanArray>,
    ids: Arc<Ids>,
    boxes: Arc<EntityBoxes>,
}

/// All entities in memory.
#[derive(Debug, Default)]
pub(crate) struct Present {
    batches: Vec<Revisions>,
    rows: usize,
    slots: Vec<PresentEntity>,
    by_id: IdMap<EntityId, u32>,
    /// Stories of more than one state, by slot.
    stories: HashMap<u32, Story<Note>>,
    boxes: BoxIndex,
}

/// Boxes on their way into the index.
type Fresh = Vec<(LonLatBox, u32)>;

impl Present {
    /// Takes in revisions, newest last.
    pub(crate) fn learn(&mut self, batch: &RecordBatch) {
        if batch.num_rows() == 0 {
            return;
        }
        let first = self.rows;
        self.rows += batch.num_rows();
        self.batches.push(Revisions::of(first, batch.clone()));
        let mut fresh = Vec::new();
        for row in 0..batch.num_rows() {
            if let Some(entity) = read_row(batch, first + row, row) {
                self.take(entity, &mut fresh);
            }
        }
        self.boxes.extend(fresh);
        self.gather_small();
    }

    fn take(&mut self, entity: PresentEntity, fresh: &mut Fresh) {
        let Some(slot) = self.by_id.get(&entity.id).copied() else {
            let slot = self.slots.len() as u32;
            self.by_id.insert(entity.id, slot);
            self.show(&entity, slot, fresh);
            return self.slots.push(entity);
        };
        let mut story = self.stories.remove(&slot).unwrap_or_else(|| self.slots[slot as usize].story());
        entity.tell(&mut story);
        let last = story.last().map(|state| state.what.row);
        if story.states().len() > 1 {
            self.stories.insert(slot, story);
        }
        let stands = &self.slots[slot as usize];
        let entity = match last {
            Some(row) if row == entity.row => entity,
            // A correction of the past: the thing stands as it stood, or as it stood before it was retired.
            Some(row) if row != stands.row => {
                let (batch, at) = self.find(row);
                let Some(entity) = read_row(&self.batches[batch].batch, row, at) else { return };
                entity
            }
            _ => return,
        };
        self.hide(slot, fresh);
        self.show(&entity, slot, fresh);
        self.slots[slot as usize] = entity;
    }

    fn show(&mut self, entity: &PresentEntity, slot: u32, fresh: &mut Fresh) {
        self.mark(entity.row, !entity.retired);
        if let Some(region) = entity.region.filter(|_| !entity.retired) {
            fresh.push((bounds(&region), slot));
        }
    }

    fn hide(&mut self, slot: u32, fresh: &mut Fresh) {
        let old = &self.slots[slot as usize];
        let (row, indexed) = (old.row, old.region.filter(|_| !old.retired).map(|region| bounds(&region)));
        self.mark(row, false);
        if indexed.is_some_and(|bounds| !self.boxes.remove(bounds, slot)) {
            // Not in the tree yet: it came earlier in this very batch.
            fresh.retain(|(_, number)| *number != slot);
        }
    }

    /// The batch of a row and its place in it.
    fn find(&self, row: usize) -> (usize, usize) {
        let batch = self.batches.partition_point(|batch| batch.first <= row).saturating_sub(1);
        (batch, row - self.batches[batch].first)
    }

    fn mark(&mut self, row: usize, present: bool) {
        let (batch, at) = self.find(row);
        self.batches[batch].present.set_bit(at, present);
        self.batches[batch].mask.take();
    }

    /// Small batches of like size become one, so that their number grows with the logarithm of the rows.
    fn gather_small(&mut self) {
        let tier = |batch: &Revisions| batch.batch.num_rows().max(1).ilog(FAN);
        loop {
            let Some(last) = self.batches.last().filter(|last| last.batch.num_rows() < LARGE) else { return };
            let tier_of_last = tier(last);
            let alike = self.batches.iter().rev().take_while(|batch| tier(batch) <= tier_of_last).count();
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

    /// The last state of a thing, also where it is gone.
    pub(crate) fn get(&self, id: &EntityId) -> Option<&PresentEntity> {
        self.by_id.get(id).map(|slot| &self.slots[*slot as usize])
    }

    /// What is known of a thing over valid time.
    pub(crate) fn story(&self, id: &EntityId) -> Option<Story<Note>> {
        let slot = self.by_id.get(id)?;
        Some(self.stories.get(slot).cloned().unwrap_or_else(|| self.slots[*slot as usize].story()))
    }

    /// A row by its number.
    pub(crate) fn numbered(&self, row: usize) -> RecordBatch {
        let (batch, at) = self.find(row);
        self.batches[batch].batch.slice(at, 1)
    }

    /// The whole row of an entity.
    pub(crate) fn row(&self, entity: &PresentEntity) -> RecordBatch {
        self.numbered(entity.row)
    }

    /// Everything present, oldest id first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &PresentEntity> {
        self.slots.iter().filter(|entity| !entity.retired)
    }

    /// Everything present whose box meets the region, in the order of [`Present::iter`].
    pub(crate) fn in_region(&self, region: &Region) -> Vec<&PresentEntity> {
        let mut slots: Vec<u32> = self.boxes.candidates(bounds(region)).collect();
        slots.sort_unstable();
        slots.into_iter().map(|slot| &self.slots[slot as usize]).collect()
    }

    /// All revisions, with marks at the present ones.
    pub(crate) fn history(&self) -> History {
        let rows = self.batches.iter().map(|batch| (batch.batch.clone(), batch.mask().clone())).collect();
        History {
            rows,
            ids: self.batches.iter().map(|batch| batch.ids.clone()).collect(),
            boxes: self.batches.iter().map(|batch| batch.boxes.clone()).collect(),
        }
    }
}

impl PresentEntity {
    /// Its number among all rows.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    fn note(&self) -> Note {
        Note { digest: self.digest, row: self.row }
    }

    /// Its story, where it has one state only.
    fn story(&self) -> Story<Note> {
        let mut story = Story::default();
        self.tell(&mut story);
        story
    }

    /// Goes on with a story.
    fn tell(&self, story: &mut Story<Note>) {
        match self.valid_to.filter(|_| self.retired) {
            Some(at) => story.retire(at, self.note()),
            None => story.describe(self.valid_from, self.valid_to, self.note()),
        }
    }
}

impl Revisions {
    fn of(first: usize, batch: RecordBatch) -> Self {
        let mut present = BooleanBufferBuilder::new(batch.num_rows());
        present.append_n(batch.num_rows(), false);
        Self { first, ids: Ids::of(&batch), boxes: EntityBoxes::of(&batch), batch, present, mask: OnceLock::new() }
    }

    fn joined(batches: &[Self]) -> Result<Self, ArrowError> {
        let batch = concat_batches(&Table::Entities.schema(), batches.iter().map(|batch| &batch.batch))?;
        let mut present = BooleanBufferBuilder::new(batch.num_rows());
        for batch in batches {
            present.append_buffer(batch.mask().values());
        }
        let first = batches.first().map_or(0, |batch| batch.first);
        Ok(Self { first, ids: Ids::of(&batch), boxes: EntityBoxes::of(&batch), batch, present, mask: OnceLock::new() })
    }

    fn mask(&self) -> &BooleanArray {
        self.mask.get_or_init(|| BooleanArray::new(self.present.finish_cloned(), None))
    }
}

fn bounds(region: &Region) -> LonLatBox {
    LonLatBox { min: [region.west, region.south], max: [region.east, region.north] }
}

/// A row of a batch; `number` is its number among all rows.
pub(crate) fn read_row(batch: &RecordBatch, number: usize, row: usize) -> Option<PresentEntity> {
    debug_assert_eq!(batch.schema(), Table::Entities.schema());
    let text = |column: usize| batch.column(column).as_string::<i32>();
    let real = |column: usize| value(batch.column(column).as_primitive::<Float64Type>(), row);
    let place = match (real(11), real(12)) {
        (Some(lon_deg), Some(lat_deg)) => Some(Place { lon_deg, lat_deg, height_m: real(13) }),
        _ => None,
    };
    let region = match (real(14), real(15), real(16), real(17)) {
        (Some(west), Some(south), Some(east), Some(north)) => Some(Region { west, south, east, north }),
        _ => None,
    };
    let name = text(5);
    let instant = |column: usize| {
        let times = batch.column(column).as_primitive::<TimestampMicrosecondType>();
        times.is_valid(row).then(|| TimeUs(times.value(row)))
    };
    Some(PresentEntity {
        id: EntityId::from_slice(batch.column(0).as_fixed_size_binary().value(row))?,
        kind: text(3).value(row).parse().ok()?,
        class: text(4).value(row).to_owned(),
        name: name.is_valid(row).then(|| name.value(row).to_owned()),
        place,
        region,
        height_reference: text(10).value(row).parse().ok()?,
        sequence: Sequence(batch.column(1).as_primitive::<UInt64Type>().value(row)),
        retired: batch.column(22).as_boolean().value(row),
        valid_from: instant(20),
        valid_to: instant(21),
        digest: batch.column(24).as_fixed_size_binary().value(row).try_into().ok()?,
        row: number,
    })
}

fn value(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}
