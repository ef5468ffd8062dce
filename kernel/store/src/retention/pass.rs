//! One pass: what has grown too old goes, its summaries come. Beside the writer new files are written, with the summaries and
//! with the rows that stay; the writer makes them count, all of them and the removal, by one manifest. Until then every row is
//! where it was, and a pass that was cut off has changed nothing.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kernel_model::TimeUs;
use kernel_model::schema::Table;

use super::cut::{Cut, Going};
use super::policy::{Horizons, Retention};
use super::summarise::{Buckets, summarise, take_in};
use super::summary::{Key, Period, rows};
use crate::background::Work;
use crate::error::Error;
use crate::objects::Objects;
use crate::parts::{self, Part, SegmentMeta, SegmentWriter};
use crate::snapshot::Snapshot;

/// Tables whose rows grow old, readings before their summaries.
pub(crate) const TABLES: [Table; 6] = [
    Table::Observations,
    Table::ObservationsMinute,
    Table::ObservationsHour,
    Table::ObservationsDay,
    Table::Positions,
    Table::Rejected,
];

/// Readings summarised together, about.
const SLICE_ROWS: usize = 1 << 20;
/// Summaries written together.
const SEGMENT_ROWS: usize = 1 << 20;

/// What goes, or went, of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Which table.
    pub table: Table,
    /// Rows.
    pub rows: u64,
    /// Bytes of its files, about; rows that are in no file yet have none.
    pub bytes: u64,
    /// The first and the last instant of the rows.
    pub time: Option<(TimeUs, TimeUs)>,
}

/// What one pass does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retired {
    /// Tables of which something goes.
    pub removed: Vec<Removed>,
    /// Summaries that come, new ones and those that are written anew: of each table.
    pub summaries: Vec<(Table, u64)>,
}

impl Retired {
    /// Whether there was nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.removed.is_empty() && self.summaries.is_empty()
    }

    fn remove(&mut self, table: Table, part: &Part, going: Going) {
        if going.rows == 0 {
            return;
        }
        let (from, to) = going.band_us.unwrap_or_default();
        let bytes = part.segment().map_or(0, |segment| segment.meta.parquet.bytes);
        let share = u128::from(bytes) * u128::from(going.rows) / (part.rows().max(1) as u128);
        let share = u64::try_from(share).unwrap_or(bytes);
        match self.removed.iter_mut().find(|removed| removed.table == table) {
            None => {
                let time = going.band_us.map(|_| (TimeUs(from), TimeUs(to)));
                self.removed.push(Removed { table, rows: going.rows, bytes: share, time });
            }
            Some(removed) => {
                removed.rows += going.rows;
                removed.bytes += share;
                removed.time = removed.time.map(|(a, b)| (a.min(TimeUs(from)), b.max(TimeUs(to))));
            }
        }
    }
}

/// What is written and what it takes the place of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    /// Segments that go, each with what stays of it.
    pub(crate) replaced: Vec<(Table, String, Option<SegmentMeta>)>,
    /// Segments of summaries.
    pub(crate) added: Vec<SegmentMeta>,
    pub(crate) retired: Retired,
}

/// Sealed parts of the tables whose rows grow old, and before which instants they go.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) dir: PathBuf,
    pub(crate) objects: Objects,
    /// The end of the files' names, which makes them new.
    pub(crate) name: String,
    pub(crate) horizons: Horizons,
    /// As [`TABLES`].
    pub(crate) parts: [Vec<Part>; TABLES.len()],
    /// What lies in the folder already.
    pub(crate) written: OnceLock<Written>,
}

impl Work for Pass {
    type Done = Written;
    const NAME: &'static str = "retention";

    fn run(self: &Arc<Self>) -> Result<Written, Error> {
        let written = match self.written.get() {
            Some(written) => written.clone(),
            None => self.write().map(|written| self.written.get_or_init(|| written).clone())?,
        };
        let kept: Vec<SegmentMeta> = written.segments().cloned().collect();
        self.objects.keep_segments(&kept)?;
        Ok(written)
    }
}

impl Written {
    /// All that was written.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &SegmentMeta> {
        self.replaced.iter().filter_map(|(_, _, rest)| rest.as_ref()).chain(&self.added)
    }
}

