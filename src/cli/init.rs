//! `snap init`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::keep::KeepFlags;
use super::open::{Located, ask_new_password, credential_source, exists, locate, surroundings};
use super::store::{StoreFlags, change};
use super::text::{parse_label, readable, shell_word};
use crate::codec::Secret;
use crate::format::RepositoryConfig;
use crate::model::OsEntropy;
use crate::ops::SettingsChange;
use crate::policy::Policy;
use crate::repo::{self, Credential, InitOptions, RepoError, Repository};
use crate::settings::{CredentialSource, SettingsError, make_key_file, policy_to_pairs};
use crate::storage::{LocalStorage, Storage};
use serde::Serialize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap init -r /mnt/backup/snap              asks for a password, twice
  snap init -r /mnt/backup/snap --key-file bot.key
                                             makes the key file if need be
  snap init -r repository --keep-daily 7 --keep-yearly unlimited

Without the password (or key file) nothing can be read any more, by nobody:
keep a copy of it in another place than the repository.";

/// Make a repository.
///
/// The folder is made too, and should be empty. The retention policy is stored in the
/// repository, and `snap prune` applies it: 30 daily, 12 weekly, 12 monthly and all yearly
/// snapshots, unless flags say otherwise.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Name the first key, for people
    #[arg(long, value_name = "TEXT", value_parser = parse_label)]
    label: Option<String>,
    #[command(flatten)]
    store: StoreFlags,
    #[command(flatten)]
    keep: KeepFlags,
}

#[derive(Serialize)]
struct Initialized<'a> {
    id: String,
    repository: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<&'a str>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let located = locate(context)?.ok_or_else(|| {
        let otherwise =
            "say where it shall be: `snap init -r /mnt/backup/snap`, or set SNAP_REPOSITORY";
        let hint = context.hint_to_name_a_profile().unwrap_or_else(|| otherwise.to_owned());
        Failure::from(SettingsError::NoRepositoryNamed).hint(hint)
    })?;
    make(
        context,
        &located,
        &change(&arguments.store, &arguments.keep)?,
        arguments.label.as_deref().unwrap_or_default(),
    )?;
    Ok(Code::Done)
}

/// Makes the repository, with standard settings but for these, and says so.
pub fn make(
    context: &Context,
    located: &Located,
    settings: &SettingsChange,
    label: &str,
) -> Result<Arc<Repository>, Failure> {
    let standard = RepositoryConfig::standard(policy_to_pairs(&Policy::default_stored()));
    let config = settings.applied_to(&standard)?;
    check_place(located)?;
    let source = credential_source(context, located.default_key.clone())?;
    let options = InitOptions { config, label: label.to_owned() };
    make_at(context, &located.path, source, |storage, credential| {
        Ok(repo::init(storage, credential, options, surroundings(context)?)?)
    })
}

/// Makes a repository at a place that was checked, with what `source` says for its first key, and
/// says so. A key file that was made for it goes with it if that fails.
pub fn make_at(
    context: &Context,
    path: &Path,
    source: CredentialSource,
    init: impl FnOnce(Arc<dyn Storage>, &Credential) -> Result<Repository, Failure>,
) -> Result<Arc<Repository>, Failure> {
    let storage: Arc<dyn Storage> = Arc::new(LocalStorage::create(path)?);
    let (credential, new_key) = new_credential(context, source, path)?;
    let made = init(Arc::clone(&storage), &credential);
    let repository = made.map_err(|failure| given_up(failure, path, new_key.as_deref()))?;
    storage.restore_reserve(repository.config().reserve)?;
    announce(context, &repository, new_key)?;
    Ok(Arc::new(repository))
}

/// What is said of an init that failed. Its key file goes only if it opens nothing for sure: the last
/// step may have been done although the disk reports an error.
fn given_up(failure: Failure, path: &Path, new_key: Option<&Path>) -> Failure {
    let Some(key) = new_key else { return failure };
    match path.join(crate::format::MARKER_NAME).try_exists() {
        Ok(false) => {
            let _ = std::fs::remove_file(key);
            failure
        }
        _ => failure.hint(format!(
            "the repository may be whole for all that: see what `snap check` says of it; its key\n\
             file {} stays",
            key.display()
        )),
    }
}

/// What an init that did not come to its end may have left behind, and what the root of a file
/// system has.
const NOTHING: [&str; 5] = ["keys", "config", "reserve", "snap.json", "lost+found"];

/// Refuses a folder that is in use, before anybody is asked for a password.
pub fn check_place(located: &Located) -> Result<(), Failure> {
    if exists(located)? {
        let address = std::path::absolute(&located.path).unwrap_or_else(|_| located.path.clone());
        let address = address.display().to_string();
        return Err(RepoError::ExistsAlready { address }.into());
    }
    // What cannot be listed is found out when it is opened.
    let entries = std::fs::read_dir(&located.path).into_iter().flatten().flatten();
    let is_stranger = |name: &std::ffi::OsString| {
        let is_temporary = name.to_str().is_some_and(LocalStorage::is_temporary);
        !is_temporary && NOTHING.iter().all(|own| name != own)
    };
    match entries.map(|entry| entry.file_name()).find(is_stranger) {
        None => Ok(()),
        Some(name) => {
            let message = format!("the folder {} is not empty", located.path.display());
            let cause = format!("it has {}", readable(name.as_bytes()));
            Err(Failure::new(Code::Failed, message)
                .because(cause)
                .hint("name a folder that is empty or not there yet"))
        }
    }
}

/// The credential of a new key slot of the repository at `path`. A key file that is named and
/// not there is made: the second value is its path.
pub fn new_credential(
    context: &Context,
    source: CredentialSource,
    path: &Path,
) -> Result<(Credential, Option<PathBuf>), Failure> {
    if let CredentialSource::KeyFile(file) = &source
        && !file.exists()
    {
        let key = Secret::random(&OsEntropy);
        make_key_file(file, &key, &context.now.date().to_string())?;
        return Ok((Credential::KeyFile(key), Some(file.clone())));
    }
    Ok(match source.read()? {
        Some(credential) => (credential, None),
        None => (ask_new_password(context, path)?, None),
    })
}

/// Says what was made, and how a new key file is kept.
pub fn announce(
    context: &Context,
    repository: &Repository,
    new_key: Option<PathBuf>,
) -> Result<(), Failure> {
    let address = repository.storage().address();
    let key_file = new_key.as_ref().map(|path| path.display().to_string());
    let message = Initialized {
        id: repository.id().hex(),
        repository: address.clone(),
        key_file: key_file.as_deref(),
    };
    context.output.object("initialized", &message)?;
    context.output.say(format!("made repository {} at {address}", repository.id().short()))?;
    if let Some(path) = new_key {
        let word = shell_word(path.as_os_str());
        context.output.say(format!(
            "made key file {}\n  \
             Without it the backups cannot be read, by nobody: keep a copy in another place.\n  \
             Print it:     cat {word}\n  \
             Or copy it:   cp {word} /media/usb-stick/",
            path.display()
        ))?;
    }
    Ok(())
}
