//! The polar caps of clause 5.3 and figure 10: |lat| >= 88 degrees has one level-1 cell per pole and sixteen level-2 cells. The reading
//! is our own from the figure (one source); level 3 and finer are refused, because the standard does not fix them.

use super::SCHEME;
use crate::Position;
use crate::area::LonLatBox;
use crate::error::{Error, bad_character, bad_length};
use crate::quantum::UNITS_PER_DEGREE;

/// One ring of level-2 cells: its southern edge on the northern cap in half degrees, and its cells' digits eastward from longitude 0.
struct Ring {
    from_half_deg: u32,
    codes: &'static [&'static [u8; 2]],
}

const RINGS: [Ring; 4] = [
    Ring { from_half_deg: 179, codes: &[b"00"] },
    Ring { from_half_deg: 178, codes: &[b"01", b"02", b"03"] },
    Ring { from_half_deg: 177, codes: &[b"12", b"13", b"22", b"23", b"33", b"32"] },
    Ring { from_half_deg: 176, codes: &[b"10", b"11", b"20", b"21", b"31", b"30"] },
];

/// A level-2 cell of a cap: its ring and its place in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Sector {
    ring: u8,
    place: u8,
}

impl Sector {
    pub(super) fn of(position: &Position) -> Self {
        let y = position.lat().units;
        let ring = RINGS.iter().position(|r| y >= r.from_half_deg * (UNITS_PER_DEGREE / 2)).unwrap_or(RINGS.len() - 1);
        let count = RINGS[ring].codes.len();
        let east = if position.lon_deg() < 0.0 { position.lon_deg() + 360.0 } else { position.lon_deg() };
        let place = (east / (360.0 / count as f64)) as usize;
        Self { ring: ring as u8, place: place.min(count - 1) as u8 }
    }

    /// The sixteen of a cap, from the pole outward.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let counts = RINGS.iter().enumerate();
        counts.flat_map(|(ring, r)| (0..r.codes.len()).map(move |place| Self::at(ring as u8, place as u8)))
    }

    pub(super) fn at(ring: u8, place: u8) -> Self {
        Self { ring, place }
    }

    /// Ring from the pole outward, and place in the ring eastward from longitude 0.
    pub(super) fn standing(self) -> (u8, u8) {
        (self.ring, self.place)
    }

    pub(super) fn digits(self) -> [u8; 2] {
        *RINGS[self.ring as usize].codes[self.place as usize]
    }

    /// The sector's box; the one of 120 to 240 degrees east crosses the antimeridian.
    pub(super) fn area(self, south: bool) -> LonLatBox {
        let ring = &RINGS[self.ring as usize];
        let near = f64::from(ring.from_half_deg) / 2.0;
        let far = near + 0.5;
        let (south_deg, north_deg) = if south { (-far, -near) } else { (near, far) };
        if ring.codes.len() == 1 {
            return LonLatBox::from_sides(-180.0, south_deg, 180.0, north_deg);
        }
        let width = 360.0 / ring.codes.len() as f64;
        let from = f64::from(self.place) * width;
        let (west, east) = (wrap(from, false), wrap(from + width, true));
        LonLatBox::from_sides(west, south_deg, east, north_deg)
    }
}

/// Degrees eastward 0..=360 to -180..=180; 180 stays positive where it is an eastern end.
fn wrap(east_deg: f64, is_end: bool) -> f64 {
    if east_deg > 180.0 || (east_deg >= 180.0 && !is_end) { east_deg - 360.0 } else { east_deg }
}

/// Writes the polar code of a position at level 0 to 2 and returns its length.
pub(super) fn write(position: &Position, level: u8, buffer: &mut [u8; 20]) -> Result<usize, Error> {
    let pole = if position.lat().negative { b'S' } else { b'N' };
    let [a, b] = Sector::of(position).digits();
    buffer[..6].copy_from_slice(&[pole, b'0', b'0', b'0', a, b]);
    match level {
        0 => Ok(1),
        1 => Ok(4),
        2 => Ok(6),
        _ => Err(Error::PolarDetail),
    }
}

/// Reads what follows `N000` or `S000`: nothing, or a sector.
pub(super) fn read(code: &str) -> Result<Option<Sector>, Error> {
    let rest = &code.as_bytes()[4..];
    if rest.is_empty() {
        return Ok(None);
    }
    if rest.len() > 2 {
        return Err(Error::PolarDetail);
    }
    if let Some(wrong) = rest.iter().position(|d| !(b'0'..=b'3').contains(d)) {
        return Err(bad_character(SCHEME, code, 4 + wrong, "0-3 (polar cells of level 2 are 00 to 33)"));
    }
    Sector::all()
        .find(|sector| sector.digits() == rest)
        .map(Some)
        .ok_or_else(|| bad_length(SCHEME, code, "a polar code has 1, 4 or 6"))
}

/// The whole cap.
pub(super) fn cap(south: bool) -> LonLatBox {
    if south {
        LonLatBox::from_sides(-180.0, -90.0, 180.0, -88.0)
    } else {
        LonLatBox::from_sides(-180.0, 88.0, 180.0, 90.0)
    }
}

/// Is this the text of a polar cell?
pub(super) fn is_polar(code: &str) -> bool {
    code.get(1..4) == Some("000")
}

/// The corner nearest to (0, 0) of a box on a cap.
pub(super) fn anchor_deg(area: &LonLatBox, south: bool) -> (f64, f64) {
    (area.west_deg(), if south { area.north_deg() } else { area.south_deg() })
}
