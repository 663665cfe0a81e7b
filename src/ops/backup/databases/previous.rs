//! The collections of a server as its last snapshots have them: what a backup goes on from.

use super::{DatabaseSaver, server_place};
use crate::model::{
    ClusterTime, Collection, Consistency, Documents, EntryName, EntryPath, Kind, Snapshot,
    SnapshotKind,
};
use crate::mongo::oplog::{Followed, LogBase, Touched};
use crate::mongo::{Connection, Namespace};
use crate::ops::backup::BackupError;
use crate::repo::RepoError;
use jiff::Timestamp;
use std::collections::HashMap;

/// So many snapshots of a database are looked into: not every one need have all collections.
const SNAPSHOTS: usize = 3;

/// What is known of a server from before, and what changed since.
#[derive(Default)]
pub struct Previous {
    by_uuid: HashMap<[u8; 16], Known>,
    /// Those of servers that tell no UUID.
    by_name: HashMap<(String, EntryName), Known>,
    /// Up to the moment of this backup.
    followed: Followed,
    until: Option<ClusterTime>,
    /// BLAKE3 of the log's entry at that moment.
    pub log_entry: Option<[u8; 32]>,
}

/// A collection as a snapshot has it.
pub struct Known {
    pub collection: Collection,
    /// When all its documents were last read.
    pub scanned: Timestamp,
}

impl Previous {
    /// The collection that goes on in this one: a collection is its UUID, whatever it is called.
    pub fn of(&self, database: &str, namespace: &Namespace, name: &EntryName) -> Option<&Known> {
        match namespace.uuid {
            Some(uuid) => self.by_uuid.get(&uuid),
            None => self.by_name.get(&(database.to_string(), name.clone())),
        }
    }

    /// What was touched of it up to `at`; `None` where that is not known for sure.
    pub fn touched(&self, uuid: Option<[u8; 16]>, at: Option<ClusterTime>) -> Option<&Touched> {
        let is_until = at.is_some() && at == self.until;
        self.followed.get(&uuid.filter(|_| is_until)?)?.as_ref().ok()
    }

    /// Reads the log from where the snapshots left off.
    pub fn follow(
        &mut self,
        connection: &Connection,
        at: Option<ClusterTime>,
    ) -> Result<(), BackupError> {
        let Some(at) = at.filter(|_| connection.server().has_log()) else { return Ok(()) };
        self.until = Some(at);
        self.log_entry = connection.log_entry(at)?.map(|raw| *blake3::hash(&raw).as_bytes());
        let bases: Vec<LogBase> = self.by_uuid.values().filter_map(Known::log_base).collect();
        if self.log_entry.is_some() && !bases.is_empty() {
            self.followed = connection.follow(&bases, at)?;
        }
        Ok(())
    }
}

impl Known {
    fn log_base(&self) -> Option<LogBase> {
        let Collection { uuid, moment, log_entry, consistency, .. } = &self.collection;
        let is_exact = *consistency == Consistency::Exact;
        Some(LogBase { uuid: uuid.filter(|_| is_exact)?, from: (*moment)?, entry: (*log_entry)? })
    }
}

impl DatabaseSaver<'_> {
    /// The collections of a server in its last snapshots, as far as they may be relied on.
    pub(super) fn previous(&self, server: &EntryName) -> Result<Previous, RepoError> {
        let mut previous = Previous::default();
        let live = self.session.repository().ledger()?.live;
        let above = server_place(server);
        let mut seen: HashMap<EntryPath, usize> = HashMap::new();
        for snapshot in live.iter().rev().filter(|one| one.kind == SnapshotKind::Backup) {
            let paths = snapshot.sources.iter().map(|source| &source.path);
            let paths = paths.filter(|path| path.starts_with(&above) && path.depth() == 3);
            let paths: Vec<&EntryPath> = paths
                .filter(|path| {
                    let times = seen.entry((*path).clone()).or_default();
                    *times += 1;
                    *times <= SNAPSHOTS
                })
                .collect();
            if paths.is_empty() || !self.session.may_reuse_unread(snapshot.id)? {
                continue;
            }
            for path in paths {
                self.remember(snapshot, path, &mut previous)?;
            }
        }
        Ok(previous)
    }

    fn remember(
        &self,
        snapshot: &Snapshot,
        path: &EntryPath,
        previous: &mut Previous,
    ) -> Result<(), RepoError> {
        let found = self.known.find_path(&snapshot.tree, path)?;
        let Some(tree) = found.and_then(|entry| entry.tree()) else { return Ok(()) };
        let database = path.names().last();
        let database = database.as_ref().and_then(crate::model::unescape_name).unwrap_or_default();
        for entry in self.known.entries(&tree)? {
            let entry = entry?;
            let Kind::Collection(collection) = entry.kind else { continue };
            if !matches!(collection.content, Documents::Tree(_)) {
                continue;
            }
            let scanned = collection.scanned.unwrap_or(snapshot.begun);
            let known = Known { scanned, collection: *collection };
            match known.collection.uuid {
                Some(uuid) => drop(previous.by_uuid.entry(uuid).or_insert(known)),
                None => {
                    let name = (database.clone(), entry.name);
                    previous.by_name.entry(name).or_insert(known);
                }
            }
        }
        Ok(())
    }
}
