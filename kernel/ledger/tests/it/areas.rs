//! Areas of a real log: proven, kept, made anew, and a log that lies convicted.

use std::fs;

use kernel_ledger::area::{Fraud, Query, Shows, contradiction, verify_area};
use kernel_ledger::{Areas, Error, KeyRing, Ledger, Which, audit, verify};
use kernel_model::{AssetRecord, Operation};
use proptest::prelude::*;

use super::{Home, ORIGIN, record};

/// A thing at a place of a row along a parallel, about two metres apart.
pub(crate) fn at(asset: u64, sequence: u64, column: u64) -> AssetRecord {
    let place = coding_system::Position::new_2d(116.0 + column as f64 / 40_000.0, 40.0).unwrap();
    let cell = coding_system::geosot::Cell::of(&place, 26).unwrap();
    AssetRecord { cells: vec![cell.dashed().as_str().to_owned()], ..record(asset, sequence) }
}

/// The first columns of the row, up to the middle between two.
fn columns(count: u64) -> Query {
    Query::of_box([115.9, 39.9, 116.0 + (count as f64 - 0.5) / 40_000.0, 40.1]).unwrap()
}

fn ring(home: &Home) -> KeyRing {
    KeyRing::parse(&home.vkey()).unwrap()
}

fn public(home: &Home) -> std::path::PathBuf {
    home.0.path().join("log.pub")
}

#[test]
fn an_area_is_proven_as_of_the_log_and_follows_it() {
    let home = Home::new();
    let mut ledger = home.open();
    let (mut areas, opened) = Areas::open(ledger.tip()).unwrap();
    assert_eq!((opened.assets, areas.size()), (0, 0));
    ledger.append(&(0..100).map(|n| at(n, 1, n)).collect::<Vec<_>>()).unwrap();
    areas.follow(&ledger.tip()).unwrap();
    let proven = verify_area(&areas.prove(&columns(10), Shows::Assets).unwrap(), &ring(&home)).unwrap();
    assert_eq!((proven.map.log_size, proven.map.log_root, proven.present().count()), (100, ledger.root(), 10));
    let counted = verify_area(&areas.prove(&columns(10), Shows::Count).unwrap(), &ring(&home)).unwrap();
    assert_eq!((counted.inside.total() + counted.across.total(), counted.assets.len()), (10, 0));
    // One goes, one comes from elsewhere.
    let retire = AssetRecord { operation: Operation::Retire, ..at(3, 2, 3) };
    ledger.append(&[retire, AssetRecord { operation: Operation::Update, ..at(50, 2, 4) }]).unwrap();
    areas.follow(&ledger.tip()).unwrap();
    let proven = verify_area(&areas.prove(&columns(10), Shows::Assets).unwrap(), &ring(&home)).unwrap();
    let present: Vec<_> = proven.present().map(|asset| asset.asset.clone()).collect();
    assert_eq!(present.len(), 10);
    assert!(present.contains(&record(50, 1).asset) && !present.contains(&record(3, 1).asset));
    // Where it was it is marked as gone.
    let gone = verify_area(&areas.prove(&columns(100), Shows::Assets).unwrap(), &ring(&home)).unwrap();
    assert_eq!((gone.assets.len(), gone.present().count()), (100, 99));
    assert!(audit(&home.log(), &public(&home)).unwrap().problems.is_empty());
}

#[test]
fn the_same_leaves_give_the_same_map_whatever_is_on_disk() {
    let home = Home::new();
    let mut ledger = home.open();
    let (mut areas, _) = Areas::open(ledger.tip()).unwrap();
    for call in 0..6 {
        ledger.append(&(0..40).map(|n| at(n, call, n + call)).collect::<Vec<_>>()).unwrap();
        areas.follow(&ledger.tip()).unwrap();
        if call == 3 {
            areas.keep().unwrap();
        }
    }
    let root = areas.root().unwrap().clone();
    drop(areas);
    let state = home.log().join("areas/state");
    let right = fs::read(&state).unwrap();
    let opened = |kept| {
        let (areas, opened) = Areas::open(ledger.tip()).unwrap();
        assert_eq!((areas.root().unwrap(), opened.kept), (&root, kept));
    };
    opened(160);
    for bit in (0..right.len() * 8).step_by(right.len() / 8 + 1) {
        let mut turned = right.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        fs::write(&state, turned).unwrap();
        opened(0);
        let told = audit(&home.log(), &public(&home)).unwrap().problems;
        assert!(told.len() == 1 && told[0].contains("areas/state"), "{told:?}");
    }
    fs::remove_file(&state).unwrap();
    opened(0);
    // What was not signed before the machine stopped is signed at the next start.
    ledger.append(&[at(200, 9, 7)]).unwrap();
    let (areas, _) = Areas::open(ledger.tip()).unwrap();
    assert_eq!(areas.root().unwrap().log_size, 241);
}

