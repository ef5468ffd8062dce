//! The many ways of writing the name of a coordinate reference system, brought to one: a code or a proj string. No
//! definition is looked up here.

/// What a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// An EPSG code, and the code of the heights where the text names two.
    Epsg {
        /// The horizontal, compound or 3D system.
        code: u32,
        /// The vertical system, where named separately.
        vertical: Option<u32>,
    },
    /// OGC:CRS84 (longitude, latitude) or OGC:CRS84h (with ellipsoidal height).
    Crs84 {
        /// With heights above the ellipsoid.
        ellipsoidal: bool,
    },
    /// A proj string: it begins with `+`.
    Proj(String),
}

/// Germany's state surveys name systems themselves (AdV, GeoInfoDok): their position and height parts, and what EPSG calls
/// each.
const ADV_POSITIONS: [(&str, u32); 5] = [
    ("ETRS89_UTM31", 25831),
    ("ETRS89_UTM32", 25832),
    ("ETRS89_UTM33", 25833),
    ("DE_DHDN_3GK2", 31466),
    ("DE_DHDN_3GK3", 31467),
];
const ADV_HEIGHTS: [(&str, u32); 3] = [("DE_DHHN85_NH", 5784), ("DE_DHHN92_NH", 5783), ("DE_DHHN2016_NH", 7837)];

/// Reads `EPSG:7415`, `7415`, `EPSG:28992+5709`, `urn:ogc:def:crs:EPSG::7415`,
/// `urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783`, `urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH`,
/// `http://www.opengis.net/gml/srs/epsg.xml#25832`, `https://www.opengis.net/def/crs/EPSG/0/7415`, `OGC:CRS84`
/// and its urn and URL forms, or a proj string. `None`: none of them.
pub(crate) fn read(text: &str) -> Option<Spelling> {
    let text = text.trim();
    if text.starts_with('+') || text.starts_with("proj=") {
        return Some(Spelling::Proj(text.to_owned()));
    }
    let upper = text.to_ascii_uppercase();
    for (name, ellipsoidal) in [("CRS84H", true), ("CRS84", false)] {
        if upper == name || upper.ends_with(&format!(":{name}")) || upper.ends_with(&format!("/{name}")) {
            return Some(Spelling::Crs84 { ellipsoidal });
        }
    }
    if let Some(name) = upper.strip_prefix("URN:ADV:CRS:") {
        return adv(name);
    }
    let parts: Vec<&str> = match upper.split_once(",CRS:") {
        Some((_, rest)) => rest.split(",CRS:").collect(),
        None => upper.split('+').collect(),
    };
    match parts.as_slice() {
        [code] => Some(Spelling::Epsg { code: epsg(code)?, vertical: None }),
        [code, vertical] => Some(Spelling::Epsg { code: epsg(code)?, vertical: Some(epsg(vertical)?) }),
        _ => None,
    }
}

/// `ETRS89_UTM32*DE_DHHN2016_NH`: a position, or a position and a height.
fn adv(name: &str) -> Option<Spelling> {
    let code = |list: &[(&str, u32)], part: &str| list.iter().find(|(name, _)| *name == part).map(|(_, code)| *code);
    match name.split_once('*') {
        None => Some(Spelling::Epsg { code: code(&ADV_POSITIONS, name)?, vertical: None }),
        Some((position, height)) => {
            let vertical = Some(code(&ADV_HEIGHTS, height)?);
            Some(Spelling::Epsg { code: code(&ADV_POSITIONS, position)?, vertical })
        }
    }
}

/// The code in `EPSG:n`, `EPSG::n`, `EPSG:6.12:n`, `.../EPSG/0/n` or a bare `n`.
fn epsg(text: &str) -> Option<u32> {
    let text = text.trim();
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    if let Some((_, code)) = text.split_once("/EPSG.XML#") {
        return code.parse().ok();
    }
    let rest = &text[text.find("EPSG")? + 4..];
    let mut fields = rest.trim_end_matches(['/', '>']).split([':', '/']);
    let code = fields.next_back()?;
    (rest.starts_with([':', '/']) && fields.count() <= 2).then_some(())?;
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_seen_in_files_is_read() {
        for text in [
            "EPSG:7415",
            "epsg:7415",
            "7415",
            "urn:ogc:def:crs:EPSG::7415",
            "urn:ogc:def:crs:EPSG:9.9:7415",
            "https://www.opengis.net/def/crs/EPSG/0/7415",
            "http://www.opengis.net/def/crs/EPSG/6.12/7415",
        ] {
            assert_eq!(read(text), Some(Spelling::Epsg { code: 7415, vertical: None }), "{text}");
        }
        for text in ["EPSG:3068+5783", "urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783"] {
            assert_eq!(read(text), Some(Spelling::Epsg { code: 3068, vertical: Some(5783) }), "{text}");
        }
        let adv = |text| read(&format!("urn:adv:crs:{text}"));
        assert_eq!(adv("ETRS89_UTM32"), Some(Spelling::Epsg { code: 25832, vertical: None }));
        assert_eq!(adv("ETRS89_UTM33*DE_DHHN2016_NH"), Some(Spelling::Epsg { code: 25833, vertical: Some(7837) }));
        assert_eq!((adv("ETRS89_UTM33*DE_NN"), adv("DE_X")), (None, None));
        let old = read("http://www.opengis.net/gml/srs/epsg.xml#25832");
        assert_eq!(old, Some(Spelling::Epsg { code: 25832, vertical: None }));
        for text in ["OGC:CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"] {
            assert_eq!(read(text), Some(Spelling::Crs84 { ellipsoidal: false }), "{text}");
        }
        assert!(matches!(read("+proj=utm +zone=50"), Some(Spelling::Proj(_))));
    }

    #[test]
    fn other_texts_are_not() {
        for text in ["", "EPSG", "EPSG:", "EPSG:x", "WGS 84", "EPSG7415", "ESRI:102100", "EPSG:1+2+3", "EPSG:-1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
