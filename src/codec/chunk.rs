//! Content-defined cut points: FastCDC (Xia et al., "The Design of Fast Content-Defined Chunking
//! for Data Deduplication Based Storage Systems", 2020), with a gear table that only the holder
//! of the chunk key knows, so that cut points do not tell what a file is.

use super::Secret;
use super::gear::Gear;
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

    fn sizes(&self) -> [usize; 3] {
        [self.least, self.average, self.largest].map(|size| size as usize)
    }
}

/// Finds cut points. Shared by all threads.
pub struct Chunker {
    parameters: ChunkParameters,
    gear: Gear,
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
        let gear = Gear::new(gear);
        let (mask_small, mask_large) =
            v2020::select_masks(parameters.average as usize, Normalization::Level1);
        Self { parameters, gear, mask_small, mask_large }
    }

    pub fn parameters(&self) -> &ChunkParameters {
        &self.parameters
    }

    /// The length of the first chunk of `data`. Correct if `data` is at least `largest` long, or
    /// ends where the content ends. Costs one pass over the chunk but for its first `least`
    /// bytes.
    pub fn cut(&self, data: &[u8]) -> usize {
        let [least, average, largest] = self.parameters.sizes();
        if data.len() <= least {
            return data.len();
        }
        let data = &data[..data.len().min(largest)];
        let (before, after) = data[least..].split_at(data.len().min(average) - least);
        let mut hash = 0;
        if let Some(at) = self.gear.find(before, self.mask_small, &mut hash) {
            return least + at;
        }
        match self.gear.find(after, self.mask_large, &mut hash) {
            Some(at) => average + at,
            None => data.len(),
        }
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

    /// As the crate cuts that others use, byte by byte.
    fn reference(chunker: &Chunker, data: &[u8]) -> usize {
        let [least, average, largest] = chunker.parameters.sizes();
        let [gear, shifted] = chunker.gear.tables();
        let (small, large) = (chunker.mask_small, chunker.mask_large);
        let (_, length) = v2020::cut_gear(
            data,
            least,
            average,
            largest,
            small,
            large,
            small << 1,
            large << 1,
            gear,
            shifted,
        );
        length
    }

    proptest::proptest! {
        /// Chunks from some bytes to some thousand, of noise and of what repeats itself.
        #[test]
        fn it_cuts_where_the_crate_cuts(
            length in 0..40_000_usize,
            average_bits in 8..15_u32,
            seed in proptest::prelude::any::<[u8; 4]>(),
            period in 1..70_000_usize,
        ) {
            let average = 1 << average_bits;
            let parameters = ChunkParameters::new(average / 4, average, average * 4).unwrap();
            let chunker = Chunker::new(&Secret::new([3; 32]), parameters);
            let data: Vec<u8> = noise(period, &seed).into_iter().cycle().take(length).collect();
            let mut rest = data.as_slice();
            while !rest.is_empty() {
                let cut = chunker.cut(rest);
                proptest::prop_assert_eq!(cut, reference(&chunker, rest));
                rest = &rest[cut..];
            }
        }
    }

    #[test]
    fn odd_parameters_are_refused() {
        assert!(ChunkParameters::new(1025, 4096, 16384).is_err());
        assert!(ChunkParameters::new(4096, 4096, 16384).is_err());
        assert!(ChunkParameters::new(1024, 4096, 32 << 20).is_err());
    }
}
