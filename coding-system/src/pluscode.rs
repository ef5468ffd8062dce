//! Plus Codes (Open Location Code). A [`Position`] and a number of digits come in, the full code goes out; a full code comes in, its box goes
//! out. Short codes, which need a place nearby to be understood, are refused, and so is anything in lower case: nothing is repaired.
//! Heights are left aside: the scheme has none.

use crate::area::LonLatBox;
use crate::error::{Error, bad_character, bad_length, check_level, no_such_cell};
use crate::quantum::Position;
use crate::text::CodeText;

const SCHEME: &str = "Plus Codes";
const DIGITS: &[u8; 20] = b"23456789CFGHJMPQRVWX";
const ALLOWED: &str = "one of 23456789CFGHJMPQRVWX";
/// Most digits of a code, cells of about 14 mm.
pub const MOST_DIGITS: u8 = 15;
/// Digits in pairs; those after them name one of 5 rows and 4 columns each.
const PAIRED: usize = 10;
/// Where the separator stands.
const SEPARATOR: usize = 8;
/// Steps of the finest cell in one degree: 8000 by five divisions into 5 rows or 4 columns.
const LAT_STEPS: i64 = 8000 * 3125;
const LON_STEPS: i64 = 8000 * 1024;

/// The code of a position with 2, 4, 6, 8 or 10 to 15 digits (the separator and zeros that fill up are not counted). Longitude +180 is coded
/// as -180, latitude 90 into the last row.
///
/// # Errors
/// [`Error::Level`] for another number of digits.
pub fn encode(position: &Position, digits: u8) -> Result<CodeText, Error> {
    check_level(SCHEME, digits, 2, MOST_DIGITS)?;
    if digits < PAIRED as u8 && !digits.is_multiple_of(2) {
        return Err(Error::Level { scheme: SCHEME, level: digits, low: 2, high: MOST_DIGITS });
    }
    let steps = |deg: f64, each: i64, half_deg: i64| (deg * each as f64).floor() as i64 + half_deg * each;
    let lat = steps(position.lat_deg(), LAT_STEPS, 90).clamp(0, 180 * LAT_STEPS - 1);
    let lon = steps(position.lon_deg(), LON_STEPS, 180).rem_euclid(360 * LON_STEPS);
    let mut all = [b'0'; MOST_DIGITS as usize];
    let (mut row, mut col) = (lat, lon);
    for digit in all[PAIRED..].iter_mut().rev() {
        *digit = DIGITS[(row % 5 * 4 + col % 4) as usize];
        (row, col) = (row / 5, col / 4);
    }
    for pair in all[..PAIRED].chunks_exact_mut(2).rev() {
        (pair[0], pair[1]) = (DIGITS[(row % 20) as usize], DIGITS[(col % 20) as usize]);
        (row, col) = (row / 20, col / 20);
    }
    let mut text = CodeText::new();
    for (i, digit) in all.iter().enumerate().take(usize::from(digits).max(SEPARATOR)) {
        if i == SEPARATOR {
            text.push(b'+');
        }
        text.push(if i < usize::from(digits) { *digit } else { b'0' });
    }
    if usize::from(digits) <= SEPARATOR {
        text.push(b'+');
    }
    Ok(text)
}

