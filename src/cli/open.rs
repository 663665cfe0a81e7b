//! From flags and environment to an open repository.

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use crate::model::{OsEntropy, SystemClock};
use crate::ops::process_identity;
use crate::repo::{self, Credential, RepoError, Repository, Surroundings, Writer};
use crate::settings::config::{InForce, Origin, credential_in_force};
use crate::settings::{
    Address, CredentialSource, Profile, RepositoryChoice, SettingsError, password_credential,
    prepare_cache, this_host,
};
use crate::storage::{LocalStorage, Storage};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the repository is, and which key file opens it if nothing else is said.
pub struct Located {
    pub path: PathBuf,
    pub default_key: Option<PathBuf>,
}

/// Finds out which repository is meant; `None` if none is named and there is none in the data
/// directory.
pub fn locate(context: &Context) -> Result<Option<Located>, Failure> {
    let places = context.places()?;
    let flag = context.global.repository.as_deref();
    let profile = context.profile()?.and_then(Profile::repository);
    Ok(match RepositoryChoice::find(flag, &context.environment, profile, &places)? {
        RepositoryChoice::Named(Address::Local(path)) => Some(Located { path, default_key: None }),
        RepositoryChoice::Embedded(path) => {
            Some(Located { path, default_key: Some(places.embedded_key()) })
        }
        RepositoryChoice::Nowhere => None,
    })
}

/// Opens the repository that is meant.
pub fn open(context: &Context) -> Result<Arc<Repository>, Failure> {
    let located = locate(context)?.ok_or_else(|| no_repository_named(context))?;
    open_located(context, &located, |storage| storage)
}

/// Nothing says where the repository is.
pub fn no_repository_named(context: &Context) -> Failure {
    let failure = Failure::from(SettingsError::NoRepositoryNamed);
    match context.hint_to_name_a_profile() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Opens it with something between the repository and its storage.
pub fn open_located(
    context: &Context,
    located: &Located,
    wrap: impl FnOnce(Arc<dyn Storage>) -> Arc<dyn Storage>,
) -> Result<Arc<Repository>, Failure> {
    let local = LocalStorage::open(&located.path)?.stopped_by(context.stop.flag());
    let storage = wrap(Arc::new(local));
    // Nobody is asked for the password of what is not there.
    repo::read_marker(storage.as_ref())?;
    let credential = credential(context, located)?;
    let hint = context.global.key_hint.as_deref();
    let surroundings = surroundings(context)?;
    let repository = repo::open(storage, &credential, hint, surroundings);
    let repository = repository.map_err(|error| match error {
        RepoError::WrongKey { .. } => wrong_key(context, located, error),
        error => with_hint(error, hint),
    })?;
    let repository = Arc::new(repository);
    context.remember(&repository);
    Ok(repository)
}

/// What was tried may come from where nobody thought of.
fn wrong_key(context: &Context, located: &Located, error: RepoError) -> Failure {
    let profile = context.profile().ok().flatten();
    let flags = context.global.credential_flags();
    let known = "it must be one that was given to this repository at `snap init` or `snap key add`";
    let another = "--password-file and --key-file name another";
    let hint = match credential_in_force(&flags, &context.environment, profile) {
        Some(InForce { key, origin, .. }) => {
            let what = if key == "key-file" { "key" } else { "password" };
            match origin {
                Origin::Profile { profile, file, place } => format!(
                    "the {what} came from profile {profile} ({key}, {}:{}); {another}",
                    file.display(),
                    place.line
                ),
                Origin::Flag(name) | Origin::Environment(name) => {
                    format!("the {what} came from {name}: {known}")
                }
                Origin::Default => known.to_owned(),
            }
        }
        None => match &located.default_key {
            Some(key) => format!("the key came from {}; {another}", key.display()),
            None => "try again: the password was typed".to_owned(),
        },
    };
    Failure::from(error).hint(hint)
}

/// That there is no key slot may be the hint's fault.
fn with_hint(error: RepoError, hint: Option<&str>) -> Failure {
    match (&error, hint) {
        (RepoError::NoKeySlot { .. }, Some(hint)) => {
            let message = format!("no key slot has an id that begins with {hint}");
            Failure::new(Code::WrongKey, message).hint("try without --key-hint")
        }
        _ => error.into(),
    }
}

/// Whether there is a repository.
pub fn exists(located: &Located) -> Result<bool, Failure> {
    located.path.join(crate::format::MARKER_NAME).try_exists().map_err(|cause| {
        Failure::new(Code::Failed, format!("cannot look at {}", located.path.display()))
            .because(cause)
    })
}

fn credential(context: &Context, located: &Located) -> Result<Credential, Failure> {
    let source = credential_source(context, located.default_key.clone())?;
    match source.read()? {
        Some(credential) => Ok(credential),
        None => ask_password(context, located),
    }
}

/// Where the credential comes from.
pub fn credential_source(
    context: &Context,
    default_key: Option<PathBuf>,
) -> Result<CredentialSource, Failure> {
    let flags = context.global.credential_flags();
    let profile = context.profile()?.and_then(Profile::credential);
    Ok(CredentialSource::find(&flags, &context.environment, profile, default_key))
}

fn ask_password(context: &Context, located: &Located) -> Result<Credential, Failure> {
    require_terminal()?;
    let prompt = format!("password of {}", located.path.display());
    Ok(password_credential(ask::password(&prompt, &context.stop)?))
}

/// Asks for a password that is not yet in use, twice.
pub fn ask_new_password(context: &Context, path: &Path) -> Result<Credential, Failure> {
    require_terminal()?;
    let prompt = format!("new password for {}", path.display());
    let password = ask::password(&prompt, &context.stop)?;
    let again = ask::password("the same again", &context.stop)?;
    check_new(&password, &again)?;
    Ok(password_credential(password))
}

fn check_new(password: &Zeroizing<Vec<u8>>, again: &Zeroizing<Vec<u8>>) -> Result<(), Failure> {
    match () {
        () if password != again => {
            Err(Failure::new(Code::WrongKey, "the two passwords differ").hint("try again"))
        }
        () if password.is_empty() => Err(Failure::new(Code::WrongKey, "the password is empty")
            .hint("an empty password guards nothing; `--key-file FILE` makes and uses a key file")),
        () => Ok(()),
    }
}

fn require_terminal() -> Result<(), Failure> {
    match ask::is_possible() {
        true => Ok(()),
        false => Err(Failure::new(Code::WrongKey, "no password or key was given").hint(
            "set SNAP_PASSWORD_FILE, SNAP_PASSWORD_COMMAND, SNAP_KEY_FILE or SNAP_PASSWORD, or \
             use the flags of the same names; at a terminal snap asks",
        )),
    }
}

/// Who announces its sessions: this machine and process.
pub fn this_writer() -> Writer {
    Writer { host: this_host(None).name, process: process_identity() }
}

/// The world around a repository. Without a usable cache it works without one.
pub fn surroundings(context: &Context) -> Result<Surroundings, Failure> {
    let mut cache = context.cache()?;
    if let Some(directory) = &cache
        && let Err(error) = prepare_cache(directory)
    {
        let what = directory.display().to_string();
        let why = format!("no local copies are kept there: {error}");
        context.output.warning(&what, &why, "opening");
        cache = None;
    }
    let workers = context.global.workers();
    Ok(Surroundings { clock: Arc::new(SystemClock), entropy: Arc::new(OsEntropy), cache, workers })
}
