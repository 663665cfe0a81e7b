//! `snap help`: of a command, or on a topic.

#[cfg(test)]
mod document;
#[cfg(test)]
mod from_restic;
#[cfg(test)]
mod markdown;
mod topics;
mod tree;

pub use topics::{TOPICS, Topic};
pub use tree::{commands, full_name};

use super::arguments::Cli;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use clap::CommandFactory;
use serde::Serialize;

const AFTER_HELP: &str = "\
Examples:
  snap help restore           the same as `snap restore --help`
  snap help repair index      of a command below another
  snap help options           what every command takes
  snap help times             on a topic";

/// Show help of a command or on a topic.
///
/// Without a word it shows all commands and topics.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// A command or a topic
    #[arg(value_name = "COMMAND|TOPIC")]
    words: Vec<String>,
}

#[derive(Serialize)]
struct Help<'a> {
    text: &'a str,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let words = &arguments.words;
    if is_command(words) {
        return show_command(context, words);
    }
    let topic = match words.as_slice() {
        [name] => topics::find(name),
        _ => None,
    };
    show(context, topic.ok_or_else(|| unknown(words))?.text)
}

/// Prints a text for people.
pub fn show(context: &Context, text: &str) -> Result<Code, Failure> {
    context.output.object("help", &Help { text })?;
    context.output.line(text.trim_end())?;
    Ok(Code::Done)
}

/// What help can be asked of, each with a few words.
pub fn names_of_help() -> Vec<(String, String)> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
    let top = commands().into_iter().filter(|(depth, _)| *depth == 0);
    let commands = top.map(|(_, one)| (one.get_name().to_owned(), about(&one).unwrap_or_default()));
    let topics = TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.about.to_owned()));
    commands.chain(topics).collect()
}

/// Whether the words lead to a command. No word leads to snap itself.
fn is_command(words: &[String]) -> bool {
    let mut command = Cli::command();
    words.iter().all(|word| match command.find_subcommand(word).cloned() {
        Some(below) => {
            command = below;
            true
        }
        None => false,
    })
}

/// Shows what `--help` shows, wrapped and coloured for the terminal.
fn show_command(context: &Context, words: &[String]) -> Result<Code, Failure> {
    let line = ["snap"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    if let Err(help) = Cli::parser().try_get_matches_from(line) {
        context.output.object("help", &Help { text: &help.render().to_string() })?;
        if !context.output.is_json() {
            help.print()?;
        }
    }
    Ok(Code::Done)
}

fn unknown(words: &[String]) -> Failure {
    let names = TOPICS.iter().map(|Topic { name, .. }| *name).collect::<Vec<_>>();
    Failure::usage(format!("there is no command and no topic {:?}", words.join(" ")))
        .hint(format!("`snap help` lists the commands; the topics are {}", names.join(", ")))
}

/// What stands below the commands and options in `snap --help`.
pub fn after_help() -> String {
    format!(
        "\
Begin like this:
  snap init -r /mnt/backup/snap    make a repository; asks for a password
  export SNAP_REPOSITORY=/mnt/backup/snap
  snap backup /srv/bot             the first takes all, then what changed
  snap restore latest --target /tmp/look
  snap check --read-data

`snap COMMAND -h` is short, `snap help COMMAND` complete. There are topics:
{}",
        topics::list()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_found_at_any_depth() {
        for text in ["", "backup", "repair index", "help"] {
            assert!(is_command(&words(text)), "{text}");
        }
        for text in ["times", "backup index", "--version", "index"] {
            assert!(!is_command(&words(text)), "{text}");
        }
    }

    #[test]
    fn no_topic_hides_behind_a_command() {
        for topic in TOPICS {
            assert!(!is_command(&words(topic.name)), "{}", topic.name);
        }
    }
}
