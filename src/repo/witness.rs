//! What a repository was seen to hold. A snapshot may be forgotten, but never vanishes: every
//! number in a writer's chain stays, as a snapshot or as the mark that forgot it. Storage that
//! shows less than it once did hides something, or was put back to an older state.
//!
//! Each client keeps a witness in its cache. One that is kept where the storage's owner has no
//! hand serves a client that comes for the first time, too.

use super::RepoError;
use super::cache_file::put_cache_file;
use super::chain::Gap;
use super::repository::Repository;
use super::snapshots::{Ledger, snapshot_hash};
use crate::model::{RepositoryId, SessionId, SnapshotHash};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{MutexGuard, PoisonError};

/// The first word of a witness's text.
const WORD: &str = "snap-witness-1";

type WriterId = [u8; 16];

/// The last snapshot of each writer, and how many were forgotten in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    repository: RepositoryId,
    forgotten: u64,
    chains: BTreeMap<WriterId, Last>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    sequence: u64,
    /// The begin of the snapshot's hash. The storage cannot make a snapshot, only show another.
    hash: u64,
}

/// Something that was seen and is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// The newest of a writer's snapshots.
    Gone(Gap),
    /// Another snapshot has its number.
    Another { writer: WriterId, sequence: u64 },
    /// So many marks of forgotten snapshots.
    Marks { count: u64 },
}

/// A text that is no witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWitness {
    #[error("it does not begin with {WORD}")]
    Word,
    #[error("it is not whole: it was cut short, or changed")]
    NotWhole,
}

fn cut(hash: &[u8; SnapshotHash::LENGTH]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Ledger {
    /// Writer, number and hash of everything that is known, live and forgotten.
    fn links(&self) -> impl Iterator<Item = (WriterId, u64, SnapshotHash)> + '_ {
        let live = self.live.iter().map(|s| (s.writer, s.sequence, snapshot_hash(s)));
        live.chain(self.forgotten_links.iter().copied())
    }
}

impl Witness {
    /// Of a repository of which nothing was seen.
    pub fn blank(repository: RepositoryId) -> Self {
        Self { repository, forgotten: 0, chains: BTreeMap::new() }
    }

    /// The last number of each writer.
    pub fn ends(&self) -> impl Iterator<Item = (WriterId, u64)> + '_ {
        self.chains.iter().map(|(writer, last)| (*writer, last.sequence))
    }

    /// What of it the ledger does not have.
    fn missed(&self, ledger: &Ledger) -> Vec<Missed> {
        let mut highest: BTreeMap<WriterId, u64> = BTreeMap::new();
        let mut hashes: BTreeMap<WriterId, Vec<SnapshotHash>> = BTreeMap::new();
        for (writer, sequence, hash) in ledger.links() {
            let known = highest.entry(writer).or_default();
            *known = sequence.max(*known);
            if self.chains.get(&writer).is_some_and(|last| last.sequence == sequence) {
                hashes.entry(writer).or_default().push(hash);
            }
        }
        let mut missed = Vec::new();
        for (&writer, last) in &self.chains {
            let there = highest.get(&writer).copied().unwrap_or_default();
            let hashes = hashes.get(&writer).map_or(&[][..], Vec::as_slice);
            // A mark that had to be written anew may say no hash.
            let is_same = |hash: &SnapshotHash| [last.hash, 0].contains(&cut(hash.bytes()));
            if there < last.sequence {
                missed.push(Missed::Gone(Gap { writer, first: there + 1, last: last.sequence }));
            } else if !hashes.is_empty() && !hashes.iter().any(is_same) {
                missed.push(Missed::Another { writer, sequence: last.sequence });
            }
        }
        let count = self.forgotten.saturating_sub(ledger.forgotten_links.len() as u64);
        missed.extend((count > 0).then_some(Missed::Marks { count }));
        missed
    }

    /// Adds what the ledger has. A chain of which something is missed stays as it was, so that
    /// this is said until somebody has accepted it.
    fn learn(&mut self, ledger: &Ledger, missed: &[Missed]) {
        let is_missed = |writer: &WriterId| missed.iter().any(|m| m.writer() == Some(writer));
        for (writer, sequence, hash) in ledger.links() {
            let is_later = self.chains.get(&writer).is_none_or(|last| sequence > last.sequence);
            if is_later && !is_missed(&writer) {
                self.chains.insert(writer, Last { sequence, hash: cut(hash.bytes()) });
            }
        }
        self.forgotten = self.forgotten.max(ledger.forgotten_links.len() as u64);
    }

    /// Both taken together.
    fn join(&mut self, other: &Witness) {
        self.forgotten = self.forgotten.max(other.forgotten);
        for (writer, last) in &other.chains {
            if self.chains.get(writer).is_none_or(|known| last.sequence > known.sequence) {
                self.chains.insert(*writer, *last);
            }
        }
    }
}

