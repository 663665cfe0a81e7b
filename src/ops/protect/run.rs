//! Tailing, from a start to the next one.

use super::bases::Bases;
use super::draft::{Draft, Stream};
use super::start::Start;
use super::store::{Store, Stored, wait};
use super::{ProtectError, ProtectEvent, ProtectOptions, ProtectReport, ProtectWatch};
use crate::format::LogPlace;
use crate::mongo::oplog::{LogReader, LogTail, Protected, Tailed};
use crate::mongo::{Connection, MongoError};
use crate::repo::{RepoError, Repository};
use crate::storage::StorageError;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Between two answers of the server, at most: what comes meanwhile comes at once.
const LONGEST_PACE: Duration = Duration::from_millis(250);
/// Between two attempts to reach the server, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Between two looks at the clock.
const GLANCE: Duration = Duration::from_millis(200);
/// Who was outrun waits so many times longer: the other one keeps the lead.
const BEHIND: i32 = 3;

pub struct Run<'scope, 'env> {
    repository: &'env Arc<Repository>,
    connection: &'env Connection,
    options: &'env ProtectOptions,
    watch: &'env dyn ProtectWatch,
    bases: Bases<'scope, 'env>,
    stream: Stream,
    report: ProtectReport,
    is_behind: bool,
    is_server_away: bool,
    store_away: Option<Timestamp>,
    has_followed: bool,
}

/// Why following came to an end.
enum Ended {
    Stopped,
    /// There may be something new to go on after.
    Again,
}

impl<'scope, 'env> Run<'scope, 'env> {
    pub fn new(
        repository: &'env Arc<Repository>,
        connection: &'env Connection,
        options: &'env ProtectOptions,
        watch: &'env dyn ProtectWatch,
        bases: Bases<'scope, 'env>,
    ) -> Self {
        let stream = Stream {
            server: options.server.clone(),
            replica_set: connection.replica_set_id().unwrap_or_default(),
            databases: options.databases.clone(),
            program: options.base.program.clone(),
            protected: Protected::new(&options.databases),
        };
        Self {
            repository,
            connection,
            options,
            watch,
            bases,
            stream,
            report: ProtectReport::default(),
            is_behind: false,
            is_server_away: false,
            store_away: None,
            has_followed: false,
        }
    }

