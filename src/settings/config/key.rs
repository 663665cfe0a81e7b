//! Every key that a profile may have: the parser, the schema and `snap config show` all go by
//! this list.

use super::kind::Kind;

/// A key of `snap.toml`.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub section: Section,
    pub kind: Kind,
    pub number: Number,
    /// What holds where no profile, variable or flag says anything.
    pub default: &'static str,
    pub about: &'static str,
}

/// Where in a profile the key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// In `[profile.NAME]` itself.
    Profile,
    /// In `[profile.NAME.retention]`.
    Retention,
    /// In `[profile.NAME.check]`.
    Check,
    /// In `[profile.NAME.protect]`.
    Protect,
}

/// How many values a key takes, and what becomes of inherited ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// One value, which replaces what is inherited.
    One,
    /// One of several keys that exclude each other: it replaces all of them.
    OneOfGroup,
    /// A list, which replaces what is inherited.
    List,
    /// A list, which is added to what is inherited.
    Added,
}

impl Key {
    pub fn is_list(&self) -> bool {
        matches!(self.number, Number::List | Number::Added)
    }

    /// With the section before it: `retention.keep-daily`.
    pub fn full_name(&self) -> String {
        match self.section.table() {
            Some(table) => format!("{table}.{}", self.name),
            None => self.name.to_owned(),
        }
    }
}

impl Section {
    /// The table below the profile, if it is one.
    pub fn table(self) -> Option<&'static str> {
        match self {
            Self::Profile => None,
            Self::Retention => Some("retention"),
            Self::Check => Some("check"),
            Self::Protect => Some("protect"),
        }
    }
}

/// The key of a profile that names others.
pub const INHERIT: &str = "inherit";

/// What [`INHERIT`] is for.
pub const ABOUT_INHERIT: &str = "Profiles to take settings from, by name. Of several, later ones \
    beat earlier ones; what the profile says itself beats all.";

/// The key in this section.
pub fn find(section: Section, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// The keys of a section, in the order in which they are shown.
pub fn keys_of(section: Section) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == section)
}

const fn profile(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { name, section: Section::Profile, kind, number: Number::One, default, about: "" }
}

const fn keep(name: &'static str, kind: Kind, about: &'static str) -> Key {
    let (section, number) = (Section::Retention, Number::One);
    Key { name, section, kind, number, default: STORED, about }
}

const fn check(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, section: Section::Check, kind, number: Number::One, default: "none", about }
}

const fn protect(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { name, section: Section::Protect, kind, number: Number::One, default, about: "" }
}

const STORED: &str = "as stored in the repository";

