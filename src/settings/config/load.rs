//! The file of settings: which one it is, and its profiles.

use super::document::parse;
use super::expand::Base;
use super::fault::{Fault, Place};
use super::inherit::inherit;
use super::nearest::nearest;
use super::profile::Profile;
use crate::settings::repository::read_small;
use crate::settings::{Environment, Places, SettingsError};
use std::path::{Path, PathBuf};

/// The file for everybody on the machine.
const FOR_ALL: &str = "/etc/snap/snap.toml";

/// The profile that is used when none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// A file of settings whose profiles are all in order.
#[derive(Debug, Clone)]
pub struct Config {
    pub file: PathBuf,
    /// In the order of the file.
    pub profiles: Vec<Profile>,
}

/// How the file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOrigin {
    Flag,
    Environment,
    /// It is where this user's settings are, or those of all.
    Place,
}

/// Which file counts: the flag, `SNAP_CONFIG`, this user's, then the one for all. One that is
/// named need not be there; `None` if none is named and none is there.
pub fn find_config(
    flag: Option<&Path>,
    environment: &Environment,
    places: &Places,
) -> Option<(PathBuf, ConfigOrigin)> {
    if let Some(path) = flag {
        return Some((path.to_owned(), ConfigOrigin::Flag));
    }
    if let Some(path) = environment.path("SNAP_CONFIG") {
        return Some((path, ConfigOrigin::Environment));
    }
    let usual = [places.config_file(), PathBuf::from(FOR_ALL)];
    // One that cannot be looked at is there: opening it says why.
    let found = usual.into_iter().find(|path| path.try_exists().unwrap_or(true));
    found.map(|path| (path, ConfigOrigin::Place))
}

impl Config {
    /// Reads the file and checks all of its profiles.
    pub fn read(file: &Path, home: Option<PathBuf>) -> Result<Self, SettingsError> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let content = read_small(&file).map_err(|error| match error {
            SettingsError::Unreadable { path, cause } => {
                SettingsError::ConfigUnreadable { path, cause }
            }
            other => other,
        })?;
        let faults = |faults| SettingsError::Config { faults };
        let text = std::str::from_utf8(&content).map_err(|error| {
            let before = content.get(..error.valid_up_to()).unwrap_or_default();
            let before = String::from_utf8_lossy(before);
            let place = Place::of(&(before.len()..before.len()), &before);
            faults(vec![Fault::new(&file, place, "this is not text in UTF-8")])
        })?;
        Self::parse(text, &file, home).map_err(faults)
    }

    /// Reads the text of a file; paths in it are relative to the file's folder.
    pub fn parse(text: &str, file: &Path, home: Option<PathBuf>) -> Result<Self, Vec<Fault>> {
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        let written = parse(text, file, &Base { folder, home })?;
        let all = inherit(&written, file)?;
        let named = written.into_iter().zip(all);
        let profiles: Vec<Profile> = named
            .map(|(written, settings)| Profile {
                name: written.name,
                file: file.to_owned(),
                settings,
            })
            .collect();
        let faults: Vec<Fault> = profiles.iter().filter_map(policy_fault).collect();
        if faults.is_empty() { Ok(Self { file: file.to_owned(), profiles }) } else { Err(faults) }
    }

    /// The profile of this name.
    pub fn profile(&self, name: &str) -> Result<&Profile, SettingsError> {
        let found = self.profiles.iter().find(|profile| profile.name == name);
        found.ok_or_else(|| {
            let names: Vec<String> = self.profiles.iter().map(|one| one.name.clone()).collect();
            SettingsError::NoProfile {
                name: name.to_owned(),
                file: self.file.clone(),
                nearest: nearest(name, names.iter().map(String::as_str)).map(str::to_owned),
                names,
            }
        })
    }
}

/// A policy that keeps nothing is none.
fn policy_fault(profile: &Profile) -> Option<Fault> {
    let first = profile.policy_origin()?;
    let error = match profile.policy() {
        Ok(policy) => policy?.check().err()?.to_string(),
        Err(error) => error.to_string(),
    };
    Some(Fault::new(&profile.file, first.place, format!("profile {}: {error}", profile.name)))
}

/// The names of the profiles that are meant: the flag, or `SNAP_PROFILE`, both with commas
/// between names; `None` if neither says any. No name is there twice.
pub fn named_profiles(flag: &[String], environment: &Environment) -> Option<Vec<String>> {
    let in_environment = environment.get("SNAP_PROFILE");
    let texts: Vec<String> = match (flag.is_empty(), in_environment) {
        (false, _) => flag.to_vec(),
        (true, Some(text)) => vec![text.to_string_lossy().into_owned()],
        (true, None) => return None,
    };
    let mut names: Vec<String> = Vec::new();
    for name in texts.iter().flat_map(|text| text.split(',')) {
        let name = name.trim().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}
