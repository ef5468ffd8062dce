//! CSV: every field goes out as it came in, codes are added at the end of each row.

use std::fs::File;
use std::io::{BufReader, BufWriter};

use anyhow::{Context, anyhow, bail};
use arrow::array::{Array, StringArray};

use super::Names;
use super::coder::{Block, Coder};

/// Rows coded together.
const ROWS: usize = 8_192;

/// Where a position stands in a row.
struct Places {
    lon: usize,
    lat: usize,
    height: Option<usize>,
}

pub(super) fn add(input: File, output: File, names: &Names, coders: &[Coder]) -> anyhow::Result<u64> {
    let mut reader = csv::Reader::from_reader(BufReader::with_capacity(1 << 20, input));
    let mut writer = csv::Writer::from_writer(BufWriter::with_capacity(1 << 20, output));
    let header = reader.headers().context("the first line")?.clone();
    let places = Places::find(&header, names)?;
    if let Some(taken) = coders.iter().find(|coder| header.iter().any(|name| name == coder.name)) {
        bail!("there is a column {} already", taken.name);
    }
    writer.write_record(header.iter().chain(coders.iter().map(|coder| coder.name.as_str())))?;
    let (mut records, mut done) = (Vec::with_capacity(ROWS), 0_u64);
    loop {
        records.clear();
        for record in reader.records().take(ROWS) {
            records.push(record?);
        }
        if records.is_empty() {
            writer.flush()?;
            return Ok(done);
        }
        let block = places.read(&records, done)?;
        let columns = coders
            .iter()
            .map(|coder| coder.code(&block).map_err(|e| place(e, done)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        for (row, record) in records.iter().enumerate() {
            let codes =
                columns.iter().map(|column: &StringArray| if column.is_null(row) { "" } else { column.value(row) });
            writer.write_record(record.iter().chain(codes))?;
        }
        done += records.len() as u64;
    }
}

/// Line 1 is the header.
fn line(done: u64, row: usize) -> u64 {
    done + row as u64 + 2
}

fn place(error: coding_system::Error, done: u64) -> anyhow::Error {
    match error {
        coding_system::Error::Row { row, refusal } => anyhow!("record on line {}: {refusal}", line(done, row)),
        other => other.into(),
    }
}

impl Places {
    fn find(header: &csv::StringRecord, names: &Names) -> anyhow::Result<Self> {
        let find = |name: &str| {
            let at = header.iter().position(|column| column == name);
            let columns = || header.iter().collect::<Vec<_>>().join(", ");
            at.ok_or_else(|| {
                anyhow!("there is no column `{name}`, only {}: name it with --lon, --lat, --height", columns())
            })
        };
        let height = names.height.map(find).transpose()?;
        Ok(Self { lon: find(names.lon)?, lat: find(names.lat)?, height })
    }

    fn read(&self, records: &[csv::StringRecord], done: u64) -> anyhow::Result<Block> {
        let mut block = Block { height: self.height.map(|_| Vec::new()), ..Block::default() };
        for (row, record) in records.iter().enumerate() {
            let number = |column: usize| -> anyhow::Result<Option<f64>> {
                match record.get(column).map(str::trim).unwrap_or_default() {
                    "" => Ok(None),
                    text => Ok(Some(
                        text.parse().map_err(|_| anyhow!("line {}: `{text}` is not a number", line(done, row)))?,
                    )),
                }
            };
            let height = self.height.map(number).transpose()?;
            match (number(self.lon)?, number(self.lat)?, height) {
                (Some(lon), Some(lat), None | Some(Some(_))) => block.push(lon, lat, height.flatten()),
                _ => block.push_missing(),
            }
        }
        Ok(block)
    }
}
