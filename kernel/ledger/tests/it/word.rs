//! What holds a log to its word: consistency proofs, keys that give way to others, witnesses.

use kernel_ledger::{
    Areas, Cosigner, Error, KeyRing, Ledger, VerifyError, Which, Witness, WitnessError, WitnessState, check,
    check_consistency, check_witnesses, verify, witness_request,
};

use super::{Home, ORIGIN, merkle_root, record, records, stored_leaves};

#[test]
fn every_size_is_shown_to_begin_with_every_smaller_one() {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..700, 1)).unwrap();
    let leaves = stored_leaves(&home.log(), 700);
    let sizes = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 699, 700];
    for old in sizes {
        let old_root = merkle_root(&leaves[..old]);
        assert_eq!(ledger.root_at(old as u64).unwrap(), old_root, "{old}");
        for new in sizes.into_iter().filter(|new| *new >= old) {
            let new_root = merkle_root(&leaves[..new]);
            let (old, new) = (old as u64, new as u64);
            let proof = ledger.consistency(old, new).unwrap();
            if old == 0 {
                assert!(proof.is_empty());
                continue;
            }
            check_consistency((old, &old_root), (new, &new_root), &proof).unwrap();
            if old < new {
                assert!(check_consistency((old, &[1; 32]), (new, &new_root), &proof).is_err());
                assert!(check_consistency((old, &old_root), (new, &[1; 32]), &proof).is_err());
            }
        }
    }
    assert!(matches!(ledger.consistency(5, 701), Err(Error::NoSuchLeaf { .. })));
}

#[test]
fn a_key_gives_way_to_another_and_signs_nothing_afterwards() {
    let home = Home::new();
    let public = home.0.path().join("log.pub");
    let mut ledger = home.open();
    ledger.append(&records(0..10, 1)).unwrap();
    let first = home.vkey();
    let old_receipt = ledger.receipt(&record(3, 1).asset, Which::Latest).unwrap().to_string();
    let old_secret = std::fs::read(home.log().join("log.key")).unwrap();
    drop(Areas::open(ledger.tip()).unwrap());
    ledger.rotate_key(&public).unwrap();
    ledger.append(&records(10..20, 2)).unwrap();
    ledger.rotate_key(&public).unwrap();
    ledger.append(&records(20..30, 3)).unwrap();
    drop(Areas::open(ledger.tip()).unwrap());
    let new_receipt = ledger.receipt(&record(25, 3).asset, Which::Latest).unwrap().to_string();
    let newest = home.vkey();
    assert!(newest.starts_with(first.trim()) && newest.lines().count() == 3);
    for receipt in [&old_receipt, &new_receipt] {
        verify(receipt, &newest).unwrap();
    }
    assert!(verify(&old_receipt, &first).is_ok());
    assert!(matches!(verify(&new_receipt, &first), Err(VerifyError::WrongKey { .. })));
    // Reopened, and examined with all keys.
    drop(ledger);
    assert_eq!(home.open().size(), 30);
    assert!(check(&home.log(), &newest).unwrap().is_sound());
    // Who stole the first key goes on with it.
    let thief = Home::new();
    std::fs::create_dir_all(thief.log()).unwrap();
    std::fs::write(thief.log().join("log.key"), old_secret).unwrap();
    let (mut forged, _) = Ledger::open(&thief.log(), &thief.0.path().join("log.pub"), ORIGIN).unwrap();
    forged.append(&records(0..15, 1)).unwrap();
    let forged = forged.receipt(&record(14, 1).asset, Which::Latest).unwrap().to_string();
    assert!(matches!(verify(&forged, &newest), Err(VerifyError::KeyRetired { size: 15, from: 0, until: 10 })));
    // A line that the key before did not sign.
    let lines: Vec<&str> = newest.lines().collect();
    let skipped = format!("{}\n{}\n", lines[0], lines[2]);
    assert!(matches!(KeyRing::parse(&skipped), Err(VerifyError::Rotation { line: 2, .. })));
}

#[test]
fn a_change_of_keys_that_was_cut_short_is_finished_or_forgotten() {
    for step in ["log.key.next alone", "told and not in place"] {
        let home = Home::new();
        let public = home.0.path().join("log.pub");
        let mut ledger = home.open();
        ledger.append(&records(0..3, 1)).unwrap();
        let (old_key, old_pub) = (std::fs::read(home.log().join("log.key")).unwrap(), home.vkey());
        let note = std::fs::read(home.log().join("checkpoint")).unwrap();
        ledger.rotate_key(&public).unwrap();
        drop(ledger);
        // As the disk was before the last steps.
        std::fs::rename(home.log().join("log.key"), home.log().join("log.key.next")).unwrap();
        std::fs::write(home.log().join("log.key"), old_key).unwrap();
        std::fs::write(home.log().join("checkpoint"), note).unwrap();
        if step == "log.key.next alone" {
            std::fs::write(&public, &old_pub).unwrap();
        }
        let mut ledger = home.open();
        ledger.append(&records(3..4, 2)).unwrap();
        verify(&ledger.receipt(&record(3, 2).asset, Which::Latest).unwrap().to_string(), &home.vkey()).unwrap();
        assert!(!home.log().join("log.key.next").exists(), "{step}");
    }
}

