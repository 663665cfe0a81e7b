//! The folders above the snapshots: which there are, and what they hold.
//!
//! `by-id/`, `by-time/`, `hosts/<host>/`, `tags/<tag>/` hold snapshots; `latest` points to the
//! newest of its folder. Below a snapshot are its files with their real paths. (Databases of a
//! snapshot will lie there as `@mongodb`, beside the first folders of those paths.)

use crate::model::{SessionId, Snapshot, SnapshotKind};
use crate::policy::Filter;
use crate::repo::Ledger;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// A folder that no snapshot has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    Top,
    Ids,
    Times,
    Hosts,
    Tags,
    Host(Arc<str>),
    Tag(Arc<str>),
}

/// What a name in such a folder stands for.
#[derive(Debug, Clone)]
pub enum Member {
    Folder(Folder),
    Snapshot(Arc<Snapshot>),
    /// A symbolic link, and when the snapshot was begun that it leads to.
    Link(Arc<str>, Timestamp),
}

/// The members of a folder, ascending by name.
#[derive(Debug, Default)]
pub struct Listing {
    members: BTreeMap<Arc<str>, Member>,
    /// When the newest snapshot of the folder was begun.
    pub newest: Timestamp,
}

impl Listing {
    pub fn find(&self, name: &[u8]) -> Option<&Member> {
        self.members.get(std::str::from_utf8(name).ok()?)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Member)> {
        self.members.iter()
    }
}

/// All folders, for one state of the repository.
pub struct Layout {
    folders: BTreeMap<Folder, Arc<Listing>>,
    empty: Arc<Listing>,
    /// Snapshots that are shown by their time.
    pub snapshots: usize,
}

impl Layout {
    /// Safety snapshots are only found by their id.
    pub fn new(
        ledger: &Ledger,
        future: &HashSet<SessionId>,
        filter: &Filter,
        zone: &TimeZone,
    ) -> Self {
        let mut shown: Vec<&Snapshot> =
            ledger.live.iter().filter(|snapshot| filter.matches(snapshot)).collect();
        // One that is stored later never takes the name of an earlier one.
        shown.sort_by_key(|snapshot| (ledger.stored.get(&snapshot.id).copied(), snapshot.id));
        let mut builder = Builder { folders: BTreeMap::new(), zone };
        for folder in [Folder::Top, Folder::Ids, Folder::Times, Folder::Hosts, Folder::Tags] {
            builder.folders.entry(folder).or_default();
        }
        let by_time = shown.iter().filter(|snapshot| snapshot.kind == SnapshotKind::Backup);
        let snapshots = by_time.count();
        shown.into_iter().for_each(|snapshot| builder.add(snapshot));
        builder.add_latest(future);
        builder.date_empty_ones();
        let folders = builder.folders.into_iter();
        let folders = folders.map(|(folder, listing)| (folder, Arc::new(listing))).collect();
        Self { folders, empty: Arc::default(), snapshots }
    }

    /// What is in a folder; nothing in one that is gone.
    pub fn list(&self, folder: &Folder) -> Arc<Listing> {
        Arc::clone(self.folders.get(folder).unwrap_or(&self.empty))
    }
}

struct Builder<'a> {
    folders: BTreeMap<Folder, Listing>,
    zone: &'a TimeZone,
}

impl Builder<'_> {
    fn add(&mut self, snapshot: &Snapshot) {
        let shared = Arc::new(snapshot.clone());
        let id = snapshot.id.hex();
        self.put(Folder::Ids, &id, &shared);
        if snapshot.kind != SnapshotKind::Backup {
            return;
        }
        let time = time_name(snapshot.begun, self.zone);
        self.put(Folder::Times, &time, &shared);
        self.put(Folder::Host(file_name(&snapshot.host.name)), &time, &shared);
        for tag in &snapshot.tags {
            self.put(Folder::Tag(file_name(tag)), &time, &shared);
        }
    }

    /// Of several that were begun in one second, the later ones get their id to the name.
    fn put(&mut self, folder: Folder, name: &str, snapshot: &Arc<Snapshot>) {
        let listing = self.folders.entry(folder).or_default();
        let name = match listing.members.contains_key(name) {
            true => format!("{name}-{}", snapshot.id.short()),
            false => name.to_owned(),
        };
        listing.newest = listing.newest.max(snapshot.begun);
        listing.members.insert(name.into(), Member::Snapshot(Arc::clone(snapshot)));
    }

    /// Links to the newest of each folder, and the folders in those above them.
    fn add_latest(&mut self, future: &HashSet<SessionId>) {
        let folders: Vec<Folder> = self.folders.keys().cloned().collect();
        for folder in folders {
            let newest = self.folders.get(&folder).and_then(|listing| newest(listing, future));
            let (above, name) = match &folder {
                Folder::Top | Folder::Ids => continue,
                Folder::Times => (Folder::Top, None),
                Folder::Hosts | Folder::Tags => continue,
                Folder::Host(name) => (Folder::Hosts, Some(name)),
                Folder::Tag(name) => (Folder::Tags, Some(name)),
            };
            if let Some((newest, begun)) = newest {
                let (place, target) = match name {
                    Some(_) => (folder.clone(), newest),
                    None => (Folder::Top, format!("by-time/{newest}").into()),
                };
                self.link(place, target, begun);
            }
            if let Some(name) = name {
                self.hang(above, name, folder.clone());
            }
        }
        for (name, folder) in [
            ("by-id", Folder::Ids),
            ("by-time", Folder::Times),
            ("hosts", Folder::Hosts),
            ("tags", Folder::Tags),
        ] {
            self.hang(Folder::Top, &name.into(), folder);
        }
    }

    /// A folder that holds nothing is as old as the newest snapshot, too.
    fn date_empty_ones(&mut self) {
        let newest = self.folders.values().map(|listing| listing.newest).max().unwrap_or_default();
        let empty = self.folders.values_mut().filter(|listing| listing.members.is_empty());
        empty.for_each(|listing| listing.newest = newest);
    }

    fn link(&mut self, folder: Folder, target: Arc<str>, begun: Timestamp) {
        let listing = self.folders.entry(folder).or_default();
        listing.members.insert("latest".into(), Member::Link(target, begun));
    }

    fn hang(&mut self, above: Folder, name: &Arc<str>, folder: Folder) {
        let newest = self.folders.get(&folder).map(|listing| listing.newest).unwrap_or_default();
        let listing = self.folders.entry(above).or_default();
        listing.newest = listing.newest.max(newest);
        listing.members.insert(Arc::clone(name), Member::Folder(folder));
    }
}

