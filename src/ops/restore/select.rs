//! Which entries of a snapshot are wanted.

use crate::files::{PathFilter, Selection};
use crate::model::{EntryName, EntryPath};

/// The paths and patterns of a restore (also of `ls`): asked in walk order, from the root down.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Without `files/`. `None` means all.
    paths: Option<Vec<EntryPath>>,
    filter: &'a PathFilter,
}

impl<'a> Wanted<'a> {
    pub fn new(paths: &[EntryPath], filter: &'a PathFilter) -> Self {
        let below = |path: &EntryPath| {
            let mut below = EntryPath::root();
            path.names().skip(1).for_each(|name| below.push(&name));
            below
        };
        Self { paths: (!paths.is_empty()).then(|| paths.iter().map(below).collect()), filter }
    }

    /// What holds for the root, before any name.
    pub fn root(&self) -> Selection {
        self.filter.root()
    }

    /// Whether `name` in `directory` is wanted, given what was said of `directory`.
    pub fn select(
        &self,
        above: Selection,
        directory: &EntryPath,
        name: &EntryName,
        is_directory: bool,
    ) -> Selection {
        let by_pattern = self.filter.select(above, directory, name, is_directory);
        match (self.by_path(directory, name), by_pattern) {
            (Selection::No, _) | (_, Selection::No) => Selection::No,
            (Selection::Yes, by_pattern) => by_pattern,
            // An ancestor of a wanted path: what the filter says of it is for those below.
            (Selection::Below, by_pattern) => by_pattern,
        }
    }

    /// Whether it lies in, or leads to, one of the paths.
    fn by_path(&self, directory: &EntryPath, name: &EntryName) -> Selection {
        let Some(paths) = &self.paths else { return Selection::Yes };
        let path = directory.join(name);
        if paths.iter().any(|wanted| path.starts_with(wanted)) {
            return Selection::Yes;
        }
        match paths.iter().any(|wanted| wanted.starts_with(&path)) {
            true => Selection::Below,
            false => Selection::No,
        }
    }

    /// Whether the directory itself is wanted, not only something below it.
    pub fn is_whole(&self, selection: Selection, path: &EntryPath) -> bool {
        let inside = match &self.paths {
            None => true,
            Some(paths) => paths.iter().any(|wanted| path.starts_with(wanted)),
        };
        inside && selection == Selection::Yes
    }
}
