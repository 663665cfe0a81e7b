//! What is backed up, and what is left out.

use super::Arguments;
use crate::cli::context::Context;
use crate::cli::databases::split;
use crate::cli::error::Failure;
use crate::files::RuleSettings;
use crate::ops::FilesBackup;
use std::path::{Path, PathBuf};

pub fn files(arguments: &Arguments) -> Result<FilesBackup, Failure> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in split(&arguments.paths).1 {
        let absolute = std::path::absolute(path).map_err(|_| {
            Failure::usage("a path to back up is empty").hint("name a file or folder")
        })?;
        // Without the slash at the end: `bot` and `bot/` are one source.
        let absolute: PathBuf = absolute.components().collect();
        if !paths.contains(&absolute) {
            paths.push(absolute);
        }
    }
    Ok(FilesBackup {
        paths,
        rules: RuleSettings {
            exclude: arguments.exclude.clone(),
            exclude_ignoring_case: arguments.iexclude.clone(),
            exclude_files: arguments.exclude_file.clone(),
            exclude_caches: arguments.exclude_caches,
            exclude_if_present: arguments.exclude_if_present.clone(),
            exclude_larger_than: arguments.exclude_larger_than,
            ignore_files: !arguments.no_snapignore,
        },
        one_file_system: arguments.one_file_system,
        force: arguments.force,
    })
}

/// A repository that backs itself up grows for ever.
pub fn leave_out_own(
    context: &Context,
    repository: &Path,
    files: &mut FilesBackup,
) -> Result<(), Failure> {
    let own = [Some(repository.to_owned()), context.cache()?];
    for own in own.iter().flatten().filter_map(|path| path.canonicalize().ok()) {
        let given = files.paths.iter().filter_map(|path| path.canonicalize().ok());
        let mut above = given.filter(|path| own != *path && own.starts_with(path));
        if let (Some(_), Some(pattern)) = (above.next(), literal_pattern(&own)) {
            files.rules.exclude.push(pattern);
        }
    }
    Ok(())
}

/// A pattern that matches this path only; `None` if it is not text.
fn literal_pattern(path: &Path) -> Option<String> {
    let mut pattern = String::new();
    for character in path.to_str()?.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_pattern_has_no_wildcards() {
        assert_eq!(literal_pattern(Path::new("/a/b*[c]")).unwrap(), "/a/b\\*\\[c\\]");
    }
}
