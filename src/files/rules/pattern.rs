//! Patterns, and deciding by the last one that matches.

use super::RuleError;
use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What paths a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Full paths, `/srv/bot/x`. A pattern that starts with `/` matches the whole path, any
    /// other matches at its end.
    Absolute,
    /// Paths below the directory of an ignore file, `bot/x`. A pattern with a slash before its
    /// end matches the whole path, any other a name anywhere.
    Relative,
}

/// Collects patterns in order.
pub(super) struct PatternSetBuilder {
    style: Style,
    globs: GlobSetBuilder,
    traits: Vec<Traits>,
}

#[derive(Debug, Clone, Copy)]
struct Traits {
    negated: bool,
    directories_only: bool,
}

/// Patterns compiled together: deciding costs about as much as one of them.
#[derive(Debug, Clone)]
pub(super) struct PatternSet {
    globs: GlobSet,
    traits: Vec<Traits>,
}

impl PatternSetBuilder {
    pub fn new(style: Style) -> Self {
        Self { style, globs: GlobSetBuilder::new(), traits: Vec::new() }
    }

    /// One pattern. `!` in front of it takes back what earlier ones matched, `/` behind it makes
    /// it match directories only; a `\` in front of `!` or `#` makes
    /// these part of the name.
    pub fn add(&mut self, text: &str, ignore_case: bool) -> Result<(), RuleError> {
        let invalid = |reason: String| RuleError::Pattern { pattern: text.to_owned(), reason };
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (directories_only, rest) = match rest.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.trim_start_matches('/').is_empty() {
            return Err(invalid("it matches nothing".to_owned()));
        }
        let glob = GlobBuilder::new(&self.anchored(rest))
            .literal_separator(true)
            .case_insensitive(ignore_case)
            .backslash_escape(true)
            .allow_unclosed_class(true)
            .build()
            .map_err(|error| invalid(error.kind().to_string()))?;
        self.globs.add(glob);
        self.traits.push(Traits { negated, directories_only });
        Ok(())
    }

    fn anchored(&self, pattern: &str) -> String {
        let anchored = match self.style {
            Style::Absolute => pattern.starts_with('/'),
            Style::Relative => pattern.contains('/'),
        };
        let pattern = literal_braces(pattern);
        match self.style {
            _ if !anchored => format!("**/{pattern}"),
            Style::Absolute => pattern,
            Style::Relative => pattern.trim_start_matches('/').to_owned(),
        }
    }

    /// Lines of a file: empty ones and comments (`#`) are passed over. Returns what is wrong
    /// with others, by line number from 1; the rest holds.
    pub fn add_lines(&mut self, text: &str, ignore_case: bool) -> Vec<(usize, RuleError)> {
        let mut wrong = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = without_trailing_spaces(line);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(error) = self.add(line, ignore_case) {
                wrong.push((index.saturating_add(1), error));
            }
        }
        wrong
    }

    pub fn build(self) -> Result<PatternSet, RuleError> {
        let globs = self.globs.build().map_err(|error| RuleError::Pattern {
            pattern: error.glob().unwrap_or("(all together)").to_owned(),
            reason: error.kind().to_string(),
        })?;
        Ok(PatternSet { globs, traits: self.traits })
    }
}

