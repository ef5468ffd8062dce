//! Many rows at once: what would fill the log many times over goes straight into sealed segments and becomes one commit by the
//! manifest that names them. Rows are sorted in runs while more come in, the runs are merged in parallel, each thread a
//! range of cells; a row that is there already is left out. What is many segments is cut at instants too.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{Float64Type, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};

use crate::disk::Disk;
use crate::error::Error;
use crate::latest::Latest;
use crate::memtable::batches;
use crate::objects::Objects;
use crate::parts::{self, ColumnCache, Layout, Part, Segment, SegmentMeta, SegmentWriter, merge_range};
use crate::rows::instants;

/// Every so many rows one is looked at to find the borders of ranges.
const SAMPLE: usize = 1_024;
/// Up to so many segments are ranges of cells only, so that a question about a place looks into one of them.
const UNCUT: usize = 4;
/// Columns of `observations`.
const SEQUENCE: usize = 7;
const ID: usize = 9;

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The commit; none where no row was new.
    pub sequence: Option<Sequence>,
    /// Rows kept.
    pub rows: u64,
    /// Rows that were there already, or came twice.
    pub unchanged: u64,
}

/// Where rows go and how many at a time.
pub(crate) struct Target<'a> {
    pub(crate) disk: Disk,
    pub(crate) dir: &'a Path,
    pub(crate) table: Table,
    /// The names of files begin with this.
    pub(crate) name: String,
    pub(crate) sequence: Sequence,
    /// When it is recorded.
    pub(crate) at: TimeUs,
    /// The number of the last observation before these.
    pub(crate) last_id: u64,
    /// Rows sorted together.
    pub(crate) run_rows: usize,
    /// Rows of a segment, about.
    pub(crate) segment_rows: usize,
    /// Bytes of runs held in memory.
    pub(crate) memory_bytes: usize,
    pub(crate) cache: Arc<ColumnCache>,
}

/// Rows on their way into segments.
pub(crate) struct Bulk<'a> {
    target: Target<'a>,
    next_id: u64,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    sorting: Vec<JoinHandle<Result<(Part, Latest), Error>>>,
    runs: Vec<Part>,
    held_bytes: usize,
    latest: Latest,
}

/// Where rows are cut into segments: the first cells and the first instants of all pieces but the first.
#[derive(Debug, Default)]
struct Borders {
    cells: Vec<u64>,
    instants: Vec<i64>,
}

/// What was written.
pub(crate) struct Written {
    pub(crate) segments: Vec<SegmentMeta>,
    pub(crate) latest: Latest,
    pub(crate) rows: u64,
    pub(crate) unchanged: u64,
}

impl<'a> Bulk<'a> {
    pub(crate) fn new(target: Target<'a>) -> Self {
        Self {
            next_id: target.last_id + 1,
            target,
            waiting: Vec::new(),
            waiting_rows: 0,
            sorting: Vec::new(),
            runs: Vec::new(),
            held_bytes: 0,
            latest: Latest::default(),
        }
    }

    /// Takes rows in the table's schema; their sequence, number and time of recording are filled in here.
    pub(crate) fn push(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        check_places(self.target.table, rows)?;
        let rows = self.stamped(rows)?;
        self.waiting_rows += rows.num_rows();
        self.waiting.push(rows);
        if self.waiting_rows >= self.target.run_rows { self.sort() } else { Ok(()) }
    }

    fn stamped(&mut self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let count = rows.num_rows();
        let mut columns = rows.columns().to_vec();
        columns[SEQUENCE] = Arc::new(UInt64Array::from(vec![self.target.sequence.0; count]));
        if self.target.table == Table::Observations {
            columns[ID] =
                Arc::new(UInt64Array::from_iter_values(self.next_id..self.next_id + count as u64)) as ArrayRef;
            self.next_id += count as u64;
        }
        columns[self.target.table.recorded_column()] = instants(vec![self.target.at.0; count]);
        RecordBatch::try_new(self.target.table.schema(), columns).map_err(Error::arrow("take rows in bulk"))
    }

    /// Sorts what waits, on a thread of its own.
    fn sort(&mut self) -> Result<(), Error> {
        let (table, waiting) = (self.target.table, std::mem::take(&mut self.waiting));
        self.waiting_rows = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        while self.sorting.len() >= threads() {
            self.take_run()?;
        }
        self.sorting.push(std::thread::spawn(move || {
            let mut latest = Latest::default();
            for rows in &waiting {
                latest.learn(table, rows);
            }
            Ok((Part::of(table, &waiting)?, latest))
        }));
        Ok(())
    }

    /// Takes over the oldest run; into a file where memory is full.
    fn take_run(&mut self) -> Result<(), Error> {
        let defect = |_| Error::defect("a sorting thread ended with a panic");
        let (run, latest) = self.sorting.remove(0).join().map_err(defect)??;
        drop(self.latest.take(latest));
        let bytes = batches(std::slice::from_ref(&run)).iter().map(RecordBatch::get_array_memory_size).sum::<usize>();
        if self.held_bytes + bytes <= self.target.memory_bytes {
            self.held_bytes += bytes;
            self.runs.push(run);
            return Ok(());
        }
        let name = format!("{}-run-{:04}", self.target.name, self.runs.len());
        if let Some(meta) = parts::write(&self.target.disk, self.target.dir, &name, &run)? {
            let runs = Objects::local(self.target.dir, self.target.disk.clone());
            let file = Segment::new(self.target.table, meta, runs, self.target.cache.clone());
            file.retire();
            self.runs.push(Part::sealed(Arc::new(file)));
        }
        Ok(())
    }

