//! Exhaustive search, breadth first, so that a counterexample is a shortest one.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use super::canonical::canonical;
use super::model::{Model, Step};
use super::state::State;

/// What a search found.
pub enum Outcome {
    /// All reachable states are good; how many that are.
    Holds(usize),
    /// The steps to a bad state, and what is bad about it, a line each.
    Fails(String),
    /// The time was over.
    Unfinished,
}

impl Outcome {
    pub fn trace(self) -> Option<String> {
        match self {
            Self::Fails(trace) => Some(trace),
            Self::Holds(_) | Self::Unfinished => None,
        }
    }
}

/// Visits every reachable state, as long as there is time, and asks `fault` about each. Costs
/// about 25 bytes a state.
///
/// States are told apart by 64 bits of hash: among ten million the chance that one is passed
/// over is one in a hundred thousand.
pub fn explore(
    model: &Model,
    deadline: Option<Instant>,
    mut fault: impl FnMut(&State) -> Option<String>,
) -> Outcome {
    let mut seen = Seen::default();
    let first = model.first_state();
    seen.add(fingerprint(model, &first), 0);
    let mut waiting = VecDeque::from([first]);
    let mut steps = Vec::new();
    let mut current = 0;
    while let Some(state) = waiting.pop_front() {
        model.steps(&state, &mut steps);
        for (_, next) in steps.drain(..) {
            if seen.add(fingerprint(model, &next), current) {
                if let Some(fault) = fault(&next) {
                    return Outcome::Fails(trace(model, &seen) + &fault);
                }
                waiting.push_back(next);
            }
        }
        current += 1;
        if current % 4096 == 0 && deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Outcome::Unfinished;
        }
    }
    Outcome::Holds(current)
}

/// The steps to the state that was added last, found by going the same way again.
fn trace(model: &Model, seen: &Seen) -> String {
    let mut way = Vec::new();
    let mut place = seen.fingerprints.len() - 1;
    while place != 0 {
        way.push(seen.fingerprints[place]);
        place = seen.parents[place] as usize;
    }
    let mut state = model.first_state();
    let mut lines = String::new();
    for wanted in way.into_iter().rev() {
        let mut steps: Vec<(Step, State)> = Vec::new();
        model.steps(&state, &mut steps);
        let found = steps.into_iter().find(|(_, next)| fingerprint(model, next) == wanted);
        let (step, next) = found.expect("the way leads on");
        lines += &format!("{:<64}| {}\n", step.to_string(), next.storage);
        state = next;
    }
    lines
}

pub fn fingerprint(model: &Model, state: &State) -> u64 {
    let mut hash = Mix(0);
    canonical(state, model.prunes_are_alike()).hash(&mut hash);
    hash.finish()
}

/// The fingerprints of states in the order in which they were found, and an open hash table over
/// them.
#[derive(Default)]
pub struct Seen {
    fingerprints: Vec<u64>,
    parents: Vec<u32>,
    /// Place in `fingerprints` plus one; 0 is free. A power of two long.
    table: Vec<u32>,
}

impl Seen {
    /// False if it is there already.
    pub fn add(&mut self, fingerprint: u64, parent: usize) -> bool {
        if (self.fingerprints.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let slot = self.slot(fingerprint);
        if self.table[slot] != 0 {
            return false;
        }
        self.fingerprints.push(fingerprint);
        self.parents.push(parent as u32);
        self.table[slot] = self.fingerprints.len() as u32;
        true
    }

    /// Where the fingerprint is, or would be.
    fn slot(&self, fingerprint: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = fingerprint as usize & mask;
        loop {
            match self.table[slot] {
                0 => return slot,
                place if self.fingerprints[place as usize - 1] == fingerprint => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.table = vec![0; (self.table.len() * 2).max(1 << 16)];
        for place in 0..self.fingerprints.len() {
            let slot = self.slot(self.fingerprints[place]);
            self.table[slot] = place as u32 + 1;
        }
    }
}

/// Multiplies and shifts, word by word, each step reversible: well mixed, for bytes that nobody
/// chose to collide.
struct Mix(u64);

impl Mix {
    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 29;
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.word(chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.word(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
