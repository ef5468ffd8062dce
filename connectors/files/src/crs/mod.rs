//! Coordinate reference systems: a name, WKT or proj string in, a [`Frame`] that turns coordinates into longitude and
//! latitude on WGS 84 out. Heights are never converted from one reference into another, only from feet into metres;
//! a system whose datum shift is not known is refused, not guessed.
//!
//! Definitions come from `crs-definitions` (EPSG codes to proj strings), the compound systems' parts from
//! `compounds.csv` (the EPSG register's, taken from the WKT of the same set).
//!
//! Axis order. Projected coordinates are easting first, as all files in use have them, whatever the register says
//! (EPSG:31256 and EPSG:4549 are northing first there). Geographic coordinates of an EPSG code are latitude first, as
//! the register says; a file or a caller that has longitude first says `OGC:CRS84` or gives a proj string. Formats
//! that fix their order themselves (GeoJSON, LAS, tables with named columns) ask for [`AxisOrder::LonLat`].

mod frame;
mod projjson;
mod spelling;
mod wkt;

pub use frame::Frame;

use kernel_model::HeightReference;

use spelling::Spelling;

/// Why a coordinate reference system cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrsError {
    /// The text names none.
    #[error("`{0}` names no coordinate reference system; pass --crs EPSG:n, an OGC urn or URL, or a proj string")]
    Spelling(String),
    /// The code is not in the definitions.
    #[error("EPSG:{0} is not known here; pass --crs with the proj string or with its parts, such as EPSG:28992+5709")]
    UnknownCode(u32),
    /// The definition lacks the shift from its datum to WGS 84, or needs a grid file.
    #[error(
        "{name}: the shift from its datum to WGS 84 is not known here ({why}); pass --crs with a proj string that has +towgs84"
    )]
    Datum {
        /// The system.
        name: String,
        /// What is missing.
        why: String,
    },
    /// The projection library refused the definition.
    #[error("{name}: {why}; pass --crs with another definition")]
    Definition {
        /// The system.
        name: String,
        /// What the library said.
        why: String,
    },
    /// The WKT is of a sort that is not read here.
    #[error("the file's WKT cannot be used ({0}); pass --crs EPSG:n")]
    Wkt(String),
    /// The coordinates are not of the system.
    #[error("coordinates do not fit the stated CRS ({0}); pass --crs")]
    Misfit(String),
    /// A vertical system was given alone.
    #[error("EPSG:{0} is a system of heights alone; pass --crs with the horizontal one too, such as EPSG:28992+{0}")]
    VerticalOnly(u32),
}

/// Which of the two geographic coordinates stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisOrder {
    /// As the register says: latitude first for EPSG's geographic systems.
    Register,
    /// Longitude first: the format fixes it.
    LonLat,
}

/// How the coordinates of a system get to WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shift {
    /// The datum is WGS 84 or one within about 2 m of it.
    Same,
    /// A shift of this many parameters is in the definition.
    Parameters(usize),
}

/// A coordinate reference system with all that is needed to leave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Crs {
    name: String,
    proj: String,
    shift: Shift,
    lat_first: bool,
    height: HeightReference,
    metres_per_height_unit: Option<f64>,
}

/// Systems whose positions were compared with PROJ's over their area of use and were within a metre of it: the list that
/// `tests/it/crs.rs` checks.
const CHECKED: [u32; 25] = [
    28992, 7415, 31256, 31287, 4312, 3068, 2056, 27700, 31370, 2180, 23700, 3765, 2154, 25832, 25833, 32650, 32651,
    3857, 4490, 4549, 4547, 26912, 3067, 2193, 3035,
];

/// Geographic 3D and geocentric systems whose heights are above the WGS 84 or CGCS2000 ellipsoid or one equal to it.
const ELLIPSOIDAL: [u32; 9] = [4979, 4978, 4480, 4479, 4937, 4936, 6667, 6666, 7911];
/// Vertical systems that files in use name alone or after `+`: the code and metres a unit.
const FOOT_HEIGHTS: [(u32, f64); 4] =
    [(6360, 0.304_800_609_601_219), (5702, 0.304_800_609_601_219), (8228, 0.3048), (8050, 0.3048)];

