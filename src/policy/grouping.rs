//! Groups of snapshots, to each of which a policy is applied for itself.

use super::PolicyError;
use crate::model::Snapshot;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What snapshots of one group have in common. Reads and writes `host,paths,tags`; nothing at
/// all makes one group of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBy {
    pub host: bool,
    pub paths: bool,
    pub tags: bool,
}

impl Default for GroupBy {
    /// By host and paths.
    fn default() -> Self {
        Self { host: true, paths: true, tags: false }
    }
}

impl FromStr for GroupBy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut by = Self { host: false, paths: false, tags: false };
        if text.trim().is_empty() {
            return Ok(by);
        }
        for word in text.split(',') {
            match word.trim() {
                "host" | "hosts" => by.host = true,
                "path" | "paths" => by.paths = true,
                "tag" | "tags" => by.tags = true,
                _ => return Err(PolicyError::GroupBy { word: word.chars().take(80).collect() }),
            }
        }
        Ok(by)
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.host, "host"), (self.paths, "paths"), (self.tags, "tags")];
        let words: Vec<_> = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        f.write_str(&words.join(","))
    }
}

/// What the snapshots of a group share; `None` where the grouping does not look.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    pub host: Option<String>,
    /// The addresses of all sources, sorted, no doubles.
    pub paths: Option<Vec<Vec<u8>>>,
    /// Sorted, no doubles.
    pub tags: Option<Vec<String>>,
}

impl GroupKey {
    /// The group that `snapshot` belongs to.
    pub fn of(snapshot: &Snapshot, by: GroupBy) -> Self {
        let addresses = || sorted(snapshot.sources.iter().map(|source| source.address.clone()));
        Self {
            host: by.host.then(|| snapshot.host.name.clone()),
            paths: by.paths.then(addresses),
            tags: by.tags.then(|| sorted(snapshot.tags.iter().cloned())),
        }
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// Snapshots that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    pub key: GroupKey,
    /// Newest first, then by id.
    pub snapshots: Vec<&'a Snapshot>,
}

/// Divides `snapshots` into groups, ordered by their keys. Safety snapshots are among those of
/// what they were taken of.
pub fn group<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>, by: GroupBy) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<GroupKey, Vec<&Snapshot>> = BTreeMap::new();
    for snapshot in snapshots {
        groups.entry(GroupKey::of(snapshot, by)).or_default().push(snapshot);
    }
    let group = |(key, mut snapshots): (GroupKey, Vec<_>)| {
        snapshots.sort_by_key(|snapshot: &&Snapshot| Reverse((snapshot.begun, snapshot.id)));
        Group { key, snapshots }
    };
    groups.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::test_snapshots::Example;

    #[test]
    fn groupings_are_read_and_written() {
        for (text, written) in [
            ("", ""),
            ("host", "host"),
            ("tags, host", "host,tags"),
            ("paths,path,hosts,tag", "host,paths,tags"),
        ] {
            assert_eq!(text.parse::<GroupBy>().unwrap().to_string(), written);
        }
        assert_eq!(GroupBy::default().to_string(), "host,paths");
        let error = "host,place".parse::<GroupBy>().unwrap_err().to_string();
        assert!(error.contains("\"place\"") && error.contains("host, paths and tags"), "{error}");
        assert!("host,".parse::<GroupBy>().is_err());
    }

    #[test]
    fn snapshots_of_one_host_and_the_same_paths_belong_together() {
        let snapshots = [
            Example::at(1, "2025-11-01T02:00Z").host("bot").paths(&["/srv", "/etc"]).make(),
            Example::at(2, "2025-11-02T02:00Z").host("bot").paths(&["/etc", "/srv"]).make(),
            Example::at(3, "2025-11-03T02:00Z").host("bot").paths(&["/etc"]).make(),
            Example::at(4, "2025-11-04T02:00Z").host("web").paths(&["/etc"]).tags(&["t"]).make(),
        ];
        let ids = |by: &str| -> Vec<Vec<u8>> {
            let groups = group(&snapshots, by.parse().unwrap());
            let ids = |group: &Group| group.snapshots.iter().map(|s| s.id.bytes()[0]).collect();
            groups.iter().map(ids).collect()
        };
        assert_eq!(ids("host,paths"), [vec![3], vec![2, 1], vec![4]]);
        assert_eq!(ids("paths"), [vec![4, 3], vec![2, 1]]);
        assert_eq!(ids("tags"), [vec![3, 2, 1], vec![4]]);
        assert_eq!(ids(""), [vec![4, 3, 2, 1]]);
    }
}
