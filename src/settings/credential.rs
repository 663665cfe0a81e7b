//! What opens a repository, and where it comes from. Never the command line itself: everybody on
//! a machine can read that.

use super::key_file::read_key_file;
use super::order::first_of;
use super::repository::read_small;
use super::{Environment, SettingsError};
use crate::codec::PasswordParameters;
use crate::repo::Credential;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// The flags about credentials; at most one is set.
#[derive(Debug, Clone, Default)]
pub struct CredentialFlags {
    pub password_file: Option<PathBuf>,
    pub password_command: Option<OsString>,
    pub key_file: Option<PathBuf>,
}

/// Where a password or key is found.
#[derive(Clone)]
pub enum CredentialSource {
    KeyFile(PathBuf),
    Password(Zeroizing<Vec<u8>>),
    PasswordFile(PathBuf),
    PasswordCommand(OsString),
    /// Nothing says it: the user has to be asked.
    Ask,
}

impl CredentialSource {
    /// A flag, then `SNAP_KEY_FILE`, `SNAP_PASSWORD`, `SNAP_PASSWORD_FILE`,
    /// `SNAP_PASSWORD_COMMAND` (the first that is set), then what the profile says, then
    /// `default_key`.
    pub fn find(
        flags: &CredentialFlags,
        environment: &Environment,
        profile: Option<Self>,
        default_key: Option<PathBuf>,
    ) -> Self {
        let flag = from(&flags.key_file, None, &flags.password_file, &flags.password_command);
        let in_environment = || {
            let command = environment.get("SNAP_PASSWORD_COMMAND").map(OsString::from);
            from(
                &environment.path("SNAP_KEY_FILE"),
                environment.password(),
                &environment.path("SNAP_PASSWORD_FILE"),
                &command,
            )
        };
        let default = || default_key.map(Self::KeyFile);
        first_of(flag, in_environment, || profile, default).unwrap_or(Self::Ask)
    }

    /// Reads it; `None` if the user has to be asked.
    pub fn read(&self) -> Result<Option<Credential>, SettingsError> {
        Ok(Some(match self {
            Self::KeyFile(path) => Credential::KeyFile(read_key_file(path)?),
            Self::Password(password) => password_credential(password.clone()),
            Self::PasswordFile(path) => match without_line_end(read_small(path)?) {
                password if password.is_empty() => {
                    let path = path.clone();
                    return Err(SettingsError::EmptyFile { path, what: "password" });
                }
                password => password_credential(password),
            },
            Self::PasswordCommand(command) => password_credential(run(command)?),
            Self::Ask => return Ok(None),
        }))
    }
}

fn from(
    key_file: &Option<PathBuf>,
    password: Option<&Zeroizing<Vec<u8>>>,
    password_file: &Option<PathBuf>,
    password_command: &Option<OsString>,
) -> Option<CredentialSource> {
    let key_file = key_file.clone().map(CredentialSource::KeyFile);
    key_file
        .or_else(|| password.cloned().map(CredentialSource::Password))
        .or_else(|| password_file.clone().map(CredentialSource::PasswordFile))
        .or_else(|| password_command.clone().map(CredentialSource::PasswordCommand))
}

/// A password as a credential; a new key slot gets the standard costs.
pub fn password_credential(password: Zeroizing<Vec<u8>>) -> Credential {
    Credential::Password { password, parameters: PasswordParameters::STANDARD }
}

/// Runs the command with `/bin/sh`; what it prints is the password.
fn run(command: &OsString) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stderr(Stdio::inherit())
        .stdin(Stdio::inherit())
        .output()
        .map_err(|cause| SettingsError::CommandNotStarted { cause })?;
    let password = without_line_end(Zeroizing::new(output.stdout));
    let command = command.to_string_lossy().into_owned();
    match output.status.success() {
        false => Err(SettingsError::CommandFailed { command, status: output.status.to_string() }),
        true if password.is_empty() => Err(SettingsError::CommandSilent { command }),
        true => Ok(password),
    }
}

fn without_line_end(mut text: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    for end in *b"\n\r" {
        if text.last() == Some(&end) {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(source: &CredentialSource) -> Vec<u8> {
        match source.read().unwrap().unwrap() {
            Credential::Password { password, .. } => password.to_vec(),
            Credential::KeyFile(_) => b"(key file)".to_vec(),
        }
    }

    fn find(flags: &CredentialFlags, pairs: &[(&str, &str)]) -> CredentialSource {
        let pairs = pairs.iter().map(|(name, value)| (name.into(), value.into()));
        CredentialSource::find(flags, &Environment::new(pairs), None, None)
    }

    #[test]
    fn a_flag_beats_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "from file\r\n").unwrap();
        let pairs = [("SNAP_PASSWORD", "from environment"), ("SNAP_PASSWORD_COMMAND", "echo x")];
        let flags = CredentialFlags { password_file: Some(file), ..CredentialFlags::default() };
        assert_eq!(password(&find(&flags, &pairs)), b"from file");
        let none = CredentialFlags::default();
        assert_eq!(password(&find(&none, &pairs)), b"from environment");
        assert_eq!(password(&find(&none, &pairs[1..])), b"x");
        assert!(matches!(find(&none, &[]), CredentialSource::Ask));
        assert!(find(&none, &[]).read().unwrap().is_none());
    }

    #[test]
    fn a_profile_comes_between_the_environment_and_the_default() {
        let key = |path: &str| Some(PathBuf::from(path));
        let find = |pairs: &[(&str, &str)], profile: Option<&str>| {
            let pairs = pairs.iter().map(|(name, value)| (name.into(), value.into()));
            let (flags, environment) = (CredentialFlags::default(), Environment::new(pairs));
            let profile = profile.map(|path| CredentialSource::KeyFile(path.into()));
            match CredentialSource::find(&flags, &environment, profile, key("default")) {
                CredentialSource::KeyFile(path) => Some(path),
                _ => None,
            }
        };
        assert_eq!(find(&[("SNAP_KEY_FILE", "environment")], Some("profile")), key("environment"));
        assert_eq!(find(&[("SNAP_PASSWORD", "secret")], Some("profile")), None);
        assert_eq!(find(&[], Some("profile")), key("profile"));
        assert_eq!(find(&[], None), key("default"));
    }

    #[test]
    fn a_password_keeps_its_spaces() {
        let command = CredentialSource::PasswordCommand("printf ' a b \\n\\n'".into());
        assert_eq!(password(&command), b" a b \n");
    }

    #[test]
    fn a_command_that_fails_or_is_silent_is_an_error() {
        let read = |command: &str| CredentialSource::PasswordCommand(command.into()).read();
        let error = read("echo x; exit 3").err().unwrap().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(matches!(read("true"), Err(SettingsError::CommandSilent { .. })));
    }
}