impl Crs {
    /// Reads any of the spellings of [`spelling::read`] and looks the definition up.
    ///
    /// # Errors
    /// [`CrsError`] where the text is none of them, the code is unknown, or its datum cannot be left.
    pub fn parse(text: &str, order: AxisOrder) -> Result<Self, CrsError> {
        match spelling::read(text) {
            // A damaged file's text may be anything; a message is one line.
            None => {
                Err(CrsError::Spelling(text.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect()))
            }
            Some(Spelling::Crs84 { ellipsoidal }) => Ok(Self {
                height: if ellipsoidal { HeightReference::Ellipsoid } else { HeightReference::Unknown },
                ..Self::wgs84()
            }),
            Some(Spelling::Proj(proj)) => {
                let metres = unit_of(&proj, "vto_meter", "vunits").or_else(|| unit_of(&proj, "to_meter", "units"));
                Self::from_proj(&proj, &proj, metres.or(Some(1.0)))
            }
            Some(Spelling::Epsg { code, vertical }) => Self::from_epsg(code, vertical, order),
        }
    }

    /// Reads well-known text (OGC 01-009 "WKT 1", and the EPSG codes of WKT 2).
    ///
    /// # Errors
    /// [`CrsError`] where the projection or the datum is not one of those known here.
    pub fn from_wkt(text: &str, order: AxisOrder) -> Result<Self, CrsError> {
        wkt::read(text, order)
    }

    /// Reads PROJJSON by the codes in it.
    ///
    /// # Errors
    /// [`CrsError`] where it has none, or one that is not known here.
    pub fn from_projjson(value: &serde_json::Value, order: AxisOrder) -> Result<Self, CrsError> {
        projjson::read(value, order)
    }

    /// A system that a file names by authority and code, by well-known text, or both; the code goes first.
    pub(crate) fn by_code_or_wkt(authority: &str, code: &str, wkt: &str, order: AxisOrder) -> Result<Self, CrsError> {
        let by_code = (!code.is_empty()).then(|| Self::parse(&format!("{authority}:{code}"), order));
        match (by_code, wkt.trim().is_empty()) {
            (Some(Ok(crs)), _) => Ok(crs),
            (Some(Err(error)), true) => Err(error),
            (Some(Err(error)), false) => Self::from_wkt(wkt, order).map_err(|_| error),
            (None, _) => Self::from_wkt(wkt, order),
        }
    }

    /// WGS 84 longitude, latitude: the kernel's own frame.
    pub fn wgs84() -> Self {
        Self {
            name: "OGC:CRS84".to_owned(),
            proj: "+proj=longlat +datum=WGS84 +no_defs".to_owned(),
            shift: Shift::Same,
            lat_first: false,
            height: HeightReference::Unknown,
            metres_per_height_unit: Some(1.0),
        }
    }

    fn from_epsg(code: u32, vertical: Option<u32>, order: AxisOrder) -> Result<Self, CrsError> {
        if FOOT_HEIGHTS.iter().any(|(v, _)| *v == code) {
            return Err(CrsError::VerticalOnly(code));
        }
        let compound = compound(code);
        let horizontal = compound.map_or(code, |c| c.horizontal);
        let definition = u16::try_from(horizontal).ok().and_then(crs_definitions::from_code);
        let proj = definition.ok_or(CrsError::UnknownCode(code))?.proj4;
        let name = vertical.map_or_else(|| format!("EPSG:{code}"), |v| format!("EPSG:{code}+{v}"));
        let horizontal_unit = unit_of(proj, "to_meter", "units").unwrap_or(1.0);
        // Heights of a purely horizontal system in feet are of no stated unit.
        let metres = ((horizontal_unit - 1.0).abs() < 1e-9).then_some(1.0);
        let mut crs = Self::from_proj(&name, proj, metres)?;
        crs.lat_first = proj.contains("+proj=longlat") && order == AxisOrder::Register;
        if let Some(vertical) = vertical.or(compound.map(|c| c.vertical)) {
            crs.height = HeightReference::Vertical(format!("EPSG:{vertical}"));
            let foot = FOOT_HEIGHTS.iter().find(|(v, _)| *v == vertical).map(|(_, metres)| *metres);
            crs.metres_per_height_unit = Some(foot.or(compound.map(|c| c.metres_per_unit)).unwrap_or(1.0));
        } else if ELLIPSOIDAL.contains(&code) {
            crs.height = HeightReference::Ellipsoid;
            crs.metres_per_height_unit = Some(1.0);
        }
        Ok(crs)
    }

