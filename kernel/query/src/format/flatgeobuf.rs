//! Batches in, FlatGeobuf 3 out (flatgeobuf.org, specification 3.0): a header, then a feature per row, in order and without an
//! index, so that nothing is held back. The first geometry column is the geometry, longitude first (EPSG:4326, whose axes
//! the format turns round); numbers, truths and texts become columns, times ISO 8601, all else its printed text.
//!
//! A file has heights or has none: what its first batch has decides. In a file with heights a vertex without one has NaN,
//! which is no height.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, TableFinishedWIPOffset, Vector, WIPOffset};
use kernel_model::{Coord, Geometry, Shape};

use super::{Failure, csv};
use crate::columns::is_geometry;

const MAGIC: [u8; 8] = [0x66, 0x67, 0x62, 0x03, 0x66, 0x67, 0x62, 0x00];
const EPSG_WGS84: i32 = 4326;

/// Types of columns, by the schema's numbers.
const BOOL: u8 = 2;
const LONG: u8 = 7;
const DOUBLE: u8 = 10;
const STRING: u8 = 11;
const DATE_TIME: u8 = 13;

type Table = WIPOffset<TableFinishedWIPOffset>;
type Tables<'a> = WIPOffset<Vector<'a, ForwardsUOffset<TableFinishedWIPOffset>>>;

#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    out: W,
    schema: SchemaRef,
    geometry: usize,
    /// Whether the file has heights, once that is settled.
    has_height: Option<bool>,
}

/// The slot of a table's field.
const fn slot(field: u16) -> u16 {
    4 + 2 * field
}