    /// Writes the segments. Rows equal to one of `stored` are left out.
    pub(crate) fn finish(mut self, stored: &[Part]) -> Result<Written, Error> {
        self.sort()?;
        while !self.sorting.is_empty() {
            self.take_run()?;
        }
        let all: u64 = self.runs.iter().map(|run| run.rows() as u64).sum();
        let segments = self.write(&self.borders()?, &self.near(stored))?;
        let rows = segments.iter().map(|meta| meta.rows).sum();
        Ok(Written { segments, latest: self.latest, rows, unchanged: all - rows })
    }

    /// Stored parts that may hold a row that came again.
    fn near(&self, stored: &[Part]) -> Vec<Part> {
        let meets = |part: &&Part| {
            part.time_band().is_some_and(|own| self.runs.iter().filter_map(Part::time_band).any(|band| band.meets(own)))
        };
        stored.iter().filter(meets).cloned().collect()
    }

    /// Where the rows are cut, so that every piece has about equal numbers of them.
    fn borders(&self) -> Result<Borders, Error> {
        let rows: usize = self.runs.iter().map(Part::rows).sum();
        let segments = rows.div_ceil(self.target.segment_rows);
        let (ranges, slices) = match rows {
            rows if rows <= self.target.run_rows => return Ok(Borders::default()),
            _ if segments <= UNCUT => (segments.next_multiple_of(threads()), 1),
            _ => (threads(), segments.div_ceil(threads())),
        };
        let (mut cells, mut instants) = (Vec::new(), Vec::new());
        for run in &self.runs {
            for chunk in 0..run.chunks() {
                for (cell, instant) in parts::samples(run, chunk, SAMPLE)? {
                    cells.push(cell);
                    instants.push(instant);
                }
            }
        }
        let mut cells = quantiles(cells, ranges);
        cells.retain(|cell| *cell > 0);
        Ok(Borders { cells, instants: quantiles(instants, slices) })
    }

    /// Merges each range of cells into its segments, as many ranges at once as there are processors.
    fn write(&self, borders: &Borders, stored: &[Part]) -> Result<Vec<SegmentMeta>, Error> {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let ranges = borders.cells.len() + 1;
        let work = || -> Result<Vec<(usize, SegmentMeta)>, Error> {
            let mut written = Vec::new();
            loop {
                let range = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if range >= ranges {
                    return Ok(written);
                }
                written.extend(self.write_range(range, borders, stored)?.into_iter().map(|meta| (range, meta)));
            }
        };
        let mut segments = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads().min(ranges)).map(|_| scope.spawn(work)).collect();
            let mut segments = Vec::new();
            for worker in workers {
                segments.extend(worker.join().map_err(|_| Error::defect("a merging thread ended with a panic"))??);
            }
            Ok::<_, Error>(segments)
        })?;
        segments.sort_by_key(|(range, _)| *range);
        Ok(segments.into_iter().map(|(_, meta)| meta).collect())
    }

    fn write_range(&self, range: usize, borders: &Borders, stored: &[Part]) -> Result<Vec<SegmentMeta>, Error> {
        let Target { disk, dir, table, name, .. } = &self.target;
        let from = range.checked_sub(1).map_or(0, |at| borders.cells[at]);
        let to = borders.cells.get(range).map_or(u64::MAX, |to| to - 1);
        let create = |slice: usize| SegmentWriter::create(disk, dir, *table, &format!("{name}-{range:03}-{slice:02}"));
        let mut writers = (0..=borders.instants.len()).map(create).collect::<Result<Vec<_>, _>>()?;
        merge_range(*table, &self.runs, stored, from..=to, &borders.instants, &mut writers)?;
        writers.into_iter().filter_map(|writer| writer.finish().transpose()).collect()
    }
}

/// Values that cut others into so many pieces of about equal size; fewer where many are equal.
fn quantiles<T: Ord + Copy>(mut values: Vec<T>, pieces: usize) -> Vec<T> {
    values.sort_unstable();
    let mut cuts: Vec<T> = (1..pieces).filter_map(|n| values.get(n * values.len() / pieces).copied()).collect();
    cuts.dedup();
    cuts
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Every place is on the globe.
fn check_places(table: Table, rows: &RecordBatch) -> Result<(), Error> {
    let Some(layout) = Layout::of(table) else { return Err(Error::defect("only rows with places come in bulk")) };
    for (column, limit) in [(layout.lon, 180.0), (layout.lat, 90.0)] {
        let degrees = rows.column(column).as_primitive::<Float64Type>();
        let within = |value: f64| (-limit..=limit).contains(&value);
        let off = |row: &usize| degrees.is_valid(*row) && !within(degrees.value(*row));
        if !degrees.values().iter().all(|value| within(*value))
            && let Some(row) = (0..rows.num_rows()).find(off)
        {
            let name = if column == layout.lon { "longitude" } else { "latitude" };
            return Err(Error::OffTheGlobe { row, name, degrees: degrees.value(row) });
        }
    }
    Ok(())
}

/// The greatest number of a datastream among observations.
pub(crate) fn greatest_series(rows: &RecordBatch) -> Option<u64> {
    arrow::compute::max(rows.column(0).as_primitive_opt::<UInt64Type>()?)
}
