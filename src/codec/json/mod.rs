//! JSON texts (RFC 8259) as flat lists of tokens over the bytes that they came from: numbers keep
//! their digits, names that come twice stay two, and no depth is a problem.

mod base64;
mod layout;
mod scan;
mod tape;

pub use base64::{decode_base64, encode_base64};
pub use layout::{JsonLayout, JsonSpacing, write_json_string};
pub use scan::{JsonInput, JsonInputError};
pub use tape::{JsonError, JsonTape, JsonToken};
