//! From a question to a running plan: by the kept plan of its form, where there is one, else by the engine's own planner. In: a
//! snapshot, what the caller brings, SQL, how many rows are wanted. Out: a stream of record batches and the way that was taken,
//! or why there is none.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use crate::as_of;
use crate::catalog::catalogs;
use crate::condition::Condition;
use crate::error::Error;
use crate::leash::Leash;
use crate::lineage;
use crate::parameters;
use crate::running::Guard;
use crate::short::{self, Short};
use crate::size;
use crate::statement;
use crate::view::View;

/// What is asked.
pub(crate) struct Question {
    pub(crate) view: View,
    pub(crate) sql: String,
    /// Values for `$1`, `$2`, ...
    pub(crate) parameters: Vec<ScalarValue>,
    /// More rows than this are not looked at.
    pub(crate) most_rows: usize,
    pub(crate) leash: Leash,
    /// Counts what it uses while it runs.
    pub(crate) running: Guard,
}

/// How a question came to its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It was kept.
    Short,
    /// It was made.
    Long,
}

/// What a question would answer.
#[derive(Debug, Clone)]
pub struct Described {
    /// The columns.
    pub schema: SchemaRef,
    /// The types of `$1`, `$2`, ..., where they are known.
    pub parameters: Vec<Option<DataType>>,
}

/// A plan that is not optimised yet.
struct Planned {
    state: SessionState,
    plan: LogicalPlan,
    /// Whether it may be given a row limit.
    limited: bool,
}

/// Turns questions into running plans.
pub(crate) struct Planner {
    /// Functions, rules and settings; questions that are planned take a copy.
    base: SessionState,
    short: Short,
    /// What plans that were not made for one question run with.
    context: Arc<TaskContext>,
}

impl Planner {
    pub(crate) fn new(base: SessionState, kept_plans: usize) -> Self {
        let short = Short::new(&base, kept_plans);
        let context = Arc::new(TaskContext::from(&base));
        Self { base, short, context }
    }

    /// Memory that running plans have reserved.
    pub(crate) fn reserved_bytes(&self) -> usize {
        self.base.runtime_env().memory_pool.reserved()
    }

    /// Plans a condition over `entities`.
    pub(crate) fn condition(&self, sql: &str) -> Result<Condition, Error> {
        size::tokens(sql)?;
        Condition::plan(&self.base, sql)
    }

    /// Plans a question and starts the plan.
    pub(crate) async fn start(&self, question: &Question) -> Result<(SendableRecordBatchStream, Way), Error> {
        let tokens = size::tokens(&question.sql)?;
        let snapshot = &question.view.snapshot;
        // A kept plan asks the index of all rows.
        let short = match snapshot.is_whole() {
            true => self.short.plan(&tokens, snapshot, question.most_rows).await,
            false => None,
        };
        match short {
            Some(plan) => Ok((execute_stream(plan, self.context.clone())?, Way::Short)),
            None => Ok((self.start_long(question, tokens).await?, Way::Long)),
        }
    }

    async fn start_long(
        &self,
        question: &Question,
        tokens: Vec<TokenWithSpan>,
    ) -> Result<SendableRecordBatchStream, Error> {
        let explained = statement::explained(&tokens);
        let Planned { state, plan, limited } = self.plan(question, tokens).await?;
        let mut frame = DataFrame::new(state, parameters::bind(plan, &question.parameters)?);
        if limited {
            frame = frame.limit(0, Some(question.most_rows))?;
        }
        let context = frame.task_ctx();
        let environment = question.running.environment(&context.runtime_env());
        let plan = question.leash.hold(frame.create_physical_plan().await?)?;
        question.running.planned(&plan);
        let stream = execute_stream(plan, Arc::new(context.with_runtime(environment)))?;
        match explained {
            None => Ok(stream),
            Some(inner) => {
                let short = self.short.explain(&inner, &question.view.snapshot, question.most_rows).await;
                Ok(short::with_way(stream, short.as_deref())?)
            }
        }
    }

    /// What the answer to a question would look like.
    pub(crate) async fn describe(&self, question: &Question) -> Result<Described, Error> {
        let Planned { state, plan, .. } = self.plan(question, size::tokens(&question.sql)?).await?;
        let parameters = parameters::types(&plan)?;
        let schema = if parameters.len() > question.parameters.len() {
            Arc::new(plan.schema().as_arrow().clone())
        } else {
            let plan = parameters::bind(plan, &question.parameters)?;
            DataFrame::new(state, plan).create_physical_plan().await?.schema()
        };
        Ok(Described { schema, parameters })
    }

    async fn plan(&self, question: &Question, tokens: Vec<TokenWithSpan>) -> Result<Planned, Error> {
        let statement = statement::parse(parameters::numbered(tokens))?;
        if !question.view.snapshot.is_whole() && statement::explains(&statement) {
            return Err(Error::NotTold("EXPLAIN"));
        }
        let limited = statement::is_query(&statement);
        let state = self.state(question)?;
        let plan = statement::plan(&state, statement).await?;
        Ok(Planned { state, plan, limited })
    }

    /// The functions, rules and settings with the tables of a question.
    fn state(&self, question: &Question) -> Result<SessionState, Error> {
        let mut state = self.base.clone();
        state.register_catalog_list(catalogs(&question.view.snapshot, &question.view.beside)?);
        as_of::register(&mut state, &question.view.snapshot);
        lineage::register(&mut state, &question.view.snapshot);
        state.mark_start_execution();
        Ok(state)
    }
}
