//! Features as a record batch: rows of `entities` come in, the columns of a collection go out, one for each of our own names
//! and one for each name of a source, with the names that GeoJSON has. What a source says is a number, a text or a truth
//! where all features of the collection say it so, else its JSON text; geometry is WKB, in degrees, or WKT's coordinates in
//! another system for CSV.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Float64Builder, RecordBatch, StringBuilder, UInt32Array,
};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use kernel_model::schema::geometry as geometry_field;
use kernel_model::{Coord, EntityId, Geometry};
use kernel_query::{members, text_of};

use super::find::Marked;
use super::properties::{Queryables, SOURCE, Types, is_own};
use super::system::System;
use crate::error::ApiError;

/// Names of sources that become columns; all others stand in the last column as one JSON object.
const MOST_COLUMNS: usize = 250;
/// Our own columns: as they are stored, and their names in features.
const OWN: [(&str, &str); 13] = [
    ("id", "id"),
    ("kind", "kind"),
    ("class", "class"),
    ("name", "name"),
    ("parent", "parent"),
    ("dataset", "dataset"),
    ("source_id", "source_id"),
    ("height_reference", "height_reference"),
    ("valid_from", "valid_from"),
    ("valid_to", "valid_to"),
    ("recorded_at", "recorded_at"),
    ("seq", "sequence"),
    ("lineage", "lineage"),
];

