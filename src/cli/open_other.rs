//! The repository that is copied to: flags and environment of its own, and its own key.

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::init::{check_place, make_at};
use super::open::{Located, exists, surroundings};
use crate::repo::{self, Credential, InitOptions, RepoError, Repository};
use crate::settings::{
    Address, CredentialFlags, CredentialSource, Environment, RepositoryChoice, password_credential,
};
use crate::storage::{LocalStorage, Storage, StorageError};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// `--to` and the like.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "The repository that is copied to")]
pub struct OtherFlags {
    /// Where it is [or: SNAP_TO_REPOSITORY, SNAP_TO_REPOSITORY_FILE]
    #[arg(long, value_name = "PATH")]
    to: Option<OsString>,
    /// Read its password from a file [or: SNAP_TO_PASSWORD_FILE]
    #[arg(long, value_name = "FILE", group = "to_credential")]
    to_password_file: Option<PathBuf>,
    /// Run a shell command that prints its password [or: SNAP_TO_PASSWORD_COMMAND]
    #[arg(long, value_name = "COMMAND", group = "to_credential")]
    to_password_command: Option<OsString>,
    /// Open it with a key file [or: SNAP_TO_KEY_FILE]
    #[arg(long, value_name = "FILE", group = "to_credential")]
    to_key_file: Option<PathBuf>,
}

/// Where the other repository is, and what opens it.
pub struct Other {
    located: Located,
    credential: CredentialSource,
}

impl OtherFlags {
    pub fn locate(&self, context: &Context) -> Result<Other, Failure> {
        let environment: Environment = context.environment.of_target();
        let (flag, places) = (self.to.as_deref(), context.places()?);
        let path = match RepositoryChoice::find(flag, &environment, None, &places)? {
            RepositoryChoice::Named(Address::Local(path)) => path,
            _ => {
                return Err(Failure::usage("nothing says where to copy to")
                    .hint("name the other repository: --to PATH, or SNAP_TO_REPOSITORY"));
            }
        };
        let flags = CredentialFlags {
            password_file: self.to_password_file.clone(),
            password_command: self.to_password_command.clone(),
            key_file: self.to_key_file.clone(),
        };
        let credential = CredentialSource::find(&flags, &environment, None, None);
        Ok(Other { located: Located { path, default_key: None }, credential })
    }
}

impl Other {
    pub fn exists(&self) -> Result<bool, Failure> {
        exists(&self.located)
    }

    pub fn open(&self, context: &Context) -> Result<Arc<Repository>, Failure> {
        self.try_open(context).map_err(|error| error.unwrap_or_else(explain))
    }

    fn try_open(&self, context: &Context) -> Result<Arc<Repository>, Problem> {
        let local = LocalStorage::open(&self.located.path).map_err(RepoError::from)?;
        let storage: Arc<dyn Storage> = Arc::new(local.stopped_by(context.stop.flag()));
        // Nobody is asked for the password of what is not there.
        repo::read_marker(storage.as_ref())?;
        let credential = match self.credential.read().map_err(Failure::from)? {
            Some(credential) => credential,
            None => self.ask(context)?,
        };
        Ok(Arc::new(repo::open(storage, &credential, None, surroundings(context)?)?))
    }

    fn ask(&self, context: &Context) -> Result<Credential, Failure> {
        if !ask::is_possible() {
            let message = format!("no password or key was given for {}", self.path());
            return Err(Failure::new(Code::WrongKey, message).hint(
                "set SNAP_TO_PASSWORD_FILE, SNAP_TO_PASSWORD_COMMAND, SNAP_TO_KEY_FILE or \
                 SNAP_TO_PASSWORD, or use the flags of the same names; at a terminal snap asks",
            ));
        }
        let prompt = format!("password of {}", self.path());
        Ok(password_credential(ask::password(&prompt, &context.stop)?))
    }

    fn path(&self) -> std::path::Display<'_> {
        self.located.path.display()
    }

    /// Makes it, with the settings and the chunk key of `like`, and says so.
    pub fn make(&self, context: &Context, like: &Repository) -> Result<Arc<Repository>, Failure> {
        like.settings_are_known()?;
        check_place(&self.located)?;
        if matches!(self.credential, CredentialSource::Ask) && !ask::is_possible() {
            // The reason is the same as for opening it.
            self.ask(context)?;
        }
        let options = InitOptions { config: like.config().clone(), label: String::new() };
        let source = self.credential.clone();
        make_at(context, &self.located.path, source, |storage, credential| {
            let surroundings = surroundings(context)?;
            Ok(repo::init_like(storage, credential, options, like, surroundings)?)
        })
    }
}

/// Why it was not opened: as it is to be told, or as the repository says it.
enum Problem {
    Told(Failure),
    Repository(RepoError),
}

impl Problem {
    fn unwrap_or_else(self, explain: impl FnOnce(RepoError) -> Failure) -> Failure {
        match self {
            Self::Told(failure) => failure,
            Self::Repository(error) => explain(error),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Told(failure)
    }
}

impl From<RepoError> for Problem {
    fn from(error: RepoError) -> Self {
        Self::Repository(error)
    }
}

/// Hints about the flags of this repository, not of the one that is copied from.
fn explain(error: RepoError) -> Failure {
    match error {
        RepoError::NoRepository { .. } | RepoError::Storage(StorageError::NoPlace { .. }) => {
            Failure::new(Code::NoRepository, &error)
                .hint("check --to; with --init the repository is made there")
        }
        RepoError::WrongKey { tried } => {
            Failure::new(Code::WrongKey, "wrong password or key for the repository to copy to")
                .because(format!("it opens none of the key slots ({tried} tried)"))
                .hint("check SNAP_TO_PASSWORD, --to-password-file, --to-key-file and the like")
        }
        other => other.into(),
    }
}
