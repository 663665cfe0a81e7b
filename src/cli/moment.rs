//! `--at` and `--before`: which moment is meant, and databases rolled forward to it.

use super::asked::{Asked, not_whole_line};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::progress::Progress;
use super::restore::{connect_to, has_databases, has_files, origins};
use super::select::in_future;
use super::text::{count, readable, time_with_zone};
use crate::model::{ClusterTime, Snapshot, SnapshotKind};
use crate::mongo::Connection;
use crate::ops::{
    Choice, ChosenBase, Forward, ForwardError, ForwardRequest, Unreachable, Until, choose_base,
    roll_forward,
};
use crate::policy::{Moment, TimeExpression};
use crate::repo::{Ledger, RepoError, Repository};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So long is waited for what is being kept just now.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// So many looks for each time that the server's log is asked to be kept.
const LOOKS_EACH: u32 = 3;

/// What `--at` says: which snapshot, and how far databases go.
pub fn at(context: &Context, text: &str) -> Result<(TimeExpression, Option<Until>), Failure> {
    match text.strip_prefix("ts:") {
        Some(time) => of_cluster_time(time),
        None => of_time(context, text),
    }
}

fn of_time(context: &Context, text: &str) -> Result<(TimeExpression, Option<Until>), Failure> {
    let at = TimeExpression::parse(text, &context.now)?;
    let until = match &at {
        TimeExpression::Latest => None,
        // One that is written with a fraction is exactly that.
        TimeExpression::Moment(moment) if has_fraction(moment) && text.contains('.') => {
            Some(Until::Wall(moment.first.as_millisecond()))
        }
        TimeExpression::Moment(moment) => Some(Until::second(moment.instant)),
    };
    Ok((at, until))
}

fn has_fraction(moment: &Moment) -> bool {
    moment.first.subsec_nanosecond() != 0
}

/// `SECONDS,INCREMENT`
fn of_cluster_time(text: &str) -> Result<(TimeExpression, Option<Until>), Failure> {
    let parts = text.split_once(',').and_then(|(seconds, increment)| {
        Some((seconds.trim().parse::<u32>().ok()?, increment.trim().parse::<u32>().ok()?))
    });
    let Some((seconds, increment)) = parts else {
        return Err(Failure::usage(format!("cannot understand ts:{text} as a time of a server"))
            .hint("write for example ts:1764295200,7: its seconds since 1970, and the number"));
    };
    let time = ClusterTime { seconds, increment };
    let first = time.timestamp();
    let last = first.checked_add(SignedDuration::from_millis(999)).unwrap_or(first);
    let moment = Moment { first, last, instant: first };
    Ok((TimeExpression::Moment(moment), Some(Until::Time(time))))
}

/// What `--before` says.
pub fn before(context: &Context, text: &str) -> Result<(TimeExpression, Option<Until>), Failure> {
    let TimeExpression::Moment(moment) = TimeExpression::parse(text, &context.now)? else {
        return Err(Failure::usage("--before needs a time, not latest"));
    };
    let just = moment.first.checked_sub(SignedDuration::from_nanos(1));
    let last = just.unwrap_or(Timestamp::MIN);
    let until = match has_fraction(&moment) && text.contains('.') {
        true => Until::Wall(moment.first.as_millisecond().saturating_sub(1)),
        false => Until::before(moment.first),
    };
    let at = Moment { first: last, last, instant: until.timestamp() };
    Ok((TimeExpression::Moment(at), Some(until)))
}

/// What is to be had as of a moment.
pub struct Wanted<'a> {
    pub repository: &'a Arc<Repository>,
    pub ledger: &'a Ledger,
    pub asked: &'a Asked,
    /// `None` where nothing is to be rolled forward.
    pub until: Option<Until>,
    /// Files with addresses of databases.
    pub addresses: &'a [PathBuf],
    pub wants_files: bool,
    /// Prints a line.
    pub say: &'a dyn Fn(String) -> Result<(), Failure>,
}