impl PatternSet {
    pub fn empty() -> Self {
        Self { globs: GlobSet::empty(), traits: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.traits.is_empty()
    }

    /// Whether the last pattern that matches `path` selects it; `None` if none matches.
    /// `matches` is scratch memory.
    pub fn decide(&self, path: &[u8], directory: bool, matches: &mut Vec<usize>) -> Option<bool> {
        if self.is_empty() {
            return None;
        }
        self.globs.matches_candidate_into(&Candidate::new(OsStr::from_bytes(path)), matches);
        let applicable = matches
            .iter()
            .filter_map(|index| Some((*index, self.traits.get(*index)?)))
            .filter(|(_, traits)| directory || !traits.directories_only);
        applicable.max_by_key(|(index, _)| *index).map(|(_, traits)| !traits.negated)
    }
}

/// Spaces at a line's end do not count, unless there is a `\` before them.
fn without_trailing_spaces(line: &str) -> &str {
    let trimmed = line.trim_end_matches([' ', '\t', '\r']);
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    match line.get(trimmed.len()..trimmed.len() + 1) {
        Some(" ") if backslashes % 2 == 1 => &line[..trimmed.len() + 1],
        _ => trimmed,
    }
}

/// Braces are ordinary characters in our patterns, but not in `globset`'s.
fn literal_braces(pattern: &str) -> String {
    let mut literal = String::with_capacity(pattern.len());
    let (mut escaped, mut in_class) = (false, false);
    for character in pattern.chars() {
        if matches!(character, '{' | '}') && !escaped && !in_class {
            literal.push('\\');
        }
        in_class = !escaped && (character == '[' || in_class && character != ']');
        escaped = !escaped && character == '\\';
        literal.push(character);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(style: Style, patterns: &str) -> PatternSet {
        let mut builder = PatternSetBuilder::new(style);
        assert!(builder.add_lines(patterns, false).is_empty());
        builder.build().unwrap()
    }

    fn decide(set: &PatternSet, path: &str) -> Option<bool> {
        set.decide(path.trim_end_matches('/').as_bytes(), path.ends_with('/'), &mut Vec::new())
    }

    #[test]
    fn absolute_patterns_match_whole_paths_and_others_the_end() {
        let set = set(Style::Absolute, "*.log\n/srv/*/tmp\ncache/old\n/var/**/x\n");
        for path in
            ["/a.log", "/srv/b/c.log", "/srv/bot/tmp", "/q/cache/old", "/var/x", "/var/a/b/x"]
        {
            assert_eq!(decide(&set, path), Some(true), "{path}");
        }
        for path in ["/a.logs", "/srv/a/b/tmp", "/q/srv/bot/tmp", "/mycache/old", "/cache/old/x"] {
            assert_eq!(decide(&set, path), None, "{path}");
        }
    }

    #[test]
    fn relative_patterns_are_gits() {
        let set = set(Style::Relative, "name\n/top\nin/side\nsub/**\nonly/\n\\!not\n");
        for path in ["name", "a/b/name", "top", "in/side", "sub/a/b", "only/", "x/only/", "!not"] {
            assert_eq!(decide(&set, path), Some(true), "{path}");
        }
        for path in ["a/top", "x/in/side", "sub/", "only", "not"] {
            assert_eq!(decide(&set, path), None, "{path}");
        }
    }

    #[test]
    fn the_last_match_decides() {
        let set = set(Style::Absolute, "*.json\n!/keep/*.json\nsecret.json # no comment\n");
        assert_eq!(decide(&set, "/a/b.json"), Some(true));
        assert_eq!(decide(&set, "/keep/b.json"), Some(false));
        assert_eq!(decide(&set, "/secret.json # no comment"), Some(true));
    }

    #[test]
    fn lines_end_where_git_says() {
        assert_eq!(without_trailing_spaces("a \t\r"), "a");
        assert_eq!(without_trailing_spaces("a\\  "), "a\\ ");
        assert_eq!(without_trailing_spaces("a\\\\ "), "a\\\\");
    }

    #[test]
    fn braces_are_ordinary() {
        let set = set(Style::Absolute, "{a,b}\n[{]c\n");
        assert_eq!(decide(&set, "/{a,b}"), Some(true));
        assert_eq!(decide(&set, "/{c"), Some(true));
        assert_eq!(decide(&set, "/a"), None);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let mut builder = PatternSetBuilder::new(Style::Absolute);
        for text in ["", "/", "!", "!/", "[z-a]"] {
            assert!(builder.add(text, false).is_err(), "{text}");
        }
        let wrong = builder.add_lines("good\n[z-a]\n# fine\n", false);
        assert_eq!(wrong.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
    }
}
