//! A profile with all that it inherits, as plain values.

use super::document::Setting;
use super::key::Section;
use super::value::Value;
use crate::files::RuleSettings;
use crate::ops::ReadData;
use crate::policy::{GroupBy, Policy, Span};
use crate::settings::{CredentialSource, SettingsError, SourceAddress, policy_from_pairs};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Profile {
    pub name: String,
    /// The file that it is in.
    pub file: PathBuf,
    /// In the order in which they take effect. Keys of which several add up are there more than
    /// once, the others once.
    pub settings: Vec<Setting>,
}

/// How a check on a schedule reads the data.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CheckSchedule {
    pub read: Option<ReadData>,
    /// All is to be read again after so long.
    pub max_age: Option<Span>,
    pub max_duration: Option<Duration>,
}

impl Profile {
    /// Everything that is said about a key of the profile itself.
    pub fn said(&self, section: Section, name: &str) -> impl Iterator<Item = &Setting> {
        let is_meant =
            move |setting: &&Setting| setting.key.section == section && setting.key.name == name;
        self.settings.iter().filter(is_meant)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.said(Section::Profile, name).flat_map(|setting| &setting.values)
    }

    fn one(&self, section: Section, name: &str) -> Option<&Value> {
        self.said(section, name).last()?.values.last()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.one(Section::Profile, name).map(Value::to_string)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).map(Value::to_string).collect()
    }

    /// The repository's address.
    pub fn repository(&self) -> Option<&OsStr> {
        match self.one(Section::Profile, "repository")? {
            Value::Address(address) => Some(address),
            _ => None,
        }
    }

    /// What opens the repository.
    pub fn credential(&self) -> Option<CredentialSource> {
        let path = |name| match self.one(Section::Profile, name)? {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        };
        let command = self.text("password-command").map(Into::into);
        path("key-file")
            .map(CredentialSource::KeyFile)
            .or_else(|| path("password-file").map(CredentialSource::PasswordFile))
            .or_else(|| command.map(CredentialSource::PasswordCommand))
    }

    /// What is backed up.
    pub fn sources(&self) -> Vec<SourceAddress> {
        let source = |value: &Value| match value {
            Value::Source(source) => Some(source.clone()),
            _ => None,
        };
        self.all("sources").filter_map(source).collect()
    }

    /// Files whose first line is the address of a database.
    pub fn mongodb_files(&self) -> Vec<PathBuf> {
        let path = |value: &Value| match value {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        };
        self.all("mongodb-file").filter_map(path).collect()
    }

    /// Whether it says what is backed up.
    pub fn names_sources(&self) -> bool {
        !self.sources().is_empty() || !self.mongodb_files().is_empty()
    }

    /// Only these collections are taken, if there are any.
    pub fn collections(&self) -> Vec<String> {
        self.texts("collections")
    }

    pub fn excluded_collections(&self) -> Vec<String> {
        self.texts("exclude-collections")
    }

    /// What is left out.
    pub fn rules(&self) -> RuleSettings {
        let path = |value: &Value| match value {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        };
        RuleSettings {
            exclude: self.texts("exclude"),
            exclude_ignoring_case: self.texts("iexclude"),
            exclude_files: self.all("exclude-file").filter_map(path).collect(),
            exclude_caches: self.switch("exclude-caches"),
            exclude_if_present: self.texts("exclude-if-present"),
            exclude_larger_than: match self.one(Section::Profile, "exclude-larger-than") {
                Some(Value::Size(bytes)) => Some(*bytes),
                _ => None,
            },
            ignore_files: !self.switch("no-snapignore"),
        }
    }

    pub fn one_file_system(&self) -> bool {
        self.switch("one-file-system")
    }

    pub fn skip_if_unchanged(&self) -> bool {
        self.switch("skip-if-unchanged")
    }

    /// After how long collections of databases are read whole again.
    pub fn full_scan_every(&self) -> Option<Span> {
        match self.one(Section::Profile, "full-scan-every")? {
            Value::Span(span) => Some(*span),
            _ => None,
        }
    }

    fn switch(&self, name: &str) -> bool {
        matches!(self.one(Section::Profile, name), Some(Value::Switch(true)))
    }

    pub fn tags(&self) -> Vec<String> {
        self.texts("tags")
    }

    /// What the snapshots say that they are of, if not of this machine.
    pub fn host(&self) -> Option<String> {
        self.text("host")
    }

    /// Which snapshots to keep; `None` if the profile has no such rule.
    pub fn policy(&self) -> Result<Option<Policy>, SettingsError> {
        let retention = self.settings.iter().filter(|set| set.key.section == Section::Retention);
        let rules = retention.filter_map(|set| Some((set.key.name.strip_prefix("keep-")?, set)));
        let pair = |rule: &str, value: &Value| (rule.to_owned(), value.to_string());
        let pairs = rules.flat_map(|(rule, set)| set.values.iter().map(move |v| pair(rule, v)));
        let policy = policy_from_pairs(&pairs.collect::<Vec<_>>())?;
        Ok((policy != Policy::default()).then_some(policy))
    }

    /// Where the first rule of retention stands.
    pub fn policy_origin(&self) -> Option<&Setting> {
        let is_rule = |setting: &&Setting| {
            setting.key.section == Section::Retention && setting.key.name.starts_with("keep-")
        };
        self.settings.iter().find(is_rule)
    }

    /// What snapshots of a group have in common when the policy is applied.
    pub fn group_by(&self) -> Option<GroupBy> {
        match self.one(Section::Retention, "group-by")? {
            Value::GroupBy(by) => Some(*by),
            _ => None,
        }
    }

    pub fn check_schedule(&self) -> CheckSchedule {
        let value = |name| self.one(Section::Check, name);
        CheckSchedule {
            read: match value("read-data-subset") {
                Some(Value::Part { read, .. }) => Some(*read),
                _ => None,
            },
            max_age: match value("max-age") {
                Some(Value::Span(span)) => Some(*span),
                _ => None,
            },
            max_duration: match value("max-duration") {
                Some(Value::Duration(duration)) => Some(*duration),
                _ => None,
            },
        }
    }

    /// After how long a change is in the repository's change log.
    pub fn protect_every(&self) -> Option<Duration> {
        match self.one(Section::Protect, "every")? {
            Value::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    /// How long the change log is kept.
    pub fn keep_log(&self) -> Option<Span> {
        match self.one(Section::Protect, "keep-log")? {
            Value::Span(span) => Some(*span),
            _ => None,
        }
    }

    /// `profile bot of /home/bot/.config/snap/snap.toml:12`, for one of its settings.
    pub fn origin_of(&self, setting: &Setting) -> String {
        origin(&setting.profile, &self.file, setting.place.line)
    }
}

fn origin(profile: &str, file: &Path, line: u32) -> String {
    format!("profile {profile} of {}:{line}", file.display())
}