#[test]
fn a_map_that_is_not_the_leaves_is_refused_and_told_of() {
    let (home, other) = (Home::new(), Home::new());
    let mut ledger = home.open();
    ledger.append(&(0..20).map(|n| at(n, 1, n)).collect::<Vec<_>>()).unwrap();
    drop(Areas::open(ledger.tip()).unwrap());
    drop(ledger);
    // Another log of the same key, whose leaves say something else.
    fs::create_dir_all(other.log()).unwrap();
    fs::copy(home.log().join("log.key"), other.log().join("log.key")).unwrap();
    let mut twin = other.open();
    twin.append(&(0..20).map(|n| at(n, 1, n + 1)).collect::<Vec<_>>()).unwrap();
    super::crash::copy(&home.log().join("areas"), &other.log().join("areas"));
    let refused = Areas::open(twin.tip()).err().unwrap();
    assert!(matches!(refused, Error::MapDiffers { log_size: 20, .. }), "{refused}");
    let told = audit(&other.log(), &public(&other)).unwrap().problems;
    assert!(told.iter().any(|problem| problem.contains("the map's root is")), "{told:?}");
    // A log that is shorter than what was signed of it.
    let short = Home::new();
    fs::create_dir_all(short.log()).unwrap();
    fs::copy(home.log().join("log.key"), short.log().join("log.key")).unwrap();
    let log = short.open();
    super::crash::copy(&home.log().join("areas"), &short.log().join("areas"));
    assert!(matches!(Areas::open(log.tip()), Err(Error::MapDiffers { log_size: 20, .. })));
}

/// The proof of a log that signed a map without the asset, and the receipt that it gave before.
fn liar(hidden: u64) -> (String, Vec<u8>, String) {
    let (honest, liar) = (Home::new(), Home::new());
    let mut ledger = honest.open();
    ledger.append(&(0..20).map(|n| at(n, 1, n)).collect::<Vec<_>>()).unwrap();
    let receipt = ledger.receipt(&record(hidden, 1).asset, Which::Latest).unwrap().to_string();
    drop(ledger);
    fs::create_dir_all(liar.log()).unwrap();
    fs::copy(honest.log().join("log.key"), liar.log().join("log.key")).unwrap();
    let (mut ledger, _) = Ledger::open(&liar.log(), &public(&liar), ORIGIN).unwrap();
    let elsewhere = |n| if n == hidden { 5_000 } else { n };
    ledger.append(&(0..20).map(|n| at(n, 1, elsewhere(n))).collect::<Vec<_>>()).unwrap();
    let (mut areas, _) = Areas::open(ledger.tip()).unwrap();
    (receipt, areas.prove(&columns(20), Shows::Assets).unwrap(), honest.vkey())
}

#[test]
fn a_receipt_and_an_area_proof_convict_a_log_that_hides_an_asset() {
    let (receipt, proof, key) = liar(7);
    let receipt = verify(&receipt, &key).unwrap();
    let area = verify_area(&proof, &KeyRing::parse(&key).unwrap()).unwrap();
    assert_eq!(area.assets.len(), 19);
    let fraud = contradiction(&receipt, &area);
    assert!(matches!(&fraud, Err(Fraud::Missing { index: 7, log_size: 20, .. })), "{fraud:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// No receipt of an honest log, of whatever leaf, contradicts any of its area proofs, whatever became of the asset.
    #[test]
    fn an_honest_log_is_never_convicted(moves in prop::collection::vec((0_u64..12, 0_u64..12, 0_u8..5), 1..30), shown in 1_u64..13) {
        let home = Home::new();
        let mut ledger = home.open();
        let (mut areas, _) = Areas::open(ledger.tip()).unwrap();
        for (n, (asset, column, deed)) in moves.iter().enumerate() {
            let operation = if *deed == 0 { Operation::Retire } else { Operation::Update };
            ledger.append(&[AssetRecord { operation, ..at(*asset, n as u64, *column) }]).unwrap();
            if n % 7 == 0 {
                areas.follow(&ledger.tip()).unwrap();
            }
        }
        let early = areas.prove(&columns(shown), Shows::Assets);
        areas.follow(&ledger.tip()).unwrap();
        let late = areas.prove(&columns(shown), Shows::Assets);
        for proof in early.into_iter().chain(late) {
            let area = verify_area(&proof, &ring(&home)).unwrap();
            for leaf in 0..ledger.size() {
                let receipt = verify(&ledger.receipt_of_leaf(leaf).unwrap().to_string(), &home.vkey()).unwrap();
                prop_assert_eq!(contradiction(&receipt, &area), Ok(()));
            }
        }
    }
}
