//! The calls of Flight SQL. Each is let in by its own key; statements go to the engine, and what there is to ask comes from the
//! same view that a statement would be asked of. What would write is refused.

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc,
    Ticket,
};
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use kernel_model::TimeUs;
use kernel_query::{CATALOG, Described, SCHEMA, View};
use prost::Message;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Request, Response, Status, Streaming};

use super::handle::Handle;
use super::metadata::{self, TABLE};
use super::status::{arrow, flight, status};
use crate::door::{Door, Question, Refusal, Session};
use crate::error::Error;
use crate::rows::Stop;

type Answer = Result<Response<<Sql as FlightService>::DoGetStream>, Status>;
type Told = Result<Response<FlightInfo>, Status>;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

/// The service.
#[derive(Debug, Clone)]
pub(super) struct Sql {
    door: Door,
}

impl Sql {
    pub(super) fn new(door: Door) -> Self {
        Self { door }
    }

    fn admit(&self, metadata: &MetadataMap) -> Result<Session, Status> {
        let key = key(metadata)?;
        self.door.admit(key.as_deref()).map_err(|refusal| status(refusal.into()))
    }

    /// What a call asks of, by its key and its `recorded`.
    fn view(&self, metadata: &MetadataMap) -> Result<View, Status> {
        Ok(self.admit(metadata)?.view(recorded(metadata)?))
    }

    async fn describe(&self, view: &View, handle: &Handle) -> Result<Described, Status> {
        let parameters = handle.bound().map_err(status)?;
        let question = Question { sql: &handle.sql, parameters, within: None };
        self.door.describe(view, question).await.map_err(status)
    }

    /// Where the rows of a statement are to be had, and their columns.
    async fn told(
        &self,
        handle: Handle,
        request: Request<FlightDescriptor>,
        ticket: impl FnOnce(Bytes) -> Bytes,
    ) -> Told {
        let view = self.admit(request.metadata())?.view(handle.recorded());
        let described = self.describe(&view, &handle).await?;
        let (wanted, given) = (described.parameters.len(), handle.bound().map_err(status)?.len());
        if given < wanted {
            return Err(status(Error::Invalid(format!(
                "the statement has places for {wanted} values, {given} were given"
            ))));
        }
        told(&described.schema, ticket(handle.bytes()), request)
    }

    async fn answer(&self, handle: Handle, metadata: &MetadataMap) -> Answer {
        let view = self.admit(metadata)?.view(handle.recorded());
        let parameters = handle.bound().map_err(status)?;
        let question = Question { sql: &handle.sql, parameters, within: None };
        let place = self.door.place().await.map_err(status)?;
        let rows = self.door.ask(&view, question, place, Stop::never()).await.map_err(status)?;
        Ok(send(rows.schema(), rows.map_err(flight)))
    }
}

/// Arrow's client in Go leaves the padding out.
const PADDED_OR_NOT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key of a call: a bearer token, or the password of `Basic` (RFC 7617), whose user may be any.
fn key(metadata: &MetadataMap) -> Result<Option<String>, Status> {
    let Some(value) = metadata.get("authorization") else { return Ok(None) };
    let unknown = || status(Error::Refused(Refusal::UnknownKey));
    let value = value.to_str().map_err(|_| unknown())?;
    let (scheme, rest) = value.split_once(' ').ok_or_else(unknown)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unknown());
    }
    let pair = base64::Engine::decode(&PADDED_OR_NOT, rest.trim()).map_err(|_| unknown())?;
    let pair = String::from_utf8(pair).map_err(|_| unknown())?;
    let (_, password) = pair.split_once(':').ok_or_else(unknown)?;
    Ok((!password.is_empty()).then(|| password.to_owned()))
}

/// The instant in the header `recorded`.
fn recorded(metadata: &MetadataMap) -> Result<Option<TimeUs>, Status> {
    let Some(value) = metadata.get("recorded") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Status::invalid_argument("recorded: it is not ASCII text"))?;
    TimeUs::parse(text).map(Some).map_err(|error| Status::invalid_argument(format!("recorded: {error}")))
}

