//! Documents as raw bytes (BSON 1.1, <https://bsonspec.org>): walked by length, without recursion,
//! whatever is in them; and the canonical key of an `_id`.

mod builder;
mod element;
mod error;
mod extended;
mod key;
mod number;

pub use builder::DocumentBuilder;
pub use element::{Element, ElementType, Elements};
pub use error::DocumentError;
pub use extended::{
    ExtendedJson, ExtendedJsonError, read_extended_json, read_extended_value, write_extended_json,
    write_extended_value,
};
pub use key::document_key;
