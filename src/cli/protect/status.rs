//! `snap protect --status`: how far the log is, and what it covers.

use super::Arguments;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, time};
use crate::ops::{LogOverview, log_overview};
use crate::policy::{format_duration, format_size};
use crate::repo::Repository;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// `protect_status`.
#[derive(Serialize)]
struct StatusMessage<'a> {
    server: &'a str,
    databases: &'a [String],
    /// Seconds from the newest entry to now.
    lag_seconds: f64,
    segments: u64,
    objects: u64,
    bytes_stored: u64,
    windows: u64,
    gaps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_end: Option<Timestamp>,
    /// From when on each second can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable_from: Option<Timestamp>,
    last_stored: Timestamp,
}

pub fn show(
    context: &Context,
    repository: &Arc<Repository>,
    arguments: &Arguments,
) -> Result<Code, Failure> {
    let (mut streams, damaged) = log_overview(repository)?;
    if let Some(name) = &arguments.server_name {
        streams.retain(|overview| overview.stream.server() == name);
    }
    for (name, error) in &damaged {
        context.output.warning(name, &error.why(), "reading the log");
    }
    if streams.is_empty() {
        return Err(Failure::new(Code::Nothing, "no database is protected")
            .hint("`snap protect mongodb://host:port/database` keeps every change of it"));
    }
    for overview in &streams {
        one(context, overview)?;
    }
    Ok(if damaged.is_empty() { Code::Done } else { Code::Damage })
}

fn one(context: &Context, overview: &LogOverview) -> Result<(), Failure> {
    let (stream, now) = (&overview.stream, context.now.timestamp());
    let newest = stream.newest();
    let end = match newest.end.wall {
        0 => newest.end.at.timestamp(),
        wall => Timestamp::from_millisecond(wall).unwrap_or(Timestamp::MIN),
    };
    let lag = now.duration_since(end).max(SignedDuration::ZERO);
    let last = overview.windows.last();
    let (objects, bytes_stored) = stream.size();
    let message = StatusMessage {
        server: stream.server(),
        databases: stream.databases(),
        lag_seconds: lag.as_secs_f64(),
        segments: stream.segments(),
        objects,
        bytes_stored,
        windows: overview.windows.len() as u64,
        gaps: overview.windows.iter().filter(|window| window.window.gap.is_some()).count() as u64,
        window_start: last.map(|last| last.window.first.at.timestamp()),
        window_end: last.map(|last| last.window.last.at.timestamp()),
        restorable_from: last.and_then(|last| last.restorable_from),
        last_stored: Timestamp::from_millisecond(newest.closed).unwrap_or(Timestamp::MIN),
    };
    context.output.object("protect_status", &message)?;
    print(context, &message, Duration::try_from(lag).unwrap_or_default())
}

fn print(context: &Context, status: &StatusMessage<'_>, lag: Duration) -> Result<(), Failure> {
    let output = &context.output;
    let shown = |at: Timestamp| time(at, context.now.time_zone());
    output.line(format!("{}:", title(status.server, status.databases)))?;
    output.line(format!("  lag       {}", format_duration(lag)))?;
    if let (Some(start), Some(end)) = (status.window_start, status.window_end) {
        output.line(format!("  window    {} to {}", shown(start), shown(end)))?;
    }
    match status.restorable_from {
        Some(from) => output.line(format!("  restore   any second from {}", shown(from)))?,
        None => output.line("  restore   not yet: there is no snapshot in the window")?,
    }
    output.line(format!(
        "  stored    {} in {}, {}",
        count(status.segments, "segment", "segments"),
        count(status.objects, "object", "objects"),
        format_size(status.bytes_stored),
    ))?;
    match status.gaps {
        0 => output.line("  gaps      none"),
        gaps => output.line(format!("  gaps      {gaps}: `snap log` lists them")),
    }
}

/// `bot, users of rs0`.
pub fn title(server: &str, databases: &[String]) -> String {
    match databases {
        [] => format!("all databases of {server}"),
        databases => format!("{} of {server}", databases.join(", ")),
    }
}
