//! `snap help`: of a command, or on a topic.

#[cfg(test)]
mod document;
#[cfg(test)]
mod markdown;
mod topics;

use super::arguments::Cli;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use clap::CommandFactory;
use serde::Serialize;
use topics::Topic;

const AFTER_HELP: &str = "\
Examples:
  snap help restore           the same as `snap restore --help`
  snap help repair index      of a command below another
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
    let topic = topic.ok_or_else(|| unknown(words))?;
    context.output.object("help", &Help { text: topic.text })?;
    context.output.line(topic.text.trim_end())?;
    Ok(Code::Done)
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
    if let Err(help) = Cli::command().try_get_matches_from(line) {
        context.output.object("help", &Help { text: &help.render().to_string() })?;
        if !context.output.is_json() {
            help.print()?;
        }
    }
    Ok(Code::Done)
}

fn unknown(words: &[String]) -> Failure {
    let names = topics::TOPICS.iter().map(|Topic { name, .. }| *name).collect::<Vec<_>>();
    Failure::usage(format!("there is no command and no topic {:?}", words.join(" ")))
        .hint(format!("`snap help` lists the commands; the topics are {}", names.join(", ")))
}

/// What stands below the commands and options in `snap --help`.
pub fn after_help() -> String {
    format!(
        "\
Begin like this:
  snap init -r /mnt/backup/snap          make a repository; asks for a password
  export SNAP_REPOSITORY=/mnt/backup/snap
  snap backup /srv/bot                   the first takes all, later ones what changed
  snap restore latest --target /tmp/look
  snap check --read-data

`snap COMMAND -h` is short, `snap help COMMAND` complete; `snap help` of a topic:
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
        for topic in topics::TOPICS {
            assert!(!is_command(&words(topic.name)), "{}", topic.name);
        }
    }
}
