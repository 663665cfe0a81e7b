//! The difference between two texts, line by line.

use super::super::dump::{DumpError, copy_file};
use super::layout::read_bounded;
use crate::model::{File, Monitor};
use crate::repo::BlobReader;
use similar::TextDiff;
use std::path::Path;
use std::time::Duration;

/// Longer files are not compared as text, in bytes.
pub const LARGEST_TEXT: u64 = 16 << 20;

/// A file with a NUL byte this far from its start is no text, as git and grep see it.
const LOOKED_AT: usize = 8000;

/// After so long the difference may be larger than need be.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lines around each change.
const AROUND: usize = 3;

/// What two files are to each other, as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextDifference {
    Same,
    /// In unified form, as `patch` reads it.
    Unified(Vec<u8>),
    /// They differ, and one of them at least is no text.
    Binary,
    /// One of them is longer than [`LARGEST_TEXT`].
    TooLarge,
}

/// The content of a file in a snapshot; `None` if it is too large for a text.
pub fn text_of(
    reader: &BlobReader,
    file: &File,
    monitor: &dyn Monitor,
) -> Result<Option<Vec<u8>>, DumpError> {
    if file.size > LARGEST_TEXT {
        return Ok(None);
    }
    let mut content = Vec::new();
    copy_file(reader, file, &mut content, monitor)?;
    Ok(Some(content))
}

/// The same of a live file.
pub fn live_text(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    read_bounded(std::fs::File::open(path)?, LARGEST_TEXT)
}

/// Compares two contents, each with the name that stands above it. (Myers' algorithm, by crate
/// `similar`.)
pub fn text_difference(
    (old_name, old): (&str, Option<&[u8]>),
    (new_name, new): (&str, Option<&[u8]>),
) -> TextDifference {
    let (Some(old), Some(new)) = (old, new) else { return TextDifference::TooLarge };
    if old == new {
        return TextDifference::Same;
    }
    let is_binary = |content: &[u8]| content.iter().take(LOOKED_AT).any(|byte| *byte == 0);
    if is_binary(old) || is_binary(new) {
        return TextDifference::Binary;
    }
    let difference = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut text = Vec::new();
    let written = difference
        .unified_diff()
        .context_radius(AROUND)
        .header(old_name, new_name)
        .to_writer(&mut text);
    match written {
        Ok(()) => TextDifference::Unified(text),
        // Memory takes everything.
        Err(_) => TextDifference::Binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(old: &[u8], new: &[u8]) -> TextDifference {
        text_difference(("a", Some(old)), ("b", Some(new)))
    }

    #[test]
    fn texts_are_compared_by_lines() {
        let TextDifference::Unified(text) = between(b"one\ntwo\n", b"one\n\xfftwo") else {
            panic!("no difference");
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(
            text.starts_with("--- a\n+++ b\n@@ -1,2 +1,2 @@\n one\n-two\n+\u{fffd}two"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_text_is_not() {
        assert_eq!(between(b"a\0", b"b"), TextDifference::Binary);
        assert_eq!(between(b"a\0", b"a\0"), TextDifference::Same);
        assert_eq!(text_difference(("a", None), ("b", Some(b""))), TextDifference::TooLarge);
    }
}
