//! Measures and prints: the median of several runs, beside the fastest and the slowest.

use std::time::{Duration, Instant};

/// Runs of each bench; odd, so that there is one in the middle.
const RUNS: usize = 9;

/// Prints a line a bench.
pub struct Table {
    wanted: Vec<String>,
}

/// What one run works on.
#[derive(Clone, Copy)]
pub enum Work {
    Bytes(u64),
    /// How many, and of what: one of them.
    Things(u64, &'static str),
}

impl Table {
    /// Only benches with one of these words in their name are run; without words all are.
    pub fn new(wanted: Vec<String>) -> Self {
        println!("{:<28} {:>14} {:>30}", "stage", "median", "slowest to fastest");
        Self { wanted }
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }

    /// Whether a bench with one of these names will be run, so that what it needs must be made.
    pub fn wants_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is_wanted(name))
    }

    /// Measures `run`; each run gets what `prepare` makes, which does not count.
    pub fn measure<T, R>(
        &mut self,
        name: &str,
        work: Work,
        mut prepare: impl FnMut() -> T,
        mut run: impl FnMut(T) -> R,
    ) {
        if !self.is_wanted(name) {
            return;
        }
        std::hint::black_box(run(prepare()));
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let input = prepare();
                let begun = Instant::now();
                let result = std::hint::black_box(run(input));
                let elapsed = begun.elapsed();
                drop(result);
                elapsed
            })
            .collect();
        times.sort_unstable();
        let [fastest, median, slowest] = [0, RUNS / 2, RUNS - 1].map(|at| times[at]);
        println!(
            "{name:<28} {:>14} {:>30}",
            speed(work, median),
            format!("{} to {}", speed(work, slowest), speed(work, fastest)),
        );
    }
}

fn speed(work: Work, time: Duration) -> String {
    let seconds = time.as_secs_f64().max(1e-9);
    match work {
        Work::Bytes(bytes) => format!("{:.0} MB/s", bytes as f64 / 1e6 / seconds),
        Work::Things(count, one) => format!("{:.0} ns/{one}", seconds * 1e9 / count as f64),
    }
}
