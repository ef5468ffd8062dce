//! The space-time codes shown for a place.

use coding_system::{Key, Position, Profile, Scheme, encode};
use kernel_model::{HeightReference, Place};
use serde_json::{Value, json};

/// Levels of a thing's codes: BeiDou 8 (1/32 second, about a metre), GeoSOT 26 (the same cell), H3 12 (about 10 m).
const BEIDOU: u8 = 8;
const GEOSOT: u8 = 26;
const H3: u8 = 12;

/// Codes as a JSON object. Heights go in only where they are measured from the ellipsoid, as the standards want.
pub(crate) fn codes(place: &Place, reference: &HeightReference) -> Value {
    let height = place.height_m.filter(|_| *reference == HeightReference::Ellipsoid);
    let position =
        Position::new(place.lon_deg, place.lat_deg, height).or_else(|_| Position::new_2d(place.lon_deg, place.lat_deg));
    let Ok(position) = position else { return json!({}) };
    let flat = position.without_height();
    let code = |scheme: Scheme, level: u8, at: &Position| encode(scheme, level, at, None).ok();
    let key = Key::new_2d(&flat, None, Profile::SpaceFirst).ok().map(|key| format!("{:032x}", key.to_u128()));
    json!({
        "beidou": code(Scheme::BeiDou, BEIDOU, &flat),
        "beidou_3d": height.and_then(|_| code(Scheme::BeiDou, BEIDOU, &position)),
        "geosot": code(Scheme::GeoSot, GEOSOT, &flat),
        "geosot_3d": height.and_then(|_| code(Scheme::GeoSot, GEOSOT, &position)),
        "h3": code(Scheme::H3, H3, &flat),
        "key": key,
    })
}
