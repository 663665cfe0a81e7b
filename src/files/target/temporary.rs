//! Names under which things are made before they appear.

use super::super::node::Node;
use super::run::Run;
use super::{io_error, remove, unlock};
use crate::model::{EntryPath, TargetError};
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of temporary names, in bytes.
const LENGTH: usize = 43;

/// Temporary names: `.snap-`, 16 digits for the run, `-`, 16 digits that count, `.tmp`.
#[derive(Debug)]
pub(super) struct TemporaryNames {
    run: u64,
    next: AtomicU64,
}

impl TemporaryNames {
    pub fn new(run: u64) -> Self {
        Self { run, next: AtomicU64::new(0) }
    }

    pub fn next(&self) -> CString {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // With room for the zero behind it. A string takes all that is written.
        let mut name = String::with_capacity(LENGTH + 1);
        let _ = write!(name, ".snap-{:016x}-{number:016x}.tmp", self.run);
        CString::new(name).unwrap_or_default()
    }

    /// Whether it looks as if a run that is not this one made the name.
    pub fn is_leftover(&self, name: &CStr) -> bool {
        Self::run_of(name).is_some_and(|run| run != self.run)
    }

    /// Whether this run made the name: something that is about to appear.
    pub fn is_own(&self, name: &CStr) -> bool {
        Self::run_of(name) == Some(self.run)
    }

    fn run_of(name: &CStr) -> Option<u64> {
        let digits = |text: &str| {
            let lower = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            (lower && text.len() == 16).then(|| u64::from_str_radix(text, 16).ok())?
        };
        let middle = name.to_str().ok()?.strip_prefix(".snap-")?.strip_suffix(".tmp")?;
        let (run, number) = middle.split_once('-')?;
        digits(number)?;
        digits(run)
    }
}

/// So many names are remembered, in about 16 MiB.
const MOST_LOOKALIKES: usize = 1 << 20;

/// What the snapshot itself has under names that look like leftovers: it stays when a directory
/// is entered again. Where that is more than can be remembered, all leftovers stay from then on.
#[derive(Debug, Default)]
pub(super) struct Lookalikes(HashSet<u64>);

impl Lookalikes {
    pub fn add(&mut self, directory: &EntryPath, name: &CStr) {
        if self.0.len() < MOST_LOOKALIKES {
            self.0.insert(Self::hash(directory, name));
        }
    }

    /// Also true, once in 2^64, of what was not added: then a leftover stays.
    pub fn has(&self, directory: &EntryPath, name: &CStr) -> bool {
        self.0.len() >= MOST_LOOKALIKES || self.0.contains(&Self::hash(directory, name))
    }

    fn hash(directory: &EntryPath, name: &CStr) -> u64 {
        let mut hasher = DefaultHasher::new();
        (directory.bytes(), name).hash(&mut hasher);
        hasher.finish()
    }
}

/// Something that was made under a temporary name; removed when dropped, unless it appeared.
pub(super) struct Temporary<'a> {
    pub directory: &'a Node,
    pub name: CString,
    appeared: bool,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.appeared {
            return;
        }
        let unlink = |flags| rustix::fs::unlinkat(self.directory, &self.name, flags);
        if unlink(AtFlags::empty()) == Err(Errno::ISDIR) {
            let _ = unlink(AtFlags::REMOVEDIR);
        }
    }
}

impl Temporary<'_> {
    /// Gives it its name, in one step, whatever had that name before; what that was is then
    /// removed.
    pub fn appear(mut self, name: &CStr, run: &Run) -> Result<(), TargetError> {
        let rename = || rustix::fs::renameat(self.directory, &self.name, self.directory, name);
        let mut renamed = rename();
        if matches!(renamed, Err(Errno::PERM | Errno::ACCESS)) {
            renamed = self.rename_unlocked(name, run);
        }
        match renamed {
            Ok(()) => {
                self.appeared = true;
                Ok(())
            }
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                self.replace(name)
            }
            Err(error) => Err(io_error("cannot rename it into place")(error.into())),
        }
    }

    /// Renames over something immutable. Its flag is set again if that fails.
    fn rename_unlocked(&self, name: &CStr, run: &Run) -> Result<(), Errno> {
        let unlocked = unlock::entry(self.directory, name);
        run.opened_up.open_up(self.directory);
        let renamed = rustix::fs::renameat(self.directory, &self.name, self.directory, name);
        if let (Err(_), Some(unlocked)) = (renamed, unlocked) {
            unlocked.lock();
        }
        renamed
    }

    /// Takes the place of something that a rename does not replace: the two change places, or,
    /// where the file system cannot do that, the other one goes first.
    fn replace(&self, name: &CStr) -> Result<(), TargetError> {
        let directory = self.directory;
        let exchange = RenameFlags::EXCHANGE;
        let exchanged = rustix::fs::renameat_with(directory, &self.name, directory, name, exchange);
        let failed = io_error("cannot replace what is there");
        match exchanged {
            Ok(()) => remove::all(directory, &self.name).map(drop).map_err(io_error(
                "it is there, but what was in its place cannot be removed, and stays beside it \
                 as .snap-….tmp",
            )),
            Err(Errno::INVAL | Errno::NOSYS) => remove::all(directory, name)
                .and_then(|_| Ok(rustix::fs::renameat(directory, &self.name, directory, name)?))
                .map_err(failed),
            Err(error) => Err(failed(error.into())),
        }
    }
}

/// Makes something under a temporary name in `directory`. If that is not allowed, the directory
/// is opened up first, as far as this process may.
pub(super) fn make<'a, T>(
    directory: &'a Node,
    run: &Run,
    make: impl Fn(&CStr) -> Result<T, Errno>,
) -> io::Result<(Temporary<'a>, T)> {
    let name = run.names.next();
    let made = match make(&name) {
        Err(Errno::PERM | Errno::ACCESS) if run.opened_up.open_up(directory) => make(&name)?,
        made => made?,
    };
    Ok((Temporary { directory, name, appeared: false }, made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_other_runs_are_leftovers() {
        let names = TemporaryNames::new(7);
        assert!(!names.is_leftover(&names.next()));
        assert!(names.is_own(&names.next()) && !TemporaryNames::new(8).is_own(&names.next()));
        assert!(TemporaryNames::new(8).is_leftover(&names.next()));
        for name in [c".snap-x.tmp", c".snap-0000000000000007-1.tmp", c"snap", c".snap-.tmp"] {
            assert!(!TemporaryNames::new(8).is_leftover(name), "{name:?}");
        }
        let capitals = c".snap-000000000000000A-0000000000000001.tmp";
        assert!(!names.is_leftover(capitals));
    }
}
