//! What a connection does for a command: it sets and shows, begins and ends transactions, and hands out cursors piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::data::DataRow;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::command::Command;
use super::connection::{Connection, Transaction};
use super::encode;
use super::run::{Asked, Kind};
use super::status::failed;
use super::words::{self, Statement};
use crate::door::Place;
use crate::error::Error;
use crate::rows::{Rows, Stop};

/// Cursors of one connection.
const CURSORS: usize = 16;

type DataRows = Pin<Box<dyn Stream<Item = PgWireResult<DataRow>> + Send>>;

impl std::fmt::Debug for Cursor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Cursor").field("fields", &self.fields).finish_non_exhaustive()
    }
}

/// An answer that is fetched in pieces.
#[derive(Clone)]
pub(super) struct Cursor {
    /// Its columns.
    pub(super) fields: Arc<Vec<FieldInfo>>,
    rows: Arc<Mutex<DataRows>>,
}

impl Connection {
    /// Does what a command wants of the connection.
    pub(super) async fn obey(&self, command: &Command, asked: Asked<'_>) -> PgWireResult<Response> {
        let done = |tag: &str| Ok(Response::Execution(Tag::new(tag)));
        match command {
            Command::Set(name, value) => {
                let mut state = self.state();
                state.settings.set(name, value.as_deref()).map_err(failed)?;
                if name == "recorded" && state.transaction.is_some() {
                    state.transaction = Some(Transaction::default());
                }
                done("SET")
            }
            Command::ResetAll(tag) => {
                let mut state = self.state();
                state.settings.reset();
                state.cursors.clear();
                done(tag)
            }
            Command::Show(name) => {
                let value = self.state().settings.get(name).map_err(failed)?;
                show(name, &value, asked.format, asked.place)
            }
            Command::Begin => {
                self.state().transaction.get_or_insert_default();
                Ok(Response::TransactionStart(Tag::new("BEGIN")))
            }
            Command::End(tag) => {
                let mut state = self.state();
                state.transaction = None;
                state.cursors.clear();
                Ok(Response::TransactionEnd(Tag::new(tag)))
            }
            Command::Nothing(tag) => done(tag),
            Command::Declare(name, sql) => {
                self.declare(name, sql, asked).await?;
                done("DECLARE CURSOR")
            }
            Command::Fetch(name, rows, true) => {
                let cursor = self.cursor(name)?;
                let mut response = QueryResponse::new(cursor.fields.clone(), taken(cursor, *rows));
                response.set_command_tag("FETCH");
                Ok(Response::Query(response))
            }
            Command::Fetch(name, rows, false) => {
                let mut moved = 0;
                let mut rows = Box::pin(taken(self.cursor(name)?, *rows));
                while let Some(row) = rows.next().await {
                    row?;
                    moved += 1;
                }
                Ok(Response::Execution(Tag::new("MOVE").with_rows(moved)))
            }
            Command::Close(name) => {
                let cursors = &mut self.state().cursors;
                match name {
                    None => cursors.clear(),
                    Some(name) => drop(cursors.remove(name).ok_or_else(|| no_cursor(name))?),
                }
                done("CLOSE CURSOR")
            }
        }
    }

    async fn declare(&self, name: &str, sql: &str, asked: Asked<'_>) -> PgWireResult<()> {
        if self.state().cursors.len() >= CURSORS {
            return Err(failed(Error::Invalid(format!("{CURSORS} cursors are open: close one"))));
        }
        let (kind, statement) = self.question(sql)?;
        let format = &Format::UnifiedText;
        let asked = Asked { kind: &kind, text: &statement.text, format, ..asked };
        let mut answer = encode::response(self.rows(asked).await.map_err(failed)?, format)?;
        let rows = std::mem::replace(answer.data_rows(), Box::pin(stream::empty()));
        let cursor = Cursor { fields: answer.row_schema(), rows: Arc::new(Mutex::new(rows)) };
        self.state().cursors.insert(name.to_owned(), cursor);
        Ok(())
    }

    /// The question of a cursor, and who answers it.
    pub(super) fn question(&self, sql: &str) -> PgWireResult<(Kind, Statement)> {
        let mut statements = words::statements(sql).map_err(failed)?;
        let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(failed(kernel_query::Error::StatementCount(statements.len()).into()));
        };
        match self.kind(&statement)? {
            kind @ (Kind::City | Kind::Catalogue) => Ok((kind, statement)),
            _ => Err(failed(Error::Invalid("a cursor is for a question".to_owned()))),
        }
    }

    /// An open cursor.
    pub(super) fn cursor(&self, name: &str) -> PgWireResult<Cursor> {
        self.state().cursors.get(name).cloned().ok_or_else(|| no_cursor(name))
    }
}

fn no_cursor(name: &str) -> PgWireError {
    failed(Error::Invalid(format!("there is no cursor {name}: it ends with its transaction")))
}

/// The next rows of a cursor, at most so many.
fn taken(cursor: Cursor, most: Option<usize>) -> impl Stream<Item = PgWireResult<DataRow>> + Send {
    let next = |(cursor, left): (Cursor, Option<usize>)| async move {
        let left = match left {
            Some(0) => return None,
            left => left.map(|left| left - 1),
        };
        let row = cursor.rows.lock().await.next().await?;
        Some((row, (cursor, left)))
    };
    stream::unfold((cursor, most), next)
}

/// The columns of what is shown.
pub(super) fn shown(name: &str) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]))
}

fn show(name: &str, value: &str, format: &Format, place: &Place) -> PgWireResult<Response> {
    let schema = shown(name);
    let row = RecordBatch::try_new(schema.clone(), vec![Arc::new(StringArray::from(vec![value]))]);
    let row = row.map_err(|error| failed(kernel_query::Error::Internal(error.to_string()).into()))?;
    let until = Instant::now() + Duration::from_secs(60);
    let rows = Rows::of_stream(schema, stream::iter([Ok(row)]), until, place.clone(), Stop::never());
    let mut response = encode::response(rows, format)?;
    response.set_command_tag("SHOW");
    Ok(Response::Query(response))
}
