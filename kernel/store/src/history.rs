//! The city as it was: an instant or stretch of valid time and an instant of recorded time come in, the revisions that held
//! go out. All of it is read from one snapshot; nothing here waits for the writer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Span, TimeUs};

use crate::catalog::datastream;
use crate::entities::DatastreamInfo;
use crate::entity_boxes::EntityBoxes;
use crate::snapshot::Snapshot;
use crate::story::Story;

/// All revisions of things in the order of their commits, with marks at the present ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) rows: Vec<(RecordBatch, BooleanArray)>,
    pub(crate) ids: Vec<Arc<Ids>>,
    pub(crate) boxes: Vec<Arc<EntityBoxes>>,
    /// Which batches lie in a file that is mapped.
    pub(crate) mapped: Vec<bool>,
}

/// The rows of a batch in the order of their ids, sorted when they are first asked for.
#[derive(Debug)]
pub(crate) struct Ids {
    ids: FixedSizeBinaryArray,
    order: OnceLock<Vec<u32>>,
}

impl Ids {
    pub(crate) fn of(batch: &RecordBatch) -> Arc<Self> {
        Arc::new(Self { ids: batch.column(0).as_fixed_size_binary().clone(), order: OnceLock::new() })
    }

    /// The ids, and the numbers of the rows in their order.
    pub(crate) fn sorted(&self) -> (&FixedSizeBinaryArray, &[u32]) {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
            order.sort_by_key(|row| self.ids.value(*row as usize));
            order
        });
        (&self.ids, order)
    }

    /// The rows of an id, ascending.
    fn rows(&self, id: &EntityId) -> &[u32] {
        let (ids, order) = self.sorted();
        let at = |row: &u32| ids.value(*row as usize);
        let behind = &order[order.partition_point(|row| at(row) < id.bytes().as_slice())..];
        &behind[..behind.partition_point(|row| at(row) == id.bytes())]
    }
}

/// The times of revisions.
struct Times<'a> {
    recorded: &'a [i64],
    valid: [&'a arrow::array::TimestampMicrosecondArray; 2],
    retired: &'a BooleanArray,
}

impl<'a> Times<'a> {
    fn of(batch: &'a RecordBatch) -> Self {
        let times = |column: usize| batch.column(column).as_primitive::<TimestampMicrosecondType>();
        Self {
            recorded: times(Table::Entities.recorded_column()).values(),
            valid: [times(20), times(21)],
            retired: batch.column(22).as_boolean(),
        }
    }

    /// Goes on with a story by one row.
    fn tell<T>(&self, row: usize, story: &mut Story<T>, what: T) {
        let [from, to] = self.valid.map(|column| column.is_valid(row).then(|| TimeUs(column.value(row))));
        match to.filter(|_| self.retired.value(row)) {
            Some(at) => story.retire(at, what),
            None => story.describe(from, to, what),
        }
    }
}

impl History {
    /// What was recorded no later than an instant, marked by what stood then.
    fn until(&self, at: TimeUs) -> Self {
        let known = |batch: &RecordBatch| Times::of(batch).recorded.partition_point(|recorded| *recorded <= at.0);
        let rows: Vec<_> = self.rows.iter().map(|(batch, mask)| (batch.slice(0, known(batch)), mask.clone())).collect();
        let known = Self { rows, ..self.clone() };
        Self { rows: known.within(None), ..known }
    }

    /// The revisions, marked where they are the last to hold within a stretch of valid time.
    fn within(&self, valid: Option<Span>) -> Vec<(RecordBatch, BooleanArray)> {
        let mut stories: HashMap<&[u8], Story<(usize, usize)>> = HashMap::new();
        for (number, (batch, _)) in self.rows.iter().enumerate() {
            let (ids, times) = (batch.column(0).as_fixed_size_binary(), Times::of(batch));
            for row in 0..batch.num_rows() {
                times.tell(row, stories.entry(ids.value(row)).or_default(), (number, row));
            }
        }
        let mut marks: Vec<BooleanBufferBuilder> = Vec::with_capacity(self.rows.len());
        for (batch, _) in &self.rows {
            let mut mark = BooleanBufferBuilder::new(batch.num_rows());
            mark.append_n(batch.num_rows(), false);
            marks.push(mark);
        }
        for (number, row) in stories.values().filter_map(|story| story.within(valid)).map(|state| state.what) {
            marks[number].set_bit(row, true);
        }
        let masks = marks.into_iter().map(|mut mark| BooleanArray::new(mark.finish(), None));
        self.rows.iter().map(|(batch, _)| batch.clone()).zip(masks).collect()
    }

