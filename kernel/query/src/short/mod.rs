//! The short way to an answer. A statement's tokens and a snapshot come in; a plan goes out, for statements whose form was
//! planned before: the engine plans a form once, with the constants left open, and for each further statement only the constants
//! are put in and the index is asked. Whatever is not certain to be the same as when planned by itself gets no plan here, and
//! goes the long way. Errors come from the long way only.

mod bind;
mod chain;
mod explain;
mod form;
mod template;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;
use kernel_store::Snapshot;

use self::bind::Bound;
pub(crate) use self::explain::with_way;
use self::form::Form;
use self::template::Template;
use crate::catalog::catalogs;

/// What is known of a form.
#[derive(Clone)]
enum Known {
    /// It was asked once: not worth a plan yet.
    Once,
    /// Its statements are planned one by one.
    Long,
    Short(Arc<Template>),
}

/// Forms that were asked, bounded.
pub(crate) struct Short {
    planning: SessionState,
    forms: Mutex<HashMap<String, Known>>,
    most: usize,
}

impl Short {
    /// Remembers up to `most` forms; 0: every statement goes the long way.
    pub(crate) fn new(base: &SessionState, most: usize) -> Self {
        Self { planning: template::planning(base), forms: Mutex::default(), most }
    }

    /// The plan of a statement that may go the short way now; at most `max_rows` of its rows are wanted.
    pub(crate) async fn plan(
        &self,
        tokens: &[TokenWithSpan],
        snapshot: &Snapshot,
        max_rows: usize,
    ) -> Option<Arc<dyn ExecutionPlan>> {
        let form = if self.most > 0 { Form::of(tokens)? } else { return None };
        let template = match self.known(&form.key) {
            Some(Known::Short(template)) => template,
            Some(Known::Long) => return None,
            Some(Known::Once) => self.learn(&form, tokens, snapshot).await?,
            None => {
                self.remember(form.key, Known::Once);
                return None;
            }
        };
        self.bound(&template, &form, snapshot, max_rows)
    }

    /// The plan of a statement as it is once its form is known.
    pub(crate) async fn explain(
        &self,
        tokens: &[TokenWithSpan],
        snapshot: &Snapshot,
        max_rows: usize,
    ) -> Option<Arc<dyn ExecutionPlan>> {
        let form = if self.most > 0 { Form::of(tokens)? } else { return None };
        let template = self.learn(&form, tokens, snapshot).await?;
        self.bound(&template, &form, snapshot, max_rows)
    }

    fn bound(
        &self,
        template: &Template,
        form: &Form,
        snapshot: &Snapshot,
        max_rows: usize,
    ) -> Option<Arc<dyn ExecutionPlan>> {
        Bound::new(template, &form.values, &self.planning).and_then(|bound| bound.plan(snapshot, max_rows)).ok()
    }

    async fn learn(&self, form: &Form, tokens: &[TokenWithSpan], snapshot: &Snapshot) -> Option<Arc<Template>> {
        let mut state = self.planning.clone();
        state.register_catalog_list(catalogs(snapshot, &[]).ok()?);
        let template = Template::of(form, tokens, &state).await.map(Arc::new);
        self.remember(form.key.clone(), template.clone().map_or(Known::Long, Known::Short));
        template
    }

    fn known(&self, key: &str) -> Option<Known> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: String, known: Known) {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if forms.len() >= self.most && !forms.contains_key(&key) {
            forms.clear();
        }
        forms.insert(key, known);
    }
}
