//! Bytes to bytes: cut, identify, compress, seal, derive keys. Pure: randomness is an argument.

mod aead;
mod chunk;
mod compress;
mod crc64;
mod derive;
mod document;
mod gear;
mod identify;
mod json;
mod keys;
mod seal;

pub use chunk::{ChunkParameters, Chunker, InvalidChunkParameters};
pub use compress::{CompressError, Compression, Compressor, Decompressor};
pub use crc64::Crc64;
pub use derive::{DeriveError, PasswordParameters, derive_from_key_file, derive_from_password};
pub use document::{
    DocumentBuilder, DocumentError, Element, ElementType, Elements, ExtendedJson,
    ExtendedJsonError, document_key, read_extended_json, read_extended_value, write_extended_json,
    write_extended_value,
};
pub use identify::{FileHasher, PieceCutter, identify, object_context};
pub use json::{
    JsonError, JsonInput, JsonInputError, JsonLayout, JsonSpacing, JsonTape, JsonToken,
};
pub use keys::{BlobClass, Class, Epoch, KeyRing, Secret};
pub use seal::{OpenError, Payload, Place, Sealer, open_with, seal_with};