impl Missed {
    fn writer(&self) -> Option<&WriterId> {
        match self {
            Self::Gone(gap) => Some(&gap.writer),
            Self::Another { writer, .. } => Some(writer),
            Self::Marks { .. } => None,
        }
    }
}

impl Display for Missed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |writer: &WriterId| SessionId::new(*writer).short();
        match self {
            Self::Gone(Gap { writer, first, last }) if first == last => {
                write!(out, "snapshot {first} of writer {} was here, and is gone", short(writer))
            }
            Self::Gone(Gap { writer, first, last }) => write!(
                out,
                "snapshots {first} to {last} of writer {} were here, and are gone",
                short(writer)
            ),
            Self::Another { writer, sequence } => write!(
                out,
                "snapshot {sequence} of writer {} is another than the one that was here",
                short(writer)
            ),
            Self::Marks { count: 1 } => write!(out, "a snapshot that was forgotten is back"),
            Self::Marks { count } => write!(out, "{count} snapshots that were forgotten are back"),
        }
    }
}

/// One line: the word, the repository, the number of forgotten snapshots, of each writer
/// `writer.sequence.hash`, and a check of what is before.
impl Display for Witness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.unchecked();
        write!(out, "{text} {}", check(&text))
    }
}

impl Witness {
    fn unchecked(&self) -> String {
        let mut text = format!("{WORD} {} {}", self.repository, self.forgotten);
        for (writer, Last { sequence, hash }) in &self.chains {
            text += &format!(" {}.{sequence}.{hash:016x}", SessionId::new(*writer).hex());
        }
        text
    }
}

fn check(text: &str) -> String {
    format!("{:016x}", cut(blake3::hash(text.as_bytes()).as_bytes()))
}

impl FromStr for Witness {
    type Err = NoWitness;

    /// Any white space may stand between the words: mail breaks lines.
    fn from_str(text: &str) -> Result<Self, NoWitness> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        if words.first() != Some(&WORD) {
            return Err(NoWitness::Word);
        }
        let stated = words.pop().ok_or(NoWitness::NotWhole)?;
        let (Some(repository), Some(forgotten)) = (words.get(1), words.get(2)) else {
            return Err(NoWitness::NotWhole);
        };
        let chains = words.iter().skip(3).map(|word| read_chain(word));
        let witness = Self {
            repository: repository.parse().map_err(|_| NoWitness::NotWhole)?,
            forgotten: forgotten.parse().map_err(|_| NoWitness::NotWhole)?,
            chains: chains.collect::<Option<_>>().ok_or(NoWitness::NotWhole)?,
        };
        match check(&witness.unchecked()) == stated {
            true => Ok(witness),
            false => Err(NoWitness::NotWhole),
        }
    }
}

fn read_chain(word: &str) -> Option<(WriterId, Last)> {
    let mut parts = word.split('.');
    let writer: SessionId = parts.next()?.parse().ok()?;
    let sequence = parts.next()?.parse().ok()?;
    let hash = u64::from_str_radix(parts.next()?, 16).ok()?;
    parts.next().is_none().then_some((*writer.bytes(), Last { sequence, hash }))
}

/// What an open repository is held against.
#[derive(Default)]
pub(super) struct Memory {
    /// What this machine saw; `None` until it is first needed.
    own: Option<Witness>,
    heard: Vec<Witness>,
    missed: Vec<Missed>,
}

impl Repository {
    fn witness_path(&self) -> Option<PathBuf> {
        self.cache().map(|cache| cache.join("witness"))
    }

    fn stored_witness(&self) -> Option<Witness> {
        let text = std::fs::read_to_string(self.witness_path()?).ok()?;
        text.parse().ok().filter(|witness: &Witness| witness.repository == self.id())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let blank = || Witness::blank(self.id());
        memory.own.get_or_insert_with(|| self.stored_witness().unwrap_or_else(blank));
        memory
    }

    /// What was seen so far, on this machine and by the witnesses that were heard.
    pub fn witness(&self) -> Witness {
        let memory = self.memory();
        let mut all = Witness::blank(self.id());
        for witness in memory.own.iter().chain(&memory.heard) {
            all.join(witness);
        }
        all
    }

