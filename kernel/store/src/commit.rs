//! From changes to rows: ids are found or minted, units and references checked, what is there already left out. Nothing
//! here touches the disk or the present city; a commit that fails to be written has changed nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use kernel_model::schema::Table;
use kernel_model::{
    Change, DatastreamDraft, DatastreamId, EntityDraft, EntityId, HeightReference, Place, Rejection, Sequence,
    SourceKey, TimeUs,
};
use uuid::Uuid;

use crate::entities::DatastreamInfo;
use crate::error::Error;
use crate::hash::IdMap;
use crate::lineage::Lineage;
use crate::live::Live;
use crate::origins::{Held, OriginRow};
use crate::record::TableBatches;
use crate::retention::Limits;
use crate::revisions::{Revision, Row, in_order};
use crate::rows::{self, ContentRow, EntityRow, EntityRows, LineageRow};
use crate::sampler::Sampler;
use crate::series_rows::{ObservationRows, PositionRows};
use crate::snapshot::Snapshot;
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
    /// Of `unchanged`, the readings of each datastream.
    pub doubles: BTreeMap<DatastreamId, u64>,
}

impl Outcome {
    /// Adds what became of more changes of the same group.
    pub(crate) fn add(&mut self, more: Self) {
        self.created += more.created;
        self.revised += more.revised;
        self.unchanged += more.unchanged;
        self.retired += more.retired;
        self.links += more.links;
        self.observations += more.observations;
        self.positions += more.positions;
        self.contents += more.contents;
        self.rejected.extend(more.rejected);
        more.doubles.into_iter().for_each(|(series, count)| *self.doubles.entry(series).or_default() += count);
    }
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
    /// Its rows as they are kept.
    pub rows: Vec<(Table, RecordBatch)>,
    /// They went past the log: they are in the store, and none of them here.
    pub past_log: bool,
}

/// Rows of a commit being gathered.
pub(crate) struct Gathering<'a> {
    pub(crate) live: &'a Live,
    /// What is stored, for what is not kept in memory.
    pub(crate) snapshot: &'a Snapshot,
    /// When the commit is recorded.
    now: TimeUs,
    pub(crate) limits: Limits,
    group: usize,
    pub(crate) outcomes: Vec<Outcome>,
    entities: HashMap<SourceKey, EntityId>,
    pub(crate) described: HashMap<EntityId, Described>,
    pub(crate) datastreams: HashMap<SourceKey, Arc<DatastreamInfo>>,
    pub(crate) newest_reading: IdMap<DatastreamId, TimeUs>,
    pub(crate) newest_fix: IdMap<EntityId, TimeUs>,
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
    /// The file that the group comes from.
    pub(crate) held: Option<Held>,
    pub(crate) origin_rows: Vec<OriginRow>,
    /// The first reading and the first fix of each group.
    begins: Vec<[usize; 2]>,
    /// Numbers of readings and of fixes that are there already, ascending.
    left_out: [Vec<u32>; 2],
}

pub(crate) struct Described {
    story: Story<Told>,
    place: Option<Place>,
    pub(crate) height_reference: HeightReference,
}

