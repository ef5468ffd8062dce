//! The audit: a folder and the public key in, what the leaves say and what was made of them out. Every leaf is read, the
//! view and the map are made anew, and each map root that was ever signed, and the state that is kept, are compared with
//! them. Nothing is written.

use std::fs;
use std::path::Path;

use super::areas::{Built, all_roots, parse_state};
use super::{Error, Ledger};
use crate::view::View;

/// What the audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Leaves read.
    pub size: u64,
    /// Assets in the map.
    pub asset_count: u64,
    /// Assets that somebody has stated something of.
    pub stated_count: usize,
    /// Map roots compared.
    pub root_count: usize,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

/// Problems that are told.
const TOLD: usize = 100;

/// Audits the log in `dir`; `public_key` is the file of its public key.
///
/// # Errors
/// Where the log cannot be read or does not hold what its checkpoint says.
pub fn audit(dir: &Path, public_key: &Path) -> Result<Audit, Error> {
    let ledger = Ledger::open_reading(dir, public_key)?;
    let mut audit = Audit { size: ledger.size(), ..Audit::default() };
    let kept = fs::read(dir.join("areas/state")).ok();
    let kept = kept.map(|bytes| parse_state(&bytes)).inspect(|state| {
        if state.is_none() {
            audit.problems.push("areas/state: it is damaged; remove it, it is made anew".to_owned());
        }
    });
    let kept: Option<(u64, View)> = kept.flatten().map(|built| (built.size, built.view));
    let roots = all_roots(&ledger.tip())?;
    audit.root_count = roots.len();
    let mut roots = roots.into_iter().peekable();
    let mut built = Built::default();
    let mut entries = ledger.entries(0..ledger.size());
    loop {
        while let Some(root) = roots.next_if(|root| root.log_size <= built.size) {
            let right = built.map.root();
            if root.log_size < built.size || root.map_root != right {
                let (right, wrong) = (hex::encode(right), hex::encode(root.map_root));
                let told = format!("at {} leaves the map's root is {right}, signed was {wrong}", root.log_size);
                audit.problems.push(told);
            }
        }
        if let Some((_, view)) = kept.as_ref().filter(|(size, _)| *size == built.size) {
            let told = |asset: &str| format!("the kept state of `{asset}` is not what the leaves say");
            audit.problems.extend(built.view.differing(view).take(TOLD).map(told));
        }
        let Some(entry) = entries.next() else { break };
        let entry = entry?;
        built.apply(&entry.leaf, entry.leaf_hash);
    }
    audit.problems.extend(roots.map(|root| format!("a map of {} leaves was signed, the log has fewer", root.log_size)));
    audit.problems.append(&mut built.refused);
    audit.problems.truncate(TOLD);
    audit.asset_count = built.map.asset_count();
    audit.stated_count = built.view.asset_count();
    Ok(audit)
}
