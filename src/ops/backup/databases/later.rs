//! Collections that cannot be read at the moment of their database: they were dropped, renamed or
//! changed since, or the server's history has become too short. They are read at a later moment,
//! and that is said. None is ever kept as empty because it could not be read.

use super::{DatabaseSaver, SaveFailure, Saving, entry};
use crate::model::{ClusterTime, Consistency, Entry, EntryName, Kind, ProblemKind, escape_name};
use crate::mongo::Namespace;
use crate::ops::backup::BackupError;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a later moment is tried; changes of a collection's shape pass.
const ROUNDS: u32 = 6;
const WAIT: Duration = Duration::from_millis(100);

/// What came of reading collections at a later moment.
#[derive(Default)]
struct Round {
    /// They still cannot be read.
    left: Vec<Namespace>,
    /// One takes longer to read than the server keeps history.
    is_outlived: bool,
    /// Some were dropped before this moment.
    dropped: Option<ClusterTime>,
}

impl DatabaseSaver<'_> {
    /// Saves `late` under the names that they had. Returns the time by which the last of those
    /// was gone that were dropped meanwhile.
    pub(super) fn late(
        &mut self,
        saving: &Saving<'_>,
        mut late: Vec<Namespace>,
        entries: &mut BTreeMap<EntryName, Entry>,
    ) -> Result<Option<ClusterTime>, BackupError> {
        let (mut is_outlived, mut dropped) = (false, None);
        for round in 1..=ROUNDS {
            if late.is_empty() {
                return Ok(dropped);
            }
            std::thread::sleep(WAIT * round);
            // In the last round it is read as it is: better mixed than missing.
            let at = match round < ROUNDS && !is_outlived {
                true => saving.source.connection.moment()?,
                false => None,
            };
            let log_entry = match at {
                Some(at) if saving.log_entry.is_some() => self.log_entry(saving, at)?,
                _ => None,
            };
            let round = self.round(&Saving { at, log_entry, ..*saving }, late, entries)?;
            dropped = dropped.max(round.dropped);
            (late, is_outlived) = (round.left, round.is_outlived);
            if at.is_none() {
                break;
            }
        }
        for namespace in late {
            let why = "it changes so often that it could not be read at any moment: it is missing";
            self.tell(ProblemKind::Unreadable, saving.shown(&namespace), why);
        }
        Ok(dropped)
    }

    fn log_entry(
        &self,
        saving: &Saving<'_>,
        at: ClusterTime,
    ) -> Result<Option<[u8; 32]>, BackupError> {
        let entry = saving.source.connection.log_entry(at)?;
        Ok(entry.map(|raw| *blake3::hash(&raw).as_bytes()))
    }

    fn round(
        &mut self,
        saving: &Saving<'_>,
        late: Vec<Namespace>,
        entries: &mut BTreeMap<EntryName, Entry>,
    ) -> Result<Round, BackupError> {
        let mut round = Round::default();
        let catalog = match saving.source.connection.catalog(saving.database, saving.at) {
            Err(error) if error.is_other_moment() => return Ok(Round { left: late, ..round }),
            catalog => catalog?.namespaces,
        };
        for namespace in late {
            let now = catalog.iter().find(|now| is_same(now, &namespace));
            let Some(now) = now else {
                let why = "it was dropped while the backup ran: it is not in the snapshot";
                self.tell(ProblemKind::Note, saving.shown(&namespace), why);
                round.dropped = match saving.at {
                    None => saving.source.connection.moment()?,
                    at => at,
                };
                continue;
            };
            match self.namespace(saving, now) {
                Ok(kind) => self.came_late(saving, &namespace, kind, entries),
                Err(SaveFailure::Mongo(error)) if error.is_other_moment() => {
                    round.is_outlived |= error.is_window_passed();
                    round.left.push(namespace);
                }
                Err(failure) => self.unreadable(saving, &namespace, failure)?,
            }
        }
        Ok(round)
    }

    fn came_late(
        &self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        kind: Kind,
        entries: &mut BTreeMap<EntryName, Entry>,
    ) {
        let (problem, why) = match saving.at {
            Some(ClusterTime { .. }) => (
                ProblemKind::Note,
                "it was renamed or changed while the backup ran, or the server's history was too \
                 short: it is kept as it was a little later than the rest",
            ),
            None => (
                ProblemKind::Torn,
                "it could not be read at one moment: it was read while others wrote",
            ),
        };
        self.tell(problem, saving.shown(namespace), why);
        if let Ok(name) = escape_name(&namespace.name) {
            entries.insert(name.clone(), entry(name, kind));
        }
    }

    /// Without history a collection that was dropped or renamed before its turn looks empty: such
    /// are taken out again, and returned.
    pub(super) fn vanished(
        &self,
        saving: &Saving<'_>,
        entries: &mut BTreeMap<EntryName, Entry>,
    ) -> Result<Vec<Namespace>, BackupError> {
        let catalog = saving.source.connection.catalog(saving.database, None)?.namespaces;
        let mut vanished = Vec::new();
        for (name, entry) in entries.iter() {
            let Kind::Collection(collection) = &entry.kind else { continue };
            let text = crate::model::unescape_name(name).unwrap_or_default();
            let is_there =
                catalog.iter().any(|now| now.name == text && now.uuid == collection.uuid);
            if collection.count == 0 && !is_there && collection.consistency == Consistency::Fuzzy {
                vanished.push((
                    name.clone(),
                    Namespace {
                        name: text,
                        kind: crate::mongo::NamespaceKind::View,
                        options: collection.options.clone(),
                        uuid: collection.uuid,
                        indexes: collection.indexes.clone(),
                    },
                ));
            }
        }
        for (name, _) in &vanished {
            entries.remove(name);
        }
        Ok(vanished.into_iter().map(|(_, namespace)| namespace).collect())
    }
}

/// A collection is its UUID, whatever it is called.
fn is_same(now: &Namespace, before: &Namespace) -> bool {
    match before.uuid {
        Some(_) => now.uuid == before.uuid,
        None => now.name == before.name,
    }
}
