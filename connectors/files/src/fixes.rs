//! Fixes of many moving things, handed on in batches by thing; each thing is declared before its first fix.

use std::collections::HashMap;

use kernel_model::{Change, EntityDraft, HeightReference, PositionBatch, PositionFix, SourceKey};

use crate::error::Error;
use crate::intake::Intake;

/// Fixes of one thing that are handed on together.
const BATCH_ROWS: usize = 8192;
/// Fixes held over all things before all are handed on.
const HELD_ROWS: usize = 1 << 18;
/// Different things one file may hold.
const MAX_THINGS: usize = 1 << 20;

pub(crate) struct Fixes {
    height_reference: HeightReference,
    things: Vec<(SourceKey, Vec<PositionFix>)>,
    by_id: HashMap<String, usize>,
    held: usize,
}

impl Fixes {
    pub(crate) fn new(height_reference: HeightReference) -> Self {
        Self { height_reference, things: Vec::new(), by_id: HashMap::new(), held: 0 }
    }

    /// Keeps a fix until its batch is full; a thing that is new is described first.
    pub(crate) fn keep(
        &mut self,
        intake: &mut Intake<'_>,
        id: &str,
        fix: PositionFix,
        describe: impl FnOnce(SourceKey) -> EntityDraft,
    ) -> Result<(), Error> {
        let at = match self.by_id.get(id) {
            Some(at) => *at,
            None if self.things.len() >= MAX_THINGS => {
                return Err(Error::Malformed {
                    file: intake.file().to_owned(),
                    place: "ids".to_owned(),
                    reason: format!("more than {MAX_THINGS} different ids: is it the right column?"),
                });
            }
            None => {
                let key = intake.key(id);
                intake.entity(describe(key.clone()))?;
                self.by_id.insert(id.to_owned(), self.things.len());
                self.things.push((key, Vec::new()));
                self.things.len() - 1
            }
        };
        let Some((key, rows)) = self.things.get_mut(at) else { return Ok(()) };
        rows.push(fix);
        self.held += 1;
        if rows.len() >= BATCH_ROWS {
            self.held -= rows.len();
            let height_reference = self.height_reference.clone();
            let batch = PositionBatch { entity: key.clone(), height_reference, rows: std::mem::take(rows) };
            return intake.put(Change::Positions(batch));
        }
        if self.held >= HELD_ROWS { self.flush(intake) } else { Ok(()) }
    }

    /// Hands on all that is held.
    pub(crate) fn flush(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        for (key, rows) in self.things.iter_mut().filter(|(_, rows)| !rows.is_empty()) {
            let height_reference = self.height_reference.clone();
            let batch = PositionBatch { entity: key.clone(), height_reference, rows: std::mem::take(rows) };
            intake.put(Change::Positions(batch))?;
        }
        self.held = 0;
        Ok(())
    }
}
