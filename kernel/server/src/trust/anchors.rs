//! Anchors of the log: at the start what is anchored is held against the log, and a log that went back or was forked takes no
//! writes; afterwards the newest checkpoint is anchored every so often. A registration never waits for an anchor.

use std::sync::Arc;
use std::time::Duration;

use kernel_ledger::Ledger;
use kernel_model::{Anchor, AnchorError, AnchorPoint};

use crate::registrar::Registrar;

/// Leaves after which a checkpoint is anchored before its time.
const LEAVES: u64 = 10_000;
/// Pause between two looks.
const PACE: Duration = Duration::from_secs(1);

/// Whether the log is the continuation of what the anchor has.
///
/// # Errors
/// What is wrong, in words: the log went back, or has another past, or the anchor was altered. One that is away is logged.
pub fn check_anchor(ledger: &Ledger, anchor: &mut dyn Anchor) -> Result<(), String> {
    let held = match anchor.newest(ledger.keys().origin()) {
        Ok(Some(held)) => held,
        Ok(None) => return Ok(()),
        // A registration does not wait for an anchor, also not for one that is away at the start.
        Err(error @ AnchorError::Away { .. }) => {
            tracing::error!(%error, "the log cannot be held against this anchor");
            return Ok(());
        }
        Err(error) => return Err(error.to_string()),
    };
    let (point, place) = (held.point, held.place);
    if point.size > ledger.size() {
        return Err(format!(
            "rollback: {place} has {} leaves of this log, here are {}: restore the newest backup",
            point.size,
            ledger.size()
        ));
    }
    let root = ledger.root_at(point.size).map_err(|error| error.to_string())?;
    match hex::encode(root) == point.root {
        true => Ok(()),
        false => Err(format!(
            "fork: {place} has the root {} of {} leaves, here it is {}: this is not the log that was anchored",
            point.root,
            point.size,
            hex::encode(root)
        )),
    }
}

/// Anchors the newest checkpoint every `every`, or as soon as there are 10,000 leaves more, for ever.
pub async fn keep_anchored(registrar: Arc<Registrar>, mut anchor: Box<dyn Anchor>, every: Duration) {
    let mut anchored = 0;
    let mut next = tokio::time::Instant::now();
    loop {
        let point = point(&registrar);
        let is_due = tokio::time::Instant::now() >= next || point.size >= anchored + LEAVES;
        if is_due && point.size > 0 && point.size != anchored {
            let size = point.size;
            let work = tokio::task::spawn_blocking(move || {
                let done = anchor.anchor(&point);
                (anchor, done)
            });
            let Ok((back, done)) = work.await else { return };
            anchor = back;
            match done {
                Ok(done) => {
                    tracing::info!(size, place = done.place, "checkpoint anchored");
                    anchored = size;
                }
                Err(error) => tracing::error!(%error, "the checkpoint was not anchored and will be tried again"),
            }
            next = tokio::time::Instant::now() + every;
        }
        tokio::time::sleep(PACE).await;
    }
}

fn point(registrar: &Registrar) -> AnchorPoint {
    let ledger = registrar.ledger();
    AnchorPoint { origin: ledger.keys().origin().to_owned(), size: ledger.size(), root: hex::encode(ledger.root()) }
}
