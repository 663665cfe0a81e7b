//! Where snap keeps its own files (XDG base directories).

use super::{Environment, SettingsError};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// bford.info/cachedir: backup programs leave directories with this file out when asked to.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # Local copies of snap. This directory may be deleted at any time.\n";

/// This user's directories of snap. None of them has to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub config: PathBuf,
    pub cache: PathBuf,
    pub data: PathBuf,
    pub state: PathBuf,
}

impl Places {
    pub fn find(environment: &Environment) -> Result<Self, SettingsError> {
        let base = |variable: &str, below_home: &str| {
            // XDG: a path that is not absolute is to be ignored.
            let set = environment.path(variable).filter(|path| path.is_absolute());
            let base = set.or_else(|| Some(home(environment)?.join(below_home)));
            base.map(|base| base.join("snap")).ok_or(SettingsError::NoHome)
        };
        let cache = match environment.path("SNAP_CACHE_DIR") {
            Some(cache) => cache,
            None => base("XDG_CACHE_HOME", ".cache")?,
        };
        Ok(Self {
            config: base("XDG_CONFIG_HOME", ".config")?,
            cache,
            data: base("XDG_DATA_HOME", ".local/share")?,
            state: base("XDG_STATE_HOME", ".local/state")?,
        })
    }

    /// The repository that is used when none is named, if it was made.
    pub fn embedded_repository(&self) -> PathBuf {
        self.data.join("repository")
    }

    /// This user's file of profiles.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("snap.toml")
    }

    /// The key file of the embedded repository.
    pub fn embedded_key(&self) -> PathBuf {
        self.config.join("key")
    }
}

/// This user's home directory.
pub fn home(environment: &Environment) -> Option<PathBuf> {
    use uzers::os::unix::UserExt;
    let set = environment.path("HOME").filter(|path| path.is_absolute());
    set.or_else(|| {
        let user = uzers::get_user_by_uid(uzers::get_effective_uid())?;
        Some(user.home_dir().to_owned())
    })
}

/// Makes a directory for local copies, readable for this user only, marked as a cache.
pub fn prepare_cache(directory: &Path) -> io::Result<()> {
    make_private(directory)?;
    let tag = directory.join("CACHEDIR.TAG");
    match tag.try_exists()? {
        true => Ok(()),
        false => fs::write(tag, CACHE_TAG),
    }
}

/// Makes a directory, and those above it that are missing, for this user only.
pub fn make_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pairs: &[(&str, &str)]) -> Places {
        let pairs = pairs.iter().map(|(name, value)| (name.into(), value.into()));
        Places::find(&Environment::new(pairs)).unwrap()
    }

    #[test]
    fn places_follow_the_environment() {
        let found = places(&[
            ("HOME", "/home/bot"),
            ("XDG_DATA_HOME", "/data"),
            ("XDG_STATE_HOME", "not/absolute"),
        ]);
        assert_eq!(found.config, Path::new("/home/bot/.config/snap"));
        assert_eq!(found.cache, Path::new("/home/bot/.cache/snap"));
        assert_eq!(found.embedded_repository(), Path::new("/data/snap/repository"));
        assert_eq!(found.state, Path::new("/home/bot/.local/state/snap"));
    }

    #[test]
    fn the_cache_can_be_somewhere_else() {
        let found = places(&[("HOME", "/home/bot"), ("SNAP_CACHE_DIR", "/var/cache/snap")]);
        assert_eq!(found.cache, Path::new("/var/cache/snap"));
    }

    #[test]
    fn a_cache_is_private_and_tagged() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("a/snap");
        prepare_cache(&cache).unwrap();
        prepare_cache(&cache).unwrap();
        assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(fs::read_to_string(cache.join("CACHEDIR.TAG")).unwrap().starts_with("Signature: "));
    }
}
