//! Transactions of several entries: their parts wait until the end of each comes.

use crate::model::ClusterTime;
use std::collections::HashMap;

/// Parts of transactions, each with what its reader made of it.
#[derive(Debug)]
pub struct Chains<T> {
    parts: HashMap<ClusterTime, Part<T>>,
}

#[derive(Debug)]
struct Part<T> {
    previous: Option<ClusterTime>,
    is_prepared: bool,
    content: T,
}

/// A part that is not there: it lies further back in the log, at this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingLink(pub ClusterTime);

impl<T> Default for Chains<T> {
    fn default() -> Self {
        Self { parts: HashMap::new() }
    }
}

impl<T> Chains<T> {
    /// Keeps a part until its end comes.
    pub fn keep(
        &mut self,
        at: ClusterTime,
        previous: Option<ClusterTime>,
        is_prepared: bool,
        content: T,
    ) {
        self.parts.insert(at, Part { previous, is_prepared, content });
    }

    /// The parts up to the one at `last`, in order. If one is missing nothing is taken.
    pub fn take(&mut self, last: Option<ClusterTime>) -> Result<Vec<T>, MissingLink> {
        let (mut times, mut next) = (Vec::new(), last);
        while let Some(at) = next {
            let part = self.parts.get(&at).ok_or(MissingLink(at))?;
            // Each points to an earlier one: whatever else is written there has no end.
            next = part.previous.filter(|previous| *previous < at);
            times.push(at);
        }
        let parts = times.into_iter().rev().filter_map(|at| self.parts.remove(&at));
        Ok(parts.map(|part| part.content).collect())
    }

    /// Whether a prepared transaction waits for its end.
    pub fn has_prepared(&self) -> bool {
        self.parts.values().any(|part| part.is_prepared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(increment: u32) -> ClusterTime {
        ClusterTime { seconds: 9, increment }
    }

    #[test]
    fn parts_come_in_order_when_the_end_is_there() {
        let mut chains = Chains::default();
        chains.keep(at(3), Some(at(1)), false, "b");
        assert_eq!(chains.take(Some(at(3))), Err(MissingLink(at(1))));
        chains.keep(at(1), None, false, "a");
        chains.keep(at(2), None, true, "other");
        assert_eq!(chains.take(Some(at(3))), Ok(vec!["a", "b"]));
        assert!(chains.has_prepared());
        assert_eq!(chains.take(None), Ok(Vec::new()));
        assert_eq!(chains.take(Some(at(3))), Err(MissingLink(at(3))));
    }

    #[test]
    fn a_chain_that_bites_its_tail_ends() {
        let mut chains = Chains::default();
        chains.keep(at(1), Some(at(1)), false, ());
        assert_eq!(chains.take(Some(at(1))), Ok(vec![()]));
    }
}
