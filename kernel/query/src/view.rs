//! What questions are asked of: one snapshot, and beside it the tables that the caller brings. Whoever asks over a wire holds
//! one of these and need not know the store.

use arrow::datatypes::SchemaRef;
use kernel_model::TimeUs;
use kernel_store::Snapshot;

use crate::catalog::{self, ExtraTable};

/// A snapshot with what is beside it.
#[derive(Clone)]
pub struct View {
    pub(crate) snapshot: Snapshot,
    pub(crate) beside: Vec<ExtraTable>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "View({:?})", self.snapshot.sequence())
    }
}

impl View {
    /// A snapshot and what can be named beside its tables.
    pub fn new(snapshot: Snapshot, beside: Vec<ExtraTable>) -> Self {
        Self { snapshot, beside }
    }

    /// The same with only what had been told by an instant.
    #[must_use]
    pub fn known_at(self, at: TimeUs) -> Self {
        Self { snapshot: self.snapshot.known_at(at), ..self }
    }

    /// Every table by its name, with its columns as SQL sees them; sorted by name.
    pub fn tables(&self) -> Vec<(String, SchemaRef)> {
        catalog::shapes(&self.snapshot, &self.beside)
    }
}
