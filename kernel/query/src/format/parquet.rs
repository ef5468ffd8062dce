//! Batches in, one Parquet file out. Where a column is geometry the file says so as GeoParquet 1.1 does, so that other
//! engines open it as geometry. A reference system other than longitude and latitude is written as unknown.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use super::Failure;
use crate::columns::is_geometry;

/// Bytes of a row group that is not written yet, about.
const MOST_HELD_BYTES: usize = 64 << 20;

pub(super) struct Writer<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> std::fmt::Debug for Writer<W> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("parquet::Writer")
    }
}

impl<W: Write + Send> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Result<Self, Failure> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(geo(schema.fields().iter().map(AsRef::as_ref)))
            .build();
        Ok(Self(ArrowWriter::try_new(out, schema.clone(), Some(properties))?))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.write(batch)?;
        // A row group is held until it is whole: geometries make rows long.
        if self.0.in_progress_size() > MOST_HELD_BYTES {
            self.0.flush()?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<W, Failure> {
        Ok(self.0.into_inner()?)
    }
}

/// The `geo` entry of the footer (GeoParquet 1.1.0, File metadata).
fn geo<'a>(fields: impl Iterator<Item = &'a Field>) -> Option<Vec<KeyValue>> {
    let columns: Vec<(String, Value)> =
        fields.filter(|field| is_geometry(field)).map(|field| (field.name().clone(), column(field))).collect();
    let primary = columns.first()?.0.clone();
    let columns: Map<String, Value> = columns.into_iter().collect();
    let geo = json!({ "version": "1.1.0", "primary_column": primary, "columns": columns });
    Some(vec![KeyValue::new("geo".to_owned(), geo.to_string())])
}

fn column(field: &Field) -> Value {
    let said = field.metadata().get("ARROW:extension:metadata").map(String::as_str).unwrap_or_default();
    let lon_lat = ["OGC:CRS84", "EPSG:4326", "CRS84"].iter().any(|name| said.contains(name));
    let mut column = json!({ "encoding": "WKB", "geometry_types": [] });
    // Leaving `crs` out means OGC:CRS84; null means unknown.
    if !lon_lat {
        column["crs"] = Value::Null;
    }
    column
}
