//! Files: a unit is asked for, damage has a name, parts are nodes.

use std::collections::BTreeSet;

use pilots_assembly::{Error, Unit, make_glb, read};

use crate::{engine, made, shared};

#[test]
fn without_a_unit_it_is_refused_with_what_to_say() {
    let refused = read(&make_glb(5, 1).unwrap(), "made.glb", None, None).unwrap_err();
    assert!(matches!(refused, Error::NoUnit { .. }));
    assert!(refused.to_string().contains("span 56 units") && refused.to_string().contains("--unit mm, cm, m or in"));
    assert!("feet".parse::<Unit>().is_err());
}

#[test]
fn the_same_numbers_in_another_unit_are_as_much_larger() {
    let size = |unit| {
        let bounds = read(&make_glb(5, 1).unwrap(), "made.glb", None, Some(unit)).unwrap().bounds();
        (bounds.hi - bounds.lo).max_element()
    };
    let mm = size(Unit::Mm);
    for (unit, factor) in [(Unit::Cm, 10.0), (Unit::M, 1_000.0), (Unit::In, 25.4)] {
        assert!((size(unit) / mm - factor).abs() < 1e-6, "{unit:?}");
    }
}

#[test]
fn the_engine_has_the_parts_that_its_nodes_say() {
    let Some(engine) = engine() else { return };
    // Counted in the file's JSON by another program: 82 nodes, 67 with a mesh, 29 meshes (34 primitives, of which 115
    // instances: the primitives of a mesh are its materials and not parts).
    assert_eq!(engine.parts.len(), 67);
    assert_eq!(engine.parts.iter().map(|part| part.body).collect::<BTreeSet<_>>().len(), 29);
    let ids: BTreeSet<&str> = engine.parts.iter().map(|part| part.id.as_str()).collect();
    assert_eq!(ids.len(), 67, "ids are apart");
    // DATA.md's bounds, by an independent reader.
    let b = engine.bounds();
    let told = [-371.692, -180.972, -140.0, 371.692, 92.042, 128.0];
    for (own, told) in b.lo.to_array().into_iter().chain(b.hi.to_array()).zip(told) {
        assert!((own - told).abs() < 2e-3, "{own} {told}");
    }
}

#[test]
fn every_cut_and_turned_byte_is_read_or_has_a_name() {
    let whole = make_glb(6, 1).unwrap();
    for end in (0..whole.len()).step_by(97) {
        assert!(read(&whole[..end], "cut", None, Some(Unit::Mm)).is_err(), "{end}");
    }
    for at in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        // Either way is right; a panic is not.
        let _ = read(&bytes, "turned", None, Some(Unit::Mm)).map(|read| read.triangle_count());
    }
}

#[test]
fn made_assemblies_are_closed_and_the_same_for_the_same_seed() {
    let made = made(20);
    assert_eq!((made.parts.len(), made.parts[5].id.as_str()), (20, "plate-0002"));
    assert!(made.parts.iter().all(|part| part.mesh.is_closed()));
    assert_eq!(make_glb(20, 3).unwrap(), make_glb(20, 3).unwrap());
    assert_ne!(make_glb(20, 3).unwrap(), make_glb(20, 4).unwrap());
    assert!(shared("data/industrial").is_some() || std::env::var_os("CI").is_none());
}
