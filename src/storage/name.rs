//! The names that objects can have.

use std::fmt;
use std::str::FromStr;

/// The name of an object: what is listed in `docs/format.md`, and nothing else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    folder: Folder,
    /// Below the folder.
    rest: String,
}

/// The top-level folders of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// Objects at the very top: `snap.json`.
    Top,
    Keys,
    Config,
    /// `packs/<first two digits>/<pack id>`.
    Packs,
    Index,
    /// `sessions/<session id>/<number>`.
    Sessions,
    Snapshots,
    Forgotten,
    Prune,
    Damaged,
    /// `log/<stream>/<first>-<last>`.
    Log,
}

/// Why a text is no object's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an object")]
pub struct InvalidObjectName(String);

impl Folder {
    /// So many names at most may be in the folder. Packs of ordinary size are 32 to 128 TiB then;
    /// listings take about 200 bytes of memory for each name.
    pub fn most_names(self) -> usize {
        match self {
            Folder::Packs => 1 << 21,
            _ => 1 << 20,
        }
    }

    pub const ALL: [Folder; 11] = [
        Folder::Top,
        Folder::Keys,
        Folder::Config,
        Folder::Packs,
        Folder::Index,
        Folder::Sessions,
        Folder::Snapshots,
        Folder::Forgotten,
        Folder::Prune,
        Folder::Damaged,
        Folder::Log,
    ];

    /// The folder's name; empty for the top.
    pub fn word(self) -> &'static str {
        match self {
            Folder::Top => "",
            Folder::Keys => "keys",
            Folder::Config => "config",
            Folder::Packs => "packs",
            Folder::Index => "index",
            Folder::Sessions => "sessions",
            Folder::Snapshots => "snapshots",
            Folder::Forgotten => "forgotten",
            Folder::Prune => "prune",
            Folder::Damaged => "damaged",
            Folder::Log => "log",
        }
    }

    /// How many levels of folders lie between this one and its objects.
    pub fn levels(self) -> usize {
        match self {
            Folder::Packs | Folder::Sessions | Folder::Log => 1,
            _ => 0,
        }
    }
}

impl ObjectName {
    /// An object directly in `folder`, or, for packs, sessions and the log, one level below.
    /// `rest` is `[A-Za-z0-9._-]+`, not hidden, with one slash where the folder has a level.
    pub fn new(folder: Folder, rest: &str) -> Result<Self, InvalidObjectName> {
        let parts: Vec<&str> = rest.split('/').collect();
        let well_formed = parts.len() == folder.levels() + 1 && parts.iter().all(|p| plain(p));
        let taken = folder == Folder::Top && is_taken(rest);
        match well_formed && !taken && rest.len() <= 200 {
            true => Ok(Self { folder, rest: rest.to_string() }),
            false => Err(InvalidObjectName(rest.chars().take(200).collect())),
        }
    }

    pub fn folder(&self) -> Folder {
        self.folder
    }

    /// The name below the folder: `12/1234…` for a pack.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The part after the last slash.
    pub fn last(&self) -> &str {
        self.rest.rsplit('/').next().unwrap_or_default()
    }
}

/// Whether something lies at the top under this name that is no object: a folder, or a local
/// repository's reserve of space.
fn is_taken(name: &str) -> bool {
    let is_folder = Folder::ALL.iter().any(|folder| folder.word() == name);
    is_folder || name == "reserve"
}

/// Letters, digits, dot, hyphen and underscore; not hidden, so no `..` either.
fn plain(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
}

impl FromStr for ObjectName {
    type Err = InvalidObjectName;

    fn from_str(text: &str) -> Result<Self, InvalidObjectName> {
        let Some((word, rest)) = text.split_once('/') else {
            return Self::new(Folder::Top, text);
        };
        match Folder::ALL.into_iter().find(|folder| folder.word() == word) {
            Some(folder) if folder != Folder::Top => Self::new(folder, rest),
            _ => Err(InvalidObjectName(text.chars().take(200).collect())),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.folder {
            Folder::Top => f.write_str(&self.rest),
            folder => write!(f, "{}/{}", folder.word(), self.rest),
        }
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for text in ["snap.json", "packs/ab/abcd", "sessions/ab/0", "prune/7.mark", "log/ab/1-7"] {
            assert_eq!(text.parse::<ObjectName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_stay_below_the_repository() {
        for text in [
            "",
            "packs/ab",
            "packs/../x",
            "keys/.x",
            "keys/a/b",
            "other/x",
            "/x",
            "keys/",
            "keys",
            "reserve",
        ] {
            assert!(text.parse::<ObjectName>().is_err(), "{text}");
        }
    }
}
