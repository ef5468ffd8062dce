//! Which files hold which things: rows of the table `origins` in, what a file held before out; and what becomes of things that a
//! file names no more when it is taken in again. A file keeps the things of its own that it names, also where their records
//! are refused. What it names no more is gone only where that was said of the file, and where no other file of the
//! dataset holds it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use kernel_model::schema::Table;
use kernel_model::{EntityId, Origin, Removal, SourceKey, TimeUs};

use crate::commit::Gathering;
use crate::error::Error;
use crate::hash::{IdMap, IdSet};
use crate::snapshot::Snapshot;

/// Columns of `origins`: entity, dataset, file, there.
const COLUMNS: [usize; 4] = [0, 1, 2, 3];

/// A file being taken in, and what it holds.
#[derive(Debug)]
pub(crate) struct Held {
    origin: Origin,
    /// The things, each with whether it was named this time.
    things: IdMap<EntityId, bool>,
}

/// That a file has a thing, or has it no more.
#[derive(Debug, Clone)]
pub(crate) struct OriginRow {
    pub(crate) entity: EntityId,
    pub(crate) origin: Origin,
    pub(crate) there: bool,
}

/// A row as it is stored.
struct Stored<'a> {
    entity: EntityId,
    dataset: &'a str,
    file: &'a str,
    there: bool,
}

/// Hands every row to `each`, oldest first.
fn read(snapshot: &Snapshot, mut each: impl FnMut(Stored<'_>)) -> Result<(), Error> {
    for part in snapshot.parts(Table::Origins) {
        for chunk in 0..part.groups()? {
            let [ids, dataset, file, there] = COLUMNS.map(|at| part.column_once(chunk, at));
            let (ids, dataset, file, there) = (ids?, dataset?, file?, there?);
            let (ids, there) = (ids.as_fixed_size_binary(), there.as_boolean());
            let (dataset, file) = (dataset.as_string::<i32>(), file.as_string::<i32>());
            for row in 0..ids.len() {
                if let Some(entity) = EntityId::from_slice(ids.value(row)) {
                    let (dataset, file) = (dataset.value(row), file.value(row));
                    each(Stored { entity, dataset, file, there: there.value(row) });
                }
            }
        }
    }
    Ok(())
}

impl Held {
    /// What a file held until now.
    pub(crate) fn of(origin: &Origin, snapshot: &Snapshot) -> Result<Self, Error> {
        let mut things = IdMap::default();
        read(snapshot, |row| {
            if *row.file == *origin.file && *row.dataset == *origin.dataset {
                match row.there {
                    true => things.insert(row.entity, false),
                    false => things.remove(&row.entity),
                };
            }
        })?;
        Ok(Self { origin: origin.clone(), things })
    }

    /// Things that it held and did not name this time, by their ids.
    fn missing(&self) -> Vec<EntityId> {
        let mut missing: Vec<_> = self.things.iter().filter(|(_, named)| !**named).map(|(id, _)| *id).collect();
        missing.sort_unstable();
        missing
    }
}

/// Which other files hold some things.
fn elsewhere(snapshot: &Snapshot, origin: &Origin, things: &[EntityId]) -> Result<Vec<(EntityId, Origin)>, Error> {
    if things.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: IdSet<EntityId> = things.iter().copied().collect();
    let mut holds: HashMap<(EntityId, Origin), bool> = HashMap::new();
    read(snapshot, |row| {
        if wanted.contains(&row.entity) && (*row.file != *origin.file || *row.dataset != *origin.dataset) {
            let origin = Origin { dataset: row.dataset.into(), file: row.file.into() };
            holds.insert((row.entity, origin), row.there);
        }
    })?;
    let mut holds: Vec<_> = holds.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
    holds.sort_unstable_by(|a, b| (a.0, &a.1.file).cmp(&(b.0, &b.1.file)));
    Ok(holds)
}

impl Gathering<'_> {
    /// The file that the changes of this group come from.
    pub(crate) fn begin_origin(&mut self, origin: &Origin) -> Result<(), Error> {
        self.held = Some(Held::of(origin, self.snapshot)?);
        Ok(())
    }

    /// The file describes a thing.
    pub(crate) fn named(&mut self, source: &SourceKey) {
        let Some(id) = self.find_entity(source) else { return };
        let Some(held) = &mut self.held else { return };
        if held.things.insert(id, true).is_none() {
            let row = OriginRow { entity: id, origin: held.origin.clone(), there: true };
            self.origin_rows.push(row);
        }
    }

    /// The file has a thing whose record was refused: what was taken of it earlier stays.
    pub(crate) fn mentioned(&mut self, source: &SourceKey) {
        let id = self.find_entity(source);
        let held = self.held.as_mut().and_then(|held| held.things.get_mut(&id?));
        if let Some(named) = held {
            *named = true;
        }
    }

    /// The file was read to its end.
    pub(crate) fn ended(&mut self, removal: Removal, at: TimeUs) -> Result<(), Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let note: Arc<str> = format!("not in {} any more", held.origin.file).into();
        let missing = match removal {
            Removal::Nothing => return Ok(()),
            Removal::OfFile => held.missing(),
            Removal::OfDataset => self.rest_of(&held),
        };
        let others = elsewhere(self.snapshot, &held.origin, &missing)?;
        let kept: HashSet<EntityId> = match removal {
            Removal::OfDataset => HashSet::new(),
            _ => others.iter().map(|(id, _)| *id).collect(),
        };
        if removal == Removal::OfDataset {
            let rows = others.into_iter().map(|(entity, origin)| OriginRow { entity, origin, there: false });
            self.origin_rows.extend(rows);
        }
        for id in missing {
            if held.things.contains_key(&id) {
                let row = OriginRow { entity: id, origin: held.origin.clone(), there: false };
                self.origin_rows.push(row);
            }
            if !kept.contains(&id) && self.story(&id).last().is_some_and(|last| !last.gone) {
                self.end(id, at, Some(note.clone()));
            }
        }
        Ok(())
    }

    /// What is there of a file's dataset, and was not named.
    fn rest_of(&self, held: &Held) -> Vec<EntityId> {
        let named = |id: &EntityId| held.things.get(id).is_some_and(|named| *named);
        let mut rest = self.live.present.of_dataset(&held.origin.dataset);
        rest.extend(held.missing());
        rest.retain(|id| !named(id));
        rest.sort_unstable();
        rest.dedup();
        rest
    }
}
