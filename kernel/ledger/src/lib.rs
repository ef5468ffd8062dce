//! The tamper-evident log of assets. Records go in ([`Ledger::append`]), each becomes a leaf of one Merkle tree (RFC
//! 6962, SHA-256), and the tree's root goes out in a signed checkpoint; a receipt taken out later proves to anyone,
//! without this program's help, that a record stands in the log. Nothing that was signed is ever changed or removed.
//!
//! On disk, below one folder, everything has the shape that the C2SP specifications give it, so that any of their
//! tools can read the log from a plain file server:
//!
//! | file | what | specification |
//! |---|---|---|
//! | `checkpoint` | origin, size, root, signature | c2sp.org/tlog-checkpoint, signed-note |
//! | `tile/<L>/<N>[.p/<W>]` | 256 hashes a file | c2sp.org/tlog-tiles |
//! | `tile/entries/<N>[.p/<W>]` | 256 leaves a file | c2sp.org/tlog-tiles |
//! | `log.key` | the signing key, mode 0600 | signed-note |
//! | `log.lock` | held while the log is open | - |
//! | `cut/` | what a crash left beyond the checkpoint | - |
//!
//! A leaf is the RFC 8785 canonical JSON of an [`AssetRecord`](kernel_model::AssetRecord). A receipt is a
//! c2sp.org/tlog-proof text whose `extra` line holds the leaf. [`receipt`] knows nothing of files and compiles for the
//! browser; the rest needs a file system.
//!
//! ## The life of a record
//! `append` encodes every record and hashes it, fills entry bundles and hash tiles, syncs them to disk, then signs the
//! new root, syncs it beside the old checkpoint and puts it in its place by one rename. Before the rename the log is
//! what it was; after it the whole call is in. [`Ledger::open`] rereads all leaves, recomputes the root, and opens only
//! if it is the one that was signed.

pub mod area;
mod chain;
mod consistency;
mod cosign;
mod credential;
mod did;
mod event;
mod keys;
mod leaf;
pub mod receipt;
mod view;

#[cfg(not(target_family = "wasm"))]
mod log;
#[cfg(not(target_family = "wasm"))]
mod witness;

pub use chain::{Chain, Link};
pub use consistency::{ConsistencyError, check_consistency, hash_lines};
pub use cosign::{Cosigner, Witness, check_witnesses, with_cosignature};
pub use credential::{
    CredentialError, VerifiedCredential, check_proof, check_revocation, issue, ownership, role, verify_credential,
};
pub use did::{DidError, Identity, key_in_document, key_of, web_url};
pub use event::{EventError, check_event, check_fields, check_signature, sign, statement};
pub use keys::KeyRing;
pub use leaf::{Leaf, LeafError};
pub use receipt::{Receipt, Verified, VerifyError, verify};
pub use view::{AssetState, RuleError, View};

#[cfg(not(target_family = "wasm"))]
pub use witness::{WitnessError, WitnessState, witness_request};

#[cfg(not(target_family = "wasm"))]
pub use log::{
    Areas, AreasOpened, Audit, Cut, Entries, Entry, Error, Ledger, Opened, Options, Report, Tip, Which, audit, backup,
    check,
};
