//! Which values of the command line are completed with what is known: decided by what they are
//! called in the help, so that a new command needs nothing.

use super::question::Question;
use crate::cli::help::names_of_help;
use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use std::ffi::OsStr;
use std::sync::Arc;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Snapshot,
    /// Of a restore in place.
    SafetySnapshot,
    /// The first is a snapshot (without --at), the others are paths.
    SnapshotThenPaths,
    Host,
    Tag,
    Profile,
    Repository,
    /// A command or topic.
    Help,
}

/// Gives the values of a command, and of those below it, what completes them.
pub fn attach(command: Command, question: &Arc<Question>) -> Command {
    // The ids of keys are not those of snapshots.
    let has_snapshots = command.get_name() != "key";
    let undoes = command.get_name() == "rollback";
    let command = command.mut_args(|argument| match meaning(&argument) {
        Some(meaning) => {
            let meaning = match meaning {
                Meaning::Snapshot if undoes => Meaning::SafetySnapshot,
                meaning => meaning,
            };
            let question = Arc::clone(question);
            argument.add(ArgValueCompleter::new(Known { meaning, question }))
        }
        None => argument,
    });
    match has_snapshots {
        true => command.mut_subcommands(|below| attach(below, question)),
        false => command,
    }
}

fn meaning(argument: &Arg) -> Option<Meaning> {
    let value = argument.get_value_names().and_then(|names| names.first())?.as_str();
    let is_snapshot = value.contains("SNAPSHOT") || value == "ID" || value.starts_with("ID|");
    match argument.get_long() {
        None if value == "COMMAND|TOPIC" => Some(Meaning::Help),
        None if is_snapshot && value.contains("PATH") => Some(Meaning::SnapshotThenPaths),
        None if is_snapshot => Some(Meaning::Snapshot),
        Some("snapshot") => Some(Meaning::Snapshot),
        Some("host") => Some(Meaning::Host),
        Some("tag" | "keep-tag") => Some(Meaning::Tag),
        Some("profile") => Some(Meaning::Profile),
        Some("repository") => Some(Meaning::Repository),
        _ => None,
    }
}

struct Known {
    meaning: Meaning,
    question: Arc<Question>,
}

impl ValueCompleter for Known {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let question = &self.question;
        let known = match self.meaning {
            Meaning::SnapshotThenPaths
                if question.names_a_snapshot() || question.names_a_time() =>
            {
                return PathCompleter::any().complete(current);
            }
            Meaning::Repository => return PathCompleter::dir().complete(current),
            Meaning::Snapshot | Meaning::SnapshotThenPaths => question.snapshots(),
            Meaning::SafetySnapshot => question.safety_snapshots(),
            Meaning::Host => question.hosts(),
            Meaning::Tag => question.tags(),
            Meaning::Profile => question.profiles(),
            Meaning::Help if question.follows("help") => names_of_help(),
            Meaning::Help => Vec::new(),
        };
        let begun = current.to_string_lossy();
        let fitting = known.into_iter().filter(|(value, _)| value.starts_with(begun.as_ref()));
        let candidate = |(number, (value, about)): (usize, (String, String))| {
            let about = (!about.is_empty()).then(|| about.into());
            CompletionCandidate::new(value).help(about).display_order(Some(number))
        };
        fitting.enumerate().map(candidate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Cli;
    use clap::CommandFactory;

    /// The meanings of a command's values.
    fn meanings(path: &[&str]) -> Vec<Meaning> {
        let mut command = Cli::command();
        for name in path {
            command = command.find_subcommand(name).unwrap().clone();
        }
        command.get_arguments().filter_map(meaning).collect()
    }

    #[test]
    fn values_are_known_by_their_names() {
        use Meaning::{Help, Host, Snapshot, SnapshotThenPaths, Tag};
        assert_eq!(meanings(&["restore"]), [SnapshotThenPaths, Host, Tag]);
        assert_eq!(meanings(&["snapshots"]), [Snapshot, Host, Tag]);
        assert_eq!(meanings(&["forget"]), [Snapshot, Tag, Host, Tag]);
        assert_eq!(meanings(&["help"]), [Help]);
        assert!(!meanings(&["prune"]).contains(&Snapshot));
    }
}
