//! What is wrong with a file of settings, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// Where the bytes lie in the text.
    pub fn of(span: &Range<usize>, text: &str) -> Self {
        // A place inside a character is none: go back to its start.
        let start = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let before = start.and_then(|start| text.get(..start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
        Self { line: number(before.matches('\n').count()), column: number(column) }
    }
}

/// One thing that is wrong with a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: PathBuf,
    pub place: Place,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(file: &Path, place: Place, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place, message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, message, .. } = self;
        write!(f, "{}:{}:{}: {message}", file.display(), place.line, place.column)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let text = "a = 1\nñ = \"x\" # y\n";
        let place = |start: usize| Place::of(&(start..start), text);
        assert_eq!(place(0), Place { line: 1, column: 1 });
        assert_eq!(place(6), Place { line: 2, column: 1 });
        assert_eq!(place(7), Place { line: 2, column: 1 }, "inside a character");
        assert_eq!(place(8), Place { line: 2, column: 2 });
        assert_eq!(place(1000).line, 3);
    }
}
