//! What the change log says of one document.

use crate::codec::{DocumentBuilder, Element, Elements};
use crate::model::{ClusterTime, Monitor};
use crate::mongo::oplog::{Command, Entry, Operation, OperationKind, Role};
use crate::ops::SoughtDocument;
use crate::repo::{LogStream, RepoError, key_of};

/// A change of the document, or of its collection as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    /// Of the entry that has it: one of a transaction counts from the transaction's end on.
    pub at: ClusterTime,
    /// Milliseconds since 1970, by the server's clock.
    pub wall: Option<i64>,
    pub kind: LoggedKind,
    pub in_transaction: bool,
    /// What the log has of it, as it has it: BSON.
    pub object: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedKind {
    Insert,
    Update,
    Delete,
    /// To the whole collection: created, dropped, renamed, options.
    Collection,
}

/// Goes through all windows of a stream between two moments, and tells `sink` what was done to a
/// document of `namespace` (`database.collection`). Reads all segments in between.
pub fn log_history(
    stream: &LogStream,
    namespace: &str,
    sought: &SoughtDocument,
    (from, to): (ClusterTime, ClusterTime),
    monitor: &dyn Monitor,
    sink: &mut dyn FnMut(LoggedChange),
) -> Result<(), RepoError> {
    for window in stream.windows()? {
        if window.last.at < from || window.first.at > to {
            continue;
        }
        for raw in stream.entries(&window, from, to)? {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            let raw = raw?;
            if let Ok(entry) = Entry::read(&raw)
                && entry.at >= from
            {
                changes(&entry, namespace, sought, sink);
            }
        }
    }
    Ok(())
}

fn changes(
    entry: &Entry<'_>,
    namespace: &str,
    sought: &SoughtDocument,
    sink: &mut dyn FnMut(LoggedChange),
) {
    for operation in entry.operations().flatten() {
        let Some(kind) = kind_of(&operation, namespace, sought) else { continue };
        sink(LoggedChange {
            at: entry.at,
            wall: entry.wall,
            kind,
            in_transaction: entry.role != Role::Alone,
            object: operation.object.to_vec(),
        });
    }
}

fn kind_of(
    operation: &Operation<'_>,
    namespace: &str,
    sought: &SoughtDocument,
) -> Option<LoggedKind> {
    let is_it = |id: &Option<Element<'_>>| {
        let id = id.as_ref().map(|id| DocumentBuilder::new().named("_id", id).finish());
        operation.namespace == namespace.as_bytes()
            && id.and_then(|id| key_of(&id)).is_some_and(|key| sought.is(&key))
    };
    match &operation.kind {
        OperationKind::Insert { id } => is_it(id).then_some(LoggedKind::Insert),
        OperationKind::Update { id, .. } => is_it(id).then_some(LoggedKind::Update),
        OperationKind::Delete { id } => is_it(id).then_some(LoggedKind::Delete),
        OperationKind::Command(command) => {
            concerns(*command, operation, namespace).then_some(LoggedKind::Collection)
        }
        OperationKind::Nothing | OperationKind::Other(_) => None,
    }
}

/// Whether a command made, moved or removed the collection.
fn concerns(command: Command<'_>, operation: &Operation<'_>, namespace: &str) -> bool {
    let Some((database, collection)) = namespace.split_once('.') else { return false };
    let is_database =
        operation.namespace.split(|byte| *byte == b'.').next() == Some(database.as_bytes());
    let first = Elements::new(operation.object).ok().and_then(|mut all| all.next());
    let named = first.and_then(Result::ok).and_then(|element| element.text());
    match command {
        Command::DropDatabase => is_database,
        Command::Create | Command::Drop => is_database && named == Some(collection.as_bytes()),
        Command::Rename { to, .. } => {
            to == namespace.as_bytes() || named == Some(namespace.as_bytes())
        }
        _ => false,
    }
}