    /// Holds the repository against a witness from elsewhere, too. To be called before the
    /// ledger is read.
    pub fn hear(&self, witness: &Witness) -> Result<(), RepoError> {
        if witness.repository != self.id() {
            let (theirs, ours) = (witness.repository, self.id());
            return Err(RepoError::WitnessOfAnother { theirs, ours });
        }
        self.memory().heard.push(witness.clone());
        Ok(())
    }

    /// Compares a ledger with what was seen before, and remembers it. What does not open may be
    /// what is missed, so then nothing is.
    pub(super) fn observe(&self, ledger: &Ledger) {
        let mut memory = self.memory();
        let Memory { own, heard, missed } = &mut *memory;
        let before = own.clone();
        for witness in own.iter_mut().chain(heard) {
            let new = witness.missed(ledger);
            witness.learn(ledger, &new);
            let is_new = |new: &Missed| ledger.unreadable.is_empty() && !missed.contains(new);
            let new: Vec<Missed> = new.into_iter().filter(is_new).collect();
            missed.extend(new);
        }
        if let Some(own) = own.as_ref().filter(|_| *own != before) {
            self.store_witness(own);
        }
    }

    /// What was missed since this was last called.
    pub fn take_missed(&self) -> Vec<Missed> {
        std::mem::take(&mut self.memory().missed)
    }

    /// From now on only this is expected of the repository.
    pub fn accept(&self, ledger: &Ledger) {
        let mut witness = Witness::blank(self.id());
        witness.learn(ledger, &[]);
        self.store_witness(&witness);
        *self.memory() = Memory { own: Some(witness), ..Memory::default() };
    }

    /// Best effort, like all of the cache.
    fn store_witness(&self, witness: &Witness) {
        let Some(path) = self.witness_path() else { return };
        let _ = put_cache_file(&path, format!("{witness}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: RepositoryId = RepositoryId::new([7; 16]);

    fn ledger(links: &[(u8, u64, u8)]) -> Ledger {
        let link = |&(writer, sequence, hash): &(u8, u64, u8)| {
            ([writer; 16], sequence, SnapshotHash::new([hash; SnapshotHash::LENGTH]))
        };
        Ledger { forgotten_links: links.iter().map(link).collect(), ..Ledger::default() }
    }

    fn seen(links: &[(u8, u64, u8)]) -> Witness {
        let mut witness = Witness::blank(REPOSITORY);
        witness.learn(&ledger(links), &[]);
        witness
    }

    #[test]
    fn what_is_less_than_it_was_is_missed() {
        let witness = seen(&[(1, 1, 11), (1, 2, 12), (2, 1, 21)]);
        let gone = |writer, first, last| Missed::Gone(Gap { writer: [writer; 16], first, last });
        let missed = |links: &[_]| witness.missed(&ledger(links));
        assert_eq!(missed(&[(1, 1, 11), (1, 2, 12), (2, 1, 21), (3, 1, 31)]), []);
        assert_eq!(missed(&[(1, 1, 11), (2, 1, 21), (3, 1, 31)]), [gone(1, 2, 2)]);
        assert_eq!(missed(&[]), [gone(1, 1, 2), gone(2, 1, 1), Missed::Marks { count: 3 }]);
        let another = Missed::Another { writer: [1; 16], sequence: 2 };
        assert_eq!(missed(&[(1, 2, 99), (1, 3, 13), (2, 1, 21)]), [another]);
        assert_eq!(missed(&[(1, 2, 0), (2, 1, 21), (3, 1, 31)]), []);
    }

    #[test]
    fn what_is_missed_is_not_forgotten_by_seeing_more() {
        let mut witness = seen(&[(1, 2, 12)]);
        let later = ledger(&[(1, 2, 99), (1, 3, 13)]);
        let missed = witness.missed(&later);
        witness.learn(&later, &missed);
        assert_eq!(witness.missed(&later), missed);
    }

    #[test]
    fn a_text_is_the_witness_or_none() {
        let witness = seen(&[(1, 1, 11), (2, 40, 21)]);
        let text = witness.to_string();
        assert_eq!(text.parse(), Ok(witness.clone()));
        assert_eq!(text.replace(' ', "\n  ").parse(), Ok(witness));
        assert_eq!("hello".parse::<Witness>(), Err(NoWitness::Word));
        for cut in WORD.len()..text.len() {
            assert_eq!(text[..cut].parse::<Witness>(), Err(NoWitness::NotWhole), "{cut}");
        }
        let changed = text.replace(".40.", ".39.");
        assert_eq!(changed.parse::<Witness>(), Err(NoWitness::NotWhole));
    }
}
