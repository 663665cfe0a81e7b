//! `docs/cli.md`, made from the help: `SNAP_UPDATE_DOCS=1 cargo test --lib cli::help` writes it.
//!
//! What the help has no place for lies in `docs/parts`: `head.md`, and a file named after a
//! command (`repair-index.md`) that its section ends with.

use super::markdown::{is_shown, own_arguments, prose, row, tables};
use super::topics::TOPICS;
use crate::cli::arguments::Cli;
use clap::{Command, CommandFactory};
use std::path::{Path, PathBuf};

const NOTICE: &str = "<!-- Made from the help. Change that, then run\n     \
    SNAP_UPDATE_DOCS=1 cargo test --lib cli::help -->\n";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// A part that was written by hand; nothing if there is none.
fn part(name: &str) -> String {
    let path = docs().join("parts").join(format!("{name}.md"));
    std::fs::read_to_string(path).map(|text| format!("{}\n\n", text.trim_end())).unwrap_or_default()
}

/// A command and those below it, in the order of the help, each with how deep it lies.
fn commands() -> Vec<(usize, Command)> {
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

fn full_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}

fn anchor(title: &str) -> String {
    title.replace(' ', "-")
}

fn contents(commands: &[(usize, Command)]) -> String {
    let mut text = String::from("| command | |\n|---|---|\n");
    for (_, command) in commands.iter().filter(|(depth, _)| *depth == 0) {
        let name = full_name(command);
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&row(&format!("[{name}](#{})", anchor(&name)), &about));
    }
    text.push_str("\n| topic | |\n|---|---|\n");
    for topic in TOPICS {
        text.push_str(&row(&format!("[{0}](#{0})", topic.name), topic.about));
    }
    text + "\n"
}

fn section(depth: usize, command: &mut Command) -> String {
    let name = full_name(command);
    let mut text = format!("{} {name}\n\n", "#".repeat(depth + 2));
    let usage = command.render_usage().to_string();
    for line in usage.trim_start_matches("Usage:").lines() {
        text.push_str(&format!("    {}\n", line.trim()));
    }
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!("\n{}\n\n", prose(&about)));
    let arguments = own_arguments(command);
    if !arguments.is_empty() {
        text.push_str(&tables(&arguments));
    }
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    if let Some(after) = after {
        text.push_str(&format!("{}\n\n", prose(&after.to_string())));
    }
    text + &part(&anchor(name.trim_start_matches("snap ")))
}

fn document() -> String {
    let commands = commands();
    let mut text = format!("{NOTICE}\n# The command line\n\n");
    text.push_str(&part("head"));
    text.push_str(&contents(&commands));
    text.push_str("## Options of every command\n\n");
    let root = Cli::command();
    let global = root.get_arguments().filter(|argument| argument.is_global_set());
    text.push_str(&tables(&global.filter(|argument| is_shown(argument)).collect::<Vec<_>>()));
    for (depth, mut command) in commands {
        text.push_str(&section(depth, &mut command));
    }
    for topic in TOPICS {
        text.push_str(&format!("## {}\n\n{}\n\n", topic.name, prose(topic.text)));
    }
    text.trim_end().to_owned() + "\n"
}

#[test]
fn the_document_is_the_help() {
    let path = docs().join("cli.md");
    let made = document();
    if std::env::var_os("SNAP_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let differs = made.lines().zip(written.lines()).position(|(made, written)| made != written);
    assert!(
        made == written,
        "docs/cli.md is not the help any more (line {:?}): \
         SNAP_UPDATE_DOCS=1 cargo test --lib cli::help writes it",
        differs.map(|line| line + 1)
    );
}

#[test]
fn every_part_belongs_to_a_command() {
    let names: Vec<String> = commands().iter().map(|(_, command)| full_name(command)).collect();
    for entry in std::fs::read_dir(docs().join("parts")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".md").unwrap();
        let belongs = names.iter().any(|name| anchor(name) == format!("snap-{stem}"));
        assert!(stem == "head" || belongs, "docs/parts/{name} is about no command");
    }
}
