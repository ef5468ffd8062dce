//! What a code has to do with other codes: `code_parent`, `code_children`, `code_intersects`,
//! `code_neighbours`, `code_ring`, `code_disk`, `code_distance`, `code_convert`. Texts and numbers come in row by row; a
//! text, a list of texts, a truth or a number goes out. All arguments of a row are there, or the answer is null.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Int64Array, Int64Builder, ListBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use coding_system::{Adjacency, AnyCell, CodeText, Error, Scheme, convert};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::args::{finish, refuse};

/// What one row is asked.
struct Row<'a> {
    code: &'a str,
    /// The second text, where the function takes one.
    text: &'a str,
    /// The number, where it takes one.
    number: i64,
}

/// How a function answers; `None` is null.
#[derive(Clone, Copy)]
enum Answer {
    Text(fn(&Row) -> Result<Option<CodeText>, Error>),
    Texts(fn(&Row) -> Result<Vec<AnyCell>, Error>),
    Truth(fn(&Row) -> Result<bool, Error>),
    Count(fn(&Row) -> Result<u64, Error>),
}

/// What stands after the code in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    None,
    Text(&'static str),
    Number(&'static str),
}

#[derive(Clone)]
struct Relate {
    name: &'static str,
    second: Second,
    answer: Answer,
    signature: Signature,
}

/// All of them.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let make = |name, second, answer| {
        let code = DataType::Utf8;
        let types = match second {
            Second::None => vec![code],
            Second::Text(_) => vec![code, DataType::Utf8],
            Second::Number(_) => vec![code, DataType::Int64],
        };
        Relate { name, second, answer, signature: Signature::exact(types, Volatility::Immutable) }.into()
    };
    let around = Second::Text("adjacency");
    vec![
        make("code_parent", Second::Number("level"), Answer::Text(parent)),
        make("code_convert", Second::Text("scheme"), Answer::Text(converted)),
        make("code_children", Second::None, Answer::Texts(|row| Ok(AnyCell::parse(row.code)?.children()))),
        make("code_neighbours", around, Answer::Texts(neighbours)),
        make("code_ring", Second::Number("steps"), Answer::Texts(|row| AnyCell::parse(row.code)?.ring(steps(row)?))),
        make("code_disk", Second::Number("steps"), Answer::Texts(|row| AnyCell::parse(row.code)?.disk(steps(row)?))),
        make("code_intersects", Second::Text("code"), Answer::Truth(|row| both(row, AnyCell::intersects))),
        make("code_distance", Second::Text("code"), Answer::Count(|row| both(row, AnyCell::distance))),
    ]
}

/// Null where the scheme has no such coarser level.
fn parent(row: &Row) -> Result<Option<CodeText>, Error> {
    let cell = AnyCell::parse(row.code)?;
    Ok(u8::try_from(row.number).ok().and_then(|level| cell.parent(level)).map(|cell| cell.text()))
}

/// Null where the other scheme has no equal cell: a cell that is only nearly the same is never given as the same.
fn converted(row: &Row) -> Result<Option<CodeText>, Error> {
    match convert::exact(row.code, row.text.parse::<Scheme>()?) {
        Ok(code) => Ok(Some(code)),
        Err(Error::NoEqualCell { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn neighbours(row: &Row) -> Result<Vec<AnyCell>, Error> {
    let adjacency = match row.text {
        "face" => Adjacency::Face,
        "edge" => Adjacency::Edge,
        "corner" => Adjacency::Corner,
        _ => {
            return Err(Error::Cover {
                why: "the adjacency is face (4 in 2D, 6 in 3D), edge (8, 18) or corner (8, 26)",
            });
        }
    };
    Ok(AnyCell::parse(row.code)?.neighbours(adjacency))
}

fn steps(row: &Row) -> Result<u32, Error> {
    u32::try_from(row.number).map_err(|_| Error::Cover { why: "the steps are 0 or more" })
}

fn both<T>(row: &Row, ask: fn(&AnyCell, &AnyCell) -> Result<T, Error>) -> Result<T, Error> {
    ask(&AnyCell::parse(row.code)?, &AnyCell::parse(row.text)?)
}

impl std::fmt::Debug for Relate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

// Two of one name are one function; addresses of functions say nothing.
impl PartialEq for Relate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Relate {}

impl std::hash::Hash for Relate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Relate {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.answer {
            Answer::Text(_) => DataType::Utf8,
            Answer::Texts(_) => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            Answer::Truth(_) => DataType::Boolean,
            Answer::Count(_) => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = Rows::of(&columns, self.second).ok_or_else(|| self.usage())?;
        finish(self.answers(&rows)?, constant)
    }
}

impl Relate {
    fn usage(&self) -> DataFusionError {
        let second = match self.second {
            Second::None => String::new(),
            Second::Text(name) | Second::Number(name) => format!(", {name}"),
        };
        DataFusionError::Plan(format!("{0} takes {0}(code{second})", self.name))
    }

    fn answers(&self, rows: &Rows) -> Result<ArrayRef> {
        let refused = |error: Error| refuse(self.name, error);
        Ok(match self.answer {
            Answer::Text(ask) => {
                let mut texts = StringBuilder::new();
                for row in rows.iter() {
                    let answer = row.map(|row| ask(&row)).transpose().map_err(refused)?.flatten();
                    texts.append_option(answer.as_ref().map(CodeText::as_str));
                }
                Arc::new(texts.finish())
            }
            Answer::Texts(ask) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for row in rows.iter() {
                    let answer = row.map(|row| ask(&row)).transpose().map_err(refused)?;
                    answer.iter().flatten().for_each(|cell| lists.values().append_value(cell.text().as_str()));
                    lists.append(answer.is_some());
                }
                Arc::new(lists.finish())
            }
            Answer::Truth(ask) => {
                let mut truths = BooleanBuilder::new();
                for row in rows.iter() {
                    truths.append_option(row.map(|row| ask(&row)).transpose().map_err(refused)?);
                }
                Arc::new(truths.finish())
            }
            Answer::Count(ask) => {
                let mut counts = Int64Builder::new();
                for row in rows.iter() {
                    let count = row.map(|row| ask(&row)).transpose().map_err(refused)?;
                    counts.append_option(count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)));
                }
                Arc::new(counts.finish())
            }
        })
    }
}

/// The columns of a call.
struct Rows<'a> {
    codes: &'a StringArray,
    texts: Option<&'a StringArray>,
    numbers: Option<&'a Int64Array>,
}

impl<'a> Rows<'a> {
    fn of(columns: &'a [ArrayRef], second: Second) -> Option<Self> {
        let codes = columns.first()?.as_string_opt()?;
        let mut rows = Self { codes, texts: None, numbers: None };
        match second {
            Second::None => {}
            Second::Text(_) => rows.texts = Some(columns.get(1)?.as_string_opt()?),
            Second::Number(_) => rows.numbers = Some(columns.get(1)?.as_primitive_opt::<Int64Type>()?),
        }
        Some(rows)
    }

    fn iter(&self) -> impl Iterator<Item = Option<Row<'a>>> {
        (0..self.codes.len()).map(|row| {
            let is_null = self.codes.is_null(row)
                || self.texts.is_some_and(|texts| texts.is_null(row))
                || self.numbers.is_some_and(|numbers| numbers.is_null(row));
            (!is_null).then(|| Row {
                code: self.codes.value(row),
                text: self.texts.map_or("", |texts| texts.value(row)),
                number: self.numbers.map_or(0, |numbers| numbers.value(row)),
            })
        })
    }
}
