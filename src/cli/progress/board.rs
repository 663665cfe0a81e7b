//! Where a verb writes down how far it is.

use super::describe::View;
use crate::cli::error::Failure;
use crate::cli::json::EntryMessage;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::model::{Counter, Fate, Monitor, Problem, ProblemKind, Stage};
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// As many as there are counters.
const COUNTERS: usize = Counter::BytesRewritten as usize + 1;

/// The monitor of the command line. Problems are printed as they come.
pub struct Board {
    output: Arc<Output>,
    stop: Stop,
    started: Instant,
    counters: [AtomicU64; COUNTERS],
    /// Zero: not known.
    expected: [AtomicU64; COUNTERS],
    problems: AtomicU64,
    stage: Mutex<(Stage, Instant)>,
    /// Somebody wants to know what is being worked on. (Writing it down each time would cost
    /// more than the work.)
    wanted: AtomicBool,
    current: Mutex<String>,
}

impl Board {
    pub fn new(output: Arc<Output>, stop: Stop) -> Self {
        let now = Instant::now();
        Self {
            output,
            stop,
            started: now,
            counters: std::array::from_fn(|_| AtomicU64::new(0)),
            expected: std::array::from_fn(|_| AtomicU64::new(0)),
            problems: AtomicU64::new(0),
            stage: Mutex::new((Stage::Opening, now)),
            wanted: AtomicBool::new(true),
            current: Mutex::new(String::new()),
        }
    }

    pub fn count(&self, counter: Counter) -> u64 {
        let counter = self.counters.get(counter as usize);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    fn expected(&self, counter: Counter) -> Option<u64> {
        let expected = self.expected.get(counter as usize)?.load(Ordering::Relaxed);
        (expected > 0).then_some(expected)
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn list(&self, fate: Fate, path: &str) -> Result<(), Failure> {
        let (mark, action) = match fate {
            Fate::New => ("+", "new"),
            Fate::Changed => ("M", "modified"),
            Fate::Unchanged => ("=", "unchanged"),
            Fate::LeftOut => ("x", "left_out"),
        };
        self.output.object("verbose_status", &EntryMessage { action, item: path })?;
        self.output.line(format!("{mark}  {path}"))
    }

    /// How things stand now.
    pub fn view(&self) -> View {
        let (stage, since) = *lock(&self.stage);
        let reading = |counter: Counter| (self.count(counter), self.expected(counter));
        self.wanted.store(true, Ordering::Relaxed);
        View {
            stage,
            elapsed: self.elapsed(),
            stage_elapsed: since.elapsed(),
            items: View::items_of(stage).map(reading),
            bytes: View::bytes_of(stage).map(reading),
            problems: self.problems.load(Ordering::Relaxed),
            current: lock(&self.current).clone(),
        }
    }
}

impl Monitor for Board {
    fn stage(&self, stage: Stage) {
        *lock(&self.stage) = (stage, Instant::now());
        lock(&self.current).clear();
    }

    fn add(&self, counter: Counter, amount: u64) {
        if let Some(counter) = self.counters.get(counter as usize) {
            counter.fetch_add(amount, Ordering::Relaxed);
        }
    }

    fn expect(&self, counter: Counter, total: u64) {
        if let Some(expected) = self.expected.get(counter as usize) {
            expected.store(total, Ordering::Relaxed);
        }
    }

    fn current(&self, name: &dyn Display) {
        if self.wanted.swap(false, Ordering::Relaxed) {
            *lock(&self.current) = name.to_string();
        }
    }

    fn entry(&self, fate: Fate, path: &dyn Display) {
        let is_listed = match fate {
            Fate::New | Fate::Changed => self.output.is_verbose(),
            Fate::Unchanged | Fate::LeftOut => self.output.is_very_verbose(),
        };
        if is_listed {
            // A stream that is closed shows at the end.
            let _ = self.list(fate, &path.to_string());
        }
    }

    fn problem(&self, problem: Problem) {
        let during = lock(&self.stage).0;
        let during = super::describe::word(during);
        match problem.kind {
            ProblemKind::Grew | ProblemKind::Note if !self.output.is_verbose() => {}
            ProblemKind::Grew | ProblemKind::Note => self.output.note(&problem.what, &problem.why),
            _ => {
                self.problems.fetch_add(1, Ordering::Relaxed);
                self.output.warning(&problem.what, &problem.why, during);
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.is_asked()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
