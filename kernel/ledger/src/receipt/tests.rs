use std::path::{Path, PathBuf};

use serde::Deserialize;
use tlog_tiles::Hash;

use super::*;
use crate::check_consistency;

/// A case of transparency-dev/merkle's test data (Apache-2.0).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    case: String,
    leaf_hash: Option<String>,
    leaf_idx: u64,
    proof: Option<Vec<String>>,
    root: Option<String>,
    tree_size: u64,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    case: String,
    proof: Option<Vec<String>>,
    root1: Option<String>,
    root2: Option<String>,
    size1: u64,
    size2: u64,
    want_err: bool,
}

fn vectors(name: &str) -> Option<String> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("URBIS_SHARED").map_or_else(beside, PathBuf::from);
    let path = shared.join("standards/vectors").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(e) if std::env::var_os("CI").is_some() => panic!("{}: {e}", path.display()),
        Err(_) => {
            println!("left out: {name} needs ../shared");
            None
        }
    }
}

fn hash(text: Option<&String>) -> Option<Hash> {
    Hash::parse_hash(text?).ok()
}

fn hashes(texts: Option<&Vec<String>>) -> Option<Vec<Hash>> {
    texts.map_or(Some(Vec::new()), |texts| texts.iter().map(|text| hash(Some(text))).collect())
}

/// A hash that is not 32 bytes long is refused when it is read, which counts as the refusal that the case wants.
#[test]
fn inclusion_proofs_agree_with_the_vectors() {
    let Some(text) = vectors("merkle_inclusion.jsonl") else { return };
    let mut accepted = 0;
    for line in text.lines() {
        let case: Inclusion = serde_json::from_str(line).unwrap();
        let parts = (hashes(case.proof.as_ref()), hash(case.root.as_ref()), hash(case.leaf_hash.as_ref()));
        let holds = matches!(parts, (Some(proof), Some(root), Some(leaf))
            if check_inclusion(&proof, case.tree_size, root, case.leaf_idx, leaf).is_ok());
        assert_eq!(holds, !case.want_err, "{}", case.case);
        accepted += usize::from(holds);
    }
    assert!(text.lines().count() == 98 && accepted > 5, "{accepted} accepted");
}

/// Roots of any length: of one size they only have to be the same.
#[test]
fn consistency_proofs_agree_with_the_vectors() {
    let Some(text) = vectors("merkle_consistency.jsonl") else { return };
    let root = |text: Option<&String>| text.map_or(Some(Vec::new()), |text| BASE64_STANDARD.decode(text).ok());
    let mut accepted = 0;
    for line in text.lines() {
        let case: Consistency = serde_json::from_str(line).unwrap();
        let proof = hashes(case.proof.as_ref()).map(|proof| proof.iter().map(|hash| hash.0).collect::<Vec<_>>());
        let parts = (proof, root(case.root1.as_ref()), root(case.root2.as_ref()));
        let holds = matches!(parts, (Some(proof), Some(root1), Some(root2))
            if check_consistency((case.size1, &root1), (case.size2, &root2), &proof).is_ok());
        assert_eq!(holds, !case.want_err, "{}", case.case);
        accepted += usize::from(holds);
    }
    assert!(text.lines().count() == 98 && accepted > 3, "{accepted} accepted");
}

#[test]
fn the_length_of_a_proof_follows_from_index_and_size() {
    for (index, size, wanted) in [(0, 1, 0), (0, 2, 1), (6, 7, 2), (4, 7, 3), (0, 7, 3), (255, 256, 8), (256, 257, 1)] {
        assert_eq!(proof_length(index, size), wanted, "leaf {index} of {size}");
    }
    assert_eq!(proof_length(u64::MAX - 1, u64::MAX), 63, "the widest tree does not overflow");
}

#[test]
fn a_receipt_prints_and_parses_back() {
    let receipt = Receipt {
        leaf: b"{}".to_vec(),
        index: 3,
        proof: vec![[7; 32], [8; 32]],
        checkpoint: "a\n4\nx\n\nsignature\n".to_owned(),
    };
    let text = receipt.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra e30=\nindex 3\nBwcH"));
    assert_eq!(text.parse(), Ok(receipt));
}

#[test]
fn what_is_no_receipt_is_refused_by_its_line() {
    let line = |text: &str| match text.parse::<Receipt>() {
        Err(VerifyError::Format { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(""), 1);
    assert_eq!(line("c2sp.org/tlog-proof@v2\n\n"), 1);
    assert_eq!(line("c2sp.org/tlog-proof@v1\nindex 0\n\n"), 2);
    assert_eq!(line("c2sp.org/tlog-proof@v1\nextra e30=\nindex 01\n\n"), 3);
    assert_eq!(line("c2sp.org/tlog-proof@v1\nextra e30=\nindex 1\nshort\n\n"), 4);
    let long = "A".repeat(MAX_RECEIPT_BYTES + 1);
    assert_eq!(long.parse::<Receipt>(), Err(VerifyError::TooLong(long.len())));
}
