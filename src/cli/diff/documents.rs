//! Differences of collections: counts of each, and the documents where they are asked for.

use super::report::ChangeMessage;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::ls::node::real_path;
use crate::cli::text::{grouped, readable};
use crate::codec::{ExtendedJson, write_extended_json};
use crate::model::{Collection, EntryPath};
use crate::ops::{Change, DocumentChange, DocumentCounts, Modifier, diff_documents};
use crate::repo::BlobReader;
use serde::Serialize;

/// Documents that were added, removed, changed.
#[derive(Serialize, Debug, Clone, Copy)]
pub struct CountsMessage {
    added: u64,
    removed: u64,
    changed: u64,
}

impl From<DocumentCounts> for CountsMessage {
    fn from(counts: DocumentCounts) -> Self {
        let DocumentCounts { added, removed, changed } = counts;
        Self { added, removed, changed }
    }
}

/// `document_change`.
#[derive(Serialize)]
struct DocumentMessage {
    path: String,
    modifier: &'static str,
    /// `{"_id": …}`, canonical.
    document: serde_json::Value,
}

/// Shows what differs in collections.
pub struct DocumentReporter<'a> {
    context: &'a Context,
    reader: &'a BlobReader,
    /// Each document, not only how many.
    lists: bool,
    /// Over all collections that differ.
    sum: Option<DocumentCounts>,
}

impl<'a> DocumentReporter<'a> {
    pub fn new(context: &'a Context, reader: &'a BlobReader, lists: bool) -> Self {
        Self { context, reader, lists, sum: None }
    }

    pub fn counts(&self) -> Option<CountsMessage> {
        self.sum.map(CountsMessage::from)
    }

    /// The sum, for `--stat`.
    pub fn line(&self) -> Option<String> {
        self.sum.map(|sum| format!("documents {}", shown(sum)))
    }

    /// Compares the documents, and shows what is wanted of that.
    pub fn show(
        &mut self,
        change: &Change<'_>,
        (old, new): (Option<&Collection>, Option<&Collection>),
        sums_only: bool,
    ) -> Result<(), Failure> {
        let mut failed = None;
        let mut sink = |document: DocumentChange<'_>| {
            let printed = match self.lists {
                true => self.print(change.path, &document),
                false => Ok(()),
            };
            failed = printed.err();
            failed.is_none() && !self.context.stop.is_asked()
        };
        let counts = diff_documents(self.reader, old, new, &mut sink)?;
        match failed {
            Some(failure) => return Err(failure),
            None if self.context.stop.is_asked() => return Err(Failure::stopped()),
            None => {}
        }
        let sum = self.sum.get_or_insert_default();
        if let Some(counts) = counts {
            sum.added += counts.added;
            sum.removed += counts.removed;
            sum.changed += counts.changed;
        }
        if sums_only { Ok(()) } else { self.print_collection(change, counts) }
    }

    fn print_collection(
        &self,
        change: &Change<'_>,
        counts: Option<DocumentCounts>,
    ) -> Result<(), Failure> {
        let path = real_path(change.path);
        let letter = change.modifier.letter();
        let mut message = ChangeMessage::new(&path, letter);
        message.documents = counts.map(CountsMessage::from);
        let output = &self.context.output;
        output.object("change", &message)?;
        let documents = match counts {
            Some(counts)
                if counts == DocumentCounts::default() && change.modifier == Modifier::Content =>
            {
                "the same documents: options, indexes or UUID".to_owned()
            }
            Some(counts) => format!("documents: {}", shown(counts)),
            None => "documents in natural order, not compared one by one".to_owned(),
        };
        output.line(format!("{letter:<2} {}  {documents}", readable(&path)))
    }

    fn print(&self, path: &EntryPath, change: &DocumentChange<'_>) -> Result<(), Failure> {
        let letter = match (change.old, change.new) {
            (None, _) => "+",
            (_, None) => "-",
            _ => "M",
        };
        let path = real_path(path);
        let output = &self.context.output;
        if output.is_json() {
            let document = json(&change.id(), ExtendedJson::Canonical);
            let document = serde_json::from_slice(&document).unwrap_or_default();
            let path = String::from_utf8_lossy(&path).into_owned();
            return output
                .object("document_change", &DocumentMessage { path, modifier: letter, document });
        }
        let id = json(&change.id(), ExtendedJson::Relaxed);
        output.line(format!("{letter:<2} {} {}", readable(&path), readable(&id)))
    }
}

fn json(document: &[u8], form: ExtendedJson) -> Vec<u8> {
    let mut text = Vec::new();
    match write_extended_json(document, form, &mut text) {
        Ok(()) => text,
        Err(_) => b"{}".to_vec(),
    }
}

fn shown(counts: DocumentCounts) -> String {
    let DocumentCounts { added, removed, changed } = counts;
    let (added, removed, changed) = (grouped(added), grouped(removed), grouped(changed));
    format!("{added} added, {removed} removed, {changed} changed")
}
