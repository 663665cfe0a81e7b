//! All commands, as help, document and manual show them.

use crate::cli::arguments::Cli;
use clap::{Command, CommandFactory};

/// A command and those below it, in the order of the help, each with how deep it lies.
pub fn commands() -> Vec<(usize, Command)> {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    let mut pending = below(0, &root);
    while let Some((depth, command)) = pending.pop() {
        pending.extend(below(depth + 1, &command));
        found.push((depth, command));
    }
    found
}

/// The last one first, as it lies on the stack.
fn below(depth: usize, command: &Command) -> Vec<(usize, Command)> {
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    // clap gives every command with others below it a `help`.
    let shown = shown.filter(|below| depth == 0 || below.get_name() != "help");
    let mut below: Vec<_> = shown.map(|below| (depth, below.clone())).collect();
    below.reverse();
    below
}

/// `snap repair index`.
pub fn full_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}
