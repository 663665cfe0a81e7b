//! The profiles of `snap.toml` that a command works with.

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use crate::model::Host;
use crate::settings::config::{DEFAULT_PROFILE, find_config, named_profiles};
use crate::settings::{Config, Profile, SettingsError, home, this_host};
use jiff::Zoned;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The profiles that are in force; the file is read when the first is asked for.
#[derive(Default)]
pub struct Profiles {
    config: OnceLock<Result<Option<Config>, Failure>>,
    chosen: OnceLock<Result<Vec<Profile>, Failure>>,
}

/// With `--json`, before what a command does for one of several profiles.
#[derive(Serialize)]
struct ProfileMessage<'a> {
    profile: &'a str,
}

impl Context {
    /// This user's home directory.
    pub fn home(&self) -> Option<PathBuf> {
        home(&self.environment)
    }

    /// The file of settings, if there is one.
    pub fn config(&self) -> Result<Option<&Config>, Failure> {
        let read = self.chosen.config.get_or_init(|| {
            let flag = self.global.config.as_deref();
            let found = find_config(flag, &self.environment, &self.places()?);
            Ok(found.map(|(file, _)| Config::read(&file, self.home())).transpose()?)
        });
        read.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The profiles that are named, else the default one if it is there.
    pub fn profiles(&self) -> Result<&[Profile], Failure> {
        let chosen = self.chosen.chosen.get_or_init(|| self.choose_profiles());
        chosen.as_deref().map_err(Clone::clone)
    }

    fn choose_profiles(&self) -> Result<Vec<Profile>, Failure> {
        let config = self.config()?;
        match (named_profiles(&self.global.profile, &self.environment), config) {
            (Some(names), Some(config)) => {
                let chosen = names.iter().map(|name| config.profile(name).cloned());
                Ok(chosen.collect::<Result<_, _>>()?)
            }
            (Some(names), None) => {
                let name = names.into_iter().next().unwrap_or_default();
                Err(SettingsError::NoConfig { name, usual: self.places()?.config_file() }.into())
            }
            (None, Some(config)) => {
                let is_default = |profile: &&Profile| profile.name == DEFAULT_PROFILE;
                Ok(config.profiles.iter().filter(is_default).cloned().collect())
            }
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The profile in force, if any; an error if there are several, for this is asked where only
    /// one makes sense.
    pub fn profile(&self) -> Result<Option<&Profile>, Failure> {
        match self.profiles()? {
            [] => Ok(None),
            [profile] => Ok(Some(profile)),
            [first, ..] => Err(Failure::usage("several profiles were named, but this takes one")
                .hint(format!("write for example --profile {}", first.name))),
        }
    }

    /// Who snapshots are of: the profile may give the host another name.
    pub fn host(&self) -> Result<Host, Failure> {
        Ok(this_host(self.profile()?.and_then(Profile::host)))
    }

    /// What to say where a profile would have helped, and there are some, but none in force.
    pub fn hint_to_name_a_profile(&self) -> Option<String> {
        let config = self.config().ok().flatten()?;
        if config.profiles.is_empty() || !self.profiles().ok()?.is_empty() {
            return None;
        }
        let names: Vec<&str> = config.profiles.iter().map(|one| one.name.as_str()).collect();
        let names = names.join(", ");
        Some(format!("{} has profiles: {names}; name one with --profile", config.file.display()))
    }

    /// Runs a command for each of the profiles, or once if there are none. One that fails does
    /// not keep the others from their turn.
    pub fn each_profile(
        &self,
        run: impl Fn(&Self) -> Result<Code, Failure>,
    ) -> Result<Code, Failure> {
        let profiles = self.profiles()?;
        if profiles.len() < 2 {
            return run(self);
        }
        let mut ended = Code::Done;
        let mut failed: Vec<&str> = Vec::new();
        for profile in profiles {
            let name = profile.name.as_str();
            self.output.object("profile", &ProfileMessage { profile: name })?;
            self.output.say(format!("profile {name}:"))?;
            let code = match run(&self.with_profile(profile)) {
                Ok(code) => code,
                Err(failure) if failure.code() == Code::Interrupted || self.stop.is_asked() => {
                    return Err(failure);
                }
                // Nobody reads what is printed.
                Err(failure) if failure.message().is_none() => return Err(failure),
                Err(failure) => {
                    self.output.warning(&format!("profile {name}"), &in_one_line(&failure), name);
                    failed.push(name);
                    failure.code()
                }
            };
            ended = if ended == Code::Done { code } else { ended };
        }
        if failed.is_empty() {
            return Ok(ended);
        }
        let (count, all, names) = (failed.len(), profiles.len(), failed.join(", "));
        Err(Failure::new(ended, format!("{count} of {all} profiles failed: {names}")))
    }

    /// The same with one profile in force.
    fn with_profile(&self, profile: &Profile) -> Self {
        let chosen = Profiles {
            config: self.chosen.config.clone(),
            chosen: OnceLock::from(Ok(vec![profile.clone()])),
        };
        Self {
            global: self.global.clone(),
            environment: self.environment.clone(),
            output: self.output.clone(),
            stop: self.stop.clone(),
            // The backup of one begins when that of the one before has ended.
            now: Zoned::now(),
            chosen,
            runtime: OnceLock::new(),
            opened: Arc::clone(&self.opened),
        }
    }
}

fn in_one_line(failure: &Failure) -> String {
    let mut text = failure.message().unwrap_or_default().to_owned();
    text.extend(failure.cause_text().map(|cause| format!(": {cause}")));
    text.extend(failure.hint_text().map(|hint| format!(" ({hint})")));
    text
}