impl Pass {
    fn write(&self) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut files = 0;
        let mut name = |table: Table| {
            files += 1;
            format!("{}-{}-{files:03}", table.name(), self.name)
        };
        let mut waiting = [const { Buckets::new() }; 3];
        let superseded = summaries(&self.parts, &self.horizons, &mut written.retired, |period, buckets| {
            let waiting = &mut waiting[period as usize];
            waiting.extend(buckets);
            if waiting.len() >= SEGMENT_ROWS {
                written.added.extend(self.write_summaries(period, &name(period.table()), waiting)?);
            }
            Ok(())
        })?;
        for (period, waiting) in Period::ALL.into_iter().zip(&mut waiting) {
            written.added.extend(self.write_summaries(period, &name(period.table()), waiting)?);
        }
        for (cut, (table, parts)) in cuts(&self.horizons, superseded).zip(TABLES.into_iter().zip(&self.parts)) {
            for part in parts.iter().filter(|part| cut.touches(part)) {
                let going = cut.going(part)?;
                let Some(segment) = part.segment().filter(|_| going.leaving > 0) else { continue };
                written.retired.remove(table, part, going);
                let mut writer = SegmentWriter::create(self.objects.disk(), &self.dir, table, &name(table))?;
                cut.write_rest(part, &mut writer)?;
                written.replaced.push((table, segment.meta.file.clone(), writer.finish()?));
            }
        }
        Ok(written)
    }

    fn write_summaries(&self, period: Period, name: &str, waiting: &mut Buckets) -> Result<Option<SegmentMeta>, Error> {
        let batch = rows(period.table(), std::mem::take(waiting).iter())?;
        parts::write(self.objects.disk(), &self.dir, name, &Part::of(period.table(), &[batch])?)
    }
}

/// What would go now and which summaries would come, by all rows that there are, sealed or not. Nothing is changed.
///
/// # Errors
/// Where a file cannot be read.
pub fn would_retire(snapshot: &Snapshot, retention: &Retention, now: TimeUs) -> Result<Retired, Error> {
    let horizons = retention.horizons(now);
    let parts = TABLES.map(|table| snapshot.parts(table).to_vec());
    let mut retired = Retired::default();
    let superseded = summaries(&parts, &horizons, &mut retired, |_, _| Ok(()))?;
    for (cut, (table, parts)) in cuts(&horizons, superseded).zip(TABLES.into_iter().zip(&parts)) {
        for part in parts.iter().filter(|part| cut.touches(part)) {
            retired.remove(table, part, cut.going(part)?);
        }
    }
    Ok(retired)
}

/// Makes the summaries of readings that go, hands them to `emit` and gives the keys of those that were there before.
fn summaries(
    parts: &[Vec<Part>; TABLES.len()],
    horizons: &Horizons,
    retired: &mut Retired,
    mut emit: impl FnMut(Period, Buckets) -> Result<(), Error>,
) -> Result<[HashSet<Key>; 3], Error> {
    let mut superseded: [HashSet<Key>; 3] = Default::default();
    if horizons.makes == [false; 3] {
        return Ok(superseded);
    }
    let cut = Cut::of(Table::Observations, horizons);
    summarise(&parts[0], horizons.observations_us, &cut, SLICE_ROWS, |period, mut buckets| {
        let number = period as usize;
        if !horizons.makes[number] {
            return Ok(());
        }
        // What is too old for its table goes as it comes.
        let mut buckets = buckets.split_off(&(horizons.summaries_us[number], 0));
        if buckets.is_empty() {
            return Ok(());
        }
        take_in(&mut buckets, &parts[number + 1], |key| {
            superseded[number].insert(key);
        })?;
        let written = buckets.len() as u64;
        match retired.summaries.iter_mut().find(|(table, _)| *table == period.table()) {
            Some((_, count)) => *count += written,
            None => retired.summaries.push((period.table(), written)),
        }
        emit(period, buckets)
    })?;
    Ok(superseded)
}

/// What goes of each of [`TABLES`].
fn cuts(horizons: &Horizons, superseded: [HashSet<Key>; 3]) -> impl Iterator<Item = Cut> {
    let mut superseded = superseded.map(Some);
    TABLES.into_iter().map(move |table| {
        let keys = Period::of(table).and_then(|period| superseded[period as usize].take());
        let mut cut = Cut::of(table, horizons);
        cut.superseded = keys.unwrap_or_default();
        cut
    })
}