/// The snapshot as it is at the moment, if somebody keeps the changes of its databases; else the
/// snapshot itself.
pub fn rolled(
    context: &Context,
    wanted: &Wanted<'_>,
    snapshot: Snapshot,
) -> Result<Snapshot, Failure> {
    let Some(until) = wanted.until else { return Ok(snapshot) };
    // Files and databases may be saved by jobs of their own: everything is all of them.
    let others = others(wanted.ledger, &snapshot, wanted.asked);
    let names_paths = !wanted.asked.paths.is_empty();
    let newest = |has: fn(&Snapshot) -> bool| match has(&snapshot) || names_paths {
        true => Some(&snapshot).filter(|snapshot| has(snapshot)),
        false => others.iter().copied().find(|other| has(other)),
    };
    let Some(databases) = newest(has_databases) else { return Ok(snapshot) };
    let rest = newest(has_files).filter(|_| wanted.wants_files).unwrap_or(&snapshot);
    let moment = At { context, wanted, until, rest, databases };
    match moment.base()? {
        None => Ok(snapshot),
        Some(base) => {
            let forward = moment.roll(&base)?;
            moment.tell(&base, &forward)?;
            Ok(forward.snapshot)
        }
    }
}

/// The snapshots of the same host that are not after what was asked for, the newest first.
fn others<'a>(ledger: &'a Ledger, snapshot: &Snapshot, asked: &Asked) -> Vec<&'a Snapshot> {
    let Some(TimeExpression::Moment(moment)) = &asked.at else { return Vec::new() };
    let future = in_future(ledger);
    let is_other = |other: &&Snapshot| {
        other.kind == SnapshotKind::Backup
            && other.host.name == snapshot.host.name
            && other.begun <= moment.last
            && !future.contains(&other.id)
    };
    let mut others: Vec<&Snapshot> = ledger.live.iter().filter(is_other).collect();
    others.sort_by_key(|other| std::cmp::Reverse((other.begun, other.taken, other.id)));
    others
}

struct At<'a> {
    context: &'a Context,
    wanted: &'a Wanted<'a>,
    until: Until,
    /// What files are taken from.
    rest: &'a Snapshot,
    /// The newest one that has databases.
    databases: &'a Snapshot,
}

