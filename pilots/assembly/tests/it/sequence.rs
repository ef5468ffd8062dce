//! Taking apart: what comes out, what cannot, what has to go first.

use std::sync::Arc;

use glam::DVec3;
use pilots_assembly::{Assembly, Checked, Plan, check, sequence};

use crate::{assembly, at, block, engine, engine_plan, made};

/// Every part leaves or stays once, and every step keeps within what is allowed when it is walked again.
fn holds(assembly: &Assembly, plan: &Plan, checked: &[Checked]) {
    let mut left = vec![0; assembly.parts.len()];
    plan.steps.iter().filter(|step| step.parts.len() == 1).for_each(|step| left[step.parts[0]] += 1);
    plan.stay.iter().for_each(|part| left[*part] += 1);
    plan.stuck.iter().for_each(|stuck| left[stuck.part] += 1);
    assert!(left.iter().all(|times| *times == 1), "{left:?}");
    for (step, checked) in plan.steps.iter().zip(checked) {
        assert!(checked.positions > 2);
        assert!(checked.is_free(), "{step:?} {checked:?}");
    }
}

#[test]
fn stations_come_apart_from_the_top() {
    let made = made(50);
    let plan = sequence(&made, 0.1).unwrap();
    assert!(plan.stuck.is_empty());
    holds(&made, &plan, &check(&made, &plan, 0.5));
    // A lower bushing cannot leave before the pin or the upper bushing did.
    let step = |part: usize| plan.steps.iter().position(|step| step.parts.contains(&part));
    for station in 0..10 {
        let [pin, lower, upper] = [1, 2, 3].map(|role| step(station * 5 + role).unwrap_or(usize::MAX));
        assert!(lower > pin.min(upper), "station {station}");
    }
}

/// A cup with something in it, and a lid.
fn boxed() -> Vec<(&'static str, Arc<pilots_assembly::Mesh>, glam::DAffine3)> {
    let wall = |x, y, z| Arc::new(block(DVec3::new(x, y, z)));
    vec![
        ("inside", wall(20.0, 20.0, 20.0), at(5.0, 5.0, 5.0)),
        ("cup", Arc::new(cup()), at(0.0, 0.0, 0.0)),
        ("lid", wall(32.0, 2.0, 32.0), at(-1.0, 30.0, -1.0)),
    ]
}

/// Blocks in one mesh, by their lower corners and sizes.
fn blocks(all: &[([f64; 3], [f64; 3])]) -> pilots_assembly::Mesh {
    let (mut points, mut triangles) = (Vec::new(), Vec::new());
    for (lo, size) in all {
        let one = block(DVec3::from(*size));
        let base = points.len() as u32;
        (0..one.len()).for_each(|i| points.extend(one.triangle(i).map(|p| p + DVec3::from(*lo))));
        (0..one.len() as u32).for_each(|i| triangles.push([0, 1, 2].map(|k| base + 3 * i + k)));
    }
    pilots_assembly::Mesh::new(&points, &triangles)
}

/// Floor and four sides of 1 mm around a room of 30, open above.
fn cup() -> pilots_assembly::Mesh {
    blocks(&[
        ([-1.0, -1.0, -1.0], [32.0, 1.0, 32.0]),
        ([-1.0, 0.0, -1.0], [1.0, 30.0, 32.0]),
        ([30.0, 0.0, -1.0], [1.0, 30.0, 32.0]),
        ([0.0, 0.0, -1.0], [30.0, 30.0, 1.0]),
        ([0.0, 0.0, 30.0], [30.0, 30.0, 1.0]),
    ])
}

