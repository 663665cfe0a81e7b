//! What is in force, and where each setting comes from.

use super::fault::Place;
use super::key::{KEYS, Key, Number, Section};
use super::kind::Kind;
use super::profile::Profile;
use super::value::Value;
use crate::settings::source::redacted;
use crate::settings::{CredentialFlags, Environment, Places, this_host};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A setting with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    /// The key of `snap.toml` that stands for it; `retention.keep-daily`.
    pub key: String,
    /// Secrets do not show; nothing is none.
    pub values: Vec<Value>,
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--repository`.
    Flag(&'static str),
    /// `SNAP_REPOSITORY`.
    Environment(&'static str),
    Profile {
        profile: String,
        file: PathBuf,
        place: Place,
    },
    Default,
}

/// The flags of every command that are settings, too.
#[derive(Debug, Clone, Default)]
pub struct GlobalFlags<'a> {
    pub repository: Option<&'a OsStr>,
    pub credential: CredentialFlags,
    pub cache_dir: Option<&'a Path>,
    pub no_cache: bool,
}

const CREDENTIALS: [&str; 3] = ["key-file", "password-file", "password-command"];

/// Everything that is in force for commands with these flags, in the order of the keys.
pub fn in_force(
    flags: &GlobalFlags<'_>,
    environment: &Environment,
    profile: Option<&Profile>,
    places: &Places,
) -> Vec<InForce> {
    let embedded = places.embedded_repository();
    let is_embedded = embedded.join("snap.json").exists();
    let repository = repository(flags, environment)
        .or_else(|| said(profile, "repository"))
        .unwrap_or_else(|| default("repository", is_embedded.then(|| embedded.clone())));
    let key = match repository.origin == Origin::Default && is_embedded {
        true => default("key-file", Some(places.embedded_key())),
        false => text("password", "asked for", Origin::Default),
    };
    let credential = credential_in_force(&flags.credential, environment, profile).unwrap_or(key);
    let mut all = vec![repository, credential, cache(flags, environment, places)];
    all.extend(rest(profile));
    all
}

/// What opens the repository, if a flag, a variable or the profile says so.
pub fn credential_in_force(
    flags: &CredentialFlags,
    environment: &Environment,
    profile: Option<&Profile>,
) -> Option<InForce> {
    credential(flags, environment)
        .or_else(|| CREDENTIALS.into_iter().find_map(|name| said(profile, name)))
}

fn repository(flags: &GlobalFlags<'_>, environment: &Environment) -> Option<InForce> {
    let address =
        |address: &OsStr, origin| text("repository", redacted(&address.to_string_lossy()), origin);
    let file = |path: &OsStr| {
        let shown = format!("the first line of {}", path.to_string_lossy());
        text("repository", shown, Origin::Environment("SNAP_REPOSITORY_FILE"))
    };
    let variable = |name| environment.get(name);
    flags
        .repository
        .map(|given| address(given, Origin::Flag("--repository")))
        .or_else(|| {
            let origin = Origin::Environment("SNAP_REPOSITORY");
            variable("SNAP_REPOSITORY").map(|set| address(set, origin))
        })
        .or_else(|| variable("SNAP_REPOSITORY_FILE").map(file))
}

fn credential(flags: &CredentialFlags, environment: &Environment) -> Option<InForce> {
    let CredentialFlags { password_file, password_command, key_file } = flags;
    let shown = |value: &OsStr| value.to_string_lossy().into_owned();
    let flag = |key, name, value: Option<&OsStr>| {
        value.map(|value| text(key, shown(value), Origin::Flag(name)))
    };
    let variable = |key, name| {
        environment.get(name).map(|value| text(key, shown(value), Origin::Environment(name)))
    };
    let secret = || text("password", "(not shown)", Origin::Environment("SNAP_PASSWORD"));
    flag("key-file", "--key-file", key_file.as_ref().map(|path| path.as_os_str()))
        .or_else(|| {
            let path = password_file.as_ref().map(|path| path.as_os_str());
            flag("password-file", "--password-file", path)
        })
        .or_else(|| flag("password-command", "--password-command", password_command.as_deref()))
        .or_else(|| variable("key-file", "SNAP_KEY_FILE"))
        .or_else(|| environment.password().map(|_| secret()))
        .or_else(|| variable("password-file", "SNAP_PASSWORD_FILE"))
        .or_else(|| variable("password-command", "SNAP_PASSWORD_COMMAND"))
}

fn cache(flags: &GlobalFlags<'_>, environment: &Environment, places: &Places) -> InForce {
    let key = "cache-dir".to_owned();
    if flags.no_cache {
        return InForce { key, values: Vec::new(), origin: Origin::Flag("--no-cache") };
    }
    let origin = match (flags.cache_dir, environment.get("SNAP_CACHE_DIR")) {
        (Some(_), _) => Origin::Flag("--cache-dir"),
        (None, Some(_)) => Origin::Environment("SNAP_CACHE_DIR"),
        (None, None) => Origin::Default,
    };
    let path = flags.cache_dir.unwrap_or(&places.cache).to_owned();
    InForce { key, values: vec![Value::Path(path)], origin }
}

/// What only profiles say. A table without any setting is one line.
fn rest(profile: Option<&Profile>) -> Vec<InForce> {
    let mut all = Vec::new();
    for key in KEYS.iter().filter(|key| key.name != "repository") {
        let settings = profile.into_iter().flat_map(|profile| profile.said(key.section, key.name));
        let before = all.len();
        if key.number != Number::OneOfGroup {
            all.extend(settings.map(|setting| InForce {
                key: key.full_name(),
                values: setting.values.clone(),
                origin: origin(profile, setting),
            }));
            if all.len() == before && key.section == Section::Profile {
                let values = default_values(key);
                all.push(InForce { key: key.full_name(), values, origin: Origin::Default });
            }
        }
    }
    if !all.iter().any(|one| one.key.starts_with("retention.keep-")) {
        let before_checks = all
            .iter()
            .position(|one| one.key.starts_with("check.") || one.key.starts_with("protect."));
        let stored = text("retention", "as stored in the repository", Origin::Default);
        all.insert(before_checks.unwrap_or(all.len()), stored);
    }
    all
}

fn default_values(key: &Key) -> Vec<Value> {
    match (key.name, key.kind) {
        ("host", _) => vec![Value::Text(this_host(None).name)],
        (_, Kind::Switch) => vec![Value::Switch(false)],
        (_, Kind::Span) if key.default != "none" => vec![Value::Text(key.default.to_owned())],
        _ => Vec::new(),
    }
}

fn said(profile: Option<&Profile>, name: &str) -> Option<InForce> {
    let setting = profile?.said(Section::Profile, name).last()?;
    let (key, values) = (name.to_owned(), setting.values.clone());
    Some(InForce { key, values, origin: origin(profile, setting) })
}

fn origin(profile: Option<&Profile>, setting: &super::Setting) -> Origin {
    profile.map_or(Origin::Default, |whole| Origin::Profile {
        profile: setting.profile.clone(),
        file: whole.file.clone(),
        place: setting.place,
    })
}

fn text(key: &str, value: impl Into<String>, origin: Origin) -> InForce {
    InForce { key: key.to_owned(), values: vec![Value::Text(value.into())], origin }
}

fn default(key: &str, path: Option<PathBuf>) -> InForce {
    let values = path.map(Value::Path).into_iter().collect();
    InForce { key: key.to_owned(), values, origin: Origin::Default }
}
