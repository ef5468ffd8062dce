//! Taking apart: what comes out, what cannot, what has to go first.

use std::sync::Arc;

use glam::DVec3;
use pilots_assembly::{Assembly, Plan, check, sequence};

use crate::{assembly, at, block, engine, made};

/// Every part leaves or stays once, and every step keeps within what is allowed when it is walked again.
fn holds(assembly: &Assembly, plan: &Plan, stride_mm: f64) {
    let mut left = vec![0; assembly.parts.len()];
    plan.steps.iter().filter(|step| step.parts.len() == 1).for_each(|step| left[step.parts[0]] += 1);
    plan.stay.iter().for_each(|part| left[*part] += 1);
    plan.stuck.iter().for_each(|stuck| left[stuck.part] += 1);
    assert!(left.iter().all(|times| *times == 1), "{left:?}");
    for (step, checked) in plan.steps.iter().zip(check(assembly, plan, stride_mm)) {
        assert!(checked.positions > 2);
        assert!(checked.is_free(), "{step:?} {checked:?}");
    }
}

#[test]
fn stations_come_apart_from_the_top() {
    let made = made(50);
    let plan = sequence(&made, 0.1).unwrap();
    assert!(plan.stuck.is_empty());
    holds(&made, &plan, 0.5);
    // A lower bushing cannot leave before the pin or the upper bushing did.
    let step = |part: usize| plan.steps.iter().position(|step| step.parts.contains(&part));
    for station in 0..10 {
        let [pin, lower, upper] = [1, 2, 3].map(|role| step(station * 5 + role).unwrap_or(usize::MAX));
        assert!(lower > pin.min(upper), "station {station}");
    }
}

/// Walls of a box of 30 with a lid, and a ball that is too large for its door.
fn boxed(lid: bool) -> Vec<(&'static str, Arc<pilots_assembly::Mesh>, glam::DAffine3)> {
    let wall = |x, y, z| Arc::new(block(DVec3::new(x, y, z)));
    let mut all = vec![
        ("inside", wall(20.0, 20.0, 20.0), at(5.0, 5.0, 5.0)),
        // One body with walls on five sides would need a hollow mesh: a cup of five blocks that share no faces is one too.
        ("cup", Arc::new(cup()), at(0.0, 0.0, 0.0)),
    ];
    if lid {
        all.push(("lid", wall(32.0, 2.0, 32.0), at(-1.0, 30.0, -1.0)));
    }
    all
}

/// Five walls in one mesh, open above: floor and four sides of 1 mm around a room of 30.
fn cup() -> pilots_assembly::Mesh {
    let (mut points, mut triangles) = (Vec::new(), Vec::new());
    let mut add = |lo: [f64; 3], size: [f64; 3]| {
        let one = block(DVec3::from(size));
        let base = points.len() as u32;
        (0..one.len()).for_each(|i| points.extend(one.triangle(i).map(|p| p + DVec3::from(lo))));
        (0..one.len() as u32).for_each(|i| triangles.push([0, 1, 2].map(|k| base + 3 * i + k)));
    };
    add([-1.0, -1.0, -1.0], [32.0, 1.0, 32.0]);
    add([-1.0, 0.0, -1.0], [1.0, 30.0, 32.0]);
    add([30.0, 0.0, -1.0], [1.0, 30.0, 32.0]);
    add([0.0, 0.0, -1.0], [30.0, 30.0, 1.0]);
    add([0.0, 0.0, 30.0], [30.0, 30.0, 1.0]);
    pilots_assembly::Mesh::new(&points, &triangles)
}

fn named<'a>(all: &'a [(&'static str, Arc<pilots_assembly::Mesh>, glam::DAffine3)]) -> Assembly {
    let bodies: Vec<(&str, &Arc<pilots_assembly::Mesh>, glam::DAffine3)> =
        all.iter().map(|(name, mesh, pose)| (*name, mesh, *pose)).collect::<Vec<_>>();
    assembly(&bodies)
}

#[test]
fn the_lid_goes_before_what_is_inside() {
    let with_lid = named(&boxed(true));
    let plan = sequence(&with_lid, 0.1).unwrap();
    holds(&with_lid, &plan, 0.5);
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
    // Two plates with a gap between them, closed at one end by a post; a bar between the plates has a head behind the post.
    let plate = Arc::new(block(DVec3::new(100.0, 5.0, 40.0)));
    let frame = Arc::new(hook());
    let key = Arc::new(block(DVec3::new(10.0, 10.0, 38.0)));
    let bodies = assembly(&[
        ("floor", &plate, at(0.0, 0.0, 0.0)),
        ("roof", &plate, at(0.0, 30.0, 0.0)),
        ("hook", &frame, at(20.0, 6.0, 1.0)),
        ("key", &key, at(60.0, 12.0, 1.0)),
    ]);
    let plan = sequence(&bodies, 0.1).unwrap();
    holds(&bodies, &plan, 0.5);
    assert!(plan.stuck.is_empty(), "{plan:?}");
}

/// An L: a long bar with a tooth.
fn hook() -> pilots_assembly::Mesh {
    block(DVec3::new(30.0, 22.0, 38.0))
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
    // Beside a block they leave together, and are told as stuck after.
    let cube = Arc::new(block(DVec3::splat(60.0)));
    let beside =
        assembly(&[("one", &ring, at(0.0, 0.0, 0.0)), ("two", &ring, turned), ("cube", &cube, at(30.0, -30.0, -30.0))]);
    let plan = sequence(&beside, 0.05).unwrap();
    assert_eq!((plan.steps.len(), plan.stuck.len(), plan.stay.len()), (1, 2, 1), "{plan:?}");
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
fn the_engine_comes_apart_and_every_step_is_free() {
    let Some(engine) = engine() else { return };
    let plan = sequence(engine, 0.1).unwrap();
    let told = |part: usize| engine.parts[part].id.as_str();
    let stuck: Vec<&str> = plan.stuck.iter().map(|one| told(one.part)).collect();
    assert!(stuck.is_empty(), "{stuck:?}");
    holds(engine, &plan, 1.0);
}
