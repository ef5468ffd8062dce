//! Readings: what a datastream is, one observation of it, one fix of a moving thing (OGC SensorThings 1.1 terms).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::SourceKey;
use crate::place::{HeightReference, Place};
use crate::time::TimeUs;

/// How far a value can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Nothing speaks against it.
    #[default]
    Good,
    /// The source or a rule doubts it (a ceiling reached, values that contradict each other).
    Suspect,
    /// The source says that it is no measurement.
    Missing,
}

impl Quality {
    /// The number stored: 0 good, 1 suspect, 2 missing.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Suspect => 1,
            Self::Missing => 2,
        }
    }
}

/// A series of values of one property at one thing, in one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatastreamDraft {
    /// What the source calls it.
    pub source: SourceKey,
    /// The thing it belongs to; declared in the same or an earlier change.
    pub entity: SourceKey,
    /// The observed property (`pm25`, `noise`, `water_level`).
    pub property: String,
    /// The unit in UCUM (`ug/m3`, `dB`, `m`), never guessed; `1` for a plain number.
    pub unit: String,
    /// A name people use.
    pub name: String,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// When it was so in the world.
    pub phenomenon_time: TimeUs,
    /// When the result was produced; `None`: the same instant.
    pub result_time: Option<TimeUs>,
    /// The value in the datastream's unit.
    pub value: f64,
    /// How far to trust it.
    pub quality: Quality,
}

/// Values of one datastream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservationBatch {
    /// Which datastream.
    pub datastream: SourceKey,
    /// The unit the sender claims; a claim other than the datastream's unit is refused.
    pub unit: Option<Arc<str>>,
    /// The values.
    pub rows: Vec<Observation>,
    /// Where each value was measured, heights above the ellipsoid; empty: where the thing stands.
    pub places: Vec<Place>,
}

/// Where a moving thing was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PositionFix {
    /// When.
    pub time: TimeUs,
    /// Where.
    pub place: Place,
    /// Direction of travel, degrees clockwise from north.
    pub heading_deg: Option<f32>,
    /// Speed over ground, metres a second.
    pub speed_m_s: Option<f32>,
}

/// Fixes of one moving thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionBatch {
    /// Which thing.
    pub entity: SourceKey,
    /// What the heights are measured from.
    pub height_reference: HeightReference,
    /// The fixes.
    pub rows: Vec<PositionFix>,
}
