//! A log that is too large to be reread at every opening: only its right edge is read, its index is on disk, and what is
//! damaged is found when it is read.

use std::fs;
use std::ops::Range;

use kernel_ledger::{Error, Ledger, Opened, Options, Which, check, verify};
use kernel_model::AssetRecord;

use super::crash::copy;
use super::{Home, ORIGIN, record, records};

/// As if every log were large.
fn open(home: &Home) -> Result<(Ledger, Opened), Error> {
    Ledger::open_with(
        &home.log(),
        &home.0.path().join("log.pub"),
        ORIGIN,
        Options { reread_upto: 0, index_in_memory: 512 },
    )
}

/// Leaves as fast as they come.
fn grow(ledger: &mut Ledger, assets: Range<u64>, sequence: u64) {
    let all: Vec<AssetRecord> = records(assets, sequence);
    all.chunks(200).for_each(|group| {
        ledger.append(group).unwrap();
    });
}

#[test]
fn it_opens_on_its_right_edge_and_goes_on() {
    let home = Home::new();
    for (n, count) in [1, 255, 256, 257, 300, 1_500, 700].into_iter().enumerate() {
        let (mut ledger, opened) = open(&home).unwrap();
        assert_eq!(opened.repaired.len() + opened.cut.len(), 0);
        let size = ledger.size();
        ledger.append(&records(size..size + count, n as u64)).unwrap();
        assert_eq!(ledger.last_sequence(), n as u64);
    }
    let (ledger, _) = open(&home).unwrap();
    assert_eq!((ledger.size(), ledger.asset_count(), ledger.last_sequence()), (3_269, 3_269, 6));
    assert_eq!(ledger.records_with_sequence(3).unwrap().len(), 257);
    for index in [0, 1, 255, 256, 511, 512, 3_268] {
        let sequence = ledger.entries(index..index + 1).next().unwrap().unwrap().leaf.sequence();
        let receipt = ledger.receipt(&record(index, sequence).asset, Which::Latest).unwrap().to_string();
        assert_eq!(verify(&receipt, &home.vkey()).unwrap().index, index);
    }
    drop(ledger);
    assert!(check(&home.log(), &home.vkey()).unwrap().is_sound());
}

#[test]
fn assets_are_found_in_merged_files_and_in_memory() {
    let home = Home::new();
    let (mut ledger, _) = open(&home).unwrap();
    // Every asset twice, far apart, so that its leaves are in different files.
    grow(&mut ledger, 0..3_000, 1);
    grow(&mut ledger, 0..3_000, 2);
    let files = fs::read_dir(home.log().join("index")).unwrap().count();
    assert!((1..=5).contains(&files), "{files}");
    let check_all = |ledger: &Ledger| {
        assert_eq!(ledger.asset_count(), 3_000);
        for asset in (0..3_000).step_by(97) {
            assert_eq!(ledger.leaves_of_asset(&record(asset, 1).asset).unwrap(), [asset, 3_000 + asset]);
        }
        assert!(ledger.leaves_of_asset("nobody").unwrap().is_empty());
    };
    check_all(&ledger);
    drop(ledger);
    check_all(&open(&home).unwrap().0);
    // Without its files, or with those of another log, the index is made anew.
    fs::remove_dir_all(home.log().join("index")).unwrap();
    check_all(&open(&home).unwrap().0);
}

#[test]
fn a_turned_bit_is_found_where_it_is_read() {
    let home = Home::new();
    let (mut ledger, _) = open(&home).unwrap();
    grow(&mut ledger, 0..1_000, 1);
    drop(ledger);
    let index = fs::read_dir(home.log().join("index")).unwrap().next().unwrap().unwrap().path();
    let index = index.strip_prefix(home.log()).unwrap().to_owned();
    for (n, file) in ["tile/0/000", "tile/entries/000", index.to_str().unwrap()].into_iter().enumerate() {
        let damaged = Home::new();
        copy(home.0.path(), damaged.0.path());
        let path = damaged.log().join(file);
        let mut bytes = fs::read(&path).unwrap();
        // Of the index every block.
        let step = if file.starts_with("index") { 4_096 } else { usize::MAX };
        for at in (1_000 + n..bytes.len()).step_by(step) {
            bytes[at] ^= 4;
        }
        fs::write(&path, bytes).unwrap();
        match open(&damaged) {
            Ok((ledger, _)) => {
                let receipt = ledger.receipt(&record(31, 1).asset, Which::Latest);
                let told =
                    receipt.map(|_| ()).and_then(|()| ledger.entries(0..256).try_for_each(|entry| entry.map(drop)));
                let told = told.and_then(|()| ledger.newest_leaf_hash(&record(31, 1).asset).map(drop));
                let told = told.expect_err(file).to_string();
                assert!(told.contains("restore") || told.contains("made anew"), "{file}: {told}");
            }
            Err(error) => panic!("{file}: {error}"),
        }
        let report = check(&damaged.log(), &home.vkey()).unwrap();
        assert_eq!(report.is_sound(), file.starts_with("index"), "{file}");
    }
    // On the right edge nothing is believed: what is wrong there is reread and mended.
    let edge = Home::new();
    copy(home.0.path(), edge.0.path());
    let path = edge.log().join("tile/0/003.p/232");
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (_, opened) = open(&edge).unwrap();
    assert_eq!(opened.repaired, [std::path::PathBuf::from("tile/0/003.p/232")]);
}
