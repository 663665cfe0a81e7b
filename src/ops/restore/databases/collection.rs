//! Restores one collection: made with its options, documents in parallel, indexes after them.

use super::capped::roomy;
use super::documents::{DocumentWalk, FirstError, Met};
use super::expiry::Expiry;
use super::fields::{MatchKey, shown_id};
use super::pairs::Pairing;
use super::plan::{Planned, PlannedContent};
use super::put::Putting;
use super::standing::{OTHERS_THERE, Standing, standing};
use super::{
    Blamed, CollectionReport, DatabaseRestoreError, DatabaseRestoreOptions, DocumentConflict, tell,
};
use crate::codec::Elements;
use crate::model::{Collection, CollectionKind, Documents, Monitor};
use crate::mongo::{Accounts, Connection, Place, Refusal};
use crate::repo::BlobReader;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Documents that the server refused are named up to this many a collection.
const NAMED: u64 = 10;

/// One collection on its way.
pub struct CollectionRestore<'a> {
    pub reader: &'a BlobReader,
    pub connection: &'a Connection,
    pub planned: &'a Planned,
    pub options: &'a DatabaseRestoreOptions,
    pub monitor: &'a dyn Monitor,
    pub blamed: &'a Blamed,
}

/// What the writers have in common.
#[derive(Default)]
pub struct Progress {
    pub report: CollectionReport,
    /// Things that failed, each of which was told.
    pub failed: u64,
}

type Outcome = Result<(CollectionReport, u64), DatabaseRestoreError>;

