//! The life of an asset: what people state of it, who may, and what comes of it.

use kernel_ledger::{
    Areas, Error, Identity, Ledger, RuleError, Which, audit, check, check_revocation, issue, ownership, sign,
    statement, verify, verify_credential,
};
use kernel_model::{AssetEvent, Operation, Right, Statement, TimeUs, Valuation};

use super::{Home, records};

struct City {
    home: Home,
    ledger: Ledger,
    areas: Areas,
}

impl City {
    fn new() -> Self {
        let home = Home::new();
        let mut ledger = home.open();
        ledger.append(&records(0..3, 1)).unwrap();
        let (areas, _) = Areas::open(ledger.tip()).unwrap();
        Self { home, ledger, areas }
    }

    /// States something as the server takes it in.
    fn state(&mut self, by: &Identity, operation: Operation, fill: impl FnOnce(&mut Statement)) -> Result<u64, Error> {
        let mut stated = statement(&asset(), operation, &by.did(), TimeUs::parse("2026-12-01T00:00:00Z").unwrap());
        stated.previous = self.ledger.newest_leaf_hash(&stated.asset)?;
        fill(&mut stated);
        let signature = sign(&stated, by).unwrap();
        self.take(stated, signature)
    }

    fn take(&mut self, statement: Statement, signature: String) -> Result<u64, Error> {
        self.areas.admit(&statement)?;
        let recorded = "2026-12-01T00:00:01Z".to_owned();
        let event = AssetEvent { version: 2, sequence: self.ledger.last_sequence(), recorded, statement, signature };
        let leaves = self.ledger.append_events(&[event])?;
        self.areas.follow(&self.ledger.tip())?;
        Ok(leaves.start)
    }

