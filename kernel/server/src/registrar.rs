//! What becomes an asset: every revision of a thing that has a geometry or is gone, and every content object. Rows of
//! the store go in, leaves of the ledger come out, in the order of the store's sequence; after a crash the rest is
//! registered at the next start, each once.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use coding_system::cover::cover_box_cells;
use coding_system::{GridCell, LonLatBox};
use kernel_ledger::{Areas, Ledger, Opened};
use kernel_model::schema::Table;
use kernel_model::{AssetRecord, ContentId, ContentRef, EntityId, Operation, Sequence, TimeUs};
use kernel_query::ExtraTable;
use kernel_store::{Reader, Snapshot, entity_rows_after};
use tokio::sync::watch;

use crate::assets::AssetTable;
use crate::error::Error;

/// Leaves in one append, which is in whole or not at all: what of a large commit is in memory at a time.
const GROUP: usize = 16_384;
/// Time between two groups while commits keep coming.
const PACE: Duration = Duration::from_millis(100);
/// Pause after the ledger could not be written.
const PAUSE: Duration = Duration::from_secs(1);
/// Cells that together hold a geometry.
const CELLS: usize = 8;
/// Finest cells used: 1/32 second, about a metre.
const FINEST: u8 = 26;

/// The ledger and how far it has come.
pub struct Registrar {
    ledger: Mutex<Ledger>,
    table: AssetTable,
    /// The map of areas; none until it was made at the start. Who holds it and needs the ledger takes that second.
    areas: Mutex<Option<Areas>>,
    dir: PathBuf,
    reader: Reader,
    reached: watch::Sender<Sequence>,
    /// Held while rows are being registered: by one at a time.
    turn: Mutex<()>,
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registrar")
            .field("dir", &self.dir)
            .field("reached", &*self.reached.borrow())
            .finish_non_exhaustive()
    }
}

impl Registrar {
    /// Opens the ledger in `dir`; its public key is written to `public_key`.
    ///
    /// # Errors
    /// What the ledger says: damage, another process, a key that does not fit.
    pub fn open(dir: &Path, public_key: &Path, origin: &str, reader: Reader) -> Result<(Self, Opened), Error> {
        let (ledger, opened) = Ledger::open(dir, public_key, origin)?;
        // The last sequence may have been split over two groups: look at it once more.
        let reached = Sequence(ledger.last_sequence().saturating_sub(1));
        let (reached, _) = watch::channel(reached);
        Ok((Self::of(ledger, dir, reader, reached), opened))
    }

    /// As [`Registrar::open`], of a ledger that nothing is added to.
    ///
    /// # Errors
    /// What the ledger says: damage, or that there is none.
    pub fn open_reading(dir: &Path, public_key: &Path, reader: Reader) -> Result<Self, Error> {
        let ledger = Ledger::open_reading(dir, public_key)?;
        let (reached, _) = watch::channel(Sequence(ledger.last_sequence()));
        let registrar = Self::of(ledger, dir, reader, reached);
        if let Err(error) = registrar.follow_areas() {
            tracing::warn!(%error, "areas cannot be proven");
        }
        Ok(registrar)
    }

    fn of(ledger: Ledger, dir: &Path, reader: Reader, reached: watch::Sender<Sequence>) -> Self {
        let (ledger, areas) = (Mutex::new(ledger), Mutex::new(None));
        Self {
            ledger,
            table: AssetTable::default(),
            areas,
            dir: dir.to_owned(),
            reader,
            reached,
            turn: Mutex::default(),
        }
    }

    /// The map of areas; none while it is being made. Hold it shortly.
    pub fn areas(&self) -> MutexGuard<'_, Option<Areas>> {
        self.areas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is new in the ledger into the map, and signs that; at the first call the map is made.
    ///
    /// # Errors
    /// Where the leaves do not give the map that was signed, or files cannot be written.
    pub fn follow_areas(&self) -> Result<(), Error> {
        if let Some(areas) = self.areas().as_mut() {
            let tip = self.ledger().tip();
            return Ok(areas.follow(&tip)?);
        }
        // Nobody waits for the map while it is made.
        let tip = self.ledger().tip();
        let (made, opened) = Areas::open(tip)?;
        tracing::info!(assets = opened.assets, kept = opened.kept, "map of areas open");
        *self.areas() = Some(made);
        Ok(())
    }

    /// The ledger. Hold it shortly: registration waits.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The SQL table `assets`, as of the log's size when a question names it.
    pub fn table(self: &Arc<Self>) -> ExtraTable {
        let registrar = self.clone();
        crate::assets::table(move || registrar.table.upto(&registrar.ledger()))
    }

    /// The folder of the log's files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Follows the commit up to which everything is registered.
    pub fn reached(&self) -> watch::Receiver<Sequence> {
        self.reached.subscribe()
    }

