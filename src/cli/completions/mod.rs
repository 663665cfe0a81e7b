//! `snap completions`, and answers to what a shell asks while somebody types.

mod known;
mod question;
mod values;

use super::arguments::Cli;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::help::show;
use crate::settings::Environment;
use clap::CommandFactory;
use clap_complete::env::{CompleteEnv, Shells};
use question::Question;
use std::sync::Arc;

/// Set by the scripts: snap is asked, and which shell asks.
const VARIABLE: &str = "SNAP_COMPLETE";

const AFTER_HELP: &str = "\
Examples:
  mkdir -p ~/.local/share/bash-completion/completions
  snap completions bash > ~/.local/share/bash-completion/completions/snap
  mkdir -p ~/.zfunc          zsh: with fpath+=~/.zfunc before compinit
  snap completions zsh > ~/.zfunc/_snap
  mkdir -p ~/.config/fish/completions
  snap completions fish > ~/.config/fish/completions/snap.fish

Snapshots, hosts, tags, profiles and topics are completed, too. For the first
three the repository is looked at, if a key file or password is at hand;
nobody is asked for one, and what takes longer than a second is left.";

/// Print what makes a shell complete commands of snap.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(arguments.shell.name()) {
        shell.write_registration(VARIABLE, "snap", "snap", "snap", &mut script)?;
    }
    show(context, &String::from_utf8_lossy(&script))
}

/// Answers a shell; `None` if none asks. Nothing is asked on the way, and nothing is said but
/// the answer.
pub fn answer(environment: &Environment) -> Option<Code> {
    environment.get(VARIABLE)?;
    let question = Arc::new(Question::new(environment));
    let complete = CompleteEnv::with_factory(|| values::attach(Cli::command(), &question));
    let folder = std::env::current_dir().ok();
    let answered = complete.var(VARIABLE).try_complete(std::env::args_os(), folder.as_deref());
    Some(if answered.is_ok() { Code::Done } else { Code::Failed })
}
