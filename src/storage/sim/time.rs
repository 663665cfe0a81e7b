//! Simulated time: it passes only when the scheduler says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::Clock;

/// Nanoseconds since 1970; clones share it.
#[derive(Clone)]
pub(super) struct SimTime(Arc<AtomicI64>);

impl SimTime {
    /// 2025-11-28T02:00:00Z.
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_764_295_200_000_000_000)))
    }

    pub fn now(&self) -> Timestamp {
        let nanoseconds = i128::from(self.0.load(Ordering::SeqCst));
        Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MAX)
    }

    pub fn pass(&self, time: Duration) {
        let nanoseconds = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        self.0.fetch_add(nanoseconds, Ordering::SeqCst);
    }
}

/// A clock that is off by some time; clones are the same clock.
#[derive(Clone)]
pub(super) struct SimClock {
    time: SimTime,
    /// Nanoseconds.
    skew: Arc<AtomicI64>,
}

impl SimClock {
    pub fn new(time: SimTime, skew: SignedDuration) -> Self {
        let clock = Self { time, skew: Arc::default() };
        clock.set(skew);
        clock
    }

    /// From now on it is off by `skew`.
    pub fn set(&self, skew: SignedDuration) {
        let nanoseconds = i64::try_from(skew.as_nanos()).unwrap_or_default();
        self.skew.store(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_nanos(self.skew.load(Ordering::SeqCst));
        self.time.now().saturating_add(skew).unwrap_or(Timestamp::MAX)
    }
}