    fn from_proj(name: &str, proj: &str, metres_per_height_unit: Option<f64>) -> Result<Self, CrsError> {
        let shift = shift_of(name, proj)?;
        let crs = Self {
            name: name.to_owned(),
            proj: proj.to_owned(),
            shift,
            lat_first: false,
            height: if proj.contains("+proj=geocent") { HeightReference::Ellipsoid } else { HeightReference::Unknown },
            metres_per_height_unit,
        };
        Frame::new(&crs).map(|_| crs)
    }

    /// Its name as given: `EPSG:7415`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its heights are measured from.
    pub fn height(&self) -> &HeightReference {
        &self.height
    }

    /// Whether latitude stands before longitude.
    pub(crate) fn is_latitude_first(&self) -> bool {
        self.lat_first
    }

    /// Whether its coordinates are degrees.
    pub(crate) fn is_geographic(&self) -> bool {
        self.proj.contains("+proj=longlat")
    }

    fn is_checked(&self) -> bool {
        let code = self.name.strip_prefix("EPSG:").and_then(|name| name.split('+').next());
        code.and_then(|code| code.parse().ok()).is_some_and(|code| CHECKED.contains(&code))
    }

    /// Metres a unit of its projected coordinates.
    pub(crate) fn metres_per_unit(&self) -> f64 {
        unit_of(&self.proj, "to_meter", "units").unwrap_or(1.0)
    }

    /// Takes a file's word on the heights' unit where the system leaves it open.
    pub(crate) fn state_height_unit(&mut self, metres: f64) {
        self.metres_per_height_unit.get_or_insert(metres);
    }

    /// What the geometry's lineage says of the way into the kernel's frame, its accuracy included.
    pub fn lineage(&self) -> String {
        let how = match self.shift {
            Shift::Same if self.name == "OGC:CRS84" => return "OGC:CRS84 as given".to_owned(),
            Shift::Same => "datum taken as WGS 84, within 2 m".to_owned(),
            Shift::Parameters(n) if self.is_checked() => format!("{n}-parameter datum shift, within 1 m of PROJ's"),
            Shift::Parameters(n) => format!("{n}-parameter datum shift of unstated accuracy, metres to tens of metres"),
        };
        format!("{} -> OGC:CRS84 (proj4rs 0.3, {how}; heights not converted)", self.name)
    }
}

/// The value of `+key=` in a proj string.
fn parameter<'a>(proj: &'a str, key: &str) -> Option<&'a str> {
    proj.split_whitespace().find_map(|word| word.trim_start_matches('+').strip_prefix(key)?.strip_prefix('='))
}

/// Metres a unit, from `+to_meter` or the unit's name; `None` where neither is there.
fn unit_of(proj: &str, factor: &str, name: &str) -> Option<f64> {
    if let Some(value) = parameter(proj, factor) {
        return value.parse().ok();
    }
    match parameter(proj, name)? {
        "us-ft" => Some(1200.0 / 3937.0),
        "ft" => Some(0.3048),
        "km" => Some(1000.0),
        "m" => Some(1.0),
        _ => None,
    }
}

