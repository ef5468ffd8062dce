//! A log grows, is closed and opened, and proves every leaf at every size.

use kernel_ledger::{Error, Which, backup, check, verify};
use kernel_model::{AssetRecord, Operation};
use proptest::prelude::*;

use super::{Home, ORIGIN, merkle_root, record, records, stored_leaves};

#[test]
fn the_root_is_the_one_computed_from_the_definition() {
    let home = Home::new();
    let mut ledger = home.open();
    assert_eq!(ledger.root(), merkle_root(&[]));
    let mut assets = 0;
    for (sequence, count) in [1, 1, 2, 3, 120, 129, 1, 255, 512, 1, 1_024].into_iter().enumerate() {
        let range = ledger.append(&records(assets..assets + count, sequence as u64)).unwrap();
        assets += count;
        assert_eq!(range, assets - count..assets);
        let leaves = stored_leaves(&home.log(), assets as usize);
        assert_eq!(leaves.len(), assets as usize);
        assert_eq!(ledger.root(), merkle_root(&leaves), "{assets} leaves");
    }
    let report = check(&home.log(), &home.vkey()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.size, report.asset_count, report.last_sequence, report.beyond_count), (2_049, 2_049, 10, 0));
}

#[test]
fn every_leaf_has_a_receipt_that_verifies_without_the_log() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..300, 1)).unwrap();
    ledger.append(&records(300..301, 2)).unwrap();
    for index in [0, 1, 127, 255, 256, 299, 300] {
        let wanted = record(index, if index == 300 { 2 } else { 1 });
        let receipt = ledger.receipt(&wanted.asset, Which::Latest).unwrap();
        let verified = verify(&receipt.to_string(), &home.vkey()).unwrap();
        assert_eq!((verified.index, verified.log_size, verified.origin.as_str()), (index, 301, ORIGIN));
        assert_eq!(verified.leaf.record(), Some(&wanted));
        assert_eq!(verified.root_hash, hex::encode(ledger.root()));
    }
    assert!(matches!(ledger.receipt("nobody", Which::Latest), Err(Error::NoAsset(_))));
    let other = record(3, 1).asset;
    assert!(ledger.receipt(&other, Which::Leaf(4)).unwrap_err().to_string().ends_with("its leaves are 3"));
}

#[test]
fn an_assets_leaves_are_chained_and_survive_reopening() {
    let home = Home::new();
    let first = record(7, 1);
    let update = AssetRecord { operation: Operation::Update, ..record(7, 2) };
    let retire = AssetRecord { operation: Operation::Retire, ..record(7, 3) };
    {
        let mut ledger = home.open();
        // Two revisions in one call: the second one follows the first.
        ledger.append(&[first.clone(), update]).unwrap();
    }
    let (mut ledger, opened) = home.try_open().unwrap();
    assert_eq!((opened.created, opened.size, opened.cut.len(), opened.repaired.len()), (false, 2, 0, 0));
    assert_eq!(ledger.last_sequence(), 2);
    ledger.append(&[retire]).unwrap();
    assert_eq!(ledger.leaves_of_asset(&first.asset).unwrap(), [0, 1, 2]);
    let entries: Vec<_> = ledger.entries(0..ledger.size()).map(Result::unwrap).collect();
    assert_eq!(entries[0].leaf.previous(), None);
    for pair in entries.windows(2) {
        assert_eq!(pair[1].leaf.previous(), Some(hex::encode(pair[0].leaf_hash).as_str()));
    }
    let old = verify(&ledger.receipt(&first.asset, Which::Leaf(1)).unwrap().to_string(), &home.vkey()).unwrap();
    assert_eq!((old.index, old.leaf.operation()), (1, Operation::Update));
}

#[test]
fn entries_after_a_leaf_are_read_from_there() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..600, 5)).unwrap();
    let indices: Vec<_> = ledger.entries(550..ledger.size()).map(|entry| entry.unwrap().index).collect();
    assert_eq!(indices, (550..600).collect::<Vec<_>>());
    // An earlier bundle is not touched.
    std::fs::write(home.log().join("tile/entries/000"), "spoilt").unwrap();
    assert_eq!(ledger.entries(550..9_999).filter_map(Result::ok).count(), 50);
    // One that is wanted and spoilt is an error, once.
    assert_eq!(ledger.entries(0..600).map(|entry| entry.is_err()).collect::<Vec<_>>(), [true]);
}

