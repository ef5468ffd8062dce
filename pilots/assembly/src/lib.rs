//! The assembly pilot: a glTF model of parts comes in; out go its clashes and clearances, an order in which the parts come
//! apart without a collision, the mates between them, parts as entities of the kernel, and a session in which several
//! people work on them. The model's unit is stated by the user, distances are those of the triangles, and what is not
//! certain (a depth, an open surface) is said to be so.
//!
//! Lengths are millimetres inside this crate, and metres and degrees where parts become entities.

mod broad;
mod clash;
mod depth;
mod entities;
mod error;
mod features;
mod make;
mod mates;
mod mesh;
mod pair;
mod parallel;
mod part;
mod picture;
mod read;
mod report;
mod sequence;
mod session;
mod tree;
mod triangle;
mod unit;

pub use clash::{Checker, Finding, Limits, Relation};
pub use depth::Depth;
pub use entities::{Placement, changes};
pub use error::Error;
pub use features::{Cylinder, Features, Plane};
pub use make::{BORE_MM, EVERY, PIN_MM, PRESSED_MM, STATION, make_glb};
pub use mates::{Freedom, Joined, Mate, Reach, features, mates, snap};
pub use mesh::Mesh;
pub use part::{Assembly, Part};
pub use read::{read, read_file};
pub use report::{ClashReport, Order, SequenceReport, instruction};
pub use sequence::{Allowance, Checked, Deepest, Plan, Step, Stuck, check, sequence};
pub use session::{
    Comment, Edit, Entry, LEASE_US, Outcome, Pose, Presence, Replica, Request, Session, SessionError, State, TEXT,
};
pub use tree::Aabb;
pub use triangle::Triangle;
pub use unit::Unit;