impl At<'_> {
    /// Waits a little for a log that is not there yet.
    fn base(&self) -> Result<Option<Box<ChosenBase>>, Failure> {
        let mut snapshots: Vec<&Snapshot> = self.wanted.ledger.live.iter().collect();
        snapshots.retain(|snapshot| {
            snapshot.kind == SnapshotKind::Backup && snapshot.host.name == self.databases.host.name
        });
        snapshots.sort_by_key(|snapshot| std::cmp::Reverse((snapshot.taken, snapshot.begun)));
        let begun = Instant::now();
        // A second that has not ended yet, too.
        let soon = Timestamp::now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let mut servers: Option<Vec<Connection>> = None;
        for look in 0.. {
            if self.context.stop.is_asked() {
                return Err(RepoError::Stopped.into());
            }
            match choose_base(self.wanted.repository, self.databases, &snapshots, self.until)? {
                Choice::NoLog => return Ok(None),
                Choice::Base(base) => return Ok(Some(base)),
                Choice::Unreachable(unreachable) => {
                    let may_come = unreachable.is_behind_end
                        && self.until.timestamp() <= soon
                        && begun.elapsed() < PATIENCE;
                    if !may_come {
                        return Err(self.refused(&unreachable));
                    }
                }
            }
            // What was asked for in that very second does not show that it has ended.
            if look % LOOKS_EACH == 0 {
                for server in servers.get_or_insert_with(|| self.servers()) {
                    let _ = server.ask_to_keep_log();
                }
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(None)
    }

    /// Where the databases are: whoever keeps their log hears of us through the log. Where a
    /// server cannot be reached, or does not let us, time does it.
    fn servers(&self) -> Vec<Connection> {
        let files = self.wanted.addresses;
        let connect = |origin| connect_to(self.context, self.databases, &origin, files).ok();
        origins(self.databases, &[]).into_iter().filter_map(connect).collect()
    }

    fn refused(&self, unreachable: &Unreachable) -> Failure {
        let at = self.shown(self.until.timestamp());
        let failure =
            Failure::new(Code::Nothing, format!("the databases cannot be had as of {at}"))
                .because("no snapshot and no log of changes lead there without a gap");
        let Unreachable { before, after, .. } = unreachable;
        let time = |time: &ClusterTime| {
            let ClusterTime { seconds, increment } = time;
            format!("{} (ts:{seconds},{increment})", self.shown(time.timestamp()))
        };
        let nearest: Vec<String> = before.iter().chain(after).map(time).collect();
        match nearest.is_empty() {
            true => failure.hint(
                "`snap log` shows what is kept; --no-log takes the databases as the snapshot has \
                 them",
            ),
            false => failure.hint(format!(
                "the nearest moments that can be had: {}; --no-log takes the databases as the \
                 snapshot has them",
                nearest.join(" and ")
            )),
        }
    }

    fn roll(&self, base: &ChosenBase) -> Result<Forward, Failure> {
        let logs = base.logs();
        let scratch = std::env::temp_dir();
        let request = ForwardRequest {
            repository: self.wanted.repository,
            base: &base.snapshot,
            rest: self.rest,
            logs: &logs,
            until: self.until,
            scratch: &scratch,
        };
        let progress = Progress::start(self.context);
        let forward = roll_forward(&request, progress.monitor().as_ref());
        drop(progress);
        Ok(forward?)
    }

    fn shown(&self, time: Timestamp) -> String {
        time_with_zone(time, self.context.now.time_zone())
    }

    /// Which time each part is of.
    fn tell(&self, base: &ChosenBase, forward: &Forward) -> Result<(), Failure> {
        let (output, say) = (&self.context.output, self.wanted.say);
        output.object("rolled_forward", &RolledForward::new(self.until, base, forward))?;
        let id = base.snapshot.id.short();
        let changes = count(forward.changes, "change", "changes");
        let at = self.shown(self.until.timestamp());
        say(format!("databases as of {at}: those of snapshot {id}, and {changes} since"))?;
        not_whole_line(&base.snapshot).map_or(Ok(()), say)?;
        say(match &forward.last {
            None => "  nothing was changed between the two".to_string(),
            Some(last) => {
                let wall = last.wall.and_then(|wall| Timestamp::from_millisecond(wall).ok());
                let wall = self.shown(wall.unwrap_or_else(|| last.at.timestamp()));
                let ClusterTime { seconds, increment } = last.at;
                let namespace = readable(last.namespace.as_bytes());
                format!("  the last one: {wall} (ts:{seconds},{increment}), in {namespace}")
            }
        })?;
        for name in &forward.unchanged {
            let name = readable(name.as_bytes());
            say(format!("  {name} is as snapshot {id} has it: its changes are not kept"))?;
        }
        for name in &forward.left_out {
            let why = "it was changed, and its snapshot does not have it: it is left out";
            output.warning(name, why, "rolling forward");
        }
        if has_files(self.rest) {
            let id = self.rest.id.short();
            let files = self.rest.sources.iter().filter(|source| {
                source.path.names().next().is_some_and(|name| name.bytes() == crate::ops::FILES)
            });
            if let Some(as_of) = files.map(|source| source.as_of).max() {
                say(format!("files as of {}: snapshot {id}", self.shown(as_of)))?;
            }
        }
        Ok(())
    }
}

/// `rolled_forward`: what databases were rolled forward, and how far.
#[derive(Serialize)]
struct RolledForward {
    /// About when they are of.
    time: Timestamp,
    base_id: String,
    base_time: Timestamp,
    changes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_change: Option<LastChange>,
    /// Collections that were changed, and that the base does not have.
    left_out: Vec<String>,
    /// Databases whose changes are not kept.
    unchanged: Vec<String>,
}

#[derive(Serialize)]
struct LastChange {
    seconds: u32,
    increment: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    namespace: String,
}

impl RolledForward {
    fn new(until: Until, base: &ChosenBase, forward: &Forward) -> Self {
        let last_change = forward.last.as_ref().map(|last| LastChange {
            seconds: last.at.seconds,
            increment: last.at.increment,
            time: last.wall.and_then(|wall| Timestamp::from_millisecond(wall).ok()),
            namespace: last.namespace.clone(),
        });
        Self {
            time: until.timestamp(),
            base_id: base.snapshot.id.hex(),
            base_time: base.snapshot.taken,
            changes: forward.changes,
            last_change,
            left_out: forward.left_out.clone(),
            unchanged: forward.unchanged.clone(),
        }
    }
}

impl From<ForwardError> for Failure {
    fn from(error: ForwardError) -> Self {
        let nearest = |last: &ClusterTime| {
            let ClusterTime { seconds, increment } = last;
            format!("--at ts:{seconds},{increment} is the last moment that can be had before it")
        };
        match error {
            ForwardError::Repo(error) => error.into(),
            ForwardError::Stopped => RepoError::Stopped.into(),
            ForwardError::Unknown { last: Some(last), .. } => {
                Self::new(Code::Failed, &error).hint(nearest(&last))
            }
            ForwardError::Hole { .. } => Self::new(Code::Failed, &error).hint(
                "nothing was restored; another --at, before it or after the next snapshot, may \
                 be had; `snap log` shows what is kept",
            ),
            error => Self::new(Code::Failed, error),
        }
    }
}
