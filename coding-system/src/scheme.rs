//! One door to all schemes. A scheme's name, a level, a position and perhaps an instant come in, one text goes out; any text comes in, what
//! it says goes out as a [`Decoded`]. The scheme of a text is recognised from its shape and never guessed between two.

use std::fmt;
use std::str::FromStr;

use crate::area::{HeightBand, LonLatBox};
use crate::error::{Error, excerpt};
use crate::grid::GridCell;
use crate::stc::SpaceTimeCode;
use crate::time::Interval;
use crate::{Position, beidou, geosot, h3, rslc, spatialid};

/// The code schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// BeiDou grid location code, GB/T 39409-2020, levels 0-10 (`bd`).
    BeiDou,
    /// GeoSOT, GB/T 40087-2021, levels 0-32 (`gs`).
    GeoSot,
    /// Location code of basic geographic entities, 3D Real Scene China, levels 1-16 (`rs`).
    Rslc,
    /// H3, resolutions 0-15 (`h3`).
    H3,
    /// Japan's Spatial ID, zooms 0-35 (`si`).
    SpatialId,
    /// A BeiDou code with the UTC hour that holds the instant, and a check character (`stc`).
    SpaceTime,
}

impl Scheme {
    /// All schemes, in the order of their declaration.
    pub const ALL: [Self; 6] = [Self::BeiDou, Self::GeoSot, Self::Rslc, Self::H3, Self::SpatialId, Self::SpaceTime];

    /// The short name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::BeiDou => "bd",
            Self::GeoSot => "gs",
            Self::Rslc => "rs",
            Self::H3 => "h3",
            Self::SpatialId => "si",
            Self::SpaceTime => "stc",
        }
    }

    /// The scheme's name in sentences.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::BeiDou => beidou::SCHEME,
            Self::GeoSot => geosot::SCHEME,
            Self::Rslc => rslc::SCHEME,
            Self::H3 => h3::SCHEME,
            Self::SpatialId => spatialid::SCHEME,
            Self::SpaceTime => "a space-time code",
        }
    }

    /// The prefix in the text of a space-time code.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::BeiDou => "BD",
            Self::GeoSot => "GS",
            Self::Rslc => "RS",
            Self::H3 => "H3",
            Self::SpatialId => "SI",
            Self::SpaceTime => "STC",
        }
    }
}

impl FromStr for Scheme {
    type Err = Error;

    /// The scheme of a short name, without case: bd, gs, rs, h3, si, stc.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|s| s.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::SchemeName { name: excerpt(name) })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the heights of a [`Decoded`] are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeightReference {
    /// The ellipsoid of CGCS2000 / WGS 84.
    Ellipsoid,
    /// Sea level (the geoid), as Spatial ID counts.
    SeaLevel,
}

/// What a code text says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Decoded {
    /// The scheme of the text.
    pub scheme: Scheme,
    /// The scheme of the place in it: the same, except for a space-time code.
    pub place_scheme: Scheme,
    /// Level, resolution or zoom of the place.
    pub level: u8,
    /// Middle of the cell as (longitude, latitude), degrees.
    pub centre_deg: (f64, f64),
    /// The cell's box; around an H3 cell a box that holds it.
    pub area: LonLatBox,
    /// The cell's heights in metres, for 3D codes.
    pub height_band: Option<HeightBand>,
    /// What the heights are counted from.
    pub height_reference: HeightReference,
    /// The time, for space-time codes.
    pub interval: Option<Interval>,
}

/// The code of a position in a scheme at a level. BeiDou, GeoSOT and RSLC give a 3D code when the position has a height and a 2D one
/// otherwise. With `time_us` (UTC microseconds since 1970) the text is a space-time code `XX:code@interval*check` in that scheme, whose
/// interval is the UTC hour that holds the instant; [`SpaceTimeCode::new`] takes any other interval. [`Scheme::SpaceTime`] is BeiDou with
/// a time that must be given.
///
/// # Errors
/// What the scheme refuses; [`Error::NeedsGeoid`] for Spatial ID, which [`encode_with_geoid`] gives; [`Error::NeedsTime`].
pub fn encode(scheme: Scheme, level: u8, position: &Position, time_us: Option<i64>) -> Result<String, Error> {
    encode_with_geoid(scheme, level, position, time_us, None)
}

