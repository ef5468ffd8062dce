//! From the files of the comparison into the store: a point is an observation, its class a datastream, its id the number of the
//! observation less one.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt8Array, UInt64Array, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use kernel_model::schema::{Table, timestamp};
use kernel_model::{Change, DatastreamDraft, EntityDraft, Geometry, Kind, Shape, SourceKey};
use kernel_store::Store;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use spatial_index::Area;

use crate::city::Named;

/// Classes 0 to 20.
pub(crate) const CLASSES: u64 = 21;

pub(crate) fn source(id: &str) -> SourceKey {
    SourceKey::new("comparison", id)
}

/// A thing and a datastream for each class.
pub(crate) fn declare(store: &mut Store) -> anyhow::Result<()> {
    let mut changes = vec![Change::Entity(EntityDraft::new(source("survey"), Kind::Sensor, "survey"))];
    changes.extend((0..CLASSES).map(|class| {
        Change::Datastream(DatastreamDraft {
            source: source(&format!("class-{class}")),
            entity: source("survey"),
            property: "value".to_owned(),
            unit: "1".to_owned(),
            name: format!("class {class}"),
        })
    }));
    store.commit(&[changes])?;
    Ok(())
}

pub(crate) fn points(store: &mut Store, file: &Path) -> anyhow::Result<u64> {
    declare(store)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(65_536).build()?;
    let loaded = store.load(Table::Observations, reader.map(|rows| observations(&rows?)))?;
    ensure!(loaded.unchanged == 0, "{} points came twice", loaded.unchanged);
    Ok(loaded.rows)
}

/// Points as observations.
fn observations(points: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let column = |name: &str| points.column_by_name(name).with_context(|| format!("points have no column {name}"));
    let count = points.num_rows();
    let class = cast(column("class")?, &DataType::UInt64)?;
    let datastream = class.as_primitive::<UInt64Type>().unary::<_, UInt64Type>(|class| class + 1);
    let time = cast(column("ts")?, &timestamp())?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(datastream),
        time,
        new_null_array(&timestamp(), count),
        cast(column("value")?, &DataType::Float64)?,
        Arc::new(UInt8Array::from(vec![0; count])),
        column("lon")?.clone(),
        column("lat")?.clone(),
        Arc::new(UInt64Array::from(vec![0; count])),
        column("height")?.clone(),
        new_null_array(&DataType::UInt64, count),
        new_null_array(&timestamp(), count),
    ];
    Ok(RecordBatch::try_new(Table::Observations.schema(), columns)?)
}

/// Areas by id.
pub(crate) fn areas(file: &Path) -> anyhow::Result<Vec<Named>> {
    let mut areas = Vec::new();
    for rows in ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()? {
        let rows = rows?;
        let (ids, shapes) = (rows.column(0).as_primitive::<Int64Type>(), rows.column(1).as_binary::<i32>());
        for row in 0..rows.num_rows() {
            areas.push(Named { id: ids.value(row), area: area(shapes.value(row))? });
        }
    }
    Ok(areas)
}

fn area(wkb: &[u8]) -> anyhow::Result<Area> {
    let geometry = Geometry::from_wkb(wkb).context("an area is no WKB")?;
    let Shape::Polygon(rings) = geometry.shape else { anyhow::bail!("an area is no polygon") };
    let ring = |ring: &Vec<kernel_model::Coord>| ring.iter().map(|c| [c.lon_deg, c.lat_deg]).collect::<Vec<_>>();
    Ok(Area::new(&rings.iter().map(ring).collect::<Vec<_>>())?)
}
