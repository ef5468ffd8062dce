//! Snapping: a part that was put near a mate is brought onto it. Axes go before faces; a face is then only taken where
//! it keeps the axis.

use glam::{DAffine3, DQuat, DVec3};

use super::find::{aside, fit, placed_cylinder, placed_plane};
use super::{Joined, Mate};
use crate::part::Part;

/// How near is near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Millimetres.
    pub mm: f64,
    /// Degrees.
    pub deg: f64,
}

/// The pose of a part that was put down near others, brought onto the nearest axis and then the nearest face, with the
/// mates that it took.
pub fn snap(moving: Joined<'_>, others: &[Joined<'_>], reach: Reach) -> (DAffine3, Vec<Mate>) {
    let mut part = moving.part.clone();
    let mut taken = Vec::new();
    if let Some((motion, mate)) = nearest_axis(&part, moving, others, reach) {
        part.pose = motion * part.pose;
        taken.push(mate);
    }
    let axis = taken.iter().find_map(|mate| if let Mate::Coaxial { axis, .. } = mate { Some(*axis) } else { None });
    if let Some((motion, mate)) = nearest_face(&part, moving, others, reach, axis) {
        part.pose = motion * part.pose;
        taken.push(mate);
    }
    (part.pose, taken)
}

/// The least turn that takes one direction to another, around a point.
fn turned(from: DVec3, to: DVec3, around: DVec3) -> DAffine3 {
    let turn = DQuat::from_rotation_arc(from.normalize(), to.normalize());
    DAffine3::from_rotation_translation(turn, around - turn * around)
}

fn angle_deg(cos: f64) -> f64 {
    cos.clamp(-1.0, 1.0).acos().to_degrees()
}

fn nearest_axis(part: &Part, moving: Joined<'_>, others: &[Joined<'_>], reach: Reach) -> Option<(DAffine3, Mate)> {
    let own = Joined { part, features: moving.features };
    let mut best: Option<(f64, DAffine3, Mate)> = None;
    for mine in own.features.cylinders.iter().map(|c| placed_cylinder(c, own)) {
        for other in others {
            for its in other.features.cylinders.iter().map(|c| placed_cylinder(c, *other)) {
                let cos = its.axis.dot(mine.axis);
                let off = aside(&its, &mine);
                let Some(play_mm) = fit(&its, &mine, reach.mm) else { continue };
                let nearer = best.as_ref().is_none_or(|(distance, ..)| off.length() < *distance);
                if off.length() <= reach.mm && angle_deg(cos.abs()) <= reach.deg && nearer {
                    let motion =
                        DAffine3::from_translation(-off) * turned(mine.axis, its.axis * cos.signum(), mine.centre);
                    let mate = Mate::Coaxial { axis: its.axis, at: its.centre, play_mm };
                    best = Some((off.length(), motion, mate));
                }
            }
        }
    }
    best.map(|(_, motion, mate)| (motion, mate))
}

fn nearest_face(
    part: &Part,
    moving: Joined<'_>,
    others: &[Joined<'_>],
    reach: Reach,
    axis: Option<DVec3>,
) -> Option<(DAffine3, Mate)> {
    let own = Joined { part, features: moving.features };
    let mut best: Option<(f64, DAffine3, Mate)> = None;
    for mine in own.features.planes.iter().map(|p| placed_plane(p, own)) {
        for other in others {
            for its in other.features.planes.iter().map(|p| placed_plane(p, *other)) {
                let along_axis = axis.is_none_or(|axis| angle_deg(axis.dot(its.normal).abs()) < 0.2);
                let gap = (mine.centre - its.centre).dot(its.normal);
                let near = gap.abs() <= reach.mm && angle_deg(-mine.normal.dot(its.normal)) <= reach.deg;
                let before = mine.bounds.grown(reach.mm).distance_squared(its.bounds) == 0.0;
                if along_axis && near && before && best.as_ref().is_none_or(|(distance, ..)| gap.abs() < *distance) {
                    let turn = match axis {
                        // It is there already, and a turn would lose it.
                        Some(_) => DAffine3::IDENTITY,
                        None => turned(mine.normal, -its.normal, mine.centre),
                    };
                    let motion = DAffine3::from_translation(its.normal * -gap) * turn;
                    best = Some((gap.abs(), motion, Mate::Coincident { normal: its.normal, at: its.centre }));
                }
            }
        }
    }
    best.map(|(_, motion, mate)| (motion, mate))
}
