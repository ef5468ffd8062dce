//! Batches in, one GeoJSON FeatureCollection out (RFC 7946), a line per feature: the first geometry column is the geometry,
//! a column `id` the id, all others are properties. A text column `properties` holds a JSON object, as `entities` has it: its
//! members become properties too, under `source:<name>` where a column has the name.

use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};

use super::json::{Column, key};
use super::{Failure, json};
use crate::columns::is_geometry;
use crate::members::{members, text_of};

#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    out: W,
    schema: SchemaRef,
    geometry: usize,
    id: Option<usize>,
    /// The column of objects.
    said: Option<usize>,
    rows: usize,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, mut out: W) -> Result<Self, Failure> {
        let at = |is: &dyn Fn(&arrow::datatypes::Field) -> bool| schema.fields().iter().position(|field| is(field));
        let geometry = at(&|field| is_geometry(field)).ok_or("there is no geometry among the columns: select one")?;
        let id = at(&|field| field.name() == "id");
        let said = at(&|field| field.name() == "properties" && *field.data_type() == DataType::Utf8);
        out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
        Ok(Self { out, schema: schema.clone(), geometry, id, said, rows: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let columns = self.schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| Column::of(field, column)).collect::<Result<Vec<_>, _>>()?;
        let apart = [Some(self.geometry), self.id, self.said];
        let plain: Vec<(String, &Column<'_>)> = columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !apart.contains(&Some(*at)))
            .map(|(at, column)| Ok((key(self.schema.field(at).name())?, column)))
            .collect::<Result<_, Failure>>()?;
        let objects = self.said.map(|said| batch.column(said).as_string::<i32>());
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            text.push_str(if self.rows == 0 { "\n" } else { ",\n" });
            self.rows += 1;
            text.push_str("{\"type\":\"Feature\"");
            if let Some(id) = self.id {
                text.push_str(",\"id\":");
                columns[id].write(row, &mut text)?;
            }
            text.push_str(",\"geometry\":");
            columns[self.geometry].write(row, &mut text)?;
            text.push_str(",\"properties\":{");
            for (at, (key, column)) in plain.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(key);
                column.write(row, &mut text)?;
            }
            let object = objects.filter(|objects| objects.is_valid(row)).map(|objects| objects.value(row));
            self.splice(object.unwrap_or_default(), plain.is_empty(), &mut text)?;
            text.push_str("}}");
        }
        Ok(self.out.write_all(text.as_bytes())?)
    }

    fn splice(&self, object: &str, first: bool, text: &mut String) -> Result<(), Failure> {
        for (at, (name, value)) in members(object).enumerate() {
            if at > 0 || !first {
                text.push(',');
            }
            match text_of(name).filter(|name| self.schema.field_with_name(name).is_ok()) {
                None => {
                    text.push_str(name);
                    text.push(':');
                }
                Some(name) => text.push_str(&json::key(&format!("source:{name}"))?),
            }
            text.push_str(value);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, Failure> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}
