//! The present city in memory: every revision as Arrow rows with a mask of the newest ones, each entity's essentials by
//! id, and an index of their boxes.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, BooleanArray, BooleanBufferBuilder, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, HeightReference, Kind, Place, Region, Sequence, SourceKey};
use spatial_index::{BoxIndex, LonLatBox};

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

/// The newest revision of a thing, in short; the whole row is [`Present::row`].
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
    /// What it is called in other languages: its properties `name:xx`.
    pub other_names: Vec<String>,
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
    pub(crate) digest: [u8; 32],
    batch: usize,
    row: usize,
}

#[derive(Debug, Clone)]
struct Revisions {
    batch: RecordBatch,
    superseded: Vec<usize>,
}

/// All entities in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Present {
    batches: Vec<Revisions>,
    slots: Vec<PresentEntity>,
    by_id: HashMap<EntityId, u32>,
    boxes: BoxIndex,
}

impl Present {
    /// Takes in revisions, newest last.
    pub(crate) fn learn(&mut self, batch: &RecordBatch) {
        if batch.num_rows() == 0 {
            return;
        }
        let at = self.batches.len();
        self.batches.push(Revisions { batch: batch.clone(), superseded: Vec::new() });
        let mut fresh = Vec::new();
        for row in 0..batch.num_rows() {
            if let Some(entity) = read_row(batch, at, row) {
                self.take(entity, &mut fresh);
            }
        }
        self.boxes.extend(fresh);
    }

    fn take(&mut self, entity: PresentEntity, fresh: &mut Vec<(LonLatBox, u32)>) {
        let slot = self.by_id.get(&entity.id).copied().unwrap_or(self.slots.len() as u32);
        match self.slots.get(slot as usize) {
            None => {
                self.by_id.insert(entity.id, slot);
                self.slots.push(entity.clone());
            }
            Some(old) => {
                self.batches[old.batch].superseded.push(old.row);
                let indexed = old.region.filter(|_| !old.retired).map(|region| bounds(&region));
                if indexed.is_some_and(|bounds| !self.boxes.remove(bounds, slot)) {
                    // Not in the tree yet: it came earlier in this very batch.
                    fresh.retain(|(_, number)| *number != slot);
                }
            }
        }
        if let Some(region) = entity.region.filter(|_| !entity.retired) {
            fresh.push((bounds(&region), slot));
        }
        self.slots[slot as usize] = entity;
    }

    /// The newest revision of an id, retired ones too.
    pub(crate) fn get(&self, id: &EntityId) -> Option<&PresentEntity> {
        self.by_id.get(id).map(|slot| &self.slots[*slot as usize])
    }

    /// The whole row of an entity.
    pub(crate) fn row(&self, entity: &PresentEntity) -> RecordBatch {
        self.batches[entity.batch].batch.slice(entity.row, 1)
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

    /// All revisions with a mask of the present ones (newest and not retired).
    pub(crate) fn revisions(&self) -> Vec<(RecordBatch, BooleanArray)> {
        self.batches.iter().map(|r| (r.batch.clone(), r.mask())).collect()
    }
}

impl Revisions {
    fn mask(&self) -> BooleanArray {
        let rows = self.batch.num_rows();
        let mut alive = BooleanBufferBuilder::new(rows);
        alive.append_n(rows, true);
        self.superseded.iter().for_each(|row| alive.set_bit(*row, false));
        let retired = self.batch.column(22).as_boolean();
        (0..rows).filter(|row| retired.value(*row)).for_each(|row| alive.set_bit(row, false));
        BooleanArray::new(alive.finish(), None)
    }
}

fn bounds(region: &Region) -> LonLatBox {
    LonLatBox { min: [region.west, region.south], max: [region.east, region.north] }
}

fn read_row(batch: &RecordBatch, at: usize, row: usize) -> Option<PresentEntity> {
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
    Some(PresentEntity {
        id: EntityId::from_slice(batch.column(0).as_fixed_size_binary().value(row))?,
        kind: text(3).value(row).parse().ok()?,
        class: text(4).value(row).to_owned(),
        name: name.is_valid(row).then(|| name.value(row).to_owned()),
        other_names: other_names(text(19).value(row)),
        place,
        region,
        height_reference: text(10).value(row).parse().ok()?,
        sequence: Sequence(batch.column(1).as_primitive::<UInt64Type>().value(row)),
        retired: batch.column(22).as_boolean().value(row),
        digest: batch.column(24).as_fixed_size_binary().value(row).try_into().ok()?,
        batch: at,
        row,
    })
}

fn other_names(properties: &str) -> Vec<String> {
    if !properties.contains("\"name:") {
        return Vec::new();
    }
    let properties: serde_json::Map<String, serde_json::Value> = serde_json::from_str(properties).unwrap_or_default();
    let translated = properties.iter().filter(|(key, _)| key.starts_with("name:"));
    translated.filter_map(|(_, name)| name.as_str().map(str::to_owned)).collect()
}

fn value(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}
