//! Which snapshot is rolled forward, and by which stretch of the log.

use super::entries::{ChangeLog, KeptLog};
use super::error::ForwardError;
use super::until::Until;
use super::{is_own_affair, second};
use crate::model::{ClusterTime, Documents, Kind, Snapshot, SnapshotSource};
use crate::ops::backup::place_of;
use crate::repo::{BlobReader, LogStream, LogWindow, RepoError, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was found for a target.
pub enum Choice {
    Base(Box<ChosenBase>),
    /// Nobody keeps the changes of these databases.
    NoLog,
    Unreachable(Unreachable),
}

/// A snapshot with the log from it to the target.
pub struct ChosenBase {
    pub snapshot: Snapshot,
    /// Of each server, by the name that it has in the snapshot.
    stretches: Vec<(LogStream, LogWindow)>,
}

/// Why the target cannot be reached, and what can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreachable {
    /// The nearest moments before and after it that can be.
    pub before: Option<ClusterTime>,
    pub after: Option<ClusterTime>,
    /// It is behind all that is kept: more may come.
    pub is_behind_end: bool,
}

impl ChosenBase {
    pub fn logs(&self) -> BTreeMap<String, Box<dyn ChangeLog + '_>> {
        let logs = self.stretches.iter().map(|(stream, window)| {
            let log: Box<dyn ChangeLog + '_> = Box::new(KeptLog { stream, window });
            (stream.server().to_string(), log)
        });
        logs.collect()
    }
}

/// The databases of a snapshot, by server.
type Servers = BTreeMap<String, Databases>;

#[derive(Default)]
struct Databases {
    names: BTreeSet<String>,
    /// These are all that the server had.
    is_all: bool,
}

/// When the databases of a server were saved: the first and the last of their collections; where
/// some were dropped meanwhile, until those were gone.
type Saved = BTreeMap<String, (ClusterTime, ClusterTime)>;

/// Finds the newest of `snapshots` that has the databases of `like`, is not after the target, and
/// that the log leads from to the target without a gap. (`snapshots` come newest first.)
pub fn choose_base(
    repository: &Arc<Repository>,
    like: &Snapshot,
    snapshots: &[&Snapshot],
    until: Until,
) -> Result<Choice, ForwardError> {
    let wanted = servers_of(like, |_| true);
    let (streams, _) = repository.log_streams()?;
    let streams: Vec<(LogStream, Vec<LogWindow>)> = streams
        .into_iter()
        .filter(|stream| wanted.get(stream.server()).is_some_and(|some| has_any(stream, some)))
        .map(|stream| stream.windows().map(|windows| (stream, windows)))
        .collect::<Result<_, RepoError>>()?;
    if streams.is_empty() {
        return Ok(Choice::NoLog);
    }
    let reader = BlobReader::for_reading(Arc::clone(repository))?;
    let mut unreachable = Unreachable {
        is_behind_end: streams
            .iter()
            .flat_map(|(_, windows)| windows)
            .all(|one| !reaches(one, until)),
        ..Unreachable::default()
    };
    for snapshot in snapshots.iter().filter(|snapshot| has_all(snapshot, &wanted)) {
        let Some(saved) = saved(&reader, snapshot, &streams)? else { continue };
        let stretches = saved.iter().map(|(server, saved)| {
            let stretch = stretch(&streams, (server, wanted.get(server)?), saved.0, until);
            stretch.filter(|_| saved.1 <= until.latest_base())
        });
        if let Some(stretches) = stretches.collect::<Option<Vec<_>>>() {
            let snapshot = (*snapshot).clone();
            return Ok(Choice::Base(Box::new(ChosenBase { snapshot, stretches })));
        }
        unreachable.add(&streams, &saved, until);
    }
    Ok(Choice::Unreachable(unreachable))
}

/// The window that leads from a moment to the target.
fn stretch(
    streams: &[(LogStream, Vec<LogWindow>)],
    (server, databases): (&str, &Databases),
    from: ClusterTime,
    until: Until,
) -> Option<(LogStream, LogWindow)> {
    // Databases whose changes nobody keeps stay as the snapshot has them.
    let has = |stream: &LogStream, name: &String| stream.has(server, name);
    let is_kept = |name: &&String| streams.iter().any(|(stream, _)| has(stream, name));
    let kept: Vec<&String> = databases.names.iter().filter(is_kept).collect();
    let keeps_all = databases.is_all && streams.iter().any(|(stream, _)| stream.has_all(server));
    let of_server = streams.iter().filter(|(stream, _)| {
        let is_enough = stream.has_all(server) || !keeps_all;
        is_enough && kept.iter().all(|name| has(stream, name))
    });
    of_server
        .flat_map(|(stream, windows)| windows.iter().map(move |window| (stream, window)))
        .find(|(_, window)| {
            window.first.at <= from && from <= window.last.at && reaches(window, until)
        })
        .map(|(stream, window)| (stream.clone(), window.clone()))
}

/// Whether all that counts up to the target is in the window, if it begins early enough.
fn reaches(window: &LogWindow, until: Until) -> bool {
    match until {
        // All of a second.
        Until::Time(ClusterTime { seconds, increment: u32::MAX }) => {
            window.last.at.seconds > seconds
        }
        Until::Time(time) => window.last.at >= time,
        Until::Wall(wall) => window.last.wall > wall,
    }
}

