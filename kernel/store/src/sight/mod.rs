//! The city as somebody sees it. A [`Sight`] comes in; a snapshot goes out in which what is hidden is not there, and what is told
//! less exactly stands as it is told. Small tables are sifted once for each change of theirs. Readings and fixes are too many for
//! that: whoever reads them asks an [`Eye`] of each row. A thing is seen as it was recorded last: what became secret is gone
//! with its past, what was told while it was secret stays hidden when it is released.

mod eye;
mod redact;
mod sieve;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use coding_system::{GridCell, Position, beidou};
use kernel_model::{DatastreamId, EntityId, Kind, PositionFix, Sight, Traits, View, grade_of};

pub use self::eye::Eye;
pub(crate) use self::redact::entity_rows;
pub(crate) use self::sieve::Sieve;
use crate::history::History;

/// Columns of `entities`.
const ID: usize = 0;
const KIND: usize = 3;
const CLASS: usize = 4;
const DATASET: usize = 7;
const LON: usize = 11;
const LAT: usize = 12;
const PROPERTIES: usize = 19;

/// What a snapshot is seen through.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) sight: Sight,
    things: Arc<Things>,
    /// Datastreams that are seen, with their things.
    streams: Arc<HashMap<DatastreamId, EntityId>>,
}

/// All things, and those that are seen.
#[derive(Debug)]
pub(crate) struct Things {
    whole: Arc<History>,
    pub(crate) seen: Arc<History>,
}

impl Things {
    fn sees(&self, id: &EntityId) -> bool {
        self.seen.of(id).next().is_some()
    }

    /// The traits of a thing that is seen, as it was recorded last.
    fn traits(&self, id: &EntityId, sight: &Sight) -> Option<Traits> {
        let (batch, row) = self.whole.of(id).last().filter(|_| self.sees(id))?;
        traits(batch, row, sight)
    }
}

impl Seen {
    pub(crate) fn sees_thing(&self, id: &EntityId) -> bool {
        self.things.sees(id)
    }

    pub(crate) fn sees_datastream(&self, id: DatastreamId) -> bool {
        self.streams.contains_key(&id)
    }

    pub(crate) fn datastreams(&self) -> Vec<DatastreamId> {
        let mut all: Vec<_> = self.streams.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// A fix as it is seen.
    pub(crate) fn fix(&self, thing: &EntityId, fix: PositionFix) -> Option<PositionFix> {
        shown_fix(&self.sight, self.things.traits(thing, &self.sight)?, fix)
    }
}

/// A fix of a thing with traits as it is seen.
pub(crate) fn shown_fix(sight: &Sight, traits: Traits, mut fix: PositionFix) -> Option<PositionFix> {
    let district = Some(sight.district(fix.place.lon_deg, fix.place.lat_deg));
    if let Some(level) = sight.of(&Traits { district, ..traits })?.cell_level {
        [fix.place.lon_deg, fix.place.lat_deg] = blurred(fix.place.lon_deg, fix.place.lat_deg, level);
        fix.place.height_m = None;
    }
    Some(fix)
}

/// What a row of `entities` is judged by; nothing where its kind is none.
pub(crate) fn traits(batch: &RecordBatch, row: usize, sight: &Sight) -> Option<Traits> {
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
    let [lon, lat] = [LON, LAT].map(|column| batch.column(column).as_primitive::<Float64Type>());
    let district = match lon.is_valid(row) && lat.is_valid(row) {
        true => Some(sight.district(lon.value(row), lat.value(row))),
        false => None,
    };
    Some(Traits {
        kind: text(KIND).parse::<Kind>().ok()?,
        class: text(CLASS).to_owned(),
        dataset: text(DATASET).to_owned(),
        grade: grade_of(text(PROPERTIES)),
        district,
    })
}

/// How a row of `entities` is seen.
pub(crate) fn view(batch: &RecordBatch, row: usize, sight: &Sight) -> Option<Arc<View>> {
    sight.of(&traits(batch, row, sight)?)
}

/// The centre of the `BeiDou` cell (GB/T 39409-2020) of a place at a level; around the poles the coarser cell there is.
pub fn blurred(lon_deg: f64, lat_deg: f64, level: u8) -> [f64; 2] {
    let centre = || -> Option<[f64; 2]> {
        let position = Position::new_2d(lon_deg, lat_deg).ok()?;
        let cell = beidou::Cell::of(&position, level).or_else(|_| beidou::Cell::of(&position, 2)).ok()?;
        let (lon, lat) = cell.centre_deg();
        Some([lon, lat])
    };
    // A place that is none has no cell, and is not told.
    centre().unwrap_or([f64::NAN, f64::NAN])
}
