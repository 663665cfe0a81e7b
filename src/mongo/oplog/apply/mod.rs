//! What an update in the log makes of a document. Pure: bytes in, bytes out, without recursion,
//! whatever is in them. Held against a real server by `tests/mongo_diffs.rs`.
//!
//! An update is one of three things: a replacement (it has an `_id`), operators (`$v: 1`, of
//! servers before 5.0), or a difference (`$v: 2`).

mod array;
mod difference;
mod operators;
mod output;

use crate::codec::{DocumentError, Element, Elements};
use output::Output;

/// What an entry of the log can make: a server's largest document, and what it allows beside that
/// for its own purposes.
const LARGEST: usize = (16 << 20) + (16 << 10);
/// A server allows 200.
const DEEPEST: usize = 250;

/// A document after an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    pub document: Vec<u8>,
    /// Whether all that the update speaks of was of the kind that it says. Where it was not, the
    /// update was made for another document than this one: a later state of it, which another
    /// entry leads to, or one that a part of the log is missing before.
    pub fits: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    #[error("it is not well-formed: {0}")]
    Malformed(#[from] DocumentError),
    /// Something that snap does not know, or that no server writes.
    #[error("it has {0:?}, which is not understood")]
    Unknown(String),
    #[error("the document becomes larger than a server allows")]
    TooLarge,
    #[error("the document becomes deeper than a server allows")]
    TooDeep,
}

/// Applies `o` of an update entry. Costs about as much as copying the document, for operators as
/// much for each of their paths.
pub fn apply_update(document: &[u8], update: &[u8]) -> Result<Updated, UpdateError> {
    if Elements::new(update)?.find(b"_id")?.is_some() {
        return replaced(update);
    }
    let version = Elements::new(update)?.find(b"$v")?;
    match version.as_ref().map(Element::integer) {
        Some(Some(2)) => difference::apply(document, update),
        Some(Some(1)) | None => operators::apply(document, update),
        Some(other) => Err(UpdateError::Unknown(format!("$v: {other:?}"))),
    }
}

fn replaced(update: &[u8]) -> Result<Updated, UpdateError> {
    if update.len() > LARGEST {
        return Err(UpdateError::TooLarge);
    }
    Ok(Updated { document: update.to_vec(), fits: true })
}

fn unknown(name: &[u8]) -> UpdateError {
    UpdateError::Unknown(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests;
