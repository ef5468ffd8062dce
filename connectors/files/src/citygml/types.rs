//! Which elements of CityGML 1.0, 2.0 and 3.0 are objects, which are surfaces of one and which only hold others, and
//! what CityJSON 2.0 calls each. Names that CityJSON lacks are written `+Name`, as it writes extensions.

/// What an element of a CityGML module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A city object of this type.
    Object(&'static str),
    /// A surface of the object it stands in.
    Surface(&'static str),
    /// A space whose surfaces are those of the object it stands in.
    Space,
    /// Something without a place in a city: why it is left out.
    LeftOut,
    /// Not known here.
    Unknown,
}

/// The role of an element by its name without prefix.
pub(super) fn role(local: &str) -> Role {
    use Role::{LeftOut, Object, Space, Surface};
    match local {
        "Building" => Object("Building"),
        "BuildingPart" => Object("BuildingPart"),
        "BuildingInstallation" | "IntBuildingInstallation" => Object("BuildingInstallation"),
        "BuildingConstructiveElement" => Object("BuildingConstructiveElement"),
        "BuildingFurniture" => Object("BuildingFurniture"),
        "BuildingUnit" => Object("BuildingUnit"),
        "Storey" => Object("BuildingStorey"),
        "Room" | "BuildingRoom" => Object("BuildingRoom"),
        "Bridge" => Object("Bridge"),
        "BridgePart" => Object("BridgePart"),
        "BridgeInstallation" | "IntBridgeInstallation" => Object("BridgeInstallation"),
        "BridgeConstructionElement" | "BridgeConstructiveElement" => Object("BridgeConstructiveElement"),
        "BridgeRoom" => Object("BridgeRoom"),
        "BridgeFurniture" => Object("BridgeFurniture"),
        "Tunnel" => Object("Tunnel"),
        "TunnelPart" => Object("TunnelPart"),
        "TunnelInstallation" | "IntTunnelInstallation" => Object("TunnelInstallation"),
        "TunnelConstructiveElement" => Object("TunnelConstructiveElement"),
        "HollowSpace" => Object("TunnelHollowSpace"),
        "TunnelFurniture" => Object("TunnelFurniture"),
        "OtherConstruction" => Object("OtherConstruction"),
        "Road" => Object("Road"),
        "Railway" => Object("Railway"),
        "Square" => Object("TransportSquare"),
        "Waterway" => Object("Waterway"),
        "Track" => Object("+Track"),
        "TransportationComplex" => Object("+TransportationComplex"),
        "Section" => Object("+Section"),
        "Intersection" => Object("+Intersection"),
        "ReliefFeature" => Object("+ReliefFeature"),
        "TINRelief" => Object("TINRelief"),
        "MassPointRelief" => Object("+MassPointRelief"),
        "BreaklineRelief" => Object("+BreaklineRelief"),
        "PlantCover" => Object("PlantCover"),
        "SolitaryVegetationObject" => Object("SolitaryVegetationObject"),
        "CityFurniture" => Object("CityFurniture"),
        "LandUse" => Object("LandUse"),
        "WaterBody" => Object("WaterBody"),
        "CityObjectGroup" => Object("CityObjectGroup"),
        "GenericCityObject" | "GenericOccupiedSpace" | "GenericUnoccupiedSpace" | "GenericLogicalSpace" => {
            Object("+GenericCityObject")
        }
        "RoofSurface" => Surface("RoofSurface"),
        "WallSurface" => Surface("WallSurface"),
        "GroundSurface" => Surface("GroundSurface"),
        "ClosureSurface" => Surface("ClosureSurface"),
        "OuterCeilingSurface" => Surface("OuterCeilingSurface"),
        "OuterFloorSurface" => Surface("OuterFloorSurface"),
        "InteriorWallSurface" => Surface("InteriorWallSurface"),
        "CeilingSurface" => Surface("CeilingSurface"),
        "FloorSurface" => Surface("FloorSurface"),
        "Window" | "WindowSurface" => Surface("Window"),
        "Door" | "DoorSurface" => Surface("Door"),
        "WaterSurface" => Surface("WaterSurface"),
        "WaterGroundSurface" => Surface("WaterGroundSurface"),
        "WaterClosureSurface" => Surface("WaterClosureSurface"),
        "TrafficArea" => Surface("TrafficArea"),
        "AuxiliaryTrafficArea" => Surface("AuxiliaryTrafficArea"),
        "Marking" => Surface("TransportationMarking"),
        "HoleSurface" => Surface("TransportationHole"),
        "GenericThematicSurface" => Surface("+GenericThematicSurface"),
        "TrafficSpace" | "AuxiliaryTrafficSpace" | "ClearanceSpace" | "Hole" => Space,
        "RasterRelief" | "PointCloud" | "Dynamizer" | "Version" | "VersionTransition" | "Appearance" => LeftOut,
        _ => Role::Unknown,
    }
}
