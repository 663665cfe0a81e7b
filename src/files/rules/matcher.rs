//! Finding by path: `snap find`.

use super::{PatternSet, PatternSetBuilder, RuleError, Scratch, Style};
use crate::model::{EntryName, EntryPath};

/// Matches entries, and nothing for what lies above them: a plain name or pattern is compared
/// with the end of a path, one that begins with a slash with all of it.
#[derive(Debug, Clone)]
pub struct PathMatcher {
    patterns: PatternSet,
    minds_folders: bool,
}

impl PathMatcher {
    /// Patterns are those of a backup ([`super::Rules`]).
    pub fn new(patterns: &[String], ignore_case: bool) -> Result<Self, RuleError> {
        let mut builder = PatternSetBuilder::new(Style::Absolute);
        for pattern in patterns {
            builder.add(pattern, ignore_case)?;
        }
        let minds_folders =
            patterns.iter().any(|pattern| pattern.trim_end_matches('/').contains('/'));
        Ok(Self { patterns: builder.build()?, minds_folders })
    }

    /// Whether it matters in which folder a name is.
    pub fn minds_folders(&self) -> bool {
        self.minds_folders
    }

    /// Whether the entry `name` of `directory` matches.
    pub fn matches(&self, directory: &EntryPath, name: &EntryName, is_directory: bool) -> bool {
        let mut scratch = Scratch::default();
        scratch.set_path(directory, name);
        let Scratch { path, matches } = &mut scratch;
        self.patterns.decide(path, is_directory, matches) == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_matches_itself_is_found() {
        let matcher = |pattern: &str| PathMatcher::new(&[pattern.to_owned()], false).unwrap();
        let matches = |pattern: &str, directory: &str, name: &str| {
            let directory = EntryPath::parse_lenient(directory.as_bytes()).unwrap();
            matcher(pattern).matches(&directory, &EntryName::new(name.as_bytes()).unwrap(), false)
        };
        assert!(matches("*.json", "/srv/bot", "a.json"));
        assert!(matches("bot/*.json", "/srv/bot", "a.json"));
        assert!(matches("/srv/**/a.json", "/srv/bot/x", "a.json"));
        assert!(!matches("bot", "/srv/bot", "a.json"));
        assert!(!matches("/bot/a.json", "/srv/bot", "a.json"));
        assert!(!matcher("bot/").minds_folders() && matcher("bot/*").minds_folders());
    }
}
