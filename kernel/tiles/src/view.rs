//! The city at the two times that a tile is asked of: a snapshot and the times come in, the things that are meant go out,
//! found by kind and window. Views of the present cost nothing beyond what changed since the last one; a few views of the
//! past are kept, since making one walks over all revisions.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{ContentId, EntityId, Kind, Region, Span, TimeUs};
use kernel_store::{Reader, Snapshot};

use crate::columns::Columns;
use crate::grid::Cell;
use crate::index::{Index, Item};

/// The two times a tile can be asked of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was so; `None`: as it stands.
    pub valid: Option<Span>,
    /// By when it had been told; `None`: all that is known.
    pub recorded: Option<TimeUs>,
}

impl Hash for Times {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.valid.map(|span| (span.from, span.to)).hash(state);
        self.recorded.hash(state);
    }
}

/// By what a view is known to hold still. What is known of an instant of recording that is over never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revision {
    /// The last commit that told of things, and how many content objects there were.
    Commit(u64, u64),
    Over,
}

/// Views of the past that are kept.
const KEPT: usize = 4;

/// A thing in a view: the number of its batch and what the index knows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) part: u32,
    pub(crate) item: Item,
}

/// Some revisions, which of them are meant, and where they are.
#[derive(Debug)]
struct Part {
    batch: RecordBatch,
    marks: BooleanArray,
    index: Arc<Index>,
}

/// The city at two times.
#[derive(Debug)]
pub struct View {
    parts: Vec<Part>,
    pub(crate) revision: Revision,
    pub(crate) snapshot: Snapshot,
    meshes: OnceLock<Meshes>,
}

impl View {
    /// Visits everything of a kind that may meet a window, and is not smaller; points have no size.
    pub(crate) fn in_window(&self, kind: Kind, window: &Region, least_m: f32, mut visit: impl FnMut(Found)) {
        for (number, part) in self.parts.iter().enumerate() {
            part.index.in_window(kind, window, |item| {
                let is_point = item.size_m == 0.0;
                if (is_point || item.size_m >= least_m) && part.has(item) {
                    visit(Found { part: number as u32, item: *item });
                }
            });
        }
    }

    /// Everything of a kind that has faces and its middle in a cell.
    pub(crate) fn in_cell(&self, kind: Kind, cell: &Cell) -> Faces<'_> {
        let mut runs = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let own = part.index.in_codes(kind, cell.codes()).filter(|run| !run.is_empty());
            runs.extend(own.map(|run| (number as u32, run)));
        }
        Faces { view: self, runs }
    }

    /// How far the things of a kind reach that are taken.
    pub(crate) fn reach(&self, kind: Kind, takes: impl Fn(&Item) -> bool) -> Region {
        let mut reach = Region::EMPTY;
        for part in &self.parts {
            let runs = part.index.in_codes(kind, 0..u64::MAX);
            for item in runs.flatten().filter(|item| part.has(item) && takes(item)) {
                reach = reach.union(&item.region());
            }
        }
        reach
    }

    /// The columns of every part, by its number: for walks over many things.
    pub(crate) fn all_columns(&self) -> Vec<Columns<'_>> {
        self.parts.iter().map(|part| Columns::of(&part.batch)).collect()
    }
}

/// Things with faces in a cell, where the indexes have them: runs in the order of codes.
#[derive(Debug)]
pub(crate) struct Faces<'a> {
    view: &'a View,
    runs: Vec<(u32, &'a [Item])>,
}

impl<'a> Faces<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found> {
        self.runs.iter().flat_map(move |&(part, run)| {
            let own = &self.view.parts[part as usize];
            let meant = run.iter().filter(move |item| item.has_faces() && own.has(item));
            meant.map(move |item| Found { part, item: *item })
        })
    }

    /// Whether there are more than so many: looks at no more of them.
    pub(crate) fn more_than(&self, count: usize) -> bool {
        self.iter().nth(count).is_some()
    }

    /// What lies before a code, and what does not.
    pub(crate) fn split(&self, code: u64) -> (Self, Self) {
        let (mut before, mut rest) = (Vec::new(), Vec::new());
        for (part, run) in &self.runs {
            let (low, high): (&'a [Item], &'a [Item]) = run.split_at(run.partition_point(|item| item.code < code));
            before.extend((!low.is_empty()).then_some((*part, low)));
            rest.extend((!high.is_empty()).then_some((*part, high)));
        }
        (Self { view: self.view, runs: before }, Self { view: self.view, runs: rest })
    }
}

impl Part {
    fn has(&self, item: &Item) -> bool {
        let row = item.row as usize;
        row < self.marks.len() && self.marks.value(row)
    }
}

/// The stored meshes of things: the commit of each and its bytes' hash, oldest first.
type Meshes = HashMap<EntityId, Vec<(u64, ContentId)>>;