impl Unreachable {
    /// Takes into account what a snapshot can become.
    fn add(&mut self, streams: &[(LogStream, Vec<LogWindow>)], saved: &Saved, until: Until) {
        let Some((server, (first, last))) = saved.iter().next() else { return };
        let target = until.latest_base();
        let windows = streams.iter().filter(|(stream, _)| stream.server() == server);
        let window = windows
            .flat_map(|(_, windows)| windows)
            .find(|window| window.first.at <= *first && *last <= window.last.at);
        let end = window.map_or(*last, |window| window.last.at.max(*last));
        if end <= target {
            self.before = self.before.max(Some(end));
        }
        if *last > target {
            self.after = Some(self.after.map_or(*last, |after| after.min(*last)));
        }
    }
}

fn servers_of(snapshot: &Snapshot, counts: fn(&&SnapshotSource) -> bool) -> Servers {
    let mut servers = Servers::new();
    for source in snapshot.sources.iter().filter(counts) {
        let Some((server, database)) = place_of(source) else { continue };
        if is_own_affair(&database) && !source.database().is_with_all {
            continue;
        }
        let databases = servers.entry(server).or_default();
        databases.is_all |= source.database().is_with_all;
        if !is_own_affair(&database) {
            databases.names.insert(database);
        }
    }
    servers
}

fn has_any(stream: &LogStream, databases: &Databases) -> bool {
    let server = stream.server();
    databases.names.iter().any(|name| stream.has(server, name))
        || databases.is_all && stream.has_all(server)
}

/// What a snapshot has only in part is no base: what it left out would be missing. What was made
/// after a snapshot of all databases, the log tells of.
fn has_all(snapshot: &Snapshot, wanted: &Servers) -> bool {
    let has = servers_of(snapshot, |source| !source.database().is_partial);
    let covers = |(server, wanted): (&String, &Databases)| {
        let has = has.get(server);
        has.is_some_and(|has| has.is_all || !wanted.is_all && wanted.names.is_subset(&has.names))
    };
    wanted.iter().all(covers)
}

/// When the databases were saved that a log has the changes of; `None` if that is not known well
/// enough to go on from there.
fn saved(
    reader: &BlobReader,
    snapshot: &Snapshot,
    streams: &[(LogStream, Vec<LogWindow>)],
) -> Result<Option<Saved>, RepoError> {
    let (mut saved, mut own) = (Saved::new(), Saved::new());
    for source in &snapshot.sources {
        let Some((server, database)) = place_of(source) else { continue };
        if !streams.iter().any(|(stream, _)| stream.has(&server, &database)) {
            continue;
        }
        let is_own = is_own_affair(&database);
        let moments = moments(reader, snapshot, source)?;
        let Some(moments) = moments else {
            if is_own {
                continue;
            }
            return Ok(None);
        };
        let times = if is_own { &mut own } else { &mut saved };
        for moment in moments.into_iter().chain(source.database().whole_from) {
            let (first, last) = times.entry(server.clone()).or_insert((moment, moment));
            (*first, *last) = ((*first).min(moment), (*last).max(moment));
        }
    }
    // A server without any database yet was listed when its own affairs were saved.
    own.into_iter().for_each(|(server, times)| {
        saved.entry(server).or_insert(times);
    });
    Ok(Some(saved))
}

/// The moment at which the databases of a snapshot were saved; the earliest of several.
pub fn saved_at(
    reader: &BlobReader,
    snapshot: &Snapshot,
) -> Result<Option<ClusterTime>, RepoError> {
    let mut first: Option<ClusterTime> = None;
    for source in &snapshot.sources {
        let Some((_, database)) = place_of(source) else { continue };
        if is_own_affair(&database) {
            continue;
        }
        let moments = moments(reader, snapshot, source)?;
        let Some(moments) = moments else { return Ok(None) };
        let earliest = moments.into_iter().filter(|moment| moment.increment > 0).min();
        first = first.into_iter().chain(earliest).min();
    }
    Ok(first)
}

/// When the collections of a database were saved; of one without any when it was. `None` if one
/// was read while others wrote (but for capped ones, of which their inserts tell), or comes from
/// elsewhere.
fn moments(
    reader: &BlobReader,
    snapshot: &Snapshot,
    source: &SnapshotSource,
) -> Result<Option<Vec<ClusterTime>>, RepoError> {
    let (mut moments, mut is_any) = (Vec::new(), false);
    let database = reader.find_path(&snapshot.tree, &source.path)?;
    if let Some(tree) = database.and_then(|database| database.tree()) {
        for entry in reader.entries(&tree)? {
            let Kind::Collection(collection) = entry?.kind else { continue };
            let is_stream = matches!(collection.content, Documents::Stream(_));
            if collection.uuid.is_none() || collection.moment.is_none() && !is_stream {
                return Ok(None);
            }
            moments.extend(collection.moment);
            is_any = true;
        }
    }
    if moments.is_empty() && is_any {
        return Ok(None);
    }
    if moments.is_empty() {
        moments.push(source.database().moment.unwrap_or_else(|| second(source.as_of)));
    }
    Ok(Some(moments))
}
