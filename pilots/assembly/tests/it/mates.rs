//! Mates: found, snapped onto, kept while a part is dragged.

use glam::{DAffine3, DVec3};
use pilots_assembly::{BORE_MM, Freedom, Joined, Mate, PIN_MM, Reach, features, mates, snap};
use proptest::prelude::*;

use crate::{engine, made};

#[test]
fn round_and_flat_faces_of_made_bodies_are_found_with_their_sizes() {
    let made = made(5);
    let features = features(&made);
    let pin = &features[made.parts[1].body];
    assert_eq!((pin.cylinders.len(), pin.planes.len()), (1, 2), "{pin:?}");
    assert!((pin.cylinders[0].radius_mm - PIN_MM).abs() < 1e-5 && !pin.cylinders[0].hole);
    assert!((pin.cylinders[0].length_mm - 40.0).abs() < 1e-5);
    let bushing = &features[made.parts[2].body];
    let radii: Vec<(bool, f64)> = bushing.cylinders.iter().map(|c| (c.hole, c.radius_mm)).collect();
    assert!(radii.iter().any(|(hole, r)| *hole && (r - BORE_MM).abs() < 1e-5), "{radii:?}");
    assert!(radii.iter().any(|(hole, r)| !*hole && (r - 12.0).abs() < 1e-5), "{radii:?}");
}

#[test]
fn a_bushing_sits_on_its_plate_around_its_pin() {
    let made = made(5);
    let features = features(&made);
    let joined = |part: usize| Joined { part: &made.parts[part], features: &features[made.parts[part].body] };
    let around = mates(joined(1), joined(2), 0.01, 5.0);
    assert!(matches!(around[..], [Mate::Coaxial { play_mm, .. }, ..] if (play_mm - 0.5).abs() < 1e-5), "{around:?}");
    let on = mates(joined(0), joined(2), 0.01, 5.0);
    assert!(matches!(on[..], [Mate::Coincident { normal, .. }] if normal.y > 0.999), "{on:?}");
    let over = mates(joined(0), joined(3), 0.01, 25.0);
    assert!(matches!(over[..], [Mate::Distance { distance_mm, .. }] if (distance_mm - 20.0).abs() < 1e-4), "{over:?}");
    // Held by both it can only turn.
    let all: Vec<Mate> = around.into_iter().chain(on).collect();
    assert_eq!(Freedom::under(&all, made.parts[2].pose.translation, 20.0).degrees(), 1);
}

#[test]
fn a_part_put_down_askew_snaps_onto_axis_and_face() {
    let made = made(5);
    let features = features(&made);
    let right = made.parts[2].pose;
    let mut moved = made.parts[2].clone();
    let askew = DAffine3::from_translation(DVec3::new(0.8, 1.2, -0.5)) * DAffine3::from_rotation_z(0.05);
    moved.pose = askew * right;
    let moving = Joined { part: &moved, features: &features[moved.body] };
    let others = [0, 1].map(|part| Joined { part: &made.parts[part], features: &features[made.parts[part].body] });
    let (pose, taken) = snap(moving, &others, Reach { mm: 3.0, deg: 5.0 });
    assert!(matches!(taken[..], [Mate::Coaxial { .. }, Mate::Coincident { .. }]), "{taken:?}");
    for at in [DVec3::ZERO, DVec3::Y * 20.0] {
        let off = pose.transform_point3(at) - right.transform_point3(at);
        assert!(off.length() < 1e-4, "{off}");
    }
    let (same, none) = snap(moving, &others, Reach { mm: 0.1, deg: 5.0 });
    assert!(none.is_empty() && same == moved.pose, "out of reach it stays");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However it is dragged, a mate holds after, and what is free is reached.
    #[test]
    fn a_dragged_part_keeps_its_mates(
        by in prop::array::uniform3(-80.0..80.0_f64),
        at in prop::array::uniform3(-30.0..30.0_f64),
        which in 0..3_usize,
    ) {
        let (by, at) = (DVec3::from(by), DVec3::from(at));
        let axis = DVec3::new(1.0, 2.0, -0.5).normalize();
        let through = DVec3::new(5.0, -3.0, 8.0);
        let plane = Mate::Coincident { normal: axis, at: through };
        let round = Mate::Coaxial { axis, at: through, play_mm: 0.1 };
        let (mates, degrees) = [(vec![plane], 3), (vec![round], 2), (vec![plane, round], 1)][which].clone();
        let freedom = Freedom::under(&mates, DVec3::new(2.0, 2.0, 2.0), 30.0);
        prop_assert_eq!(freedom.degrees(), degrees);
        let motion = freedom.drag(at, by);
        let moved = |p: DVec3| motion.transform_point3(p);
        let far = through + axis * 50.0;
        if mates.contains(&plane) {
            prop_assert!(((moved(through) - through).dot(axis)).abs() < 1e-6);
            prop_assert!((motion.transform_vector3(axis) - axis).length() < 1e-9);
        }
        if mates.contains(&round) {
            for p in [through, far] {
                let off = moved(p) - through;
                prop_assert!((off - axis * off.dot(axis)).length() < 1e-6);
            }
        }
        if which == 0 {
            let wish = by - axis * by.dot(axis);
            prop_assert!((moved(at) - at - wish).length() < 1e-3, "{} {wish}", moved(at) - at);
        }
    }
}

#[test]
fn the_pistons_of_the_engine_have_round_faces_and_their_pins_fit() {
    let Some(engine) = engine() else { return };
    let features = features(engine);
    let named = |name: &str| engine.parts.iter().position(|part| part.name.contains(name)).unwrap();
    let piston = &features[engine.parts[named("Piston")].body];
    assert!(!piston.cylinders.is_empty() && !piston.planes.is_empty());
    let mut coaxial = 0;
    for a in 0..engine.parts.len() {
        for b in a + 1..engine.parts.len() {
            let joined =
                |part: usize| Joined { part: &engine.parts[part], features: &features[engine.parts[part].body] };
            let found = mates(joined(a), joined(b), 0.05, 0.0);
            coaxial += usize::from(found.iter().any(|mate| matches!(mate, Mate::Coaxial { .. })));
        }
    }
    assert!(coaxial >= 10, "{coaxial}");
}
