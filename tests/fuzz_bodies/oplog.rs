//! Entries of the server's log: as they lie in its answers, in `applyOps`, and in chains.

use super::reading::read;
use snapstore::codec::document_key;
use snapstore::format::documents;
use snapstore::mongo::oplog::{Chains, Entry, LogReader, Operation, OperationKind, Role};

pub fn body(bytes: &[u8]) {
    let mut entries: Vec<&[u8]> = documents(bytes).map_while(Result::ok).collect();
    if let Some(answer) = read(LogReader::entries(bytes)) {
        entries.extend(answer.map_while(read));
    }
    let mut chains: Chains<usize> = Chains::default();
    for entry in entries.into_iter().filter_map(|raw| read(Entry::read(raw))) {
        let operations = held(&entry);
        let last = entry.previous.filter(|previous| *previous < entry.at);
        match entry.role {
            Role::Part { is_prepared } => {
                chains.keep(entry.at, entry.previous, is_prepared, operations);
            }
            Role::End | Role::Commit { .. } | Role::Abort => {
                if let Ok(parts) = chains.take(last) {
                    assert!(parts.len() <= bytes.len());
                }
            }
            Role::Alone => {}
        }
    }
    chains.has_prepared();
}

/// How many operations an entry has, all of which lie in its bytes.
fn held(entry: &Entry<'_>) -> usize {
    let mut count = 0;
    for operation in entry.operations().map_while(read) {
        count += 1;
        lies_in(operation.object, entry.raw);
        lies_in(operation.namespace, entry.raw);
        assert!(!matches!(operation.kind, OperationKind::Command(command)
            if command == snapstore::mongo::oplog::Command::ApplyOperations));
        keyed(&operation);
    }
    assert!(count <= entry.raw.len());
    count
}

fn keyed(operation: &Operation<'_>) {
    let id = match &operation.kind {
        OperationKind::Insert { id }
        | OperationKind::Update { id, .. }
        | OperationKind::Delete { id } => id.as_ref(),
        _ => None,
    };
    if let Some(id) = id {
        assert_eq!(id.name, b"_id");
        read(document_key(id));
    }
}

fn lies_in(part: &[u8], whole: &[u8]) {
    let whole = whole.as_ptr_range();
    let part_range = part.as_ptr_range();
    assert!(part.is_empty() || (whole.start <= part_range.start && part_range.end <= whole.end));
}
