//! The command line as a whole.

use super::global::GlobalOptions;
use super::{backup, check, forget, init, ls, prune, repair, restore, rollback, snapshots};

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
    Rollback(rollback::Arguments),
    Snapshots(snapshots::Arguments),
    Ls(ls::Arguments),
    Check(check::Arguments),
    Repair(repair::Arguments),
    Forget(forget::Arguments),
    Prune(prune::Arguments),
    /// Print the version of snap and of the repositories that it writes.
    Version,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    const DOCUMENT: &str = include_str!("../../docs/cli.md");

    /// Every command, those below others too.
    fn commands() -> Vec<clap::Command> {
        let mut command = Cli::command();
        command.build();
        let mut commands = vec![command];
        let mut next = 0;
        while let Some(command) = commands.get(next) {
            let below: Vec<_> = command.get_subcommands().cloned().collect();
            commands.extend(below.into_iter().filter(|below| below.get_name() != "help"));
            next += 1;
        }
        commands
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_is_explained_in_help_and_document() {
        for command in commands() {
            let name = command.get_name().to_owned();
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {argument}");
                let long = argument.get_long().map(|long| format!("--{long}"));
                let long = long.filter(|long| !matches!(long.as_str(), "--help" | "--version"));
                let documented = long.as_ref().is_none_or(|long| DOCUMENT.contains(long.as_str()));
                assert!(documented, "{name}: {argument} is not in docs/cli.md");
            }
        }
    }

    #[test]
    fn every_command_has_its_section() {
        for command in Cli::command().get_subcommands() {
            let title = format!("\n## snap {}\n", command.get_name());
            assert!(DOCUMENT.contains(&title), "{title} is not in docs/cli.md");
        }
    }

    #[test]
    fn help_is_narrow() {
        for mut command in commands() {
            let help = command.render_help().to_string();
            let wide = help.lines().find(|line| line.chars().count() > 90);
            assert_eq!(wide, None, "{}", command.get_name());
        }
    }
}
