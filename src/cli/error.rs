//! The one place that turns errors into a message, a cause, a hint what to do next, and an exit
//! code.

use super::code::Code;
use crate::files::RuleError;
use crate::format::MARKER_NAME;
use crate::model::SourceError;
use crate::ops::{
    BackupError, ConfigureError, CopyError, ForgetError, KeyError, RestoreError, StreamError,
};
use crate::policy::{PolicyError, SizeError, TimeError};
use crate::repo::{MOST_SLOTS, RepoError};
use crate::settings::{SettingsError, without_passwords};
use crate::storage::StorageError;
use std::io;

/// Why a command ended, as the user is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: Code,
    /// Empty: nobody listens any more.
    message: String,
    cause: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// An address in it is shown without its password.
    pub fn new(code: Code, message: impl ToString) -> Self {
        let message = without_passwords(&message.to_string());
        Self { code, message, cause: None, hint: None }
    }

    /// Something is wrong with what was typed.
    pub fn usage(message: impl ToString) -> Self {
        Self::new(Code::Usage, message)
    }

    /// The user asked to stop.
    pub fn stopped() -> Self {
        Self::new(Code::Interrupted, "stopped")
    }

    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(without_passwords(&cause.to_string()));
        self
    }

    pub fn hint(mut self, hint: impl ToString) -> Self {
        self.hint = Some(without_passwords(&hint.to_string()));
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }

    /// `None` if there is nobody to tell.
    pub fn message(&self) -> Option<&str> {
        (!self.message.is_empty()).then_some(self.message.as_str())
    }

    pub fn cause_text(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<io::Error> for Failure {
    /// An error of the standard streams. Whoever closes a pipe has seen enough (`snap ls | head`).
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Code::Done, ""),
            _ => Self::new(Code::Failed, "cannot write the output").because(error),
        }
    }
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        let failure = |code| Self::new(code, &error);
        match error {
            RepoError::NoRepository { .. } => failure(Code::NoRepository).hint(
                "check the path given with -r or SNAP_REPOSITORY; `snap init` makes a repository",
            ),
            RepoError::ExistsAlready { .. } => {
                failure(Code::Failed).hint("use it as it is, or name an empty folder")
            }
            RepoError::WrongKey { tried } if tried >= MOST_SLOTS => {
                Self::new(Code::WrongKey, "wrong password or key, or too many key slots")
                    .because(format!("it opens none of the first {tried} key slots"))
                    .hint("if there are more, name yours with --key-hint and its whole id")
            }
            RepoError::WrongKey { tried } => Self::new(Code::WrongKey, "wrong password or key")
                .because(format!("it opens none of the key slots ({tried} tried)"))
                .hint(
                    "check SNAP_PASSWORD, --password-file, --key-file and the like: they must \
                     hold what was given at `snap init`",
                ),
            RepoError::NoKeyAmongMany { .. } => failure(Code::WrongKey).hint(
                "name yours with --key-hint and its whole id, or take away from keys/ what is \
                 none; a machine that has used the repository finds its own at once",
            ),
            RepoError::NoKeySlot { .. } => failure(Code::WrongKey)
                .hint("without one nothing can be opened: bring back the folder keys/ of it"),
            RepoError::TooNew { .. } => {
                failure(Code::TooNew).hint("use the newer snap that wrote it, nothing was changed")
            }
            RepoError::Stopped => {
                Self::stopped().hint("what was done is kept: the next run goes on from there")
            }
            RepoError::UnsoundStore { .. } => failure(Code::Failed).hint(
                "run it while no backup runs, anywhere, and say so with `snap prune --alone`",
            ),
            RepoError::Forgotten(_) => {
                failure(Code::Nothing).hint("`snap snapshots` shows those that are there")
            }
            RepoError::Storage(error) => error.into(),
            RepoError::Local { ref what, ref cause } => {
                Self::new(Code::Failed, format!("cannot use {what}")).because(cause)
            }
            RepoError::Damaged { ref name, .. } if name == MARKER_NAME => failure(Code::Damage)
                .hint(
                    "bring back this one small file, from any copy of the repository however old: \
                     it never changes; all the rest is where it was",
                ),
            _ if error.is_damage() => failure(Code::Damage).hint(
                "`snap check --read-data` shows all that is damaged; `snap repair index` makes \
                 the index again from the packs; the next backup stores again what it still finds",
            ),
            _ => failure(Code::Failed),
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let failure = |code| Self::new(code, &error);
        match &error {
            StorageError::NoPlace { .. } => failure(Code::NoRepository).hint(
                "is the disk mounted? `snap init` makes a repository where there is none yet",
            ),
            StorageError::Absent { .. } | StorageError::TooShort { .. } => {
                failure(Code::Damage).hint("`snap check` shows what is missing")
            }
            StorageError::TooLarge { .. } => {
                failure(Code::Damage).hint("snap never writes such an object")
            }
            StorageError::TooMany { .. } => failure(Code::Failed).hint(
                "snap never puts so many there: look who else writes to it, and take away what is \
                 not the repository's",
            ),
            StorageError::Full { .. } => failure(Code::Failed).hint(
                "free some space there; `snap prune` works on a full disk too, it has a reserve",
            ),
            StorageError::Denied { .. } => {
                failure(Code::Failed).hint("run snap as the user that the repository belongs to")
            }
            StorageError::Unavailable { what, why } => {
                Self::new(Code::Failed, format!("cannot reach {what}"))
                    .because(why)
                    .hint("try again later: what was stored is kept and used by the next run")
            }
            StorageError::Failed { what, why } => {
                Self::new(Code::Failed, format!("cannot use {what}")).because(why)
            }
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Repo(error) => error.into(),
            BackupError::Source(error) => error.into(),
            BackupError::Mongo(error) => error.into(),
            BackupError::Rules(error) => error.into(),
            BackupError::Stream(error) => error.into(),
        }
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        let failure = Self::new(Code::Failed, &error);
        match error {
            StreamError::NotStarted { command, cause } => {
                Self::new(Code::Failed, format!("cannot start {command}"))
                    .because(cause)
                    .hint("no shell is involved: `--command -- sh -c '…'` runs one")
            }
            StreamError::Failed { .. } => {
                failure.hint("no snapshot was made; run the command by itself to see what is wrong")
            }
            StreamError::Empty => failure.hint(
                "no snapshot was made: most likely what should have written to it failed; with \
                 --command snap sees that",
            ),
            StreamError::Unreadable { what, cause } => {
                Self::new(Code::Failed, format!("cannot read {what}"))
                    .because(cause)
                    .hint("no snapshot was made")
            }
            StreamError::Spent => failure.hint("run it again; what was stored is used then"),
        }
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Repo(error) => error.into(),
            RestoreError::Target(cause) => {
                Self::new(Code::Failed, "the target folder cannot be used").because(cause)
            }
            RestoreError::Unsaved(things) => Self::new(
                Code::Failed,
                match things {
                    1 => "what is about to be replaced cannot be read whole".to_owned(),
                    _ => error.to_string(),
                },
            )
            .hint(
                "nothing was changed: they are named above; leave them out with --exclude, or \
                 restore into a folder with --target",
            ),
        }
    }
}

