//! `snap protect`

pub(super) mod events;
mod sources;
pub(super) mod status;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::{open, this_writer};
use super::progress::Progress;
use super::text::{count, time};
use super::version::PROGRAM;
use crate::model::SnapshotKind;
use crate::ops::{BackupOptions, ProtectError, ProtectOptions, ProtectReport, protect};
use crate::policy::format_size;
use crate::settings::Profile;
use crate::settings::config::parse_duration;
use events::Events;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sources::Sources;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
Examples:
  snap protect mongodb://localhost:27017/bot
  snap protect                        the databases that the profile lists
  snap protect --every 1s mongodb://db1,db2,db3/bot?replicaSet=rs0
  snap protect --status               what is covered, and how old the end is
  snap log                            the same, and all gaps

It runs until it is stopped, best by a service manager that starts it again.
A user with the built-in role `backup` is enough. Killed, it goes on where it
was; while the store is away the server's own log keeps what is new, for an
hour. If the server has that no more, the gap is recorded and a new base is
taken, as one is where there is none. Two may run at once: one of them leads.

Every change is in the repository after --every; `snap restore --at` puts a
database back as it was at any second. `snap prune` keeps 14 days of it
(--keep-log).";

/// Keep every change of databases, so that they can be restored to any second.
///
/// Reads the log of changes of a replica set as it is written, and stores it in the repository, a
/// segment every few seconds. A snapshot to go forward from is taken where there is none.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The server or database (mongodb://host:port/database) [default: the profile's]
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<PathBuf>,
    /// Take the address from the first line of this file [or: SNAP_MONGODB_FILE, SNAP_MONGODB]
    #[arg(long = "mongodb-file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Of a server named without a database, protect only this one (may be repeated)
    #[arg(long = "db", value_name = "NAME")]
    databases: Vec<String>,
    /// The name under which snapshots keep the databases [default: the replica set's name]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Store what changed after so long [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    every: Option<Duration>,
    /// Give up after the store was away for so long [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    store_patience: Option<Duration>,
    /// Take no snapshot to go forward from: something else does
    #[arg(long)]
    no_base: bool,
    /// Show what is covered, and how far it is behind, and end
    #[arg(long)]
    status: bool,
}

#[derive(Serialize)]
struct Summary {
    segments: u64,
    entries_seen: u64,
    entries_kept: u64,
    bytes_kept: u64,
    gaps: u64,
    bases: u64,
    outrun: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_end: Option<Timestamp>,
    total_duration: f64,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let repository = open(context)?;
    if arguments.status {
        return status::show(context, &repository, arguments);
    }
    let sources = Sources::find(context, arguments)?;
    let options = options(context, arguments, &sources)?;
    events::begin(context, &options)?;
    let progress = Progress::quiet(context);
    let events = Events::new(context, &progress);
    let report = protect(&repository, &sources.connection, &options, &events);
    let elapsed = progress.elapsed();
    drop(progress);
    end(context, &report?, elapsed)
}

fn options(
    context: &Context,
    arguments: &Arguments,
    sources: &Sources,
) -> Result<ProtectOptions, Failure> {
    let profile = context.profile()?;
    let every = arguments.every.or(profile.and_then(Profile::protect_every));
    let signed = |time: Option<Duration>, default| {
        time.and_then(|time| SignedDuration::try_from(time).ok()).unwrap_or(default)
    };
    let base = BackupOptions {
        writer: this_writer(),
        host: context.host()?,
        tags: profile.map(Profile::tags).unwrap_or_default(),
        begun: context.now.timestamp(),
        kind: SnapshotKind::Backup,
        dry_run: false,
        skip_if_unchanged: false,
        program: PROGRAM.to_owned(),
    };
    Ok(ProtectOptions {
        server: sources.server.clone(),
        databases: sources.databases.clone(),
        every: signed(every, ProtectOptions::EVERY),
        segment_bytes: ProtectOptions::SEGMENT_BYTES,
        idle_every: ProtectOptions::IDLE_EVERY,
        store_patience: signed(arguments.store_patience, ProtectOptions::STORE_PATIENCE),
        base,
        without_base: arguments.no_base,
    })
}

fn end(context: &Context, report: &ProtectReport, elapsed: Duration) -> Result<Code, Failure> {
    let log_end = report.end.map(|end| end.at.timestamp());
    let summary = Summary {
        segments: report.segments,
        entries_seen: report.seen,
        entries_kept: report.kept,
        bytes_kept: report.bytes,
        gaps: report.gaps,
        bases: report.bases,
        outrun: report.outrun,
        log_end,
        total_duration: elapsed.as_secs_f64(),
    };
    context.output.object("summary", &summary)?;
    context.output.say(format!(
        "stopped: {} with {}, {}",
        count(report.segments, "segment", "segments"),
        count(report.kept, "change", "changes"),
        format_size(report.bytes),
    ))?;
    if let Some(end) = log_end {
        let end = time(end, context.now.time_zone());
        context.output.say(format!("  the log is whole up to {end}"))?;
    }
    Ok(Code::Done)
}

impl From<ProtectError> for Failure {
    fn from(error: ProtectError) -> Self {
        match error {
            ProtectError::Repo(error) => error.into(),
            ProtectError::Mongo(error) => error.into(),
            ProtectError::Backup(error) => error.into(),
            ProtectError::NoLog(_) => Self::new(Code::Failed, &error).hint(
                "as a replica set of one member it has a log: stop it, start it with `--replSet \
                 rs0`, and once run `mongosh --eval 'rs.initiate()'`",
            ),
            ProtectError::StoreAway { .. } => Self::new(Code::Failed, &error).hint(
                "start it again when the store is back: it goes on where it was, if the server's \
                 log still reaches back so far",
            ),
        }
    }
}