/// How the definition's datum gets to WGS 84; a definition that would need a grid file, or that is on an older
/// ellipsoid and has no shift, would be off by some hundred metres without a word: it is refused.
fn shift_of(name: &str, proj: &str) -> Result<Shift, CrsError> {
    let refused = |why: &str| Err(CrsError::Datum { name: name.to_owned(), why: why.to_owned() });
    if let Some(grids) = parameter(proj, "nadgrids") {
        return if grids == "@null" { Ok(Shift::Same) } else { refused("it needs a grid file") };
    }
    if let Some(values) = parameter(proj, "towgs84") {
        let values: Vec<f64> = values.split(',').filter_map(|v| v.parse().ok()).collect();
        return Ok(if values.iter().all(|v| *v == 0.0) { Shift::Same } else { Shift::Parameters(values.len()) });
    }
    match (parameter(proj, "datum"), parameter(proj, "ellps")) {
        (Some("WGS84" | "NAD83"), _) | (None, Some("GRS80" | "WGS84")) => Ok(Shift::Same),
        (Some("carthage" | "GGRS87"), _) => Ok(Shift::Parameters(3)),
        (Some("potsdam" | "hermannskogel" | "ire65" | "nzgd49" | "OSGB36"), _) => Ok(Shift::Parameters(7)),
        (Some(datum), _) => refused(&format!("datum {datum} needs a grid file")),
        (None, Some(ellipsoid)) => refused(&format!("ellipsoid {ellipsoid} without a shift")),
        (None, None) => refused("no datum, no ellipsoid"),
    }
}

#[derive(Debug, Clone, Copy)]
struct Compound {
    horizontal: u32,
    vertical: u32,
    metres_per_unit: f64,
}

/// The parts of a compound system, from the embedded table.
fn compound(code: u32) -> Option<Compound> {
    include_str!("compounds.csv").lines().skip(1).find_map(|line| {
        let mut fields = line.split(',');
        (fields.next()?.parse() == Ok(code)).then_some(())?;
        Some(Compound {
            horizontal: fields.next()?.parse().ok()?,
            vertical: fields.next()?.parse().ok()?,
            metres_per_unit: fields.next()?.parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Crs, CrsError> {
        Crs::parse(text, AxisOrder::Register)
    }

    #[test]
    fn a_compound_system_names_its_heights() {
        let nap = HeightReference::Vertical("EPSG:5709".to_owned());
        assert_eq!(parse("EPSG:7415").unwrap().height(), &nap);
        assert_eq!(parse("EPSG:28992+5709").unwrap().height(), &nap);
        assert_eq!(parse("EPSG:28992").unwrap().height(), &HeightReference::Unknown);
        assert_eq!(parse("EPSG:4979").unwrap().height(), &HeightReference::Ellipsoid);
        assert_eq!(parse("EPSG:4978").unwrap().height(), &HeightReference::Ellipsoid);
    }

    #[test]
    fn a_datum_without_a_known_shift_is_refused() {
        for text in ["EPSG:26711", "+proj=utm +zone=31 +ellps=intl", "+proj=utm +zone=31"] {
            assert!(matches!(parse(text), Err(CrsError::Datum { .. })), "{text}: {:?}", parse(text));
        }
        assert_eq!(parse("EPSG:99999"), Err(CrsError::UnknownCode(99999)));
        assert!(matches!(parse("the usual"), Err(CrsError::Spelling(_))));
        assert!(matches!(parse("EPSG:6360"), Err(CrsError::VerticalOnly(6360))));
    }

    #[test]
    fn latitude_comes_first_only_where_the_register_rules() {
        assert!(parse("EPSG:4326").unwrap().lat_first);
        assert!(!Crs::parse("EPSG:4326", AxisOrder::LonLat).unwrap().lat_first);
        assert!(!parse("OGC:CRS84").unwrap().lat_first);
        assert!(!parse("EPSG:31256").unwrap().lat_first);
    }

    #[test]
    fn heights_in_feet_have_their_factor_and_unstated_ones_none() {
        let factor = |text| parse(text).unwrap().metres_per_height_unit;
        assert!((factor("EPSG:8712").unwrap() - 0.3048).abs() < 1e-5);
        assert_eq!(factor("EPSG:2992"), None);
        assert_eq!(factor("EPSG:32650"), Some(1.0));
    }
}
