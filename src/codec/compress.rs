//! Zstandard with contexts that are kept: one compressor and one decompressor a worker.

use std::io;

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
    zstd: Option<zstd::bulk::Compressor<'static>>,
    buffer: Vec<u8>,
}

impl Compressor {
    pub fn new(compression: Compression) -> Result<Self, CompressError> {
        let zstd = match compression {
            Compression::None => None,
            Compression::Zstd(level) => Some(zstd::bulk::Compressor::new(level.clamp(1, 19))?),
        };
        Ok(Self { zstd, buffer: Vec::new() })
    }

    /// The compressed form, or `None` if it would save less than one part in 64.
    pub fn compress(&mut self, plain: &[u8]) -> Result<Option<&[u8]>, CompressError> {
        let Some(zstd) = &mut self.zstd else { return Ok(None) };
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        zstd.compress_to_buffer(plain, &mut self.buffer)?;
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
