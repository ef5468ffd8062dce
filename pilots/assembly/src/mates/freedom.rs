//! What motion mates leave to a part: small motions are six numbers, a turn and a shift; every mate forbids some; what is
//! square to all that is forbidden is free. A drag is answered by the free motion that brings the dragged point nearest to
//! where the hand is, as a screw, so that the mates hold over any length.

use glam::{DAffine3, DMat3, DQuat, DVec3};

use super::Mate;

/// A turn (x, y, z) and a shift (x, y, z).
type Six = [f64; 6];

/// Free motions of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Freedom {
    /// Square to each other, length 1; lengths are counted in `size_mm` from `centre`.
    free: Vec<Six>,
    centre: DVec3,
    size_mm: f64,
}

impl Freedom {
    /// What mates leave to a part of about this size around this point of the assembly.
    pub fn under(mates: &[Mate], centre: DVec3, size_mm: f64) -> Self {
        let mut forbidden: Vec<Six> = Vec::new();
        for mate in mates {
            for row in rows(mate, centre, size_mm.max(1e-9)) {
                forbidden.extend(rest(row, &forbidden, 1e-4));
            }
        }
        let mut all = forbidden.clone();
        let mut free = Vec::new();
        for axis in 0..6 {
            let unit: Six = std::array::from_fn(|i| f64::from(u8::from(i == axis)));
            if let Some(row) = rest(unit, &all, 1e-6) {
                all.push(row);
                free.push(row);
            }
        }
        Self { free, centre, size_mm: size_mm.max(1e-9) }
    }

    /// How many of the six are left.
    pub fn degrees(&self) -> usize {
        self.free.len()
    }

    /// The motion of the assembly's space that takes a grabbed point nearest to where it is dragged, and keeps the mates.
    pub fn drag(&self, grabbed: DVec3, by: DVec3) -> DAffine3 {
        // A screw goes around a bend: small moves, each from where the last one ended.
        let (goal, mut moved) = (grabbed + by, DAffine3::IDENTITY);
        for _ in 0..32 {
            let at = moved.transform_point3(grabbed);
            let step = self.toward(at, goal - at);
            moved = step * moved;
            if (moved.transform_point3(grabbed) - at).length() < 1e-9 * self.size_mm {
                break;
            }
        }
        moved
    }

    /// One move: the free motion whose velocity at a point is nearest to the wish (damped least squares).
    fn toward(&self, at: DVec3, wish: DVec3) -> DAffine3 {
        let at = (at - self.centre) / self.size_mm;
        let velocities: Vec<DVec3> = self.free.iter().map(|m| turn(m).cross(at) + shift(m)).collect();
        let normal = velocities
            .iter()
            .fold(DMat3::IDENTITY * 1e-9, |sum, v| sum + DMat3::from_cols(*v * v.x, *v * v.y, *v * v.z));
        let wish = wish / self.size_mm;
        let push = normal.inverse() * wish;
        let mut sum = [0.0; 6];
        for (motion, velocity) in self.free.iter().zip(&velocities) {
            let share = velocity.dot(push);
            (0..6).for_each(|i| sum[i] += motion[i] * share);
        }
        // No turn of more than a fifth of a radian at a time.
        let much = (turn(&sum).length() / 0.2).max(1.0);
        self.screw(&sum.map(|v| v / much))
    }

    /// The finite motion of a small one.
    fn screw(&self, motion: &Six) -> DAffine3 {
        let (turn, shift) = (turn(motion), shift(motion) * self.size_mm);
        let angle = turn.length();
        if angle < 1e-12 {
            return DAffine3::from_translation(shift);
        }
        let axis = turn / angle;
        let through = self.centre + turn.cross(shift) / (angle * angle);
        let along = axis * axis.dot(shift);
        let rotation = DQuat::from_axis_angle(axis, angle);
        DAffine3::from_rotation_translation(rotation, through - rotation * through + along)
    }
}

fn turn(m: &Six) -> DVec3 {
    DVec3::new(m[0], m[1], m[2])
}

fn shift(m: &Six) -> DVec3 {
    DVec3::new(m[3], m[4], m[5])
}

/// What a mate forbids, as rows that a motion has to be square to.
fn rows(mate: &Mate, centre: DVec3, size_mm: f64) -> Vec<Six> {
    let six = |turn: DVec3, shift: DVec3| [turn.x, turn.y, turn.z, shift.x, shift.y, shift.z];
    match mate {
        Mate::Coincident { normal, at } | Mate::Distance { normal, at, .. } => {
            let (u, v) = normal.any_orthonormal_pair();
            let from = (*at - centre) / size_mm;
            vec![six(u, DVec3::ZERO), six(v, DVec3::ZERO), six(from.cross(*normal), *normal)]
        }
        Mate::Coaxial { axis, at, .. } => {
            let (u, v) = axis.any_orthonormal_pair();
            let from = (*at - centre) / size_mm;
            vec![six(u, DVec3::ZERO), six(v, DVec3::ZERO), six(from.cross(u), u), six(from.cross(v), v)]
        }
    }
}

/// What of a row is square to others, length 1; `None` where nearly nothing is.
fn rest(mut row: Six, others: &[Six], least: f64) -> Option<Six> {
    let length = |row: &Six| row.iter().map(|v| v * v).sum::<f64>().sqrt();
    let before = length(&row);
    // Twice is enough (Kahan): the second pass takes away what the first left by rounding.
    for other in others.iter().chain(others) {
        let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
        (0..6).for_each(|i| row[i] -= along * other[i]);
    }
    let after = length(&row);
    (after > least * before && before > 0.0).then(|| row.map(|v| v / after))
}
