//! The national spatial identity code: the location code of the place where an entity was first recorded, the code of its class, and a
//! sequence number that tells entities of one class in one cell apart. A position and a class come in, an [`Identity`] goes out, once: the
//! code names the entity and not where it is, so nothing here changes it when the entity moves, and a [`Mint`] never gives one code twice.
//!
//! How wide class and sequence are is the keeper's to say ([`Form`]); the code has no separators, so the same widths must read it.

use std::collections::BTreeMap;
use std::fmt;

use super::{Cell, FINEST_LEVEL, SCHEME};
use crate::Position;
use crate::error::{Error, bad_character, bad_length, excerpt};
use crate::grid::{Dimension, Grid, GridCell};

const WIDEST_CLASS: u8 = 16;
/// Greatest width whose numbers all fit 64 bits.
const WIDEST_SEQUENCE: u8 = 19;

/// How the identity codes of one keeper are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Form {
    dimension: Dimension,
    class_width: u8,
    sequence_width: u8,
}

impl Form {
    /// A form with a location code of 26 (plane) or 44 (solid) characters, a class of `class_width` characters 0-9 A-Z and a sequence
    /// number of `sequence_width` decimal digits.
    ///
    /// # Errors
    /// [`Error::Identity`] for a class width outside 1 to 16 or a sequence width outside 1 to 19.
    pub fn new(dimension: Dimension, class_width: u8, sequence_width: u8) -> Result<Self, Error> {
        let refuse = |why| Err(Error::Identity { text: format!("{class_width}+{sequence_width}"), why });
        if !(1..=WIDEST_CLASS).contains(&class_width) {
            return refuse("the class has 1 to 16 characters: give such a width");
        }
        if !(1..=WIDEST_SEQUENCE).contains(&sequence_width) {
            return refuse("the sequence has 1 to 19 digits: give such a width");
        }
        Ok(Self { dimension, class_width, sequence_width })
    }

    /// Characters of a code.
    pub fn length(&self) -> usize {
        self.location_length() + usize::from(self.class_width) + usize::from(self.sequence_width)
    }

    fn location_length(&self) -> usize {
        if self.dimension == Dimension::Plane { 26 } else { 44 }
    }

    /// The greatest sequence number that fits.
    fn last_sequence(&self) -> u64 {
        10u64.pow(self.sequence_width.into()) - 1
    }

    /// The identity of an entity at a place, with a sequence number that the keeper has not given yet in this cell and class.
    ///
    /// # Errors
    /// What [`Cell::of`] refuses, [`Error::NeedsHeight`] in a solid form, [`Error::Character`] or [`Error::Length`] for a class that does not
    /// fit, [`Error::Identity`] for a sequence number that does not.
    pub fn identity(&self, position: &Position, class: &str, sequence: u64) -> Result<Identity, Error> {
        self.check_class(class)?;
        if sequence > self.last_sequence() {
            return Err(Error::Identity {
                text: sequence.to_string(),
                why: "the sequence number has more digits than the form: take a wider one",
            });
        }
        let location = super::Grid(self.dimension).encode(position, FINEST_LEVEL)?;
        Ok(Identity { form: *self, location, class: class.to_owned(), sequence })
    }

    /// Reads an identity code of this form.
    ///
    /// # Errors
    /// [`Error::Length`] for any other length, [`Error::Character`] naming the wrong character.
    pub fn parse(&self, code: &str) -> Result<Identity, Error> {
        let length = bad_length(
            SCHEME,
            code,
            "an identity code has the 26 or 44 of its location code, and those of class and sequence",
        );
        if code.len() != self.length() || !code.is_ascii() {
            return Err(length);
        }
        let (location, rest) = code.split_at(self.location_length());
        let (class, sequence) = rest.split_at(self.class_width.into());
        let location = Cell::parse(location)?;
        if location.level() != FINEST_LEVEL || location.is_3d() != (self.dimension == Dimension::Solid) {
            return Err(length);
        }
        self.check_class(class)?;
        if let Some(wrong) = sequence.bytes().position(|b| !b.is_ascii_digit()) {
            return Err(bad_character(SCHEME, code, code.len() - sequence.len() + wrong, "0-9 (sequence)"));
        }
        let Ok(sequence) = sequence.parse() else { return Err(length) };
        Ok(Identity { form: *self, location, class: class.to_owned(), sequence })
    }

    fn check_class(&self, class: &str) -> Result<(), Error> {
        if let Some(wrong) = class.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'A'..=b'Z')) {
            return Err(bad_character(SCHEME, class, wrong, "0-9 or A-Z (class)"));
        }
        if class.len() == usize::from(self.class_width) {
            return Ok(());
        }
        Err(bad_length(SCHEME, class, "the class has exactly the characters of the form"))
    }
}

