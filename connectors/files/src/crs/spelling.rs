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

/// Reads `EPSG:7415`, `7415`, `EPSG:28992+5709`, `urn:ogc:def:crs:EPSG::7415`,
/// `urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783`, `https://www.opengis.net/def/crs/EPSG/0/7415`, `OGC:CRS84`
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

/// The code in `EPSG:n`, `EPSG::n`, `EPSG:6.12:n`, `.../EPSG/0/n` or a bare `n`.
fn epsg(text: &str) -> Option<u32> {
    let text = text.trim();
    if let Ok(code) = text.parse() {
        return Some(code);
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
