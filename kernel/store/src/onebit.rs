//! The one bit that is not as it was written. In: the CRC-32C that bytes should have, the one that they have, and how many
//! there are. Out: which bit was turned over, if a single one explains the difference. A CRC is linear: turning a bit over
//! changes it by a value that depends only on how far the bit is from the end, and no two places within 2^31 bits have the
//! same one.

/// The polynomial of CRC-32C, lowest bit first.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// Which bit of `len` bytes was turned over, counted from the first byte's lowest.
pub(crate) fn turned(wanted: u32, found: u32, len: usize) -> Option<usize> {
    let difference = wanted ^ found;
    let mut change = POLYNOMIAL;
    (0..len * 8).rev().find(|_| {
        let here = change == difference;
        change = (change >> 1) ^ if change & 1 == 1 { POLYNOMIAL } else { 0 };
        here
    })
}

#[cfg(test)]
mod tests {
    use crc32c::crc32c;

    use super::*;

    #[test]
    fn every_turned_bit_is_found_and_nothing_else_is() {
        let good: Vec<u8> = (0..300_u32).map(|n| (n * n % 251) as u8).collect();
        let sum = crc32c(&good);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(turned(sum, crc32c(&bad), bad.len()), Some(bit));
            let other = (bit + 97) % (good.len() * 8);
            bad[other / 8] ^= 1 << (other % 8);
            assert_eq!(turned(sum, crc32c(&bad), bad.len()), None, "two bits: {bit} and {other}");
        }
        assert_eq!(turned(sum, sum, good.len()), None);
    }
}
