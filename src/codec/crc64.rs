//! CRC-64 of ECMA-182, reflected (called CRC-64/XZ): what archives of mongodump end collections
//! with.

const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

const TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            let low = remainder & 1;
            remainder = (remainder >> 1) ^ (POLYNOMIAL * low);
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

/// The sum of what has come so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crc64(u64);

impl Crc64 {
    pub fn update(&mut self, bytes: &[u8]) {
        let folded = bytes
            .iter()
            .fold(!self.0, |sum, byte| TABLE[usize::from((sum as u8) ^ byte)] ^ (sum >> 8));
        self.0 = !folded;
    }

    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_sum() {
        let mut sum = Crc64::default();
        assert_eq!(sum.value(), 0);
        sum.update(b"1234");
        sum.update(b"56789");
        assert_eq!(sum.value(), 0x995d_c9bb_df19_39fa);
    }
}
