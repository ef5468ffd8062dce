//! Clashes: against what is known of made bodies, and against brute force.

use std::sync::Arc;

use glam::{DAffine3, DQuat, DVec3};
use pilots_assembly::{BORE_MM, Checker, EVERY, Finding, Limits, PIN_MM, PRESSED_MM, Relation, STATION};
use proptest::prelude::*;

use crate::{assembly, at, block, engine, made, reference};

fn limits(clearance_mm: f64) -> Limits {
    Limits { tolerance_mm: 0.1, clearance_mm, pairs: Vec::new() }
}

fn count(found: &[Finding], relation: Relation) -> usize {
    found.iter().filter(|f| f.relation == relation).count()
}

#[test]
fn stations_touch_clear_and_clash_as_they_were_made() {
    let stations = 2 * EVERY;
    let assembly = made(stations * STATION);
    let found = Checker::new(&assembly, limits(1.0)).unwrap().all();
    // Plate and pin, plate and lower bushing, the two bushings, pin and cap or upper bushing and cap (both at 40 mm).
    assert_eq!(count(&found, Relation::Clash), 2 * 2, "the pressed cap goes into its pin and its bushing");
    assert_eq!(count(&found, Relation::Contact), 5 * stations - 2 * 2);
    assert_eq!(count(&found, Relation::Near), 2 * stations, "pin and bushings");
    // Corners of the pin against the middles of the bore's facets, turned by whole facets.
    let clear = (BORE_MM - PIN_MM) * (std::f64::consts::PI / 24.0).cos();
    for f in &found {
        match f.relation {
            Relation::Near => assert!((f.distance_mm - clear).abs() < 1e-5, "{f:?}"),
            Relation::Contact => assert!(f.depth_mm < 1e-5, "{f:?}"),
            Relation::Clash => {
                assert!((f.depth_mm - PRESSED_MM).abs() < 1e-5 && f.depth_at_most_mm >= f.depth_mm, "{f:?}");
            }
        }
    }
    // With its own tolerance a pair that is pressed touches.
    let pressed = EVERY * STATION;
    let (cap, pin) = (assembly.parts[pressed - 1].id.clone(), assembly.parts[pressed - 4].id.clone());
    let own = Limits { pairs: vec![(pin, cap, 1.5)], ..limits(1.0) };
    let found = Checker::new(&assembly, own).unwrap().all();
    assert_eq!(count(&found, Relation::Clash), 3);
    assert!(Checker::new(&assembly, Limits { pairs: vec![("x".into(), "y".into(), 1.0)], ..limits(1.0) }).is_err());
    assert!(Checker::new(&assembly, limits(f64::NAN)).is_err());
}

#[test]
fn depths_are_those_of_boxes_that_go_into_each_other() {
    let (long, cube) = (Arc::new(block(DVec3::new(100.0, 10.0, 10.0))), Arc::new(block(DVec3::splat(10.0))));
    let turned = |pose: DAffine3| DAffine3::from_rotation_y(0.3) * pose;
    for (name, other, pose, depth, within) in [
        ("a corner", &cube, at(97.0, 8.0, 9.0), 1.0, 1e-6),
        ("a face over a face", &cube, at(40.0, 8.5, 0.0), 1.5, 1e-6),
        // No corner of one is in the other: the deepest points lie on a line in the middle.
        ("a cross", &long, at(45.0, 0.0, 50.0) * DAffine3::from_rotation_y(std::f64::consts::FRAC_PI_2), 5.0, 0.3),
        ("one in the other", &Arc::new(block(DVec3::splat(4.0))), at(50.0, 3.0, 3.0), 5.0, 0.3),
        ("faces that only touch", &cube, at(40.0, 10.0, 0.0), 0.0, 1e-6),
    ] {
        let bodies = assembly(&[("a", &long, turned(at(0.0, 0.0, 0.0))), ("b", other, turned(pose))]);
        let found = Checker::new(&bodies, limits(1.0)).unwrap().all();
        let f = found.first().unwrap_or_else(|| panic!("{name}"));
        assert!(f.depth_mm <= depth + 1e-6 && f.depth_mm >= depth - within, "{name}: {f:?}");
        assert!(f.depth_at_most_mm + 1e-9 >= depth, "{name}: {f:?}");
        assert_eq!(f.relation == Relation::Clash, depth > 0.1, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Triangles of all sizes, degenerate ones among them: the crate's distance of two of them is that of the reference.
    #[test]
    fn distances_of_triangles_are_the_reference_s(
        a in prop::array::uniform9(-100.0..100.0_f64),
        b in prop::array::uniform9(-100.0..100.0_f64),
        flat in 0..4_u8,
        turn in prop::array::uniform3(-3.0..3.0_f64),
    ) {
        let triangle = |v: [f64; 9], thin: bool| {
            let [p, q, r] = [DVec3::new(v[0], v[1], v[2]), DVec3::new(v[3], v[4], v[5]), DVec3::new(v[6], v[7], v[8])];
            [p, q, if thin { p.lerp(q, 0.37) } else { r }]
        };
        let (a, b) = (triangle(a, flat & 1 == 1), triangle(b, flat & 2 == 2));
        let mesh = |t: [DVec3; 3]| Arc::new(pilots_assembly::Mesh::new(&t, &[[0, 1, 2]]));
        let pose = DAffine3::from_rotation_translation(
            DQuat::from_euler(glam::EulerRot::XYZ, turn[0], turn[1], turn[2]), DVec3::new(3.0, -40.0, 7.0));
        let bodies = assembly(&[("a", &mesh(a), pose), ("b", &mesh(b), pose.inverse())]);
        let wanted = reference::distance(&bodies.parts[0], &bodies.parts[1]);
        let found = Checker::new(&bodies, limits(1e6)).unwrap().pair(0, 1).unwrap();
        prop_assert!((found.distance_mm - wanted).abs() < 1e-6, "{} {wanted}", found.distance_mm);
    }
}

#[test]
fn distances_in_the_engine_are_those_of_brute_force_within_a_micrometre() {
    let Some(engine) = engine() else { return };
    let checker = Checker::new(engine, limits(25.0)).unwrap();
    let found = checker.all();
    // Pairs of small bodies, so that brute force ends; spread over all distances.
    let small = |f: &&Finding| engine.parts[f.a].mesh.len() * engine.parts[f.b].mesh.len() < 200_000;
    let chosen: Vec<&Finding> = found.iter().filter(|f| f.distance_mm > 0.0).filter(small).collect();
    assert!(chosen.len() > 20, "{}", chosen.len());
    for f in chosen.iter().step_by(chosen.len() / 20) {
        let wanted = reference::distance(&engine.parts[f.a], &engine.parts[f.b]);
        assert!((f.distance_mm - wanted).abs() < 1e-3, "{f:?} {wanted}");
    }
}

#[test]
fn a_moved_part_has_the_pairs_that_all_would_have() {
    let made = made(40);
    let mut checker = Checker::new(&made, limits(2.0)).unwrap();
    for (part, by) in
        [(4, at(0.0, -1.5, 0.0)), (1, at(0.3, 0.0, 0.0)), (12, at(60.0, 0.0, 0.0)), (4, at(1e7, 0.0, 0.0))]
    {
        let told = checker.moved(part, by * made.parts[part].pose).unwrap();
        let mut of_all = checker.all();
        of_all.retain(|f| f.a == part || f.b == part);
        assert_eq!(told, of_all);
    }
    assert!(checker.moved(999, DAffine3::IDENTITY).is_err());
    assert!(checker.moved(0, at(f64::NAN, 0.0, 0.0)).is_err());
}