/// All of them, in the order in which they are shown.
pub static KEYS: &[Key] = &[
    Key {
        about: "Where the repository is: a folder.",
        ..profile("repository", Kind::Address, "the one in the data directory, if it was made")
    },
    Key {
        number: Number::OneOfGroup,
        about: "The file with the key that opens the repository.",
        ..profile("key-file", Kind::Path, "none")
    },
    Key {
        number: Number::OneOfGroup,
        about: "A file whose content is the password.",
        ..profile("password-file", Kind::Path, "none")
    },
    Key {
        number: Number::OneOfGroup,
        about: "A shell command that prints the password.",
        ..profile("password-command", Kind::Text, "none")
    },
    Key {
        number: Number::List,
        about: "What `snap backup` takes if no path is given: files, folders and databases.",
        ..profile("sources", Kind::Source, "none")
    },
    Key {
        number: Number::List,
        about: "Files whose first line is the address of a database to take, with its password.",
        ..profile("mongodb-file", Kind::Path, "none")
    },
    Key {
        number: Number::List,
        about: "Of databases only these collections.",
        ..profile("collections", Kind::Text, "all")
    },
    Key {
        number: Number::Added,
        about: "Collections to leave out. Added to what is inherited.",
        ..profile("exclude-collections", Kind::Text, "none")
    },
    Key {
        number: Number::Added,
        about: "Patterns to leave out, those of .gitignore. Added to what is inherited, flags \
            come last; the last one that matches decides.",
        ..profile("exclude", Kind::Pattern, "none")
    },
    Key {
        number: Number::Added,
        about: "The same, not minding capitals.",
        ..profile("iexclude", Kind::Pattern, "none")
    },
    Key {
        number: Number::Added,
        about: "Files of patterns, one a line.",
        ..profile("exclude-file", Kind::Path, "none")
    },
    Key {
        about: "Leave out what lies in cache folders (those with a CACHEDIR.TAG).",
        ..profile("exclude-caches", Kind::Switch, "false")
    },
    Key {
        number: Number::Added,
        about: "Leave out folders that have a file of this name (NAME or NAME:HEADER).",
        ..profile("exclude-if-present", Kind::Marker, "none")
    },
    Key {
        about: "Leave out files of more bytes.",
        ..profile("exclude-larger-than", Kind::Size, "none")
    },
    Key {
        about: "Do not look for .snapignore files.",
        ..profile("no-snapignore", Kind::Switch, "false")
    },
    Key {
        about: "Stay on the file systems of the sources.",
        ..profile("one-file-system", Kind::Switch, "false")
    },
    Key {
        number: Number::Added,
        about: "Tags of the snapshots. Added to what is inherited; those of flags are added too.",
        ..profile("tags", Kind::Tag, "none")
    },
    Key {
        about: "The host that the snapshots are said to be of.",
        ..profile("host", Kind::Text, "this machine's name")
    },
    Key {
        about: "Save no snapshot if nothing has changed since the last one.",
        ..profile("skip-if-unchanged", Kind::Switch, "false")
    },
    Key {
        about: "Read a collection of a database whole again after so long, though the server's \
            log tells what changed, to prove that.",
        ..profile("full-scan-every", Kind::Span, "7d")
    },
    keep("keep-last", Kind::Keep, "Keep the last N snapshots."),
    keep("keep-hourly", Kind::Keep, "Keep the newest of each of the last N hours that have one."),
    keep("keep-daily", Kind::Keep, "Keep the newest of each of the last N days that have one."),
    keep("keep-weekly", Kind::Keep, "Keep the newest of each of the last N weeks that have one."),
    keep("keep-monthly", Kind::Keep, "Keep the newest of each of the last N months that have one."),
    keep("keep-yearly", Kind::Keep, "Keep the newest of each of the last N years that have one."),
    keep("keep-within", Kind::Span, "Keep all that are younger than this, seen from the newest."),
    keep("keep-within-hourly", Kind::Span, "Keep one an hour of those younger than this."),
    keep("keep-within-daily", Kind::Span, "Keep one a day of those younger than this."),
    keep("keep-within-weekly", Kind::Span, "Keep one a week of those younger than this."),
    keep("keep-within-monthly", Kind::Span, "Keep one a month of those younger than this."),
    keep("keep-within-yearly", Kind::Span, "Keep one a year of those younger than this."),
    Key {
        number: Number::List,
        ..keep("keep-tag", Kind::Text, "Keep those with all of these tags, joined by commas.")
    },
    Key {
        default: "host,paths",
        ..keep(
            "group-by",
            Kind::GroupBy,
            "Apply the rules to each group of: host, paths, tags, joined by commas.",
        )
    },
    check(
        "read-data-subset",
        Kind::Part,
        "How much a check reads: a percentage or a size, what was verified longest ago first. \
         N/OF is the same part each time.",
    ),
    check("max-age", Kind::Span, "All data is to be read again after so long."),
    check("max-duration", Kind::Duration, "Read for no longer than this at a time."),
    Key {
        about: "A change is in the repository after so long: the length of a segment of the log.",
        ..protect("every", Kind::Duration, "5s")
    },
    Key {
        about: "The change log is kept for so long, and back to the snapshot before that.",
        ..protect("keep-log", Kind::Span, "14d")
    },
];
