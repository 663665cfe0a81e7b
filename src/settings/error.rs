//! What can be wrong with settings.

use super::config::Fault;
use crate::policy::PolicyError;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("no repository was named")]
    NoRepositoryNamed,
    /// The address itself may hold a password, so it is not repeated.
    #[error("this snap keeps repositories on local disks only so far, not at {scheme}: addresses")]
    RemoteAddress { scheme: String },
    #[error("the repository's address is empty")]
    EmptyAddress,
    #[error("cannot read {}", .path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{} holds no {what}", .path.display())]
    EmptyFile { path: PathBuf, what: &'static str },
    #[error("{} is not a key file: {why}", .path.display())]
    NotAKeyFile { path: PathBuf, why: &'static str },
    #[error("there is no key file {}", .path.display())]
    NoKeyFile { path: PathBuf },
    #[error("the key file {} is there already and is never overwritten", .path.display())]
    KeyFileExists { path: PathBuf },
    #[error("cannot write the key file {}", .path.display())]
    KeyFileUnwritable { path: PathBuf, cause: io::Error },
    #[error("the password command could not be started")]
    CommandNotStarted { cause: io::Error },
    #[error("the password command failed ({status}): {command}")]
    CommandFailed { command: String, status: String },
    #[error("the password command printed no password: {command}")]
    CommandSilent { command: String },
    #[error("neither HOME nor the user database says where this user's files belong")]
    NoHome,
    #[error("cannot read the settings {}", .path.display())]
    ConfigUnreadable { path: PathBuf, cause: io::Error },
    #[error("{}", .faults.first().map(ToString::to_string).unwrap_or_default())]
    Config { faults: Vec<Fault> },
    #[error("there is no profile {name:?} in {}", .file.display())]
    NoProfile { name: String, file: PathBuf, nearest: Option<String>, names: Vec<String> },
    #[error("profile {name:?} was named, but there is no snap.toml")]
    NoConfig { name: String, usual: PathBuf },
    #[error("the file {} is there already and is never overwritten", .path.display())]
    ConfigExists { path: PathBuf },
    #[error("cannot write {}", .path.display())]
    ConfigUnwritable { path: PathBuf, cause: io::Error },
    #[error("the retention rule {rule:?} is unknown")]
    UnknownRule { rule: String },
    #[error(transparent)]
    Policy(#[from] PolicyError),
}