/// A national spatial identity code. It is a name: it has no way to be moved or changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    form: Form,
    location: Cell,
    class: String,
    sequence: u64,
}

impl Identity {
    /// The cell where the entity was when its code was minted; not where it is.
    pub fn minted_at(&self) -> Cell {
        self.location
    }

    /// The class code.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The sequence number within cell and class.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.form.sequence_width);
        write!(f, "{}{}{:0width$}", self.location, self.class, self.sequence)
    }
}

/// Gives identity codes, each once: it remembers the last sequence number of every cell and class it has given or been shown.
#[derive(Debug, Clone)]
pub struct Mint {
    form: Form,
    last: BTreeMap<(Cell, String), u64>,
}

impl Mint {
    /// A mint that has given nothing yet. Sequences begin at 1.
    pub fn new(form: Form) -> Self {
        Self { form, last: BTreeMap::new() }
    }

    /// Takes notice of a code given earlier, so that it is not given again.
    pub fn notice(&mut self, identity: &Identity) {
        let last = self.last.entry((identity.location, identity.class.clone())).or_default();
        *last = (*last).max(identity.sequence);
    }

    /// The identity of an entity first recorded at a place.
    ///
    /// # Errors
    /// As [`Form::identity`]; [`Error::Identity`] when all sequence numbers of the cell and class are given.
    pub fn mint(&mut self, position: &Position, class: &str) -> Result<Identity, Error> {
        let first = self.form.identity(position, class, 0)?;
        let last = self.last.entry((first.location, first.class.clone())).or_default();
        if *last >= self.form.last_sequence() {
            return Err(Error::Identity {
                text: excerpt(&first.to_string()),
                why: "every sequence number of this cell and class is given: take a wider sequence",
            });
        }
        *last += 1;
        Ok(Identity { sequence: *last, ..first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lon: f64, lat: f64, height: Option<f64>) -> Position {
        Position::new(lon, lat, height).unwrap()
    }

    #[test]
    fn an_identity_stays_when_its_entity_moves() {
        let form = Form::new(Dimension::Plane, 6, 4).unwrap();
        let mut mint = Mint::new(form);
        let here = place(116.312_602_777_777_78, 39.993_161_111_111_114, None);
        let bus = mint.mint(&here, "310101").unwrap();
        assert_eq!(bus.to_string(), "NE104J252533432823113461523101010001");
        // The bus drives on; its code is what its keeper holds, and another bus recorded where it stood gets another.
        assert_ne!(Cell::of(&place(116.4, 39.9, None), 16).unwrap(), bus.minted_at());
        assert_eq!(form.parse(&bus.to_string()).unwrap(), bus);
        let next = mint.mint(&here, "310101").unwrap();
        assert_eq!((next.sequence(), next.minted_at()), (2, bus.minted_at()));
        assert_eq!(mint.mint(&here, "310102").unwrap().sequence(), 1);
        // A mint that begins anew is shown what exists.
        let mut anew = Mint::new(form);
        anew.notice(&next);
        assert_eq!(anew.mint(&here, "310101").unwrap().sequence(), 3);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let form = Form::new(Dimension::Solid, 2, 1).unwrap();
        assert_eq!(form.length(), 47);
        let here = place(116.3, 39.9, Some(50.0));
        let code = form.identity(&here, "A1", 9).unwrap().to_string();
        assert_eq!(form.parse(&code).unwrap().to_string(), code);
        assert!(matches!(form.identity(&here, "a1", 1), Err(Error::Character { at: 1, .. })));
        assert!(matches!(form.identity(&here, "A", 1), Err(Error::Length { .. })));
        assert!(matches!(form.identity(&here, "A1", 10), Err(Error::Identity { .. })));
        assert!(matches!(form.identity(&here.without_height(), "A1", 1), Err(Error::NeedsHeight { .. })));
        let changed = format!("{}X", &code[..code.len() - 1]);
        assert!(matches!(form.parse(&changed), Err(Error::Character { at: 47, found: 'X', .. })));
        assert!(form.parse(&code[1..]).is_err() && form.parse(&"é".repeat(24)).is_err() && form.parse("").is_err());
        assert!(Form::new(Dimension::Plane, 0, 1).is_err() && Form::new(Dimension::Plane, 17, 1).is_err());
        assert!(Form::new(Dimension::Plane, 1, 0).is_err() && Form::new(Dimension::Plane, 1, 20).is_err());
        let mut mint = Mint::new(form);
        for _ in 1..=9 {
            mint.mint(&here, "A1").unwrap();
        }
        assert!(matches!(mint.mint(&here, "A1"), Err(Error::Identity { .. })));
    }
}
