//! In-memory candidate indexes. Things with a number come in, as points or boxes of longitude, latitude and, where asked
//! for, height; the numbers of all that may lie in a region, or the nearest ones, come out. What the numbers mean is the
//! caller's business. Nothing here touches a disk, waits, or panics on bad input.
//!
//! **Law:** the candidates contain the answer. For points they are the answer: every [`Region`] tests points exactly.
//!
//! | index | for | changes |
//! |---|---|---|
//! | [`Packed`] | what is sealed: points or boxes, with a time band each if wanted; counts without a visit; to and from bytes | never |
//! | [`Zones`] | points that lie in files, sorted: runs of rows, with time and series; a byte for each row; to and from bytes | never |
//! | [`Boxes`] ([`BoxIndex`], [`VolumeIndex`]) | boxes that come and go | one at a time |
//! | [`MovingIndex`] | positions that move, millions of times a second | one at a time |
//! | [`SharedMoving`] | the same beside readers that never wait | in batches |
//! | [`Fences`] | many regions with height bands: which of them hold a point, exactly | one at a time |
//!
//! | region | in the plane | in space |
//! |---|---|---|
//! | box, over the antimeridian too | [`Bounds::region`] | [`Bounds::region`] |
//! | radius in metres | [`Circle`] | [`Extruded`] of it |
//! | polygons with holes | [`Area`], [`Faces`] | [`Extruded`] of it (storeys, airspace) |
//! | corridor along a line | [`Corridor`] | [`Extruded`] of it |
//! | six planes | | [`InFrame`] of a [`Frustum`] |
//! | ray or beam | | [`InFrame`] of a [`Ray`] |
//!
//! Axes are always longitude and latitude in degrees (WGS 84 or CGCS2000: they differ by 0.1 mm) and height above the
//! ellipsoid in metres. Distances are those of [`distance_m`].

mod area;
mod bounds;
mod boxes;
mod circle;
mod combined;
mod corridor;
mod earth;
mod error;
mod faces;
mod fences;
mod frame;
mod frustum;
mod meets;
mod moving;
mod nearest;
mod packed;
mod ray;
mod region;
mod zones;

pub use area::{Area, Location};
pub use bounds::{Bounds, LonLatBox, TimeBand, Volume};
pub use boxes::{BoxIndex, Boxes, VolumeIndex};
pub use circle::Circle;
pub use combined::{All, Both, Extruded};
pub use corridor::Corridor;
pub use earth::{distance_m, straight_m};
pub use error::{BytesError, Error};
pub use faces::Faces;
pub use fences::{Fence, Fences, Held};
pub use frame::{InFrame, LocalFrame, LocalShape};
pub use frustum::Frustum;
pub use moving::{MovingIndex, Position, SharedMoving};
pub use nearest::{Along, FromAbove, Near, NearInDegrees, NearInSpace, Ranking};
pub use packed::{Packed, PackedBuilder};
pub use ray::Ray;
pub use region::{Region, Relation, Windows};
pub use zones::{Certain, Columns, ROWS as ZONE_ROWS, Run, Spans, Zones, ZonesBuilder};
