//! Which snapshot a time means.

use super::{Filter, TimeExpression};
use crate::model::{SessionId, Snapshot, SnapshotKind};
use std::collections::HashSet;

/// The newest snapshot that passes `filter` and was begun not after `at`; of several begun at
/// once the one taken last. Passes over safety snapshots and over those in `future`
/// ([`super::begun_in_future`]).
pub fn choose<'a>(
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
    at: &TimeExpression,
    filter: &Filter,
    future: &HashSet<SessionId>,
) -> Option<&'a Snapshot> {
    let in_time = |snapshot: &&Snapshot| match at {
        TimeExpression::Latest => true,
        TimeExpression::Moment(moment) => snapshot.begun <= moment.last,
    };
    snapshots
        .into_iter()
        .filter(|snapshot| snapshot.kind == SnapshotKind::Backup)
        .filter(|snapshot| !future.contains(&snapshot.id))
        .filter(in_time)
        .filter(|snapshot| filter.matches(snapshot))
        .max_by_key(|snapshot| (snapshot.begun, snapshot.taken, snapshot.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::test_snapshots::Example;

    fn chosen(snapshots: &[Snapshot], at: &str, filter: &Filter, future: &[u8]) -> Option<u8> {
        let now = "2025-11-29T12:00[Europe/Madrid]".parse().unwrap();
        let at = TimeExpression::parse(at, &now).unwrap();
        let future = future.iter().map(|&id| SessionId::new([id; 16])).collect();
        choose(snapshots, &at, filter, &future).map(|snapshot| snapshot.id.bytes()[0])
    }

    #[test]
    fn the_newest_one_begun_not_after_the_time_is_chosen() {
        let snapshots = [
            Example::at(2, "2025-11-28T02:00:01+01:00").make(),
            Example::at(1, "2025-11-27T02:00:01+01:00").make(),
            Example::at(3, "2025-11-29T02:00:01+01:00").make(),
        ];
        let cases = [
            ("latest", Some(3)),
            ("now", Some(3)),
            // As wide as it is written: cron's minute, but not its second.
            ("2025-11-28T02:00", Some(2)),
            ("2025-11-28T02:00:00", Some(1)),
            ("2025-11-28T02:00:01", Some(2)),
            ("2025-11-28T02:00:01.0", Some(2)),
            ("2025-11-27", Some(1)),
            ("yesterday 02:00", Some(2)),
            ("2025-11-26", None),
        ];
        for (at, expected) in cases {
            assert_eq!(chosen(&snapshots, at, &Filter::default(), &[]), expected, "{at}");
        }
    }

    #[test]
    fn safety_snapshots_and_those_of_the_future_are_passed_over() {
        let snapshots = [
            Example::at(1, "2025-11-27T02:00Z").make(),
            Example::at(2, "2025-11-28T02:00Z").safety().make(),
            Example::at(3, "2025-11-28T03:00Z").make(),
        ];
        assert_eq!(chosen(&snapshots, "latest", &Filter::default(), &[3]), Some(1));
        assert_eq!(chosen(&snapshots[1..2], "latest", &Filter::default(), &[]), None);
    }

    #[test]
    fn of_those_begun_at_once_the_one_taken_last_is_chosen() {
        let snapshots = [
            Example::at(9, "2025-11-28T02:00Z").taken("2025-11-28T02:01Z").make(),
            Example::at(1, "2025-11-28T02:00Z").taken("2025-11-28T02:02Z").make(),
            Example::at(2, "2025-11-28T02:00Z").taken("2025-11-28T02:02Z").make(),
        ];
        assert_eq!(chosen(&snapshots, "latest", &Filter::default(), &[]), Some(2));
    }

    #[test]
    fn filters_narrow_the_choice() {
        let snapshots = [
            Example::at(1, "2025-11-25T02:00Z").host("bot").paths(&["/a", "/b"]).make(),
            Example::at(2, "2025-11-26T02:00Z").host("bot").paths(&["/a"]).tags(&["x"]).make(),
            Example::at(3, "2025-11-27T02:00Z").host("web").paths(&["/c"]).tags(&["x", "y"]).make(),
        ];
        let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
        let case = |hosts: &[&str], paths: &[&str], tags: &[&[&str]]| {
            let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
            let tags = tags.iter().map(|list| words(list)).collect();
            chosen(&snapshots, "latest", &Filter { hosts: words(hosts), paths, tags }, &[])
        };
        assert_eq!(case(&["bot"], &[], &[]), Some(2));
        assert_eq!(case(&["bot", "web"], &[], &[]), Some(3));
        assert_eq!(case(&[], &["/b", "/a"], &[]), Some(1));
        assert_eq!(case(&["web"], &["/a"], &[]), None);
        assert_eq!(case(&[], &[], &[&["x", "y"]]), Some(3));
        assert_eq!(case(&[], &[], &[&["z"], &[""]]), Some(1));
    }
}