/// The rows of a page.
///
/// # Errors
/// Where the reference system does not reach a feature.
pub(super) fn rows(
    revisions: &[Marked],
    found: &[(EntityId, usize, usize)],
    names: &Queryables,
    system: &System,
) -> Result<RecordBatch, ApiError> {
    let arrow = |error: ArrowError| ApiError::internal(error);
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (stored, name) in OWN {
        let column = gathered(revisions, found, stored).map_err(arrow)?;
        let column = if matches!(stored, "id" | "parent") { uuids(&column) } else { column };
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    let shapes = gathered(revisions, found, "geometry").map_err(arrow)?;
    fields.push(geometry_field("geometry"));
    columns.push(if system.is_stored() { shapes } else { located(&shapes, system)? });
    let texts = gathered(revisions, found, "properties").map_err(arrow)?;
    for (field, column) in said(texts.as_string::<i32>().iter().map(Option::unwrap_or_default), found.len(), names) {
        fields.push(field);
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(arrow)
}

/// A stored column of the rows, in order.
fn gathered(revisions: &[Marked], found: &[(EntityId, usize, usize)], name: &str) -> Result<ArrayRef, ArrowError> {
    let mut parts: Vec<ArrayRef> = Vec::new();
    let mut at = 0;
    while at < found.len() {
        let batch = found[at].1;
        let run = found[at..].iter().take_while(|(_, number, _)| *number == batch).count();
        let rows = UInt32Array::from_iter_values(found[at..at + run].iter().map(|(.., row)| *row as u32));
        let schema = revisions[batch].0.schema_ref().clone();
        parts.push(take(revisions[batch].0.column(schema.index_of(name)?), &rows, None)?);
        at += run;
    }
    if parts.is_empty() {
        let schema = kernel_model::schema::Table::Entities.schema();
        return Ok(arrow::array::new_empty_array(schema.field_with_name(name)?.data_type()));
    }
    concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

fn uuids(column: &ArrayRef) -> ArrayRef {
    let mut texts = StringBuilder::new();
    let bytes = column.as_fixed_size_binary();
    for row in 0..bytes.len() {
        let id = bytes.is_valid(row).then(|| EntityId::from_slice(bytes.value(row))).flatten();
        texts.append_option(id.map(|id| id.to_string()));
    }
    Arc::new(texts.finish())
}

/// Shapes with their coordinates in another system.
fn located(shapes: &ArrayRef, system: &System) -> Result<ArrayRef, ApiError> {
    let mut out = BinaryBuilder::new();
    for bytes in shapes.as_binary::<i32>() {
        let Some(Ok(mut geometry)) = bytes.map(Geometry::from_wkb) else {
            out.append_null();
            continue;
        };
        each_coord(&mut geometry, |c| {
            (c.lon_deg, c.lat_deg) = system.coordinates(c.lon_deg, c.lat_deg)?;
            Ok(())
        })?;
        out.append_value(geometry.to_wkb());
    }
    Ok(Arc::new(out.finish()))
}

/// Changes every vertex.
fn each_coord<E>(geometry: &mut Geometry, mut change: impl FnMut(&mut Coord) -> Result<(), E>) -> Result<(), E> {
    use kernel_model::Shape;
    match &mut geometry.shape {
        Shape::Point(c) => change(c),
        Shape::LineString(line) | Shape::MultiPoint(line) => line.iter_mut().try_for_each(change),
        Shape::Polygon(lines) | Shape::MultiLineString(lines) => lines.iter_mut().flatten().try_for_each(change),
        Shape::MultiPolygon(polygons) => polygons.iter_mut().flatten().flatten().try_for_each(change),
    }
}

/// A column of what sources say.
enum Said {
    Number(Float64Builder),
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    /// JSON as it is written.
    Json(StringBuilder),
}

impl Said {
    fn of(types: Types) -> Self {
        match types.only() {
            Some(Types::NUMBER) => Self::Number(Float64Builder::new()),
            Some(Types::BOOLEAN) => Self::Boolean(BooleanBuilder::new()),
            Some(Types::TEXT) => Self::Text(StringBuilder::new()),
            _ => Self::Json(StringBuilder::new()),
        }
    }

    fn push(&mut self, value: Option<&str>) {
        let value = value.filter(|value| *value != "null");
        match self {
            Self::Number(numbers) => numbers.append_option(value.and_then(|value| value.parse().ok())),
            Self::Boolean(truths) => truths.append_option(value.and_then(|value| value.parse().ok())),
            Self::Text(texts) => texts.append_option(value.and_then(text_of)),
            Self::Json(texts) => texts.append_option(value),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Number(mut numbers) => Arc::new(numbers.finish()),
            Self::Boolean(mut truths) => Arc::new(truths.finish()),
            Self::Text(mut texts) | Self::Json(mut texts) => Arc::new(texts.finish()),
        }
    }
}

fn said<'a>(objects: impl Iterator<Item = &'a str>, count: usize, names: &Queryables) -> Vec<(Field, ArrayRef)> {
    let columns: Vec<&String> = names.said.keys().take(MOST_COLUMNS).collect();
    let places: BTreeMap<&str, usize> = columns.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let mut builders: Vec<Said> = columns.iter().map(|name| Said::of(names.said[*name])).collect();
    let has_rest = names.said.len() > MOST_COLUMNS;
    let mut rest = StringBuilder::with_capacity(count, 0);
    for object in objects {
        let mut values: Vec<Option<&str>> = vec![None; columns.len()];
        let mut others = String::new();
        for (key, value) in members(object) {
            let name = text_of(key).unwrap_or_default();
            let name = if is_own(&name) { format!("{SOURCE}{name}").into() } else { name };
            match places.get(name.as_ref()) {
                Some(at) => values[*at] = Some(value),
                None => others.extend([if others.is_empty() { "{" } else { "," }, key, ":", value]),
            }
        }
        values.into_iter().zip(&mut builders).for_each(|(value, builder)| builder.push(value));
        rest.append_option((!others.is_empty()).then(|| others + "}"));
    }
    let mut all: Vec<(Field, ArrayRef)> = builders
        .into_iter()
        .zip(columns)
        .map(|(builder, name)| {
            let column = builder.finish();
            (Field::new(name, column.data_type().clone(), true), column)
        })
        .collect();
    if has_rest {
        all.push((Field::new("further_properties", DataType::Utf8, true), Arc::new(rest.finish())));
    }
    all
}
