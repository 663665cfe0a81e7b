//! `docs/from-restic.md` names only what snap has.

use crate::cli::arguments::Cli;
use clap::{Command, CommandFactory};

const DOCUMENT: &str = include_str!("../../../docs/from-restic.md");

fn root() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every spelling of snap in the document, as a whole command line: in the tables the second and
/// third column give flags of the command that the section is about.
fn spellings() -> Vec<String> {
    let mut section = "snap".to_owned();
    let mut found = Vec::new();
    for line in DOCUMENT.lines() {
        if let Some((_, command)) = line.strip_prefix("## ").and_then(|title| title.split_once('→'))
        {
            section = spans(command).next().unwrap().to_owned();
        } else if line.starts_with("## ") {
            section = "snap".to_owned();
        }
        let cells: Vec<&str> = line.strip_prefix("| ").unwrap_or(line).split(" | ").collect();
        let own = if line.starts_with('|') { &cells[1..] } else { &cells[..] };
        for span in own.iter().flat_map(|cell| spans(cell)) {
            match span.split_whitespace().next() {
                Some("snap") => found.push(span.to_owned()),
                Some(flag) if flag.starts_with('-') => found.push(format!("{section} {span}")),
                _ => {}
            }
        }
    }
    found
}

/// What is wrong with a command line, if anything: a word that is no command where one must
/// stand, or a flag that the command does not have.
fn fault(line: &str) -> Option<String> {
    let mut command = root();
    for word in line.split_whitespace().skip(1).take_while(|word| *word != "--") {
        if word.starts_with('-') {
            let flag = word.split('=').next().unwrap_or(word);
            let has = |argument: &clap::Arg| {
                argument.get_long().is_some_and(|long| flag == format!("--{long}"))
                    || argument.get_short().is_some_and(|short| flag == format!("-{short}"))
            };
            if !command.get_arguments().any(has) {
                return Some(format!("{line}: {} has no {flag}", command.get_name()));
            }
        } else if let Some(below) = command.find_subcommand(word).cloned() {
            command = below;
        } else if command.has_subcommands() {
            return Some(format!("{line}: there is no command {word}"));
        }
    }
    None
}

#[test]
fn the_table_tells_the_truth() {
    let spellings = spellings();
    assert!(spellings.len() > 100, "the tables are not read");
    let faults: Vec<String> = spellings.iter().filter_map(|line| fault(line)).collect();
    assert!(faults.is_empty(), "docs/from-restic.md: {faults:#?}");
}

#[test]
fn what_is_wrong_is_found() {
    for line in ["snap unlock", "snap backup --parent", "snap repair packs", "snap -Z ls"] {
        assert!(fault(line).is_some(), "{line}");
    }
    for line in ["snap backup -n PATH", "snap repair index", "snap --json", "snap ls -r x -l"] {
        assert_eq!(fault(line), None);
    }
}
