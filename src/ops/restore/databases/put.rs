//! Puts documents where others may be, as the strategy says.

use super::DatabaseRestoreError;
use super::collection::{CollectionRestore, Progress};
use super::conflict::{Decision, DocumentConflict};
use super::fields::{MatchKey, only_id};
use super::pairs::{Pair, Pairing, together};
use crate::model::Counter;
use crate::mongo::{Inserted, Refusal, Replaced, Replacement};
use std::sync::{Mutex, PoisonError};

/// Where documents of one collection go.
pub struct Putting<'a> {
    pub restore: &'a CollectionRestore<'a>,
    /// The collection that holds the documents.
    pub name: &'a str,
    pub pairing: Pairing<'a>,
    /// Nothing is in the way, or what is there is left alone by the server itself.
    pub is_plain: bool,
    pub in_order: bool,
    pub progress: &'a Mutex<Progress>,
}

impl Putting<'_> {
    /// Whether a restore of this kind need not look at what is there.
    pub fn is_plain(conflict: &DocumentConflict, key: &MatchKey) -> bool {
        *conflict == DocumentConflict::Skip && *key == MatchKey::Id
    }

    pub fn put(&self, documents: &[&[u8]]) -> Result<(), DatabaseRestoreError> {
        match self.is_plain {
            true => self.insert(documents),
            false => together(documents).try_for_each(|batch| self.resolve(batch)),
        }
    }

    fn insert(&self, documents: &[&[u8]]) -> Result<(), DatabaseRestoreError> {
        let connection = self.restore.connection;
        let database = &self.restore.planned.to_database;
        let inserted = connection.insert(database, self.name, documents, self.in_order)?;
        self.count_inserted(inserted, documents);
        Ok(())
    }

    fn resolve(&self, documents: &[&[u8]]) -> Result<(), DatabaseRestoreError> {
        let pairs = self.pairing.pairs(documents, &mut |_, _| {})?;
        let mut missing = Vec::new();
        let (mut overwriting, mut merging, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let (mut identical, mut kept) = (0, 0);
        for (document, pair) in documents.iter().zip(pairs) {
            let id = only_id(document);
            match pair {
                Pair::Missing => missing.push(*document),
                Pair::Identical { .. } => identical += 1,
                Pair::Unusable(why) => refused.push(Refusal { id, why }),
                Pair::Differs { id, mut decisions } => match decisions.pop() {
                    None | Some(Decision::Keep) => kept += 1,
                    Some(Decision::Overwrite(document)) => {
                        overwriting.push(Replacement { id, document });
                    }
                    Some(Decision::Merge(document)) => merging.push(Replacement { id, document }),
                    Some(Decision::Impossible(why)) => refused.push(Refusal { id, why }),
                },
            }
        }
        self.insert(&missing)?;
        let overwritten = self.replace(&overwriting)?;
        let merged = self.replace(&merging)?;
        let mut progress = self.lock();
        progress.report.overwritten += overwritten.replaced;
        progress.report.merged += merged.replaced;
        progress.report.identical += identical;
        progress.report.present += identical + kept;
        let all = refused.into_iter().chain(overwritten.refused).chain(merged.refused);
        self.restore.refused(all.collect(), &mut progress);
        self.restore.monitor.add(Counter::EntriesSkipped, identical + kept);
        Ok(())
    }

    fn replace(&self, replacements: &[Replacement]) -> Result<Replaced, DatabaseRestoreError> {
        let database = &self.restore.planned.to_database;
        let replaced = self.restore.connection.replace(database, self.name, replacements)?;
        let bytes: usize = replacements.iter().map(|one| one.document.len()).sum();
        self.restore.monitor.add(Counter::EntriesRestored, replaced.replaced);
        self.restore.monitor.add(Counter::BytesRestored, bytes as u64);
        self.lock().report.bytes += bytes as u64;
        Ok(replaced)
    }

    fn count_inserted(&self, inserted: Inserted, documents: &[&[u8]]) {
        let bytes: usize = documents.iter().map(|document| document.len()).sum();
        let monitor = self.restore.monitor;
        monitor.add(Counter::EntriesRestored, inserted.inserted);
        monitor.add(Counter::EntriesSkipped, inserted.present);
        monitor.add(Counter::BytesRestored, bytes as u64);
        let mut progress = self.lock();
        progress.report.inserted += inserted.inserted;
        // Otherwise they were put there by somebody since they were looked up: they stay too.
        progress.report.present += inserted.present;
        progress.report.bytes += bytes as u64;
        self.restore.refused(inserted.refused, &mut progress);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
