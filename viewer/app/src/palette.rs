//! Colours: warm stone for houses by class, grey for streets, greens and blues. One place, so that the picture is of one cast.

use viewer_render::rgb8;

use crate::EntityId;

fn has(class: &str, words: &[&str]) -> bool {
    words.iter().any(|word| class.contains(word))
}

/// Makes a colour a little lighter or darker and warmer or cooler, always alike for the same thing.
fn varied(colour: [u8; 3], id: &EntityId, amount: f32) -> u32 {
    let light = 1.0 + (id.chance(1) - 0.5) * amount;
    let warm = (id.chance(2) - 0.5) * amount * 0.5;
    let part = |v: u8, f: f32| (f32::from(v) * f).clamp(0.0, 255.0) as u8;
    rgb8(part(colour[0], light + warm), part(colour[1], light), part(colour[2], light - warm))
}

/// A house's walls and its roof.
pub(crate) fn building(class: &str, id: &EntityId) -> (u32, u32) {
    let (wall, roof): ([u8; 3], [u8; 3]) = if has(class, &["commercial", "office", "retail", "hotel", "shop"]) {
        ([212, 216, 218], [178, 180, 182])
    } else if has(class, &["industrial", "warehouse", "factory", "garage", "service"]) {
        ([201, 197, 188], [158, 160, 162])
    } else if has(
        class,
        &["school", "university", "hospital", "public", "civic", "government", "kindergarten", "college"],
    ) {
        ([226, 205, 176], [170, 124, 104])
    } else if has(class, &["church", "cathedral", "temple", "museum", "historic", "palace", "mosque"]) {
        ([229, 214, 184], [128, 146, 136])
    } else if has(class, &["residential", "apartments", "house", "dormitory", "detached"]) {
        ([231, 222, 207], [174, 132, 112])
    } else {
        ([226, 220, 210], [190, 178, 166])
    };
    (varied(wall, id, 0.12), varied(roof, id, 0.16))
}

/// Asphalt and its edge for a street.
pub(crate) fn road(class: &str) -> (u32, u32) {
    if has(class, &["footway", "path", "pedestrian", "steps", "sidewalk", "platform", "living_street"]) {
        (rgb8(196, 188, 174), rgb8(180, 172, 158))
    } else if has(class, &["cycleway", "bicycle"]) {
        (rgb8(172, 124, 108), rgb8(160, 150, 140))
    } else if has(class, &["rail", "tram", "subway", "light_rail"]) {
        (rgb8(112, 104, 98), rgb8(140, 132, 122))
    } else if has(class, &["track", "bridleway"]) {
        (rgb8(168, 154, 128), rgb8(160, 150, 126))
    } else if has(class, &["motorway", "trunk", "primary"]) {
        (rgb8(98, 101, 106), rgb8(186, 182, 174))
    } else {
        (rgb8(116, 118, 121), rgb8(186, 182, 174))
    }
}

/// A street's width in metres, kerb to kerb.
pub(crate) fn road_width_m(class: &str) -> f32 {
    if has(class, &["_link"]) {
        return 6.0;
    }
    if has(class, &["footway", "path", "steps", "sidewalk", "cycleway", "bicycle", "bridleway", "platform"]) {
        return 2.4;
    }
    for (word, width) in [
        ("motorway", 22.0),
        ("trunk", 18.0),
        ("primary", 14.0),
        ("secondary", 11.0),
        ("tertiary", 9.0),
        ("residential", 7.0),
        ("living_street", 6.0),
        ("pedestrian", 6.0),
        ("unclassified", 7.0),
        ("service", 4.5),
        ("track", 3.5),
        ("tram", 3.2),
        ("rail", 3.6),
        ("subway", 3.6),
    ] {
        if class.contains(word) {
            return width;
        }
    }
    7.0
}

/// The order in which streets are painted: narrow first, wide over them.
pub(crate) fn road_order(class: &str) -> u8 {
    match road_width_m(class) {
        w if w < 4.0 => 0,
        w if w < 7.5 => 1,
        w if w < 12.0 => 2,
        _ => 3,
    }
}

/// Used ground.
pub(crate) fn landuse(class: &str) -> u32 {
    if has(class, &["grass", "meadow", "park", "garden", "village_green", "recreation", "golf", "pitch", "playground"])
    {
        rgb8(142, 164, 104)
    } else if has(class, &["forest", "wood", "scrub", "orchard"]) {
        rgb8(118, 152, 98)
    } else if has(class, &["farm", "allotments", "plant"]) {
        rgb8(186, 186, 138)
    } else if has(class, &["industrial", "railway", "construction", "brownfield"]) {
        rgb8(190, 186, 182)
    } else if has(class, &["commercial", "retail"]) {
        rgb8(200, 192, 184)
    } else if has(class, &["sand", "beach"]) {
        rgb8(224, 208, 168)
    } else if has(class, &["parking", "square", "pedestrian", "plaza"]) {
        rgb8(190, 188, 186)
    } else if has(class, &["cemetery"]) {
        rgb8(158, 176, 138)
    } else {
        rgb8(188, 188, 170)
    }
}

/// Leaves of one tree.
pub(crate) fn leaves(class: &str, id: &EntityId) -> u32 {
    let colour = if has(class, &["needle", "conifer", "pine", "spruce", "fir"]) { [66, 94, 64] } else { [98, 124, 70] };
    varied(colour, id, 0.34)
}

/// Green areas.
pub(crate) const GREEN: u32 = rgb8(142, 172, 108);
/// Water.
pub(crate) const WATER: u32 = rgb8(96, 138, 150);
/// Bare relief.
pub(crate) const TERRAIN: u32 = rgb8(178, 176, 158);
/// Bridges and other structures of stone.
pub(crate) const STONE: u32 = rgb8(196, 192, 186);
/// Street furniture.
pub(crate) const FURNITURE: u32 = rgb8(96, 104, 110);
/// Named places.
pub(crate) const POI: u32 = rgb8(86, 118, 196);
/// A sensor that has not yet said anything.
pub(crate) const SILENT: u32 = rgb8(172, 178, 184);

/// Cars: mostly white, silver and dark, now and then red, blue or yellow.
pub(crate) fn vehicle(class: &str, id: &EntityId) -> u32 {
    if has(class, &["bus"]) {
        return rgb8(206, 60, 48);
    }
    if has(class, &["taxi"]) {
        return rgb8(238, 186, 44);
    }
    if has(class, &["emergency", "ambulance", "fire", "police"]) {
        return rgb8(226, 70, 58);
    }
    match (id.chance(3) * 20.0) as u32 {
        0..=6 => rgb8(240, 240, 238),
        7..=10 => rgb8(176, 182, 188),
        11..=14 => rgb8(58, 62, 70),
        15 | 16 => rgb8(186, 48, 44),
        17 | 18 => rgb8(46, 94, 168),
        _ => rgb8(226, 170, 60),
    }
}

/// Clothes.
pub(crate) fn pedestrian(id: &EntityId) -> u32 {
    const CLOTHES: [[u8; 3]; 6] =
        [[198, 82, 66], [64, 104, 168], [232, 190, 92], [92, 140, 104], [120, 92, 140], [60, 66, 76]];
    varied(CLOTHES[(id.chance(4) * 6.0) as usize % 6], id, 0.2)
}