    /// Registers whatever is committed, until the writer ends. Where the ledger cannot be written it is tried again:
    /// the rows are in the store, and receipts say that they are not registered yet.
    ///
    /// # Errors
    /// Where the ledger is damaged or registration itself has ended.
    pub async fn run(self: Arc<Self>, mut committed: watch::Receiver<Sequence>) -> Result<(), Error> {
        loop {
            committed.borrow_and_update();
            let registrar = self.clone();
            let done = tokio::task::spawn_blocking(move || {
                let registered = registrar.catch_up()?;
                registrar.follow_areas().map(|()| registered)
            });
            let done = done.await;
            match done.unwrap_or_else(|panic| Err(Error::WriterStopped(format!("registration: {panic}")))) {
                Err(Error::Ledger(error @ kernel_ledger::Error::Io { .. })) => {
                    tracing::error!(%error, "registration failed and will be tried again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                done => done?,
            };
            tokio::time::sleep(PACE).await;
            if committed.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Registers what is committed and not yet registered, a group of leaves at a time.
    ///
    /// # Errors
    /// Where the ledger cannot be written; nothing is lost, the rows stay in the store.
    pub fn catch_up(&self) -> Result<u64, Error> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.reader.snapshot();
        let after = *self.reached.borrow();
        if snapshot.sequence() <= after {
            return Ok(0);
        }
        let last = self.ledger().last_sequence();
        // Of the last sequence, a crash or a full disk between two appends may have left the end: its first ones are in. Only
        // then, and at a start, does this look reach back to it; others must not count an import's leaves again.
        let reaches_back = after < Sequence(last);
        let done = if reaches_back { self.ledger().records_with_sequence(last)?.len() as u64 } else { 0 };
        let mut group = Group { registrar: self, last, done, records: Vec::new(), assets: HashSet::new(), count: 0 };
        let mut contents = contents_after(&snapshot, after);
        for batch in entity_rows_after(&snapshot, after) {
            let sequences = batch.column(1).as_primitive::<UInt64Type>().values();
            for row in 0..batch.num_rows() {
                group.contents_before(sequences[row], &mut contents, &snapshot)?;
                group.add(of_entity(&batch, row, &mut contents))?;
            }
        }
        group.contents_before(u64::MAX, &mut contents, &snapshot)?;
        group.append()?;
        self.reached.send_replace(snapshot.sequence());
        Ok(group.count)
    }
}

/// Leaves on their way into the ledger, in the order of sequences.
struct Group<'a> {
    registrar: &'a Registrar,
    /// The last sequence of which leaves are in, and how many of its leaves are still to be passed over.
    last: u64,
    done: u64,
    records: Vec<AssetRecord>,
    /// Whose they are.
    assets: HashSet<String>,
    /// Leaves appended.
    count: u64,
}

impl Group<'_> {
    fn add(&mut self, record: Option<AssetRecord>) -> Result<(), Error> {
        let Some(mut record) = record else { return Ok(()) };
        let is_in = record.sequence < self.last || (record.sequence == self.last && self.done > 0);
        self.done -= u64::from(record.sequence == self.last && self.done > 0);
        if is_in {
            return Ok(());
        }
        let is_new = self.assets.insert(record.asset.clone())
            && self.registrar.ledger().leaves_of_asset(&record.asset)?.is_empty();
        if is_new && record.operation == Operation::Update {
            record.operation = Operation::Register;
        }
        self.records.push(record);
        if self.records.len() >= GROUP { self.append() } else { Ok(()) }
    }

    /// Adds content that came without a new description, in commits before one: an update of the thing as it stands.
    fn contents_before(&mut self, sequence: u64, contents: &mut Contents, snapshot: &Snapshot) -> Result<(), Error> {
        while let Some(entry) = contents.first_entry().filter(|entry| entry.key().0 < sequence) {
            let ((sequence, id), content) = entry.remove_entry();
            let row = find_row(snapshot, &id);
            let record = row.and_then(|(batch, row)| of_entity(&batch, row, &mut BTreeMap::new()));
            self.add(record.map(|mut record| {
                record.sequence = sequence;
                record.operation = Operation::Update;
                record.content.extend(content);
                record
            }))?;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), Error> {
        self.registrar.ledger().append(&self.records)?;
        self.count += self.records.len() as u64;
        self.records.clear();
        self.assets.clear();
        Ok(())
    }
}

type Contents = BTreeMap<(u64, EntityId), Vec<ContentRef>>;

fn contents_after(snapshot: &Snapshot, after: Sequence) -> Contents {
    let mut contents = Contents::new();
    for batch in snapshot.batches(Table::Contents) {
        let sequences = batch.column(5).as_primitive::<UInt64Type>();
        let (digest, entity) = (batch.column(0).as_fixed_size_binary(), batch.column(1).as_fixed_size_binary());
        let sizes = batch.column(4).as_primitive::<UInt64Type>();
        for row in (0..batch.num_rows()).filter(|row| sequences.value(*row) > after.0) {
            let (Some(id), Ok(digest)) = (EntityId::from_slice(entity.value(row)), digest.value(row).try_into()) else {
                continue;
            };
            contents.entry((sequences.value(row), id)).or_default().push(ContentRef {
                alg: "sha-256".to_owned(),
                digest: ContentId(digest).to_string(),
                media_type: batch.column(2).as_string::<i32>().value(row).to_owned(),
                size: sizes.value(row),
            });
        }
    }
    contents
}

fn find_row(snapshot: &Snapshot, id: &EntityId) -> Option<(RecordBatch, usize)> {
    snapshot.entities().iter().rev().find_map(|(batch, _)| {
        let ids = batch.column(0).as_fixed_size_binary();
        (0..batch.num_rows()).rev().find(|row| ids.value(*row) == id.bytes()).map(|row| (batch.clone(), row))
    })
}

/// The record of one row; none where it has neither geometry nor content and is not gone.
fn of_entity(batch: &RecordBatch, row: usize, contents: &mut Contents) -> Option<AssetRecord> {
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
    let instant = |column: usize| {
        let times = batch.column(column).as_primitive::<TimestampMicrosecondType>();
        times.is_valid(row).then(|| TimeUs(times.value(row)).to_string())
    };
    let id = EntityId::from_slice(batch.column(0).as_fixed_size_binary().value(row))?;
    let sequence = batch.column(1).as_primitive::<UInt64Type>().value(row);
    let geometry = batch.column(9).as_binary::<i32>();
    let wkb = geometry.is_valid(row).then(|| geometry.value(row));
    let retired = batch.column(22).as_boolean().value(row);
    let more = contents.remove(&(sequence, id)).unwrap_or_default();
    if wkb.is_none() && more.is_empty() && !retired {
        return None;
    }
    let asset = id.to_string();
    // Whether it is its first leaf, the ledger knows.
    let operation = if retired { Operation::Retire } else { Operation::Update };
    let own = wkb.map(|wkb| ContentRef {
        alg: "sha-256".to_owned(),
        digest: ContentId::of(wkb).to_string(),
        media_type: "application/wkb".to_owned(),
        size: wkb.len() as u64,
    });
    Some(AssetRecord {
        version: 1,
        asset,
        operation,
        sequence,
        kind: text(3).to_owned(),
        class: text(4).to_owned(),
        source: format!("{}/{}", text(7), text(8)),
        cells: cells(batch, row),
        datum: "CGCS2000/WGS84".to_owned(),
        height_reference: text(10).to_owned(),
        valid_from: instant(20),
        valid_to: instant(21),
        recorded: instant(2).unwrap_or_default(),
        content: own.into_iter().chain(more).collect(),
        lineage: text(23).to_owned(),
        previous: None,
    })
}

/// At most eight GeoSOT cells that hold the row's box.
fn cells(batch: &RecordBatch, row: usize) -> Vec<String> {
    let side = |column: usize| {
        let sides = batch.column(column).as_primitive::<Float64Type>();
        sides.is_valid(row).then(|| sides.value(row))
    };
    let area = match (side(14), side(15), side(16), side(17)) {
        (Some(west), Some(south), Some(east), Some(north)) => LonLatBox::new(west, south, east, north).ok(),
        _ => None,
    };
    let cover = area.and_then(|area| cover_box_cells(&area, CELLS, FINEST).ok()).unwrap_or_default();
    cover.iter().map(|(cell, _)| cell.text().as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel_model::{Change, Coord, EntityDraft, Geometry, Kind, Shape, SourceKey};
    use kernel_store::{Options, Store};

    use super::*;

    fn poi(i: u32) -> Change {
        let mut draft = EntityDraft::new(SourceKey::new("test", format!("poi-{i}")), Kind::Poi, "cafe");
        draft.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.0 + f64::from(i) / 100.0, 39.0, 0.0))));
        Change::Entity(draft)
    }

    fn opened(dir: &Path, reader: Reader) -> Registrar {
        Registrar::open(&dir.join("ledger"), &dir.join("log.pub"), "urbis.example/test", reader).unwrap().0
    }

    #[test]
    fn a_commit_that_was_registered_in_part_is_completed_and_nothing_is_in_twice() {
        let [store_dir, whole, part] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let (mut store, _) = Store::open(store_dir.path(), Options::default()).unwrap();
        store.commit(&[(0..5).map(poi).collect()]).unwrap();
        let all = opened(whole.path(), store.reader());
        assert_eq!(all.catch_up().unwrap(), 5);
        let leaves = all.ledger().entries(0..5);
        let records: Vec<AssetRecord> = leaves.map(|entry| entry.unwrap().leaf.record().unwrap().clone()).collect();
        let (mut ledger, _) =
            Ledger::open(&part.path().join("ledger"), &part.path().join("log.pub"), "urbis.example/test").unwrap();
        ledger.append(&records[..2]).unwrap();
        drop(ledger);

        let rest = opened(part.path(), store.reader());
        assert_eq!(rest.catch_up().unwrap(), 3);
        store.commit(&[vec![poi(5)]]).unwrap();
        assert_eq!((rest.catch_up().unwrap(), rest.catch_up().unwrap()), (1, 0));
        let assets: BTreeSet<String> =
            rest.ledger().entries(0..6).map(|entry| entry.unwrap().leaf.asset().to_owned()).collect();
        assert_eq!((rest.ledger().size(), assets.len()), (6, 6));
    }
}
