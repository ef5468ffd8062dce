//! The ledger as its users meet it: a folder, records, receipts, and everything that can happen to the files.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod areas;
mod crash;
mod damage;
mod growth;
mod large;
mod life;
mod tamper;
mod word;

use std::path::Path;

use kernel_ledger::{Ledger, Opened};
use kernel_model::{AssetRecord, ContentRef, Operation};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const ORIGIN: &str = "urbis.example.org/assets";

/// A folder that holds a log in `log/` and its public key in `log.pub`.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn log(&self) -> std::path::PathBuf {
        self.0.path().join("log")
    }

    fn try_open(&self) -> Result<(Ledger, Opened), kernel_ledger::Error> {
        Ledger::open(&self.log(), &self.0.path().join("log.pub"), ORIGIN)
    }

    fn open(&self) -> Ledger {
        self.try_open().unwrap().0
    }

    fn vkey(&self) -> String {
        std::fs::read_to_string(self.0.path().join("log.pub")).unwrap()
    }
}

/// A record as the server registers it.
fn record(asset: u64, sequence: u64) -> AssetRecord {
    AssetRecord {
        version: 1,
        asset: format!("0192f0c1-7b1e-7cc2-9a53-{asset:012x}"),
        operation: Operation::Register,
        sequence,
        kind: "building".to_owned(),
        class: "residential".to_owned(),
        source: format!("delft/NL.IMBAG.Pand.{asset}"),
        cells: vec!["G001310322-230230-0131".to_owned(), "G001310322-230230-0132".to_owned()],
        datum: "CGCS2000/WGS84".to_owned(),
        height_reference: "EPSG:5709".to_owned(),
        valid_from: Some("1998-01-01T00:00:00Z".to_owned()),
        valid_to: None,
        recorded: "2026-11-22T00:00:00Z".to_owned(),
        content: vec![ContentRef {
            alg: "sha-256".to_owned(),
            digest: format!("{asset:064x}"),
            media_type: "application/wkb".to_owned(),
            size: 1_893,
        }],
        lineage: "EPSG:7415 -> OGC:CRS84 (proj4rs 0.3.0)".to_owned(),
        previous: None,
    }
}

fn records(assets: std::ops::Range<u64>, sequence: u64) -> Vec<AssetRecord> {
    assets.map(|asset| record(asset, sequence)).collect()
}

/// RFC 6962, 2.1, straight from its definition: nothing of the ledger or its library.
fn merkle_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Sha256::new()
                .chain_update([1])
                .chain_update(merkle_root(left))
                .chain_update(merkle_root(right))
                .finalize()
                .into()
        }
    }
}

/// All leaves in the entry bundles, read by the letter of c2sp.org/tlog-tiles.
fn stored_leaves(log: &Path, size: usize) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    for number in 0..size.div_ceil(256) {
        let width = (size - number * 256).min(256);
        let suffix = if width == 256 { String::new() } else { format!(".p/{width}") };
        let bytes = std::fs::read(log.join(format!("tile/entries/{number:03}{suffix}"))).unwrap();
        let mut rest = bytes.as_slice();
        while let [high, low, after @ ..] = rest {
            let (leaf, after) = after.split_at(usize::from(*high) * 256 + usize::from(*low));
            leaves.push(leaf.to_vec());
            rest = after;
        }
    }
    leaves
}
