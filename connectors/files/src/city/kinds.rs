//! The kind of each type of city object: CityJSON 2.0 clause 3 and its older names, extensions, and the types that only
//! CityGML has (written `+Name` as CityJSON writes extensions).

use kernel_model::Kind;

/// The kind of an object type.
pub(crate) fn kind(object_type: &str) -> Kind {
    match object_type.trim_start_matches('+') {
        "Building" => Kind::Building,
        "BuildingFurniture" | "CityFurniture" | "BridgeFurniture" | "TunnelFurniture" => Kind::Furniture,
        "Road" | "Railway" | "TransportSquare" | "Track" | "TransportationComplex" | "Section" | "Intersection" => {
            Kind::Road
        }
        "WaterBody" | "Waterway" => Kind::Water,
        "PlantCover" | "SolitaryVegetationObject" => Kind::Vegetation,
        "LandUse" => Kind::Landuse,
        "TINRelief" | "ReliefFeature" | "MassPointRelief" | "BreaklineRelief" => Kind::Terrain,
        _ if object_type.starts_with('+') => Kind::Other,
        other if other.starts_with("Building") => Kind::BuildingPart,
        other if other.starts_with("Bridge") || other.starts_with("Tunnel") => Kind::Bridge,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_standards_has_a_kind() {
        for (object_type, expected) in [
            ("Building", Kind::Building),
            ("BuildingPart", Kind::BuildingPart),
            ("BuildingStorey", Kind::BuildingPart),
            ("BuildingRoom", Kind::BuildingPart),
            ("BuildingFurniture", Kind::Furniture),
            ("BridgeInstallation", Kind::Bridge),
            ("TunnelHollowSpace", Kind::Bridge),
            ("TransportSquare", Kind::Road),
            ("+Track", Kind::Road),
            ("Waterway", Kind::Water),
            ("TINRelief", Kind::Terrain),
            ("+BreaklineRelief", Kind::Terrain),
            ("OtherConstruction", Kind::Other),
            ("CityObjectGroup", Kind::Other),
            ("+GenericCityObject", Kind::Other),
            ("+NoiseBarrier", Kind::Other),
            ("+BuildingUnderground", Kind::Other),
        ] {
            assert_eq!(kind(object_type), expected, "{object_type}");
        }
    }
}
