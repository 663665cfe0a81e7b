//! What each damage must lead to: the table of `docs/reliability.md`, as code.

use super::footprint::Footprint;
use super::inflict::Damage;
use snapstore::format::Commit;
use snapstore::model::SessionId;
use snapstore::repo::Repository;
use snapstore::storage::{Folder, MemoryStorage, ObjectName};

/// What an object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Marker,
    KeySlot,
    Settings,
    /// With blobs that live snapshots need and that are nowhere else.
    Pack,
    /// Nothing needs it: an orphan, or a second copy.
    SparePack,
    /// The same, and marked as damaged: the next prune removes it, whatever it is like.
    MarkedPack,
    /// Names packs that live snapshots need.
    Index,
    SpareIndex,
    /// Of a session that is decided.
    OldAnnouncement,
    Announcement,
    NewestCommit,
    OlderCommit,
    /// The snapshot was forgotten; the next prune removes it.
    ForgottenCommit,
    Tombstone,
    /// Of a snapshot whose commit is gone.
    Forgotten,
    ForgottenBesideCommit,
    /// Of a prune that is at its end.
    OldMark,
    Final,
    Done,
    OpenMark,
    DamageMark,
    /// A segment of a change log with others before and after it.
    Log,
    /// The first or the last one.
    LogEnd,
}

/// Who finds a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The repository does not open, and the error says why.
    AtOpening,
    /// Check names the object.
    ByName,
    /// Check names something else, whose name begins so, for the object itself is not known.
    As(&'static str),
    /// Nobody: nothing is lost by it, and nothing goes wrong.
    Harmless,
    /// Nobody who sees only the repository.
    ByWitness,
}

impl Place {
    /// `whole` is the repository before the damage.
    pub fn of(
        name: &ObjectName,
        whole: &Repository,
        storage: &MemoryStorage,
        footprint: &Footprint,
    ) -> Self {
        let number = name.last().split_once('.').map(|(number, _)| number.to_string());
        let is_done = || {
            let done = number.map(|number| format!("prune/{number}.done").parse().unwrap());
            done.is_some_and(|done| storage.raw(&done).is_some())
        };
        match name.folder() {
            Folder::Top => Place::Marker,
            Folder::Keys => Place::KeySlot,
            Folder::Config => Place::Settings,
            Folder::Packs if footprint.needs_pack(name) => Place::Pack,
            Folder::Packs if is_marked(name, storage) => Place::MarkedPack,
            Folder::Packs => Place::SparePack,
            Folder::Index if names_needed(name, whole, footprint) => Place::Index,
            Folder::Index => Place::SpareIndex,
            Folder::Sessions if is_decided(name.rest().split('/').next(), storage) => {
                Place::OldAnnouncement
            }
            Folder::Sessions => Place::Announcement,
            Folder::Snapshots => commit(name, whole),
            Folder::Forgotten if is_decided(Some(name.last()), storage) => {
                Place::ForgottenBesideCommit
            }
            Folder::Forgotten => Place::Forgotten,
            Folder::Prune => match name.last().rsplit('.').next() {
                Some("final") => Place::Final,
                Some("done") => Place::Done,
                _ if is_done() => Place::OldMark,
                _ => Place::OpenMark,
            },
            Folder::Damaged => Place::DamageMark,
            Folder::Log if name.last() == "2-2" => Place::Log,
            Folder::Log => Place::LogEnd,
        }
    }

    /// The table.
    pub fn expected(self, damage: &Damage) -> Found {
        match (self, damage) {
            // Clear JSON: what still reads as it should is named by check. `created` is told to
            // people only, and a digit of it may change unseen.
            (Place::Marker, _) => Found::AtOpening,
            // Another slot would open it; a wrong password looks the same.
            (Place::KeySlot, _) => Found::AtOpening,
            // Readers go on with stand-ins.
            (Place::Settings, Damage::Delete) => Found::As("config"),
            (Place::SparePack, Damage::Delete) => Found::Harmless,
            // The other one is named.
            (Place::MarkedPack, Damage::Swap(_)) => Found::As("packs/"),
            (Place::MarkedPack, _) => Found::Harmless,
            // The packs are in no index any more.
            (Place::Index, Damage::Delete) => Found::As("packs/"),
            (Place::SpareIndex, Damage::Delete) => Found::Harmless,
            (Place::OldAnnouncement, Damage::Delete) => Found::Harmless,
            // A prune does not wait for a writer that it does not see.
            (Place::Announcement, Damage::Delete) => Found::ByWitness,
            // The chain has a gap.
            (Place::OlderCommit, Damage::Delete) => Found::As("chain of writer "),
            (Place::ForgottenCommit, Damage::Delete) => Found::Harmless,
            // A writer that was shut out could still commit, if it lives.
            (Place::Tombstone, Damage::Delete) => Found::ByWitness,
            (Place::Forgotten, Damage::Delete) => Found::As("chain of writer "),
            // The snapshot is back, and the policy forgets it again.
            (Place::ForgottenBesideCommit, Damage::Delete) => Found::ByWitness,
            // The prune seems to be under way, and the next one does the rest again.
            (Place::Done, Damage::Delete) => Found::Harmless,
            // Writers rely on packs that a prune under way is about to delete.
            (Place::OpenMark, Damage::Delete) => Found::ByWitness,
            // It looks as if it was pruned, or never came.
            (Place::LogEnd, Damage::Delete) => Found::ByWitness,
            // The next check finds the damage again.
            (Place::DamageMark, Damage::Delete) => Found::Harmless,
            _ => Found::ByName,
        }
    }

    /// Whether `snap repair`, a backup and a prune lead back to a repository without damage.
    pub fn is_mended(self, damage: &Damage) -> bool {
        match (self, damage) {
            // By hand: `docs/reliability.md` says what to write.
            (Place::Marker, _) => false,
            // What it held is gone: there is a gap until `--keep-log` has passed.
            (Place::LogEnd, Damage::Delete) => true,
            (Place::Log | Place::LogEnd, _) => false,
            // The gap in the chain stays: it may hide a snapshot that somebody took away.
            (Place::Forgotten, Damage::Delete) => false,
            _ => true,
        }
    }
}

fn is_decided(session: Option<&str>, storage: &MemoryStorage) -> bool {
    let commit = session.map(|session| format!("snapshots/{session}").parse().unwrap());
    commit.is_some_and(|commit| storage.raw(&commit).is_some())
}

fn names_needed(name: &ObjectName, whole: &Repository, footprint: &Footprint) -> bool {
    let index = whole.get_index(&name.last().parse().unwrap()).unwrap();
    let names = index.packs.iter().map(|pack| snapstore::format::pack_name(&pack.id));
    names.into_iter().any(|name| footprint.needs_pack(&name.parse().unwrap()))
}

fn is_marked(name: &ObjectName, storage: &MemoryStorage) -> bool {
    let mark = format!("damaged/{}", name.last()).parse().unwrap();
    storage.raw(&mark).is_some()
}

fn commit(name: &ObjectName, whole: &Repository) -> Place {
    let id: SessionId = name.last().parse().unwrap();
    let ledger = whole.ledger().unwrap();
    match whole.read_commit(id).unwrap() {
        Commit::Tombstone { .. } => Place::Tombstone,
        Commit::Snapshot(_) if ledger.forgotten.contains(&id) => Place::ForgottenCommit,
        Commit::Snapshot(_) if ledger.live.last().is_some_and(|newest| newest.id == id) => {
            Place::NewestCommit
        }
        Commit::Snapshot(_) => Place::OlderCommit,
    }
}
