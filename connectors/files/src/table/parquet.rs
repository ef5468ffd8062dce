//! Rows of a Parquet file for a mapping: the texts of its values, as a table of separated values would have them, so that
//! one mapping serves both. A null is an empty text, which is missing; a timestamp with a zone ends with `Z`.

use std::collections::VecDeque;

use csv::{ByteRecord, Position};
use serde_json::Value;

use super::columns::Header;
use super::rows::Row;
use crate::error::Error;
use crate::input::Input;
use crate::parquet::cells::{Cell, cell};
use crate::parquet::{Batches, MAGIC};

pub(super) fn is_parquet(input: &Input) -> Result<bool, Error> {
    Ok(!input.is_gzip()? && input.head(MAGIC.len())? == MAGIC)
}

/// The columns' names.
pub(super) fn names(input: &Input) -> Result<Vec<String>, Error> {
    Ok(names_of(&Batches::open(input)?))
}

fn names_of(batches: &Batches) -> Vec<String> {
    batches.schema().fields().iter().map(|field| field.name().clone()).collect()
}

pub(super) struct ParquetRows {
    input: Input,
    batches: Batches,
    /// Rows of the batch that was read last.
    rows: VecDeque<ByteRecord>,
    read: u64,
}

impl ParquetRows {
    pub(super) fn open(input: &Input) -> Result<Self, Error> {
        Ok(Self { input: input.clone(), batches: Batches::open(input)?, rows: VecDeque::new(), read: 0 })
    }

    pub(super) fn header(&self) -> Header {
        Header::new(&ByteRecord::from(names_of(&self.batches)))
    }

    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<Row, Error> {
        while self.rows.is_empty() {
            let Some(batch) = self.batches.next(&self.input)? else { return Ok(Row::End) };
            let cells: Vec<Cell<'_>> = batch.columns().iter().map(|c| cell(c.as_ref())).collect();
            for row in 0..batch.num_rows() {
                let texts: Vec<String> = cells.iter().map(|cell| text(cell(row))).collect();
                self.rows.push_back(ByteRecord::from(texts));
            }
        }
        if let Some(row) = self.rows.pop_front() {
            *record = row;
            self.read += 1;
            let mut position = Position::new();
            position.set_line(self.read);
            record.set_position(Some(position));
        }
        Ok(Row::Sound)
    }
}

fn text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
