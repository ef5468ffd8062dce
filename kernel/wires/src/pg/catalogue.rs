//! What clients ask of a PostgreSQL database beside its data: `pg_catalog`, `information_schema`, and the tables of PostGIS that
//! say where geometry is. The shapes of the city's tables come in, a catalogue of them goes out; no row of the city is ever in
//! it, so that a question to it can tell nothing but names and types. It has a small memory of its own.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as Outer;
use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, visit_expressions_mut};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use futures_util::{Stream, StreamExt, stream};
use kernel_query::{CATALOG, Cut, Described, Limits, SCHEMA, View};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{functions, information, places, types};
use crate::door::Place;
use crate::error::Error;
use crate::rows::{Rows, Stop};

/// Memory of all questions to the catalogue together.
const MEMORY_BYTES: usize = 64 << 20;

/// Made at the first question.
#[derive(Default)]
pub(super) struct Catalogue(OnceCell<Made>);

struct Made {
    context: SessionContext,
    parser: PostgresCompatibilityParser,
}

impl Catalogue {
    async fn made(&self, view: &View) -> Result<&Made, Error> {
        self.0.get_or_try_init(|| async { Made::new(view).await.map_err(|error| Error::Question(error.into())) }).await
    }

    /// What a question would answer.
    pub(super) async fn describe(&self, view: &View, sql: &str) -> Result<Described, Error> {
        let plan = self.made(view).await?.plan(sql).await?;
        let parameters = kernel_query::parameter_types(&plan)?;
        Ok(Described { schema: Arc::new(plan.schema().as_arrow().clone()), parameters })
    }

    /// Asks.
    pub(super) async fn ask(
        &self,
        view: &View,
        sql: &str,
        parameters: &[ScalarValue],
        limits: Limits,
        (place, mut stop): (Place, Stop),
    ) -> Result<Rows, Error> {
        let until = Instant::now() + limits.deadline;
        let made = self.made(view).await?;
        let begin = async {
            let plan = kernel_query::bind_parameters(made.plan(sql).await?, parameters)?;
            let schema = Arc::new(plan.schema().as_arrow().clone());
            let rows = DataFrame::new(made.context.state(), plan).execute_stream().await?;
            Ok::<_, Error>((schema, rows))
        };
        let (schema, rows) = tokio::select! {
            why = stop.called() => return Err(why),
            begun = tokio::time::timeout_at(until, begin) => {
                begun.map_err(|_| Error::Cut(Cut::Deadline(limits.deadline.as_millis())))??
            }
        };
        Ok(Rows::of_stream(schema, limited(rows, limits, until), until, place, stop))
    }
}

impl Made {
    async fn new(view: &View) -> Result<Self, DataFusionError> {
        let config = SessionConfig::new()
            .with_target_partitions(1)
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(CATALOG, SCHEMA);
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(MEMORY_BYTES, 1.0).build_arc()?;
        let context = SessionContext::new_with_config_rt(config, runtime);
        let tables = view.tables();
        let own = schema(places::tables(&tables)?)?;
        for (name, shape) in &tables {
            own.register_table(name.clone(), Arc::new(MemTable::try_new(shape.clone(), vec![Vec::new()])?))?;
        }
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SCHEMA, own)?;
        catalog.register_schema(information::NAME, schema(information::views(&tables)?)?)?;
        context.register_catalog(CATALOG, Arc::new(catalog));
        setup_pg_catalog(&context, CATALOG, EmptyContextProvider).map_err(|error| *error)?;
        functions::register(&context);
        types::amend(&context, &tables).await?;
        Ok(Self { context, parser: PostgresCompatibilityParser::new() })
    }

    /// Plans what only reads, with what PostgreSQL writes otherwise than the engine rewritten.
    async fn plan(&self, sql: &str) -> Result<LogicalPlan, Error> {
        kernel_query::check_size(sql)?;
        let refused = |error: &dyn std::fmt::Display| kernel_query::Error::Syntax(error.to_string());
        let mut statements = self.parser.parse(sql).map_err(|error| refused(&error))?;
        if statements.len() != 1 {
            return Err(kernel_query::Error::StatementCount(statements.len()).into());
        }
        let mut statement = statements.remove(0);
        if !matches!(statement, Statement::Query(_) | Statement::Explain { .. }) {
            let words = statement.to_string();
            let words = words.split_whitespace().take(1).collect::<String>();
            return Err(kernel_query::Error::Refused(words).into());
        }
        name_schema(&mut statement);
        let plan = self.context.state().statement_to_plan(Outer::Statement(Box::new(statement))).await?;
        let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        reading.verify_plan(&plan)?;
        Ok(plan)
    }
}

/// A schema of tables in memory.
fn schema(tables: Vec<(&str, RecordBatch)>) -> Result<Arc<MemorySchemaProvider>, DataFusionError> {
    let schema = MemorySchemaProvider::new();
    for (name, rows) in tables {
        schema.register_table(name.to_owned(), Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))?;
    }
    Ok(Arc::new(schema))
}

/// Names the city's schema where Grafana asks for those of the search path: what it asks is rewritten to `IN ('')`, since the
/// engine has no such question.
fn name_schema(statement: &mut Statement) {
    let _ = visit_expressions_mut(statement, |expr| {
        if let Expr::InList { list, .. } = expr
            && let [Expr::Value(value)] = list.as_mut_slice()
            && let Value::SingleQuotedString(text) = &mut value.value
            && text.is_empty()
        {
            SCHEMA.clone_into(text);
        }
        ControlFlow::<()>::Continue(())
    });
}

/// The rows within limits; where some are missing, the last item says so.
fn limited(
    rows: SendableRecordBatchStream,
    limits: Limits,
    until: Instant,
) -> impl Stream<Item = Result<RecordBatch, Error>> + Send + Unpin {
    let next = move |(mut rows, left): (SendableRecordBatchStream, Option<usize>)| async move {
        let left = left?;
        match tokio::time::timeout_at(until, rows.next()).await {
            Err(_) => Some((Err(Error::Cut(Cut::Deadline(limits.deadline.as_millis()))), (rows, None))),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(error.into()), (rows, None))),
            Ok(Some(Ok(batch))) if batch.num_rows() > left => {
                Some((Err(Error::Cut(Cut::Rows(limits.max_rows))), (rows, None)))
            }
            Ok(Some(Ok(batch))) => {
                let left = left - batch.num_rows();
                Some((Ok(batch), (rows, Some(left))))
            }
        }
    };
    Box::pin(stream::unfold((rows, Some(limits.max_rows)), next))
}
