//! How a session ended: a snapshot or a tombstone.

use super::reading::comes_back;
use snapstore::format::Commit;
use snapstore::model::SessionId;

pub fn body(bytes: &[u8]) {
    let id = SessionId::new([5; 16]);
    let commit = comes_back(bytes, |bytes| Commit::decode(id, bytes), Commit::encode);
    if let Some(Commit::Snapshot(snapshot)) = commit {
        assert_eq!(snapshot.id, id);
        for source in &snapshot.sources {
            assert!(source.path.names().all(|name| name.bytes() != b".."));
        }
    }
}