impl View {
    /// The mesh that was stored of a thing as a revision of it describes it: with the revision, or later while it is the
    /// thing's last one. A mesh of another revision shows another thing.
    pub(crate) fn stored_mesh(&self, id: &EntityId, sequence: u64) -> Option<ContentId> {
        let meshes = self.meshes.get_or_init(|| meshes(&self.snapshot)).get(id)?;
        let is_last = || {
            let last = self.snapshot.last_state(id);
            last.is_some_and(|row| Columns::of(&row).sequence.value(0) == sequence)
        };
        let fits = |(own, _): &&(u64, ContentId)| *own == sequence || *own > sequence && is_last();
        meshes.iter().rev().find(fits).map(|(_, content)| *content)
    }
}

fn meshes(snapshot: &Snapshot) -> Meshes {
    let mut meshes = Meshes::new();
    for batch in snapshot.batches(Table::Contents) {
        let (digest, entity) = (batch.column(0).as_fixed_size_binary(), batch.column(1).as_fixed_size_binary());
        let (media, sequence) = (batch.column(2).as_string::<i32>(), batch.column(5).as_primitive::<UInt64Type>());
        let recorded = batch.column(Table::Contents.recorded_column()).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let is_known = snapshot.known_until().is_none_or(|until| recorded.value(row) <= until.0);
            if !is_known || media.value(row) != "model/gltf-binary" {
                continue;
            }
            let names = (EntityId::from_slice(entity.value(row)), digest.value(row).first_chunk::<32>());
            if let (Some(id), Some(digest)) = names {
                meshes.entry(id).or_default().push((sequence.value(row), ContentId(*digest)));
            }
        }
    }
    meshes
}

/// Makes views and keeps what they share.
#[derive(Debug)]
pub(crate) struct Views {
    reader: Reader,
    indexes: Mutex<HashMap<usize, Arc<Index>>>,
    present: Mutex<Option<Arc<View>>>,
    past: Mutex<Vec<(Times, Arc<View>)>>,
}

impl Views {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, indexes: Mutex::default(), present: Mutex::default(), past: Mutex::default() }
    }

    /// The view that is there already, if it still holds: never waits for one that is being made.
    pub(crate) fn ready(&self, times: Times) -> Option<Arc<View>> {
        let wanted = revision(&self.reader.snapshot(), times);
        let holds = |view: &Arc<View>| view.revision == wanted;
        if times == Times::default() {
            return self.present.try_lock().ok()?.clone().filter(holds);
        }
        let past = self.past.try_lock().ok()?;
        past.iter().find(|(kept, _)| *kept == times).map(|(_, view)| view.clone()).filter(holds)
    }

    /// The view of the last commit at these times.
    pub(crate) fn of(&self, times: Times) -> Arc<View> {
        if times == Times::default() {
            // Who waits here wants what is being made.
            let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
            let snapshot = self.reader.snapshot();
            let wanted = revision(&snapshot, times);
            if let Some(view) = present.as_ref().filter(|view| view.revision == wanted) {
                return view.clone();
            }
            let view = Arc::new(self.make(snapshot, times, wanted));
            *present = Some(view.clone());
            return view;
        }
        if let Some(view) = self.ready(times) {
            return view;
        }
        let snapshot = self.reader.snapshot();
        let wanted = revision(&snapshot, times);
        let view = Arc::new(self.make(snapshot, times, wanted));
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.retain(|(kept, _)| *kept != times);
        if past.len() == KEPT {
            past.remove(0);
        }
        past.push((times, view.clone()));
        view
    }

    fn make(&self, snapshot: Snapshot, times: Times, revision: Revision) -> View {
        let snapshot = match times.recorded {
            None => snapshot,
            Some(at) => snapshot.known_at(at),
        };
        let revisions = snapshot.entities_within(times.valid);
        let parts = revisions.into_iter().filter(|(batch, _)| batch.num_rows() > 0);
        let parts = parts.map(|(batch, marks)| Part { index: self.index(&batch), batch, marks }).collect();
        View { parts, revision, snapshot, meshes: OnceLock::new() }
    }

    fn index(&self, batch: &RecordBatch) -> Arc<Index> {
        let key = Index::key(batch);
        let lock = || self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = lock().get(&key).filter(|index| index.rows() >= batch.num_rows()) {
            return index.clone();
        }
        let index = Arc::new(Index::of(batch));
        let mut indexes = lock();
        // Of batches that no view knows any more.
        indexes.retain(|_, index| Arc::strong_count(index) > 1);
        indexes.insert(key, index.clone());
        index
    }
}

/// What a view of a snapshot at these times is good for.
fn revision(snapshot: &Snapshot, times: Times) -> Revision {
    let last = snapshot.entities().last().map(|(batch, _)| batch).filter(|batch| batch.num_rows() > 0);
    let Some(last) = last else { return Revision::Commit(0, 0) };
    let row = last.num_rows() - 1;
    let recorded = last.column(Table::Entities.recorded_column()).as_primitive::<TimestampMicrosecondType>();
    match times.recorded {
        // Times of recording ascend: nothing comes any more that was told by then.
        Some(at) if at.0 < recorded.value(row) => Revision::Over,
        _ => Revision::Commit(Columns::of(last).sequence.value(row), snapshot.row_count(Table::Contents)),
    }
}
