//! The command line as a whole.

use super::global::GlobalOptions;
use super::{
    backup, browse, cat, check, completions, config, copy, diff, dump, find, forget, help, import,
    init, key, log, ls, man, mount, protect, prune, repair, restore, rollback, snapshots, stats,
    tag,
};
use clap::{Args, CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// Encrypted, deduplicated snapshots of files.
#[derive(clap::Parser)]
#[command(
    name = "snap",
    version,
    after_help = help::after_help(),
    disable_help_subcommand = true,
    max_term_width = 80,
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

/// What stands in the help of a command instead of the options that every command has.
const POINTER: &str = "Options of every command: `snap help options`";

impl Cli {
    /// The command line as it is parsed and as its help is shown.
    pub fn parser() -> clap::Command {
        Self::command().mut_subcommands(point_to_options)
    }

    pub fn read(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let mut parser = Self::parser();
        let matches = parser.try_get_matches_from_mut(words)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut parser))
    }
}

/// Hides the options of every command, which clap shows in the help of each.
fn point_to_options(command: clap::Command) -> clap::Command {
    let after = match command.get_after_help() {
        Some(after) => format!("{POINTER}\n\n{after}"),
        None => POINTER.to_owned(),
    };
    let global = GlobalOptions::augment_args(clap::Command::new(""));
    let hidden: Vec<_> = global.get_arguments().map(|option| option.clone().hide(true)).collect();
    command.mut_subcommands(point_to_options).after_help(after).args(hidden)
}

#[derive(clap::Subcommand)]
pub enum Command {
    Init(init::Arguments),
    Backup(backup::Arguments),
    Protect(protect::Arguments),
    Restore(restore::Arguments),
    Rollback(rollback::Arguments),
    Import(import::Arguments),
    Snapshots(snapshots::Arguments),
    Ls(ls::Arguments),
    Find(find::Arguments),
    Log(log::Arguments),
    Diff(diff::Arguments),
    Dump(dump::Arguments),
    Cat(cat::Arguments),
    Mount(mount::Arguments),
    Browse(browse::Arguments),
    Check(check::Arguments),
    Repair(repair::Arguments),
    Forget(forget::Arguments),
    Prune(prune::Arguments),
    Stats(stats::Arguments),
    Config(config::Arguments),
    Tag(tag::Arguments),
    Copy(copy::Arguments),
    Key(key::Arguments),
    /// Print the version of snap and of the repositories that it writes.
    Version,
    Completions(completions::Arguments),
    Man(man::Arguments),
    Help(help::Arguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind::ArgumentConflict;

    /// Every command, those below others too.
    fn commands() -> Vec<clap::Command> {
        let mut command = Cli::parser();
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
        Cli::parser().debug_assert();
    }

    #[test]
    fn every_option_is_explained() {
        for command in commands() {
            let name = command.get_name().to_owned();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {argument}");
            }
        }
    }

    #[test]
    fn help_is_narrow() {
        for mut command in commands() {
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                let wide = help.lines().find(|line| line.chars().count() > 80);
                assert_eq!(wide, None, "{}", command.get_name());
            }
        }
    }

    #[test]
    fn what_stands_below_the_options_is_not_wrapped() {
        for command in commands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let wide = after.lines().find(|line| line.chars().count() > 78);
            assert_eq!(wide, None, "{}", command.get_name());
        }
    }

    #[test]
    fn only_snap_itself_shows_the_options_of_every_command() {
        for mut command in commands() {
            let is_root = command.get_name() == "snap";
            let help = command.render_long_help().to_string();
            assert_eq!(help.contains("--password-command"), is_root, "{}", command.get_name());
            assert_eq!(help.contains("`snap help options`"), !is_root, "{}", command.get_name());
        }
    }

    #[test]
    fn the_options_of_every_command_stand_anywhere() {
        for line in ["snap -j 3 --json ls x", "snap ls -j 3 --json x", "snap ls x --json -j 3"] {
            let global = Cli::read(line.split(' ')).map(|cli| cli.global).unwrap();
            assert_eq!((global.jobs, global.json), (Some(3), true), "{line}");
        }
        let twice = Cli::read(["snap", "ls", "--key-file", "x", "--password-file", "y"]);
        assert!(twice.is_err_and(|error| error.kind() == ArgumentConflict));
    }
}
