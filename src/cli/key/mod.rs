//! `snap key`

mod change;
mod list;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::text::parse_label;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  snap key list
  snap key add --label anna              asks for the new password, twice
  snap key add --new-key-file /media/stick/bot.key --label stick
  snap key passwd                        a new password in place of this one
  snap key remove 1a2b3c4d

Every key opens all of the repository. One that is removed opens it no more;
but whoever copied the repository before can still open that copy with it.";

/// Show and change what opens the repository: passwords and key files.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// List the keys, and which of them opened the repository now
    List,
    /// Make one more key: a password (asked for, twice) or a key file
    Add(NewKey),
    /// Remove a key; never the last one
    Remove {
        /// Its id, as `snap key list` shows it (the first four digits or more)
        #[arg(value_name = "ID")]
        id: String,
        /// Also if it is the one that opened the repository now
        #[arg(short, long, alias = "force")]
        yes: bool,
    },
    /// Make a new key, then remove the one that opened the repository now
    Passwd(NewKey),
}

/// What a new key is.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct NewKey {
    /// Read the new password from a file
    #[arg(long, value_name = "FILE", group = "new")]
    new_password_file: Option<PathBuf>,
    /// Use this key file; it is made if it is not there
    #[arg(long, value_name = "FILE", group = "new")]
    new_key_file: Option<PathBuf>,
    /// Name it for people; everybody who sees the repository can read that
    #[arg(long, value_name = "TEXT", value_parser = parse_label)]
    label: Option<String>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let repository = open(context)?;
    match &arguments.what {
        What::List => list::list(context, &repository),
        What::Add(new) => change::add(context, &repository, new),
        What::Remove { id, yes } => change::remove(context, &repository, id, *yes),
        What::Passwd(new) => change::passwd(context, &repository, new),
    }
}
