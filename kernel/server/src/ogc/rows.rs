//! The columns of `entities` that features are made of, by name, and the walk over marked ones.

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float64Array, RecordBatch, StringArray,
};
use arrow::array::{TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::{EntityId, Region, Span, TimeUs};

use crate::error::ApiError;

/// Typed columns of one batch.
pub(super) struct Columns<'a> {
    pub id: &'a FixedSizeBinaryArray,
    pub sequence: &'a UInt64Array,
    pub recorded_at: &'a TimestampMicrosecondArray,
    pub kind: &'a StringArray,
    pub class: &'a StringArray,
    pub name: &'a StringArray,
    pub parent: &'a FixedSizeBinaryArray,
    pub dataset: &'a StringArray,
    pub source_id: &'a StringArray,
    pub geometry: &'a BinaryArray,
    pub height_reference: &'a StringArray,
    bounds: [&'a Float64Array; 4],
    pub top_m: &'a Float64Array,
    pub properties: &'a StringArray,
    pub valid_from: &'a TimestampMicrosecondArray,
    pub valid_to: &'a TimestampMicrosecondArray,
    pub lineage: &'a StringArray,
    pub digest: &'a FixedSizeBinaryArray,
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self, ApiError> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| ApiError::internal(format!("entities has no column `{name}`")))
        };
        let text = |name: &str| Ok::<_, ApiError>(column(name)?.as_string::<i32>());
        let real = |name: &str| Ok::<_, ApiError>(column(name)?.as_primitive::<Float64Type>());
        let instant = |name: &str| Ok::<_, ApiError>(column(name)?.as_primitive::<TimestampMicrosecondType>());
        Ok(Self {
            id: column("id")?.as_fixed_size_binary(),
            sequence: column("seq")?.as_primitive::<UInt64Type>(),
            recorded_at: instant("recorded_at")?,
            kind: text("kind")?,
            class: text("class")?,
            name: text("name")?,
            parent: column("parent")?.as_fixed_size_binary(),
            dataset: text("dataset")?,
            source_id: text("source_id")?,
            geometry: column("geometry")?.as_binary::<i32>(),
            height_reference: text("height_reference")?,
            bounds: [real("west")?, real("south")?, real("east")?, real("north")?],
            top_m: real("top_m")?,
            properties: text("properties")?,
            valid_from: instant("valid_from")?,
            valid_to: instant("valid_to")?,
            lineage: text("lineage")?,
            digest: column("digest")?.as_fixed_size_binary(),
        })
    }

    pub(super) fn id(&self, row: usize) -> Option<EntityId> {
        EntityId::from_slice(self.id.value(row))
    }

    /// The western sides of boxes; null where there is no geometry.
    pub(super) fn west(&self) -> &'a Float64Array {
        self.bounds[0]
    }

    /// The box of the geometry; `None` where there is no geometry.
    pub(super) fn region(&self, row: usize) -> Option<Region> {
        let [west, south, east, north] = self.bounds;
        let valid = self.bounds.iter().all(|column| column.is_valid(row));
        valid.then(|| Region {
            west: west.value(row),
            south: south.value(row),
            east: east.value(row),
            north: north.value(row),
        })
    }

    /// Since when and until when it is so in the world; open ends where nothing is stated.
    pub(super) fn span(&self, row: usize) -> Span {
        Span { from: instant(self.valid_from, row), to: instant(self.valid_to, row) }
    }
}

pub(super) fn instant(column: &TimestampMicrosecondArray, row: usize) -> Option<TimeUs> {
    column.is_valid(row).then(|| TimeUs(column.value(row)))
}

/// Calls `visit` with every marked row: the number of its batch, the batch's columns, the row.
pub(super) fn each_marked(
    revisions: &[(RecordBatch, BooleanArray)],
    mut visit: impl FnMut(usize, &Columns<'_>, usize),
) -> Result<(), ApiError> {
    for (number, (batch, marks)) in revisions.iter().enumerate() {
        let columns = Columns::of(batch)?;
        marks.values().set_indices().for_each(|row| visit(number, &columns, row));
    }
    Ok(())
}
