//! What a commit changed in the present city: what live subscribers are told.

use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Sequence};

/// A newest reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The thing.
    pub entity: EntityId,
    /// The series.
    pub datastream: DatastreamId,
    /// The value.
    pub observation: Observation,
}

/// A newest fix.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// The thing.
    pub entity: EntityId,
    /// Where it is.
    pub fix: PositionFix,
}

/// Changes of the present city by one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// The commit.
    pub sequence: Sequence,
    /// Things described anew or retired.
    pub entities: Vec<EntityId>,
    /// Newest readings.
    pub readings: Vec<Reading>,
    /// Newest fixes.
    pub fixes: Vec<Fix>,
}
