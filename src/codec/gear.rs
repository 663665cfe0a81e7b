//! The gear hash of FastCDC, and the search for a byte after which a chunk may end. A hash waits
//! for the one of the byte before it; so two stretches of the data are hashed beside each other,
//! which takes two thirds of the time.

/// Even. So long is each of the two stretches, in bytes; where one of them has an end both are
/// looked through again, so they are short beside a chunk.
const STRETCH: usize = 2048;
/// A byte is shifted out of the hash after so many others.
const WINDOW: usize = 64;

/// The words that stand for bytes in the hash.
pub struct Gear {
    words: Box<[u64; 256]>,
    /// Each shifted left by one: two bytes are added with one shift.
    shifted: Box<[u64; 256]>,
}

impl Gear {
    pub fn new(words: Box<[u64; 256]>) -> Self {
        let shifted = Box::new(words.map(|word| word << 1));
        Self { words, shifted }
    }

    /// The first place in `data` where the hash, with its byte, has none of the bits of `mask`.
    /// `hash` is that of what is before `data`, and after it that of all up to its end; the
    /// highest bit is not in `mask`. Only whole pairs of bytes are looked at.
    pub fn find(&self, data: &[u8], mask: u64, hash: &mut u64) -> Option<usize> {
        let (blocks, rest) = data.as_chunks::<{ 2 * STRETCH }>();
        for (number, block) in blocks.iter().enumerate() {
            match self.hash_behind(block, mask, *hash) {
                Some(after) => *hash = after,
                None => {
                    let at = self.find_in_order(block, mask, hash)?;
                    return Some(number * 2 * STRETCH + at);
                }
            }
        }
        let at = self.find_in_order(rest, mask, hash)?;
        Some(blocks.len() * 2 * STRETCH + at)
    }

    /// The hash behind the block if there is no such place in it.
    fn hash_behind(&self, block: &[u8; 2 * STRETCH], mask: u64, hash: u64) -> Option<u64> {
        let (first, second) = block.split_at(STRETCH);
        let behind_first = self.hash_of(&first[STRETCH - WINDOW..]);
        let (mut one, mut other) = (hash, behind_first);
        for (pair, other_pair) in first.as_chunks().0.iter().zip(second.as_chunks().0) {
            let is_found =
                self.step(pair, mask, &mut one) | self.step(other_pair, mask, &mut other);
            if is_found {
                return None;
            }
        }
        Some(other)
    }

    fn find_in_order(&self, data: &[u8], mask: u64, hash: &mut u64) -> Option<usize> {
        for (number, [first, second]) in data.as_chunks::<2>().0.iter().enumerate() {
            *hash = (*hash << 2).wrapping_add(self.shifted[usize::from(*first)]);
            if *hash & (mask << 1) == 0 {
                return Some(number * 2);
            }
            *hash = hash.wrapping_add(self.words[usize::from(*second)]);
            if *hash & mask == 0 {
                return Some(number * 2 + 1);
            }
        }
        None
    }

    /// Whether there is such a place at either byte.
    #[inline(always)]
    fn step(&self, [first, second]: &[u8; 2], mask: u64, hash: &mut u64) -> bool {
        let middle = (*hash << 2).wrapping_add(self.shifted[usize::from(*first)]);
        *hash = middle.wrapping_add(self.words[usize::from(*second)]);
        (middle & (mask << 1) == 0) | (*hash & mask == 0)
    }

    #[cfg(test)]
    pub fn tables(&self) -> [&[u64]; 2] {
        [self.words.as_slice(), self.shifted.as_slice()]
    }

    fn hash_of(&self, data: &[u8]) -> u64 {
        data.iter().fold(0, |hash, byte| (hash << 1).wrapping_add(self.words[usize::from(*byte)]))
    }
}
