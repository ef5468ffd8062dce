//! The unit of a model's numbers: stated by whoever knows it, never guessed. Inside this crate lengths are millimetres.

use std::str::FromStr;

use serde::Serialize;

use crate::error::Error;

/// A unit of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Millimetres.
    Mm,
    /// Centimetres.
    Cm,
    /// Metres, which glTF means (2.0, 3.4).
    M,
    /// Inches of 25.4 mm.
    In,
}

impl Unit {
    /// Millimetres in one.
    pub fn mm(self) -> f64 {
        match self {
            Self::Mm => 1.0,
            Self::Cm => 10.0,
            Self::M => 1_000.0,
            Self::In => 25.4,
        }
    }
}

impl FromStr for Unit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "mm" => Ok(Self::Mm),
            "cm" => Ok(Self::Cm),
            "m" => Ok(Self::M),
            "in" => Ok(Self::In),
            other => Err(Error::Unit(other.to_owned())),
        }
    }
}
