//! Content-defined cut points: FastCDC (Xia et al., "The Design of Fast Content-Defined Chunking
//! for Data Deduplication Based Storage Systems", 2020), with a gear table that only the holder
//! of the chunk key knows, so that cut points do not tell what a file is.

use super::Secret;
use fastcdc::v2020::{self, Normalization};

/// Bounds of chunks, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkParameters {
    least: u32,
    average: u32,
    largest: u32,
}

/// Why parameters were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "chunk sizes {least}, {average}, {largest} are not even, ascending and within 64, 256 B to 4 MiB, 16 MiB"
)]
pub struct InvalidChunkParameters {
    least: u32,
    average: u32,
    largest: u32,
}

impl ChunkParameters {
    /// What new repositories use: 512 KiB on average, between 128 KiB and 2 MiB.
    pub const STANDARD: Self =
        Self { least: 128 * 1024, average: 512 * 1024, largest: 2 * 1024 * 1024 };

    /// Even and ascending numbers: `least` from 64, `average` from 256 to 4 MiB, `largest` at
    /// most 16 MiB, which is the largest blob.
    pub fn new(least: u32, average: u32, largest: u32) -> Result<Self, InvalidChunkParameters> {
        let even = [least, average, largest].iter().all(|size| size.is_multiple_of(2));
        let ascending = least < average && average < largest;
        let bounded = least >= 64 && (256..=4 << 20).contains(&average) && largest <= 16 << 20;
        match even && ascending && bounded {
            true => Ok(Self { least, average, largest }),
            false => Err(InvalidChunkParameters { least, average, largest }),
        }
    }

    pub fn least(&self) -> u32 {
        self.least
    }

    pub fn average(&self) -> u32 {
        self.average
    }

    pub fn largest(&self) -> u32 {
        self.largest
    }
}

/// Finds cut points. Shared by all threads.
pub struct Chunker {
    parameters: ChunkParameters,
    gear: Box<[u64; 256]>,
    /// Each word of `gear` shifted left by one.
    gear_shifted: Box<[u64; 256]>,
    mask_small: u64,
    mask_large: u64,
}

impl Chunker {
    /// The gear words are the first 2048 bytes of the XOF of keyed BLAKE3(chunk key, "gear"),
    /// 64 bits little-endian each.
    pub fn new(chunk_key: &Secret, parameters: ChunkParameters) -> Self {
        let mut stream = [0; 2048];
        let mut hasher = blake3::Hasher::new_keyed(chunk_key.bytes());
        hasher.update(b"gear").finalize_xof().fill(&mut stream);
        let mut gear = Box::new([0; 256]);
        for (word, bytes) in gear.iter_mut().zip(stream.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let gear_shifted = Box::new(gear.map(|word| word << 1));
        let (mask_small, mask_large) =
            v2020::select_masks(parameters.average as usize, Normalization::Level1);
        Self { parameters, gear, gear_shifted, mask_small, mask_large }
    }

    pub fn parameters(&self) -> &ChunkParameters {
        &self.parameters
    }

    /// The length of the first chunk of `data`. Correct if `data` is at least `largest` long, or
    /// ends where the content ends. Costs one pass over the chunk but for its first `least`
    /// bytes.
    pub fn cut(&self, data: &[u8]) -> usize {
        let ChunkParameters { least, average, largest } = self.parameters;
        let (_, length) = v2020::cut_gear(
            data,
            least as usize,
            average as usize,
            largest as usize,
            self.mask_small,
            self.mask_large,
            self.mask_small << 1,
            self.mask_large << 1,
            self.gear.as_slice(),
            self.gear_shifted.as_slice(),
        );
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize, seed: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(seed).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn cuts(chunker: &Chunker, data: &[u8]) -> Vec<usize> {
        let mut rest = data;
        std::iter::from_fn(|| {
            let length = (!rest.is_empty()).then(|| chunker.cut(rest))?;
            rest = &rest[length..];
            Some(length)
        })
        .collect()
    }

    /// If these change, every repository in the world stores everything a second time.
    #[test]
    fn golden_cut_points() {
        let chunker = Chunker::new(&Secret::new([7; 32]), ChunkParameters::STANDARD);
        let found = cuts(&chunker, &noise(4 << 20, b"golden"));
        assert_eq!(found, GOLDEN);
        assert_eq!(cuts(&chunker, &vec![0; 5 << 20]), [2 << 20, 2 << 20, 1 << 20]);
    }

    const GOLDEN: &[usize] = &[508_655, 826_158, 1_007_592, 1_093_168, 758_731];

    #[test]
    fn cuts_are_found_again_behind_an_insertion() {
        let chunker =
            Chunker::new(&Secret::new([1; 32]), ChunkParameters::new(1024, 4096, 16384).unwrap());
        let data = noise(1 << 20, b"data");
        let mut moved = b"inserted".to_vec();
        moved.extend_from_slice(&data);
        let (before, after) = (cuts(&chunker, &data), cuts(&chunker, &moved));
        let same = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
        assert!(same + 4 > before.len(), "{same} of {}", before.len());
    }

    #[test]
    fn another_key_cuts_elsewhere() {
        let data = noise(4 << 20, b"data");
        let with =
            |key| cuts(&Chunker::new(&Secret::new([key; 32]), ChunkParameters::STANDARD), &data);
        assert_ne!(with(1), with(2));
    }

    #[test]
    fn odd_parameters_are_refused() {
        assert!(ChunkParameters::new(1025, 4096, 16384).is_err());
        assert!(ChunkParameters::new(4096, 4096, 16384).is_err());
        assert!(ChunkParameters::new(1024, 4096, 32 << 20).is_err());
    }
}