fn newest(listing: &Listing, future: &HashSet<SessionId>) -> Option<(Arc<str>, Timestamp)> {
    let snapshots = listing.members.iter().filter_map(|(name, member)| match member {
        Member::Snapshot(snapshot) if !future.contains(&snapshot.id) => Some((name, snapshot)),
        _ => None,
    });
    let newest = snapshots.max_by_key(|(_, found)| (found.begun, found.taken, found.id));
    newest.map(|(name, snapshot)| (Arc::clone(name), snapshot.begun))
}

/// `2025-11-28T02-00-00Z`, `2025-11-28T02-00-00+0100`: a colon in a name would have to be quoted
/// for many programs.
fn time_name(time: Timestamp, zone: &TimeZone) -> String {
    let time = time.to_zoned(zone.clone());
    match time.offset().seconds() {
        0 => time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
        _ => time.strftime("%Y-%m-%dT%H-%M-%S%z").to_string(),
    }
}

/// A name for a file system: slashes and what else cannot be in one as `%2F`; not too long.
fn file_name(text: &str) -> Arc<str> {
    const LONGEST: usize = 200;
    if matches!(text, "" | "." | ".." | "latest") {
        return format!("%{text}").into();
    }
    let mut name = String::new();
    for character in text.chars() {
        match character {
            '/' | '%' => name.push_str(&format!("%{:02X}", u32::from(character))),
            _ if character.is_control() => name.push_str(&format!("%{:02X}", u32::from(character))),
            _ => name.push(character),
        }
        if name.len() > LONGEST {
            break;
        }
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::test_snapshots::Example;

    fn snapshot(id: u8, begun: &str, host: &str, tags: &[&str]) -> Snapshot {
        Example::at(id, begun).host(host).tags(tags).make()
    }

    fn layout(snapshots: Vec<Snapshot>) -> Layout {
        let ledger = Ledger { live: snapshots, ..Ledger::default() };
        Layout::new(&ledger, &HashSet::new(), &Filter::default(), &TimeZone::UTC)
    }

    fn names(layout: &Layout, folder: Folder) -> Vec<String> {
        let show = |(name, member): (&Arc<str>, &Member)| match member {
            Member::Folder(_) => format!("{name}/"),
            Member::Snapshot(_) => name.to_string(),
            Member::Link(target, _) => format!("{name} -> {target}"),
        };
        layout.list(&folder).iter().map(show).collect()
    }

    #[test]
    fn snapshots_are_found_by_time_host_and_tag() {
        let layout = layout(vec![
            snapshot(1, "2025-11-27T02:00:00Z", "bot", &["a/b", ".."]),
            snapshot(2, "2025-11-28T02:00:00Z", "web", &[]),
        ]);
        let top =
            ["by-id/", "by-time/", "hosts/", "latest -> by-time/2025-11-28T02-00-00Z", "tags/"];
        assert_eq!(names(&layout, Folder::Top), top);
        let times = ["2025-11-27T02-00-00Z", "2025-11-28T02-00-00Z"];
        assert_eq!(names(&layout, Folder::Times), times);
        assert_eq!(names(&layout, Folder::Hosts), ["bot/", "web/"]);
        let bot = ["2025-11-27T02-00-00Z", "latest -> 2025-11-27T02-00-00Z"];
        assert_eq!(names(&layout, Folder::Host("bot".into())), bot);
        assert_eq!(names(&layout, Folder::Tags), ["%../", "a%2Fb/"]);
        assert_eq!(names(&layout, Folder::Ids), ["01".repeat(16), "02".repeat(16)]);
    }

    #[test]
    fn two_of_one_second_have_two_names() {
        let time = "2025-11-28T02:00:00Z";
        let layout = layout(vec![snapshot(1, time, "a", &[]), snapshot(2, time, "b", &[])]);
        let times = ["2025-11-28T02-00-00Z", "2025-11-28T02-00-00Z-02020202"];
        assert_eq!(names(&layout, Folder::Times), times);
        let latest = "latest -> 2025-11-28T02-00-00Z";
        assert_eq!(names(&layout, Folder::Host("b".into()))[1], latest);
    }

    #[test]
    fn without_snapshots_there_is_no_latest() {
        let top = ["by-id/", "by-time/", "hosts/", "tags/"];
        assert_eq!(names(&layout(Vec::new()), Folder::Top), top);
    }

    #[test]
    fn names_say_the_zone() {
        let zone = TimeZone::get("Europe/Madrid").unwrap();
        let time = "2025-11-28T02:00:00Z".parse().unwrap();
        assert_eq!(time_name(time, &zone), "2025-11-28T03-00-00+0100");
    }
}
