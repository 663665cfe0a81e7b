//! Bytes to bytes: cut, identify, compress, seal, derive keys. Pure: randomness is an argument.

mod chunk;
mod compress;
mod derive;
mod document;
mod identify;
mod keys;
mod seal;

pub use chunk::{ChunkParameters, Chunker, InvalidChunkParameters};
pub use compress::{CompressError, Compression, Compressor, Decompressor};
pub use derive::{DeriveError, PasswordParameters, derive_from_key_file, derive_from_password};
pub use document::{DocumentBuilder, DocumentError, Element, ElementType, Elements, document_key};
pub use identify::{FileHasher, PieceCutter, identify, object_context};
pub use keys::{BlobClass, Class, Epoch, KeyRing, Secret};
pub use seal::{OpenError, Payload, Place, Sealer, open_with, seal_with};
