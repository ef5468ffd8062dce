//! The plain way to each code, as it is commonly written: one digit or one bit after the other. Positions come in, codes go out; only right,
//! not quick, and written from the rules without a look at the crate's own code.

use coding_system::Position;

const UNITS: f64 = 7_372_800.0;

fn units(degrees: f64) -> u64 {
    (degrees.abs() * UNITS).floor() as u64
}

/// Sign, degree, minute, second and 1/2048 second of one axis.
fn axis(negative: bool, units: u64) -> u32 {
    let (degree, rest) = (units / 7_372_800, units % 7_372_800);
    let (minute, rest) = (rest / 122_880, rest % 122_880);
    let (second, part) = (rest / 2048, rest % 2048);
    (u64::from(negative) << 31 | degree << 23 | minute << 17 | second << 11 | part) as u32
}

fn axes(p: &Position) -> (u32, u32) {
    (axis(p.lon_deg() < 0.0, units(p.lon_deg())), axis(p.lat_deg() < 0.0, units(p.lat_deg())))
}

fn hour(time_us: i64) -> u128 {
    (time_us.div_euclid(3_600_000_000) + (1 << 26)) as u128
}

pub(crate) fn key_2d(p: &Position, time_us: i64) -> u128 {
    let (lon, lat) = axes(p);
    let mut cell = 0u128;
    for bit in (0..32).rev() {
        cell = cell << 2 | u128::from(lat >> bit & 1) << 1 | u128::from(lon >> bit & 1);
    }
    3 << 124 | cell << 60 | 1 << 59 | hour(time_us)
}

pub(crate) fn key_3d(p: &Position, time_us: i64) -> u128 {
    let (lon, lat) = axes(p);
    let n = (p.height_m().unwrap_or(0.0) / 6_378_137.0).ln_1p() / (std::f64::consts::PI / 180.0).ln_1p();
    let height = axis(n < 0.0, units(n));
    let mut cell = 0u128;
    for bit in (0..32).rev() {
        let digit = (lat >> bit & 1) << 2 | (lon >> bit & 1) << 1 | height >> bit & 1;
        cell = cell << 3 | u128::from(digit);
    }
    1 << 124 | cell << 28 | 1 << 27 | hour(time_us)
}

pub(crate) fn geosot_2d(p: &Position) -> String {
    let (lon, lat) = axes(p);
    let mut text = String::from("G");
    for bit in (0..32).rev() {
        text.push(char::from(b'0' + ((lat >> bit & 1) * 2 + (lon >> bit & 1)) as u8));
    }
    text
}

/// Cell sizes in units and how many digits a level has: two, or one of row * 2 + column.
const LEVELS: [(u64, u64, bool); 9] = [
    (3_686_400, 3_686_400, true),
    (1_843_200, 1_228_800, false),
    (122_880, 122_880, true),
    (8192, 8192, true),
    (4096, 4096, false),
    (512, 512, true),
    (64, 64, true),
    (8, 8, true),
    (1, 1, true),
];

fn digit(value: u64) -> char {
    char::from_digit(value as u32, 16).map_or('?', |digit| digit.to_ascii_uppercase())
}

/// The 2D code of level 10 of a place away from the poles and the antimeridian.
pub(crate) fn beidou_2d(p: &Position) -> String {
    let (mut x, mut y) = (units(p.lon_deg()), units(p.lat_deg()));
    let (col, row) = (x / 44_236_800, y / 29_491_200);
    let zone = if p.lon_deg() < 0.0 { 30 - col } else { 31 + col };
    let side = if p.lat_deg() < 0.0 { 'S' } else { 'N' };
    let mut text = format!("{side}{zone:02}{}", char::from(b'A' + row as u8));
    (x, y) = (x % 44_236_800, y % 29_491_200);
    for (wide, high, pair) in LEVELS {
        let (col, row) = (x / wide, y / high);
        (x, y) = (x % wide, y % high);
        if pair {
            text.extend([col, row].map(digit));
        } else {
            text.push(digit(row * 2 + col));
        }
    }
    text
}
