//! The small tables of a store as somebody sees them. All rows come in, those that are seen go out, in their order, as they are
//! told. What was sifted before is kept, batch by batch: a commit costs what it brings, and a batch all of which is seen as it
//! is costs nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Sight, Traits, View};

use super::{ID, Seen, Things, entity_rows, view};
use crate::entity_boxes::EntityBoxes;
use crate::error::Error;
use crate::history::{History, Ids};
use crate::memtable;
use crate::parts::Part;

/// Tables that are sifted row by row, with the columns of the things that a row is of.
const TABLES: [(Table, &[usize]); 3] = [(Table::Datastreams, &[3]), (Table::Contents, &[1]), (Table::Lineage, &[0, 1])];
const STREAM_PROPERTY: usize = 4;
const STREAM_DATASET: usize = 7;

/// A table, and its rows as they are seen.
type Shown = (Table, Arc<Vec<Part>>);
type Views = Arc<Vec<Option<Arc<View>>>>;

/// Sifts for one sight.
#[derive(Debug)]
pub(crate) struct Sieve {
    sight: Sight,
    things: Mutex<Kept>,
    tables: Mutex<Option<Tables>>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: Vec<Sifted>,
    things: Option<Arc<Things>>,
}

/// A batch of revisions, and what is seen of it.
#[derive(Debug, Clone)]
struct Sifted {
    /// Says which batch it was.
    whole: Arc<Ids>,
    views: Views,
    keep: BooleanArray,
    rows: RecordBatch,
    ids: Arc<Ids>,
    boxes: Arc<EntityBoxes>,
}

#[derive(Debug, Clone)]
struct Tables {
    things: Arc<Things>,
    /// Rows of each of the tables: rows are only ever added.
    rows: [usize; TABLES.len()],
    parts: [Arc<Vec<Part>>; TABLES.len()],
    streams: Arc<HashMap<DatastreamId, EntityId>>,
}

impl Sieve {
    pub(crate) fn new(sight: Sight) -> Self {
        Self { sight, things: Mutex::default(), tables: Mutex::default() }
    }

    pub(crate) fn sight(&self) -> &Sight {
        &self.sight
    }

    /// What is seen of all revisions.
    pub(crate) fn things(&self, whole: &Arc<History>) -> Arc<Things> {
        let mut kept = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(things) = kept.things.as_ref().filter(|things| Arc::ptr_eq(&things.whole, whole)) {
            return things.clone();
        }
        kept.batches = self.sift(whole, &kept.batches);
        let seen = History {
            rows: kept.batches.iter().zip(&whole.rows).map(|(sifted, (_, mask))| sifted.marked(mask)).collect(),
            ids: kept.batches.iter().map(|sifted| sifted.ids.clone()).collect(),
            boxes: kept.batches.iter().map(|sifted| sifted.boxes.clone()).collect(),
            mapped: whole.mapped.clone(),
        };
        let things = Arc::new(Things { whole: whole.clone(), seen: Arc::new(seen) });
        kept.things = Some(things.clone());
        things
    }

    fn sift(&self, whole: &History, before: &[Sifted]) -> Vec<Sifted> {
        let old = |ids: &Arc<Ids>| before.iter().find(|sifted| Arc::ptr_eq(&sifted.whole, ids));
        let views = |((batch, _), ids): (&(RecordBatch, BooleanArray), &Arc<Ids>)| match old(ids) {
            Some(sifted) => sifted.views.clone(),
            None => Arc::new((0..batch.num_rows()).map(|row| view(batch, row, &self.sight)).collect()),
        };
        let views: Vec<Views> = whole.rows.iter().zip(&whole.ids).map(views).collect();
        let hidden = hidden(whole, &views);
        let sift = |(number, (batch, _)): (usize, &(RecordBatch, BooleanArray))| {
            let (ids, views) = (&whole.ids[number], &views[number]);
            let own = batch.column(ID).as_fixed_size_binary();
            let keep: BooleanArray = (0..batch.num_rows())
                .map(|row| Some(views[row].is_some() && !hidden.contains(own.value(row))))
                .collect();
            match old(ids).filter(|sifted| sifted.keep == keep) {
                Some(sifted) => sifted.clone(),
                None => Sifted::of(batch, ids, views, keep, &whole.boxes[number]),
            }
        };
        whole.rows.iter().enumerate().map(sift).collect()
    }

    /// A snapshot's small tables as they are seen, by number, and what its large ones are asked with.
    pub(crate) fn tables(
        &self,
        things: &Arc<Things>,
        parts: &[Arc<Vec<Part>>; Table::ALL.len()],
    ) -> (Vec<Shown>, Seen) {
        let rows = TABLES.map(|(table, _)| parts[table as usize].iter().map(Part::rows).sum());
        let mut kept = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let same = kept.as_ref().filter(|kept| Arc::ptr_eq(&kept.things, things) && kept.rows == rows);
        let tables = same.cloned().unwrap_or_else(|| self.sift_tables(things, rows, parts));
        *kept = Some(tables.clone());
        let sifted = TABLES.iter().map(|(table, _)| *table).zip(tables.parts);
        // What was refused may be of anything; what a source held names hidden things too.
        let sifted = sifted.chain([(Table::Rejected, Arc::default()), (Table::Origins, Arc::default())]).collect();
        (sifted, Seen { sight: self.sight.clone(), things: things.clone(), streams: tables.streams })
    }

