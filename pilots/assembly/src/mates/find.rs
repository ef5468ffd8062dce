//! Mates between two parts as they lie.

use glam::DVec3;

use super::{Joined, Mate};
use crate::features::{Cylinder, Plane};
use crate::tree::Aabb;

/// Directions are the same to a fifth of a degree: its cosine.
const PARALLEL: f64 = 0.999_994;

/// All mates within a tolerance, and facing faces up to `far_mm` apart.
pub fn mates(a: Joined<'_>, b: Joined<'_>, tolerance_mm: f64, far_mm: f64) -> Vec<Mate> {
    let mut out = Vec::new();
    for one in a.features.cylinders.iter().map(|c| placed_cylinder(c, a)) {
        let near = b.features.cylinders.iter().map(|c| placed_cylinder(c, b));
        out.extend(near.filter_map(|two| coaxial(&one, &two, tolerance_mm)));
    }
    for one in a.features.planes.iter().map(|p| placed_plane(p, a)) {
        for two in b.features.planes.iter().map(|p| placed_plane(p, b)) {
            out.extend(facing(&one, &two, tolerance_mm, far_mm));
        }
    }
    out
}

pub(super) fn placed_cylinder(c: &Cylinder, of: Joined<'_>) -> Cylinder {
    let pose = of.part.pose;
    Cylinder { axis: pose.transform_vector3(c.axis), centre: pose.transform_point3(c.centre), ..*c }
}

pub(super) fn placed_plane(p: &Plane, of: Joined<'_>) -> Plane {
    let pose = of.part.pose;
    Plane {
        normal: pose.transform_vector3(p.normal),
        centre: pose.transform_point3(p.centre),
        bounds: p.bounds.moved(&pose),
        ..*p
    }
}

/// How far the centre of `two` is beside the axis of `one`.
pub(super) fn aside(one: &Cylinder, two: &Cylinder) -> DVec3 {
    let from = two.centre - one.centre;
    from - one.axis * from.dot(one.axis)
}

/// Whether two cylinders fit, a shaft in a hole or one behind the other, and lie beside each other along their axis.
pub(super) fn fit(one: &Cylinder, two: &Cylinder, tolerance_mm: f64) -> Option<f64> {
    let along = (two.centre - one.centre).dot(one.axis).abs();
    if along > one.length_mm.midpoint(two.length_mm) + tolerance_mm {
        return None;
    }
    let (hole, shaft) = match (one.hole, two.hole) {
        (true, false) => (one, two),
        (false, true) => (two, one),
        _ => return None,
    };
    let play_mm = hole.radius_mm - shaft.radius_mm;
    (play_mm >= -tolerance_mm && play_mm <= 0.5 * hole.radius_mm).then_some(play_mm)
}

fn coaxial(one: &Cylinder, two: &Cylinder, tolerance_mm: f64) -> Option<Mate> {
    let parallel = one.axis.dot(two.axis).abs() > PARALLEL;
    let near = aside(one, two).length() <= tolerance_mm;
    let play_mm = fit(one, two, tolerance_mm).filter(|_| parallel && near)?;
    Some(Mate::Coaxial { axis: one.axis, at: one.centre, play_mm })
}

fn facing(one: &Plane, two: &Plane, tolerance_mm: f64, far_mm: f64) -> Option<Mate> {
    if one.normal.dot(two.normal) > -PARALLEL {
        return None;
    }
    let distance_mm = (two.centre - one.centre).dot(one.normal);
    if distance_mm < -tolerance_mm || distance_mm > far_mm.max(tolerance_mm) {
        return None;
    }
    // The faces lie before each other where their boxes meet once the gap is closed.
    let shift = one.normal * distance_mm;
    let closed = Aabb { lo: one.bounds.lo + shift, hi: one.bounds.hi + shift }.grown(tolerance_mm);
    if closed.distance_squared(two.bounds) > 0.0 {
        return None;
    }
    let (normal, at) = (one.normal, one.centre);
    Some(match distance_mm <= tolerance_mm {
        true => Mate::Coincident { normal, at },
        false => Mate::Distance { normal, at, distance_mm },
    })
}
