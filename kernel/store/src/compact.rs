//! Compaction: many small segments become few. Eight of like size in a table are merged into one beside the writer, so that
//! their number grows with the logarithm of the rows; what is too large for one segment is cut at instants, so that questions
//! about a span of time leave most of it alone.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kernel_model::schema::Table;

use crate::background::Work;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::objects::Objects;
use crate::parts::{Part, SegmentMeta, SegmentWriter, is_placed, merge};

/// So many segments of like size become one.
const FAN: usize = 8;

/// Segments of one table that are to become one, or a few.
#[derive(Debug)]
pub(crate) struct Compaction {
    pub(crate) dir: PathBuf,
    pub(crate) table: Table,
    /// Files, in the manifest's order.
    pub(crate) files: Vec<String>,
    pub(crate) parts: Vec<Part>,
    /// The names of new files begin with this.
    pub(crate) name: String,
    /// A segment has about so many rows at most.
    pub(crate) most_rows: u64,
    pub(crate) objects: Objects,
    /// What lies in the folder already.
    pub(crate) written: OnceLock<Vec<SegmentMeta>>,
}

impl Work for Compaction {
    type Done = Vec<SegmentMeta>;
    const NAME: &'static str = "compaction";

    fn run(self: &Arc<Self>) -> Result<Self::Done, Error> {
        let merged = match self.written.get() {
            Some(merged) => merged.clone(),
            None => self.write().map(|merged| self.written.get_or_init(|| merged).clone())?,
        };
        self.objects.keep_segments(&merged)?;
        Ok(merged)
    }
}

impl Compaction {
    fn write(&self) -> Result<Vec<SegmentMeta>, Error> {
        let cuts = self.cuts()?;
        let writer = |n: usize| {
            SegmentWriter::create(self.objects.disk(), &self.dir, self.table, &format!("{}-{n:02}", self.name))
        };
        let mut writers = (0..=cuts.len()).map(writer).collect::<Result<Vec<_>, _>>()?;
        merge(self.table, &self.parts, &cuts, &mut writers)?;
        writers.into_iter().filter_map(|writer| writer.finish().transpose()).collect()
    }

    /// Instants between segments of about equal size.
    fn cuts(&self) -> Result<Vec<i64>, Error> {
        let rows: usize = self.parts.iter().map(Part::rows).sum();
        let pieces = (rows as u64).div_ceil(self.most_rows) as usize;
        if pieces < 2 {
            return Ok(Vec::new());
        }
        let mut middles = Vec::new();
        for part in &self.parts {
            middles.extend(part.zones()?.bands().map(|band| band.from_us.midpoint(band.to_us)));
        }
        middles.sort_unstable();
        let mut cuts: Vec<i64> = (1..pieces).filter_map(|n| middles.get(n * middles.len() / pieces).copied()).collect();
        cuts.dedup();
        Ok(cuts)
    }
}

/// Files of a table that should become one now, in the manifest's order: the last ones of like size that are not full. A half
/// is full enough: what is cut into segments comes out a little larger or smaller than it was meant to.
pub(crate) fn due(manifest: &Manifest, most_rows: u64) -> Option<(Table, Vec<String>)> {
    Table::ALL.into_iter().find_map(|table| {
        let own: Vec<&SegmentMeta> = manifest.of(table).collect();
        let tier = |meta: &SegmentMeta| meta.rows.max(1).ilog(FAN as u64);
        let is_small = |meta: &SegmentMeta| meta.rows < most_rows / 2;
        let last = own.last().filter(|last| is_small(last))?;
        let alike = own.iter().rev().take_while(|meta| is_small(meta) && tier(meta) <= tier(last)).count();
        (alike >= FAN).then(|| (table, names(&own[own.len() - alike..])))
    })
}

/// Files of a table that could be fewer: all that are not full. Of tables in the order of their commits only neighbours
/// become one, so that the order stays.
pub(crate) fn possible(manifest: &Manifest, most_rows: u64) -> Option<(Table, Vec<String>)> {
    Table::ALL.into_iter().find_map(|table| {
        let own: Vec<&SegmentMeta> = manifest.of(table).collect();
        let is_small = |meta: &&SegmentMeta| meta.rows < most_rows / 2;
        let small = match own.first().is_some_and(|first| is_placed(first)) {
            true => own.into_iter().filter(is_small).collect(),
            false => own.split(|meta| !is_small(meta)).find(|run| run.len() > 1)?.to_vec(),
        };
        (small.len() > 1).then(|| (table, names(&small)))
    })
}

fn names(segments: &[&SegmentMeta]) -> Vec<String> {
    segments.iter().map(|meta| meta.file.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Measured;

    fn manifest(table: Table, rows: &[u64]) -> Manifest {
        let meta = |(number, rows): (usize, &u64)| SegmentMeta {
            table: table.name().to_owned(),
            file: number.to_string(),
            rows: *rows,
            parquet: Measured { bytes: 0, crc32c: 0 },
            zones: None,
            footer: None,
            time_us: None,
            sequence: (0, 0),
        };
        Manifest { segments: rows.iter().enumerate().map(meta).collect(), ..Manifest::default() }
    }

    #[test]
    fn revisions_stay_in_the_order_of_their_commits() {
        let files = |table, rows: &[u64]| possible(&manifest(table, rows), 100).map(|(_, files)| files.join(" "));
        assert_eq!(files(Table::Entities, &[10, 90, 10, 20, 90, 10]).as_deref(), Some("2 3"));
        assert_eq!(files(Table::Entities, &[10, 90, 10]), None, "what stands between them would come after both");
        assert_eq!(files(Table::Observations, &[10, 90, 10]).as_deref(), Some("0 2"), "sorted by place");
    }
}