#[test]
fn the_caller_can_catch_up_exactly_once() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..3, 8)).unwrap();
    // Sequence 9 has five records and the machine stops after a call with two of them.
    let nine = records(3..8, 9);
    ledger.append(&nine[..2]).unwrap();
    drop(ledger);
    let mut ledger = home.open();
    assert_eq!(ledger.last_sequence(), 9);
    let done = ledger.records_with_sequence(9).unwrap();
    assert_eq!(done, [nine[0].asset.clone(), nine[1].asset.clone()]);
    ledger.append(&nine[done.len()..]).unwrap();
    assert_eq!((ledger.size(), ledger.records_with_sequence(9).unwrap().len()), (8, 5));
    assert!(ledger.records_with_sequence(10).unwrap().is_empty());
}

#[test]
fn a_call_with_one_bad_record_appends_nothing() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..2, 5)).unwrap();
    let root = ledger.root();
    let old = [record(2, 6), record(3, 5)];
    assert!(matches!(ledger.append(&old), Err(Error::OutOfOrder { position: 1, sequence: 5, last: 6 })));
    let long = [record(2, 6), AssetRecord { lineage: "x".repeat(70_000), ..record(3, 6) }];
    assert!(matches!(ledger.append(&long), Err(Error::Record { position: 1, .. })));
    assert_eq!((ledger.size(), ledger.root()), (2, root));
    ledger.append(&records(2..3, 6)).unwrap();
    assert!(check(&home.log(), &home.vkey()).unwrap().is_sound());
}

#[test]
fn the_log_has_one_writer_one_key_and_one_name() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let ledger = home.open();
    assert!(matches!(home.try_open(), Err(Error::Locked(_))));
    let mode = std::fs::metadata(home.log().join("log.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(ledger.public_key(), home.vkey().trim());
    drop(ledger);
    let public = home.0.path().join("log.pub");
    let other = kernel_ledger::Ledger::open(&home.log(), &public, "other.example.org");
    assert!(matches!(other, Err(Error::Key { .. })));
    assert!(matches!(kernel_ledger::Ledger::open(&home.log(), &public, "a b"), Err(Error::Origin(_))));
    std::fs::write(&public, "urbis.example.org/assets+00000000+AAAA\n").unwrap();
    assert!(matches!(home.try_open(), Err(Error::PublicKeyDiffers(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However the records come in, the tree is the same, and any leaf of it can be proven.
    #[test]
    fn the_tree_does_not_depend_on_the_calls(sizes in prop::collection::vec(1_u64..400, 1..6), pick in any::<prop::sample::Index>()) {
        let (split, whole) = (Home::new(), Home::new());
        let total: u64 = sizes.iter().sum();
        let mut ledger = split.open();
        let mut next = 0;
        for size in &sizes {
            ledger.append(&records(next..next + size, 1)).unwrap();
            next += size;
        }
        let mut one = whole.open();
        one.append(&records(0..total, 1)).unwrap();
        prop_assert_eq!(ledger.root(), one.root());
        prop_assert_eq!(ledger.root(), merkle_root(&stored_leaves(&split.log(), total as usize)));
        let asset = record(pick.index(total as usize) as u64, 1).asset;
        let receipt = ledger.receipt(&asset, Which::Latest).unwrap().to_string();
        let proven = verify(&receipt, &split.vkey()).unwrap();
        prop_assert_eq!(proven.leaf.asset(), asset);
    }
}

#[test]
fn a_copy_beside_the_writer_is_a_log_that_goes_on() {
    let home = Home::new();
    let mut ledger = home.open();
    let copy = Home::new();
    for n in 0..40 {
        ledger.append(&records(n * 37..n * 37 + 37, n + 1)).unwrap();
        if n % 3 == 0 {
            backup(&home.log(), &copy.log()).unwrap();
            let (twin, opened) = copy.try_open().unwrap();
            assert_eq!((twin.size(), twin.root()), (ledger.size(), ledger.root()));
            assert!(opened.cut.is_empty() && opened.repaired.is_empty(), "{opened:?}");
        }
    }
    let again = backup(&home.log(), &copy.log()).unwrap();
    assert!(again <= 6, "{again} files for one append");
}