impl<W: Write> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, mut out: W) -> Result<Self, Failure> {
        let geometry = schema.fields().iter().position(|field| is_geometry(field));
        let geometry = geometry.ok_or("there is no geometry among the columns: select one")?;
        out.write_all(&MAGIC)?;
        Ok(Self { out, schema: schema.clone(), geometry, has_height: None })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let bytes = cast(batch.column(self.geometry), &DataType::Binary)?;
        let read = |bytes: Option<&[u8]>| bytes.map(Geometry::from_wkb).transpose();
        let shapes = bytes.as_binary::<i32>().iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let any_height = shapes.iter().flatten().any(|shape| shape.has_height);
        let has_height = match self.has_height {
            Some(has_height) => has_height,
            None => self.begin(any_height)?,
        };
        if any_height && !has_height {
            return Err("heights begin behind features without any: order those with heights first".into());
        }
        let columns = self.columns(batch)?;
        for (row, shape) in shapes.iter().enumerate() {
            let feature = feature(shape.as_ref(), has_height, &properties(&columns, row));
            self.out.write_all(&feature)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, Failure> {
        if self.has_height.is_none() {
            self.begin(false)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn begin(&mut self, has_height: bool) -> Result<bool, Failure> {
        let columns = self.schema.fields().iter().enumerate().filter(|(at, _)| *at != self.geometry);
        let columns: Vec<(&str, u8)> =
            columns.map(|(_, field)| (field.name().as_str(), type_of(field.data_type()))).collect();
        self.out.write_all(&header(&columns, has_height))?;
        self.has_height = Some(has_height);
        Ok(has_height)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<Column>, Failure> {
        let all = self.schema.fields().iter().zip(batch.columns()).enumerate();
        all.filter(|(at, _)| *at != self.geometry)
            .map(|(_, (field, column))| {
                Ok(match type_of(field.data_type()) {
                    BOOL => Column::Bool(column.clone()),
                    LONG => Column::Long(cast(column, &DataType::Int64)?),
                    DOUBLE => Column::Double(cast(column, &DataType::Float64)?),
                    _ => Column::Text(column.clone(), csv::column_texts(field, column)?),
                })
            })
            .collect()
    }
}

fn type_of(kind: &DataType) -> u8 {
    match kind {
        DataType::Boolean => BOOL,
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::UInt64 => DOUBLE,
        kind if kind.is_integer() => LONG,
        DataType::Timestamp(..) => DATE_TIME,
        _ => STRING,
    }
}

enum Column {
    Bool(ArrayRef),
    Long(ArrayRef),
    Double(ArrayRef),
    /// The column, for its nulls, and its texts.
    Text(ArrayRef, Vec<String>),
}

/// The values of a row: the number of the column, then the value; nulls are left out.
fn properties(columns: &[Column], row: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        let (Column::Bool(array) | Column::Long(array) | Column::Double(array) | Column::Text(array, _)) = column;
        if array.is_null(row) {
            continue;
        }
        out.extend((number as u16).to_le_bytes());
        match column {
            Column::Bool(array) => out.push(u8::from(array.as_boolean().value(row))),
            Column::Long(array) => out.extend(array.as_primitive::<Int64Type>().value(row).to_le_bytes()),
            Column::Double(array) => out.extend(array.as_primitive::<Float64Type>().value(row).to_le_bytes()),
            Column::Text(_, texts) => {
                out.extend((texts[row].len() as u32).to_le_bytes());
                out.extend(texts[row].as_bytes());
            }
        }
    }
    out
}

/// Table `Header`: name, geometry type 0 (each feature says its own), columns, node size 0 (no index), reference system.
fn header(columns: &[(&str, u8)], has_height: bool) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let columns: Vec<Table> = columns
        .iter()
        .map(|(name, kind)| {
            let name = fbb.create_string(name);
            let table = fbb.start_table();
            fbb.push_slot_always(slot(0), name);
            fbb.push_slot_always(slot(1), *kind);
            fbb.end_table(table)
        })
        .collect();
    let columns: Tables<'_> = fbb.create_vector(&columns);
    let organisation = fbb.create_string("EPSG");
    let table = fbb.start_table();
    fbb.push_slot_always(slot(0), organisation);
    fbb.push_slot_always(slot(1), EPSG_WGS84);
    let system = fbb.end_table(table);
    let name = fbb.create_string("features");
    let table = fbb.start_table();
    fbb.push_slot_always(slot(0), name);
    fbb.push_slot_always(slot(3), has_height);
    fbb.push_slot_always(slot(7), columns);
    fbb.push_slot_always(slot(9), 0_u16);
    fbb.push_slot_always(slot(10), system);
    let header = fbb.end_table(table);
    fbb.finish_size_prefixed(header, None);
    fbb.finished_data().to_vec()
}

/// Table `Feature`: geometry, properties.
fn feature(shape: Option<&Geometry>, has_height: bool, properties: &[u8]) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let shape = shape.map(|shape| geometry(&mut fbb, shape, has_height));
    let properties = fbb.create_vector(properties);
    let table = fbb.start_table();
    if let Some(shape) = shape {
        fbb.push_slot_always(slot(0), shape);
    }
    fbb.push_slot_always(slot(1), properties);
    let feature = fbb.end_table(table);
    fbb.finish_size_prefixed(feature, None);
    fbb.finished_data().to_vec()
}

fn slices(lines: &[Vec<Coord>]) -> Vec<&[Coord]> {
    lines.iter().map(Vec::as_slice).collect()
}

/// Table `Geometry`: ends of parts, coordinates, heights, type, parts.
fn geometry(fbb: &mut FlatBufferBuilder<'_>, geometry: &Geometry, has_height: bool) -> Table {
    let high = |c: &Coord| if geometry.has_height { c.height_m } else { f64::NAN };
    let mut plain = |code: u8, lines: &[&[Coord]]| {
        let all = || lines.iter().flat_map(|line| line.iter());
        let xy: Vec<f64> = all().flat_map(|c| [c.lon_deg, c.lat_deg]).collect();
        let z: Vec<f64> = if has_height { all().map(high).collect() } else { Vec::new() };
        let ends = lines.iter().scan(0_u32, |end, line| {
            *end += line.len() as u32;
            Some(*end)
        });
        let ends: Vec<u32> = if lines.len() > 1 { ends.collect() } else { Vec::new() };
        let (ends, xy, z) = (fbb.create_vector(&ends), fbb.create_vector(&xy), fbb.create_vector(&z));
        let table = fbb.start_table();
        fbb.push_slot_always(slot(0), ends);
        fbb.push_slot_always(slot(1), xy);
        if has_height {
            fbb.push_slot_always(slot(2), z);
        }
        fbb.push_slot_always(slot(6), code);
        fbb.end_table(table)
    };
    match &geometry.shape {
        Shape::Point(c) => plain(1, &[std::slice::from_ref(c)]),
        Shape::LineString(line) => plain(2, &[line]),
        Shape::Polygon(rings) => plain(3, &slices(rings)),
        Shape::MultiPoint(points) => plain(4, &[points]),
        Shape::MultiLineString(lines) => plain(5, &slices(lines)),
        Shape::MultiPolygon(polygons) => {
            let parts: Vec<Table> = polygons.iter().map(|rings| plain(3, &slices(rings))).collect();
            let parts: Tables<'_> = fbb.create_vector(&parts);
            let table = fbb.start_table();
            fbb.push_slot_always(slot(6), 6_u8);
            fbb.push_slot_always(slot(7), parts);
            fbb.end_table(table)
        }
    }
}