/// The box of a full code.
///
/// # Errors
/// [`Error::Character`] or [`Error::Length`] naming the fault, [`Error::NoSuchCell`] beyond latitude 90 or longitude 180.
pub fn decode(code: &str) -> Result<LonLatBox, Error> {
    let lengths = "a full code has 8 digits or zeros, a '+', and 0 or 2 to 7 digits more";
    let refuse = || bad_length(SCHEME, code, lengths);
    let (before, after) = code.split_once('+').ok_or_else(refuse)?;
    if before.len() != SEPARATOR || after.len() == 1 || after.len() > usize::from(MOST_DIGITS) - SEPARATOR {
        return Err(refuse());
    }
    let known = before.trim_end_matches('0');
    if known.is_empty() || known.len() % 2 != 0 || (known.len() < SEPARATOR && !after.is_empty()) {
        return Err(bad_length(SCHEME, code, "zeros fill up 2, 4 or 6 digits to 8, and nothing follows them"));
    }
    let (mut row, mut col) = (0i64, 0i64);
    // Pairs divide 400 degrees by 20 again and again; the last digits divide by 5 rows and 4 columns.
    let (mut lat_size, mut lon_size) = (400 * LAT_STEPS, 400 * LON_STEPS);
    for (i, byte) in known.bytes().chain(after.bytes()).enumerate() {
        let at = if i < SEPARATOR { i } else { i + 1 };
        let value = DIGITS.iter().position(|d| *d == byte).ok_or_else(|| bad_character(SCHEME, code, at, ALLOWED))?;
        let value = value as i64;
        if i >= PAIRED {
            (lat_size, lon_size) = (lat_size / 5, lon_size / 4);
            (row, col) = (row + value / 4 * lat_size, col + value % 4 * lon_size);
        } else if i.is_multiple_of(2) {
            lat_size /= 20;
            row += value * lat_size;
        } else {
            lon_size /= 20;
            col += value * lon_size;
        }
    }
    if row >= 180 * LAT_STEPS || col >= 360 * LON_STEPS {
        return Err(no_such_cell(SCHEME, code, "it lies beyond latitude 90 or longitude 180"));
    }
    let lat = |steps: i64| (steps - 90 * LAT_STEPS) as f64 / LAT_STEPS as f64;
    let lon = |steps: i64| (steps - 180 * LON_STEPS) as f64 / LON_STEPS as f64;
    Ok(LonLatBox::from_sides(lon(col), lat(row), lon(col + lon_size), lat(row + lat_size)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Places of the published test data of the scheme.
    #[test]
    fn published_codes() {
        for (lat, lon, digits, code) in [
            (20.375, 2.775, 6, "7FG49Q00+"),
            (20.370_062_5, 2.782_187_5, 10, "7FG49QCJ+2V"),
            (20.370_112_5, 2.782_234_375, 11, "7FG49QCJ+2VX"),
            (20.370_113_5, 2.782_235_156_25, 13, "7FG49QCJ+2VXGJ"),
            (47.000_062_5, 8.000_062_5, 10, "8FVC2222+22"),
            (-41.273_062_5, 174.785_937_5, 10, "4VCPPQGP+Q9"),
            (0.5, -179.5, 4, "62G20000+"),
            (-89.5, -179.5, 4, "22220000+"),
            (20.5, 2.5, 4, "7FG40000+"),
            (90.0, 1.0, 4, "CFX30000+"),
            (1.0, 180.0, 4, "62H20000+"),
        ] {
            let p = Position::new_2d(lon, lat).unwrap();
            assert_eq!(encode(&p, digits).unwrap(), code, "{lat} {lon}");
            assert!(decode(code).unwrap().contains(&p));
        }
    }

    #[test]
    fn what_is_no_full_code_is_refused() {
        for wrong in [
            "",
            "+",
            "9QCJ+2V",
            "7FG49QCJ+2",
            "7FG49QCJ",
            "7fg49qcj+2v",
            "7FG49QCJ+2A",
            "7FG49000+",
            "7FG40000+22",
            "00000000+",
            "XX222222+22",
            "7FG49QCJ+22222222",
            "é",
        ] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
        let p = Position::new_2d(0.0, 0.0).unwrap();
        for digits in [0, 1, 3, 9, 16] {
            assert!(encode(&p, digits).is_err(), "{digits}");
        }
    }

    proptest! {
        #[test]
        fn a_code_holds_its_place_and_prints_again(lon in -180.0..=180.0f64, lat in -90.0..=90.0f64, digits in prop::sample::select(vec![2u8, 4, 6, 8, 10, 11, 12, 13, 14, 15])) {
            let p = Position::new_2d(lon, lat).unwrap();
            let code = encode(&p, digits).unwrap();
            let area = decode(&code).unwrap();
            let wider = LonLatBox::new((area.west_deg() - 1e-12).max(-180.0), (area.south_deg() - 1e-12).max(-90.0), (area.east_deg() + 1e-12).min(180.0), (area.north_deg() + 1e-12).min(90.0)).unwrap();
            prop_assert!(wider.contains(&p), "{code} {area:?}");
            let (lon, lat) = area.centre_deg();
            prop_assert_eq!(encode(&Position::new_2d(lon, lat).unwrap(), digits).unwrap(), code);
        }

        #[test]
        fn random_texts_never_panic(code in "[2-9CFGHJMPQRVWX0+]{0,18}|.{0,12}") {
            if let Ok(area) = decode(&code) {
                prop_assert!(area.south_deg() < area.north_deg());
            }
        }
    }
}
