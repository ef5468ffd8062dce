//! Batches in, one JSON array of row objects out. Whole numbers are written in full, also beyond 2^53; real numbers with
//! the digits that read back the same; numbers that JSON lacks (NaN, infinity) as null; bytes as hexadecimal.

use std::fmt::Write as _;
use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, SchemaRef};
use arrow::util::display::ArrayFormatter;

use super::{Failure, PRINTED, geometry};
use crate::columns::is_geometry;

#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    out: W,
    /// `"name":` of every column.
    keys: Vec<String>,
    schema: SchemaRef,
    rows: usize,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, mut out: W) -> Result<Self, Failure> {
        out.write_all(b"[")?;
        let keys = schema.fields().iter().map(|field| key(field.name())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { out, keys, schema: schema.clone(), rows: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let columns = self.schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| Column::of(field, column)).collect::<Result<Vec<_>, _>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            text.push_str(if self.rows == 0 { "\n{" } else { ",\n{" });
            self.rows += 1;
            for (at, (key, column)) in self.keys.iter().zip(&columns).enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(key);
                column.write(row, &mut text)?;
            }
            text.push('}');
        }
        Ok(self.out.write_all(text.as_bytes())?)
    }

    pub(super) fn finish(mut self) -> Result<W, Failure> {
        self.out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A name and its colon.
pub(super) fn key(name: &str) -> Result<String, Failure> {
    Ok(format!("{}:", serde_json::to_string(name)?))
}

/// A real number that reads back the same.
pub(super) fn float(number: f64, out: &mut String) {
    match serde_json::Number::from_f64(number) {
        Some(number) => {
            let _ = write!(out, "{number}");
        }
        None => out.push_str("null"),
    }
}

/// A column, ready to be written row by row.
pub(super) struct Column<'a> {
    array: &'a ArrayRef,
    kind: Kind<'a>,
}

enum Kind<'a> {
    /// What is printed is JSON already.
    Bare(ArrayFormatter<'a>),
    /// What is printed is a text.
    Quoted(ArrayFormatter<'a>),
    Real(ArrayRef),
    Geometry(ArrayRef),
    Bytes(ArrayRef),
    List(&'a Field),
    Struct(Vec<(String, Column<'a>)>),
}

impl<'a> Column<'a> {
    pub(super) fn of(field: &'a Field, array: &'a ArrayRef) -> Result<Self, Failure> {
        let formatter = || ArrayFormatter::try_new(array, &PRINTED);
        let kind = match array.data_type() {
            DataType::Float16 | DataType::Float64 => Kind::Real(cast(array, &DataType::Float64)?),
            kind if kind.is_numeric() || matches!(kind, DataType::Boolean | DataType::Float32) => {
                Kind::Bare(formatter()?)
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                let bytes = cast(array, &DataType::Binary)?;
                if is_geometry(field) { Kind::Geometry(bytes) } else { Kind::Bytes(bytes) }
            }
            DataType::FixedSizeBinary(_) => Kind::Bytes(cast(array, &DataType::Binary)?),
            DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => Kind::List(inner),
            DataType::Struct(fields) => {
                let members = fields.iter().zip(array.as_struct().columns());
                let member = |(field, column): (&'a _, &'a _)| {
                    let field: &'a std::sync::Arc<Field> = field;
                    Ok::<_, Failure>((key(field.name())?, Self::of(field, column)?))
                };
                Kind::Struct(members.map(member).collect::<Result<Vec<_>, _>>()?)
            }
            _ => Kind::Quoted(formatter()?),
        };
        Ok(Self { array, kind })
    }

    /// Appends the value of a row.
    pub(super) fn write(&self, row: usize, out: &mut String) -> Result<(), Failure> {
        if self.array.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        match &self.kind {
            Kind::Bare(formatter) => {
                let start = out.len();
                write!(out, "{}", formatter.value(row))?;
                if out[start..].parse::<f64>().is_ok_and(|number| !number.is_finite()) {
                    out.truncate(start);
                    out.push_str("null");
                }
            }
            Kind::Quoted(formatter) => {
                let text = formatter.value(row).try_to_string()?;
                out.push_str(&serde_json::to_string(&text)?);
            }
            Kind::Real(numbers) => float(numbers.as_primitive::<Float64Type>().value(row), out),
            Kind::Geometry(bytes) => geometry::geojson(binary(bytes).value(row), out)?,
            Kind::Bytes(bytes) => {
                out.push('"');
                for byte in binary(bytes).value(row) {
                    write!(out, "{byte:02x}")?;
                }
                out.push('"');
            }
            Kind::List(field) => self.list(field, row, out)?,
            Kind::Struct(members) => {
                out.push('{');
                for (at, (key, member)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(key);
                    member.write(row, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    fn list(&self, field: &Field, row: usize, out: &mut String) -> Result<(), Failure> {
        let values = match self.array.data_type() {
            DataType::LargeList(_) => self.array.as_list::<i64>().value(row),
            DataType::FixedSizeList(..) => self.array.as_fixed_size_list().value(row),
            _ => self.array.as_list::<i32>().value(row),
        };
        let column = Column::of(field, &values)?;
        out.push('[');
        for at in 0..values.len() {
            if at > 0 {
                out.push(',');
            }
            column.write(at, out)?;
        }
        out.push(']');
        Ok(())
    }
}

fn binary(array: &ArrayRef) -> &BinaryArray {
    array.as_binary::<i32>()
}
