//! Zstandard with contexts that are kept: one compressor and one decompressor a worker.

use std::io;
use zstd::zstd_safe::CParameter;

/// How blobs are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    /// zstd's levels, 1 to 19.
    Zstd(i32),
}

/// Why compression or its reversal failed.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    #[error("zstd: {0}")]
    Zstd(#[from] io::Error),
    #[error("the content is {found} bytes long instead of {expected}")]
    Length { expected: usize, found: usize },
}

/// Compresses; reuses its context and its buffer.
pub struct Compressor {
    zstd: Option<Zstd>,
    buffer: Vec<u8>,
}

/// The level of a repository that asks for no other: not everything is worth as much time.
const STANDARD: i32 = 3;
/// Less than this is compressed at the level itself, whatever it is.
const SHORT: usize = 64 << 10;

/// How hard zstd tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// As the level says.
    Level,
    /// Four fifths of the time, for what is no text and gains little by more.
    Swift,
}

struct Zstd {
    context: zstd::bulk::Compressor<'static>,
    level: i32,
    effort: Effort,
}

impl Zstd {
    fn new(level: i32) -> Result<Self, CompressError> {
        let level = level.clamp(1, 19);
        let context = zstd::bulk::Compressor::new(level)?;
        Ok(Self { context, level, effort: Effort::Level })
    }

    /// Of what is long and no text the standard level spends a third more time than the one below
    /// for three hundredths of its size (`docs/decisions/0014`).
    fn try_as_hard_as(&mut self, plain: &[u8]) -> Result<(), CompressError> {
        let is_swift = self.level == STANDARD && plain.len() >= SHORT && !is_text(plain);
        let effort = if is_swift { Effort::Swift } else { Effort::Level };
        if effort != self.effort {
            let (level, least_match) = match effort {
                Effort::Level => (self.level, 0),
                Effort::Swift => (STANDARD - 1, 5),
            };
            self.context.set_parameter(CParameter::CompressionLevel(level))?;
            self.context.set_parameter(CParameter::MinMatch(least_match))?;
            self.effort = effort;
        }
        Ok(())
    }
}

/// Looks at 4 KiB from all over. In text of any language and encoding that uses ASCII for spaces there
/// are next to no control characters; of compressed bytes each ninth is one.
fn is_text(plain: &[u8]) -> bool {
    const SLICE: usize = 64;
    let step = (plain.len() / SLICE).max(SLICE);
    let seen = plain.chunks(step).flat_map(|part| part.iter().take(SLICE));
    let (mut count, mut controls) = (0_usize, 0);
    for byte in seen {
        count += 1;
        controls += usize::from(*byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t'));
    }
    controls * 16 < count
}

impl Compressor {
    pub fn new(compression: Compression) -> Result<Self, CompressError> {
        let zstd = match compression {
            Compression::None => None,
            Compression::Zstd(level) => Some(Zstd::new(level)?),
        };
        Ok(Self { zstd, buffer: Vec::new() })
    }

    /// The compressed form, or `None` if it would save less than one part in 64.
    pub fn compress(&mut self, plain: &[u8]) -> Result<Option<&[u8]>, CompressError> {
        let Some(zstd) = &mut self.zstd else { return Ok(None) };
        zstd.try_as_hard_as(plain)?;
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        zstd.context.compress_to_buffer(plain, &mut self.buffer)?;
        let worth = self.buffer.len() < plain.len() - plain.len() / 64;
        Ok(worth.then_some(self.buffer.as_slice()))
    }
}

/// Decompresses; reuses its context.
pub struct Decompressor(zstd::bulk::Decompressor<'static>);

impl Decompressor {
    pub fn new() -> Result<Self, CompressError> {
        Ok(Self(zstd::bulk::Decompressor::new()?))
    }

    /// Decompresses into exactly `length` bytes, which the caller has bounded; anything else is
    /// an error. Takes no more memory than that.
    pub fn decompress(&mut self, stored: &[u8], length: usize) -> Result<Vec<u8>, CompressError> {
        let mut plain = Vec::with_capacity(length);
        let found = self.0.decompress_to_buffer(stored, &mut plain)?;
        match found == length {
            true => Ok(plain),
            false => Err(CompressError::Length { expected: length, found }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut noise = vec![0; length];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        noise
    }

    #[test]
    fn text_is_told_from_other_bytes() {
        for text in ["{\"role\": \"user\", \"text\": \"hello\"}\n", "Grüße\r\n", "\tпривет мир\n"]
        {
            assert!(is_text(&text.repeat(5_000).into_bytes()), "{text}");
        }
        assert!(!is_text(&noise(300_000)));
        let numbers: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        assert!(!is_text(&numbers));
    }

    /// What one context compresses does not depend on what it had before.
    #[test]
    fn the_same_bytes_come_to_the_same() {
        let text = "what is said and what is meant\n".repeat(9_000).into_bytes();
        let mixed: Vec<u8> = text.iter().zip(noise(text.len())).map(|(a, b)| a & b).collect();
        let mut compressor = Compressor::new(Compression::Zstd(3)).unwrap();
        let mut sizes = |plain: &[u8]| compressor.compress(plain).unwrap().unwrap().len();
        let (first, second) = (sizes(&text), sizes(&mixed));
        assert_eq!((sizes(&text), sizes(&mixed)), (first, second));
        let at_level = |level: i32| {
            let mut zstd = zstd::bulk::Compressor::new(level).unwrap();
            zstd.compress(&text).unwrap().len()
        };
        assert_eq!(first, at_level(3));
    }
}
