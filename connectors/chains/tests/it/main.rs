//! The laws of anchors, and what a file that was altered says.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops where it fails, and says what it left out")]

mod evm;
mod file;

use kernel_model::{Anchor, AnchorError, AnchorPoint};

fn point(origin: &str, size: u64, root: u8) -> AnchorPoint {
    AnchorPoint { origin: origin.to_owned(), size, root: hex::encode([root; 32]) }
}

/// What every anchor has to do; `again` opens the same one anew.
fn law<A: Anchor>(mut again: impl FnMut() -> A) {
    let mut anchor = again();
    assert_eq!(anchor.newest("a.example/log").unwrap(), None);
    let first = anchor.anchor(&point("a.example/log", 5, 1)).unwrap();
    let second = anchor.anchor(&point("a.example/log", 9, 2)).unwrap();
    anchor.anchor(&point("b.example/log", 3, 7)).unwrap();
    assert_ne!(first.place, second.place);
    // The same again is there once; where it was written first, not every chain says later.
    assert_eq!(anchor.anchor(&point("a.example/log", 9, 2)).unwrap().point, second.point);
    for wrong in [point("a.example/log", 8, 2), point("a.example/log", 9, 3), point("a.example/log", 5, 1)] {
        let refused = anchor.anchor(&wrong);
        assert!(matches!(refused, Err(AnchorError::Refused { held: 9, .. })), "{refused:?}");
    }
    drop(anchor);
    let mut anchor = again();
    assert_eq!(anchor.newest("a.example/log").unwrap().unwrap().point, second.point);
    assert_eq!(anchor.newest("b.example/log").unwrap().unwrap().point, point("b.example/log", 3, 7));
    assert_eq!(anchor.anchor(&point("a.example/log", 10, 4)).unwrap().point.size, 10);
}
