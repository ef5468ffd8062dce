//! What every format's reader writes to: it passes changes and refusals on to the caller's sink, counts them and knows
//! the dataset's name, the frame's lineage and the file's name. It decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel_model::{Change, EntityDraft, Rejection, Sink, SourceKey};

use crate::error::Error;
use crate::input::Input;

/// Bytes of a refused record that are kept as its sample.
const SAMPLE_BYTES: usize = 200;
/// Records between two words of progress.
const PROGRESS_EVERY: u64 = 512;

/// One record that cannot be taken in, and why.
pub(crate) type Refusal = String;

/// The way from one file's reader to the sink.
pub(crate) struct Intake<'a> {
    /// The file.
    pub(crate) input: &'a Input,
    sink: &'a mut dyn Sink,
    dataset: Arc<str>,
    /// Records seen, taken or refused.
    pub(crate) read: u64,
    /// Records refused.
    pub(crate) refused: u64,
    /// What the file has and the reader leaves out, by name.
    pub(crate) left_out: BTreeMap<String, u64>,
    /// Things put without a geometry.
    pub(crate) without_geometry: u64,
    /// Records refused of which nobody knows whose they are.
    pub(crate) unidentified: u64,
    /// The file lists what there is of its dataset, as far as a file of its sort can.
    pub(crate) lists_things: bool,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(input: &'a Input, dataset: Arc<str>, sink: &'a mut dyn Sink) -> Self {
        Self {
            input,
            sink,
            dataset,
            read: 0,
            refused: 0,
            left_out: BTreeMap::new(),
            without_geometry: 0,
            unidentified: 0,
            lists_things: false,
        }
    }

    /// Takes another dataset's name, before anything is written.
    pub(crate) fn rename_dataset(&mut self, dataset: &str) {
        self.dataset = dataset.into();
    }

    /// The dataset's name.
    pub(crate) fn dataset(&self) -> &str {
        &self.dataset
    }

    /// The key of a thing of this file's dataset.
    pub(crate) fn key(&self, id: impl Into<Arc<str>>) -> SourceKey {
        SourceKey::new(Arc::clone(&self.dataset), id)
    }

    /// Counts one record as read, and tells of progress now and then.
    pub(crate) fn count_record(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(PROGRESS_EVERY) {
            self.sink.progress(self.input.bytes_read());
        }
    }

    pub(crate) fn put(&mut self, change: Change) -> Result<(), Error> {
        Ok(self.sink.change(change)?)
    }

    pub(crate) fn entity(&mut self, draft: EntityDraft) -> Result<(), Error> {
        self.without_geometry += u64::from(draft.geometry.is_none());
        self.put(Change::Entity(draft))
    }

    pub(crate) fn refuse(&mut self, place: impl Into<String>, reason: impl Into<String>, sample: &str) {
        self.unidentified += 1;
        self.tell_refused(place, reason, sample);
    }

    /// Refuses a record of a thing whose id is known: the thing is in the file all the same.
    pub(crate) fn refuse_thing(
        &mut self,
        id: impl Into<Arc<str>>,
        place: impl Into<String>,
        reason: impl Into<String>,
        sample: &str,
    ) -> Result<(), Error> {
        self.tell_refused(place, reason, sample);
        let key = self.key(id);
        Ok(self.sink.mention(key)?)
    }

    fn tell_refused(&mut self, place: impl Into<String>, reason: impl Into<String>, sample: &str) {
        self.refused += 1;
        self.sink.refused(Rejection {
            source: self.input.name.clone(),
            place: place.into(),
            reason: reason.into(),
            sample: shortened(sample),
        });
    }

    /// Takes the record or tells why not; `id` is the thing's, where that is known also of a record that is refused.
    pub(crate) fn settle(
        &mut self,
        id: Option<&str>,
        place: impl Into<String>,
        sample: &str,
        record: Result<EntityDraft, Refusal>,
    ) -> Result<bool, Error> {
        self.count_record();
        match (record, id) {
            (Ok(draft), _) => return self.entity(draft).map(|()| true),
            (Err(reason), Some(id)) => self.refuse_thing(id, place, reason, sample)?,
            (Err(reason), None) => self.refuse(place, reason, sample),
        }
        Ok(false)
    }

    /// Tells the sink that the whole file was read.
    pub(crate) fn finish(&mut self) {
        self.sink.progress(self.input.bytes_read());
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &str {
        &self.input.name
    }
}

fn shortened(sample: &str) -> String {
    let end = (0..=SAMPLE_BYTES.min(sample.len())).rev().find(|&i| sample.is_char_boundary(i)).unwrap_or(0);
    sample[..end].to_owned()
}
