//! To which datasets a sender may write. Changes come in; that they may be written, or the first dataset that they may not be written
//! to, goes out. What names a thing or a datastream by its number counts as of the dataset that it was declared in.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::AsArray;
use kernel_model::{Change, DatastreamId, EntityId, Names, SourceKey};
use kernel_store::Reader;

/// Says of a dataset whether it may be written to.
pub(crate) type May = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A sender's bound.
#[derive(Clone)]
pub(crate) struct Limit {
    reader: Reader,
    may: May,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limit(..)")
    }
}

impl Limit {
    pub(crate) fn new(reader: Reader, may: May) -> Self {
        Self { reader, may }
    }

    /// What of the changes may not be written, if anything.
    pub(crate) fn first_forbidden(&self, changes: &[Change]) -> Option<String> {
        changes.iter().find_map(|change| self.forbidden(change))
    }

    fn forbidden(&self, change: &Change) -> Option<String> {
        match change {
            Change::Entity(draft) => self.source(&draft.source),
            Change::Retire { source, .. } => self.source(source),
            Change::Succession(succession) => {
                let come = succession.successors.iter().map(|draft| &draft.source);
                let all = succession.predecessors.iter().chain(come);
                all.map(|source| self.source(source)).find(Option::is_some).flatten()
            }
            Change::Datastream(draft) => self.source(&draft.source).or_else(|| self.source(&draft.entity)),
            Change::Observations(batch) => self.source(&batch.datastream),
            Change::Positions(batch) => self.source(&batch.entity),
            Change::Readings(columns) => self.names(&columns.datastreams, |id| self.of_datastream(*id)),
            Change::Fixes(columns) => self.names(&columns.things, |id| self.of_thing(id)),
            Change::Content(draft) => self.source(&draft.entity),
            Change::Origin(origin) => self.dataset(&origin.dataset),
            Change::Mention(source) => self.source(source),
            // Of the file that was named before. Word of what was refused is of nobody's dataset.
            Change::Ended { .. } | Change::Rejected(_) => None,
        }
    }

    fn source(&self, source: &SourceKey) -> Option<String> {
        self.dataset(&source.dataset)
    }

    fn dataset(&self, dataset: &str) -> Option<String> {
        (!(self.may)(dataset)).then(|| format!("the dataset {dataset}"))
    }

    fn names<T: fmt::Display + Eq + Hash>(
        &self,
        names: &Names<T>,
        dataset: impl Fn(&T) -> Option<String>,
    ) -> Option<String> {
        match names {
            Names::Sources { names, .. } => names.iter().map(|name| self.source(name)).find(Option::is_some).flatten(),
            Names::Ids(ids) => {
                let mut asked: HashMap<&T, bool> = HashMap::new();
                let mut may =
                    |id| *asked.entry(id).or_insert_with(|| dataset(id).is_some_and(|dataset| (self.may)(&dataset)));
                ids.iter().find(|id| !may(*id)).map(|id| format!("the dataset of {id}"))
            }
        }
    }

    fn of_datastream(&self, id: DatastreamId) -> Option<String> {
        self.reader.live().datastream(id).map(|info| info.source.dataset.to_string())
    }

    fn of_thing(&self, id: &EntityId) -> Option<String> {
        let row = self.reader.snapshot().last_state(id)?;
        Some(row.column(7).as_string::<i32>().value(0).to_owned())
    }
}
