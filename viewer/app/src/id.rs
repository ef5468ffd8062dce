//! An entity's id: sixteen bytes, written as a UUID. Nothing is read out of it but equality, order and a stable chance.

use crate::Error;

/// Sixteen bytes that name a thing in the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub [u8; 16]);

impl EntityId {
    /// Reads a UUID, with or without hyphens.
    ///
    /// # Errors
    /// When the text is not 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadId(text.chars().take(60).collect());
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.len() != 32 || !digits.is_ascii() {
            return Err(bad());
        }
        u128::from_str_radix(&digits, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| bad())
    }

    /// A number from 0 to 1 that is always the same for this id and this purpose.
    pub fn chance(&self, purpose: u8) -> f32 {
        let mut hash = 0x811c_9dc5_u32 ^ u32::from(purpose).wrapping_mul(0x9e37_79b9);
        for byte in self.0 {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        hash ^= hash >> 15;
        hash = hash.wrapping_mul(0x2c1b_3c6d);
        hash ^= hash >> 13;
        (hash >> 8) as f32 / (1 << 24) as f32
    }
}

impl std::fmt::Display for EntityId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                out.write_str("-")?;
            }
            write!(out, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        let id = EntityId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255]);
        assert_eq!(id.to_string(), "01020304-0506-0708-090a-0b0c0d0e0fff");
        assert_eq!(EntityId::parse(&id.to_string()).unwrap(), id);
        for bad in ["", "zz", "01020304-0506-0708-090a-0b0c0d0e0ff", "+1020304050607080900a0b0c0d0e0fff1", "ü"] {
            assert!(EntityId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn chance_is_even_and_differs_by_purpose() {
        let ids: Vec<EntityId> = (0..2000u128).map(|n| EntityId(n.to_be_bytes())).collect();
        let mean = ids.iter().map(|id| id.chance(1)).sum::<f32>() / 2000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(ids.iter().filter(|id| (id.chance(1) - id.chance(2)).abs() < 0.01).count() < 100);
    }
}
