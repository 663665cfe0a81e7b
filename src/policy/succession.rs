//! Snapshots that are one and the same moment: a successor (its tags were changed, or a repair
//! committed it again) and what it succeeds, a copy and what it is a copy of.

use crate::model::{SessionId, Snapshot};
use jiff::Timestamp;
use std::collections::HashMap;

/// What stays the same in all successors and copies of a snapshot, in whatever repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lineage {
    pub begun: Timestamp,
    pub taken: Timestamp,
    /// The id that it had at first.
    pub first: SessionId,
}

impl Lineage {
    pub fn of(snapshot: &Snapshot) -> Self {
        let Snapshot { id, original, begun, taken, .. } = snapshot;
        Self { begun: *begun, taken: *taken, first: original.unwrap_or(*id) }
    }
}

/// Snapshots of one repository that have a successor there, with the newest one: whoever changed
/// tags was killed between commit and forgetting. `stored` says when each was stored.
pub fn succeeded(
    snapshots: &[Snapshot],
    stored: &HashMap<SessionId, Timestamp>,
) -> HashMap<SessionId, SessionId> {
    let age =
        |snapshot: &Snapshot| (stored.get(&snapshot.id).copied(), snapshot.sequence, snapshot.id);
    let mut newest: HashMap<_, &Snapshot> = HashMap::new();
    for snapshot in snapshots {
        let found = newest.entry((Lineage::of(snapshot), snapshot.tree)).or_insert(snapshot);
        if age(found) < age(snapshot) {
            *found = snapshot;
        }
    }
    let successor = |snapshot: &Snapshot| {
        let newest = newest.get(&(Lineage::of(snapshot), snapshot.tree))?;
        (newest.id != snapshot.id).then_some((snapshot.id, newest.id))
    };
    snapshots.iter().filter_map(successor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::test_snapshots::Example;

    fn id(number: u8) -> SessionId {
        SessionId::new([number; 16])
    }

    #[test]
    fn the_one_stored_last_succeeds_the_others() {
        let time = "2025-11-28T02:00Z";
        let successor =
            |number, of| Snapshot { original: Some(id(of)), ..Example::at(number, time).make() };
        let snapshots = [
            Example::at(9, time).make(),
            successor(3, 9),
            successor(5, 9),
            // Another one, of the same time.
            Example::at(4, time).make(),
            // The same first id, another time.
            Snapshot { original: Some(id(9)), ..Example::at(6, "2025-11-27T02:00Z").make() },
        ];
        let second = |second| Timestamp::new(second, 0).unwrap();
        let stored = [(id(9), second(1)), (id(3), second(3)), (id(5), second(2))].into();
        let expected = [(id(9), id(3)), (id(5), id(3))].into();
        assert_eq!(succeeded(&snapshots, &stored), expected);
    }
}
