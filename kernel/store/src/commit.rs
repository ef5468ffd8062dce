//! From changes to rows: ids are found or minted, units and references checked, what is there already left out. Nothing
//! here touches the disk or the present city; a commit that fails to be written has changed nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use kernel_model::schema::Table;
use kernel_model::{
    Change, DatastreamDraft, DatastreamId, EntityDraft, EntityId, HeightReference, Observation, ObservationBatch,
    Place, PositionBatch, Rejection, Sequence, SourceKey, TimeUs,
};
use uuid::Uuid;

use crate::entities::DatastreamInfo;
use crate::error::Error;
use crate::lineage::Lineage;
use crate::live::Live;
use crate::record::TableBatches;
use crate::retention::Limits;
use crate::rows::{
    self, ContentRow, EntityRow, EntityRows, LineageRow, ObservationRows, PositionRows, instants, maybe_instants,
    repeated,
};
use crate::sampler::Sampler;
use crate::story::{State, Story};

/// What became of one group of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Things seen for the first time.
    pub created: u64,
    /// Things described anew.
    pub revised: u64,
    /// Things, readings and fixes that were there already.
    pub unchanged: u64,
    /// Things gone.
    pub retired: u64,
    /// Links kept from a thing to one that came of it.
    pub links: u64,
    /// Readings kept.
    pub observations: u64,
    /// Fixes kept.
    pub positions: u64,
    /// Content objects kept.
    pub contents: u64,
    /// Records refused, among them those that the connector refused.
    pub rejected: Vec<Rejection>,
}

/// A commit that is durable and visible.
#[derive(Debug, Clone, Default)]
pub struct Committed {
    /// Its number; unchanged where there was nothing to write.
    pub sequence: Sequence,
    /// One for each group of changes.
    pub outcomes: Vec<Outcome>,
    /// What live subscribers are told.
    pub delta: crate::delta::Delta,
}

/// A reading that may be there already: its time is not after the newest.
pub(crate) struct Doubtful<S, R> {
    pub(crate) series: S,
    pub(crate) row: R,
    /// Where a reading was measured, if it says so itself.
    pub(crate) place: Option<Place>,
    pub(crate) group: usize,
}

/// Rows of a commit being gathered.
pub(crate) struct Gathering<'a> {
    pub(crate) live: &'a Live,
    pub(crate) limits: Limits,
    group: usize,
    pub(crate) outcomes: Vec<Outcome>,
    entities: HashMap<SourceKey, EntityId>,
    described: HashMap<EntityId, Described>,
    datastreams: HashMap<SourceKey, Arc<DatastreamInfo>>,
    newest_reading: HashMap<DatastreamId, TimeUs>,
    newest_fix: HashMap<EntityId, TimeUs>,
    last_datastream: u64,
    entity_rows: EntityRows<'a>,
    /// Revisions in their order.
    revisions: Vec<Revision>,
    /// Links of this commit.
    pub(crate) lineage: Lineage,
    pub(crate) lineage_rows: Vec<LineageRow>,
    datastream_rows: Vec<DatastreamInfo>,
    pub(crate) observation_rows: ObservationRows,
    pub(crate) position_rows: PositionRows,
    content_rows: Vec<ContentRow>,
    rejected: Vec<Rejection>,
    pub(crate) doubtful_readings: Vec<Doubtful<Arc<DatastreamInfo>, Observation>>,
    pub(crate) doubtful_fixes: Vec<Doubtful<EntityId, kernel_model::PositionFix>>,
}

struct Described {
    story: Story<Told>,
    place: Option<Place>,
    height_reference: HeightReference,
}

/// What a state of a story says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) digest: [u8; 32],
    row: Row,
}

/// Where the row of a revision is.
#[derive(Debug, Clone, Copy)]
enum Row {
    /// Its number in the present city.
    Stored(usize),
    /// Its number among those described in this commit.
    New(usize),
}

