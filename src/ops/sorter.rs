//! Puts documents into the order of their keys, whatever their number: what memory has no room for
//! goes through files that have no name.

use super::nameless::nameless;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Documents that are too many for memory are sorted in files there.
#[derive(Debug, thiserror::Error)]
#[error("cannot sort in {}: {cause}", .place.display())]
pub struct SorterError {
    pub place: PathBuf,
    pub cause: io::Error,
}

/// A document in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sorted {
    pub key: Vec<u8>,
    /// The number of the document as they came; of equal keys the later one comes later.
    pub number: u64,
    pub document: Vec<u8>,
}

/// Takes documents in any order. Memory: `budget` bytes of documents and keys.
pub struct Sorter {
    place: PathBuf,
    budget: usize,
    waiting: Vec<Sorted>,
    waiting_bytes: usize,
    number: u64,
    runs: Vec<File>,
}

/// So many files are merged at once; of more, so many become one first.
const WIDEST: usize = 64;
/// What a waiting document takes beside its bytes, about.
const OVERHEAD: usize = 80;
const BUFFER: usize = 64 * 1024;

impl Sorter {
    pub fn new(place: &Path, budget: usize) -> Self {
        let place = place.to_path_buf();
        Self { place, budget, waiting: Vec::new(), waiting_bytes: 0, number: 0, runs: Vec::new() }
    }

    pub fn push(&mut self, key: Vec<u8>, document: Vec<u8>) -> Result<(), SorterError> {
        let number = self.number;
        self.number += 1;
        self.insert(Sorted { key, number, document })
    }

    fn insert(&mut self, sorted: Sorted) -> Result<(), SorterError> {
        self.waiting_bytes += sorted.key.len() + sorted.document.len() + OVERHEAD;
        self.waiting.push(sorted);
        if self.waiting_bytes > self.budget { self.spill() } else { Ok(()) }
    }

    /// How many bytes of memory are taken.
    pub fn held(&self) -> usize {
        self.waiting_bytes
    }

    /// Empties the memory into a file.
    pub fn spill(&mut self) -> Result<(), SorterError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        let run = self.write(in_order(waiting).into_iter().map(Ok))?;
        self.runs.push(run);
        if self.runs.len() > WIDEST {
            let merged = Merge::of(std::mem::take(&mut self.runs), Vec::new());
            let merged = merged.map_err(|cause| self.failed(cause))?;
            let run = self.write(merged)?;
            self.runs.push(run);
        }
        Ok(())
    }

    /// All of them in order.
    pub fn finish(
        mut self,
    ) -> Result<impl Iterator<Item = Result<Sorted, SorterError>>, SorterError> {
        let waiting = in_order(std::mem::take(&mut self.waiting));
        let runs = std::mem::take(&mut self.runs);
        let merge = Merge::of(runs, waiting).map_err(|cause| self.failed(cause))?;
        Ok(merge.map(move |sorted| sorted.map_err(|cause| self.failed(cause))))
    }

    /// The same documents in the order in which they came.
    pub fn by_number(self) -> Result<Self, SorterError> {
        let mut again = Self::new(&self.place, self.budget);
        for sorted in self.finish()? {
            let sorted = sorted?;
            again.insert(Sorted { key: sorted.number.to_be_bytes().to_vec(), ..sorted })?;
        }
        Ok(again)
    }

    fn write(&self, sorted: impl Iterator<Item = io::Result<Sorted>>) -> Result<File, SorterError> {
        self.try_write(sorted).map_err(|cause| self.failed(cause))
    }

    fn try_write(&self, sorted: impl Iterator<Item = io::Result<Sorted>>) -> io::Result<File> {
        let mut file = BufWriter::with_capacity(BUFFER, nameless(&self.place)?);
        for sorted in sorted {
            let Sorted { key, number, document } = sorted?;
            for part in [&key, &document] {
                let length = u32::try_from(part.len()).map_err(io::Error::other)?;
                file.write_all(&length.to_le_bytes())?;
                file.write_all(part)?;
            }
            file.write_all(&number.to_le_bytes())?;
        }
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }

    fn failed(&self, cause: io::Error) -> SorterError {
        SorterError { place: self.place.clone(), cause }
    }
}

fn in_order(mut waiting: Vec<Sorted>) -> Vec<Sorted> {
    waiting.sort_by(|one, other| (&one.key, one.number).cmp(&(&other.key, other.number)));
    waiting
}

/// Several sorted runs as one.
struct Merge {
    runs: Vec<Run>,
    /// The next of each run.
    heads: BinaryHeap<Reverse<(Sorted, usize)>>,
}

enum Run {
    File(BufReader<File>),
    Memory(std::vec::IntoIter<Sorted>),
}

impl Merge {
    fn of(files: Vec<File>, memory: Vec<Sorted>) -> io::Result<Self> {
        let files = files.into_iter().map(|file| Run::File(BufReader::with_capacity(BUFFER, file)));
        let runs = files.chain([Run::Memory(memory.into_iter())]).collect();
        let mut merge = Self { runs, heads: BinaryHeap::new() };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, number: usize) -> io::Result<()> {
        let next = match self.runs.get_mut(number) {
            Some(Run::File(file)) => read(file)?,
            Some(Run::Memory(sorted)) => sorted.next(),
            None => None,
        };
        self.heads.extend(next.map(|sorted| Reverse((sorted, number))));
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = io::Result<Sorted>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((sorted, run)) = self.heads.pop()?;
        Some(self.advance(run).map(|()| sorted))
    }
}

fn read(file: &mut BufReader<File>) -> io::Result<Option<Sorted>> {
    use std::io::BufRead;
    if file.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut part = || {
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    let (key, document) = (part()?, part()?);
    let mut number = [0; 8];
    file.read_exact(&mut number)?;
    Ok(Some(Sorted { key, number: u64::from_le_bytes(number), document }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_budget_gives_the_same_order(keys: Vec<u8>, budget in 1_usize..2000) {
            let place = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(place.path(), budget);
            for (number, key) in keys.iter().enumerate() {
                sorter.push(vec![*key], number.to_string().into_bytes()).unwrap();
            }
            prop_assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
            let found: Vec<Sorted> = sorter.finish().unwrap().map(Result::unwrap).collect();
            let mut expected: Vec<(u8, usize)> = keys.iter().copied().zip(0..).collect();
            expected.sort_unstable();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(key, number)| (vec![key], number.to_string().into_bytes()))
                .collect();
            let found: Vec<_> = found.into_iter().map(|one| (one.key, one.document)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_order_of_arrival_is_known_too() {
        let place = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(place.path(), 100);
        for key in [3, 1, 2] {
            sorter.push(vec![key], vec![key]).unwrap();
        }
        let sorted = sorter.by_number().unwrap().finish().unwrap();
        let documents: Vec<_> = sorted.map(|one| one.unwrap().document).collect();
        assert_eq!(documents, [[3], [1], [2]]);
    }
}
