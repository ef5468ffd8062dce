//! A glance at the present city, as somebody sees it: a thing, a datastream, a value at a time come out, hidden ones never. The
//! writer waits for whoever looks, so nothing here takes long.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, RwLockReadGuard};

use arrow::array::RecordBatch;
use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, SourceKey, Traits};

use crate::entities::{DatastreamInfo, PresentEntity, read_row};
use crate::live::Live;
use crate::reader::Reader;
use crate::sight::{Sieve, entity_rows, shown_fix, traits, view};

/// A glance at the present city. Hold it shortly: the writer waits for it.
#[derive(Debug)]
pub struct LiveView<'a> {
    live: Held<'a>,
    sieve: Option<Arc<Sieve>>,
}

#[derive(Debug)]
enum Held<'a> {
    Guard(RwLockReadGuard<'a, Live>),
    Lent(&'a Live),
}

impl Deref for Held<'_> {
    type Target = Live;

    fn deref(&self) -> &Live {
        match self {
            Self::Guard(guard) => guard,
            Self::Lent(live) => live,
        }
    }
}

impl<'a> LiveView<'a> {
    pub(crate) fn new(guard: RwLockReadGuard<'a, Live>, sieve: Option<Arc<Sieve>>) -> Self {
        Self { live: Held::Guard(guard), sieve }
    }

    /// The same glance as a reader sees it; of one that is itself not of everything no more than that.
    pub fn seen_by(&self, reader: &Reader) -> LiveView<'_> {
        let sieve = self.sieve.clone().or_else(|| reader.sieve());
        LiveView { live: Held::Lent(&self.live), sieve }
    }

    /// Everything, whoever looks.
    pub(crate) fn whole(&self) -> &Live {
        &self.live
    }

    /// The last state of an id, retired ones too.
    pub fn entity(&self, id: &EntityId) -> Option<PresentEntity> {
        self.shown(self.live.present.get(id)?)
    }

    /// The whole row of an entity, in the schema of `entities`; nothing where it is not seen.
    pub fn entity_row(&self, entity: &PresentEntity) -> Option<RecordBatch> {
        let row = self.live.present.row(entity);
        let Some(sieve) = &self.sieve else { return Some(row) };
        let view = view(&row, 0, sieve.sight())?;
        if view.is_exact() { Some(row) } else { entity_rows(&row, &[view]).ok() }
    }

    /// Everything present, in the order in which it was first seen.
    pub fn entities(&self) -> impl Iterator<Item = PresentEntity> {
        self.live.present.iter().filter_map(|entity| self.shown(entity))
    }

    /// A datastream.
    pub fn datastream(&self, id: DatastreamId) -> Option<&DatastreamInfo> {
        self.live.catalog.by_id.get(&id).map(Arc::as_ref).filter(|info| self.sees(info))
    }

    /// A datastream by what its source calls it.
    pub fn datastream_of(&self, source: &SourceKey) -> Option<&DatastreamInfo> {
        self.live.catalog.datastreams.get(source).map(Arc::as_ref).filter(|info| self.sees(info))
    }

    /// The thing that a source calls so.
    pub fn entity_of(&self, source: &SourceKey) -> Option<EntityId> {
        let id = self.live.present.of_source(source)?;
        (self.sieve.is_none() || self.entity(&id).is_some()).then_some(id)
    }

    /// The datastreams of a thing.
    pub fn datastreams_of(&self, entity: &EntityId) -> Cow<'_, [DatastreamId]> {
        let all = self.live.catalog.by_entity.get(entity).map(Vec::as_slice).unwrap_or_default();
        match self.sieve {
            None => Cow::Borrowed(all),
            Some(_) => all.iter().copied().filter(|id| self.datastream(*id).is_some()).collect(),
        }
    }

    /// Bytes of the latest values, about.
    pub fn latest_bytes(&self) -> u64 {
        self.live.latest.memory_bytes()
    }

    /// The newest reading of a datastream.
    pub fn reading(&self, datastream: DatastreamId) -> Option<Observation> {
        let is_seen = self.sieve.is_none() || self.datastream(datastream).is_some();
        self.live.latest.reading_of(datastream).filter(|_| is_seen)
    }

    /// The newest fix of a thing.
    pub fn fix(&self, entity: &EntityId) -> Option<PositionFix> {
        self.shown_fix(entity, *self.live.latest.fix_of(entity)?)
    }

    /// A fix of a thing as it is seen.
    pub fn shown_fix(&self, entity: &EntityId, fix: PositionFix) -> Option<PositionFix> {
        let Some(sieve) = &self.sieve else { return Some(fix) };
        shown_fix(sieve.sight(), self.traits(entity)?, fix)
    }

    fn shown(&self, entity: PresentEntity) -> Option<PresentEntity> {
        if self.sieve.is_none() {
            return Some(entity);
        }
        let row = self.entity_row(&entity)?;
        read_row(&row, entity.row(), 0)
    }

    fn traits(&self, id: &EntityId) -> Option<Traits> {
        let (sieve, entity) = (self.sieve.as_ref()?, self.live.present.get(id)?);
        let row = self.live.present.row(&entity);
        view(&row, 0, sieve.sight())?;
        traits(&row, 0, sieve.sight())
    }

    fn sees(&self, info: &DatastreamInfo) -> bool {
        let Some(sieve) = &self.sieve else { return true };
        let Some(traits) = self.traits(&info.entity) else { return false };
        let traits = Traits { dataset: info.source.dataset.to_string(), ..traits };
        sieve.sight().of(&traits).is_some_and(|view| !view.hides(&info.property))
    }
}
