//! Databases go back into a server.

mod capped;
mod collection;
mod compare;
mod conflict;
mod documents;
mod expiry;
mod fields;
mod folder;
mod merge;
mod metadata;
mod ordered;
mod pairs;
mod plan;
mod put;
mod rename;
mod report;
mod safety;
mod selection;
mod standing;
mod swap;
mod undo;
mod validate;

pub use conflict::{Decision, DocumentConflict};
pub use fields::{FieldPath, MatchKey};
pub use folder::{DumpedCollection, DumpedDatabases, restore_databases_into_folder};
pub use metadata::{buckets_name, file_name};
pub use rename::Rename;
pub use report::{
    CollectionComparison, CollectionReport, DatabaseRestoreReport, Outcome, Samples, Validation,
};
pub use selection::Selection;
pub use undo::{DatabaseRollback, DatabaseRollbackReport, NamespaceRollback};

use super::InPlaceOptions;
use super::content::Blamed;
use crate::model::{EntryPath, Monitor, Problem, ProblemKind, Snapshot, Stage};
use crate::mongo::{Connection, MongoError, Place};
use crate::repo::{BlobReader, RepoError, Repository};
use collection::CollectionRestore;
use compare::Comparing;
use plan::{Planned, PlannedContent, plan};
use safety::{Request, Touched};
use std::sync::Arc;

/// Commands to the server at one time.
const WRITERS: usize = 4;

/// What to restore, and how.
#[derive(Debug, Clone, Default)]
pub struct DatabaseRestoreOptions {
    /// Only what lies in the snapshot at these paths (`mongodb/rs0/bot`), or below them, if there
    /// are any.
    pub places: Vec<EntryPath>,
    /// Only these databases, if there are any: `name` or, where several servers have one,
    /// `server/name`.
    pub databases: Vec<String>,
    /// Only these collections and views (`name` or `database.name`), if there are any.
    pub collections: Vec<String>,
    /// The first one that fits a name counts.
    pub renames: Vec<Rename>,
    /// Puts the one database that is restored under this name.
    pub into: Option<String>,
    /// Makes indexes and options that let documents expire even where some would at once.
    pub expire_at_once: bool,
    pub selection: Selection,
    pub key: MatchKey,
    /// What happens with documents that are there and differ.
    pub conflict: DocumentConflict,
    /// Loads collections beside those that are there, and puts them in their place.
    pub swap: bool,
    /// Collections that are made get the UUIDs that they had.
    pub keep_uuids: bool,
    /// Takes a safety snapshot also where nothing is there, so that a rollback takes away what was
    /// made.
    pub undoes_all: bool,
    /// Leaves out to look at everything again afterwards.
    pub unvalidated: bool,
    /// Fields that every document must have afterwards.
    pub require: Vec<FieldPath>,
}

