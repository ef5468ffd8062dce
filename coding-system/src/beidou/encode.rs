//! Position to BeiDou text, without allocation and with constant divisors only: this is the path that codes every reading of a stream.
//! A test holds it equal to the table-driven writer of `lattice`.

use super::{FINEST_LEVEL, LENGTHS_2D, LENGTHS_3D, POLAR_Y, SCHEME, polar};
use crate::error::check_level;
use crate::lattice::Cell as Corner;
use crate::text::CodeText;
use crate::{Error, Position};

/// The code of a position at a level: 3D when the position has a height, 2D otherwise.
///
/// # Errors
/// [`Error::Level`] outside 0..=10 and [`Error::PolarDetail`] at |lat| >= 88 degrees beyond 2D level 2.
pub fn encode(position: &Position, level: u8) -> Result<CodeText, Error> {
    match position.height_m() {
        Some(_) => encode_3d(position, level),
        None => encode_2d(position, level),
    }
}

/// The 2D code of a position at level 0 to 10 (1 to 20 characters); a height is left aside.
///
/// # Errors
/// [`Error::Level`] outside 0..=10 and [`Error::PolarDetail`] at |lat| >= 88 degrees beyond level 2.
#[inline]
pub fn encode_2d(position: &Position, level: u8) -> Result<CodeText, Error> {
    let mut buffer = [0; 20];
    let length = encode_into(position, level, &mut buffer)?;
    Ok(CodeText::from_prefix(&buffer, length))
}

/// Writes the 2D code of a position into a buffer of the caller and returns its length in characters: the first that many bytes are
/// the ASCII text, what follows is unspecified.
///
/// # Errors
/// As [`encode_2d`].
#[inline]
pub fn encode_into(position: &Position, level: u8, buffer: &mut [u8; 20]) -> Result<usize, Error> {
    check_level(SCHEME, level, 0, FINEST_LEVEL)?;
    let corner = Corner::of_place(position);
    if corner.y >= POLAR_Y {
        return polar::write(position, level, buffer);
    }
    *buffer = plane(&corner);
    Ok(LENGTHS_2D[level as usize])
}

/// The 3D code of a position at level 0 to 10 (2 to 32 characters), mixed radix, interleaved per level. Below the ellipsoid it is sign
/// and magnitude ([`crate::height::BelowGround::SignAndMagnitude`]).
///
/// # Errors
/// [`Error::NeedsHeight`] without height, [`Error::Level`] outside 0..=10, [`Error::PolarDetail`] at |lat| >= 88 degrees.
#[inline]
pub fn encode_3d(position: &Position, level: u8) -> Result<CodeText, Error> {
    let mut buffer = [0; 32];
    let length = encode_3d_into(position, level, &mut buffer)?;
    Ok(CodeText::from_prefix(&buffer, length))
}

/// Writes the 3D code of a position into a buffer of the caller and returns its length in characters, as [`encode_into`].
///
/// # Errors
/// As [`encode_3d`].
#[inline]
pub fn encode_3d_into(position: &Position, level: u8, buffer: &mut [u8; 32]) -> Result<usize, Error> {
    check_level(SCHEME, level, 0, FINEST_LEVEL)?;
    let corner = Corner::of_position(position);
    let Some((below, z)) = corner.z else { return Err(Error::NeedsHeight { scheme: "BeiDou 3D" }) };
    if corner.y >= POLAR_Y {
        return Err(Error::PolarDetail);
    }
    let (p, h) = (plane(&corner), heights(z));
    let sign = b'0' + u8::from(below);
    *buffer = [
        p[0], sign, p[1], p[2], p[3], h[0], h[1], p[4], p[5], h[2], p[6], h[3], p[7], p[8], h[4], p[9], p[10], h[5],
        p[11], h[6], p[12], p[13], h[7], p[14], p[15], h[8], p[16], p[17], h[9], p[18], p[19], h[10],
    ];
    Ok(LENGTHS_3D[level as usize])
}