    fn problems(&self) -> Vec<String> {
        let report = check(&self.home.log(), &self.home.vkey()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
        audit(&self.home.log(), &self.home.0.path().join("log.pub")).unwrap().problems
    }
}

fn asset() -> String {
    super::record(1, 1).asset
}

fn who(n: u8) -> Identity {
    Identity::from_seed(&[n; 32])
}

fn right(kind: &str, holder: &Identity, until: Option<&str>) -> Right {
    Right { kind: kind.to_owned(), holder: holder.did(), until: until.map(str::to_owned), terms: None }
}

#[test]
fn an_asset_is_registered_transferred_kept_valued_graded_and_retired() {
    let (alice, bob, appraiser, keeper) = (who(1), who(2), who(3), who(4));
    let mut city = City::new();
    let first = city.state(&alice, Operation::Register, |s| s.rights = Some(vec![right("use", &bob, None)])).unwrap();
    assert_eq!(first, 3);
    city.state(&alice, Operation::Transfer, |s| s.owner = Some(bob.did())).unwrap();
    assert_eq!(city.areas.view().asset(&asset()).unwrap().rights, [], "rights end with who granted them");
    let rights = vec![right("evaluate", &appraiser, Some("2027-01-01T00:00:00Z"))];
    city.state(&bob, Operation::Update, |s| s.rights = Some(rights)).unwrap();
    city.state(&bob, Operation::Custody, |s| s.custodian = Some(keeper.did())).unwrap();
    let value = Valuation { amount: "120000.50".into(), currency: "CNY".into(), method: "cost".into() };
    city.state(&appraiser, Operation::Evaluate, |s| s.value = Some(value.clone())).unwrap();
    city.state(&bob, Operation::Grade, |s| {
        (s.grade, s.basis) = (Some("important".into()), Some("GB/T 43697-2024, precision".into()));
    })
    .unwrap();
    let state = city.areas.view().asset(&asset()).unwrap().clone();
    assert_eq!((state.owner, state.custodian), (Some(bob.did()), Some(keeper.did())));
    assert_eq!((state.value, state.owner_leaf), (Some((value, appraiser.did())), 4));
    assert_eq!(state.grade.unwrap().0, "important");
    city.state(&bob, Operation::Retire, |_| ()).unwrap();
    assert!(matches!(city.state(&bob, Operation::Update, |_| ()), Err(Error::Rule(RuleError::Retired(_)))));
    assert_eq!(city.problems(), [] as [&str; 0]);
    // A receipt of a statement verifies like every other.
    let receipt = city.ledger.receipt(&asset(), Which::Latest).unwrap().to_string();
    assert_eq!(verify(&receipt, &city.home.vkey()).unwrap().leaf.operation(), Operation::Retire);
}

#[test]
fn who_may_not_is_refused_with_the_reason() {
    let (alice, mallory) = (who(1), who(9));
    let mut city = City::new();
    let refused = city.state(&mallory, Operation::Transfer, |s| s.owner = Some(mallory.did()));
    assert!(matches!(refused, Err(Error::Rule(RuleError::NoOwner(_)))));
    city.state(&alice, Operation::Register, |s| {
        s.rights = Some(vec![right("evaluate", &mallory, Some("2026-01-01T00:00:00Z"))]);
    })
    .unwrap();
    assert!(matches!(city.state(&mallory, Operation::Register, |_| ()), Err(Error::Rule(RuleError::Owned { .. }))));
    let refused = city.state(&mallory, Operation::Transfer, |s| s.owner = Some(mallory.did()));
    assert!(matches!(refused, Err(Error::Rule(RuleError::NotAllowed { .. }))));
    let value = Valuation { amount: "1".into(), currency: "CNY".into(), method: "guess".into() };
    let refused = city.state(&mallory, Operation::Evaluate, |s| s.value = Some(value));
    assert!(matches!(refused, Err(Error::Rule(RuleError::NotAllowed { .. }))), "the right has ended");
    // A statement of an older state, and one whose signature is another's.
    let stale = city.state(&alice, Operation::Custody, |s| {
        s.custodian = Some(mallory.did());
        s.previous = Some("00".repeat(32));
    });
    assert!(matches!(stale, Err(Error::Stale { .. })));
    let mut stated = statement(&asset(), Operation::Transfer, &alice.did(), TimeUs(0));
    stated.previous = city.ledger.newest_leaf_hash(&asset()).unwrap();
    stated.owner = Some(alice.did());
    let signature = sign(&stated, &alice).unwrap();
    stated.owner = Some(mallory.did());
    assert!(matches!(city.take(stated, signature), Err(Error::Event { .. })));
    assert_eq!(city.ledger.size(), 4);
    assert_eq!(city.problems(), [] as [&str; 0]);
}

#[test]
fn a_statement_that_was_smuggled_in_is_found_by_the_audit() {
    let (alice, mallory) = (who(1), who(9));
    let mut city = City::new();
    city.state(&alice, Operation::Register, |_| ()).unwrap();
    // As a dishonest server would: signed, chained, and not Mallory's to say.
    let mut stated = statement(&asset(), Operation::Transfer, &mallory.did(), TimeUs(0));
    stated.previous = city.ledger.newest_leaf_hash(&asset()).unwrap();
    stated.owner = Some(mallory.did());
    let signature = sign(&stated, &mallory).unwrap();
    let event =
        AssetEvent { version: 2, sequence: 1, recorded: "2026-12-01T00:00:01Z".into(), statement: stated, signature };
    city.ledger.append_events(&[event]).unwrap();
    city.areas.follow(&city.ledger.tip()).unwrap();
    assert_eq!(city.areas.view().asset(&asset()).unwrap().owner, Some(alice.did()));
    let problems = city.problems();
    assert!(problems.len() == 1 && problems[0].starts_with("leaf 4: "), "{problems:?}");
}

#[test]
fn a_certificate_holds_until_it_is_revoked() {
    let (alice, bob) = (who(1), who(2));
    let mut city = City::new();
    city.state(&alice, Operation::Register, |_| ()).unwrap();
    let registrar = city.ledger.identity().unwrap();
    let state = city.areas.view().asset(&asset()).unwrap().clone();
    let receipt = city.ledger.receipt_of_leaf(state.owner_leaf).unwrap().to_string();
    let from = TimeUs::parse("2026-12-01T00:00:00Z").unwrap();
    let unsigned = ownership("urn:urbis:1", &registrar.did(), &asset(), &state, &receipt, from).unwrap();
    let certificate =
        issue(unsigned.clone(), &registrar, &registrar.verification_method(), "2026-12-01T00:00:00Z").unwrap();
    let now = TimeUs::parse("2026-12-02T00:00:00Z").unwrap();
    let held = verify_credential(&certificate.to_string(), &city.home.vkey(), None, now).unwrap();
    assert_eq!((held.subject.as_str(), held.issuer.as_str()), (alice.did().as_str(), registrar.did().as_str()));
    assert_eq!(held.evidence.as_ref().unwrap().index, 3);
    // The evidence has to say what the certificate says.
    let mut lie = unsigned;
    lie["credentialSubject"]["id"] = bob.did().into();
    let lie = issue(lie, &registrar, &registrar.verification_method(), "2026-12-01T00:00:00Z").unwrap();
    assert!(
        verify_credential(&lie.to_string(), &city.home.vkey(), None, now).unwrap_err().to_string().contains("evidence")
    );
    // Others may say that it is revoked; only the issuer revokes it.
    city.state(&bob, Operation::Revoke, |s| s.credential = Some("urn:urbis:1".into())).unwrap();
    let other = city.ledger.receipt(&asset(), Which::Latest).unwrap().to_string();
    assert_eq!(check_revocation(&held, &other, &city.home.vkey()), Ok(()));
    assert_eq!(city.areas.view().revocation("urn:urbis:1", &registrar.did()), None);
    let leaf = city.state(&registrar, Operation::Revoke, |s| s.credential = Some("urn:urbis:1".into())).unwrap();
    assert_eq!(city.areas.view().revocation("urn:urbis:1", &registrar.did()), Some(leaf));
    let revocation = city.ledger.receipt_of_leaf(leaf).unwrap().to_string();
    let told = check_revocation(&held, &revocation, &city.home.vkey()).unwrap_err().to_string();
    assert!(told.contains(&format!("revoked by its issuer with leaf {leaf}")), "{told}");
}
