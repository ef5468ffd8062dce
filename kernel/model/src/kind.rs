//! What sort of thing an entity is: a short closed list; finer words stand in the entity's class.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The sort of a thing; it chooses the layer on screen and the collection in the APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A building as a whole.
    Building,
    /// A part, installation or storey of a building.
    BuildingPart,
    /// A road, path, railway or square.
    Road,
    /// A bridge or tunnel.
    Bridge,
    /// A river, lake or canal.
    Water,
    /// A tree or planted area.
    Vegetation,
    /// Land by use: a park, a plot.
    Landuse,
    /// Ground surface.
    Terrain,
    /// Street furniture: lamps, benches, poles.
    Furniture,
    /// A point of interest.
    Poi,
    /// A fixed sensor.
    Sensor,
    /// A moving vehicle.
    Vehicle,
    /// A moving person.
    Pedestrian,
    /// A surveyed point cloud.
    PointCloud,
    /// Anything else.
    Other,
}

impl Kind {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 15] = [
        Self::Building,
        Self::BuildingPart,
        Self::Road,
        Self::Bridge,
        Self::Water,
        Self::Vegetation,
        Self::Landuse,
        Self::Terrain,
        Self::Furniture,
        Self::Poi,
        Self::Sensor,
        Self::Vehicle,
        Self::Pedestrian,
        Self::PointCloud,
        Self::Other,
    ];

    /// The name used in tables, APIs and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::BuildingPart => "building_part",
            Self::Road => "road",
            Self::Bridge => "bridge",
            Self::Water => "water",
            Self::Vegetation => "vegetation",
            Self::Landuse => "landuse",
            Self::Terrain => "terrain",
            Self::Furniture => "furniture",
            Self::Poi => "poi",
            Self::Sensor => "sensor",
            Self::Vehicle => "vehicle",
            Self::Pedestrian => "pedestrian",
            Self::PointCloud => "point_cloud",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = crate::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| crate::IdError {
            text: text.to_owned(),
            wanted: "a kind: building, building_part, road, bridge, water, vegetation, landuse, terrain, furniture, poi, \
                     sensor, vehicle, pedestrian, point_cloud or other",
        })
    }
}
