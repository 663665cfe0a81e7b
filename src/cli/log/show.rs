//! `snap log show`: what the change log says of one document.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::open::open;
use crate::cli::progress::Progress;
use crate::cli::text::{count, readable, time_with_zone};
use crate::codec::{ExtendedJson, write_extended_json};
use crate::model::ClusterTime;
use crate::ops::{LoggedChange, LoggedKind, SoughtDocument, log_history};
use crate::policy::parse_exact;
use jiff::Timestamp;
use serde::Serialize;

/// Show what was done to one document, and when.
///
/// As the server's log has it: the document that was inserted, what an update changed. Goes
/// through all of the log between the two times.
#[derive(clap::Args)]
pub struct Arguments {
    /// The collection, DATABASE.NAME
    #[arg(long = "ns", value_name = "NAME")]
    namespace: String,
    /// The document's _id: extended JSON or a plain string
    #[arg(long, value_name = "VALUE")]
    id: String,
    /// Only from then on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only up to then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// `log_entry`.
#[derive(Serialize)]
struct EntryMessage {
    cluster_time: String,
    time: Timestamp,
    change: &'static str,
    transaction: bool,
    /// Canonical extended JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<serde_json::Value>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let Some((database, _)) = arguments.namespace.split_once('.') else {
        return Err(Failure::usage("a collection is named with its database")
            .hint("write --ns DATABASE.COLLECTION"));
    };
    let between = between(context, arguments)?;
    let repository = open(context)?;
    let (streams, damaged) = repository.log_streams()?;
    for (name, error) in &damaged {
        context.output.warning(name, &error.why(), "reading the log");
    }
    let sought = SoughtDocument::parse(&arguments.id);
    let progress = Progress::start(context);
    let monitor = progress.monitor();
    let mut changes = Vec::new();
    let mut is_logged = false;
    for stream in &streams {
        if !stream.has(stream.server(), database) {
            continue;
        }
        is_logged = true;
        let namespace = &arguments.namespace;
        let mut keep = |change| changes.push(change);
        log_history(stream, namespace, &sought, between, monitor.as_ref(), &mut keep)?;
    }
    drop(progress);
    if !is_logged {
        return Err(Failure::new(Code::Nothing, format!("{database} is in no change log"))
            .hint("`snap log` lists what is; `snap find --id` looks through the snapshots"));
    }
    changes.sort_by_key(|change: &LoggedChange| change.at);
    changes.dedup();
    for change in &changes {
        print(context, change)?;
    }
    if !changes.iter().any(|change| change.kind != LoggedKind::Collection) {
        context.output.aside_line(&format!("nothing was done to {} in that time", arguments.id));
        return Ok(Code::Nothing);
    }
    context.output.aside_line(&count(changes.len() as u64, "change", "changes"));
    Ok(Code::Done)
}

/// From the first second to the end of the last one.
fn between(
    context: &Context,
    arguments: &Arguments,
) -> Result<(ClusterTime, ClusterTime), Failure> {
    let seconds = |text: &Option<String>, default: u32| -> Result<u32, Failure> {
        match text {
            None => Ok(default),
            Some(text) => {
                let second = parse_exact(text, &context.now)?.as_second().max(0);
                Ok(u32::try_from(second).unwrap_or(u32::MAX))
            }
        }
    };
    let since = seconds(&arguments.since, 0)?;
    let until = seconds(&arguments.until, u32::MAX)?;
    Ok((
        ClusterTime { seconds: since, increment: 0 },
        ClusterTime { seconds: until, increment: u32::MAX },
    ))
}

fn print(context: &Context, change: &LoggedChange) -> Result<(), Failure> {
    let wall = change.wall.and_then(|wall| Timestamp::from_millisecond(wall).ok());
    let when = wall.unwrap_or_else(|| change.at.timestamp());
    let word = match change.kind {
        LoggedKind::Insert => "inserted",
        LoggedKind::Update => "updated",
        LoggedKind::Delete => "deleted",
        LoggedKind::Collection => "collection",
    };
    let object = |form| {
        let mut text = Vec::new();
        write_extended_json(&change.object, form, &mut text).ok().map(|()| text)
    };
    let message = EntryMessage {
        cluster_time: change.at.to_string(),
        time: when,
        change: word,
        transaction: change.in_transaction,
        object: object(ExtendedJson::Canonical).and_then(|text| serde_json::from_slice(&text).ok()),
    };
    context.output.object("log_entry", &message)?;
    let note = if change.in_transaction { " in a transaction" } else { "" };
    let shown = time_with_zone(when, context.now.time_zone());
    let text = object(ExtendedJson::Relaxed).unwrap_or_default();
    context.output.line(format!("{shown}  {}  {word}{note}", change.at))?;
    context.output.line(format!("  {}", readable(&text)))
}
