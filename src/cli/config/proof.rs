//! Whether what a snap.toml names is there, and would be enough at night.

use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::cli::open::surroundings;
use crate::cli::text::shell_word;
use crate::files::Rules;
use crate::format::MARKER_NAME;
use crate::ops::ReadData;
use crate::repo;
use crate::settings::{
    Address, CredentialSource, DatabaseAddress, Profile, RepositoryChoice, SourceAddress,
};
use crate::storage::{LocalStorage, Storage};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Looks at what profiles name.
pub struct Proof<'c> {
    context: &'c Context,
    /// Repositories that were tried, with what was to open them.
    opened: Vec<(PathBuf, String)>,
    pub warnings: u64,
    /// Those of the warnings that make a backup fail, or leave something out.
    pub failures: u64,
}

impl<'c> Proof<'c> {
    pub fn new(context: &'c Context) -> Self {
        Self { context, opened: Vec::new(), warnings: 0, failures: 0 }
    }

    fn warn(&mut self, profile: &Profile, why: impl ToString) {
        let what = format!("profile {}", profile.name);
        self.context.output.warning(&what, &why.to_string(), "checking settings");
        self.warnings += 1;
    }

    /// Warns of what makes a backup fail, or leave something out.
    fn fail(&mut self, profile: &Profile, why: impl ToString) {
        self.warn(profile, why);
        self.failures += 1;
    }

    /// Whoever can write the file has commands run.
    pub fn file(&mut self, file: &Path) {
        let mode = std::fs::metadata(file).map(|found| found.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o002 != 0) {
            let why = "everybody can write it, and it can name commands to run: chmod o-w";
            self.context.output.warning(&file.display().to_string(), why, "checking settings");
            self.warnings += 1;
        }
    }

    pub fn profile(&mut self, profile: &Profile) -> Result<(), Failure> {
        for source in profile.sources() {
            self.source(profile, &source);
        }
        for file in profile.mongodb_files() {
            self.mongodb_file(profile, &file);
        }
        if let Err(error) = Rules::new(&profile.rules()) {
            self.fail(profile, error);
        }
        self.schedule(profile);
        self.secrecy(profile);
        if let Err(failure) = self.repository(profile) {
            self.fail(profile, in_one_line(&failure));
        }
        Ok(())
    }

    fn source(&mut self, profile: &Profile, source: &SourceAddress) {
        match source {
            SourceAddress::Path(path) => {
                if let Err(error) = std::fs::symlink_metadata(path) {
                    self.fail(profile, format!("source {}: {error}", path.display()));
                }
            }
            SourceAddress::Database(address) => {
                if let Err(failure) = connect(self.context, address) {
                    self.fail(profile, in_one_line(&failure));
                }
            }
        }
    }

    fn mongodb_file(&mut self, profile: &Profile, file: &Path) {
        match DatabaseAddress::read(file) {
            Ok(address) => self.source(profile, &SourceAddress::Database(address)),
            Err(why) => self.fail(profile, format!("mongodb-file {}: {why}", file.display())),
        }
        self.private(profile, file);
    }

    /// A part that stands in a file is the same one every night.
    fn schedule(&mut self, profile: &Profile) {
        if let Some(ReadData::Part { number, of }) = profile.check_schedule().read
            && of > 1
        {
            self.warn(
                profile,
                format!(
                    "read-data-subset = \"{number}/{of}\" reads the same part each time, and \
                     never the rest: write a percentage, such as \"5%\""
                ),
            );
        }
    }

    fn secrecy(&mut self, profile: &Profile) {
        if let Some(CredentialSource::KeyFile(path) | CredentialSource::PasswordFile(path)) =
            profile.credential()
        {
            self.private(profile, &path);
        }
    }

    fn private(&mut self, profile: &Profile, path: &Path) {
        if std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
            let word = shell_word(path.as_os_str());
            let why = format!("others can read {}: chmod 600 {word}", path.display());
            self.warn(profile, why);
        }
    }

    /// Opens the repository that the profile names with what the profile says, each once.
    fn repository(&mut self, profile: &Profile) -> Result<(), Failure> {
        let Some(address) = profile.repository() else { return self.nowhere(profile) };
        let Address::Local(path) = Address::parse(address)?;
        let credential = profile.credential();
        if credential.is_none() {
            self.unattended(profile);
        }
        let opens = (path.clone(), named(credential.as_ref()));
        if self.opened.contains(&opens) {
            return Ok(());
        }
        self.opened.push(opens);
        let is_there = path.join(MARKER_NAME).exists();
        if !is_there {
            let name = &profile.name;
            let why = format!(
                "there is no repository at {} yet: `snap init --profile {name}` makes it",
                path.display()
            );
            self.warn(profile, why);
        }
        // `snap init` makes a key file that is not there.
        let is_made_later = |source: &CredentialSource| match source {
            CredentialSource::KeyFile(key) => !is_there && !key.exists(),
            _ => false,
        };
        let credential = credential.filter(|source| !is_made_later(source));
        let credential = credential.map(|source| source.read()).transpose()?.flatten();
        if !is_there {
            return Ok(());
        }
        let storage: Arc<dyn Storage> = Arc::new(LocalStorage::open(&path)?);
        repo::read_marker(storage.as_ref())?;
        if let Some(credential) = credential {
            repo::open(storage, &credential, None, surroundings(self.context)?)?;
        }
        Ok(())
    }

    /// The profile leaves it to others to say where the repository is.
    fn nowhere(&mut self, profile: &Profile) -> Result<(), Failure> {
        let Context { global, environment, .. } = self.context;
        let places = self.context.places()?;
        let flag = global.repository.as_deref();
        let choice = RepositoryChoice::find(flag, environment, None, &places)?;
        if profile.names_sources() && choice == RepositoryChoice::Nowhere {
            self.fail(profile, "nothing says where to back up to: set repository");
        }
        Ok(())
    }

    /// A profile that backs something up does so at night, when nobody types a password.
    fn unattended(&mut self, profile: &Profile) {
        if !profile.names_sources() {
            return;
        }
        let nothing = "names nothing that opens the repository";
        let flags = self.context.global.credential_flags();
        match CredentialSource::find(&flags, &self.context.environment, None, None) {
            CredentialSource::Ask => self.fail(
                profile,
                format!("{nothing}, and cron cannot be asked: set password-file or key-file"),
            ),
            _ => self.warn(
                profile,
                format!("{nothing}; what says so here, cron may not have: set password-file"),
            ),
        }
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
fn in_one_line(failure: &Failure) -> String {
    let cause = failure.cause_text().map(|cause| format!(": {cause}"));
    format!("{}{}", failure.message().unwrap_or_default(), cause.unwrap_or_default())
}
