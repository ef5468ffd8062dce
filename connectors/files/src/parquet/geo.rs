//! GeoParquet into entity drafts, a batch at a time. Coordinates are longitude first whatever the system says (the
//! standard's "Coordinate axis order"); a file that states no system is in OGC:CRS84, one that states `null` has none. Rows
//! whose geometry is null or empty go in without one.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use kernel_model::Geometry;

use super::cells::{Cell, cell};
use super::meta::{self, Encoding, Geo, Stated};
use super::{Batches, native};
use crate::Used;
use crate::crs::{AxisOrder, Crs, Frame};
use crate::error::Error;
use crate::features::{Drafts, Properties};
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};
use crate::wkb;

fn geo_of(batches: &Batches, file: &str) -> Result<Option<Geo>, Error> {
    let malformed = |reason| Error::Malformed { file: file.to_owned(), place: "footer".to_owned(), reason };
    batches.metadata().map_or(Ok(None), meta::read).map_err(malformed)
}

/// Reads one file.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let file = intake.file().to_owned();
    let malformed = |reason: String| Error::Malformed { file: file.clone(), place: "footer".to_owned(), reason };
    let mut batches = Batches::open(intake.input)?;
    let geo = geo_of(&batches, &file)?.ok_or_else(|| Error::NoMapping { file: file.clone() })?;
    if batches.schema().column_with_name(&geo.column).is_none() {
        return Err(malformed(format!("its geometry column `{}` is not among its columns", geo.column)));
    }
    let mut drafts = Drafts::new(Ground::new(&file, &reference(&geo, &file, options)?, options)?, options)?;
    let mut index = 0;
    while let Some(batch) = batches.next(intake.input)? {
        rows(intake, &batch, &geo, &mut drafts, index)?;
        index += batch.num_rows() as u64;
    }
    Ok(drafts.ground.used())
}

fn reference(geo: &Geo, file: &str, options: &Options) -> Result<Crs, Error> {
    if options.crs.is_some() {
        return options.crs_or(file, None, AxisOrder::LonLat);
    }
    match &geo.crs {
        Stated::Default => Ok(Crs::wgs84()),
        Stated::Unknown => Err(Error::NoCrs { file: file.to_owned() }),
        Stated::Known(crs) => (**crs).clone().map_err(|source| Error::Crs { file: file.to_owned(), source }),
    }
}

fn rows(intake: &mut Intake<'_>, batch: &RecordBatch, geo: &Geo, drafts: &mut Drafts, index: u64) -> Result<(), Error> {
    let schema = batch.schema();
    let is_property = |name: &String| *name != geo.column && !geo.ignored.contains(name);
    let cells: Vec<(&String, Cell<'_>)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| is_property(field.name()))
        .map(|(field, column)| (field.name(), cell(column.as_ref())))
        .collect();
    let Some(column) = batch.column_by_name(&geo.column) else { return Ok(()) };
    for row in 0..batch.num_rows() {
        let number = index + row as u64;
        let geometry = geometry(column.as_ref(), row, geo.encoding, &drafts.ground.frame);
        let mut properties = Properties::new();
        for (name, cell) in &cells {
            let value = cell(row);
            if !value.is_null() {
                properties.insert((*name).clone(), value);
            }
        }
        let draft = drafts.draft(intake, None, number, geometry, properties);
        drafts.settle(intake, format!("row {}", number + 1), "", draft)?;
    }
    Ok(())
}

fn geometry(array: &dyn Array, row: usize, encoding: Encoding, frame: &Frame) -> Result<Option<Geometry>, Refusal> {
    if encoding != Encoding::Wkb {
        return native::read(array, row, encoding, frame);
    }
    if array.is_null(row) {
        return Ok(None);
    }
    let bytes = match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        DataType::BinaryView => array.as_binary_view().value(row),
        other => return Err(format!("its geometry is of type {other}, not bytes of WKB")),
    };
    wkb::read(bytes, frame)
}
