//! Bases: snapshots that a window of the log can be rolled forward from. One is taken, beside the
//! tailing, where there is none.

use super::{ProtectError, ProtectEvent, ProtectOptions, ProtectWatch};
use crate::model::{ClusterTime, EntryPath, Snapshot, SnapshotKind, escape_name};
use crate::mongo::Connection;
use crate::ops::backup::{
    BackupError, BackupOptions, BackupReport, DatabaseSource, DatabasesBackup, FilesBackup, backup,
    database_place,
};
use crate::repo::{RepoError, Repository};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

/// After a base that failed.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);

pub struct Bases<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    repository: &'env Arc<Repository>,
    connection: &'env Connection,
    options: &'env ProtectOptions,
    watch: &'env dyn ProtectWatch,
    /// A base is missing that is not older than this.
    missing: Option<ClusterTime>,
    not_before: Timestamp,
    running: Option<ScopedJoinHandle<'scope, Result<BackupReport, BackupError>>>,
}

impl<'scope, 'env> Bases<'scope, 'env> {
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        repository: &'env Arc<Repository>,
        connection: &'env Connection,
        options: &'env ProtectOptions,
        watch: &'env dyn ProtectWatch,
    ) -> Self {
        let (missing, not_before, running) = (None, Timestamp::MIN, None);
        Self { scope, repository, connection, options, watch, missing, not_before, running }
    }

    /// Looks whether the window that begins at this moment has a base.
    pub fn look(&mut self, first: ClusterTime) -> Result<(), ProtectError> {
        if self.options.without_base {
            return Ok(());
        }
        let databases = match self.options.databases.is_empty() {
            true => self.connection.databases()?,
            false => self.options.databases.clone(),
        };
        let live = self.repository.ledger()?.live;
        let mut has_all = true;
        for database in databases {
            let Some(path) = path(&self.options.server, &database) else { continue };
            has_all &= has_base(&live, &path, first);
        }
        self.missing = (!has_all).then_some(first);
        Ok(())
    }

    /// Begins a base where one is missing, and hears of the one that is being taken; `true` if one
    /// was taken.
    pub fn tend(&mut self) -> bool {
        let mut is_taken = false;
        if let Some(running) = self.running.take_if(|running| running.is_finished()) {
            is_taken = self.ended(running);
        }
        let now = self.repository.clock().now();
        if self.running.is_none() && self.missing.is_some() && now >= self.not_before {
            self.begin(now);
        }
        is_taken
    }

    /// Waits for the base that is being taken, which was told to stop.
    pub fn end(&mut self) -> bool {
        self.running.take().is_some_and(|running| self.ended(running))
    }

    fn begin(&mut self, now: Timestamp) {
        self.watch.happened(ProtectEvent::BaseBegun);
        let (repository, connection, watch) = (self.repository, self.connection, self.watch);
        let options = self.options;
        self.not_before = now.checked_add(AGAIN_AFTER).unwrap_or(Timestamp::MAX);
        self.running =
            Some(self.scope.spawn(move || take(repository, connection, options, watch, now)));
    }

    fn ended(&mut self, running: ScopedJoinHandle<'_, Result<BackupReport, BackupError>>) -> bool {
        let why = match running.join() {
            Ok(Ok(BackupReport { snapshot: Some(snapshot), databases, .. })) => {
                let moment = databases.iter().filter_map(|database| database.moment).min();
                self.watch.happened(ProtectEvent::BaseTaken { snapshot: snapshot.id, moment });
                if moment >= self.missing {
                    self.missing = None;
                }
                return true;
            }
            Ok(Ok(_)) => "no snapshot was made".to_string(),
            Ok(Err(BackupError::Repo(RepoError::Stopped))) => return false,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it broke off".to_string(),
        };
        self.watch.happened(ProtectEvent::BaseFailed { why });
        false
    }
}

fn take(
    repository: &Arc<Repository>,
    connection: &Connection,
    options: &ProtectOptions,
    watch: &dyn ProtectWatch,
    begun: Timestamp,
) -> Result<BackupReport, BackupError> {
    let source = |database: Option<String>| DatabaseSource {
        connection: connection.clone(),
        database,
        collections: Vec::new(),
        excluded: Vec::new(),
        server_name: Some(options.server.clone()),
    };
    let sources = match options.databases.is_empty() {
        true => vec![source(None)],
        false => options.databases.iter().cloned().map(|name| source(Some(name))).collect(),
    };
    let databases = DatabasesBackup { sources, proved_since: None, read_everything: false };
    let base = BackupOptions { begun, ..options.base.clone() };
    backup(repository, &FilesBackup::default(), &databases, &base, watch.monitor())
}

fn path(server: &str, database: &str) -> Option<EntryPath> {
    Some(database_place(&escape_name(server).ok()?, &escape_name(database).ok()?))
}

/// Whether one of the snapshots has the database at this path as it was at a moment or later.
fn has_base(live: &[Snapshot], path: &EntryPath, first: ClusterTime) -> bool {
    let backups = live.iter().filter(|snapshot| snapshot.kind == SnapshotKind::Backup);
    let sources = backups.flat_map(|snapshot| &snapshot.sources);
    let mut bases = sources.filter(|source| source.path == *path && !source.database().is_partial);
    bases.any(|source| source.database().moment >= Some(first))
}
