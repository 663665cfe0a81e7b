//! Which repository is meant.

use super::order::first_of;
use super::{Environment, Places, SettingsError};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Schemes of addresses that are no paths, though they look like one.
const SCHEMES: [&str; 12] = [
    "s3", "gs", "azure", "sftp", "rclone", "rest", "b2", "swift", "http", "https", "ssh", "webdav",
];

/// Longest file that names a repository, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Local(PathBuf),
}

impl Address {
    /// Reads an address as people write it. Schemes are known, but not served yet.
    pub fn parse(text: &OsStr) -> Result<Self, SettingsError> {
        if text.is_empty() {
            return Err(SettingsError::EmptyAddress);
        }
        match scheme(text) {
            Some(scheme) => Err(SettingsError::RemoteAddress { scheme: scheme.to_owned() }),
            None => Ok(Self::Local(PathBuf::from(text))),
        }
    }
}

fn scheme(text: &OsStr) -> Option<&str> {
    let bytes = text.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let (word, rest) = (bytes.get(..colon)?, bytes.get(colon + 1..)?);
    let word = std::str::from_utf8(word).ok()?;
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_word && (SCHEMES.contains(&word) || rest.starts_with(b"//"))).then_some(word)
}

/// How the repository was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryChoice {
    Named(Address),
    /// Nothing was named, and the one in the data directory is there.
    Embedded(PathBuf),
    /// Nothing was named, and there is none in the data directory.
    Nowhere,
}

/// Something that says where the repository is.
enum Naming {
    Address(OsString),
    File(PathBuf),
}

impl RepositoryChoice {
    /// Looks for the repository: the flag, `SNAP_REPOSITORY`, `SNAP_REPOSITORY_FILE`, the
    /// profile's, then the embedded one.
    pub fn find(
        flag: Option<&OsStr>,
        environment: &Environment,
        profile: Option<&OsStr>,
        places: &Places,
    ) -> Result<Self, SettingsError> {
        let in_environment = || {
            let address = environment.get("SNAP_REPOSITORY");
            let file = environment.path("SNAP_REPOSITORY_FILE");
            address.map(|text| Naming::Address(text.to_owned())).or(file.map(Naming::File))
        };
        let named = |text: &OsStr| Naming::Address(text.to_owned());
        let in_profile = || profile.map(named);
        match first_of(flag.map(named), in_environment, in_profile, || None) {
            Some(Naming::Address(text)) => Ok(Self::Named(Address::parse(&text)?)),
            Some(Naming::File(path)) => Ok(Self::Named(Address::parse(&read_line(&path)?)?)),
            None => Ok(Self::embedded(places)),
        }
    }

    fn embedded(places: &Places) -> Self {
        let path = places.embedded_repository();
        match path.join("snap.json").exists() {
            true => Self::Embedded(path),
            false => Self::Nowhere,
        }
    }
}

/// The first line of a file.
fn read_line(path: &Path) -> Result<OsString, SettingsError> {
    let content = read_small(path)?;
    let line = content.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    match line.trim_ascii() {
        b"" => Err(SettingsError::EmptyFile { path: path.to_owned(), what: "address" }),
        line => Ok(OsString::from_vec(line.to_vec())),
    }
}

/// A file that people wrote by hand; more than 64 KiB is refused.
pub(super) fn read_small(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, SettingsError> {
    use std::io::Read;
    let mut content = zeroize::Zeroizing::new(Vec::new());
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut content));
    let too_long = || std::io::Error::other("it is longer than 64 KiB");
    match read {
        Ok(length) if length as u64 > LONGEST_FILE => Err(too_long()),
        other => other,
    }
    .map_err(|cause| SettingsError::Unreadable { path: path.to_owned(), cause })?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, SettingsError> {
        Address::parse(OsStr::new(text))
    }

    #[test]
    fn paths_are_local() {
        for text in ["/srv/repository", "repository", "./s3:x", "a:b", "C:", "/x/sftp:y", "日:x"] {
            assert_eq!(parse(text).unwrap(), Address::Local(text.into()), "{text}");
        }
    }

    #[test]
    fn schemes_are_refused_without_showing_credentials() {
        for text in [
            "s3:https://key:secret@host/bucket",
            "sftp:secret@host:/path",
            "rest:http://me:secret@host/",
            "ftp://me:secret@host/path",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("local disks only"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(matches!(parse(""), Err(SettingsError::EmptyAddress)));
    }

    #[test]
    fn a_flag_beats_the_environment_then_the_profile_then_the_embedded_one() {
        let directory = tempfile::tempdir().unwrap();
        let embedded = directory.path().join("data/snap/repository");
        std::fs::create_dir_all(&embedded).unwrap();
        let file = directory.path().join("where");
        std::fs::write(&file, "/from/file\nsecond line\n").unwrap();
        let find = |flag: Option<&str>, pairs: &[(&str, &Path)]| {
            let data = directory.path().join("data");
            let home = [("HOME", Path::new("/home/bot")), ("XDG_DATA_HOME", &data)];
            let pairs = pairs.iter().chain(&home);
            let environment = Environment::new(pairs.map(|(n, v)| (n.into(), v.into())));
            let places = Places::find(&environment).unwrap();
            let (flag, profile) = (flag.map(OsStr::new), environment.get("TEST_PROFILE"));
            RepositoryChoice::find(flag, &environment, profile, &places).unwrap()
        };
        let named = |path: &str| RepositoryChoice::Named(Address::Local(path.into()));
        let both = [("SNAP_REPOSITORY", Path::new("/x")), ("SNAP_REPOSITORY_FILE", file.as_path())];
        assert_eq!(find(Some("/flag"), &both), named("/flag"));
        assert_eq!(find(None, &both), named("/x"));
        assert_eq!(find(None, &both[1..]), named("/from/file"));
        let profile = ("TEST_PROFILE", Path::new("/profile"));
        assert_eq!(find(None, &[profile, both[1]]), named("/from/file"));
        assert_eq!(find(None, &[profile]), named("/profile"));
        assert_eq!(find(None, &[]), RepositoryChoice::Nowhere);
        std::fs::write(embedded.join("snap.json"), "{}").unwrap();
        assert_eq!(find(None, &[]), RepositoryChoice::Embedded(embedded.clone()));
    }
}