fn witness(home: &Home, log: &Home) -> WitnessState {
    let cosigner = Cosigner::new("witness.example", &[5; 32]).unwrap();
    let ring = KeyRing::parse(&log.vkey()).unwrap();
    WitnessState::open(&home.0.path().join("witness.json"), cosigner, [ring]).unwrap()
}

#[test]
fn a_witness_signs_what_follows_and_refuses_a_fork() {
    let (home, seat) = (Home::new(), Home::new());
    let mut ledger = home.open();
    ledger.append(&records(0..10, 1)).unwrap();
    let mut state = witness(&seat, &home);
    let key = Witness::parse(&state.vkey()).unwrap();
    let first = ledger.checkpoint().to_owned();
    let line = state.add_checkpoint(&witness_request(0, &[], &first), 1_700_000_000).unwrap();
    ledger.add_cosignature(&first, &line, &key).unwrap();
    ledger.append(&records(10..400, 2)).unwrap();
    // It forgets nothing when it is started again.
    let mut state = witness(&seat, &home);
    let known = state.add_checkpoint(&witness_request(0, &[], ledger.checkpoint()), 1);
    assert!(matches!(known, Err(WitnessError::Conflict(10))));
    let proof = ledger.consistency(10, 400).unwrap();
    let second = ledger.checkpoint().to_owned();
    let mut wrong = proof.clone();
    wrong[1][0] ^= 1;
    let refused = state.add_checkpoint(&witness_request(10, &wrong, &second), 1);
    assert!(matches!(&refused, Err(error @ WitnessError::Fork(_)) if error.status() == 422), "{refused:?}");
    let line = state.add_checkpoint(&witness_request(10, &proof, &second), 1_700_000_060).unwrap();
    ledger.add_cosignature(&second, &line, &key).unwrap();
    // Receipts under the cosigned checkpoint say so, also when the log has gone on.
    ledger.append(&records(400..401, 3)).unwrap();
    let receipt = ledger.witnessed_receipt(&record(250, 2).asset, Which::Latest).unwrap().to_string();
    assert_eq!(verify(&receipt, &home.vkey()).unwrap().log_size, 400);
    check_witnesses(&receipt, std::slice::from_ref(&key), 1).unwrap();
    let plain = ledger.receipt(&record(250, 2).asset, Which::Latest).unwrap().to_string();
    assert!(matches!(
        check_witnesses(&plain, std::slice::from_ref(&key), 1),
        Err(VerifyError::Witnesses { found: 0, wanted: 1 })
    ));
    assert!(matches!(
        ledger.witnessed_receipt(&record(400, 3).asset, Which::Latest),
        Err(Error::NotWitnessed { index: 400, .. })
    ));
    // A log of the same key with another past.
    let fork = Home::new();
    std::fs::create_dir_all(fork.log()).unwrap();
    std::fs::copy(home.log().join("log.key"), fork.log().join("log.key")).unwrap();
    let mut forked = fork.open();
    forked.append(&records(1_000..1_500, 1)).unwrap();
    let proof = forked.consistency(400, 500).unwrap();
    let refused = state.add_checkpoint(&witness_request(400, &proof, forked.checkpoint()), 1);
    assert!(matches!(refused, Err(WitnessError::Fork(_))));
    // Another's log, and a checkpoint that nobody signed.
    let other = Home::new();
    let mut stranger = witness(&other, &home);
    let unsigned = second.replace("400", "401");
    assert!(matches!(stranger.add_checkpoint(&witness_request(0, &[], &unsigned), 1), Err(WitnessError::Signature(_))));
    let named = second.replace(ORIGIN, "other.example/log");
    assert!(matches!(stranger.add_checkpoint(&witness_request(0, &[], &named), 1), Err(WitnessError::UnknownLog(_))));
    for body in ["", "old x\n\n", "old 5\nshort\n\nnote", "old 18446744073709551616\n\n"] {
        assert!(matches!(stranger.add_checkpoint(body, 1), Err(WitnessError::Format { .. })), "{body}");
    }
}