impl From<ForgetError> for Failure {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Repo(error) => error.into(),
            ForgetError::Policy(error) => error.into(),
        }
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        let (CopyError::Source(side) | CopyError::Target(side)) = error;
        side.into()
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let failure = Self::new(Code::Failed, &error);
        match error {
            KeyError::Repo(error) => error.into(),
            KeyError::Full => failure.hint("`snap key remove` takes one away"),
            KeyError::Only(_) => failure.hint("`snap key add` makes another one first"),
            KeyError::InUse(_) => failure.hint(
                "--yes removes it all the same; make sure that you have what opens another one",
            ),
            KeyError::CurrentGone => failure.hint("open it with another password or key file"),
            KeyError::OldStays { .. } => {
                failure.hint("open it with the new key and `snap key remove` the old one")
            }
        }
    }
}

impl From<ConfigureError> for Failure {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Repo(error) => error.into(),
            ConfigureError::PackSize { .. } | ConfigureError::Level { .. } => Self::usage(error),
            ConfigureError::Contended { .. } => {
                Self::new(Code::Failed, error).hint("nothing was changed: try again")
            }
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Io { what, cause } => {
                Self::new(Code::Failed, format!("cannot read {what}")).because(cause)
            }
            SourceError::Other(message) => Self::new(Code::Failed, message),
        }
        .hint("nothing was saved: check the paths, and that you may read them")
    }
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        Self::usage(error)
    }
}

impl From<TimeError> for Failure {
    fn from(error: TimeError) -> Self {
        Self::usage(error)
    }
}

