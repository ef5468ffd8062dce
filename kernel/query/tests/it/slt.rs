//! Runs every text file of `tests/slt`: SQL and the answer that a person wrote down.

use std::path::Path;

use arrow::datatypes::DataType;
use kernel_query::Error;
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};

use crate::city::{ask, cells};

struct Sql;

impl DB for Sql {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let answer = ask(sql)?;
        let kind = |kind: &DataType| match kind {
            kind if kind.is_integer() => DefaultColumnType::Integer,
            kind if kind.is_floating() => DefaultColumnType::FloatingPoint,
            _ => DefaultColumnType::Text,
        };
        let types = answer.schema.fields().iter().map(|field| kind(field.data_type())).collect();
        let mut rows = cells(&answer);
        rows.iter_mut().flatten().filter(|cell| cell.is_empty()).for_each(|cell| "(empty)".clone_into(cell));
        Ok(DBOutput::Rows { types, rows })
    }

    fn engine_name(&self) -> &'static str {
        "urbis"
    }
}

#[test]
fn written_answers_are_given() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the SQL files are missing");
    for file in files {
        let mut runner = Runner::new(|| async { Ok(Sql) });
        runner.run_file(&file).unwrap_or_else(|error| panic!("{}", error.display(false)));
    }
}