    pub fn until_stopped(mut self) -> Result<ProtectReport, ProtectError> {
        let mut pause = Duration::from_millis(500);
        loop {
            match self.follow() {
                Ok(Ended::Stopped) => break,
                Ok(Ended::Again) => pause = Duration::from_millis(500),
                Err(ProtectError::Mongo(error)) if self.may_pass(&error) => {
                    if !std::mem::replace(&mut self.is_server_away, true) {
                        let why = error.to_string();
                        self.watch.happened(ProtectEvent::ServerAway { why });
                        pause = Duration::from_millis(500);
                    }
                    if wait(pause, self.watch) {
                        break;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                // A segment that cannot be put is tried again where it is.
                Err(ProtectError::Repo(RepoError::Storage(error))) if self.has_followed => {
                    if self.store_is_away(&error)? || wait(pause, self.watch) {
                        break;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        self.report.bases += u64::from(self.bases.end());
        Ok(self.report)
    }

    /// The store does not even tell what is archived; `true` if it was told to stop.
    fn store_is_away(&mut self, error: &StorageError) -> Result<bool, ProtectError> {
        let now = self.repository.clock().now();
        let Some(since) = self.store_away else {
            self.store_away = Some(now);
            self.watch.happened(ProtectEvent::StoreAway { why: error.to_string() });
            return Ok(self.watch.stopped());
        };
        let away = now.duration_since(since);
        if away >= self.options.store_patience {
            return Err(ProtectError::StoreAway {
                minutes: away.as_mins(),
                why: error.to_string(),
            });
        }
        Ok(self.watch.stopped())
    }

    /// What was once possible will be again; at the beginning only what passes by itself.
    fn may_pass(&self, error: &MongoError) -> bool {
        let is_final = error.is_not_authorised()
            || matches!(error, MongoError::Unwelcome { .. } | MongoError::Refused(_));
        !is_final && (self.has_followed || error.is_passing())
    }

    /// Follows the log until it is told to stop, or the server is lost, or somebody else was
    /// faster.
    fn follow(&mut self) -> Result<Ended, ProtectError> {
        if self.watch.stopped() {
            return Ok(Ended::Stopped);
        }
        let known = self.repository.clock().now();
        let Stream { server, databases, .. } = &self.stream;
        let archived = self.repository.log_stream(server, databases)?;
        let start = Start::find(self.connection, archived.as_ref())?;
        drop(archived);
        self.tell_start(&start);
        self.bases.look(start.first)?;
        if self.store_away.take().is_some() {
            self.watch.happened(ProtectEvent::StoreBack);
        }
        let mut following = Following {
            tail: self.connection.tail_log(start.from, self.pace()),
            draft: Draft::new(&self.stream, &start, known),
            expected: (!start.is_new()).then_some(start.begin),
            store: Store {
                repository: self.repository,
                stream: self.repository.log_stream_id(&self.stream.server, &self.stream.databases),
                patience: self.options.store_patience,
                watch: self.watch,
                known,
            },
        };
        self.tail(&mut following)
    }

    fn tell_start(&mut self, start: &Start) {
        if std::mem::take(&mut self.is_server_away) {
            self.watch.happened(ProtectEvent::ServerBack);
        }
        if let (Some(why), Some(last)) = (&start.gap, &start.last) {
            self.report.gaps += 1;
            self.watch.happened(ProtectEvent::Gap { from: last, to: &start.begin, why });
        }
        if !std::mem::replace(&mut self.has_followed, true) || start.is_new() {
            let goes_on = !start.is_new();
            self.watch.happened(ProtectEvent::Following { from: &start.begin, goes_on });
        }
    }

    fn pace(&self) -> Duration {
        Duration::try_from(self.options.every).unwrap_or_default().div_f64(10.0).min(LONGEST_PACE)
    }

    fn every(&self) -> SignedDuration {
        if self.is_behind { self.options.every * BEHIND } else { self.options.every }
    }

    fn tail(&mut self, following: &mut Following<'_>) -> Result<Ended, ProtectError> {
        loop {
            if self.watch.stopped() {
                // What is there is put; a store that is away is not waited for.
                self.put_if(following, following.draft.has_anything())?;
                return Ok(Ended::Stopped);
            }
            let answer = match following.tail.next(self.patience(following))? {
                Tailed::Answer(answer) => answer,
                Tailed::Nothing => Vec::new(),
                Tailed::Ended => return Err(ended().into()),
            };
            if !answer.is_empty()
                && let Some(ended) = self.take(following, &answer)?
            {
                return Ok(ended);
            }
            let now = self.repository.clock().now();
            let is_due = following.draft.is_due(self.every(), self.options.idle_every, now);
            if let Some(ended) = self.put_if(following, is_due)? {
                return Ok(ended);
            }
            self.report.bases += u64::from(self.bases.tend());
        }
    }

    /// How long the next answer may take until there is something else to do.
    fn patience(&self, following: &Following<'_>) -> Duration {
        let due = following.draft.due(self.every());
        let left = due.map(|due| due.duration_since(self.repository.clock().now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
        left.map_or(GLANCE, |left| left.min(GLANCE))
    }

    fn take(
        &mut self,
        following: &mut Following<'_>,
        answer: &[u8],
    ) -> Result<Option<Ended>, ProtectError> {
        for raw in LogReader::entries(answer)? {
            let raw = raw?;
            if let Some(expected) = following.expected.take() {
                // It was there a moment ago.
                if *blake3::hash(raw).as_bytes() != expected.hash {
                    return Ok(Some(Ended::Again));
                }
                following.draft.passed(expected.at);
                continue;
            }
            following.draft.add(&self.stream, raw, self.repository.clock().now())?;
            self.report.seen += 1;
            let is_full = following.draft.bytes() >= self.options.segment_bytes;
            if let Some(ended) =
                self.put_if(following, is_full && following.draft.has_anything())?
            {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Puts the draft, and begins the next one.
    fn put_if(
        &mut self,
        following: &mut Following<'_>,
        is_due: bool,
    ) -> Result<Option<Ended>, ProtectError> {
        if !is_due {
            return Ok(None);
        }
        let segments = following.draft.close(self.repository.clock().now());
        match following.store.put(&segments)? {
            Stored::Stopped => return Ok(Some(Ended::Stopped)),
            Stored::Outrun => {
                self.is_behind = true;
                self.report.outrun += 1;
                let number = following.draft.number();
                self.watch.happened(ProtectEvent::Outrun { number });
                return Ok(Some(Ended::Again));
            }
            Stored::Put => {}
        }
        let Some(header) = segments.headers.first() else { return Ok(None) };
        self.is_behind = false;
        self.report.segments += 1;
        self.report.kept += header.kept;
        self.report.bytes += header.length;
        self.report.end = Some(header.end);
        self.watch.happened(ProtectEvent::Put(header));
        following.draft.follow(header, self.repository.clock().now());
        Ok(None)
    }
}

/// What is followed at the moment.
struct Following<'a> {
    tail: LogTail,
    draft: Draft,
    /// The entry that must come first.
    expected: Option<LogPlace>,
    store: Store<'a>,
}

fn ended() -> MongoError {
    MongoError::Lost {
        what: "the log of changes".to_string(),
        why: "the server ended it".to_string(),
    }
}
