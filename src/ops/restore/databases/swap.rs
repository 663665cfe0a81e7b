//! Makes collections: with the UUID that they had, or beside what is there and then in its place.

use super::DatabaseRestoreError;
use super::capped::roomy;
use super::collection::{CollectionRestore, Progress};
use super::plan::{Planned, PlannedContent};
use crate::model::{Collection, CollectionKind};
use crate::mongo::MongoError;

impl CollectionRestore<'_> {
    pub fn create(
        &self,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), MongoError> {
        let Planned { to_database, to_name, .. } = self.planned;
        let Collection { options, uuid, kind, .. } = collection;
        let roomy = roomy(collection);
        let options = roomy.as_ref().unwrap_or(options);
        let wanted = uuid.filter(|_| self.options.keep_uuids);
        let why = match (wanted, kind) {
            (None, _) => None,
            (Some(_), CollectionKind::TimeSeries) => Some("a time series gets one".to_string()),
            (Some(uuid), CollectionKind::Ordinary) => {
                match self.connection.create_with_uuid(to_database, to_name, options, uuid) {
                    Ok(()) => return Ok(()),
                    Err(error) if error.is_passing() => return Err(error),
                    Err(error) => Some(error.to_string()),
                }
            }
        };
        if let Some(why) = why {
            self.fail(progress, format!("it has a UUID of its own, not the one it had: {why}"));
        }
        self.connection.create(to_database, to_name, options)
    }

    /// Loads a collection beside what is there, and puts it in its place in one step. If anything
    /// of it fails, what is there stays.
    pub fn swapped(
        &self,
        collection: &Collection,
        progress: &mut Progress,
    ) -> Result<(), DatabaseRestoreError> {
        let Planned { server, database, name, to_database, to_name, .. } = self.planned;
        if collection.kind == CollectionKind::TimeSeries {
            let why = "a time series cannot be renamed, and so not be swapped";
            self.fail(progress, why.to_string());
            return Ok(());
        }
        let beside = Planned {
            server: server.clone(),
            database: database.clone(),
            name: name.clone(),
            to_database: to_database.clone(),
            to_name: beside(to_name),
            content: PlannedContent::Collection(Box::new(collection.clone())),
        };
        self.connection.drop_collection(to_database, &beside.to_name)?;
        let before = progress.failed;
        let loading = CollectionRestore { planned: &beside, ..*self };
        let loaded = loading.collection(collection, progress);
        progress.report.was_there = true;
        if loaded.is_err() || progress.failed > before {
            self.connection.drop_collection(to_database, &beside.to_name)?;
            loaded?;
            progress.report.is_restored = false;
            self.fail(progress, "it was not swapped: what was there stays".to_string());
            return Ok(());
        }
        for command in &mut progress.report.held_back {
            *command = command.replace(&beside.to_name, to_name);
        }
        self.connection.rename_over(to_database, &beside.to_name, to_name)?;
        progress.report.swapped = true;
        Ok(())
    }
}

/// A name for what is loaded beside a collection; the same in every run, so that what an
/// interrupted one left is taken away.
fn beside(name: &str) -> String {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("snap_beside_{}", hash.get(..16).unwrap_or_default())
}
