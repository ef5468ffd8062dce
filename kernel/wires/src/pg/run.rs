//! Statements of a connection. Text comes in by the simple or by the extended protocol; out goes what the connection, the
//! catalogue or the engine answers. The two protocols differ only in what they bring beside the text.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::tokenizer::Token;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler, send_query_response};
use datafusion_postgres::pgwire::api::results::{FieldInfo, Response};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::data::RowDescription;
use datafusion_postgres::pgwire::messages::extendedquery::{Describe, Execute, TARGET_TYPE_BYTE_PORTAL};
use futures_util::{Sink, SinkExt};

use super::command::Command;
use super::connection::Connection;
use super::encode;
use super::obey::{Cursor, shown};
use super::status::failed;
use super::words::{self, Statement};
use super::{functions, information, places, values};
use crate::door::{Place, Question};
use crate::error::Error;
use crate::rows::Rows;

/// Who answers a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Command(Command),
    City,
    Catalogue,
}

/// A statement of the extended protocol, looked at.
#[derive(Debug)]
pub(super) struct Prepared {
    text: String,
    kind: Kind,
    schema: SchemaRef,
    parameters: Vec<Option<DataType>>,
    /// Of which it fetches.
    cursor: Option<Cursor>,
}

/// One statement that is to be answered.
pub(super) struct Asked<'a> {
    pub(super) kind: &'a Kind,
    pub(super) text: &'a str,
    pub(super) parameters: Vec<ScalarValue>,
    pub(super) format: &'a Format,
    pub(super) place: &'a Place,
}

impl Connection {
    /// Who answers a statement: the engine where it names a table of the city, the catalogue where it names what only that has.
    pub(super) fn kind(&self, statement: &Statement) -> PgWireResult<Kind> {
        if let Some(command) = Command::read(statement) {
            return Ok(Kind::Command(command));
        }
        let tables = self.view()?.tables();
        let names: Vec<String> =
            statement.tokens.iter().filter(|token| matches!(token, Token::Word(_))).map(words::word).collect();
        if names.iter().any(|name| tables.iter().any(|(table, _)| table == name)) {
            return Ok(Kind::City);
        }
        let of_catalogue = |name: &String| {
            let name = name.as_str();
            name.starts_with("pg_")
                || name == information::NAME
                || functions::NAMES.contains(&name)
                || places::NAMES.contains(&name)
        };
        Ok(if names.iter().any(of_catalogue) { Kind::Catalogue } else { Kind::City })
    }

    async fn prepare(&self, sql: &str) -> PgWireResult<Prepared> {
        let mut statements = words::statements(sql).map_err(failed)?;
        let kind = match statements.as_slice() {
            [] => Kind::Empty,
            [statement] => self.kind(statement)?,
            more => return Err(failed(kernel_query::Error::StatementCount(more.len()).into())),
        };
        let text = statements.pop().map(|statement| statement.text).unwrap_or_default();
        let (schema, parameters) = match &kind {
            Kind::Empty => (Schema::empty().into(), Vec::new()),
            Kind::Command(Command::Show(name)) => (shown(name), Vec::new()),
            Kind::Command(Command::Declare(_, sql)) => {
                let (kind, statement) = self.question(sql)?;
                let (_, parameters) = self.described(&kind, &statement.text).await.map_err(failed)?;
                (Schema::empty().into(), parameters)
            }
            Kind::Command(_) => (Schema::empty().into(), Vec::new()),
            Kind::City | Kind::Catalogue => self.described(&kind, &text).await.map_err(failed)?,
        };
        let cursor = match &kind {
            Kind::Command(Command::Fetch(name, _, true)) => Some(self.cursor(name)?),
            _ => None,
        };
        Ok(Prepared { text, kind, schema, parameters, cursor })
    }

    /// The columns of a question, and the types of its values.
    async fn described(&self, kind: &Kind, sql: &str) -> Result<(SchemaRef, Vec<Option<DataType>>), Error> {
        let view = self.view().map_err(|error| Error::Invalid(error.to_string()))?;
        let described = match kind {
            Kind::Catalogue => self.shared.catalogue.describe(&view, sql).await?,
            _ => {
                let within = self.state().settings.timeout();
                self.shared.door.describe(&view, Question { sql, parameters: Vec::new(), within }).await?
            }
        };
        Ok((described.schema, described.parameters))
    }

    async fn answer(&self, asked: Asked<'_>) -> PgWireResult<Response> {
        match asked.kind {
            Kind::Empty => Ok(Response::EmptyQuery),
            Kind::Command(command) => self.obey(command, asked).await,
            Kind::City | Kind::Catalogue => {
                let format = asked.format;
                Ok(Response::Query(encode::response(self.rows(asked).await.map_err(failed)?, format)?))
            }
        }
    }

