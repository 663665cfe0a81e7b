//! The command line: one file a command. The only place that prints, asks, and knows clap.
//!
//! A command parses its arguments, resolves them against the environment, has `ops` do the work,
//! and prints what came of it. Errors become message, cause, hint and exit code in `error`.

mod arguments;
mod ask;
mod asked;
mod backup;
mod browse;
mod cat;
mod check;
mod code;
mod completions;
mod config;
mod context;
mod copy;
mod databases;
mod diff;
mod dump;
mod error;
mod find;
mod forget;
mod forgetting;
mod global;
mod help;
mod import;
mod init;
mod json;
mod keep;
mod key;
mod log;
mod ls;
mod man;
mod moment;
mod mount;
mod open;
mod open_other;
mod output;
mod paint;
mod place;
mod process;
mod profiles;
mod progress;
mod protect;
mod prune;
mod repair;
mod restore;
mod retention;
mod rollback;
mod select;
mod signals;
mod snapshots;
mod stats;
mod store;
mod table;
mod tag;
mod text;
mod version;

use arguments::{Cli, Command};
use clap::error::ErrorKind;
use code::Code;
use context::Context;
use error::Failure;
use output::Output;
use std::process::ExitCode;

/// Runs the program with the process's arguments and environment. To be called once, before
/// any thread is started.
pub fn run() -> ExitCode {
    let environment = process::begin();
    if let Some(code) = completions::answer(&environment) {
        return code.into();
    }
    let code = match Cli::read(std::env::args_os()) {
        Ok(cli) => {
            let context = Context::new(cli.global, environment);
            let result = perform(&context, cli.command);
            finish(&context, result)
        }
        Err(error) => explain(&error),
    };
    code.into()
}

fn perform(context: &Context, command: Command) -> Result<Code, Failure> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Backup(arguments) => {
            context.each_profile(|context| backup::run(context, &arguments))
        }
        Command::Restore(arguments) => restore::run(context, &arguments),
        Command::Import(arguments) => import::run(context, &arguments),
        Command::Snapshots(arguments) => snapshots::run(context, &arguments),
        Command::Log(arguments) => log::run(context, &arguments),
        Command::Protect(arguments) => protect::run(context, &arguments),
        Command::Ls(arguments) => ls::run(context, &arguments),
        Command::Mount(arguments) => mount::run(context, &arguments),
        Command::Tag(arguments) => tag::run(context, &arguments),
        Command::Copy(arguments) => copy::run(context, &arguments),
        Command::Key(arguments) => key::run(context, &arguments),
        Command::Check(arguments) => {
            context.each_profile(|context| check::run(context, &arguments))
        }
        Command::Repair(arguments) => repair::run(context, &arguments),
        Command::Forget(arguments) => {
            context.each_profile(|context| forget::run(context, &arguments))
        }
        Command::Prune(arguments) => {
            context.each_profile(|context| prune::run(context, &arguments))
        }
        Command::Config(arguments) => config::run(context, &arguments),
        Command::Find(arguments) => find::run(context, &arguments),
        Command::Diff(arguments) => diff::run(context, &arguments),
        Command::Dump(arguments) => dump::run(context, &arguments),
        Command::Cat(arguments) => cat::run(context, &arguments),
        Command::Browse(arguments) => browse::run(context, &arguments),
        Command::Completions(arguments) => completions::run(context, &arguments),
        Command::Man(arguments) => man::run(context, &arguments),
        Command::Stats(arguments) => stats::run(context, &arguments),
        Command::Rollback(arguments) => rollback::run(context, &arguments),
        Command::Version => version::run(context),
        Command::Help(arguments) => help::run(context, &arguments),
    }
}

fn finish(context: &Context, result: Result<Code, Failure>) -> Code {
    let output = &context.output;
    context.tell_missed();
    match result.and_then(|code| output.flush().map(|()| code)) {
        Ok(code) => code,
        Err(failure) => {
            // What a stop breaks is no fault of its own.
            let broken = context.stop.is_asked() && failure.code() != Code::Interrupted;
            let failure = if broken { Failure::stopped() } else { failure };
            output.failure(&failure);
            failure.code()
        }
    }
}

/// What clap has to say: help on standard output, errors on standard error.
fn explain(error: &clap::Error) -> Code {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !is_help && std::env::args_os().any(|argument| argument == "--json") {
        Output::json_only().failure(&Failure::usage(in_one_line(error)));
    } else {
        // Nothing can be done about a closed terminal.
        let _ = error.print();
    }
    if is_help { Code::Done } else { Code::Usage }
}

/// The first paragraph.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = lines.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}
