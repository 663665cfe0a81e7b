//! Puts segments, and waits for a store that is away.

use super::{ProtectError, ProtectEvent, ProtectWatch};
use crate::format::Segments;
use crate::model::StreamId;
use crate::repo::{RepoError, Repository};
use crate::storage::{Put, StorageError};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What is known of the numbers that are taken counts for so long: a merge leaves the younger ones
/// alone for a day.
const KNOWN_FOR: SignedDuration = SignedDuration::from_secs(3600);
/// Between two attempts, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Between two looks whether it was told to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    Put,
    /// Somebody else put one of this number, or may have: look what is there.
    Outrun,
    /// It was told to stop before the store was back.
    Stopped,
}

pub struct Store<'a> {
    pub repository: &'a Repository,
    pub stream: StreamId,
    pub patience: SignedDuration,
    pub watch: &'a dyn ProtectWatch,
    /// When the numbers that are taken were last known.
    pub known: Timestamp,
}

impl Store<'_> {
    pub fn put(&mut self, segments: &Segments) -> Result<Stored, ProtectError> {
        let begun = self.repository.clock().now();
        let mut pause = Duration::from_millis(500);
        let mut is_away = false;
        loop {
            let now = self.repository.clock().now();
            // Also of a machine that slept meanwhile.
            if now.duration_since(self.known) >= KNOWN_FOR || now < self.known {
                return Ok(Stored::Outrun);
            }
            let error = match self.put_once(segments) {
                Ok(stored) => {
                    if is_away {
                        self.watch.happened(ProtectEvent::StoreBack);
                    }
                    self.known = now;
                    return Ok(stored);
                }
                Err(RepoError::Storage(error)) => error,
                Err(error) => return Err(error.into()),
            };
            if !std::mem::replace(&mut is_away, true) {
                self.watch.happened(ProtectEvent::StoreAway { why: error.to_string() });
            }
            let away = now.duration_since(begun);
            if away >= self.patience {
                let (minutes, why) = (away.as_mins(), error.to_string());
                return Err(ProtectError::StoreAway { minutes, why });
            }
            if wait(pause, self.watch) {
                return Ok(Stored::Stopped);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// An attempt of which the answer was lost may have stored it.
    fn put_once(&self, segments: &Segments) -> Result<Stored, RepoError> {
        if self.repository.put_segments(&self.stream, segments)? == Put::Created {
            return Ok(Stored::Put);
        }
        let Some(header) = segments.headers.first() else { return Ok(Stored::Put) };
        let number = header.number;
        match self.repository.read_segments(&self.stream, number, number) {
            Ok(Some(there)) if there.headers == segments.headers => Ok(Stored::Put),
            Ok(_) => Ok(Stored::Outrun),
            Err(error) if error.is_damage() => Err(RepoError::Storage(StorageError::Failed {
                what: "the newest segment".to_string(),
                why: error.to_string(),
            })),
            Err(error) => Err(error),
        }
    }
}

/// Waits; `true` if it was told to stop meanwhile.
pub fn wait(time: Duration, watch: &dyn ProtectWatch) -> bool {
    let mut left = time;
    while !left.is_zero() && !watch.stopped() {
        let step = left.min(GLANCE);
        std::thread::sleep(step);
        left -= step;
    }
    watch.stopped()
}
