//! What `--json` prints: one object a line. Field names are restic's where restic has the field.
//! `docs/cli.md` describes each; times are RFC 3339, sizes bytes.

use crate::model::{Snapshot, SnapshotKind};
use jiff::Timestamp;
use serde::Serialize;

/// A line: what it is, and the rest.
#[derive(Serialize)]
pub struct Message<'a, T> {
    pub message_type: &'static str,
    #[serde(flatten)]
    pub body: &'a T,
}

/// `error`: one thing went wrong, the work goes on.
#[derive(Serialize)]
pub struct ErrorMessage<'a> {
    error: ErrorText<'a>,
    during: &'a str,
    item: &'a str,
}

#[derive(Serialize)]
struct ErrorText<'a> {
    message: &'a str,
}

impl<'a> ErrorMessage<'a> {
    pub fn new(item: &'a str, message: &'a str, during: &'a str) -> Self {
        Self { error: ErrorText { message }, during, item }
    }
}

/// `note`, with `-v`: worth knowing, nothing is wrong.
#[derive(Serialize)]
pub struct NoteMessage<'a> {
    pub message: &'a str,
    pub item: &'a str,
}

/// `verbose_status`, with `-v`: what a backup does with an entry.
#[derive(Serialize)]
pub struct EntryMessage<'a> {
    pub action: &'static str,
    pub item: &'a str,
}

/// `exit_error`: why the command failed; the last line.
#[derive(Serialize)]
pub struct ExitError<'a> {
    pub code: u8,
    pub message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'a str>,
}

/// `status`: how far the work is.
#[derive(Serialize, Default)]
pub struct Status {
    pub stage: &'static str,
    pub seconds_elapsed: u64,
    /// From 0 to 1, where the whole is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_done: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packs_done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_packs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    pub error_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub current_files: Vec<String>,
}

/// `snapshot`.
#[derive(Serialize)]
pub struct SnapshotMessage {
    pub id: String,
    pub short_id: String,
    /// When the backup began.
    pub time: Timestamp,
    /// The moment that the content stands for.
    pub taken: Timestamp,
    pub kind: &'static str,
    pub hostname: String,
    pub username: String,
    pub uid: u32,
    pub gid: u32,
    pub paths: Vec<String>,
    pub tags: Vec<String>,
    pub tree: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    pub program_version: String,
    /// Sources, or parts of them, that could not be read whole.
    pub problems: u64,
    /// Collections were read while others may have written; where that was looked up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fuzzy: bool,
    pub summary: SnapshotSummary,
}

#[derive(Serialize)]
pub struct SnapshotSummary {
    pub total_files_processed: u64,
    pub total_dirs_processed: u64,
    pub total_bytes_processed: u64,
}

impl From<&Snapshot> for SnapshotMessage {
    fn from(snapshot: &Snapshot) -> Self {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        Self {
            id: snapshot.id.hex(),
            short_id: snapshot.id.short(),
            time: snapshot.begun,
            taken: snapshot.taken,
            kind: match snapshot.kind {
                SnapshotKind::Backup => "backup",
                SnapshotKind::Safety => "safety",
            },
            hostname: snapshot.host.name.clone(),
            username: snapshot.host.user.clone(),
            uid: snapshot.host.uid,
            gid: snapshot.host.gid,
            paths: snapshot.sources.iter().map(|source| text(&source.address)).collect(),
            tags: snapshot.tags.clone(),
            tree: snapshot.tree.hex(),
            parent: snapshot.parent.map(|id| id.hex()),
            original: snapshot.original.map(|id| id.hex()),
            program_version: snapshot.program.clone(),
            problems: snapshot.problems,
            fuzzy: false,
            summary: SnapshotSummary {
                total_files_processed: snapshot.summary.files,
                total_dirs_processed: snapshot.summary.directories,
                total_bytes_processed: snapshot.summary.bytes,
            },
        }
    }
}
