//! Batches in, CSV out (RFC 4180): a header, then a line per row; null is an empty field, geometry is WKT.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::util::display::ArrayFormatter;

use super::{Failure, PRINTED, geometry};
use crate::columns::is_geometry;

#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    out: ::csv::Writer<W>,
    schema: SchemaRef,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Result<Self, Failure> {
        let mut out = ::csv::Writer::from_writer(out);
        out.write_record(schema.fields().iter().map(|field| field.name().as_str()))?;
        Ok(Self { out, schema: schema.clone() })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let columns = texts(&self.schema, batch)?;
        for row in 0..batch.num_rows() {
            self.out.write_record(columns.iter().map(|column| column[row].as_str()))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<W, Failure> {
        self.out.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Every cell as plain text, column by column; geometry as WKT, null as nothing.
pub(super) fn texts(schema: &SchemaRef, batch: &RecordBatch) -> Result<Vec<Vec<String>>, Failure> {
    schema.fields().iter().zip(batch.columns()).map(|(field, column)| column_texts(field, column)).collect()
}

/// One column of [`texts`].
pub(super) fn column_texts(field: &Field, column: &ArrayRef) -> Result<Vec<String>, Failure> {
    if is_geometry(field) {
        let bytes = cast(column, &DataType::Binary)?;
        let text = |bytes: Option<&[u8]>| bytes.map_or(Ok(String::new()), geometry::wkt);
        return bytes.as_binary::<i32>().iter().map(text).collect();
    }
    let formatter = ArrayFormatter::try_new(column, &PRINTED)?;
    (0..column.len()).map(|row| Ok(formatter.value(row).try_to_string()?)).collect()
}