/// A revision of this commit.
enum Revision {
    Described(usize),
    /// A row again with the end of its validity.
    Gone {
        last: Row,
        at: TimeUs,
    },
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(live: &'a Live, limits: Limits) -> Self {
        Self {
            live,
            limits,
            group: 0,
            outcomes: Vec::new(),
            entities: HashMap::new(),
            described: HashMap::new(),
            datastreams: HashMap::new(),
            newest_reading: HashMap::new(),
            newest_fix: HashMap::new(),
            last_datastream: live.catalog.last_datastream,
            entity_rows: EntityRows::default(),
            revisions: Vec::new(),
            lineage: Lineage::default(),
            lineage_rows: Vec::new(),
            datastream_rows: Vec::new(),
            observation_rows: ObservationRows::default(),
            position_rows: PositionRows::default(),
            content_rows: Vec::new(),
            rejected: Vec::new(),
            doubtful_readings: Vec::new(),
            doubtful_fixes: Vec::new(),
        }
    }

    /// Begins the next group; its outcome is counted apart.
    pub(crate) fn begin_group(&mut self) {
        self.group = self.outcomes.len();
        self.outcomes.push(Outcome::default());
    }

    pub(crate) fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcomes[self.group]
    }

    /// Takes one change; `contents` says what became of the bytes of a content object.
    pub(crate) fn take(
        &mut self,
        change: &'a Change,
        keep: impl FnOnce(&[u8]) -> Result<[u8; 32], Error>,
    ) -> Result<(), Error> {
        match change {
            Change::Entity(draft) => self.entity(Cow::Borrowed(draft)),
            Change::Retire { source, at } => match self.find_entity(source) {
                None => self.unknown_thing(source, "removal"),
                Some(id) => self.retire(id, *at),
            },
            Change::Succession(succession) => self.succession(succession),
            Change::Datastream(draft) => self.datastream(draft),
            Change::Observations(batch) => self.observations(batch),
            Change::Positions(batch) => self.positions(batch),
            Change::Rejected(rejection) => self.reject(rejection.clone()),
            Change::Content(draft) => match self.find_entity(&draft.entity) {
                None => self.unknown_thing(&draft.entity, "content object"),
                Some(entity) => {
                    let digest = keep(&draft.bytes)?;
                    self.content(ContentRow {
                        digest,
                        entity,
                        media_type: draft.media_type.clone(),
                        name: draft.name.clone(),
                        size: draft.bytes.len() as u64,
                    });
                }
            },
        }
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejected.push(rejection.clone());
        self.outcome().rejected.push(rejection);
    }

    pub(crate) fn refuse(&mut self, source: &SourceKey, reason: String) {
        self.reject(Rejection {
            source: source.dataset.to_string(),
            place: source.id.to_string(),
            reason,
            sample: String::new(),
        });
    }

    /// As [`Gathering::refuse`], of an earlier group.
    pub(crate) fn refuse_in(&mut self, group: usize, source: &SourceKey, reason: String) {
        let current = std::mem::replace(&mut self.group, group);
        self.refuse(source, reason);
        self.group = current;
    }

    fn unknown_thing(&mut self, source: &SourceKey, what: &str) {
        self.refuse(source, format!("this {what} is of a thing that was never described: send its description first"));
    }

    pub(crate) fn find_entity(&self, source: &SourceKey) -> Option<EntityId> {
        self.entities.get(source).or_else(|| self.live.catalog.entities.get(source)).copied()
    }

    fn find_datastream(&self, source: &SourceKey) -> Option<Arc<DatastreamInfo>> {
        self.datastreams.get(source).or_else(|| self.live.catalog.datastreams.get(source)).cloned()
    }

    /// What is known of a thing over valid time, with what this commit says of it.
    pub(crate) fn story(&self, id: &EntityId) -> Story<Told> {
        match self.described.get(id) {
            Some(described) => described.story.clone(),
            None => self
                .live
                .present
                .story(id)
                .unwrap_or_default()
                .map(|note| Told { digest: note.digest, row: Row::Stored(note.row) }),
        }
    }

    pub(crate) fn entity(&mut self, draft: Cow<'a, EntityDraft>) {
        let parent = draft.parent.as_ref().map(|source| (source, self.find_entity(source)));
        if let Some((source, None)) = parent {
            let reason = format!("its parent {source} was never described: describe the parent first");
            return self.refuse(&draft.source, reason);
        }
        if let (Some(from), Some(to)) = (draft.valid_from, draft.valid_to)
            && to < from
        {
            let reason = format!("it ends at {to}, before it begins at {from}: give a valid_to that is later");
            return self.refuse(&draft.source, reason);
        }
        let parent = parent.and_then(|(_, id)| id);
        let known = self.find_entity(&draft.source);
        let id = known.unwrap_or_else(|| EntityId(Uuid::now_v7()));
        let digest = draft.digest();
        let mut story = known.map(|id| self.story(&id)).unwrap_or_default();
        if stands(&story, &draft, &digest) {
            self.outcome().unchanged += 1;
            return;
        }
        match known {
            None => self.outcome().created += 1,
            Some(_) => self.outcome().revised += 1,
        }
        self.entities.insert(draft.source.clone(), id);
        let (from, to, own_place, height_reference) =
            (draft.valid_from, draft.valid_to, place_of(&draft), draft.height_reference.clone());
        let row = self.entity_rows.push(EntityRow { id, parent, digest, draft });
        self.revisions.push(Revision::Described(row));
        story.describe(from, to, Told { digest, row: Row::New(row) });
        let is_last = story.last().is_some_and(|last| matches!(last.what.row, Row::New(last) if last == row));
        // A correction of the past leaves the thing where it is.
        let standing = (!is_last).then(|| self.standing(&id)).flatten();
        let (place, height_reference) = standing.unwrap_or((own_place, height_reference));
        self.described.insert(id, Described { story, place, height_reference });
    }

    /// Ends a thing; one that is gone already only where it went earlier than was known.
    pub(crate) fn retire(&mut self, id: EntityId, at: TimeUs) {
        let mut story = self.story(&id);
        let Some(last) = story.last().filter(|last| !last.gone || last.from > Some(at)).map(|last| last.what) else {
            self.outcome().unchanged += 1;
            return;
        };
        self.revisions.push(Revision::Gone { last: last.row, at });
        story.retire(at, last);
        let height_reference = self.standing(&id).map_or(HeightReference::None, |(_, reference)| reference);
        self.described.insert(id, Described { story, place: None, height_reference });
        self.outcome().retired += 1;
    }

    /// Where a thing stands and what its heights are measured from.
    fn standing(&self, id: &EntityId) -> Option<(Option<Place>, HeightReference)> {
        match self.described.get(id) {
            Some(new) => Some((new.place, new.height_reference.clone())),
            None => self.live.present.get(id).map(|old| (old.place, old.height_reference.clone())),
        }
    }

    fn datastream(&mut self, draft: &DatastreamDraft) {
        let Some(entity) = self.find_entity(&draft.entity) else {
            return self.unknown_thing(&draft.entity, "datastream");
        };
        let known = self.find_datastream(&draft.source);
        let id = known.as_ref().map_or_else(
            || {
                self.last_datastream += 1;
                DatastreamId(self.last_datastream)
            },
            |info| info.id,
        );
        let info = DatastreamInfo {
            id,
            entity,
            property: draft.property.clone(),
            unit: draft.unit.clone(),
            name: draft.name.clone(),
            source: draft.source.clone(),
        };
        if known.as_deref() == Some(&info) {
            self.outcome().unchanged += 1;
            return;
        }
        if let Some(old) = known.filter(|old| old.unit != info.unit) {
            let reason = format!(
                "its unit is {} and cannot become {}: declare another datastream for the new unit",
                old.unit, info.unit
            );
            return self.refuse(&draft.source, reason);
        }
        self.outcome().created += 1;
        self.datastream_rows.push(info.clone());
        self.datastreams.insert(draft.source.clone(), Arc::new(info));
    }

    /// Where a thing stands; with its height where that is above the ellipsoid.
    fn place_of(&self, entity: &EntityId) -> Option<Place> {
        let (place, reference) = match self.described.get(entity) {
            Some(new) => (new.place, &new.height_reference),
            None => self.live.present.get(entity).map(|old| (old.place, &old.height_reference))?,
        };
        let above = |place: Place| place.height_m.filter(|_| *reference == HeightReference::Ellipsoid);
        place.map(|place| Place { height_m: above(place), ..place })
    }

    fn observations(&mut self, batch: &ObservationBatch) {
        let Some(info) = self.find_datastream(&batch.datastream) else {
            let reason = "this datastream was never declared: declare it with its unit first".to_owned();
            return self.refuse(&batch.datastream, reason);
        };
        if let Some(unit) = batch.unit.as_deref().filter(|unit| *unit != info.unit) {
            let reason = format!("its unit is {}, the reading says {unit}: send it in {}", info.unit, info.unit);
            return self.refuse(&batch.datastream, reason);
        }
        if !batch.places.is_empty() && batch.places.len() != batch.rows.len() {
            let reason =
                format!("{} readings have {} places: give one for each, or none", batch.rows.len(), batch.places.len());
            return self.refuse(&batch.datastream, reason);
        }
        if let Some(off) = batch.places.iter().find(|place| !on_the_globe(place.lon_deg, place.lat_deg)) {
            return self.refuse(&batch.datastream, off_the_globe(off));
        }
        let stands = self.place_of(&info.entity);
        let newest = self.newest_reading.get(&info.id).copied();
        let mut newest =
            newest.or_else(|| self.live.latest.readings.get(&info.id).map(|latest| latest.phenomenon_time));
        let (mut kept, mut too_old) = (0, 0);
        let Limits { gone_us, readings_us, .. } = self.limits;
        for (n, row) in batch.rows.iter().enumerate() {
            if row.phenomenon_time.0 < readings_us {
                too_old += 1;
                continue;
            }
            let place = batch.places.get(n).copied();
            if newest.is_some_and(|newest| row.phenomenon_time <= newest) || row.phenomenon_time.0 < gone_us {
                self.doubtful_readings.push(Doubtful { series: info.clone(), row: *row, place, group: self.group });
                continue;
            }
            newest = Some(row.phenomenon_time);
            self.observation_rows.push(info.id, row, place.or(stands));
            kept += 1;
        }
        if let Some(newest) = newest {
            self.newest_reading.insert(info.id, newest);
        }
        self.outcome().observations += kept;
        if too_old > 0 {
            self.refuse(&batch.datastream, Limits::too_old(too_old, "readings", readings_us));
        }
    }

    fn positions(&mut self, batch: &PositionBatch) {
        let Some(entity) = self.find_entity(&batch.entity) else { return self.unknown_thing(&batch.entity, "fix") };
        let stated = match self.described.get(&entity) {
            Some(new) => Some(&new.height_reference),
            None => self.live.present.get(&entity).map(|old| &old.height_reference),
        };
        let has_height = batch.rows.iter().any(|row| row.place.height_m.is_some());
        if let Some(stated) = stated.filter(|stated| has_height && **stated != batch.height_reference) {
            let reason = format!(
                "its heights are measured from {stated}, this fix says {}: describe the thing anew or send heights from {stated}",
                batch.height_reference
            );
            return self.refuse(&batch.entity, reason);
        }
        if let Some(off) = batch.rows.iter().find(|row| !on_the_globe(row.place.lon_deg, row.place.lat_deg)) {
            return self.refuse(&batch.entity, off_the_globe(&off.place));
        }
        let newest = self.newest_fix.get(&entity).copied();
        let mut newest = newest.or_else(|| self.live.latest.fixes.get(&entity).map(|latest| latest.time));
        let (mut kept, mut too_old) = (0, 0);
        for row in &batch.rows {
            if row.time.0 < self.limits.fixes_us {
                too_old += 1;
                continue;
            }
            if newest.is_some_and(|newest| row.time <= newest) {
                self.doubtful_fixes.push(Doubtful { series: entity, row: *row, place: None, group: self.group });
                continue;
            }
            newest = Some(row.time);
            self.position_rows.push(entity, row);
            kept += 1;
        }
        if let Some(newest) = newest {
            self.newest_fix.insert(entity, newest);
        }
        self.outcome().positions += kept;
        if too_old > 0 {
            self.refuse(&batch.entity, Limits::too_old(too_old, "fixes", self.limits.fixes_us));
        }
    }

    fn content(&mut self, row: ContentRow) {
        let same = |other: &ContentRow| other.digest == row.digest && other.entity == row.entity;
        if self.live.contents.contains(&(row.digest, row.entity)) || self.content_rows.iter().any(same) {
            self.outcome().unchanged += 1;
            return;
        }
        self.outcome().contents += 1;
        self.content_rows.push(row);
    }

    /// Keeps a doubtful reading after all.
    pub(crate) fn keep_reading(&mut self, doubtful: &Doubtful<Arc<DatastreamInfo>, Observation>) {
        let place = doubtful.place.or_else(|| self.place_of(&doubtful.series.entity));
        self.observation_rows.push(doubtful.series.id, &doubtful.row, place);
        self.outcomes[doubtful.group].observations += 1;
    }

    /// Keeps a doubtful fix after all.
    pub(crate) fn keep_fix(&mut self, doubtful: &Doubtful<EntityId, kernel_model::PositionFix>) {
        self.position_rows.push(doubtful.series, &doubtful.row);
        self.outcomes[doubtful.group].positions += 1;
    }

    /// Thins the word of refused records that goes into the table `rejected`; outcomes keep all.
    pub(crate) fn sample(&mut self, sampler: &mut Sampler, at: TimeUs) {
        self.rejected.retain(|rejection| sampler.keeps(rejection, at));
    }

    /// The rows as batches of the commit; empty tables are left out.
    pub(crate) fn finish(self, sequence: Sequence, at: TimeUs) -> Result<(TableBatches, Vec<Outcome>), Error> {
        let described = self.entity_rows.finish(sequence, at)?;
        let mut batches = vec![(Table::Entities, in_order(&described, &self.revisions, self.live, sequence, at)?)];
        batches.push((Table::Lineage, rows::lineage(&self.lineage_rows, sequence, at)?));
        batches.push((Table::Datastreams, rows::datastreams(&self.datastream_rows, sequence, at)?));
        let last_id = self.live.latest.last_observation;
        batches.push((Table::Observations, self.observation_rows.finish(sequence, Some(at), last_id)?));
        batches.push((Table::Positions, self.position_rows.finish(sequence, Some(at))?));
        batches.push((Table::Contents, rows::contents(&self.content_rows, sequence, at)?));
        batches.push((Table::Rejected, rows::rejected(&self.rejected, sequence, at)?));
        batches.retain(|(_, batch)| batch.num_rows() > 0);
        Ok((batches, self.outcomes))
    }
}

