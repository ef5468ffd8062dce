//! Rows of `entities` as they are told: properties that are hidden are left out, places are those of cells. What could be held
//! against a guess (the digest of the description, the exact key) is left out with them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, FixedSizeBinaryBuilder, Float64Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::Float64Type;
use arrow::error::ArrowError;
use kernel_model::{Coord, Geometry, Shape, View};

use super::{LAT, LON, PROPERTIES, blurred};

const NAME: usize = 5;
const GEOMETRY: usize = 9;
const HEIGHTS: [usize; 2] = [13, 18];
/// West, south, east, north; of each whether it is a longitude.
const SIDES: [(usize, bool); 4] = [(14, true), (15, false), (16, true), (17, false)];
const DIGEST: usize = 24;
const KEY: usize = 25;

/// The rows as their views tell them; there is a view of each.
pub(crate) fn entity_rows(rows: &RecordBatch, views: &[Arc<View>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = rows.columns().to_vec();
    if views.iter().any(|view| !view.hidden.is_empty()) {
        columns[NAME] = names(rows, views);
        columns[PROPERTIES] = properties(rows, views);
    }
    if views.iter().any(|view| view.cell_level.is_some()) {
        let centres = centres(rows, views);
        columns[GEOMETRY] = geometries(rows, views, &centres);
        columns[LON] = degrees(rows, LON, true, views, &centres);
        columns[LAT] = degrees(rows, LAT, false, views, &centres);
        for (side, is_lon) in SIDES {
            columns[side] = degrees(rows, side, is_lon, views, &centres);
        }
        for height in HEIGHTS {
            columns[height] = heights(rows, height, views);
        }
    }
    columns[DIGEST] = bytes(rows, DIGEST, |row| views[row].is_exact(), Some(&[0; 32]))?;
    columns[KEY] = bytes(rows, KEY, |row| views[row].cell_level.is_none(), None)?;
    RecordBatch::try_new(rows.schema(), columns)
}

/// The centres of the cells of rows that are blurred and stand somewhere.
fn centres(rows: &RecordBatch, views: &[Arc<View>]) -> Vec<Option<[f64; 2]>> {
    let [lon, lat] = [LON, LAT].map(|column| rows.column(column).as_primitive::<Float64Type>());
    let centre = |(row, view): (usize, &Arc<View>)| {
        let level = view.cell_level.filter(|_| lon.is_valid(row) && lat.is_valid(row))?;
        Some(blurred(lon.value(row), lat.value(row), level))
    };
    views.iter().enumerate().map(centre).collect()
}

fn degrees(
    rows: &RecordBatch,
    column: usize,
    is_lon: bool,
    views: &[Arc<View>],
    centres: &[Option<[f64; 2]>],
) -> ArrayRef {
    let own = rows.column(column).as_primitive::<Float64Type>();
    let mut told = Float64Builder::with_capacity(own.len());
    for (row, view) in views.iter().enumerate() {
        told.append_option(match view.cell_level {
            None => own.is_valid(row).then(|| own.value(row)),
            Some(_) => centres[row].map(|centre| centre[usize::from(!is_lon)]),
        });
    }
    Arc::new(told.finish())
}

fn heights(rows: &RecordBatch, column: usize, views: &[Arc<View>]) -> ArrayRef {
    let own = rows.column(column).as_primitive::<Float64Type>();
    let told =
        |(row, view): (usize, &Arc<View>)| (view.cell_level.is_none() && own.is_valid(row)).then(|| own.value(row));
    Arc::new(views.iter().enumerate().map(told).collect::<arrow::array::Float64Array>())
}

fn geometries(rows: &RecordBatch, views: &[Arc<View>], centres: &[Option<[f64; 2]>]) -> ArrayRef {
    let own = rows.column(GEOMETRY).as_binary::<i32>();
    let mut told = BinaryBuilder::new();
    for (row, view) in views.iter().enumerate() {
        match (view.cell_level, centres[row].filter(|_| own.is_valid(row))) {
            (None, _) if own.is_valid(row) => told.append_value(own.value(row)),
            (Some(_), Some([lon, lat])) => {
                told.append_value(Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0))).to_wkb());
            }
            _ => told.append_null(),
        }
    }
    Arc::new(told.finish())
}

fn names(rows: &RecordBatch, views: &[Arc<View>]) -> ArrayRef {
    let own = rows.column(NAME).as_string::<i32>();
    let mut told = StringBuilder::new();
    for (row, view) in views.iter().enumerate() {
        told.append_option((own.is_valid(row) && !view.hides("name")).then(|| own.value(row)));
    }
    Arc::new(told.finish())
}

fn properties(rows: &RecordBatch, views: &[Arc<View>]) -> ArrayRef {
    let own = rows.column(PROPERTIES).as_string::<i32>();
    let mut told = StringBuilder::new();
    for (row, view) in views.iter().enumerate() {
        told.append_value(without(own.value(row), view));
    }
    Arc::new(told.finish())
}

/// A JSON object without the members that are hidden; nothing of what is no object.
fn without(properties: &str, view: &View) -> String {
    if view.hidden.is_empty() {
        return properties.to_owned();
    }
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(properties).unwrap_or_default();
    members.retain(|key, _| !view.hides(key));
    serde_json::Value::from(members).to_string()
}

/// Bytes of the rows that are told; `instead` of the others.
fn bytes(
    rows: &RecordBatch,
    column: usize,
    is_told: impl Fn(usize) -> bool,
    instead: Option<&[u8]>,
) -> Result<ArrayRef, ArrowError> {
    let own = rows.column(column).as_fixed_size_binary();
    let mut told = FixedSizeBinaryBuilder::with_capacity(own.len(), own.value_length());
    for row in 0..own.len() {
        match instead {
            _ if is_told(row) && own.is_valid(row) => told.append_value(own.value(row))?,
            Some(instead) => told.append_value(instead)?,
            None => told.append_null(),
        }
    }
    Ok(Arc::new(told.finish()))
}
