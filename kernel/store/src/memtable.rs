//! All rows of a store, part by part. Those that are not sealed yet: batches come in small, become parts, are merged eight
//! at a time so that there are never many, and go out all at once when they are frozen for sealing. Those that are sealed:
//! parts in files, or, of small tables, in memory too.

use arrow::array::RecordBatch;
use kernel_model::schema::Table;

use crate::error::Error;
use crate::parts::{Part, SegmentMeta};

/// Parts of at least this many rows are left as they are.
const LARGE: usize = 131_072;
/// So many parts of like size become one.
const FAN: usize = 8;

/// Unsealed rows of a table, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct Memtable {
    table: Table,
    parts: Vec<Part>,
    rows: usize,
}

impl Memtable {
    /// An empty one.
    pub(crate) fn new(table: Table) -> Self {
        Self { table, parts: Vec::new(), rows: 0 }
    }

    /// Takes a batch; their number grows with the logarithm of the rows.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), Error> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows();
        self.parts.push(Part::of(self.table, &[batch])?);
        while let Some(from) = self.alike() {
            let merged = Part::of(self.table, &batches(&self.parts[from..]))?;
            self.parts.truncate(from);
            self.parts.push(merged);
        }
        Ok(())
    }

    /// Where the last parts begin that are to become one.
    fn alike(&self) -> Option<usize> {
        let tier = |part: &Part| part.rows().ilog(FAN);
        let last = self.parts.last().filter(|last| last.rows() < LARGE)?;
        let alike = self.parts.iter().rev().take_while(|part| tier(part) <= tier(last)).count();
        (alike >= FAN).then(|| self.parts.len() - alike)
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The parts, cheap to clone.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Empties it.
    pub(crate) fn take(&mut self) -> Vec<Part> {
        self.rows = 0;
        std::mem::take(&mut self.parts)
    }
}

/// The rows of parts in memory.
pub(crate) fn batches(parts: &[Part]) -> Vec<RecordBatch> {
    parts.iter().filter_map(Part::batch).cloned().collect()
}

/// Parts of every table, by its number.
pub(crate) type Parts = [Vec<Part>; Table::ALL.len()];

/// Tables whose sealed rows stay in memory.
pub(crate) fn resident(table: Table) -> bool {
    matches!(table, Table::Entities | Table::Datastreams | Table::Contents | Table::Lineage)
}

/// Whether a segment is of such a table.
pub(crate) fn is_resident(meta: &SegmentMeta) -> bool {
    Table::ALL.into_iter().any(|table| resident(table) && table.name() == meta.table)
}

/// All rows but those being sealed.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) sealed: Parts,
    pub(crate) unsealed: [Memtable; Table::ALL.len()],
}

impl Default for Rows {
    fn default() -> Self {
        Self { sealed: Parts::default(), unsealed: Table::ALL.map(Memtable::new) }
    }
}

impl Rows {
    /// The parts of a table, oldest first; `frozen` are those being sealed.
    pub(crate) fn parts(&self, table: Table, frozen: &[Vec<Part>]) -> Vec<Part> {
        let at = table as usize;
        let frozen = frozen.get(at).map(Vec::as_slice).unwrap_or_default();
        [self.sealed[at].as_slice(), frozen, self.unsealed[at].parts()].concat()
    }

    /// Rows not sealed and not being sealed.
    pub(crate) fn unsealed_rows(&self) -> usize {
        self.unsealed.iter().map(Memtable::rows).sum()
    }

    /// Takes what is not sealed yet.
    pub(crate) fn freeze(&mut self) -> Parts {
        self.unsealed.each_mut().map(Memtable::take)
    }

    /// Takes over what was frozen and is sealed now: of small tables the rows, of the others the files.
    pub(crate) fn keep_sealed(&mut self, frozen: &Parts, files: Vec<Part>) {
        // Things are in the present city, with all their revisions.
        for table in Table::ALL.into_iter().filter(|table| resident(*table) && *table != Table::Entities) {
            self.sealed[table as usize].extend_from_slice(&frozen[table as usize]);
        }
        for file in files.into_iter().filter(|file| !resident(file.table())) {
            self.sealed[file.table() as usize].push(file);
        }
    }

    /// Puts new files of a table in the place of old ones, which go when their last reader has gone.
    pub(crate) fn replace(&mut self, table: Table, old: &[String], new: Vec<Part>) {
        let parts = &mut self.sealed[table as usize];
        let is_old = |part: &Part| part.segment().is_some_and(|segment| old.contains(&segment.meta.file));
        let at = parts.iter().position(is_old).unwrap_or(parts.len());
        parts.extract_if(.., |part| is_old(part)).for_each(|part| {
            if let Some(segment) = part.segment() {
                segment.retire();
            }
        });
        parts.splice(at..at, new);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::UInt64Type;
    use kernel_model::{Rejection, Sequence, TimeUs};
    use proptest::prelude::*;

    use super::*;

    fn rejected(first: u64, rows: usize) -> RecordBatch {
        let rejection =
            Rejection { source: String::new(), place: String::new(), reason: String::new(), sample: String::new() };
        crate::rows::rejected(&vec![rejection; rows], Sequence(first), TimeUs(0)).unwrap()
    }

    proptest! {
        #[test]
        fn rows_keep_their_order_in_few_parts(sizes in prop::collection::vec(0_usize..40, 0..400)) {
            let mut table = Memtable::new(Table::Rejected);
            let mut wanted = Vec::new();
            for (n, size) in (0..).zip(sizes) {
                wanted.extend(std::iter::repeat_n(n, size));
                table.push(rejected(n, size)).unwrap();
            }
            let batches = batches(table.parts());
            let seen = batches.iter().flat_map(|b| b.column(5).as_primitive::<UInt64Type>().values().to_vec());
            prop_assert!(seen.eq(wanted.iter().copied()));
            prop_assert_eq!(table.rows(), wanted.len());
            prop_assert!(table.parts().len() <= 7 * 6, "{} parts", table.parts().len());
        }
    }
}
