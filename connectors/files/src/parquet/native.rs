//! The native encodings of GeoParquet 1.1: coordinates as structs of x, y and z in lists of lists. One row of a column in,
//! a shape in the kernel's frame out.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array, StructArray};
use arrow_schema::DataType;
use kernel_model::{Coord, Geometry, Polygon, Shape};

use super::meta::Encoding;
use crate::crs::Frame;
use crate::intake::Refusal;
use crate::wkb;

/// Whether the column's coordinates have heights; an error where it is not of the encoding's layout.
pub(super) fn has_height(array: &dyn Array) -> Result<bool, Refusal> {
    match array.data_type() {
        DataType::Struct(_) => Positions::of(array).map(|positions| positions.z.is_some()),
        DataType::List(_) => has_height(array.as_list::<i32>().values().as_ref()),
        DataType::LargeList(_) => has_height(array.as_list::<i64>().values().as_ref()),
        other => Err(format!("its geometry is of type {other}, not lists of x and y")),
    }
}

/// The row's geometry; `None`: null or empty.
pub(super) fn read(
    array: &dyn Array,
    row: usize,
    encoding: Encoding,
    frame: &Frame,
) -> Result<Option<Geometry>, Refusal> {
    if array.is_null(row) {
        return Ok(None);
    }
    let one = row..row + 1;
    let shape = match encoding {
        Encoding::Point => coords(array, one, frame)?.first().copied().map(Shape::Point),
        Encoding::LineString => {
            some(list(array, row, |a, r| coords(a, r, frame))?).map(wkb::line).transpose()?.map(Shape::LineString)
        }
        Encoding::MultiPoint => some(list(array, row, |a, r| coords(a, r, frame))?).map(Shape::MultiPoint),
        Encoding::MultiLineString => {
            let lines = list(array, row, |a, r| {
                r.map(|l| list(a, l, |a, r| coords(a, r, frame)).and_then(wkb::line)).collect()
            })?;
            some(lines).map(Shape::MultiLineString)
        }
        Encoding::Polygon => some(polygon(array, row, frame)?).map(Shape::Polygon),
        Encoding::MultiPolygon => {
            let polygons: Vec<Polygon> = list(array, row, |a, r| r.map(|p| polygon(a, p, frame)).collect())?;
            some(polygons.into_iter().filter(|p| !p.is_empty()).collect()).map(Shape::MultiPolygon)
        }
        Encoding::Wkb => return Err("its geometry is WKB".to_owned()),
    };
    let has_height = has_height(array)? && frame.knows_height_unit();
    Ok(shape.map(|shape| Geometry { has_height, shape }))
}

fn some<T>(members: Vec<T>) -> Option<Vec<T>> {
    Some(members).filter(|m| !m.is_empty())
}

fn polygon(array: &dyn Array, row: usize, frame: &Frame) -> Result<Polygon, Refusal> {
    list(array, row, |a, r| r.map(|ring| list(a, ring, |a, r| coords(a, r, frame)).and_then(wkb::ring)).collect())
}

/// Hands the members of a row's list on.
fn list<T>(
    array: &dyn Array,
    row: usize,
    read: impl FnOnce(&dyn Array, Range<usize>) -> Result<Vec<T>, Refusal>,
) -> Result<Vec<T>, Refusal> {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let ends = list.value_offsets();
            read(list.values().as_ref(), ends[row] as usize..ends[row + 1] as usize)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let ends = list.value_offsets();
            read(list.values().as_ref(), ends[row] as usize..ends[row + 1] as usize)
        }
        other => Err(format!("its geometry has {other} where a list has to be")),
    }
}

struct Positions<'a> {
    x: &'a Float64Array,
    y: &'a Float64Array,
    z: Option<&'a Float64Array>,
}

impl<'a> Positions<'a> {
    fn of(array: &'a dyn Array) -> Result<Self, Refusal> {
        let array: &StructArray = array.as_struct_opt().ok_or("its coordinates are no structs of x and y")?;
        let axis = |name: &str| array.column_by_name(name).and_then(|a| a.as_primitive_opt::<Float64Type>());
        match (axis("x"), axis("y")) {
            (Some(x), Some(y)) => Ok(Self { x, y, z: axis("z") }),
            _ => Err("its coordinates have no x and y of doubles".to_owned()),
        }
    }
}

fn coords(array: &dyn Array, range: Range<usize>, frame: &Frame) -> Result<Vec<Coord>, Refusal> {
    let positions = Positions::of(array)?;
    let mut coords = Vec::with_capacity(range.len());
    for row in range {
        let (x, y) = (positions.x.value(row), positions.y.value(row));
        // An empty point is written as NaN.
        if !(x.is_nan() && y.is_nan()) {
            coords.push(frame.locate(x, y, positions.z.map_or(0.0, |z| z.value(row)))?);
        }
    }
    Ok(coords)
}
