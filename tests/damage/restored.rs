//! What a restore of a damaged repository may leave, and must say.

use super::later::{Problems, Verdict};
use super::tree::{Kind, Node, Tree};
use snapstore::model::ProblemKind;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Whatever appeared is right.
pub fn wrong(wanted: &Tree, found: &Tree) -> Verdict {
    for (path, found) in found {
        let Some(wanted) = wanted.get(path) else {
            return Err(format!("{} appeared from nowhere", path.display()));
        };
        // A further name of a file whose first could not be made stands alone.
        let same_group = wanted.group == found.group || found.group == *path;
        let found = Node { group: wanted.group.clone(), ..found.clone() };
        let same = match wanted.kind {
            // What failed below it may show in its time.
            Kind::Directory => found.kind == wanted.kind && found.mode == wanted.mode,
            _ => found == *wanted,
        };
        if !same || !same_group {
            return Err(format!("{} is wrong: {found:?} for {wanted:?}", path.display()));
        }
    }
    Ok(())
}

/// Nothing is missing that could have been restored.
pub fn needless(
    missing: &[&PathBuf],
    untouched: &HashSet<PathBuf>,
    problems: &Problems,
) -> Verdict {
    match missing.iter().find(|path| untouched.contains(**path)) {
        None => Ok(()),
        Some(path) => {
            Err(format!("{} is missing, {:?}", path.display(), problems.0.lock().unwrap()))
        }
    }
}

/// Of whatever is missing it was said, or of something above it.
pub fn unsaid(missing: &[&PathBuf], root: &Path, problems: &Problems) -> Verdict {
    let problems = problems.0.lock().unwrap();
    let unrestored = problems.iter().filter(|problem| problem.kind == ProblemKind::Unrestored);
    let said: HashSet<&Path> = unrestored.map(|problem| Path::new(&problem.what)).collect();
    for path in missing {
        if !root.join(path).ancestors().any(|above| said.contains(above)) {
            return Err(format!("{} is missing, and nobody said so: {said:?}", path.display()));
        }
    }
    Ok(())
}
