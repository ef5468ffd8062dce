//! Every refusal of this crate. An [`Error`] names what was refused, where, and what to give instead, in one line; nothing here is a
//! bug report, and nothing in this crate panics instead of returning one of these.

/// Why a position, a level, a code text or a time was refused.
///
/// The one-line `Display` text is written for the person at the command line: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A coordinate or a height lies outside its range, or is not a finite number.
    #[error("{what} is {value}, outside {low} to {high}: give a finite number inside that range")]
    OutOfRange {
        /// The quantity with its unit.
        what: &'static str,
        /// What was given.
        value: f64,
        /// Least value accepted.
        low: f64,
        /// Greatest value accepted.
        high: f64,
    },
    /// The level does not exist in this scheme.
    #[error("{scheme} has no level {level}: give a level from {low} to {high}")]
    Level {
        /// The scheme's name.
        scheme: &'static str,
        /// What was given.
        level: u8,
        /// Coarsest level.
        low: u8,
        /// Finest level.
        high: u8,
    },
    /// A character of a code is not one of those allowed at its place.
    #[error("{scheme} code '{code}': character {at} is '{found}', allowed here: {allowed}")]
    Character {
        /// The scheme's name.
        scheme: &'static str,
        /// The text, cut at 64 characters.
        code: String,
        /// Place of the character, counted from 1.
        at: usize,
        /// The character found.
        found: char,
        /// What is allowed at that place.
        allowed: &'static str,
    },
    /// A code ends in the middle of a level, or is longer than its finest level.
    #[error("{scheme} code '{code}' has {length} characters: {allowed}")]
    Length {
        /// The scheme's name.
        scheme: &'static str,
        /// The text, cut at 64 characters.
        code: String,
        /// Its number of characters.
        length: usize,
        /// The lengths allowed.
        allowed: &'static str,
    },
    /// The digits are well formed, but the cell they name does not exist on Earth.
    #[error("{scheme} code '{code}' names no real cell: {why}")]
    NoSuchCell {
        /// The scheme's name.
        scheme: &'static str,
        /// The text, cut at 64 characters.
        code: String,
        /// Which part is impossible.
        why: &'static str,
    },
    /// GB/T 39409-2020 fixes only 2D levels 1 and 2 at |lat| >= 88 degrees.
    #[error(
        "BeiDou codes at |lat| >= 88 degrees are fixed for 2D levels 1 and 2 only: use level 1 or 2 without height, or GeoSOT"
    )]
    PolarDetail,
    /// The scheme does not reach this latitude.
    #[error("{scheme} stops at |lat| {limit_deg} degrees and the latitude is {lat_deg}: use GeoSOT or H3 there")]
    Latitude {
        /// The scheme's name.
        scheme: &'static str,
        /// What was given, degrees.
        lat_deg: f64,
        /// The greatest latitude the scheme codes, degrees.
        limit_deg: f64,
    },
    /// A 3D code was asked for a position without height.
    #[error("{scheme} needs a height: give the ellipsoidal height in metres (CGCS2000/WGS 84)")]
    NeedsHeight {
        /// The scheme's name.
        scheme: &'static str,
    },
    /// Spatial ID counts from sea level, and the geoid height is never guessed.
    #[error("Spatial ID counts heights from sea level: give the geoid height (undulation) at the position in metres")]
    NeedsGeoid,
    /// A space-time code was asked without an instant.
    #[error("a space-time code needs a time: give an instant such as 2026-11-22T07:00:00Z")]
    NeedsTime,
    /// No scheme has texts of this shape.
    #[error(
        "'{text}' is no code of a known scheme: BeiDou N50J475, GeoSOT G0013, RSLC NE104J2, H3 8931aa50107ffff, Spatial ID 18/0/1/2 or BD:code@interval*check"
    )]
    UnknownScheme {
        /// The text, cut at 64 characters.
        text: String,
    },
    /// A scheme's name was not recognised.
    #[error("unknown scheme '{name}': give bd, gs, rs, h3, si or stc")]
    SchemeName {
        /// What was given, cut at 64 characters.
        name: String,
    },
    /// The check character of a space-time code does not match its text.
    #[error(
        "check character is '{found}' but the text gives '{expected}': a character of the code was changed or lost"
    )]
    Check {
        /// What the text ends with.
        found: char,
        /// What ISO 7064 MOD 37,36 gives for it.
        expected: char,
    },
    /// A time text or a time value is not usable.
    #[error("time '{text}': {why}")]
    Time {
        /// The text or value, cut at 64 characters.
        text: String,
        /// What is wrong and what to give.
        why: &'static str,
    },
    /// Coordinates near the border of the shifted rectangle of GCJ-02 that are not those of exactly one place.
    #[error(
        "longitude {lon_deg}, latitude {lat_deg} in GCJ-02: {why}, at the border of the shifted area: give WGS 84 there"
    )]
    Datum {
        /// GCJ-02 longitude, degrees.
        lon_deg: f64,
        /// GCJ-02 latitude, degrees.
        lat_deg: f64,
        /// Whether none or two.
        why: &'static str,
    },
    /// No cell of the wanted scheme spans exactly what the given one does.
    #[error("{to} has no cell equal to '{code}': take a cover of it, whose cells say which of them are inside")]
    NoEqualCell {
        /// The code given, cut at 64 characters.
        code: String,
        /// The scheme wanted.
        to: &'static str,
    },
    /// Cells of two schemes cannot be compared.
    #[error("'{one}' and '{other}' are codes of different schemes: convert one of them first")]
    Schemes {
        /// The one code, cut at 64 characters.
        one: String,
        /// The other.
        other: String,
    },
    /// An area, a polygon or a limit given to a cover is not usable.
    #[error("cover: {why}")]
    Cover {
        /// What is wrong and what to give.
        why: &'static str,
    },
    /// An answer would have more cells than this crate gives at once.
    #[error("{what} has {count} cells, more than {limit}: take fewer steps or a coarser level")]
    TooMany {
        /// What was asked for.
        what: &'static str,
        /// How many cells it has.
        count: u64,
        /// The most that are given.
        limit: u64,
    },
    /// The steps between cells cannot be counted.
    #[error("the steps between cells of {scheme} cannot be counted: {why}")]
    Steps {
        /// The scheme's name.
        scheme: &'static str,
        /// What is in the way and what to give instead.
        why: &'static str,
    },
    /// A national spatial identity code cannot be made so.
    #[error("identity '{text}': {why}")]
    Identity {
        /// What was given, cut at 64 characters.
        text: String,
        /// What is wrong and what to give.
        why: &'static str,
    },
    /// One row of a batch was refused; the rows before it are coded.
    #[error("row {row}: {refusal}")]
    Row {
        /// The row, counted from 0.
        row: usize,
        /// Why it was refused.
        refusal: Box<Error>,
    },
    /// The slices of a batch do not belong together.
    #[error("{what} has {found} places for {rows} rows: give {expected}")]
    Slice {
        /// The slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The rows of the batch.
        rows: usize,
        /// The length that fits.
        expected: usize,
    },
    /// The 128-bit key is not one this crate writes.
    #[error("key {key:032x}: {why}")]
    Key {
        /// The key.
        key: u128,
        /// What is wrong.
        why: &'static str,
    },
}

/// Cuts a refused text to what an error may carry.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

pub(crate) fn no_such_cell(scheme: &'static str, code: &str, why: &'static str) -> Error {
    Error::NoSuchCell { scheme, code: excerpt(code), why }
}

pub(crate) fn bad_length(scheme: &'static str, code: &str, allowed: &'static str) -> Error {
    Error::Length { scheme, code: excerpt(code), length: code.chars().count(), allowed }
}

/// The error for the byte at `index`; the position is counted in characters, so that it is right for any text.
pub(crate) fn bad_character(scheme: &'static str, code: &str, index: usize, allowed: &'static str) -> Error {
    let before = code.char_indices().take_while(|(i, _)| *i < index).count();
    match code.chars().nth(before) {
        Some(found) => Error::Character { scheme, code: excerpt(code), at: before + 1, found, allowed },
        None => Error::Length { scheme, code: excerpt(code), length: before, allowed },
    }
}

pub(crate) fn check_level(scheme: &'static str, level: u8, low: u8, high: u8) -> Result<(), Error> {
    if (low..=high).contains(&level) { Ok(()) } else { Err(Error::Level { scheme, level, low, high }) }
}
