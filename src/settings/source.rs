//! What can be backed up: a path or a database.

use super::config::{Base, expand};
use std::fmt;
use std::path::{Path, PathBuf};

const DATABASE_SCHEMES: [&str; 2] = ["mongodb://", "mongodb+srv://"];

/// Something to back up. Neither form of printing shows credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum SourceAddress {
    Path(PathBuf),
    Database(DatabaseAddress),
}

/// A `mongodb://` or `mongodb+srv://` address, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress(String);

impl SourceAddress {
    /// A path, as given, or an address of a database.
    pub fn parse(path: PathBuf) -> Self {
        let address = path.to_str().filter(|text| is_database(text));
        match address.map(|text| DatabaseAddress(text.to_owned())) {
            Some(address) => Self::Database(address),
            None => Self::Path(path),
        }
    }

    /// The same, as it is written in a file.
    pub(super) fn parse_in(text: &str, base: &Base) -> Result<Self, String> {
        match is_database(text) {
            true => Ok(Self::Database(DatabaseAddress(text.to_owned()))),
            false => Ok(Self::Path(expand(text, base)?)),
        }
    }
}

impl DatabaseAddress {
    /// An address by itself; an error says what it lacks, and not what it is.
    pub fn parse(text: &str) -> Result<Self, String> {
        match is_database(text.trim()) {
            true => Ok(Self(text.trim().to_owned())),
            false => Err("it does not begin with mongodb:// or mongodb+srv://".to_owned()),
        }
    }

    /// The first line of a file.
    pub fn read(file: &Path) -> Result<Self, String> {
        let content = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        Self::parse(content.lines().next().unwrap_or_default())
    }

    /// The whole address, with the password that it may hold: for whoever connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The scheme may be in capitals, as in all addresses.
fn is_database(text: &str) -> bool {
    let begins = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    DATABASE_SCHEMES.iter().any(begins)
}

/// The address without what may be secret in it: user and password, and the options. What
/// looks like a path is left as it is.
pub(super) fn redacted(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once(':') else { return address.to_owned() };
    if scheme.contains('/') {
        return address.to_owned();
    }
    let (slashes, rest) = match rest.strip_prefix("//") {
        Some(rest) => ("//", rest),
        None => ("", rest),
    };
    // A password may hold slashes and question marks: the last `@` ends it.
    let (hidden, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    if slashes == "//" && hidden.is_empty() && !has_right_port(rest) {
        return format!("{scheme}://***");
    }
    let place = rest.split('?').next().unwrap_or_default();
    format!("{scheme}:{slashes}{hidden}{place}")
}

/// What hints say that addresses look like.
const EXAMPLES: [&str; 2] = ["host:port", "user:password@host:port"];

/// A text for people in which an address may stand where something else was asked for: the first
/// in each line is shown without what may be secret in it.
pub fn without_passwords(text: &str) -> String {
    text.split_inclusive('\n').map(line_without_password).collect()
}

fn line_without_password(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let begin = |scheme: &&str| lower.find(scheme).map(|at| (at, at + scheme.len()));
    let Some((_, host)) = DATABASE_SCHEMES.iter().find_map(begin) else { return line.to_owned() };
    let (head, rest) = line.split_at(host);
    if EXAMPLES.iter().any(|example| rest.starts_with(example)) {
        return line.to_owned();
    }
    // A password may hold spaces: the last `@` ends it.
    let (hidden, ends, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", &[' ', '\n', '"', '\'', '`'][..], rest),
        None => ("", &[' ', '\n', '"'][..], rest),
    };
    let (word, tail) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    match hidden.is_empty() && !has_right_port(word) {
        true => format!("{head}***{tail}"),
        false => format!("{head}{hidden}{}{tail}", word.split('?').next().unwrap_or_default()),
    }
}

/// A password without the `@` behind it looks like a port that is no number.
fn has_right_port(rest: &str) -> bool {
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    host.starts_with('[') || port.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Database(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Debug for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_told_from_paths() {
        for text in ["mongodb://host/bot", "MongoDB+SRV://me@host/bot"] {
            assert!(
                matches!(SourceAddress::parse(text.into()), SourceAddress::Database(_)),
                "{text}"
            );
        }
        for text in ["/srv/bot", "mongodb", "mongodb:x", "./mongodb://x", "é", "postgres://x"] {
            assert!(matches!(SourceAddress::parse(text.into()), SourceAddress::Path(_)), "{text}");
        }
    }

    #[test]
    fn credentials_do_not_show() {
        for (address, shown) in [
            ("mongodb://me:secret@host:27017/bot?x=secret", "mongodb://***@host:27017/bot"),
            ("mongodb://me:sec/ret?@host/bot", "mongodb://***@host/bot"),
            ("mongodb://me:secret", "mongodb://***"),
            ("mongodb://me:sec@ret@host/bot", "mongodb://***@host/bot"),
            ("sftp:secret@host:/path", "sftp:***@host:/path"),
            ("rest:http://me:secret@host/", "rest:***@host/"),
            ("s3:https://host/bucket", "s3:https://host/bucket"),
            ("/srv/a@b:c", "/srv/a@b:c"),
            ("repository", "repository"),
        ] {
            assert_eq!(redacted(address), shown, "{address}");
        }
        for (text, shown) in [
            ("no mongodb://me:secret@host/bot?x=secret here", "no mongodb://***@host/bot here"),
            ("MongoDB://me:se cret@host: not there", "MongoDB://***@host: not there"),
            ("no mongodb+srv://me:secret", "no mongodb+srv://***"),
            ("cannot reach mongodb://host:27017: x", "cannot reach mongodb://host:27017: x"),
            ("with --to mongodb://host:port", "with --to mongodb://host:port"),
            ("`snap 'mongodb://me:it's@host/?x=y'`", "`snap 'mongodb://***@host/'`"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        let source = SourceAddress::parse("mongodb://me:secret@host/bot?x=secret".into());
        assert!(!format!("{source}{source:?}").contains("secret"));
    }
}
