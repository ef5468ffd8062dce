//! From a question to a running plan: by the kept plan of its form, where there is one, else by the engine's own planner. In: a
//! snapshot, what the caller brings, SQL, how many rows are wanted. Out: a stream of record batches and the way that was taken,
//! or why there is none.

use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;
use kernel_store::Snapshot;

use crate::as_of;
use crate::catalog::{ExtraTable, catalogs};
use crate::condition::Condition;
use crate::error::Error;
use crate::leash::Leash;
use crate::lineage;
use crate::running::Guard;
use crate::short::{self, Short};
use crate::size;
use crate::statement;

/// What is asked.
pub(crate) struct Question {
    pub(crate) snapshot: Snapshot,
    pub(crate) extra: Vec<ExtraTable>,
    pub(crate) sql: String,
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
        // A kept plan asks the index of all rows.
        let short = match question.snapshot.is_whole() {
            true => self.short.plan(&tokens, &question.snapshot, question.most_rows).await,
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
        let statement = statement::parse(tokens)?;
        if !question.snapshot.is_whole() && statement::explains(&statement) {
            return Err(Error::NotTold("EXPLAIN"));
        }
        let limited = statement::is_query(&statement);
        let state = self.state(question)?;
        let plan = statement::plan(&state, statement).await?;
        let mut frame = DataFrame::new(state, plan);
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
                let short = self.short.explain(&inner, &question.snapshot, question.most_rows).await;
                Ok(short::with_way(stream, short.as_deref())?)
            }
        }
    }

    /// The functions, rules and settings with the tables of a question.
    fn state(&self, question: &Question) -> Result<SessionState, Error> {
        let mut state = self.base.clone();
        state.register_catalog_list(catalogs(&question.snapshot, &question.extra)?);
        as_of::register(&mut state, &question.snapshot);
        lineage::register(&mut state, &question.snapshot);
        state.mark_start_execution();
        Ok(state)
    }
}