    /// The revisions of one thing, as batch and row, in the order of their commits.
    pub(crate) fn of(&self, id: &EntityId) -> impl Iterator<Item = (&RecordBatch, usize)> {
        let id = *id;
        // The index is of the whole batch, of which this may be the beginning.
        self.rows.iter().zip(&self.ids).flat_map(move |((batch, _), ids)| {
            let own = ids.rows(&id).iter().map(|row| *row as usize);
            own.filter(|row| *row < batch.num_rows()).map(move |row| (batch, row))
        })
    }
}

impl Snapshot {
    /// The store by what was recorded no later than an instant. Of things, datastreams and all other tables only that is
    /// shown by [`Snapshot::entities`] and [`Snapshot::entity`]; rows of the other tables are as they were, and whoever reads
    /// them leaves out those recorded after [`Snapshot::known_until`].
    #[must_use]
    pub fn known_at(&self, at: TimeUs) -> Self {
        let until = self.known_until().map_or(at, |before| before.min(at));
        self.clone().with_history(self.entities.until(until), until)
    }

    /// What was recorded later is not shown; `None`: all is.
    pub fn known_until(&self) -> Option<TimeUs> {
        self.known_until
    }

    /// All revisions, marked where they are the last to hold within a stretch of valid time; `None`: by the last state of
    /// each thing, as in [`Snapshot::entities`].
    pub fn entities_within(&self, valid: Option<Span>) -> Vec<(RecordBatch, BooleanArray)> {
        match valid {
            None => self.entities.rows.clone(),
            valid => self.entities.within(valid),
        }
    }

    /// The one row of a thing that is the last to hold within a stretch of valid time; `None` for the stretch: its last state.
    pub fn entity(&self, id: &EntityId, valid: Option<Span>) -> Option<RecordBatch> {
        self.story(id).within(valid).map(|state| state.what).map(|(batch, row)| batch.slice(row, 1))
    }

    /// The one row of a thing's last state, also where that says that the thing is gone.
    pub fn last_state(&self, id: &EntityId) -> Option<RecordBatch> {
        self.story(id).last().map(|state| state.what).map(|(batch, row)| batch.slice(row, 1))
    }

    fn story(&self, id: &EntityId) -> Story<(&RecordBatch, usize)> {
        let mut story = Story::default();
        for (batch, row) in self.entities.of(id) {
            Times::of(batch).tell(row, &mut story, (batch, row));
        }
        story
    }

    /// The datastreams that a test of a row takes, as they were declared last.
    fn datastreams(&self, takes: impl Fn(&RecordBatch, usize) -> bool) -> BTreeMap<DatastreamId, DatastreamInfo> {
        let mut found = BTreeMap::new();
        for batch in self.batches(Table::Datastreams) {
            let recorded = batch.column(Table::Datastreams.recorded_column());
            let recorded = recorded.as_primitive::<TimestampMicrosecondType>();
            let is_known = |row: &usize| self.known_until.is_none_or(|until| recorded.value(*row) <= until.0);
            let rows = (0..batch.num_rows()).filter(|row| takes(&batch, *row)).filter(is_known);
            found.extend(rows.filter_map(|row| datastream(&batch, row)).map(|info| (info.id, info)));
        }
        found
    }

    /// The datastreams of a thing, by their numbers.
    pub fn datastreams_of(&self, entity: &EntityId) -> Vec<DatastreamInfo> {
        let own = |batch: &RecordBatch, row| batch.column(3).as_fixed_size_binary().value(row) == entity.bytes();
        self.datastreams(own).into_values().collect()
    }

    /// All datastreams.
    pub fn all_datastreams(&self) -> BTreeMap<DatastreamId, DatastreamInfo> {
        self.datastreams(|_, _| true)
    }

    /// A datastream.
    pub fn datastream(&self, id: DatastreamId) -> Option<DatastreamInfo> {
        let own = |batch: &RecordBatch, row| batch.column(0).as_primitive::<UInt64Type>().value(row) == id.0;
        self.datastreams(own).remove(&id)
    }

    /// How many datastreams were declared: they are numbered from 1. Where not everything is seen, how many are.
    pub fn datastream_count(&self) -> u64 {
        if let Some(seen) = &self.seen {
            return seen.datastreams().len() as u64;
        }
        let last = |batch: RecordBatch| arrow::compute::max(batch.column(0).as_primitive::<UInt64Type>());
        self.batches(Table::Datastreams).into_iter().filter_map(last).max().unwrap_or_default()
    }
}
