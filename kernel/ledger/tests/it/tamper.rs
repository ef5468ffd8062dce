//! Receipts that somebody changed, forged or mixed up: each is refused, and the refusal says why.

use kernel_ledger::{Receipt, VerifyError, Which, verify};
use proptest::prelude::*;

use super::{Home, record, records};

/// A log of 300 leaves and the receipt of leaf 77.
fn sample() -> (Home, Receipt) {
    let home = Home::new();
    let mut ledger = home.open();
    ledger.append(&records(0..300, 1)).unwrap();
    let receipt = ledger.receipt(&record(77, 1).asset, Which::Latest).unwrap();
    (home, receipt)
}

#[test]
fn each_part_that_is_changed_is_named() {
    let (home, honest) = sample();
    let vkey = home.vkey();
    let refused = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = honest.clone();
        change(&mut receipt);
        verify(&receipt.to_string(), &vkey).unwrap_err()
    };
    assert_eq!(refused(&|r| r.leaf[40] ^= 1), VerifyError::Altered);
    assert_eq!(refused(&|r| r.index = 78), VerifyError::Altered);
    assert_eq!(refused(&|r| r.index = 300), VerifyError::Index { index: 300, size: 300 });
    assert_eq!(refused(&|r| r.proof[4][0] ^= 1), VerifyError::Altered);
    let short = refused(&|r| r.proof.truncate(8));
    assert_eq!(short, VerifyError::ProofTooShort { found: 8, wanted: 9, index: 77, size: 300 });
    assert!(matches!(refused(&|r| r.proof.push([0; 32])), VerifyError::ProofTooLong { found: 10, wanted: 9, .. }));
    assert_eq!(refused(&|r| r.checkpoint = r.checkpoint.replace("\n300\n", "\n301\n")), VerifyError::Signature);
    let renamed =
        refused(&|r| r.checkpoint = r.checkpoint.replace("example.org/assets\n300", "example.com/assets\n300"));
    assert!(matches!(renamed, VerifyError::Origin { found, .. } if found == "urbis.example.com/assets"));
    assert!(matches!(refused(&|r| r.checkpoint.clear()), VerifyError::Checkpoint(_)));
}

#[test]
fn another_logs_key_is_refused() {
    let (home, honest) = sample();
    // The same name, another key: somebody else's log that calls itself ours.
    let (other, _) = sample();
    let error = verify(&honest.to_string(), &other.vkey()).unwrap_err();
    assert!(matches!(error, VerifyError::WrongKey { .. }), "{error}");
    assert!(matches!(verify(&honest.to_string(), "nonsense"), Err(VerifyError::Key(_))));
    let damaged = home.vkey().replacen('+', "+0", 1);
    assert!(matches!(verify(&honest.to_string(), &damaged), Err(VerifyError::Key(_))));
}

#[test]
fn a_forged_signature_with_the_right_key_id_is_refused() {
    let (home, honest) = sample();
    let (_, forged) = sample();
    // The forger's note, its signature line dressed with the honest key's id.
    let id_and_rest = |note: &str| note.rsplit(' ').next().unwrap().trim().to_owned();
    let (mine, theirs) = (id_and_rest(&honest.checkpoint), id_and_rest(&forged.checkpoint));
    let mut dressed = forged.clone();
    dressed.checkpoint = forged.checkpoint.replace(&theirs, &format!("{}{}", &mine[..5], &theirs[5..]));
    let error = verify(&dressed.to_string(), &home.vkey()).unwrap_err();
    assert!(matches!(error, VerifyError::Signature | VerifyError::WrongKey { .. }), "{error}");
}

#[test]
fn an_extra_cosignature_does_no_harm() {
    let (home, mut receipt) = sample();
    receipt.checkpoint.push_str("— witness.example.org AAAAAAECAwQFBgc=\n");
    assert_eq!(verify(&receipt.to_string(), &home.vkey()).unwrap().index, 77);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every byte of a receipt matters: flip any of its bits, cut it anywhere, double any of it, and it is refused.
    #[test]
    fn no_changed_receipt_verifies(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        thread_local!(static SAMPLE: (String, String) = {
            let (home, receipt) = sample();
            (receipt.to_string(), home.vkey())
        });
        SAMPLE.with(|(honest, vkey)| {
            let at = place.index(honest.len());
            let mut bytes = honest.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(verify(&text, vkey).is_err(), "bit {} of byte {} is not covered", bit, at);
            }
            let cut = String::from_utf8_lossy(&honest.as_bytes()[..at]).into_owned();
            prop_assert!(verify(&cut, vkey).is_err());
            let doubled = [&honest.as_bytes()[..at], &honest.as_bytes()[at / 2..]].concat();
            let doubled = String::from_utf8_lossy(&doubled).into_owned();
            prop_assert!(doubled == *honest || verify(&doubled, vkey).is_err());
            Ok(())
        })?;
    }

    /// Nothing that is fed to the verifier makes it panic.
    #[test]
    fn any_text_gets_an_answer(text in "(?s).{0,400}", key in ".{0,80}") {
        prop_assert!(verify(&text, &key).is_err());
        let dressed = format!("c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\n{text}");
        prop_assert!(verify(&dressed, &key).is_err());
    }
}
