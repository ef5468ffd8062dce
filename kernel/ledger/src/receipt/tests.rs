use std::path::{Path, PathBuf};

use serde::Deserialize;
use tlog_tiles::{Hash, check_tree};

use super::*;

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

/// The tree library's consistency proofs, which a witness or an anchor asks for.
#[test]
fn consistency_proofs_agree_with_the_vectors() {
    let Some(text) = vectors("merkle_consistency.jsonl") else { return };
    let (mut accepted, mut left_out) = (0, Vec::new());
    for line in text.lines() {
        let case: Consistency = serde_json::from_str(line).unwrap();
        let parts = (hashes(case.proof.as_ref()), hash(case.root1.as_ref()), hash(case.root2.as_ref()));
        let holds = matches!(parts, (Some(proof), Some(root1), Some(root2))
            if check_tree(&proof, case.size2, root2, case.size1, root1).is_ok());
        if !case.want_err && hash(case.root1.as_ref()).is_none() {
            left_out.push(case.case);
            continue;
        }
        assert_eq!(holds, !case.want_err, "{}", case.case);
        accepted += usize::from(holds);
    }
    assert!(text.lines().count() == 98 && accepted > 3, "{accepted} accepted");
    // Its roots are twelve bytes long and no SHA-256 hash type can hold them.
    assert_eq!(left_out, ["consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"]);
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
