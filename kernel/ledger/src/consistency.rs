//! Consistency proofs (RFC 6962, 2.1.2): two sizes and roots of one log and a list of hashes in, whether the larger log
//! begins with the smaller one out. It is what a witness or an anchor asks before it signs.

use tlog_tiles::{Hash, check_tree};

/// Why a larger log is not shown to begin with a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// There is nothing before.
    #[error("an empty log is the beginning of every log: there is nothing to prove")]
    Empty,
    /// It shrank.
    #[error("the log has {new} leaves, before it had {old}: it went back")]
    Smaller {
        /// Leaves before.
        old: u64,
        /// Leaves now.
        new: u64,
    },
    /// The hashes do not lead to both roots.
    #[error("the proof does not lead from {old} leaves to {new}: it was altered, or the log was forked or rewritten")]
    Altered {
        /// Leaves before.
        old: u64,
        /// Leaves now.
        new: u64,
    },
}

/// Whether the log of `new` leaves begins with that of `old` leaves, which has to be more than none. Where both are of one
/// size their roots have to be the same and the proof empty.
///
/// # Errors
/// [`ConsistencyError`].
pub fn check_consistency(
    (old, old_root): (u64, &[u8]),
    (new, new_root): (u64, &[u8]),
    proof: &[[u8; 32]],
) -> Result<(), ConsistencyError> {
    let altered = ConsistencyError::Altered { old, new };
    let holds = |is_right: bool| if is_right { Ok(()) } else { Err(altered) };
    match (old, new) {
        (0, _) => Err(ConsistencyError::Empty),
        (old, new) if old > new => Err(ConsistencyError::Smaller { old, new }),
        (old, new) if old == new => holds(proof.is_empty() && old_root == new_root),
        _ => {
            let root = |root: &[u8]| root.try_into().map(Hash).map_err(|_| altered);
            let proof = proof.iter().map(|hash| Hash(*hash)).collect();
            check_tree(&proof, new, root(new_root)?, old, root(old_root)?).map_err(|_| altered)
        }
    }
}

/// Hashes as lines of base64.
pub fn hash_lines(hashes: &[[u8; 32]]) -> String {
    use base64::prelude::*;
    hashes.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect()
}
