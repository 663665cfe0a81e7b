//! Documents of collections in snapshots: all of them, one of them, and how they differ.

mod differences;
mod each;
mod history;
mod sought;

pub use differences::{DocumentChange, DocumentCounts, diff_documents};
pub use each::each_document;
pub use history::{DocumentHistory, DocumentLine, DocumentStep, document_history};
pub use sought::{SoughtDocument, id_of};
