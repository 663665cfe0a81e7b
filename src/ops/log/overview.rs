//! What the change log covers, and from when on that can be restored.

use crate::model::{Snapshot, SnapshotKind, SnapshotSource};
use crate::ops::backup::place_of;
use crate::ops::forward::is_own_affair;
use crate::repo::{DamagedSegments, LogStream, LogWindow, RepoError, Repository};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A stream with its windows.
pub struct LogOverview {
    pub stream: LogStream,
    /// Ascending.
    pub windows: Vec<WindowOverview>,
}

pub struct WindowOverview {
    pub window: LogWindow,
    /// The oldest base in it, of every database: to each second after that a restore can go.
    /// `None` if a database has none.
    pub restorable_from: Option<Timestamp>,
}

/// All streams, and what does not open, by name.
pub fn log_overview(
    repository: &Arc<Repository>,
) -> Result<(Vec<LogOverview>, DamagedSegments), RepoError> {
    let live = repository.ledger()?.live;
    let (streams, damaged) = repository.log_streams()?;
    let overview = |stream: LogStream| {
        let windows = stream.windows()?.into_iter().map(|window| {
            let restorable_from = first_base(&live, &stream, &window);
            WindowOverview { window, restorable_from }
        });
        Ok(LogOverview { windows: windows.collect(), stream })
    };
    let streams: Result<Vec<_>, RepoError> = streams.into_iter().map(overview).collect();
    Ok((streams?, damaged))
}

fn first_base(live: &[Snapshot], stream: &LogStream, window: &LogWindow) -> Option<Timestamp> {
    let (first, last) = (window.first.at.timestamp(), window.last.at.timestamp());
    let of_each = bases(live, stream.server(), stream.databases()).into_iter().map(|bases| {
        let inside = bases.into_iter().filter(|base| (first..=last).contains(&base.taken));
        inside.map(|base| base.leads_from).min()
    });
    of_each.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// The newest moment not after `before` at which there is a base of every database of a stream:
/// what lies before it nobody needs to restore a later one. `None` if a database has none.
pub fn newest_base_before(
    live: &[Snapshot],
    stream: &LogStream,
    before: Timestamp,
) -> Option<Timestamp> {
    newest_before(bases(live, stream.server(), stream.databases()), before)
}

fn newest_before(bases: Vec<Vec<Base>>, before: Timestamp) -> Option<Timestamp> {
    let newest = |bases: Vec<Base>| {
        let ready = bases.into_iter().filter(|base| base.leads_from <= before);
        ready.map(|base| base.taken).max()
    };
    bases.into_iter().map(newest).collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// A database in a snapshot, to the second.
struct Base {
    taken: Timestamp,
    /// The first moment that the log leads to from here.
    leads_from: Timestamp,
}

impl From<&SnapshotSource> for Base {
    fn from(source: &SnapshotSource) -> Self {
        let taken = source.as_of;
        let leads_from = source.database().whole_from.map_or(taken, |whole| {
            // It is so in the middle of that second.
            let end = whole.timestamp().checked_add(SignedDuration::from_secs(1));
            end.unwrap_or(Timestamp::MAX)
        });
        Self { taken, leads_from }
    }
}

/// The bases of each of these databases; where none is named, of each that the server had. One that
/// was made after a snapshot of all databases has that one too.
fn bases(live: &[Snapshot], server: &str, databases: &[String]) -> Vec<Vec<Base>> {
    let backups = live.iter().filter(|snapshot| snapshot.kind == SnapshotKind::Backup);
    let sources = backups.flat_map(|snapshot| &snapshot.sources);
    let whole = sources.filter(|source| !source.database().is_partial);
    let of_server: Vec<(String, &SnapshotSource)> = whole
        .filter_map(|source| {
            let (on, name) = place_of(source)?;
            (on == server).then_some((name, source))
        })
        .collect();
    let known = of_server.iter().map(|(name, _)| name).filter(|name| !is_own_affair(name));
    let databases: BTreeSet<&String> = match databases {
        [] => known.collect(),
        databases => databases.iter().collect(),
    };
    let of = |database: &String| {
        let is_base = |(name, source): &&(String, &SnapshotSource)| {
            name == database || source.database().is_with_all
        };
        of_server.iter().filter(is_base).map(|(_, source)| Base::from(*source)).collect()
    };
    match databases.is_empty() {
        // A server without any has bases all the same.
        true => vec![of_server.iter().map(|(_, source)| Base::from(*source)).collect()],
        false => databases.into_iter().map(of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterTime, SourceDatabase};
    use crate::policy::test_snapshots::Example;

    fn newest(live: &[Snapshot], databases: &[&str], before: &str) -> Option<String> {
        let databases: Vec<String> = databases.iter().map(|name| name.to_string()).collect();
        let found = newest_before(bases(live, "rs0", &databases), before.parse().unwrap());
        found.map(|found| found.to_string())
    }

    fn tell(snapshot: &mut Snapshot, database: SourceDatabase) {
        for source in &mut snapshot.sources {
            *source = source.clone().with_database(database);
        }
    }

    #[test]
    fn what_was_dropped_while_it_was_read_is_had_from_an_older_base() {
        let make = |day: u8| {
            Example::at(day, &format!("2025-11-0{day}T00:00:00Z"))
                .paths(&["mongodb/rs0/bot"])
                .make()
        };
        let mut live = [make(1), make(2)];
        let dropped = Timestamp::from_second(live[1].begun.as_second() + 60).unwrap();
        let seconds = dropped.as_second() as u32;
        let whole_from = Some(ClusterTime { seconds, increment: 1 });
        tell(&mut live[1], SourceDatabase { whole_from, ..SourceDatabase::default() });
        let at = |day: u32| Some(format!("2025-11-0{day}T00:00:00Z"));
        assert_eq!(newest(&live, &["bot"], "2025-11-02T00:01:00Z"), at(1));
        assert_eq!(newest(&live, &["bot"], "2025-11-02T00:01:01Z"), at(2));
    }

    #[test]
    fn the_newest_base_of_every_database_counts() {
        let bot = ["mongodb/rs0/bot"];
        let both = ["files/srv", "mongodb/rs0/bot", "mongodb/rs0/users"];
        let mut live = [
            Example::at(1, "2025-11-01T00:00:00Z").paths(&both).make(),
            Example::at(2, "2025-11-02T00:00:00Z").paths(&bot).make(),
            Example::at(3, "2025-11-03T00:00:00Z").paths(&bot).safety().make(),
            Example::at(4, "2025-11-04T00:00:00Z").paths(&["mongodb/other/bot"]).make(),
            Example::at(5, "2025-11-05T00:00:00Z").paths(&both).make(),
        ];
        let at = |day: u32| Some(format!("2025-11-0{day}T00:00:00Z"));
        let before = "2025-11-04T12:00:00Z";
        assert_eq!(newest(&live, &["bot"], before), at(2));
        assert_eq!(newest(&live, &["bot", "users"], before), at(1));
        assert_eq!(newest(&live, &[], before), at(1));
        assert_eq!(newest(&live, &["bot"], "2025-11-05T00:00:00Z"), at(5));
        assert_eq!(newest(&live, &["nowhere"], before), None);
        assert_eq!(newest(&live, &["bot", "nowhere"], before), None);
        assert_eq!(newest(&live, &["bot"], "2025-10-01T00:00:00Z"), None);
        // It says that there was no other database.
        tell(&mut live[1], SourceDatabase { is_with_all: true, ..SourceDatabase::default() });
        assert_eq!(newest(&live, &[], before), at(2));
        assert_eq!(newest(&live, &["nowhere"], before), at(2));
    }
}
