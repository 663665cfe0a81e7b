//! The command line as a whole.

use super::global::GlobalOptions;
use super::{backup, check, forget, init, ls, prune, repair, restore, snapshots};

const AFTER_HELP: &str = "\
Begin like this:
  snap init -r /mnt/backup/snap          make a repository; asks for a password
  export SNAP_REPOSITORY=/mnt/backup/snap
  snap backup /srv/bot                   the first takes all, later ones what changed
  snap restore latest --target /tmp/look
  snap check --read-data

`snap help COMMAND` shows more of each.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some sources could not be
read, 4 the repository is damaged, 5 nothing matches, 10 no repository, 12 wrong
password or key, 13 the repository is newer than this snap, 130 interrupted.";

/// Encrypted, deduplicated snapshots of files.
#[derive(clap::Parser)]
#[command(
    name = "snap",
    version,
    after_help = AFTER_HELP,
    max_term_width = 90,
    subcommand_required = true,
    arg_required_else_help = true,
    infer_subcommands = false,
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: GlobalOptions,
}

#[derive(clap::Subcommand)]
pub enum Command {
    Init(init::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Snapshots(snapshots::Arguments),
    Ls(ls::Arguments),
    Check(check::Arguments),
    Repair(repair::Arguments),
    Forget(forget::Arguments),
    Prune(prune::Arguments),
    /// Print the version of snap and of the repositories that it writes.
    Version,
}
