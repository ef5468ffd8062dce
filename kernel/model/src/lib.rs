//! The kernel's words: what every other crate means by entity, datastream, observation, asset and change.
//!
//! Connectors turn outside formats into [`Change`]s; the ingest task resolves them to stored rows whose Arrow shapes
//! stand in [`schema`]; queries, tiles, the ledger and the viewer read those rows. Everything here is plain data:
//! no file is opened, no clock is read, no thread is started.
//!
//! Frame of all positions: WGS 84 / CGCS2000 longitude and latitude in degrees. Heights are metres above whatever
//! [`HeightReference`] says, and nothing in the kernel converts one reference into another silently. Times are UTC
//! microseconds since 1970.

mod anchor;
mod asset;
mod change;
mod columns;
mod entity;
mod geojson;
mod geometry;
mod id;
mod kind;
mod observation;
mod place;
pub mod schema;
pub mod sensorthings;
mod sight;
mod statement;
mod time;
mod wkb;
mod written;

pub use anchor::{Anchor, AnchorError, AnchorPoint, Anchored};
pub use asset::{AssetRecord, ContentRef, Operation};
pub use change::{Change, ContentDraft, Descent, Origin, Rejection, Removal, Sink, SinkError, Succession};
pub use columns::{ColumnsError, FixColumns, Names, PlaceColumns, ReadingColumns};
pub use entity::EntityDraft;
pub use geojson::GeoJsonError;
pub use geometry::{Coord, Geometry, Polygon, Shape};
pub use id::{ContentId, DatastreamId, EntityId, IdError, Sequence, SourceKey};
pub use kind::Kind;
pub use observation::{DatastreamDraft, Observation, ObservationBatch, PositionBatch, PositionFix, Quality};
pub use place::{HeightReference, Place, PlaceError, Region};
pub use sight::{District, Places, Sight, Traits, View, grade_of};
pub use statement::{AssetEvent, ChainHead, ChainHeads, Derivation, Right, Statement, Valuation};
pub use time::{Span, TimeError, TimeUs};
pub use wkb::WkbError;
pub use written::{CHANGES_TYPE, WrittenError, Wrong, read_changes};
