//! Anchors of the ledger: checkpoints go out to places that the ledger's holder cannot change by himself, and come back at
//! every start to be held against the log. Nothing here is in the way of a registration: who anchors does it afterwards,
//! and an anchor that is away is tried again.
//!
//! | anchor | where |
//! |---|---|
//! | [`FileAnchor`] | a file of chained lines, on another disk, a WORM share, a memory stick |
//! | [`EvmAnchor`] | a contract on an EVM chain, over a node's JSON-RPC |

mod evm;
mod file;

pub use evm::EvmAnchor;
pub use file::FileAnchor;
