use kernel_model::Kind;

use super::*;
use crate::principal::{FULL_CLEARANCE, Scope};

fn somebody(role: &str, clearance: u8, districts: &[&str]) -> Principal {
    Principal {
        id: "key:0123456789".to_owned(),
        districts: districts.iter().map(|name| (*name).to_owned()).collect(),
        ..Principal::anonymous([role.to_owned()], clearance)
    }
}

fn thing(kind: Kind, grade: u8, district: Option<&str>) -> Traits {
    Traits { kind, class: String::new(), dataset: "air".to_owned(), grade, district: district.map(Arc::from) }
}

fn policies(own: &str) -> Arc<Policies> {
    Arc::new(Policies::new(own).unwrap())
}

fn districts() -> Arc<[District]> {
    Arc::from([])
}

#[test]
fn whoever_may_see_everything_costs_nothing() {
    let policies = policies("");
    assert!(policies.sight(&somebody("reader", FULL_CLEARANCE, &[]), &districts()).is_whole());
    assert!(policies.sight(&somebody("administrator", FULL_CLEARANCE, &[]), &districts()).is_whole());
    assert!(!policies.sight(&somebody("reader", 8, &[]), &districts()).is_whole());
    assert!(!policies.sight(&somebody("reader", FULL_CLEARANCE, &["haidian"]), &districts()).is_whole());
    assert!(!policies.may_read(&somebody("nobody", FULL_CLEARANCE, &[])));
}

#[test]
fn grades_and_districts_hide_and_people_are_cells() {
    let policies = policies("");
    let sight = policies.sight(&somebody("reader", 0, &["haidian"]), &districts());
    let sees = |thing: Traits| sight.of(&thing);
    assert!(sees(thing(Kind::Building, 0, Some("haidian"))).unwrap().is_exact());
    assert!(sees(thing(Kind::Building, 1, Some("haidian"))).is_none());
    assert!(sees(thing(Kind::Building, 0, Some("chaoyang"))).is_none());
    assert!(sees(thing(Kind::Building, 0, Some(""))).is_none(), "somewhere, in no district");
    assert!(sees(thing(Kind::Vehicle, 0, None)).unwrap().is_exact(), "without a place of its own");
    assert_eq!(sees(thing(Kind::Pedestrian, 0, None)).unwrap().cell_level, Some(5));
    assert_eq!(sight.places(), Places::Cells);
}

#[test]
fn ones_own_policies_add_hide_and_never_widen_what_is_forbidden() {
    let own = r#"
        permit (principal, action in [Action::"read", Action::"locate", Action::"detail"], resource)
          when { resource has district && resource.kind == "poi" };
        @hide("owner, phone")
        forbid (principal, action == Action::"detail", resource) when { resource.dataset == "air" };
        @cell_level("3")
        forbid (principal, action == Action::"locate", resource) when { resource.kind == "poi" };
    "#;
    let policies = policies(own);
    let sight = policies.sight(&somebody("nobody", 0, &[]), &districts());
    let view = sight.of(&thing(Kind::Poi, 0, Some("x"))).unwrap();
    assert_eq!((view.cell_level, view.hidden.clone()), (Some(3), vec!["owner".to_owned(), "phone".to_owned()]));
    assert!(sight.of(&thing(Kind::Poi, 3, Some("x"))).is_none(), "the grade forbids what one's own permits");
    assert!(sight.of(&thing(Kind::Road, 0, Some("x"))).is_none());
    assert_ne!(policies.version(), Policies::new("").unwrap().version());
}

#[test]
fn a_policy_that_speaks_of_what_is_not_there_is_refused() {
    for wrong in [
        "permit (principal, action, resource) when { resource.secrecy > 3 };",
        "permit (principal, action, resource) when { principal.clearance == \"high\" };",
        "permit (principal action);",
        "@cell_level(\"deep\") forbid (principal, action == Action::\"locate\", resource);",
        "permit (principal in Group::\"x\", action, resource);",
    ] {
        assert!(matches!(Policies::new(wrong), Err(Error::Policy(_))), "{wrong}");
    }
}

#[test]
fn a_key_is_good_for_its_scopes() {
    let policies = policies("");
    let read_only = Principal { scopes: [Scope::Read].into(), ..somebody("administrator", FULL_CLEARANCE, &[]) };
    assert!(policies.may_read(&read_only));
    assert!(!policies.may_write(&read_only, None) && !policies.may_operate(&read_only));
    assert!(!policies.may_administer(&read_only));
    let writer = somebody("writer", 0, &[]);
    assert!(policies.may_write(&writer, None) && policies.may_write(&writer, Some("air")));
    assert!(!policies.may_write(&somebody("reader", 0, &[]), None));
}

#[test]
fn writing_may_be_of_some_datasets_only() {
    let own = r#"permit (principal in Role::"air-station", action == Action::"write", resource)
        when { resource.name == "air" };"#;
    let policies = policies(own);
    let station = somebody("air-station", 0, &[]);
    assert!(policies.may_write(&station, None) && policies.may_write(&station, Some("air")));
    assert!(!policies.may_write(&station, Some("water")));
    assert!(!policies.writes_everywhere(&station) && policies.writes_everywhere(&somebody("writer", 0, &[])));
}
