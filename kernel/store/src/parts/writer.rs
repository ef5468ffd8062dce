//! A segment being written: batches in the order of a part come in, a durable Parquet file and its zone map come out.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use parquet::arrow::ArrowWriter;
use spatial_index::{TimeBand, Zones, ZonesBuilder};

use super::layout::Layout;
use super::part::{Part, with_columns};
use super::segment::{Measured, SegmentMeta, properties};
use crate::error::Error;
use crate::log::sync_dir;

/// A segment that is not finished; its files are nothing until a manifest names them.
pub(crate) struct SegmentWriter {
    table: Table,
    file: String,
    path: PathBuf,
    parquet: ArrowWriter<File>,
    zones: ZonesBuilder,
    rows: u64,
    sequence: (u64, u64),
}

impl SegmentWriter {
    /// Begins `dir/segments/<name>.parquet`.
    pub(crate) fn create(dir: &Path, table: Table, name: &str) -> Result<Self, Error> {
        let file = format!("{name}.parquet");
        let path = dir.join("segments").join(&file);
        let out = File::create(&path).map_err(Error::io(&path))?;
        let parquet = ArrowWriter::try_new(out, table.schema(), Some(properties(table)?))
            .map_err(Error::parquet(format!("write {}", path.display())))?;
        Ok(Self { table, file, path, parquet, zones: ZonesBuilder::default(), rows: 0, sequence: (u64::MAX, 0) })
    }

    /// Adds rows, of which the first `placed` have a place.
    pub(crate) fn push(&mut self, rows: &RecordBatch, placed: usize) -> Result<(), Error> {
        self.parquet.write(rows).map_err(Error::parquet(format!("write {}", self.path.display())))?;
        if let Some(layout) = Layout::of(self.table) {
            with_columns(layout, rows, placed, |columns| self.zones.push(columns));
        }
        self.rows += rows.num_rows() as u64;
        for sequence in rows.column(sequence_column(self.table)).as_primitive::<UInt64Type>().values() {
            self.sequence = (self.sequence.0.min(*sequence), self.sequence.1.max(*sequence));
        }
        Ok(())
    }

    /// Makes it durable; without rows there is no segment.
    pub(crate) fn finish(self) -> Result<Option<SegmentMeta>, Error> {
        if self.rows == 0 {
            drop(std::fs::remove_file(&self.path));
            return Ok(None);
        }
        let what = format!("write {}", self.path.display());
        let file = self.parquet.into_inner().map_err(Error::parquet(what))?;
        file.sync_all().map_err(Error::io(&self.path))?;
        let zones = Layout::of(self.table).map(|_| self.zones.build());
        let band = zones.as_ref().and_then(Zones::time_band);
        let zones = zones.map(|zones| write_zones(&self.path.with_extension("zones"), &zones)).transpose()?;
        if let Some(folder) = self.path.parent() {
            sync_dir(folder)?;
        }
        Ok(Some(SegmentMeta {
            table: self.table.name().to_owned(),
            file: self.file,
            rows: self.rows,
            parquet: Measured::of(&self.path)?,
            zones,
            time_us: band.map(|TimeBand { from_us, to_us }| (from_us, to_us)),
            sequence: self.sequence,
        }))
    }
}

/// Writes a part in memory as a segment. Nothing to write: `None`.
pub(crate) fn write(dir: &Path, name: &str, part: &Part) -> Result<Option<SegmentMeta>, Error> {
    let Some((rows, placed)) = part.in_memory().filter(|(rows, _)| rows.num_rows() > 0) else { return Ok(None) };
    let mut writer = SegmentWriter::create(dir, part.table(), name)?;
    writer.push(rows, placed)?;
    writer.finish()
}

fn write_zones(path: &Path, zones: &Zones) -> Result<Measured, Error> {
    let bytes = zones.to_bytes();
    let written = File::create(path).and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
    written.map_err(Error::io(path))?;
    Ok(Measured { bytes: bytes.len() as u64, crc32c: crc32c::crc32c(&bytes) })
}

/// Column of the sequence number by table.
fn sequence_column(table: Table) -> usize {
    match table {
        Table::Entities | Table::Datastreams => 1,
        Table::Observations | Table::Positions => 7,
        Table::Contents | Table::Rejected => 5,
        Table::Lineage => 4,
    }
}
