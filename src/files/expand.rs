//! Paths with wildcards, as a shell would replace them.

use globset::{GlobBuilder, GlobMatcher};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The paths that a pattern stands for, in order: `*`, `?` and `[a-z]` stand for parts of one
/// name, also of one that begins with a dot; a `\` makes the next character an ordinary one.
/// What matches nothing stands for itself, so that it is found missing. Costs one listing for
/// each directory in which a wildcard is looked for.
pub fn expand(pattern: &OsStr) -> Vec<PathBuf> {
    let is_special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    if !pattern.as_bytes().iter().any(is_special) {
        return vec![PathBuf::from(pattern)];
    }
    let absolute = pattern.as_bytes().starts_with(b"/");
    let mut found = vec![PathBuf::from(if absolute { "/" } else { "" })];
    for part in pattern.as_bytes().split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        found = match matcher(part) {
            Some(matcher) => found.iter().flat_map(|base| matching(base, &matcher)).collect(),
            None => found.iter().map(|base| base.join(unescaped(part))).collect(),
        };
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    match found.is_empty() {
        true => vec![PathBuf::from(pattern)],
        false => found,
    }
}

/// `None` for what has no wildcards, or is no valid pattern.
fn matcher(part: &[u8]) -> Option<GlobMatcher> {
    let has_wildcards = part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
    let text = std::str::from_utf8(part).ok().filter(|_| has_wildcards)?;
    let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    glob.ok().map(|glob| glob.compile_matcher())
}

/// What a directory has that matches, in order. One that cannot be listed has nothing.
fn matching(base: &Path, matcher: &GlobMatcher) -> Vec<PathBuf> {
    let directory = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut names: Vec<OsString> = names.filter(|name| matcher.is_match(name)).collect();
    names.sort_unstable();
    names.iter().map(|name| base.join(name)).collect()
}

fn unescaped(part: &[u8]) -> OsString {
    let mut plain = Vec::with_capacity(part.len());
    let mut bytes = part.iter();
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    OsString::from_vec(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(below: &Path, pattern: &str) -> Vec<String> {
        let found = expand(below.join(pattern).as_os_str());
        let relative = found.iter().map(|path| path.strip_prefix(below).unwrap_or(path));
        relative.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn wildcards_stand_for_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/x.json", "a/y.json", "a/.z.json", "b/x.json", "b/[q].txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        for (pattern, found) in [
            ("a/x.json", vec!["a/x.json"]),
            ("*/x.json", vec!["a/x.json", "b/x.json"]),
            ("a/*", vec!["a/.z.json", "a/x.json", "a/y.json"]),
            ("a/[xy].jso?", vec!["a/x.json", "a/y.json"]),
            ("b/\\[q\\].*", vec!["b/[q].txt"]),
            ("*/nothing*", vec!["*/nothing*"]),
            ("a/gone", vec!["a/gone"]),
        ] {
            assert_eq!(expanded(folder.path(), pattern), found, "{pattern}");
        }
    }
}
