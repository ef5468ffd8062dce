//! One entity of the standard, by what it is made of. Its properties are read where it is written, filtered or sorted, not
//! before.

use std::sync::Arc;

use kernel_model::{DatastreamId, EntityId, PositionFix, TimeUs};

use super::city::Document;
use super::reading::Reading;
use super::set::{Id, Set};

/// An entity.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// A thing of the city.
    Thing(EntityId),
    /// What a client told: Location, Sensor, ObservedProperty, FeatureOfInterest, HistoricalLocation.
    Told(Set, Arc<Document>),
    /// What follows of a thing: its Location, its FeatureOfInterest, the Sensor that it is itself.
    Of(Set, EntityId),
    /// What datastreams observe and nobody told more of.
    Observed(Arc<str>),
    Datastream(DatastreamId),
    /// A row, and the id under which it is known.
    Observation(Box<(Reading, Id)>),
    /// A fix of what moves, as HistoricalLocation or as Location.
    Fix(Set, Box<(EntityId, PositionFix)>),
}

impl Item {
    pub(super) fn set(&self) -> Set {
        match self {
            Self::Thing(_) => Set::Things,
            Self::Told(set, _) | Self::Of(set, _) | Self::Fix(set, _) => *set,
            Self::Observed(_) => Set::ObservedProperties,
            Self::Datastream(_) => Set::Datastreams,
            Self::Observation(_) => Set::Observations,
        }
    }

    pub(super) fn id(&self) -> Id {
        match self {
            Self::Thing(id) | Self::Of(_, id) => Id::Text(id.to_string()),
            Self::Told(_, document) => Id::Text(document.key.clone()),
            Self::Observed(name) => Id::Text(name.to_string()),
            Self::Datastream(id) => Id::Number(id.0),
            Self::Observation(row) => row.1.clone(),
            Self::Fix(_, fix) => Id::Text(fix_id(&fix.0, fix.1.time)),
        }
    }

    /// The address below the root.
    pub(super) fn address(&self) -> String {
        format!("{}({})", self.set().name(), self.id())
    }
}

/// The id of a fix: the thing's and the instant.
pub(super) fn fix_id(thing: &EntityId, time: TimeUs) -> String {
    format!("{thing}@{}", time.0)
}

/// The thing and the instant of a fix's id.
pub(super) fn fix_of(id: &str) -> Option<(EntityId, TimeUs)> {
    let (thing, time) = id.split_once('@')?;
    Some((thing.parse().ok()?, TimeUs(time.parse().ok()?)))
}