impl From<SizeError> for Failure {
    fn from(error: SizeError) -> Self {
        Self::usage(error)
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        Self::usage(error)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let failure = |code| Self::new(code, &error);
        match &error {
            SettingsError::NoRepositoryNamed => failure(Code::NoRepository).hint(
                "name it with -r PATH, SNAP_REPOSITORY or in a profile (`snap config init`); `snap \
                 backup --init PATH…` makes one in your home directory",
            ),
            SettingsError::RemoteAddress { .. } | SettingsError::EmptyAddress => {
                failure(Code::Usage).hint("name a folder, such as /mnt/backup/snap")
            }
            SettingsError::Unreadable { cause, .. } => {
                failure(Code::WrongKey).because(cause).hint("check the path and who may read it")
            }
            SettingsError::EmptyFile { .. } => failure(Code::WrongKey),
            SettingsError::NotAKeyFile { .. } => failure(Code::WrongKey).hint(
                "a key file is made by `snap init --key-file FILE`, and opens that repository",
            ),
            SettingsError::NoKeyFile { .. } => failure(Code::WrongKey)
                .hint("check the path; is the disk that the key is on mounted?"),
            SettingsError::KeyFileExists { .. } => {
                failure(Code::Failed).hint("name another path, or use it with --key-file")
            }
            SettingsError::KeyFileUnwritable { cause, .. } => failure(Code::Failed).because(cause),
            SettingsError::CommandNotStarted { cause } => failure(Code::WrongKey).because(cause),
            SettingsError::CommandFailed { .. } | SettingsError::CommandSilent { .. } => {
                failure(Code::WrongKey).hint("run it by itself to see what is wrong")
            }
            SettingsError::ConfigUnreadable { cause, .. } => {
                failure(Code::Usage).because(cause).hint("check the path and who may read it")
            }
            SettingsError::Config { faults } => {
                let hint = faults.first().and_then(|fault| fault.hint.clone());
                let more = faults.len().saturating_sub(1);
                let all = format!("`snap config check` shows {more} more");
                let hint = match more {
                    0 => hint,
                    _ => Some(hint.map_or(all.clone(), |hint| format!("{hint} ({all})"))),
                };
                let failure = failure(Code::Usage);
                hint.map_or(failure.clone(), |hint| failure.hint(hint))
            }
            SettingsError::NoProfile { nearest, names, .. } => {
                failure(Code::Usage).hint(match nearest {
                    Some(nearest) => format!("did you mean {nearest:?}?"),
                    None if names.is_empty() => "it has no profiles at all".to_owned(),
                    None => format!("there are: {}", names.join(", ")),
                })
            }
            SettingsError::NoConfig { usual, .. } => failure(Code::Usage).hint(format!(
                "`snap config init` writes {}; --config FILE and SNAP_CONFIG name another",
                usual.display()
            )),
            SettingsError::ConfigExists { .. } => failure(Code::Failed)
                .hint("edit it; `snap config init --stdout` prints a fresh one"),
            SettingsError::ConfigUnwritable { cause, .. } => failure(Code::Failed).because(cause),
            SettingsError::NoHome => failure(Code::Failed).hint("set HOME"),
            SettingsError::UnknownRule { .. } => failure(Code::TooNew)
                .hint("it was stored by a newer snap; give the --keep-… flags yourself"),
            SettingsError::Policy(_) => failure(Code::Usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_promised_codes() {
        let address = || "/srv/repository".to_string();
        let cases: [(Failure, Code); 8] = [
            (RepoError::NoRepository { address: address() }.into(), Code::NoRepository),
            (StorageError::NoPlace { address: address() }.into(), Code::NoRepository),
            (RepoError::WrongKey { tried: 1 }.into(), Code::WrongKey),
            (RepoError::TooNew { found: 9 }.into(), Code::TooNew),
            (RepoError::Stopped.into(), Code::Interrupted),
            (
                RepoError::Damaged { name: "index/x".into(), why: "it is short".into() }.into(),
                Code::Damage,
            ),
            (StorageError::Full { address: address() }.into(), Code::Failed),
            (TimeError::LatestIsNoTime.into(), Code::Usage),
        ];
        for (failure, code) in cases {
            assert_eq!(failure.code(), code, "{failure:?}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.code(), failure.message()), (Code::Done, None));
    }
}