fn told(schema: &Schema, ticket: Bytes, request: Request<FlightDescriptor>) -> Told {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let info = FlightInfo::new().try_with_schema(schema).map_err(arrow)?;
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(request.into_inner())))
}

/// Where rows are to be had that the same command asks for.
fn same(schema: &Schema, command: &impl ProstMessageExt, request: Request<FlightDescriptor>) -> Told {
    told(schema, command.as_any().encode_to_vec().into(), request)
}

fn send(
    schema: SchemaRef,
    rows: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> Response<<Sql as FlightService>::DoGetStream> {
    let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(rows);
    Response::new(Box::pin(encoded.map_err(Status::from)))
}

fn send_one(batch: RecordBatch) -> Response<<Sql as FlightService>::DoGetStream> {
    send(batch.schema(), stream::iter([Ok(batch)]))
}

fn ipc(schema: &Schema) -> Result<Bytes, Status> {
    let IpcMessage(bytes) =
        IpcMessage::try_from(SchemaAsIpc::new(schema, &IpcWriteOptions::default())).map_err(arrow)?;
    Ok(bytes)
}

fn read_only(what: &str) -> Status {
    status(Error::Question(kernel_query::Error::Refused(what.to_owned())))
}

fn catalogs(command: CommandGetCatalogs) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(CATALOG);
    Ok(builder.build()?)
}

fn schemas(command: CommandGetDbSchemas) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(CATALOG, SCHEMA);
    Ok(builder.build()?)
}

fn tables(command: CommandGetTables, view: &View) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    for (name, schema) in view.tables() {
        builder.append(CATALOG, SCHEMA, name, TABLE, &schema)?;
    }
    Ok(builder.build()?)
}

fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(TABLE);
    Ok(builder.build()?)
}

#[tonic::async_trait]
impl FlightSqlService for Sql {
    type FlightService = Self;

