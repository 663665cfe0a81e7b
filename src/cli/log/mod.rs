//! `snap log`

mod show;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::protect::events::GapMessage;
use super::protect::status::title;
use super::text::{count, time};
use crate::ops::{LogOverview, WindowOverview, log_overview};
use crate::policy::format_size;
use jiff::Timestamp;
use serde::Serialize;

const AFTER_HELP: &str = "\
Examples:
  snap log                            from when to when, and what is missing
  snap log show --ns bot.users --id 5
  snap log show --ns bot.users --id ann --since '2 days ago'

`snap protect` writes the log; `snap restore --at TIME` uses it.";

/// Show what the change log of databases covers.
///
/// In each window nothing is missing: from its first snapshot on, databases can be restored to
/// any second of it. `snap log show` is the history of one document.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<LogCommand>,
}

#[derive(clap::Subcommand)]
enum LogCommand {
    Show(show::Arguments),
}

/// `log_window`.
#[derive(Serialize)]
struct WindowMessage<'a> {
    server: &'a str,
    databases: &'a [String],
    first: String,
    first_time: Timestamp,
    last: String,
    last_time: Timestamp,
    first_segment: u64,
    last_segment: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable_from: Option<Timestamp>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    if let Some(LogCommand::Show(arguments)) = &arguments.command {
        return show::run(context, arguments);
    }
    let repository = open(context)?;
    let (streams, damaged) = log_overview(&repository)?;
    for (name, error) in &damaged {
        context.output.warning(name, &error.why(), "reading the log");
    }
    if streams.is_empty() {
        return Err(Failure::new(Code::Nothing, "there is no change log")
            .hint("`snap protect mongodb://host:port/database` keeps one"));
    }
    for overview in &streams {
        list(context, overview)?;
    }
    Ok(if damaged.is_empty() { Code::Done } else { Code::Damage })
}

fn list(context: &Context, overview: &LogOverview) -> Result<(), Failure> {
    let (server, databases) = (overview.stream.server(), overview.stream.databases());
    context.output.line(format!("{}:", title(server, databases)))?;
    for WindowOverview { window, restorable_from } in &overview.windows {
        if let Some(gap) = &window.gap {
            context.output.object("gap", &GapMessage::new(&gap.from, &gap.to, &gap.why))?;
            context.output.line(format!("  gap     {}", gap.why))?;
        }
        let message = WindowMessage {
            server,
            databases,
            first: window.first.at.to_string(),
            first_time: window.first.at.timestamp(),
            last: window.last.at.to_string(),
            last_time: window.last.at.timestamp(),
            first_segment: window.numbers.0,
            last_segment: window.numbers.1,
            restorable_from: *restorable_from,
        };
        context.output.object("log_window", &message)?;
        let shown = |at: Timestamp| time(at, context.now.time_zone());
        let (first, last) = (shown(message.first_time), shown(message.last_time));
        let restorable = match restorable_from {
            Some(from) => format!("any second from {}", shown(*from)),
            None => "no snapshot to go forward from".to_owned(),
        };
        context.output.line(format!("  window  {first} to {last}: {restorable}"))?;
    }
    let (objects, bytes) = overview.stream.size();
    let segments = count(overview.stream.segments(), "segment", "segments");
    let objects = count(objects, "object", "objects");
    context.output.line(format!("  {segments} in {objects}, {}", format_size(bytes)))
}
