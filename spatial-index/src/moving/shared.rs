//! Moving objects for many readers and writers. Batches of changes come in; each is seen by readers whole or not at all.
//! A reader never waits for a writer: there are two indexes, and while a writer changes the one, readers read the other.
//! The price is memory twice, and every batch applied twice.

use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError,
    atomic::{AtomicUsize, Ordering},
};

use super::{FETCH, MovingIndex, Position};
use crate::error::Error;

/// A change: a number with its new position, or with none where it is gone.
type Change = (u32, Option<Position>);

/// A [`MovingIndex`] that is read while it is changed.
#[derive(Debug, Default)]
pub struct SharedMoving {
    sides: [RwLock<MovingIndex>; 2],
    /// Which side is read.
    read: AtomicUsize,
    /// What the side that is not read has yet to learn. Whoever holds it is the writer.
    behind: Mutex<Vec<Change>>,
}

impl SharedMoving {
    /// Over an index, which is copied.
    pub fn new(index: MovingIndex) -> Self {
        Self { sides: [RwLock::new(index.clone()), RwLock::new(index)], ..Self::default() }
    }

    /// The index as of the last batch; it stays so for as long as it is held. Hold it shortly: the writer's next batch but
    /// one waits for it.
    pub fn read(&self) -> RwLockReadGuard<'_, MovingIndex> {
        loop {
            match self.sides[self.read.load(Ordering::Acquire) & 1].try_read() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                // Between the look and the lock the writer changed sides.
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
    }

    /// Applies changes, in order, all at once to the eye of a reader. A position of `None` takes the object out. Good
    /// batches have a thousand changes or more: each costs one change of sides.
    ///
    /// # Errors
    /// [`Error::NotABox`] for the first position that is none; then nothing is applied.
    pub fn apply(&self, changes: &[Change]) -> Result<(), Error> {
        for (number, position) in changes {
            if let Some(Position { lon_deg, lat_deg, .. }) = position
                && !(lon_deg.is_finite() && lat_deg.abs() <= 90.0)
            {
                return Err(Error::NotABox { number: *number });
            }
        }
        let mut behind: MutexGuard<'_, Vec<Change>> = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = 1 - (self.read.load(Ordering::Acquire) & 1);
        {
            let mut side = self.sides[unread].write().unwrap_or_else(PoisonError::into_inner);
            apply_to(&mut side, &behind)?;
            apply_to(&mut side, changes)?;
        }
        self.read.store(unread, Ordering::Release);
        behind.clear();
        behind.extend_from_slice(changes);
        Ok(())
    }
}

fn apply_to(side: &mut MovingIndex, changes: &[Change]) -> Result<(), Error> {
    for chunk in changes.chunks(FETCH) {
        std::hint::black_box(side.fetch(chunk.iter().map(|(number, position)| (*number, position.as_ref()))));
        for (number, position) in chunk {
            match position {
                Some(position) => side.upsert(*number, *position)?,
                None => {
                    side.remove(*number);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, thread};

    use super::*;
    use crate::bounds::LonLatBox;

    fn at(lon_deg: f64, time_us: i64) -> Position {
        Position { lon_deg, lat_deg: 40.0, height_m: 0.0, time_us }
    }

    #[test]
    fn a_reader_sees_whole_batches() {
        let shared = SharedMoving::default();
        let batch = |round: i64| -> Vec<Change> {
            (0..200).map(|n| (n, Some(at(116.0 + f64::from(n) * 1e-3 + (round % 7) as f64 * 1e-2, round)))).collect()
        };
        shared.apply(&batch(0)).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) {
                    let index = shared.read();
                    let mut rounds = Vec::new();
                    index.visit(&LonLatBox::GLOBE.region(), |_, position| rounds.push(position.time_us));
                    assert_eq!(rounds.len(), 200, "every object, each once");
                    assert!(rounds.iter().all(|round| *round == rounds[0]), "of one batch");
                    assert!(rounds[0] >= newest, "never an older one");
                    newest = rounds[0];
                }
                newest
            });
            (1..=2_000).for_each(|round| shared.apply(&batch(round)).unwrap());
            done.store(true, Ordering::Relaxed);
            assert!(reader.join().unwrap() <= 2_000);
        });
        assert_eq!(shared.read().get(7).map(|p| p.time_us), Some(2_000));
    }

    #[test]
    fn a_batch_with_nonsense_changes_nothing() {
        let shared = SharedMoving::default();
        shared.apply(&[(1, Some(at(1.0, 0)))]).unwrap();
        assert!(shared.apply(&[(1, Some(at(2.0, 1))), (2, Some(at(f64::NAN, 1)))]).is_err());
        assert_eq!(shared.read().get(1), Some(at(1.0, 0)));
        shared.apply(&[(1, None)]).unwrap();
        assert!(shared.read().is_empty());
        shared.apply(&[]).unwrap();
        assert!(shared.read().is_empty());
    }
}