    /// The rows of a question.
    pub(super) async fn rows(&self, asked: Asked<'_>) -> Result<Rows, Error> {
        let view = self.view().map_err(|error| Error::Invalid(error.to_string()))?;
        let within = self.state().settings.timeout();
        let (door, place, stop) = (&self.shared.door, asked.place.clone(), self.stop());
        match asked.kind {
            Kind::Catalogue => {
                let limits = door.limits(within);
                self.shared.catalogue.ask(&view, asked.text, &asked.parameters, limits, (place, stop)).await
            }
            _ => {
                let question = Question { sql: asked.text, parameters: asked.parameters, within };
                door.ask(&view, question, place, stop).await
            }
        }
    }
}

#[async_trait]
impl SimpleQueryHandler for Connection {
    async fn do_query<C>(&self, _: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statements = words::statements(query).map_err(failed)?;
        if statements.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let place = self.shared.door.place().await.map_err(failed)?;
        let mut responses = Vec::with_capacity(statements.len());
        for statement in &statements {
            let kind = self.kind(statement)?;
            let (parameters, format) = (Vec::new(), &Format::UnifiedText);
            let asked = Asked { kind: &kind, text: &statement.text, parameters, format, place: &place };
            match self.answer(asked).await {
                Ok(response) => responses.push(response),
                Err(error) if responses.is_empty() => return Err(error),
                // What went before is sent, what comes after is not done.
                Err(error) => {
                    responses.push(Response::Error(Box::new(error.into())));
                    break;
                }
            }
        }
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Connection {
    type Statement = Arc<Prepared>;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        self.parser()
    }

    /// A cursor is a portal by its name; those that a client binds are the protocol's own.
    async fn on_describe<C>(&self, client: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Arc<Prepared>>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let cursor = match (&message.name, message.target_type) {
            (Some(name), TARGET_TYPE_BYTE_PORTAL) => self.cursor(name).ok(),
            _ => None,
        };
        let Some(cursor) = cursor else { return self._on_describe(client, message).await };
        let columns = RowDescription::new(cursor.fields.iter().map(Into::into).collect());
        Ok(client.feed(PgWireBackendMessage::RowDescription(columns)).await?)
    }

    /// All rows of a question go out as they come. The protocol's own way collects them first, and is kept for portals of which
    /// a number of rows is fetched at a time.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Arc<Prepared>>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let portal = client.portal_store().get_portal(message.name.as_deref().unwrap_or(DEFAULT_NAME));
        let begins = async |portal: &Portal<Arc<Prepared>>| {
            matches!(portal.statement.statement.kind, Kind::City | Kind::Catalogue)
                && matches!(*portal.state().lock().await, PortalExecutionState::Initial)
        };
        let ready = matches!(client.state(), PgWireConnectionState::ReadyForQuery);
        let portal = match portal {
            Some(portal) if message.max_rows == 0 && ready && begins(&portal).await => portal,
            _ => return self._on_execute(client, message).await,
        };
        client.set_state(PgWireConnectionState::QueryInProgress);
        if let Response::Query(rows) = ExtendedQueryHandler::do_query(self, client, &portal, 0).await? {
            send_query_response(client, rows, false).await?;
        }
        *portal.state().lock().await = PortalExecutionState::Finished;
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn do_query<C>(&self, _: &mut C, portal: &Portal<Arc<Prepared>>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Arc<Prepared>>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &portal.statement.statement;
        let parameters = values::values(portal, &prepared.parameters)?;
        let place = self.shared.door.place().await.map_err(failed)?;
        let format = &portal.result_column_format;
        let asked = Asked { kind: &prepared.kind, text: &prepared.text, parameters, format, place: &place };
        self.answer(asked).await
    }
}

/// A connection as the one who looks at statements of the extended protocol.
pub(super) struct Parser(pub(super) std::sync::Weak<Connection>);

#[async_trait]
impl QueryParser for Parser {
    type Statement = Arc<Prepared>;

    async fn parse_sql<C>(&self, _: &C, sql: &str, _: &[Option<Type>]) -> PgWireResult<Arc<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let connection = self.0.upgrade().ok_or_else(|| failed(Error::Gone))?;
        Ok(Arc::new(connection.prepare(sql).await?))
    }

    fn get_parameter_types(&self, prepared: &Arc<Prepared>) -> PgWireResult<Vec<Type>> {
        values::types(&prepared.parameters)
    }

    fn get_result_schema(&self, prepared: &Arc<Prepared>, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        match &prepared.cursor {
            Some(cursor) => Ok(cursor.fields.to_vec()),
            None => encode::fields(&prepared.schema, format.unwrap_or(&Format::UnifiedText)),
        }
    }
}
