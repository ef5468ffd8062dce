//! A receipt beside an area proof: two statements of one log. Where they contradict each other, both files together
//! prove to anyone that the log's holder has lied; nothing else is needed.

use super::place::MapCell;
use super::query::Relation;
use super::verify::VerifiedArea;
use crate::leaf::Leaf;
use crate::receipt::Verified;

/// How a receipt and an area proof of one log contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fraud {
    /// The asset is missing.
    #[error(
        "the log hides an asset: the receipt has `{asset}` at {cell} with leaf {index}, the area proof speaks for all {log_size} leaves and \
         does not have it there"
    )]
    Missing {
        /// The asset.
        asset: String,
        /// The cell.
        cell: String,
        /// The receipt's leaf.
        index: u64,
        /// The area proof's size of the log.
        log_size: u64,
    },
    /// The map stands on an older leaf than the receipt's.
    #[error(
        "the log goes back: the receipt has leaf {index} of `{asset}`, the area proof as of {log_size} leaves stands on its leaf {stands}"
    )]
    Older {
        /// The asset.
        asset: String,
        /// The receipt's leaf.
        index: u64,
        /// The area proof's leaf.
        stands: u64,
        /// The area proof's size of the log.
        log_size: u64,
    },
    /// Two leaves at one place.
    #[error(
        "the log has two faces: leaf {index} of `{asset}` is {receipt} in the receipt and {area} in the area proof"
    )]
    Differs {
        /// The asset.
        asset: String,
        /// The leaf.
        index: u64,
        /// Its hash by the receipt.
        receipt: String,
        /// Its hash by the area proof.
        area: String,
    },
}

/// Whether a receipt and an area proof, both verified with the same key, contradict each other. A receipt whose leaf is
/// later than the proof's log, or lies elsewhere, contradicts nothing; nor does one against a mere count.
///
/// # Errors
/// [`Fraud`].
pub fn contradiction(receipt: &Verified, area: &VerifiedArea) -> Result<(), Fraud> {
    let Leaf::Record(record) = &receipt.leaf else { return Ok(()) };
    let shows_assets = area.shows == super::proof::Shows::Assets;
    if receipt.index >= area.map.log_size || !shows_assets {
        return Ok(());
    }
    let Some(asked) = area.query.prepared() else { return Ok(()) };
    let known = area.assets.iter().find(|known| known.asset == record.asset);
    let cells = record.cells.iter().filter_map(|text| MapCell::of_text(text));
    for cell in cells.filter(|cell| asked.relation(*cell).is_some_and(|relation| relation != Relation::Outside)) {
        // A record that says the asset is gone leaves an entry only where it was before.
        let is_retired = record.operation == kernel_model::Operation::Retire;
        let entry = known.and_then(|known| Some((known, known.cells.iter().find(|entry| entry.cell == cell)?)));
        match entry {
            None if is_retired => {}
            Some((_, entry)) if is_retired && entry.gone.is_some() => {}
            None => {
                let (asset, cell) = (record.asset.clone(), cell.text());
                return Err(Fraud::Missing { asset, cell, index: receipt.index, log_size: area.map.log_size });
            }
            Some((known, entry)) => {
                let (stands, hash) = entry.gone.unwrap_or((known.index, known.leaf_hash));
                same_leaf(receipt, &record.asset, stands, &hex::encode(hash), area.map.log_size)?;
            }
        }
    }
    Ok(())
}

fn same_leaf(receipt: &Verified, asset: &str, stands: u64, hash: &str, log_size: u64) -> Result<(), Fraud> {
    let (asset, index) = (asset.to_owned(), receipt.index);
    match stands.cmp(&index) {
        std::cmp::Ordering::Less => Err(Fraud::Older { asset, index, stands, log_size }),
        std::cmp::Ordering::Equal if hash != receipt.leaf_hash => {
            Err(Fraud::Differs { asset, index, receipt: receipt.leaf_hash.clone(), area: hash.to_owned() })
        }
        _ => Ok(()),
    }
}