impl DatabaseRestoreOptions {
    /// Threads that may work on documents: one after the other where keys may come twice.
    fn workers(&self, reader: &BlobReader) -> usize {
        match self.key {
            MatchKey::Id => reader.repository().workers().min(WRITERS),
            MatchKey::Fields(_) => 1,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseRestoreError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Mongo(#[from] MongoError),
    #[error("the folder cannot be written: {0}")]
    Folder(#[from] std::io::Error),
    /// Boxed: it holds others.
    #[error(transparent)]
    Backup(#[from] Box<crate::ops::BackupError>),
    /// Nothing was changed; what was in the way was reported.
    #[error("{0} collections that are about to be written cannot be read whole")]
    Unsaved(u64),
    #[error("the safety snapshot is of the server {of}, and this is {is}")]
    OtherServer { of: String, is: String },
    #[error("two collections would both become {0}")]
    SameTarget(String),
    #[error("the address names the database {0}, and several would go into it")]
    SeveralInto(String),
}

impl From<rustix::io::Errno> for DatabaseRestoreError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Folder(error.into())
    }
}

/// A restore of databases that was looked at, and can be done.
pub struct DatabaseRestore<'a> {
    reader: BlobReader,
    snapshot: &'a Snapshot,
    connection: &'a Connection,
    options: &'a DatabaseRestoreOptions,
    planned: Vec<Planned>,
}

impl<'a> DatabaseRestore<'a> {
    /// Finds what is wanted of a snapshot.
    pub fn new(
        repository: &Arc<Repository>,
        snapshot: &'a Snapshot,
        connection: &'a Connection,
        options: &'a DatabaseRestoreOptions,
    ) -> Result<Self, DatabaseRestoreError> {
        let reader = BlobReader::for_reading(Arc::clone(repository))?;
        let planned = plan(&reader, snapshot, options)?;
        Ok(Self { reader, snapshot, connection, options, planned })
    }

    pub fn is_empty(&self) -> bool {
        self.planned.is_empty()
    }

    /// Whether something goes back to the very place that it came from.
    pub fn is_in_place(&self) -> bool {
        self.planned.iter().any(|planned| {
            planned.server == self.connection.name() && planned.from() == planned.to()
        })
    }

    /// Compares everything with what is there, and says what each of `conflicts` would do.
    /// Writes nothing.
    pub fn compare(
        &self,
        conflicts: &[DocumentConflict],
        monitor: &dyn Monitor,
    ) -> Result<Vec<CollectionComparison>, DatabaseRestoreError> {
        monitor.stage(Stage::Planning);
        let blamed = Blamed::default();
        let Self { reader, connection, options, .. } = self;
        let compare = |planned| {
            let comparing = Comparing {
                reader,
                connection,
                planned,
                options,
                conflicts,
                monitor,
                blamed: &blamed,
            };
            comparing.run()
        };
        self.planned.iter().map(compare).collect()
    }

    /// Restores everything. The time is what decides which documents would expire at once. Before
    /// anything is written where something is, a safety snapshot of it is committed.
    pub fn run(
        &self,
        place: &InPlaceOptions,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<DatabaseRestoreReport, DatabaseRestoreError> {
        let touched = self.touched()?;
        if touched.iter().all(|touched| !touched.is_there) && !self.options.undoes_all {
            return self.write(monitor.as_ref());
        }
        let repository = self.reader.repository();
        let request = Request {
            repository,
            connection: self.connection,
            place,
            from: self.snapshot,
            is_rollback: false,
            key: &self.options.key,
            touched: &touched,
        };
        let (safety, report) = safety::guard(&request, monitor, || {
            let report = self.write(monitor.as_ref())?;
            Ok((report.failed == 0, report))
        })?;
        Ok(DatabaseRestoreReport { safety: Some(safety), ..report })
    }

    /// What may be written, with whether it is there.
    fn touched(&self) -> Result<Vec<Touched>, DatabaseRestoreError> {
        let is_written = |planned: &&Planned| {
            collection::accounts_of(planned).is_none()
                && collection::is_foreign(&planned.to_name).is_none()
        };
        let touched = |planned: &Planned| {
            let place = self.connection.place(&planned.to_database, &planned.to_name)?;
            Ok(Touched::new(planned, place != Place::Free))
        };
        self.planned.iter().filter(is_written).map(touched).collect()
    }

    fn write(&self, monitor: &dyn Monitor) -> Result<DatabaseRestoreReport, DatabaseRestoreError> {
        monitor.stage(Stage::Restoring);
        let blamed = Blamed::default();
        let restored = self.each(monitor, &blamed);
        let repository = self.reader.repository();
        if !blamed.is_empty() && repository.is_live(self.snapshot.id).unwrap_or(false) {
            blamed.mark(repository);
        }
        restored
    }

    fn each(
        &self,
        monitor: &dyn Monitor,
        blamed: &Blamed,
    ) -> Result<DatabaseRestoreReport, DatabaseRestoreError> {
        let Self { reader, connection, options, .. } = self;
        let mut report = DatabaseRestoreReport::default();
        // Views last: servers look at what they are made of.
        let is_view = |planned: &&Planned| matches!(planned.content, PlannedContent::View { .. });
        let (views, collections): (Vec<_>, Vec<_>) = self.planned.iter().partition(is_view);
        let all: Vec<&Planned> = collections.into_iter().chain(views).collect();
        let restore =
            |planned| CollectionRestore { reader, connection, planned, options, monitor, blamed };
        for planned in &all {
            let (collection, failed) = restore(planned).run()?;
            report.collections.push(collection);
            report.failed += failed;
        }
        if options.unvalidated {
            return Ok(report);
        }
        monitor.stage(Stage::Verifying);
        let begun = reader.repository().clock().now();
        for (planned, collection) in all.into_iter().zip(&mut report.collections) {
            if !collection.is_restored {
                continue;
            }
            collection.validation = restore(planned).validate(collection)?;
            let validation = collection.validation.iter();
            for why in validation.flat_map(|one| one.findings(collection, &options.require)) {
                report.failed += 1;
                tell(monitor, planned.to(), why);
            }
        }
        let taken = reader.repository().clock().now().duration_since(begun);
        report.validating = Some(taken.unsigned_abs());
        Ok(report)
    }
}

fn tell(monitor: &dyn Monitor, what: String, why: String) {
    monitor.problem(Problem { kind: ProblemKind::Unrestored, what, why });
}
