//! What an earlier run that was cut off has left: whether what is there now is its work, so that
//! what it found before counts, or that of somebody else, which is to be kept.

use super::names::{Found, Names};
use crate::files::{FilesTarget, Selection};
use crate::model::{Entry, EntryPath, Kind, Metadata, Monitor, Presence, Target};
use crate::ops::restore::{RestoreError, Wanted};
use crate::repo::{BlobReader, RepoError};

/// Looks into directories that stand where something else was.
pub struct Remains<'a, 'b> {
    pub reader: &'a BlobReader,
    pub wanted: &'b Wanted<'a>,
    pub target: &'b mut FilesTarget,
    pub monitor: &'b dyn Monitor,
}

/// A directory that is looked into.
struct Level<'a> {
    names: Names<'a>,
    path: EntryPath,
    selection: Selection,
}

/// What a child turns out to be.
enum Child<'a> {
    AsWanted,
    Directory(Box<Level<'a>>),
    SomebodyElses,
}

impl<'a> Remains<'a, '_> {
    /// Whether all in the directory `entry` of `parent`, where the target is, is what a restore
    /// of it makes. What it did not make yet does not matter, nor does the metadata of
    /// directories, which comes last. Reads the files.
    pub fn are_of(
        &mut self,
        parent: &EntryPath,
        entry: &Entry,
        selection: Selection,
    ) -> Result<bool, RestoreError> {
        let mut levels = vec![self.enter(parent, entry, selection)?];
        let mut as_wanted = true;
        while as_wanted && let Some(level) = levels.last_mut() {
            if self.monitor.stopped() {
                return Err(RepoError::Stopped.into());
            }
            let Some(found) = level.names.next()? else {
                levels.pop();
                self.target.leave();
                continue;
            };
            match self.child(level, &found)? {
                Child::AsWanted => {}
                Child::Directory(below) => levels.push(*below),
                Child::SomebodyElses => as_wanted = false,
            }
        }
        levels.iter().for_each(|_| self.target.leave());
        Ok(as_wanted)
    }

    fn enter(
        &mut self,
        parent: &EntryPath,
        entry: &Entry,
        selection: Selection,
    ) -> Result<Level<'a>, RestoreError> {
        let tree = match &entry.kind {
            Kind::Directory(directory) => directory.tree,
            _ => None,
        };
        let reader: &'a BlobReader = self.reader;
        let entries = tree.map(|tree| reader.entries(&tree)).transpose()?;
        self.target.go_into(&entry.name)?;
        let names = Names::new(entries, None, None, self.target.children()?);
        Ok(Level { names, path: parent.join(&entry.name), selection })
    }

    fn child(&mut self, level: &Level<'a>, found: &Found) -> Result<Child<'a>, RestoreError> {
        if !found.is_listed {
            return Ok(Child::AsWanted);
        }
        let Some(entry) = &found.wanted else { return Ok(Child::SomebodyElses) };
        let is_directory = matches!(entry.kind, Kind::Directory(_));
        let selection = self.wanted.select(level.selection, &level.path, &entry.name, is_directory);
        if selection == Selection::No {
            return Ok(Child::SomebodyElses);
        }
        // What cannot be compared is named when it is to be kept.
        let compared = self.target.slot(entry).and_then(|mut slot| slot.compare());
        Ok(match compared {
            Ok(Presence::Same | Presence::MetadataDiffers { .. }) if is_directory => {
                Child::Directory(Box::new(self.enter(&level.path, entry, selection)?))
            }
            Ok(Presence::Same | Presence::Absent) => Child::AsWanted,
            _ => Child::SomebodyElses,
        })
    }
}

/// Whether a run that was cut off while it gave something other metadata may have left it like
/// this: each part is as before, or as wanted. The owner's rights may have been widened for the
/// work, setuid bits are taken away by the system, and flags lifted; the time of a directory
/// changes with what is in it.
pub fn is_halfway(
    now: &Metadata,
    before: &Metadata,
    wanted: Option<&Metadata>,
    is_directory: bool,
) -> bool {
    let known = |is: &dyn Fn(&Metadata) -> bool| is(before) || wanted.is_some_and(is);
    let (widened, kept) = if is_directory { (0o700, 0o1777) } else { (0o600, 0o777) };
    let mode = |metadata: &Metadata| metadata.mode & kept | widened;
    let is_opened = is_directory && now.mode == 0o700;
    (is_opened || known(&|metadata| mode(metadata) == mode(now)))
        && known(&|metadata| is_user(metadata, now))
        && known(&|metadata| is_group(metadata, now))
        && known(&|metadata| metadata.attributes == now.attributes)
        && (is_directory || known(&|metadata| metadata.modified == now.modified))
}

/// The same number or name: a restore goes by names.
fn is_user(one: &Metadata, other: &Metadata) -> bool {
    one.user == other.user || !one.user_name.is_empty() && one.user_name == other.user_name
}

fn is_group(one: &Metadata, other: &Metadata) -> bool {
    one.group == other.group || !one.group_name.is_empty() && one.group_name == other.group_name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(mode: u16, user: u32) -> Metadata {
        Metadata { mode, user, ..Metadata::default() }
    }

    #[test]
    fn halfway_is_each_part_as_before_or_as_wanted() {
        let (before, wanted) = (metadata(0o750, 1), metadata(0o555, 2));
        for (mode, user, halfway) in [
            (0o750, 1, true),
            (0o555, 2, true),
            (0o750, 2, true),
            (0o755, 1, true),
            (0o700, 1, true),
            (0o777, 1, false),
            (0o750, 3, false),
        ] {
            let now = metadata(mode, user);
            assert_eq!(is_halfway(&now, &before, Some(&wanted), true), halfway, "{mode:o} {user}");
        }
        assert!(!is_halfway(&metadata(0o750, 2), &before, None, true));
        assert!(!is_halfway(&metadata(0o700, 1), &before, Some(&wanted), false));
    }
}
