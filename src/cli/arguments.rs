//! The command line as a whole.

use super::global::GlobalOptions;
use super::{backup, check, forget, help, init, ls, prune, repair, restore, snapshots};

/// Encrypted, deduplicated snapshots of files.
#[derive(clap::Parser)]
#[command(
    name = "snap",
    version,
    after_help = help::after_help(),
    disable_help_subcommand = true,
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
    Help(help::Arguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

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
            let help = command.render_help().to_string();
            let wide = help.lines().find(|line| line.chars().count() > 90);
            assert_eq!(wide, None, "{}", command.get_name());
        }
    }
}
