//! Paths as people write them in a file.

use std::path::{Path, PathBuf};

/// What paths in a file are relative to.
#[derive(Debug, Clone)]
pub struct Base {
    /// The folder of the file.
    pub folder: PathBuf,
    pub home: Option<PathBuf>,
}

/// A path below the folder of the file; `~` and `$HOME` at its start are the home directory.
/// Nothing else is expanded.
pub fn expand(text: &str, base: &Base) -> Result<PathBuf, String> {
    if text.contains('\0') {
        return Err("a path cannot hold a zero byte".to_owned());
    }
    let path = match below_home(text) {
        None => base.folder.join(text),
        Some(rest) => match &base.home {
            Some(home) => home.join(rest),
            None => return Err("it is not known where the home directory is: set HOME".to_owned()),
        },
    };
    // Without the slash at the end: `bot` and `bot/` are one.
    Ok(path.components().collect())
}

/// What follows the home directory, if the path begins with it.
fn below_home(text: &str) -> Option<&Path> {
    let rest = text.strip_prefix('~').or_else(|| text.strip_prefix("$HOME"))?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(Path::new(rest.trim_start_matches('/'))),
        None if rest.is_empty() => Some(Path::new("")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_start_of_a_path_is_expanded() {
        let base = Base { folder: "/etc/snap".into(), home: Some("/home/bot".into()) };
        for (text, path) in [
            ("~", "/home/bot"),
            ("~/notes/", "/home/bot/notes"),
            ("~//notes", "/home/bot/notes"),
            ("$HOME/notes", "/home/bot/notes"),
            ("$HOME", "/home/bot"),
            ("$HOMES/x", "/etc/snap/$HOMES/x"),
            ("~bot/x", "/etc/snap/~bot/x"),
            ("./~", "/etc/snap/~"),
            ("/srv/~/$HOME", "/srv/~/$HOME"),
            ("key", "/etc/snap/key"),
            ("../key", "/etc/snap/../key"),
            ("/srv/$USER", "/srv/$USER"),
        ] {
            assert_eq!(expand(text, &base).unwrap(), Path::new(path), "{text}");
        }
        let homeless = Base { home: None, ..base };
        assert!(expand("~/x", &homeless).unwrap_err().contains("set HOME"));
        assert!(expand("x\0", &homeless).is_err());
    }
}
