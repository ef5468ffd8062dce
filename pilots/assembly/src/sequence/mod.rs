//! An order in which an assembly comes apart, with the way of every part; backwards it is the order of assembly. Single
//! parts go first along one straight line, then along two; where none can, a group that nothing outside of it blocks goes as one and is
//! taken apart by itself. What interpenetrates in the model already is allowed to, as deep as is said beside it. Weight,
//! tools and what would fall down are not looked at.

mod check;
mod groups;
mod order;
mod space;

use glam::DVec3;

use crate::clash::{Checker, Limits};
use crate::error::Error;
use crate::part::Assembly;
pub use check::{Checked, Deepest, check};
pub use space::Allowance;
use space::Space;

/// One step: parts that leave together.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Numbers of the parts; several are a group that is taken apart by later steps.
    pub parts: Vec<usize>,
    /// Shifts in millimetres, one after the other, from where the parts are in the model; after the last they are clear of
    /// the box around the whole assembly.
    pub path: Vec<DVec3>,
    /// Those that stay, of the group that is being taken apart; the step is free of collision with these.
    pub against: Vec<usize>,
    /// Those that were in the way of this path and left before.
    pub after: Vec<usize>,
}

/// A part that did not come out, and what is in its way in the directions that were tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Stuck {
    /// Which.
    pub part: usize,
    /// Direction and the first part found in the way.
    pub blocked: Vec<(DVec3, usize)>,
}

/// The whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Deepest that parts may be in each other that are not in the model, millimetres.
    pub tolerance_mm: f64,
    /// What was allowed to pairs that touch or interpenetrate in the model.
    pub allowances: Vec<Allowance>,
    /// The steps of taking apart.
    pub steps: Vec<Step>,
    /// What never moves: the last part of the assembly, and of each group.
    pub stay: Vec<usize>,
    /// What did not come apart.
    pub stuck: Vec<Stuck>,
}

/// Finds an order.
///
/// # Errors
/// [`Error::Number`] where the tolerance cannot be: it is above zero, since bodies that touch share points.
pub fn sequence(assembly: &Assembly, tolerance_mm: f64) -> Result<Plan, Error> {
    if tolerance_mm.is_nan() || tolerance_mm <= 0.0 {
        let wanted = "give millimetres above 0: parts that touch share points";
        return Err(Error::Number { what: "the tolerance", value: tolerance_mm, wanted });
    }
    let limits = Limits { tolerance_mm, clearance_mm: tolerance_mm, pairs: Vec::new() };
    let checker = Checker::new(assembly, limits)?;
    let space = Space::new(&checker, tolerance_mm);
    let mut plan = order::take_apart(&space);
    plan.allowances = space.told().to_vec();
    Ok(plan)
}
