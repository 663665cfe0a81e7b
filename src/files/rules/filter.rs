//! Choosing from a snapshot by path: `--include` and `--exclude` of a restore.

use super::{PatternSet, PatternSetBuilder, RuleError, Scratch, Style};
use crate::model::{EntryName, EntryPath};

/// Whether an entry is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Neither it nor anything below it.
    No,
    /// Not the directory itself, but perhaps something below it.
    Below,
    /// It is, and so is what lies below it, unless excluded.
    Yes,
}

/// Chooses paths: those that match an include pattern or lie below one that does (all, if there
/// are none), without those that match an exclude pattern or lie below one.
///
/// Patterns are those of a backup ([`super::Rules`]); they are compared with `/` and the path
/// that is passed in.
#[derive(Debug, Clone)]
pub struct PathFilter {
    include: PatternSet,
    exclude: PatternSet,
    /// What include patterns begin with before their first wildcard, up to a slash; `None` if
    /// one of them may match anywhere.
    beginnings: Option<Vec<Vec<u8>>>,
}

impl PathFilter {
    /// Patterns with whether they ignore case.
    pub fn new(include: &[(&str, bool)], exclude: &[(&str, bool)]) -> Result<Self, RuleError> {
        Ok(Self {
            include: compile(include)?,
            exclude: compile(exclude)?,
            beginnings: include.iter().map(|(pattern, fold)| beginning(pattern, *fold)).collect(),
        })
    }

    /// What holds for the root, to begin with.
    pub fn root(&self) -> Selection {
        if self.include.is_empty() { Selection::Yes } else { Selection::Below }
    }

    /// Whether the entry `name` of `directory` is chosen, given what [`PathFilter::select`] said
    /// of `directory`. Costs the same however deep it lies.
    pub fn select(
        &self,
        above: Selection,
        directory: &EntryPath,
        name: &EntryName,
        is_directory: bool,
    ) -> Selection {
        if above == Selection::Yes && self.exclude.is_empty() {
            return above;
        }
        let mut scratch = Scratch::default();
        scratch.set_path(directory, name);
        let Scratch { path, matches } = &mut scratch;
        let excluded = self.exclude.decide(path, is_directory, matches) == Some(true);
        if above == Selection::No || excluded {
            return Selection::No;
        }
        let included = above == Selection::Yes
            || self.include.decide(path, is_directory, matches) == Some(true);
        match included {
            true => Selection::Yes,
            false if is_directory && self.may_match_below(path) => Selection::Below,
            false => Selection::No,
        }
    }

    fn may_match_below(&self, directory: &[u8]) -> bool {
        let Some(beginnings) = &self.beginnings else { return true };
        let related = |beginning: &Vec<u8>| {
            is_at_or_below(directory, beginning) || is_at_or_below(beginning, directory)
        };
        beginnings.iter().any(related)
    }
}

fn is_at_or_below(path: &[u8], ancestor: &[u8]) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

fn compile(patterns: &[(&str, bool)]) -> Result<PatternSet, RuleError> {
    let mut builder = PatternSetBuilder::new(Style::Absolute);
    for (pattern, ignore_case) in patterns {
        builder.add(pattern, *ignore_case)?;
    }
    builder.build()
}

/// The literal beginning of an absolute pattern that minds case.
fn beginning(pattern: &str, ignore_case: bool) -> Option<Vec<u8>> {
    if ignore_case || !pattern.starts_with('/') {
        return None;
    }
    let literal = pattern.split(['*', '?', '[', '\\']).next().unwrap_or_default();
    if literal.len() == pattern.len() {
        return Some(pattern.trim_end_matches('/').as_bytes().to_vec());
    }
    let end = literal.rfind('/').unwrap_or(0);
    Some(literal.as_bytes()[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks down to `path`, as a restore would.
    fn select(filter: &PathFilter, path: &str) -> Selection {
        let is_directory = path.ends_with('/');
        let path = EntryPath::parse_lenient(path.as_bytes()).unwrap();
        let depth = path.depth();
        let (mut selection, mut directory) = (filter.root(), EntryPath::root());
        for (index, name) in path.names().enumerate() {
            let is_directory = is_directory || index + 1 < depth;
            selection = filter.select(selection, &directory, &name, is_directory);
            directory.push(&name);
        }
        selection
    }

    #[test]
    fn everything_is_chosen_by_default() {
        let filter = PathFilter::new(&[], &[]).unwrap();
        assert_eq!(select(&filter, "srv/bot/x"), Selection::Yes);
    }

    #[test]
    fn what_lies_below_an_included_path_is_included() {
        let filter = PathFilter::new(&[("/srv/bot", false)], &[("*.log", false)]).unwrap();
        assert_eq!(select(&filter, "srv/"), Selection::Below);
        assert_eq!(select(&filter, "srv/bot/"), Selection::Yes);
        assert_eq!(select(&filter, "srv/bot/a/b"), Selection::Yes);
        assert_eq!(select(&filter, "srv/bot/a.log"), Selection::No);
        assert_eq!(select(&filter, "srv/bots/"), Selection::No);
        assert_eq!(select(&filter, "etc/"), Selection::No);
        assert_eq!(select(&filter, "srv/other"), Selection::No);
    }

    #[test]
    fn names_are_looked_for_everywhere() {
        let filter = PathFilter::new(&[("*.JSON", true)], &[("tmp/", false)]).unwrap();
        assert_eq!(select(&filter, "any/where/"), Selection::Below);
        assert_eq!(select(&filter, "any/where/x.json"), Selection::Yes);
        assert_eq!(select(&filter, "tmp/x.json"), Selection::No);
    }

    #[test]
    fn wildcards_open_all_that_they_may_match() {
        let filter = PathFilter::new(&[("/srv/b*/x", false)], &[]).unwrap();
        assert_eq!(select(&filter, "srv/bot/"), Selection::Below);
        assert_eq!(select(&filter, "srv/bot/x"), Selection::Yes);
        assert_eq!(select(&filter, "var/"), Selection::No);
    }
}