impl CollectionRestore<'_> {
    /// What became of it, and how many things failed.
    pub fn run(&self) -> Outcome {
        let mut progress = Progress::default();
        (progress.report.from, progress.report.to) = (self.planned.from(), self.planned.to());
        self.monitor.current(&progress.report.to);
        let done = match &self.planned.content {
            PlannedContent::View { options } => self.view(options, &mut progress),
            PlannedContent::Collection(collection) => self.collection(collection, &mut progress),
        };
        match done {
            Err(DatabaseRestoreError::Mongo(error)) if !error.is_passing() => {
                self.fail(&mut progress, error.to_string());
            }
            done => done?,
        }
        Ok((progress.report, progress.failed))
    }

    pub fn fail(&self, progress: &mut Progress, why: String) {
        progress.failed += 1;
        tell(self.monitor, self.planned.to(), why);
    }

    fn view(&self, options: &[u8], progress: &mut Progress) -> Result<(), DatabaseRestoreError> {
        progress.report.is_view = true;
        let Planned { to_database, to_name, .. } = self.planned;
        let place = self.connection.place(to_database, to_name)?;
        progress.report.was_there = place != Place::Free;
        match (ViewState::of(&place, options), &place) {
            (ViewState::Missing, _) => Ok(self.connection.create(to_database, to_name, options)?),
            (ViewState::Differs, Place::View { options: before }) if self.replaces_views() => {
                self.connection.replace_view(to_database, to_name, before, options)?;
                progress.report.is_replaced = true;
                Ok(())
            }
            (ViewState::Same, _) => {
                progress.report.identical = 1;
                Ok(())
            }
            (ViewState::Differs | ViewState::InTheWay, _) => Ok(()),
        }
    }

    fn replaces_views(&self) -> bool {
        self.options.swap || self.options.conflict == DocumentConflict::Overwrite
    }

    pub fn collection(
        &self,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let Planned { to_database, to_name, .. } = self.planned;
        if let Some(accounts) = accounts_of(self.planned) {
            return self.accounts(accounts, collection, progress);
        }
        if let Some(why) = is_foreign(to_name) {
            self.fail(progress, why.to_string());
            return Ok(());
        }
        let place = self.connection.place(to_database, to_name)?;
        progress.report.was_there = place != Place::Free;
        if let Some(why) = unfit(&place, collection).filter(|_| !self.options.swap) {
            self.fail(progress, why.to_string());
            return Ok(());
        }
        let name = self.planned.data_name(collection);
        if place == Place::Free {
            self.create(collection, progress)?;
        } else if self.options.swap {
            return self.swapped(collection, progress);
        } else if matches!(collection.content, Documents::Stream(_))
            && !self.connection.is_empty(to_database, &name)?
        {
            return self.go_on(collection, &name, progress);
        }
        let DatabaseRestoreOptions { conflict, key, .. } = self.options;
        let is_plain =
            (place == Place::Free && *key == MatchKey::Id) || Putting::is_plain(conflict, key);
        progress.report.is_restored = true;
        self.documents(collection, &name, is_plain, progress)?;
        if place == Place::Free && roomy(collection).is_some() {
            let limited = self.connection.limit_capped(to_database, &name, &collection.options);
            match limited {
                Err(error) if error.is_passing() => return Err(error.into()),
                Err(error) => self.fail(progress, error.to_string()),
                Ok(()) => {}
            }
        }
        self.indexes(collection, progress)
    }

    /// What is kept in its order, where some of it may be already.
    fn go_on(
        &self,
        collection: &Collection,
        name: &str,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let place = (self.planned.to_database.as_str(), name);
        let is_all = self.options.selection.is_all();
        let standing = match is_all {
            true => standing(&self.walk(), collection, self.connection, place)?,
            false => Standing { differs: true, ..Standing::default() },
        };
        if !standing.fits() {
            self.fail(progress, OTHERS_THERE.to_string());
            return Ok(());
        }
        progress.report.is_restored = true;
        if standing.missing > 0 {
            self.documents_after(standing.identical, collection, name, true, progress)?;
        }
        progress.report.present += standing.identical;
        progress.report.identical += standing.identical;
        self.indexes(collection, progress)
    }

    /// Users and roles: those that are there stay as they are.
    fn accounts(
        &self,
        accounts: Accounts,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        progress.report.was_there = true;
        self.connection.drop_aside(accounts)?;
        self.documents(collection, accounts.aside(), true, progress)?;
        Ok(self.connection.merge_accounts(accounts)?)
    }

    /// Whether documents that are there would expire at once; also where they may not be read.
    fn is_due(&self, expiry: &Expiry, name: &str) -> Result<bool, DatabaseRestoreError> {
        let now = self.reader.repository().clock().now();
        match expiry.is_due(self.connection, &self.planned.to_database, name, now) {
            Err(error) if error.is_not_authorised() => Ok(true),
            due => Ok(due?),
        }
    }

    /// Puts the documents into the collection `name`; `is_plain` where nothing needs to be looked
    /// at there.
    fn documents(
        &self,
        collection: &Collection,
        name: &str,
        is_plain: bool,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        self.documents_after(0, collection, name, is_plain, progress)
    }

    /// The same without the first ones, which only a stream has.
    fn documents_after(
        &self,
        first: u64,
        collection: &Collection,
        name: &str,
        is_plain: bool,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let first = AtomicUsize::new(usize::try_from(first).unwrap_or(usize::MAX));
        let shared = Mutex::new(std::mem::take(progress));
        let place = (self.planned.to_database.as_str(), name);
        let conflicts = std::slice::from_ref(&self.options.conflict);
        let is_series = collection.kind == CollectionKind::TimeSeries;
        let key = &self.options.key;
        let putting = Putting {
            restore: self,
            name,
            pairing: Pairing::new(self.connection, place, key, conflicts, is_series),
            is_plain,
            in_order: matches!(collection.content, Documents::Stream(_)),
            progress: &shared,
        };
        let failed = FirstError::default();
        let walked = self.walk().run(collection, &|met| match met {
            Met::Documents(documents) => match putting.put(without_first(documents, &first)) {
                Ok(()) => true,
                Err(error) => {
                    failed.set(error);
                    false
                }
            },
            Met::Unreadable { count, why } => {
                self.unreadable(count, &why, &mut lock(&shared));
                true
            }
        });
        drop(putting);
        *progress = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.or(walked)
    }

    pub fn walk(&self) -> DocumentWalk<'_> {
        let Self { reader, planned, options, monitor, blamed, .. } = *self;
        DocumentWalk::of(reader, planned, options, monitor, blamed)
    }

    /// A part of the documents is damaged: it is named, and the others are restored.
    fn unreadable(&self, count: u64, why: &str, progress: &mut Progress) {
        progress.report.failed += count;
        progress.failed += count.saturating_sub(1);
        let why = match count {
            0 => format!("a part of its documents cannot be read: {why}"),
            count => format!("{count} of its documents cannot be read: {why}"),
        };
        self.fail(progress, why);
    }

    /// Counts documents that are not as they should be, and names a few.
    pub fn refused(&self, refused: Vec<Refusal>, progress: &mut Progress) {
        for Refusal { id, why } in refused {
            progress.report.failed += 1;
            progress.failed += 1;
            if progress.report.failed <= NAMED {
                let what = format!("{} {}", self.planned.to(), shown_id(&id));
                tell(self.monitor, what, why);
            }
        }
    }

    fn indexes(
        &self,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let Planned { to_database, to_name, .. } = self.planned;
        let indexes = collection.indexes.iter().filter(|index| !is_id_index(index));
        let (expiring, others): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) =
            indexes.partition(|index| Expiry::of_index(index).is_some());
        let mut wanted: Vec<Vec<u8>> = others.into_iter().cloned().collect();
        for index in expiring {
            let Some(expiry) = Expiry::of_index(index) else { continue };
            let name = self.planned.data_name(collection);
            match self.options.expire_at_once || !self.is_due(&expiry, &name)? {
                true => wanted.push(index.clone()),
                false => {
                    let command = Expiry::index_command(to_database, &name, index);
                    progress.report.held_back.push(command);
                }
            }
        }
        let is_collated = has_option(&collection.options, b"collation");
        let name = self.planned.data_name(collection);
        for outcome in self.connection.create_indexes(to_database, &name, &wanted, is_collated) {
            match outcome.result {
                Ok(()) => progress.report.indexes += 1,
                Err(error) => self.fail(progress, error.to_string()),
            }
        }
        let Some(expiry) = Expiry::of_options(&collection.options) else { return Ok(()) };
        let is_held = !self.options.expire_at_once && self.is_due(&expiry, to_name)?;
        match is_held || progress.report.was_there {
            false => self.connection.let_expire(to_database, to_name, &collection.options)?,
            true if is_held => {
                let command = expiry.option_command(to_database, to_name);
                progress.report.held_back.push(command);
            }
            true => {}
        }
        Ok(())
    }
}

