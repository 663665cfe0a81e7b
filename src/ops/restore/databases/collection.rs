//! Restores one collection: made with its options, documents in parallel, indexes after them.

use super::expiry::Expiry;
use super::{
    Blamed, CollectionReport, DatabaseRestoreError, DatabaseRestoreOptions, Planned,
    PlannedContent, tell,
};
use crate::codec::{BlobClass, Elements};
use crate::format::{LARGEST_DOCUMENT, documents};
use crate::model::{ChunkTree, Collection, CollectionKind, Counter, Documents, Monitor};
use crate::mongo::{Accounts, Connection, Inserted, Place, Refusal};
use crate::repo::{BlobReader, DocumentPart, RepoError};
use crossbeam_channel::bounded;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Commands to the server at one time.
const WRITERS: usize = 4;
/// Documents of a stream that go together, in bytes.
const TOGETHER: usize = 4 << 20;
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
struct Progress {
    report: CollectionReport,
    failed: u64,
    /// What ends the restore.
    broken: Option<DatabaseRestoreError>,
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
        match progress.broken {
            Some(error) => Err(error),
            None => Ok((progress.report, progress.failed)),
        }
    }

    fn fail(&self, progress: &mut Progress, why: String) {
        progress.failed += 1;
        tell(self.monitor, self.planned.to(), why);
    }

    fn view(&self, options: &[u8], progress: &mut Progress) -> Result<(), DatabaseRestoreError> {
        progress.report.is_view = true;
        let Planned { to_database, to_name, .. } = self.planned;
        match self.connection.place(to_database, to_name)? {
            Place::Free => Ok(self.connection.create(to_database, to_name, options)?),
            _ => {
                progress.report.was_there = true;
                Ok(())
            }
        }
    }

    fn collection(
        &self,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let Planned { to_database, to_name, .. } = self.planned;
        if let Some(accounts) = Accounts::of(to_database, to_name) {
            return self.accounts(accounts, collection, progress);
        }
        if to_name.starts_with("system.") && !KEPT_BY_SERVERS.contains(&to_name.as_str()) {
            let why = "it belongs to the server, which does not let it be written: its documents \
                 are in the snapshot";
            self.fail(progress, why.to_string());
            return Ok(());
        }
        let place = self.connection.place(to_database, to_name)?;
        progress.report.was_there = place != Place::Free;
        if let Some(why) = unfit(&place, collection) {
            self.fail(progress, why.to_string());
            return Ok(());
        }
        if place == Place::Free {
            self.connection.create(to_database, to_name, &collection.options)?;
        }
        self.documents(collection, &self.data_name(collection), progress)?;
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
        self.documents(collection, accounts.aside(), progress)?;
        match progress.broken {
            Some(_) => Ok(()),
            None => Ok(self.connection.merge_accounts(accounts)?),
        }
    }

    /// Where the documents go: those of a time series into its buckets.
    fn data_name(&self, collection: &Collection) -> String {
        let name = &self.planned.to_name;
        match collection.kind {
            CollectionKind::Ordinary => name.clone(),
            CollectionKind::TimeSeries => format!("system.buckets.{name}"),
        }
    }

    /// Puts the documents into the collection `name`.
    fn documents(
        &self,
        collection: &Collection,
        name: &str,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let shared = Mutex::new(std::mem::take(progress));
        let written = match &collection.content {
            Documents::Tree(tree) => self.tree(tree, name, &shared),
            Documents::Stream(chunks) => self.stream(chunks, name, &shared),
        };
        *progress = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        written
    }

    fn tree(
        &self,
        tree: &crate::model::DocumentTree,
        name: &str,
        progress: &Mutex<Progress>,
    ) -> Result<(), DatabaseRestoreError> {
        let workers = self.reader.repository().workers().min(WRITERS);
        let parts = self.reader.document_parts(tree)?;
        std::thread::scope(|scope| {
            let (sender, queue) = bounded::<DocumentPart>(2 * workers);
            if workers > 1 {
                for _ in 0..workers {
                    let queue = queue.clone();
                    scope.spawn(move || {
                        queue.into_iter().for_each(|part| self.part(&part, name, progress));
                    });
                }
            }
            for part in parts {
                if lock(progress).broken.is_some() || self.monitor.stopped() {
                    break;
                }
                match part {
                    // The workers end only after the sender is gone.
                    Ok(part) if workers > 1 => drop(sender.send(part)),
                    Ok(part) => self.part(&part, name, progress),
                    Err(error) if error.is_damage() => self.unreadable(&error, 0, progress),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })?;
        match self.monitor.stopped() {
            true => Err(RepoError::Stopped.into()),
            false => Ok(()),
        }
    }

    fn part(&self, part: &DocumentPart, name: &str, progress: &Mutex<Progress>) {
        if lock(progress).broken.is_some() {
            return;
        }
        match self.reader.documents(part) {
            Ok(bytes) => self.insert(&bytes, name, false, progress),
            Err(error) if error.is_damage() => self.unreadable(&error, part.count(), progress),
            Err(error) => lock(progress).broken = Some(error.into()),
        }
    }

    /// A part of the documents is damaged: it is named, and the others are restored.
    fn unreadable(&self, error: &RepoError, count: u64, progress: &Mutex<Progress>) {
        self.blamed.note(error);
        let mut progress = lock(progress);
        progress.report.failed += count;
        progress.failed += count.saturating_sub(1);
        let why = match count {
            0 => format!("a part of its documents cannot be read: {error}"),
            count => format!("{count} of its documents cannot be read: {error}"),
        };
        self.fail(&mut progress, why);
    }

    /// Inserts documents that lie end to end.
    fn insert(&self, bytes: &[u8], name: &str, in_order: bool, progress: &Mutex<Progress>) {
        let split: Result<Vec<&[u8]>, _> = documents(bytes).collect();
        let split = match split {
            Ok(split) => split,
            Err(error) => return self.fail(&mut lock(progress), error.to_string()),
        };
        let database = &self.planned.to_database;
        match self.connection.insert(database, name, &split, in_order) {
            Ok(inserted) => {
                self.monitor.add(Counter::EntriesRestored, inserted.inserted);
                self.monitor.add(Counter::EntriesSkipped, inserted.present);
                self.monitor.add(Counter::BytesRestored, bytes.len() as u64);
                self.count(inserted, bytes.len() as u64, &mut lock(progress));
            }
            Err(error) => {
                lock(progress).broken.get_or_insert(error.into());
            }
        }
    }

    fn count(&self, inserted: Inserted, bytes: u64, progress: &mut Progress) {
        progress.report.inserted += inserted.inserted;
        progress.report.present += inserted.present;
        progress.report.bytes += bytes;
        for Refusal { id, why } in inserted.refused {
            progress.report.failed += 1;
            progress.failed += 1;
            if progress.report.failed <= NAMED {
                let what = format!("{} {}", self.planned.to(), shown_id(&id));
                tell(self.monitor, what, why);
            }
        }
    }

    /// In order, on this thread: what a capped collection holds is known by its order.
    fn stream(
        &self,
        chunks: &ChunkTree,
        name: &str,
        progress: &Mutex<Progress>,
    ) -> Result<(), DatabaseRestoreError> {
        let mut waiting = Vec::new();
        let read = self.reader.each_chunk(chunks, &mut |chunk| {
            let plain = self.reader.read(BlobClass::Data, &chunk.id)?;
            waiting.extend_from_slice(&plain);
            if waiting.len() >= TOGETHER {
                let whole = whole_documents(&waiting);
                if whole == 0 && waiting.len() > LARGEST_DOCUMENT {
                    return Err(RepoError::Damaged {
                        name: self.planned.from(),
                        why: "a document is not as long as it says".to_string(),
                    });
                }
                self.insert(&waiting[..whole], name, true, progress);
                waiting.drain(..whole);
            }
            match self.monitor.stopped() || lock(progress).broken.is_some() {
                true => Err(RepoError::Stopped),
                false => Ok(()),
            }
        });
        match read {
            Ok(()) => self.insert(&waiting, name, true, progress),
            Err(error) if error.is_damage() => self.unreadable(&error, 0, progress),
            Err(_) if lock(progress).broken.is_some() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn indexes(
        &self,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        if progress.broken.is_some() {
            return Ok(());
        }
        let Planned { to_database, to_name, .. } = self.planned;
        let indexes = collection.indexes.iter().filter(|index| !is_id_index(index));
        let (expiring, others): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) =
            indexes.partition(|index| Expiry::of_index(index).is_some());
        let mut wanted: Vec<Vec<u8>> = others.into_iter().cloned().collect();
        let now = self.reader.repository().clock().now();
        for index in expiring {
            let Some(expiry) = Expiry::of_index(index) else { continue };
            let name = self.data_name(collection);
            match self.options.expire_at_once
                || !expiry.is_due(self.connection, to_database, &name, now)?
            {
                true => wanted.push(index.clone()),
                false => {
                    let command = Expiry::index_command(to_database, &name, index);
                    progress.report.held_back.push(command);
                }
            }
        }
        let is_collated = has(&collection.options, b"collation");
        let name = self.data_name(collection);
        for outcome in self.connection.create_indexes(to_database, &name, &wanted, is_collated) {
            match outcome.result {
                Ok(()) => progress.report.indexes += 1,
                Err(error) => self.fail(progress, error.to_string()),
            }
        }
        let Some(expiry) = Expiry::of_options(&collection.options) else { return Ok(()) };
        let is_held = !self.options.expire_at_once
            && expiry.is_due(self.connection, to_database, to_name, now)?;
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

/// Collections of the server's own names that anyone may write.
const KEPT_BY_SERVERS: [&str; 1] = ["system.js"];

/// Why documents cannot go to what is there.
fn unfit(place: &Place, collection: &Collection) -> Option<&'static str> {
    match (place, collection.kind) {
        (Place::Free, _) | (Place::TimeSeries, CollectionKind::TimeSeries) => None,
        (Place::View, _) => Some("a view of this name is there"),
        (Place::TimeSeries, _) => Some("a time series of this name is there"),
        (Place::Collection { .. }, CollectionKind::TimeSeries) => {
            Some("a collection of this name is there, which is no time series")
        }
        (Place::Collection { options }, _) if has(options, b"capped") => Some(
            "a capped collection of this name is there: documents put into it would push others out",
        ),
        (Place::Collection { .. }, _) => None,
    }
}

fn has(options: &[u8], name: &[u8]) -> bool {
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

/// How many of the bytes are whole documents.
fn whole_documents(bytes: &[u8]) -> usize {
    let mut whole = 0;
    for document in documents(bytes) {
        match document {
            Ok(document) => whole += document.len(),
            Err(_) => break,
        }
    }
    whole
}

/// `{_id: value}` for people.
fn shown_id(id: &[u8]) -> String {
    let raw = bson::RawDocumentBuf::from_bytes(id.to_vec()).ok();
    let document = raw.and_then(|raw| bson::Document::try_from(raw).ok());
    document.map_or_else(String::new, |id| bson::Bson::Document(id).to_string())
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
