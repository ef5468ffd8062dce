//! A segment being written: batches in the order of a part come in, a durable Parquet file and its zone map come out.

use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use parquet::arrow::ArrowWriter;
use spatial_index::{TimeBand, Zones, ZonesBuilder};

use super::layout::Layout;
use super::mapped::{self, RowsWriter};
use super::part::{CHUNK_ROWS, Part, with_columns};
use super::segment::{Measured, SegmentMeta, properties};
use super::sums;
use crate::disk::{Disk, DiskFile};
use crate::error::Error;

/// Bytes of rows in a row group of a table without places, about.
const GROUP_BYTES: usize = 32 << 20;

/// A segment that is not finished; its files are nothing until a manifest names them.
pub(crate) struct SegmentWriter {
    disk: Disk,
    table: Table,
    file: String,
    path: PathBuf,
    parquet: ArrowWriter<DiskFile>,
    /// The rows as memory has them, beside.
    mapped: Option<RowsWriter>,
    zones: ZonesBuilder,
    group_bytes: usize,
    rows: u64,
    sequence: (u64, u64),
}

impl SegmentWriter {
    /// Begins `dir/segments/<name>.parquet`.
    pub(crate) fn create(disk: &Disk, dir: &Path, table: Table, name: &str) -> Result<Self, Error> {
        let file = format!("{name}.parquet");
        let path = dir.join("segments").join(&file);
        let out = disk.create(&path)?;
        let parquet = ArrowWriter::try_new(out, table.schema(), Some(properties(table)?))
            .map_err(Error::parquet(format!("write {}", path.display())))?;
        let mapped = (table == Table::Entities).then(|| RowsWriter::create(disk, table, mapped::path(&path)));
        Ok(Self {
            mapped: mapped.transpose()?,
            disk: disk.clone(),
            table,
            file,
            path,
            parquet,
            zones: ZonesBuilder::default(),
            group_bytes: 0,
            rows: 0,
            sequence: (u64::MAX, 0),
        })
    }

    /// Adds rows, of which the first `placed` have a place.
    pub(crate) fn push(&mut self, rows: &RecordBatch, placed: usize) -> Result<(), Error> {
        let what = || format!("write {}", self.path.display());
        match Layout::of(self.table) {
            Some(layout) => {
                self.parquet.write(rows).map_err(Error::parquet(what()))?;
                with_columns(layout, rows, placed, |columns| self.zones.push(columns));
            }
            // Rows may be large: a group of them is cut where it has many bytes.
            None => {
                for piece in mapped::pieces(rows, CHUNK_ROWS, GROUP_BYTES) {
                    self.parquet.write(&piece).map_err(Error::parquet(what()))?;
                    self.group_bytes += mapped::bytes_of(&piece);
                    if self.group_bytes >= GROUP_BYTES {
                        self.group_bytes = 0;
                        self.parquet.flush().map_err(Error::parquet(what()))?;
                    }
                }
            }
        }
        if let Some(mapped) = &mut self.mapped {
            mapped.push(rows)?;
        }
        self.rows += rows.num_rows() as u64;
        for sequence in rows.column(sequence_column(self.table)).as_primitive::<UInt64Type>().values() {
            self.sequence = (self.sequence.0.min(*sequence), self.sequence.1.max(*sequence));
        }
        Ok(())
    }

    /// Makes it durable; without rows there is no segment.
    pub(crate) fn finish(mut self) -> Result<Option<SegmentMeta>, Error> {
        if self.rows == 0 {
            drop(self.disk.remove(&self.path));
            if self.mapped.is_some() {
                drop(self.disk.remove(&mapped::path(&self.path)));
            }
            return Ok(None);
        }
        let what = || format!("write {}", self.path.display());
        self.parquet.flush().map_err(Error::parquet(what()))?;
        self.parquet.sync().map_err(Error::io(&self.path))?;
        let sums = sums::of(&self.path, self.parquet.flushed_row_groups())?;
        self.parquet.append_key_value_metadata(sums);
        let file = self.parquet.into_inner().map_err(Error::parquet(what()))?;
        file.sync_all().map_err(Error::io(&self.path))?;
        let zones = Layout::of(self.table).map(|_| self.zones.build());
        let band = zones.as_ref().and_then(Zones::time_band);
        let zones =
            zones.map(|zones| write_zones(&self.disk, &self.path.with_extension("zones"), &zones)).transpose()?;
        let parquet = Measured::of(&self.path)?;
        self.mapped.map_or(Ok(()), |mapped| mapped.finish(parquet))?;
        if let Some(folder) = self.path.parent() {
            self.disk.sync_folder(folder)?;
        }
        Ok(Some(SegmentMeta {
            table: self.table.name().to_owned(),
            file: self.file,
            rows: self.rows,
            parquet,
            footer: Some(sums::footer(&self.path, parquet.bytes)?),
            zones,
            time_us: band.map(|TimeBand { from_us, to_us }| (from_us, to_us)),
            sequence: self.sequence,
        }))
    }
}

/// Writes a part in memory as a segment. Nothing to write: `None`.
pub(crate) fn write(disk: &Disk, dir: &Path, name: &str, part: &Part) -> Result<Option<SegmentMeta>, Error> {
    let Some((rows, placed)) = part.in_memory().filter(|(rows, _)| rows.num_rows() > 0) else { return Ok(None) };
    let mut writer = SegmentWriter::create(disk, dir, part.table(), name)?;
    writer.push(rows, placed)?;
    writer.finish()
}

fn write_zones(disk: &Disk, path: &Path, zones: &Zones) -> Result<Measured, Error> {
    let bytes = zones.to_bytes();
    disk.write(path, &bytes)?;
    Ok(Measured { bytes: bytes.len() as u64, crc32c: crc32c::crc32c(&bytes) })
}

/// Column of the sequence number by table.
fn sequence_column(table: Table) -> usize {
    match table {
        Table::Entities | Table::Datastreams => 1,
        Table::Observations | Table::Positions => 7,
        Table::Contents | Table::Rejected => 5,
        Table::Lineage | Table::Origins => 4,
        Table::ObservationsMinute | Table::ObservationsHour | Table::ObservationsDay => 17,
    }
}