/// How a view of the snapshot compares with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewState {
    Missing,
    Same,
    Differs,
    /// Something that is no view.
    InTheWay,
}

impl ViewState {
    /// `options` are those of the snapshot.
    pub fn of(place: &Place, options: &[u8]) -> Self {
        match place {
            Place::Free => Self::Missing,
            Place::View { options: there } if there == options => Self::Same,
            Place::View { .. } => Self::Differs,
            Place::Collection { .. } | Place::TimeSeries => Self::InTheWay,
        }
    }
}

/// Collections of the server's own names that anyone may write.
const KEPT_BY_SERVERS: [&str; 1] = ["system.js"];

/// Users or roles, which are merged by the server.
pub fn accounts_of(planned: &Planned) -> Option<Accounts> {
    Accounts::of(&planned.to_database, &planned.to_name)
}

/// Why nothing is put into a collection of this name.
pub fn is_foreign(name: &str) -> Option<&'static str> {
    let is_foreign = name.starts_with("system.") && !KEPT_BY_SERVERS.contains(&name);
    is_foreign.then_some(
        "it belongs to the server, which does not let it be written: its documents are in the \
         snapshot",
    )
}

/// A stream comes on one thread, so nobody else counts meanwhile.
fn without_first<'d>(documents: &'d [&'d [u8]], first: &AtomicUsize) -> &'d [&'d [u8]] {
    let skipped = first.load(Ordering::Relaxed).min(documents.len());
    first.fetch_sub(skipped, Ordering::Relaxed);
    &documents[skipped..]
}

/// Why documents cannot go to what is there.
pub fn unfit(place: &Place, collection: &Collection) -> Option<&'static str> {
    match (place, collection.kind) {
        (Place::Free, _) | (Place::TimeSeries, CollectionKind::TimeSeries) => None,
        (Place::View { .. }, _) => Some("a view of this name is there"),
        (Place::TimeSeries, _) => Some("a time series of this name is there"),
        (Place::Collection { .. }, CollectionKind::TimeSeries) => {
            Some("a collection of this name is there, which is no time series")
        }
        (Place::Collection { options }, _)
            if has_option(options, b"capped")
                && matches!(collection.content, Documents::Tree(_)) =>
        {
            Some(
                "a capped collection of this name is there: documents put into it would push \
                 others out",
            )
        }
        (Place::Collection { .. }, _) => None,
    }
}

pub fn has_option(options: &[u8], name: &[u8]) -> bool {
    let found = Elements::new(options).and_then(|elements| elements.find(name));
    found.is_ok_and(|found| found.is_some())
}

fn is_id_index(index: &[u8]) -> bool {
    let Ok(Some(key)) = Elements::new(index).and_then(|index| index.find(b"key")) else {
        return false;
    };
    let Some(Ok(key)) = key.elements() else { return false };
    let key: Result<Vec<_>, _> = key.collect();
    key.is_ok_and(
        |key| matches!(key.as_slice(), [only] if only.name == b"_id" && only.integer() == Some(1)),
    )
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