fn off_the_globe(place: &Place) -> String {
    let Place { lon_deg, lat_deg, .. } = place;
    format!("longitude {lon_deg}, latitude {lat_deg} is not on the globe: send degrees, longitude first")
}

fn on_the_globe(lon_deg: f64, lat_deg: f64) -> bool {
    lon_deg.abs() <= 180.0 && lat_deg.abs() <= 90.0
}

/// Whether a description stands already.
fn stands(story: &Story<Told>, draft: &EntityDraft, digest: &[u8; 32]) -> bool {
    let is_same = |state: &State<Told>| state.from == draft.valid_from && !state.gone && state.what.digest == *digest;
    // Without a beginning it is the whole story.
    let is_whole = draft.valid_from.is_some() || story.states().len() == 1;
    is_whole && story.states().iter().any(is_same)
}

/// The anchor of what is described.
fn place_of(draft: &EntityDraft) -> Option<Place> {
    let geometry = draft.geometry.as_ref()?;
    let anchor = geometry.anchor().filter(|a| on_the_globe(a.lon_deg, a.lat_deg))?;
    let height_m = geometry.has_height.then_some(anchor.height_m);
    Some(Place { lon_deg: anchor.lon_deg, lat_deg: anchor.lat_deg, height_m })
}

/// All revisions of a commit in their order.
fn in_order(
    described: &RecordBatch,
    revisions: &[Revision],
    live: &Live,
    sequence: Sequence,
    at: TimeUs,
) -> Result<RecordBatch, Error> {
    let (mut pieces, mut order) = (vec![described.clone()], Vec::with_capacity(revisions.len()));
    for revision in revisions {
        match revision {
            Revision::Described(row) => order.push((0, *row)),
            Revision::Gone { last, at: gone_at } => {
                let last = match last {
                    Row::Stored(row) => live.present.numbered(*row),
                    Row::New(row) => described.slice(*row, 1),
                };
                order.push((pieces.len(), 0));
                pieces.push(gone(&last, sequence, at, *gone_at)?);
            }
        }
    }
    if pieces.len() == 1 {
        return Ok(described.clone());
    }
    interleave_record_batch(&pieces.iter().collect::<Vec<_>>(), &order).map_err(Error::arrow("put revisions in order"))
}

/// The last revision of a thing that is gone: its row again with the end of its validity.
fn gone(row: &RecordBatch, sequence: Sequence, at: TimeUs, gone_at: TimeUs) -> Result<RecordBatch, Error> {
    let mut columns = row.columns().to_vec();
    columns[1] = repeated(sequence, 1);
    columns[2] = instants(vec![at.0]);
    columns[21] = maybe_instants(vec![Some(gone_at.0)]);
    columns[22] = Arc::new(BooleanArray::from(vec![true]));
    RecordBatch::try_new(row.schema(), columns).map_err(Error::arrow("retire a thing"))
}
