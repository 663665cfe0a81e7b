//! What can be wrong with a document.

/// A document that does not hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("a length at byte {at} leads outside the document")]
    Outside { at: usize },
    #[error("byte {at} does not end what it should end")]
    NotEnded { at: usize },
    #[error("type {tag:#04x} at byte {at} is not known")]
    UnknownType { tag: u8, at: usize },
    #[error("documents lie in each other more than {limit} deep")]
    TooDeep { limit: usize },
}
