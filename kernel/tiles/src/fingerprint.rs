//! A hash of what a tile was made of: numbers come in, in order, one of 64 bits goes out. It tells whether a tile is
//! still what it was; it is no signature.

/// Changed when the same things give other bytes: the version of what this crate writes.
const VERSION: u64 = 1;

/// A hash that grows.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn new(what: &str) -> Self {
        let mut hash = Self(VERSION);
        hash.bytes(what.as_bytes());
        hash
    }

    pub(crate) fn add(&mut self, number: u64) {
        self.0 = mixed(self.0.rotate_left(23) ^ number);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.add(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

/// Spreads every bit over all (the finaliser of splitmix64).
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_length_count() {
        let of = |numbers: &[u64]| {
            let mut hash = Fingerprint::new("x");
            numbers.iter().for_each(|number| hash.add(*number));
            hash.finish()
        };
        let all = [of(&[]), of(&[0]), of(&[0, 0]), of(&[1, 2]), of(&[2, 1])];
        assert!((0..5).all(|i| (0..i).all(|j| all[i] != all[j])));
        assert_ne!(Fingerprint::new("a").finish(), Fingerprint::new("b").finish());
    }
}
