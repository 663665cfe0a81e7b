//! Which directories get the metadata of the snapshot.

use super::guard::Held;
use super::jobs::action;
use super::{Conflict, RestoreAction};
use crate::model::{Entry, EntryPath, Kind, Presence};

/// What is done with directories that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryRule {
    /// A restore into a folder: all that are entered are made as they were.
    All,
    /// In place: those that were asked for, as the strategy says.
    Asked,
    /// A rollback: those, and the ones that what was asked for lies in.
    AskedAndParents,
}

/// How a directory lies to what was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// It is asked for itself.
    pub is_whole: bool,
    /// Something that was asked for lies directly in it.
    pub is_parent: bool,
}

impl Standing {
    /// `paths` lie in the snapshot (`files/…`), `path` is without that; empty `paths` mean all.
    pub fn new(is_whole: bool, paths: &[EntryPath], path: &EntryPath) -> Self {
        let is_parent = paths.iter().any(|asked| {
            let depth = asked.depth();
            depth == path.depth() + 2
                && asked.names().skip(1).zip(path.names()).all(|(a, b)| a == b)
        });
        Self { is_whole, is_parent }
    }
}

impl DirectoryRule {
    /// What happens to a directory where `presence` is.
    pub fn action(
        self,
        presence: Presence,
        conflict: Conflict,
        standing: Standing,
    ) -> RestoreAction {
        let Presence::MetadataDiffers { .. } = presence else { return action(presence, conflict) };
        let changes = match self {
            Self::All => true,
            _ if standing.is_whole => action(presence, conflict) == RestoreAction::Metadata,
            Self::Asked => false,
            Self::AskedAndParents => standing.is_parent,
        };
        if changes { RestoreAction::Metadata } else { RestoreAction::Same }
    }

    /// Whether a directory that was entered gets its metadata in the end.
    pub fn finishes(
        self,
        entry: &Entry,
        held: &Held,
        conflict: Conflict,
        standing: Standing,
    ) -> bool {
        let before = match held {
            Held::Free => return true,
            Held::Absent => return true,
            Held::Nothing => return false,
            Held::Before(before) => before,
        };
        match before.kind {
            Kind::Directory(_) => {
                let newer = before.metadata.modified > entry.metadata.modified;
                let presence = Presence::MetadataDiffers { newer };
                self.action(presence, conflict, standing) == RestoreAction::Metadata
            }
            // It was made in the place of something else.
            _ => true,
        }
    }
}
