//! Options that every command has.

use crate::settings::CredentialFlags;
use std::ffi::OsString;
use std::path::PathBuf;

const HEADING: &str = "Options of every command";

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = HEADING)]
pub struct GlobalOptions {
    /// Where the repository is [or: SNAP_REPOSITORY, SNAP_REPOSITORY_FILE]
    #[arg(short, long, alias = "repo", global = true, value_name = "PATH")]
    pub repository: Option<OsString>,

    /// Take settings from this profile of snap.toml (may be repeated) [or: SNAP_PROFILE]
    #[arg(short = 'P', long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub profile: Vec<String>,

    /// Read profiles from this file [or: SNAP_CONFIG] [default: ~/.config/snap/snap.toml]
    #[arg(hide_short_help = true, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Read the password from a file [or: SNAP_PASSWORD_FILE]
    #[arg(long, global = true, value_name = "FILE", group = "credential")]
    pub password_file: Option<PathBuf>,

    /// Run a shell command that prints the password [or: SNAP_PASSWORD_COMMAND]
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "COMMAND",
        group = "credential"
    )]
    pub password_command: Option<OsString>,

    /// Open the repository with a key file [or: SNAP_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE", group = "credential")]
    pub key_file: Option<PathBuf>,

    /// Try only the key slot whose id begins like this
    #[arg(hide_short_help = true, long, global = true, value_name = "ID")]
    pub key_hint: Option<String>,

    /// Keep local copies there [or: SNAP_CACHE_DIR] [default: ~/.cache/snap]
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "DIR",
        conflicts_with = "no_cache"
    )]
    pub cache_dir: Option<PathBuf>,

    /// Keep no local copies: slower, and every backup reads all files
    #[arg(hide_short_help = true, long, global = true)]
    pub no_cache: bool,

    /// Work on so many things at once [default: one a processor]
    #[arg(hide_short_help = true, short, long, global = true, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// Print JSON, one object a line, for programs
    #[arg(long, global = true)]
    pub json: bool,

    /// Print warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more (-vv: still more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl GlobalOptions {
    pub fn credential_flags(&self) -> CredentialFlags {
        CredentialFlags {
            password_file: self.password_file.clone(),
            password_command: self.password_command.clone(),
            key_file: self.key_file.clone(),
        }
    }

    /// How many threads work.
    pub fn workers(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(processors, usize::from)
    }
}