    /// Whoever comes with user and password is given the password, that is the key, as bearer token.
    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Handshakes>, Status> {
        let key = key(request.metadata())?;
        self.door.admit(key.as_deref()).map_err(|refusal| status(refusal.into()))?;
        let payload = key.clone().unwrap_or_default().into_bytes().into();
        let answer = HandshakeResponse { protocol_version: 0, payload };
        let mut response: Response<Handshakes> = Response::new(Box::pin(stream::iter([Ok(answer)])));
        if let Some(key) = key {
            let bearer: AsciiMetadataValue =
                format!("Bearer {key}").parse().map_err(|_| status(Error::Refused(Refusal::UnknownKey)))?;
            response.metadata_mut().insert("authorization", bearer);
        }
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Told {
        let handle = Handle::new(command.query, recorded(request.metadata())?);
        let ticket = |handle| TicketStatementQuery { statement_handle: handle }.as_any().encode_to_vec().into();
        self.told(handle, request, ticket).await
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Answer {
        let handle = Handle::read(&ticket.statement_handle).map_err(status)?;
        self.answer(handle, request.metadata()).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let handle = Handle::new(command.query, recorded(request.metadata())?);
        let view = self.admit(request.metadata())?.view(handle.recorded());
        let described = self.describe(&view, &handle).await?;
        let parameters = described.parameters.iter().enumerate().map(|(at, data_type)| {
            let data_type = data_type.clone().unwrap_or(arrow::datatypes::DataType::Null);
            Field::new(format!("${}", at + 1), data_type, true)
        });
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.bytes(),
            dataset_schema: ipc(&described.schema)?,
            parameter_schema: ipc(&Schema::new(parameters.collect::<Vec<_>>()))?,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        _: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        self.admit(request.metadata())?;
        let handle = Handle::read(&command.prepared_statement_handle).map_err(status)?;
        let data = request.into_inner().map_err(|error| FlightError::Tonic(Box::new(error)));
        let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await.transpose()? {
            if batch.num_rows() > 0 {
                rows.push(batch);
            }
            // More than one row is refused anyway; a stream of many would fill the memory before.
            if rows.len() > 1 {
                break;
            }
        }
        let schema = batches.schema().cloned().unwrap_or_else(|| Schema::empty().into());
        let handle = handle.with_values(&schema, &rows).map_err(status)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle.bytes()) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Told {
        let handle = Handle::read(&command.prepared_statement_handle).map_err(status)?;
        let ticket = |handle| {
            let command = CommandPreparedStatementQuery { prepared_statement_handle: handle };
            command.as_any().encode_to_vec().into()
        };
        self.told(handle, request, ticket).await
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Answer {
        let handle = Handle::read(&command.prepared_statement_handle).map_err(status)?;
        self.answer(handle, request.metadata()).await
    }

    async fn get_flight_info_catalogs(&self, command: CommandGetCatalogs, request: Request<FlightDescriptor>) -> Told {
        self.admit(request.metadata())?;
        same(&catalogs(command)?.schema(), &command, request)
    }

    async fn do_get_catalogs(&self, command: CommandGetCatalogs, request: Request<Ticket>) -> Answer {
        self.admit(request.metadata())?;
        Ok(send_one(catalogs(command)?))
    }

    async fn get_flight_info_schemas(&self, command: CommandGetDbSchemas, request: Request<FlightDescriptor>) -> Told {
        self.admit(request.metadata())?;
        same(&schemas(command.clone())?.schema(), &command, request)
    }

    async fn do_get_schemas(&self, command: CommandGetDbSchemas, request: Request<Ticket>) -> Answer {
        self.admit(request.metadata())?;
        Ok(send_one(schemas(command)?))
    }

    async fn get_flight_info_tables(&self, command: CommandGetTables, request: Request<FlightDescriptor>) -> Told {
        let view = self.view(request.metadata())?;
        same(&tables(command.clone(), &view)?.schema(), &command, request)
    }

    async fn do_get_tables(&self, command: CommandGetTables, request: Request<Ticket>) -> Answer {
        let view = self.view(request.metadata())?;
        Ok(send_one(tables(command, &view)?))
    }

    async fn get_flight_info_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.admit(request.metadata())?;
        same(&table_types(command)?.schema(), &command, request)
    }

    async fn do_get_table_types(&self, command: CommandGetTableTypes, request: Request<Ticket>) -> Answer {
        self.admit(request.metadata())?;
        Ok(send_one(table_types(command)?))
    }

    async fn get_flight_info_sql_info(&self, command: CommandGetSqlInfo, request: Request<FlightDescriptor>) -> Told {
        self.admit(request.metadata())?;
        same(&command.clone().into_builder(metadata::info()?).schema(), &command, request)
    }

    async fn do_get_sql_info(&self, command: CommandGetSqlInfo, request: Request<Ticket>) -> Answer {
        self.admit(request.metadata())?;
        Ok(send_one(command.into_builder(metadata::info()?).build()?))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.admit(request.metadata())?;
        same(&command.into_builder(metadata::types()?).schema(), &command, request)
    }

    async fn do_get_xdbc_type_info(&self, command: CommandGetXdbcTypeInfo, request: Request<Ticket>) -> Answer {
        self.admit(request.metadata())?;
        Ok(send_one(command.into_builder(metadata::types()?).build()?))
    }

    async fn do_put_statement_update(
        &self,
        _: CommandStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(read_only("an update"))
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(read_only("an update"))
    }

    async fn do_put_statement_ingest(
        &self,
        _: arrow_flight::sql::CommandStatementIngest,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(read_only("bulk ingestion"))
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        let action = &request.get_ref().r#type;
        Err(status(Error::Unsupported(format!(
            "the action {action} is not offered: end the call to cancel a question"
        ))))
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}
