//! The layers a person can switch, and which kind of thing belongs to which.

/// A layer of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Houses and their parts.
    Buildings,
    /// Streets, paths and rails.
    Roads,
    /// Rivers, lakes, sea.
    Water,
    /// Trees and green areas.
    Vegetation,
    /// What the ground is used for.
    Landuse,
    /// The ground's own surface.
    Terrain,
    /// Bridges.
    Bridges,
    /// Lamps, benches, signs.
    Furniture,
    /// Places with a name.
    Poi,
    /// What measures.
    Sensors,
    /// What drives.
    Vehicles,
    /// Who walks.
    Pedestrians,
    /// Scanned points.
    PointClouds,
    /// Anything else.
    Other,
}

impl Layer {
    /// Every layer, in the order in which they are listed.
    pub const ALL: [Self; 14] = [
        Self::Buildings,
        Self::Roads,
        Self::Water,
        Self::Vegetation,
        Self::Landuse,
        Self::Terrain,
        Self::Bridges,
        Self::Furniture,
        Self::Poi,
        Self::Sensors,
        Self::Vehicles,
        Self::Pedestrians,
        Self::PointClouds,
        Self::Other,
    ];

    /// The layer's name towards the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buildings => "buildings",
            Self::Roads => "roads",
            Self::Water => "water",
            Self::Vegetation => "vegetation",
            Self::Landuse => "landuse",
            Self::Terrain => "terrain",
            Self::Bridges => "bridges",
            Self::Furniture => "furniture",
            Self::Poi => "poi",
            Self::Sensors => "sensors",
            Self::Vehicles => "vehicles",
            Self::Pedestrians => "pedestrians",
            Self::PointClouds => "point_clouds",
            Self::Other => "other",
        }
    }

    /// The layer of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }

    /// Where a kind of thing is shown; unknown kinds are "other".
    pub fn of_kind(kind: &str) -> Self {
        match kind {
            "building" | "building_part" => Self::Buildings,
            "road" => Self::Roads,
            "water" => Self::Water,
            "vegetation" => Self::Vegetation,
            "landuse" => Self::Landuse,
            "terrain" => Self::Terrain,
            "bridge" => Self::Bridges,
            "furniture" => Self::Furniture,
            "poi" => Self::Poi,
            "sensor" => Self::Sensors,
            "vehicle" => Self::Vehicles,
            "pedestrian" => Self::Pedestrians,
            "point_cloud" => Self::PointClouds,
            _ => Self::Other,
        }
    }

    /// Whether its things are drawn again each frame rather than built once into meshes.
    pub(crate) const fn is_live(self) -> bool {
        matches!(self, Self::Sensors | Self::Vehicles | Self::Pedestrians)
    }

    /// Terrain is hidden at first: the ground is flat as yet, and relief would cover what lies on it.
    pub(crate) const fn shown_at_first(self) -> bool {
        !matches!(self, Self::Terrain)
    }
}
