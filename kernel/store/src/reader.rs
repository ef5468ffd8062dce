//! The readers' door to a data folder: snapshots and glances at the present city, from any thread, never in the writer's
//! way.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, TryLockError};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use kernel_model::{Sequence, Sight};

use crate::disk::Disk;
use crate::error::Error;
use crate::glance::LiveView;
use crate::live::Live;
use crate::load::{Opened, load};
use crate::manifest::Manifest;
use crate::moving::{Moving, MovingThings};
use crate::objects::{Access, Objects};
use crate::parts::ColumnCache;
use crate::retention::Removed;
use crate::sight::Sieve;
use crate::snapshot::Snapshot;
use crate::store::Options;

/// How often a data folder is read anew because a writer changed it meanwhile.
const ATTEMPTS: usize = 5;

/// The readers' door: clones are cheap and may go to any thread. One that does not see everything gives snapshots and glances in
/// which the rest is not there; it cannot see more than it was made for.
#[derive(Debug, Clone)]
pub struct Reader {
    live: Arc<RwLock<Live>>,
    snapshot: Arc<RwLock<Snapshot>>,
    removed: Arc<[AtomicU64; Table::ALL.len()]>,
    moving: MovingThings,
    sieve: Option<Arc<Sieve>>,
}

impl Reader {
    /// Opens a data folder for reading only; another process may be writing there. Where its segments are in an object
    /// store, the environment says how that is reached ([`Access::from_env`]).
    ///
    /// # Errors
    /// Where there is no data folder or bytes are damaged.
    pub fn open(dir: &Path) -> Result<(Self, Opened), Error> {
        if !dir.join("log").exists() {
            return Err(Error::Missing(dir.display().to_string()));
        }
        let cache = Arc::new(ColumnCache::new(Options::default().cache_bytes));
        for _ in 0..ATTEMPTS {
            let before = Manifest::read(dir)?;
            let objects = Objects::of(dir, &Disk::shut(), &before, &Access::from_env())?;
            let loaded = load(dir, &objects, &cache).and_then(|loaded| loaded.hold().map(|()| loaded));
            // A writer may have sealed meanwhile and taken away log files that were still to be read.
            if Manifest::read(dir)?.generation == before.generation {
                let loaded = loaded?;
                let snapshot = loaded.snapshot(dir, &cache);
                return Ok((Self::new(loaded.live, snapshot), loaded.opened));
            }
        }
        Err(Error::Busy(dir.to_owned()))
    }

    pub(crate) fn new(live: Live, snapshot: Snapshot) -> Self {
        let moving = MovingThings(Arc::new(Moving::of(&live.moves(0..live.latest.fixes().len() as u32))));
        let (live, snapshot) = (Arc::new(RwLock::new(live)), Arc::new(RwLock::new(snapshot)));
        Self { live, snapshot, removed: Arc::default(), moving, sieve: None }
    }

    /// The city as somebody sees it. What was sifted is kept as long as the reader and its clones are.
    #[must_use]
    pub fn seen_by(&self, sight: &Sight) -> Self {
        match (&self.sieve, sight.is_whole()) {
            (None, false) => Self { sieve: Some(Arc::new(Sieve::new(sight.clone()))), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// Whether everything is seen, as it is.
    pub fn is_whole(&self) -> bool {
        self.sieve.is_none()
    }

    pub(crate) fn sieve(&self) -> Option<Arc<Sieve>> {
        self.sieve.clone()
    }

    /// What moves, where it is now; nothing where not everything is seen.
    pub fn moving(&self) -> MovingThings {
        match self.is_whole() {
            true => self.moving.clone(),
            false => MovingThings(Arc::new(Moving::of(&[]))),
        }
    }

    /// The store as of its last commit.
    pub fn snapshot(&self) -> Snapshot {
        let whole = self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone();
        match &self.sieve {
            None => whole,
            Some(sieve) => whole.seen_by(sieve),
        }
    }

    /// A glance at the present city.
    pub fn live(&self) -> LiveView<'_> {
        LiveView::new(self.live.read().unwrap_or_else(PoisonError::into_inner), self.sieve.clone())
    }

    /// A glance at the present city, unless the writer is changing it right now: for what is good to know and not needed.
    pub fn glance(&self) -> Option<LiveView<'_>> {
        match self.live.try_read() {
            Ok(live) => Some(LiveView::new(live, self.sieve.clone())),
            Err(TryLockError::Poisoned(poisoned)) => Some(LiveView::new(poisoned.into_inner(), self.sieve.clone())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Rows of a table that were older than they are kept and have gone since the writer opened the folder.
    pub fn removed_rows(&self, table: Table) -> u64 {
        self.removed[table as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn count_removed(&self, removed: &Removed) {
        self.removed[removed.table as usize].fetch_add(removed.rows, Ordering::Relaxed);
    }

    pub(crate) fn write_live(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows readers a newer snapshot.
    pub(crate) fn show(&self, snapshot: Snapshot) {
        let mut shown = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *shown, snapshot);
        // What goes with the one before, files among it, goes when readers can have the new one.
        drop(shown);
        drop(before);
    }
}

/// Rows of the table `entities` recorded after a commit, oldest first: what the ledger still has to register.
pub fn entity_rows_after(snapshot: &Snapshot, after: Sequence) -> Vec<RecordBatch> {
    let mut rows = Vec::new();
    for (batch, _) in snapshot.entities() {
        let sequences = batch.column(1).as_primitive::<UInt64Type>().values();
        let from = sequences.partition_point(|sequence| *sequence <= after.0);
        if from < batch.num_rows() {
            rows.push(batch.slice(from, batch.num_rows() - from));
        }
    }
    rows
}