/// As [`encode`], with the height of the geoid above the ellipsoid at the position in metres, which Spatial ID needs and the others
/// leave aside.
///
/// # Errors
/// As [`encode`].
pub fn encode_with_geoid(
    scheme: Scheme,
    level: u8,
    position: &Position,
    time_us: Option<i64>,
    geoid_height_m: Option<f64>,
) -> Result<String, Error> {
    let code = match scheme {
        Scheme::BeiDou | Scheme::SpaceTime => beidou::encode(position, level)?,
        Scheme::GeoSot => geosot::Cell::of(position, level)?.text(),
        Scheme::Rslc => rslc::encode(position, level)?,
        Scheme::H3 => h3::Cell::of(position, level)?.text(),
        Scheme::SpatialId => spatialid::encode(position, geoid_height_m.ok_or(Error::NeedsGeoid)?, level)?.text(),
    };
    match time_us {
        Some(time_us) => Ok(SpaceTimeCode::new(&code, Interval::hour_of(time_us))?.to_string()),
        None if scheme == Scheme::SpaceTime => Err(Error::NeedsTime),
        None => Ok(code.into()),
    }
}

/// What a code text says; its scheme is recognised from its shape.
///
/// # Errors
/// [`Error::UnknownScheme`], or what the recognised scheme refuses.
pub fn decode(text: &str) -> Result<Decoded, Error> {
    let scheme = recognise(text)?;
    if scheme != Scheme::SpaceTime {
        return decode_place(scheme, text);
    }
    let code = SpaceTimeCode::parse(text)?;
    let place = decode_place(code.scheme(), code.code())?;
    Ok(Decoded { scheme, interval: Some(code.interval()), ..place })
}

/// Refuses a text that is no code of the scheme.
pub(crate) fn check(scheme: Scheme, code: &str) -> Result<(), Error> {
    decode_place(scheme, code).map(|_| ())
}

fn decode_place(scheme: Scheme, code: &str) -> Result<Decoded, Error> {
    match scheme {
        Scheme::BeiDou | Scheme::SpaceTime => said::<beidou::Cell>(code),
        Scheme::GeoSot => said::<geosot::Cell>(code),
        Scheme::Rslc => said::<rslc::Cell>(code),
        Scheme::H3 => said::<h3::Cell>(code),
        Scheme::SpatialId => said::<spatialid::Cell>(code),
    }
}

/// What the text of one cell says.
fn said<C: GridCell>(code: &str) -> Result<Decoded, Error> {
    let cell: C = code.parse()?;
    Ok(Decoded {
        scheme: C::SCHEME,
        place_scheme: C::SCHEME,
        level: cell.level(),
        centre_deg: cell.centre_deg(),
        area: cell.area(),
        height_band: cell.height_band(),
        height_reference: C::HEIGHTS_FROM,
        interval: None,
    })
}

/// The scheme whose texts have this shape; the text itself is not yet checked.
///
/// # Errors
/// [`Error::UnknownScheme`] for any other shape.
pub fn recognise(text: &str) -> Result<Scheme, Error> {
    if text.contains(['*', '@']) {
        return Ok(Scheme::SpaceTime);
    }
    if text.contains('/') {
        return Ok(Scheme::SpatialId);
    }
    match text.as_bytes() {
        [b'G', ..] => Ok(Scheme::GeoSot),
        [b'N' | b'S', b'E' | b'W', ..] => Ok(Scheme::Rslc),
        [b'N' | b'S', ..] => Ok(Scheme::BeiDou),
        [b'8', rest @ ..] if rest.len() > 7 && rest.iter().all(u8::is_ascii_hexdigit) => Ok(Scheme::H3),
        _ => Err(Error::UnknownScheme { text: excerpt(text) }),
    }
}
