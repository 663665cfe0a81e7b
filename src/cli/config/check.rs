//! `snap config check`

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::open::surroundings;
use crate::cli::text::count;
use crate::files::Rules;
use crate::format::MARKER_NAME;
use crate::repo;
use crate::settings::config::{Fault, find_config};
use crate::settings::{Address, Config, CredentialSource, Profile, SettingsError, SourceAddress};
use crate::storage::{LocalStorage, Storage};
use serde::Serialize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const AFTER_HELP: &str = "\
What is wrong in the file itself is an error, with line and column. What it
names and is not there (sources, key, repository) is a warning: it may be
there tomorrow.";

/// Prove a snap.toml: is it right, is everything there that it names, does it open the repository?
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The file [default: the one in force]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Path,
    profiles: Vec<&'a str>,
    warnings: u64,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let file = file(context, arguments)?;
    let config = match Config::read(&file, context.home()) {
        Err(SettingsError::Config { faults }) if faults.len() > 1 => {
            return Err(tell(context, &file, &faults));
        }
        read => read?,
    };
    let mut proof = Proof { context, opened: Vec::new(), warnings: 0 };
    proof.file(&config.file);
    for profile in &config.profiles {
        proof.profile(profile)?;
    }
    let warnings = proof.warnings;
    let profiles: Vec<&str> = config.profiles.iter().map(|one| one.name.as_str()).collect();
    let number = count(profiles.len() as u64, "profile", "profiles");
    let (shown, names) = (config.file.display(), profiles.join(", "));
    context.output.say(match warnings {
        0 => format!("{shown} is in order: {number} ({names})"),
        _ => format!(
            "{shown} can be used: {number} ({names}), {}",
            count(warnings, "warning", "warnings")
        ),
    })?;
    context.output.object("summary", &Summary { file: &config.file, profiles, warnings })?;
    Ok(Code::Done)
}

fn file(context: &Context, arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(file) = &arguments.file {
        return Ok(file.clone());
    }
    let flag = context.global.config.as_deref();
    let places = context.places()?;
    let found = find_config(flag, &context.environment, &places);
    found.map(|(file, _)| file).ok_or_else(|| {
        let usual = places.config_file();
        Failure::new(Code::Nothing, format!("there is no {}", usual.display()))
            .hint("`snap config init` writes one")
    })
}

/// Several things are wrong.
fn tell(context: &Context, file: &Path, faults: &[Fault]) -> Failure {
    for fault in faults {
        let Fault { file, place, message, hint } = fault;
        if context.output.is_json() {
            let what = format!("{}:{}:{}", file.display(), place.line, place.column);
            let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            context.output.warning(&what, &format!("{message}{hint}"), "reading settings");
        } else {
            let failure = Failure::usage(fault);
            let hinted = hint.as_ref().map(|hint| failure.clone().hint(hint));
            context.output.failure(&hinted.unwrap_or(failure));
        }
    }
    let number = count(faults.len() as u64, "thing is", "things are");
    Failure::usage(format!("{number} wrong with {}", file.display()))
}

/// Looks at what profiles name.
struct Proof<'c> {
    context: &'c Context,
    /// Repositories that were tried, with what was to open them.
    opened: Vec<(PathBuf, String)>,
    warnings: u64,
}

impl Proof<'_> {
    fn warn(&mut self, profile: &Profile, why: impl ToString) {
        let what = format!("profile {}", profile.name);
        self.context.output.warning(&what, &why.to_string(), "checking settings");
        self.warnings += 1;
    }

    /// Whoever can write the file has commands run.
    fn file(&mut self, file: &Path) {
        let mode = std::fs::metadata(file).map(|found| found.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o002 != 0) {
            let why = "everybody can write it, and it can name commands to run: chmod o-w";
            self.context.output.warning(&file.display().to_string(), why, "checking settings");
            self.warnings += 1;
        }
    }

    fn profile(&mut self, profile: &Profile) -> Result<(), Failure> {
        for source in profile.sources() {
            match source {
                SourceAddress::Path(path) => {
                    if let Err(error) = std::fs::symlink_metadata(&path) {
                        self.warn(profile, format!("source {}: {error}", path.display()));
                    }
                }
                SourceAddress::Database(address) => {
                    self.warn(profile, format!("{address} cannot be backed up yet"));
                }
            }
        }
        if let Err(error) = Rules::new(&profile.rules()) {
            self.warn(profile, error);
        }
        if let Err(failure) = self.repository(profile) {
            let cause = failure.cause_text().map(|cause| format!(": {cause}"));
            let message = failure.message().unwrap_or_default();
            self.warn(profile, format!("{message}{}", cause.unwrap_or_default()));
        }
        Ok(())
    }

    /// Opens the repository that the profile names with what the profile says, each once.
    fn repository(&mut self, profile: &Profile) -> Result<(), Failure> {
        let credential = profile.credential();
        if let Some(CredentialSource::KeyFile(path) | CredentialSource::PasswordFile(path)) =
            &credential
            && std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
        {
            self.warn(profile, format!("everybody can read {}: chmod o-r", path.display()));
        }
        let Some(address) = profile.repository() else { return Ok(()) };
        let Address::Local(path) = Address::parse(address)?;
        let opens = (path.clone(), named(credential.as_ref()));
        if self.opened.contains(&opens) {
            return Ok(());
        }
        self.opened.push(opens);
        if !path.join(MARKER_NAME).exists() {
            let name = &profile.name;
            let why = format!(
                "there is no repository at {} yet: `snap init --profile {name}` makes it",
                path.display()
            );
            self.warn(profile, why);
            return Ok(());
        }
        let storage: Arc<dyn Storage> = Arc::new(LocalStorage::open(&path)?);
        repo::read_marker(storage.as_ref())?;
        if let Some(credential) = credential.map(|source| source.read()).transpose()?.flatten() {
            repo::open(storage, &credential, None, surroundings(self.context)?)?;
        }
        Ok(())
    }
}

/// A name for what opens a repository.
fn named(credential: Option<&CredentialSource>) -> String {
    match credential {
        Some(CredentialSource::KeyFile(path)) => format!("key {}", path.display()),
        Some(CredentialSource::PasswordFile(path)) => format!("password {}", path.display()),
        Some(CredentialSource::PasswordCommand(command)) => command.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}
