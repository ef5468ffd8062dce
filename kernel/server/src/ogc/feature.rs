//! One row of `entities` -> one GeoJSON feature, straight into bytes. Our own properties come first; what the source said
//! follows as it said it, and a source's name that is one of ours is written `source:<name>`.

use std::io::Write;

use arrow::array::{Array, FixedSizeBinaryArray, StringArray, TimestampMicrosecondArray};
use kernel_model::EntityId;
use kernel_query::{members, text_of};

use super::geojson;
use super::properties::{SOURCE, is_own};
use super::rows::{Columns, instant};
use super::system::System;
use crate::error::ApiError;

/// Appends the feature without its closing brace, so that members can follow.
///
/// # Errors
/// Where the reference system does not reach it.
pub(super) fn write_open(
    out: &mut Vec<u8>,
    columns: &Columns<'_>,
    row: usize,
    system: &System,
) -> Result<(), ApiError> {
    out.extend(br#"{"type":"Feature","id":"#);
    write_id(out, columns.id, row);
    out.extend(br#","geometry":"#);
    if columns.geometry.is_valid(row) {
        geojson::write(out, columns.geometry.value(row), system)?;
    } else {
        out.extend(b"null");
    }
    out.extend(br#","properties":{"kind":"#);
    write_text(out, columns.kind, row);
    for (name, column) in [("class", columns.class), ("name", columns.name)] {
        write_name(out, name);
        write_text(out, column, row);
    }
    write_name(out, "parent");
    write_id(out, columns.parent, row);
    for (name, column) in
        [("dataset", columns.dataset), ("source_id", columns.source_id), ("height_reference", columns.height_reference)]
    {
        write_name(out, name);
        write_text(out, column, row);
    }
    for (name, column) in
        [("valid_from", columns.valid_from), ("valid_to", columns.valid_to), ("recorded_at", columns.recorded_at)]
    {
        write_name(out, name);
        write_instant(out, column, row);
    }
    write_name(out, "sequence");
    // Writing into a Vec cannot fail, here and below.
    let _ = write!(out, "{}", columns.sequence.value(row));
    write_name(out, "lineage");
    write_text(out, columns.lineage, row);
    write_said(out, columns.properties.value(row));
    out.push(b'}');
    Ok(())
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    out.extend(b",\"");
    out.extend(name.as_bytes());
    out.extend(b"\":");
}

/// What the source said, after other members.
fn write_said(out: &mut Vec<u8>, object: &str) {
    for (key, value) in members(object) {
        out.push(b',');
        match text_of(key).filter(|name| is_own(name)) {
            None => out.extend(key.as_bytes()),
            Some(name) => {
                let _ = write!(out, "\"{SOURCE}{name}\"");
            }
        }
        out.push(b':');
        out.extend(value.as_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, column: &StringArray, row: usize) {
    if column.is_null(row) {
        out.extend(b"null");
    } else if serde_json::to_writer(&mut *out, column.value(row)).is_err() {
        // A text always becomes JSON.
        out.extend(b"null");
    }
}

fn write_instant(out: &mut Vec<u8>, column: &TimestampMicrosecondArray, row: usize) {
    match instant(column, row) {
        None => out.extend(b"null"),
        Some(time) => {
            let _ = write!(out, "\"{time}\"");
        }
    }
}

fn write_id(out: &mut Vec<u8>, column: &FixedSizeBinaryArray, row: usize) {
    match column.is_valid(row).then(|| EntityId::from_slice(column.value(row))).flatten() {
        None => out.extend(b"null"),
        Some(id) => {
            let mut text = [0; 36];
            out.push(b'"');
            out.extend(id.0.hyphenated().encode_lower(&mut text).as_bytes());
            out.push(b'"');
        }
    }
}
