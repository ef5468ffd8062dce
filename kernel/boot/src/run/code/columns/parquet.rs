//! Parquet: columns go through as they are; one thread reads and codes, another writes.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{anyhow, bail};
use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::Names;
use super::coder::{Block, Coder};

/// Rows coded together.
const ROWS: usize = 65_536;
/// Blocks that wait for the writer.
const QUEUE: usize = 4;

pub(super) fn add(input: File, output: File, names: &Names, coders: &[Coder]) -> anyhow::Result<u64> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(input)?.with_batch_size(ROWS);
    let schema = wider(reader.schema(), coders)?;
    let properties = properties(reader.metadata(), names, coders);
    let reader = reader.build()?;
    let mut writer = ArrowWriter::try_new(output, schema.clone(), Some(properties))?;
    std::thread::scope(|scope| {
        let (sender, blocks) = sync_channel(QUEUE);
        let coding = scope.spawn(move || code(reader, &schema, names, coders, &sender));
        let mut rows = 0;
        for block in blocks {
            let block: RecordBatch = block;
            rows += block.num_rows() as u64;
            writer.write(&block)?;
        }
        coding.join().map_err(|_| anyhow!("coding ended with a panic: this is a defect, please report it"))??;
        writer.close()?;
        Ok(rows)
    })
}

fn wider(schema: &Schema, coders: &[Coder]) -> anyhow::Result<SchemaRef> {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    for coder in coders {
        if fields.iter().any(|field| *field.name() == coder.name) {
            bail!("there is a column {} already", coder.name);
        }
        fields.push(Arc::new(Field::new(&coder.name, DataType::Utf8, true)));
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

/// Columns stay compressed as they are, and codes as the longitudes are. Codes and coordinates are seldom the same: no
/// dictionary.
fn properties(file: &ParquetMetaData, names: &Names, coders: &[Coder]) -> WriterProperties {
    let mut properties = WriterProperties::builder();
    let columns = file.row_groups().first().map(RowGroupMetaData::columns).unwrap_or_default();
    let of = |name: &str| columns.iter().find(|column| column.column_path().string() == name);
    for column in columns {
        properties = properties.set_column_compression(column.column_path().clone(), column.compression());
    }
    for place in [Some(names.lon), Some(names.lat), names.height].into_iter().flatten() {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(place), false);
    }
    let compression = of(names.lon).map_or(Compression::SNAPPY, ColumnChunkMetaData::compression);
    for coder in coders {
        let column = ColumnPath::from(coder.name.as_str());
        properties = properties
            .set_column_compression(column.clone(), compression)
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::PLAIN);
    }
    properties.build()
}

/// Reads, codes and hands on; ends early where nobody takes blocks any more, who then has the reason.
fn code(
    reader: ParquetRecordBatchReader,
    schema: &SchemaRef,
    names: &Names,
    coders: &[Coder],
    out: &SyncSender<RecordBatch>,
) -> anyhow::Result<()> {
    let mut done = 0;
    for batch in reader {
        let batch = batch?;
        let block = block(&batch, names)?;
        let mut columns = batch.columns().to_vec();
        for coder in coders {
            let codes = coder.code(&block).map_err(|error| match error {
                coding_system::Error::Row { row, refusal } => anyhow!("row {}: {refusal}", done + row),
                other => other.into(),
            })?;
            columns.push(Arc::new(codes));
        }
        done += batch.num_rows();
        if out.send(RecordBatch::try_new(schema.clone(), columns)?).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn block(batch: &RecordBatch, names: &Names) -> anyhow::Result<Block> {
    let (lon, lat) = (numbers(batch, names.lon)?, numbers(batch, names.lat)?);
    let height = names.height.map(|name| numbers(batch, name)).transpose()?;
    let has_nulls = lon.null_count() + lat.null_count() + height.as_ref().map_or(0, Array::null_count) > 0;
    if !has_nulls {
        let values = |column: Float64Array| column.values().to_vec();
        return Ok(Block { lon: values(lon), lat: values(lat), height: height.map(values), missing: Vec::new() });
    }
    let mut block = Block { height: height.as_ref().map(|_| Vec::new()), ..Block::default() };
    for row in 0..batch.num_rows() {
        let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
        match (value(&lon), value(&lat), height.as_ref().map(value)) {
            (Some(lon), Some(lat), None) => block.push(lon, lat, None),
            (Some(lon), Some(lat), Some(Some(height))) => block.push(lon, lat, Some(height)),
            _ => block.push_missing(),
        }
    }
    Ok(block)
}

fn numbers(batch: &RecordBatch, name: &str) -> anyhow::Result<Float64Array> {
    let Some(column) = batch.column_by_name(name) else {
        let schema = batch.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        bail!("there is no column `{name}`, only {}: name it with --lon, --lat, --height", columns.join(", "));
    };
    if !column.data_type().is_numeric() {
        bail!("the column `{name}` is {}: degrees and metres are numbers", column.data_type());
    }
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}
