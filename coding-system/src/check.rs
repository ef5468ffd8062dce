//! The check character of ISO 7064, system MOD 37,36. A text comes in, one of `0-9A-Z` goes out. It finds every single changed
//! character and nearly every swap of neighbours; punctuation counts too, folded to letters, so that a moved separator is found as well.

const CHARACTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The check character of a text. Letters count without case; `:`, `@`, `/`, `-`, `.` and `+` count as X, W, V, U, T and S; other characters
/// are left out (no code here has any).
pub fn check_character(text: &str) -> char {
    let product = text.bytes().filter_map(value).fold(36, |product, value| {
        let sum = match (product + value) % 36 {
            0 => 36,
            sum => sum,
        };
        sum * 2 % 37
    });
    char::from(CHARACTERS[((37 - product) % 36) as usize])
}

fn value(byte: u8) -> Option<u32> {
    let folded = match byte {
        b':' => b'X',
        b'@' => b'W',
        b'/' => b'V',
        b'-' => b'U',
        b'.' => b'T',
        b'+' => b'S',
        other => other.to_ascii_uppercase(),
    };
    CHARACTERS.iter().position(|c| *c == folded).map(|place| place as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_published_number_checks() {
        // A Global Release Identifier, whose last character is MOD 37,36 over the rest.
        assert_eq!(check_character("A12425GABC1234002"), 'M');
    }

    proptest! {
        #[test]
        fn one_changed_character_is_always_found(text in "[0-9A-Z]{1,40}", at: prop::sample::Index, to in 0usize..36) {
            let mut bytes = text.clone().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != CHARACTERS[to]);
            bytes[at] = CHARACTERS[to];
            prop_assert_ne!(check_character(&text), check_character(std::str::from_utf8(&bytes).unwrap()));
        }
    }
}