    fn sift_tables(
        &self,
        things: &Arc<Things>,
        rows: [usize; TABLES.len()],
        parts: &[Arc<Vec<Part>>; Table::ALL.len()],
    ) -> Tables {
        let mut streams = HashMap::new();
        let sifted = TABLES.map(|(table, columns)| {
            let mut seen = Vec::new();
            for batch in memtable::batches(&parts[table as usize]) {
                let keep = |row: usize| {
                    let of = |column: &usize| {
                        let id = EntityId::from_slice(batch.column(*column).as_fixed_size_binary().value(row));
                        id.is_some_and(|id| things.sees(&id))
                    };
                    columns.iter().all(of) && (table != Table::Datastreams || self.sees_stream(things, &batch, row))
                };
                let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(keep(row))).collect();
                let told = filter_record_batch(&batch, &keep)
                    .map_err(|source| Error::Arrow { what: format!("sift {}", table.name()), source });
                match told
                    .and_then(|told| if told.num_rows() == 0 { Ok(None) } else { Part::of(table, &[told]).map(Some) })
                {
                    Ok(part) => seen.extend(part),
                    Err(error) => tracing::error!(%error, "rows are hidden that could not be sifted"),
                }
            }
            if table == Table::Datastreams {
                for batch in memtable::batches(&seen) {
                    streams.extend(streams_of(&batch));
                }
            }
            Arc::new(seen)
        });
        Tables { things: things.clone(), rows, parts: sifted, streams: Arc::new(streams) }
    }

    /// Of a thing that is seen: a series may be of another dataset, or of something that is not told.
    fn sees_stream(&self, things: &Things, batch: &RecordBatch, row: usize) -> bool {
        let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
        let thing = EntityId::from_slice(batch.column(3).as_fixed_size_binary().value(row));
        let Some(traits) = thing.and_then(|id| things.traits(&id, &self.sight)) else { return false };
        let traits = Traits { dataset: text(STREAM_DATASET).to_owned(), ..traits };
        self.sight.of(&traits).is_some_and(|view| !view.hides(text(STREAM_PROPERTY)))
    }
}

fn streams_of(batch: &RecordBatch) -> impl Iterator<Item = (DatastreamId, EntityId)> + '_ {
    let (ids, things) = (batch.column(0).as_primitive::<UInt64Type>(), batch.column(3).as_fixed_size_binary());
    (0..batch.num_rows())
        .filter_map(|row| Some((DatastreamId(ids.value(row)), EntityId::from_slice(things.value(row))?)))
}

/// Things that are hidden with all of their past: the row that was recorded last, or the one that stands, is.
fn hidden<'a>(whole: &'a History, views: &[Views]) -> HashSet<&'a [u8]> {
    let mut last: HashMap<&[u8], bool> = HashMap::new();
    let mut hidden = HashSet::new();
    for ((batch, present), views) in whole.rows.iter().zip(views) {
        let ids = batch.column(ID).as_fixed_size_binary();
        for (row, view) in views.iter().enumerate() {
            match view {
                None => drop(last.insert(ids.value(row), true)),
                Some(_) => drop(last.get_mut(ids.value(row)).map(|hidden| *hidden = false)),
            }
            if view.is_none() && present.value(row) {
                hidden.insert(ids.value(row));
            }
        }
    }
    hidden.extend(last.into_iter().filter(|(_, hidden)| *hidden).map(|(id, _)| id));
    hidden
}

impl Sifted {
    fn of(batch: &RecordBatch, whole: &Arc<Ids>, views: &Views, keep: BooleanArray, boxes: &Arc<EntityBoxes>) -> Self {
        let told: Vec<Arc<View>> =
            views.iter().enumerate().filter(|(row, _)| keep.value(*row)).filter_map(|(_, view)| view.clone()).collect();
        let is_exact = told.iter().all(|view| view.is_exact());
        let (whole, views) = (whole.clone(), views.clone());
        if is_exact && told.len() == batch.num_rows() {
            let (ids, boxes) = (whole.clone(), boxes.clone());
            return Self { whole, views, keep, rows: batch.clone(), ids, boxes };
        }
        let rows = filter_record_batch(batch, &keep)
            .and_then(|rows| if is_exact { Ok(rows) } else { entity_rows(&rows, &told) })
            .unwrap_or_else(|error| {
                tracing::error!(%error, "rows are hidden that could not be sifted");
                RecordBatch::new_empty(batch.schema())
            });
        Self { whole, views, keep, ids: Ids::of(&rows), boxes: EntityBoxes::of(&rows), rows }
    }

    /// The rows with the marks of all.
    fn marked(&self, mask: &BooleanArray) -> (RecordBatch, BooleanArray) {
        if self.rows.num_rows() == mask.len() {
            return (self.rows.clone(), mask.clone());
        }
        let marks = (0..mask.len()).filter(|row| self.keep.value(*row)).map(|row| Some(mask.value(row)));
        let marks: BooleanArray = marks.collect();
        // Rows that could not be sifted are none.
        let marks = if marks.len() == self.rows.num_rows() { marks } else { marks.slice(0, self.rows.num_rows()) };
        (self.rows.clone(), marks)
    }
}
