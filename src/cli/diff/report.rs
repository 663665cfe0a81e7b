//! Differences, as lines and as JSON.

use super::documents::{CountsMessage, DocumentReporter};
use super::sides::{Side, Sides};
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::ls::node::{hexadecimal, real_path};
use crate::cli::text::{count, readable};
use crate::model::Collection;
use crate::ops::{Change, Modifier, Statistics, Sums};
use crate::policy::format_size;
use crate::repo::BlobReader;
use serde::Serialize;

/// `change`; names are restic's.
#[derive(Serialize)]
pub struct ChangeMessage {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    pub modifier: &'static str,
    /// The difference of two texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of a collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<CountsMessage>,
}

/// `statistics`; names are restic's.
#[derive(Serialize)]
struct StatisticsMessage {
    source_snapshot: String,
    /// Not of the live folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_snapshot: Option<String>,
    changed_files: u64,
    changed_metadata: u64,
    added: SumsMessage,
    removed: SumsMessage,
    /// Of collections, if some differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<CountsMessage>,
}

#[derive(Serialize)]
struct SumsMessage {
    files: u64,
    dirs: u64,
    others: u64,
    bytes: u64,
}

impl From<&Sums> for SumsMessage {
    fn from(sums: &Sums) -> Self {
        let Sums { files, directories: dirs, others, bytes } = *sums;
        Self { files, dirs, others, bytes }
    }
}

impl ChangeMessage {
    pub fn new(path: &[u8], modifier: &'static str) -> Self {
        let is_text = std::str::from_utf8(path).is_ok();
        Self {
            path: String::from_utf8_lossy(path).into_owned(),
            path_hex: (!is_text).then(|| hexadecimal(path)),
            modifier,
            text: None,
            documents: None,
        }
    }
}

/// Shows differences as they come.
pub struct Reporter<'a> {
    context: &'a Context,
    documents: DocumentReporter<'a>,
    sums_only: bool,
    metadata: bool,
    /// What went wrong with the output.
    failed: Option<Failure>,
}

impl<'a> Reporter<'a> {
    pub fn new(
        context: &'a Context,
        reader: &'a BlobReader,
        sums_only: bool,
        metadata: bool,
        lists_documents: bool,
    ) -> Self {
        let lists_documents = lists_documents && !sums_only;
        let documents = DocumentReporter::new(context, reader, lists_documents);
        Self { context, documents, sums_only, metadata, failed: None }
    }

    /// False if nobody listens any more.
    pub fn show(&mut self, change: &Change<'_>) -> bool {
        if let Some(collections) = change.collections {
            return self.show_collection(change, collections);
        }
        if self.sums_only || (change.modifier == Modifier::Metadata && !self.metadata) {
            return true;
        }
        match self.try_show(change) {
            Ok(()) => true,
            Err(failure) => {
                self.failed = Some(failure);
                false
            }
        }
    }

    fn show_collection(
        &mut self,
        change: &Change<'_>,
        collections: (Option<&Collection>, Option<&Collection>),
    ) -> bool {
        match self.documents.show(change, collections, self.sums_only) {
            Ok(()) => true,
            Err(failure) => {
                self.failed = Some(failure);
                false
            }
        }
    }

    pub fn check(&mut self) -> Result<(), Failure> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn try_show(&self, change: &Change<'_>) -> Result<(), Failure> {
        let path = real_path(change.path);
        let letter = change.modifier.letter();
        let output = &self.context.output;
        output.object("change", &ChangeMessage::new(&path, letter))?;
        let slash = if change.is_directory { "/" } else { "" };
        output.line(format!("{letter:<2} {}{slash}", readable(&path)))
    }

    /// The sums: with `--stat` they are what was asked for.
    pub fn finish(&self, sides: &Sides, statistics: &Statistics) -> Result<(), Failure> {
        let output = &self.context.output;
        let message = StatisticsMessage {
            source_snapshot: sides.old.id.hex(),
            target_snapshot: match &sides.new {
                Side::Snapshot { snapshot, .. } => Some(snapshot.id.hex()),
                Side::Live { .. } => None,
            },
            changed_files: statistics.changed_files,
            changed_metadata: statistics.changed_metadata,
            added: (&statistics.added).into(),
            removed: (&statistics.removed).into(),
            documents: self.documents.counts(),
        };
        output.object("statistics", &message)?;
        if self.sums_only {
            let documents = self.documents.line();
            let mut lines = lines(statistics).into_iter().chain(documents);
            return lines.try_for_each(|line| output.line(line));
        }
        if *statistics == Statistics::default() {
            output.aside_line("nothing differs");
        } else if statistics.changed_metadata > 0 && !self.metadata {
            let entries = count(statistics.changed_metadata, "entry differs", "entries differ");
            output.aside_line(&format!("{entries} in metadata only: --metadata lists them"));
        }
        Ok(())
    }
}

fn lines(statistics: &Statistics) -> Vec<String> {
    let sums = |sums: &Sums| {
        let Sums { files, directories, others, bytes } = *sums;
        let mut parts =
            vec![count(files, "file", "files"), count(directories, "folder", "folders")];
        if others > 0 {
            parts.push(count(others, "other", "others"));
        }
        format!("{}, {}", parts.join(", "), format_size(bytes))
    };
    vec![
        format!("added     {}", sums(&statistics.added)),
        format!("removed   {}", sums(&statistics.removed)),
        format!("changed   {}", count(statistics.changed_files, "file", "files")),
        format!("metadata  {}", count(statistics.changed_metadata, "entry", "entries")),
    ]
}
