//! Batches in, an Arrow IPC stream out; extension types stay marked.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;

use super::Failure;

pub(super) struct Writer<W: Write>(StreamWriter<W>);

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("arrow_ipc::Writer")
    }
}

impl<W: Write> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Result<Self, Failure> {
        Ok(Self(StreamWriter::try_new(out, schema)?))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        Ok(self.0.write(batch)?)
    }

    pub(super) fn finish(self) -> Result<W, Failure> {
        Ok(self.0.into_inner()?)
    }
}