/// What a state of a story says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) digest: [u8; 32],
    row: Row,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(live: &'a Live, snapshot: &'a Snapshot, now: TimeUs, limits: Limits) -> Self {
        Self {
            live,
            snapshot,
            now,
            limits,
            group: 0,
            outcomes: Vec::new(),
            entities: HashMap::new(),
            described: HashMap::new(),
            datastreams: HashMap::new(),
            newest_reading: IdMap::default(),
            newest_fix: IdMap::default(),
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
            held: None,
            origin_rows: Vec::new(),
            begins: Vec::new(),
            left_out: [Vec::new(), Vec::new()],
        }
    }

    /// Begins the next group; its outcome is counted apart.
    pub(crate) fn begin_group(&mut self) {
        self.group = self.outcomes.len();
        self.held = None;
        self.begins.push([self.observation_rows.len(), self.position_rows.len()]);
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
            Change::Entity(draft) => {
                self.entity(Cow::Borrowed(draft));
                self.named(&draft.source);
            }
            Change::Retire { source, at } => match self.find_entity(source) {
                None => self.unknown_thing(source, "removal"),
                Some(id) => self.retire(id, *at),
            },
            Change::Succession(succession) => self.succession(succession),
            Change::Datastream(draft) => self.datastream(draft),
            Change::Observations(batch) => self.observations(batch),
            Change::Positions(batch) => self.positions(batch),
            Change::Readings(columns) => self.readings(columns),
            Change::Fixes(columns) => self.fixes(columns),
            Change::Rejected(rejection) => self.reject(rejection.clone()),
            Change::Origin(origin) => self.begin_origin(origin)?,
            Change::Mention(source) => self.mentioned(source),
            Change::Ended { removal, at } => self.ended(*removal, *at)?,
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

    pub(crate) fn reject(&mut self, rejection: Rejection) {
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

    /// Refuses a reading that was gathered, in the name of its group.
    pub(crate) fn refuse_reading(&mut self, row: u32, why: &str) {
        let series = DatastreamId(self.observation_rows.instant(row as usize).0);
        let source = self.info_of(series).map(|info| info.source.clone());
        self.refuse_row(0, row, &source.unwrap_or_else(|| SourceKey::new("", series.to_string())), why);
    }

    /// Refuses a fix that was gathered, in the name of its group.
    pub(crate) fn refuse_fix(&mut self, row: u32, why: &str) {
        let entity = EntityId(Uuid::from_u128(self.position_rows.instant(row as usize).0));
        self.refuse_row(1, row, &SourceKey::new("", entity.to_string()), why);
    }

    fn refuse_row(&mut self, table: usize, row: u32, source: &SourceKey, why: &str) {
        let group = self.group_of(table, row);
        let current = std::mem::replace(&mut self.group, group);
        self.refuse(source, why.to_owned());
        self.group = current;
    }

    pub(crate) fn unknown_thing(&mut self, source: &SourceKey, what: &str) {
        self.refuse(source, format!("this {what} is of a thing that was never described: send its description first"));
    }

    pub(crate) fn find_entity(&self, source: &SourceKey) -> Option<EntityId> {
        self.entities.get(source).copied().or_else(|| self.live.present.of_source(source))
    }

    pub(crate) fn find_datastream(&self, source: &SourceKey) -> Option<Arc<DatastreamInfo>> {
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

    pub(crate) fn entity(&mut self, mut draft: Cow<'a, EntityDraft>) {
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
        let mut story = known.map(|id| self.story(&id)).unwrap_or_default();
        if self.comes_back(&story, &draft) {
            draft.to_mut().valid_from = Some(self.now);
        }
        let digest = draft.digest();
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

    /// Whether a thing that is gone is in a file of what is there now, which says that it began before it went.
    fn comes_back(&self, story: &Story<Told>, draft: &EntityDraft) -> bool {
        let gone = story.last().filter(|last| last.gone && self.held.is_some());
        gone.is_some_and(|gone| draft.valid_from.is_some() && draft.valid_from < gone.from)
    }

    /// Ends a thing; one that is gone already only where it went earlier than was known.
    pub(crate) fn retire(&mut self, id: EntityId, at: TimeUs) {
        self.end(id, at, None);
    }

    /// The same, with why.
    pub(crate) fn end(&mut self, id: EntityId, at: TimeUs, note: Option<Arc<str>>) {
        let mut story = self.story(&id);
        let Some(last) = story.last().filter(|last| !last.gone || last.from > Some(at)).map(|last| last.what) else {
            self.outcome().unchanged += 1;
            return;
        };
        self.revisions.push(Revision::Gone { last: last.row, at, note });
        story.retire(at, last);
        let height_reference = self.standing(&id).map_or(HeightReference::None, |(_, reference)| reference);
        self.described.insert(id, Described { story, place: None, height_reference });
        self.outcome().retired += 1;
    }

    /// Where a thing stands and what its heights are measured from.
    fn standing(&self, id: &EntityId) -> Option<(Option<Place>, HeightReference)> {
        match self.described.get(id) {
            Some(new) => Some((new.place, new.height_reference.clone())),
            None => self.live.present.height_reference(id).map(|reference| (self.live.present.place(id), reference)),
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
    pub(crate) fn place_of(&self, entity: &EntityId) -> Option<Place> {
        let (place, reference) = self.standing(entity)?;
        let above = |place: Place| place.height_m.filter(|_| reference == HeightReference::Ellipsoid);
        place.map(|place| Place { height_m: above(place), ..place })
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

    /// Leaves out readings that are there already, and others that are refused.
    pub(crate) fn leave_out_readings(&mut self, there: &[u32], refused: &[u32]) {
        for row in there {
            let series = DatastreamId(self.observation_rows.instant(*row as usize).0);
            *self.outcome_of(0, *row).doubles.entry(series).or_default() += 1;
        }
        let rows = self.leave_out(0, there, refused);
        for row in &rows {
            self.outcome_of(0, *row).observations -= 1;
        }
        self.left_out[0] = rows;
    }

    /// Leaves out fixes that are there already, and others that are refused.
    pub(crate) fn leave_out_fixes(&mut self, there: &[u32], refused: &[u32]) {
        let rows = self.leave_out(1, there, refused);
        for row in &rows {
            self.outcome_of(1, *row).positions -= 1;
        }
        self.left_out[1] = rows;
    }

    /// All rows to leave out, ascending.
    fn leave_out(&mut self, table: usize, there: &[u32], refused: &[u32]) -> Vec<u32> {
        for row in there {
            self.outcome_of(table, *row).unchanged += 1;
        }
        let mut rows = [there, refused].concat();
        rows.sort_unstable();
        rows
    }

    /// The outcome of the group of a row.
    fn outcome_of(&mut self, table: usize, row: u32) -> &mut Outcome {
        let group = self.group_of(table, row);
        &mut self.outcomes[group]
    }

    /// The group of a reading (table 0) or a fix (table 1).
    pub(crate) fn group_of(&self, table: usize, row: u32) -> usize {
        self.begins.partition_point(|begin| begin[table] <= row as usize).saturating_sub(1)
    }

    /// The datastream of a number, new or known.
    pub(crate) fn info_of(&self, id: DatastreamId) -> Option<Arc<DatastreamInfo>> {
        let known = self.live.catalog.by_id.get(&id).cloned();
        known.or_else(|| self.datastreams.values().find(|info| info.id == id).cloned())
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
        let [readings, fixes] = &self.left_out;
        batches.push((Table::Observations, self.observation_rows.finish(sequence, Some(at), last_id, readings)?));
        batches.push((Table::Positions, self.position_rows.finish(sequence, Some(at), fixes)?));
        batches.push((Table::Contents, rows::contents(&self.content_rows, sequence, at)?));
        batches.push((Table::Rejected, rows::rejected(&self.rejected, sequence, at)?));
        batches.push((Table::Origins, rows::origins(&self.origin_rows, sequence, at)?));
        batches.retain(|(_, batch)| batch.num_rows() > 0);
        Ok((batches, self.outcomes))
    }
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
    let anchor = geometry.anchor().filter(|a| a.lon_deg.abs() <= 180.0 && a.lat_deg.abs() <= 90.0)?;
    let height_m = geometry.has_height.then_some(anchor.height_m);
    Some(Place { lon_deg: anchor.lon_deg, lat_deg: anchor.lat_deg, height_m })
}