fn named(all: &[(&'static str, Arc<pilots_assembly::Mesh>, glam::DAffine3)]) -> Assembly {
    let bodies: Vec<(&str, &Arc<pilots_assembly::Mesh>, glam::DAffine3)> =
        all.iter().map(|(name, mesh, pose)| (*name, mesh, *pose)).collect::<Vec<_>>();
    assembly(&bodies)
}

#[test]
fn the_lid_goes_before_what_is_inside() {
    let with_lid = named(&boxed());
    let plan = sequence(&with_lid, 0.1).unwrap();
    holds(&with_lid, &plan, &check(&with_lid, &plan, 0.5));
    let first = &plan.steps[0];
    let lid = with_lid.find("lid").unwrap();
    let inside = with_lid.find("inside").unwrap();
    assert!(plan.stuck.is_empty() && first.parts != [inside]);
    let out = plan.steps.iter().position(|step| step.parts == [inside]);
    if let Some(out) = out {
        let lifted = plan.steps.iter().position(|step| step.parts == [lid]).unwrap();
        assert!(lifted < out && plan.steps[out].after == [lid], "{plan:?}");
    }
}

#[test]
fn around_a_corner_it_takes_two_lines() {
    // A tray with walls, half of it under a roof; what lies there comes out from under the roof, and then up.
    let tray = Arc::new(blocks(&[
        ([-5.0, 0.0, -5.0], [110.0, 5.0, 50.0]),
        ([-5.0, 5.0, -5.0], [5.0, 25.0, 50.0]),
        ([100.0, 5.0, -5.0], [5.0, 25.0, 50.0]),
        ([0.0, 5.0, -5.0], [100.0, 25.0, 5.0]),
        ([0.0, 5.0, 40.0], [100.0, 25.0, 5.0]),
        ([0.0, 25.0, 0.0], [50.0, 5.0, 40.0]),
    ]));
    let key = Arc::new(block(DVec3::new(10.0, 12.0, 38.0)));
    let bodies = assembly(&[("tray", &tray, at(0.0, 0.0, 0.0)), ("key", &key, at(10.0, 5.0, 1.0))]);
    let plan = sequence(&bodies, 0.1).unwrap();
    holds(&bodies, &plan, &check(&bodies, &plan, 0.5));
    let [step] = &plan.steps[..] else { panic!("{plan:?}") };
    assert_eq!((step.parts.as_slice(), step.path.len(), plan.stay.as_slice()), (&[1][..], 2, &[0][..]));
    assert!(step.path[0].x > 40.0 && step.path[1].y > 20.0, "{step:?}");
}

#[test]
fn what_hangs_together_leaves_as_a_group_or_is_told_as_stuck() {
    // Two links of a chain through each other, closed: never apart, and told so.
    let ring = Arc::new(ring());
    let turned = at(10.0, 0.0, 0.0) * glam::DAffine3::from_rotation_x(std::f64::consts::FRAC_PI_2);
    let links = assembly(&[("one", &ring, at(0.0, 0.0, 0.0)), ("two", &ring, turned)]);
    let plan = sequence(&links, 0.05).unwrap();
    assert_eq!((plan.steps.len(), plan.stuck.len()), (0, 2), "{plan:?}");
    assert!(plan.stuck.iter().all(|stuck| stuck.blocked.len() >= 6));
    // Of two such pairs one leaves as a whole; neither comes apart.
    let far = at(100.0, 0.0, 0.0);
    let pairs = assembly(&[
        ("one", &ring, at(0.0, 0.0, 0.0)),
        ("two", &ring, turned),
        ("three", &ring, far),
        ("four", &ring, far * turned),
    ]);
    let plan = sequence(&pairs, 0.05).unwrap();
    let [step] = &plan.steps[..] else { panic!("{plan:?}") };
    assert!(step.parts == [0, 1] || step.parts == [2, 3], "{step:?}");
    assert_eq!((plan.stuck.len(), plan.stay.len()), (4, 0));
}

/// A square ring of 20 around 14, 3 thick.
fn ring() -> pilots_assembly::Mesh {
    let corner = |half: f64, y: f64, i: usize| {
        let (x, z) = [(half, half), (-half, half), (-half, -half), (half, -half)][i];
        DVec3::new(x, y, z)
    };
    let mut points = Vec::new();
    for (half, y) in [(10.0, -1.5), (10.0, 1.5), (7.0, 1.5), (7.0, -1.5)] {
        (0..4).for_each(|i| points.push(corner(half, y, i)));
    }
    let mut triangles = Vec::new();
    for loop_ in 0..4_u32 {
        for i in 0..4_u32 {
            let at = |l: u32, i: u32| l % 4 * 4 + i % 4;
            triangles.push([at(loop_, i), at(loop_ + 1, i), at(loop_ + 1, i + 1)]);
            triangles.push([at(loop_, i), at(loop_ + 1, i + 1), at(loop_, i + 1)]);
        }
    }
    pilots_assembly::Mesh::new(&points, &triangles)
}

#[test]
fn a_tolerance_of_nothing_is_refused() {
    assert!(sequence(&made(5), 0.0).is_err() && sequence(&made(5), f64::NAN).is_err());
}

#[test]
fn the_engine_comes_apart_as_far_as_it_is_modelled_to() {
    let (Some(engine), Some((plan, checked))) = (engine(), engine_plan()) else { return };
    holds(engine, plan, checked);
    // Its rods are one piece around the crank, its crankcase one piece around both, and its timing case is in the two shafts
    // that go through it: straight motions part none of these, and each says what is in its way.
    assert!(plan.steps.len() >= 50 && plan.stuck.len() <= 12, "{} steps, {} stuck", plan.steps.len(), plan.stuck.len());
    let rod = engine.parts.iter().position(|part| part.name.starts_with("rod")).unwrap();
    assert!(plan.stuck.iter().any(|one| one.part == rod && one.blocked.len() > 6));
    // What is in each other in the model is told with how deep it may be.
    assert!(plan.allowances.iter().any(|one| one.depth_mm > 1.0 && one.allowed_mm.is_some_and(|mm| mm > one.depth_mm)));
}