/// Characters of every 2D code of a level.
///
/// # Errors
/// [`Error::Level`] outside 0..=10.
pub fn width_2d(level: u8) -> Result<usize, Error> {
    check_level(SCHEME, level, 0, FINEST_LEVEL)?;
    Ok(LENGTHS_2D[level as usize])
}

/// Characters of every 3D code of a level.
///
/// # Errors
/// [`Error::Level`] outside 0..=10.
pub fn width_3d(level: u8) -> Result<usize, Error> {
    check_level(SCHEME, level, 0, FINEST_LEVEL)?;
    Ok(LENGTHS_3D[level as usize])
}

/// All twenty characters of the 2D code.
#[inline]
fn plane(c: &Corner) -> [u8; 20] {
    let (x, y) = (c.x, c.y);
    let (zone, row) = (x / 44_236_800, y / 29_491_200);
    let (x, y) = (x % 44_236_800, y % 29_491_200);
    let zone = if c.west { 30 - zone } else { 31 + zone };
    let (x2, y2) = (x % 3_686_400, y % 3_686_400);
    let (x3, y3) = (x2 % 1_843_200, y2 % 1_228_800);
    let (x4, y4) = (x3 % 122_880, y3 % 122_880);
    let (x5, y5) = (x4 & 8191, y4 & 8191);
    [
        if c.south { b'S' } else { b'N' },
        b'0' + (zone / 10) as u8,
        b'0' + (zone % 10) as u8,
        b'A' + row as u8,
        digit(x / 3_686_400),
        octal(y / 3_686_400),
        octal(y2 / 1_228_800 * 2 + x2 / 1_843_200),
        digit(x3 / 122_880),
        octal(y3 / 122_880),
        digit(x4 >> 13),
        digit(y4 >> 13),
        octal((y5 >> 12) * 2 + (x5 >> 12)),
        octal(x5 >> 9 & 7),
        octal(y5 >> 9 & 7),
        octal(x5 >> 6 & 7),
        octal(y5 >> 6 & 7),
        octal(x5 >> 3 & 7),
        octal(y5 >> 3 & 7),
        octal(x5 & 7),
        octal(y5 & 7),
    ]
}

/// The eleven height digits after the sign: a1a2, a3 .. a11.
#[inline]
fn heights(z: u32) -> [u8; 11] {
    let top = z / 29_491_200;
    let (z2, z3) = (z % 3_686_400, z % 1_843_200);
    let (z4, z5) = (z3 % 122_880, z3 & 8191);
    [
        b'0' + (top / 10) as u8,
        b'0' + (top % 10) as u8,
        octal(z / 3_686_400 % 8),
        octal(z2 / 1_843_200),
        digit(z3 / 122_880),
        digit(z4 >> 13),
        octal(z5 >> 12),
        octal(z5 >> 9 & 7),
        octal(z5 >> 6 & 7),
        octal(z5 >> 3 & 7),
        octal(z5 & 7),
    ]
}

/// The character of a digit below 15: 0-9, A-E.
#[inline]
fn digit(value: u32) -> u8 {
    let value = value as u8;
    value + if value < 10 { b'0' } else { b'A' - 10 }
}

/// The character of a digit that is always below 10.
#[inline]
fn octal(value: u32) -> u8 {
    b'0' + value as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beidou::STEPS;
    use crate::lattice;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_writer_equals_the_table(lon in -180.0..=180.0f64, lat in -87.9..87.9f64, h in -9000.0..4e8f64, level in 1u8..=10) {
            let p = Position::new(lon, lat, Some(h)).unwrap();
            let corner = Corner { level, ..Corner::of_position(&p) };
            let mut flat = CodeText::new();
            flat.push(if corner.south { b'S' } else { b'N' });
            let mut solid = flat;
            lattice::write(&STEPS, &Corner { z: None, ..corner }, &mut flat);
            solid.push(if corner.z.is_some_and(|z| z.0) { b'1' } else { b'0' });
            lattice::write(&STEPS, &corner, &mut solid);
            prop_assert_eq!(encode_2d(&p, level).unwrap(), flat);
            prop_assert_eq!(encode_3d(&p, level).unwrap(), solid);
        }
    }
}
