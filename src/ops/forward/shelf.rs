//! Parts of transactions that wait for their end: the first few in memory, the others in a file
//! without a name.

use crate::ops::nameless::nameless;
use crate::ops::sorter::SorterError;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

pub struct Shelf {
    place: PathBuf,
    /// Bytes that memory may have, and has.
    most: usize,
    held: usize,
    file: Option<File>,
    end: u64,
}

/// Bytes on a shelf.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    Memory(Vec<u8>),
    File { start: u64, length: usize },
}

impl Shelf {
    pub fn new(place: PathBuf, most: usize) -> Self {
        Self { place, most, held: 0, file: None, end: 0 }
    }

    pub fn keep(&mut self, bytes: Vec<u8>) -> Result<Kept, SorterError> {
        let held = self.held.saturating_add(bytes.len());
        if held <= self.most {
            self.held = held;
            return Ok(Kept::Memory(bytes));
        }
        self.write(&bytes).map_err(|cause| self.failed(cause))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Kept> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(nameless(&self.place)?),
        };
        let start = self.end;
        file.write_all_at(bytes, start)?;
        self.end = start.saturating_add(bytes.len() as u64);
        Ok(Kept::File { start, length: bytes.len() })
    }

    /// The bytes, which are not kept any longer.
    pub fn take(&mut self, kept: Kept) -> Result<Vec<u8>, SorterError> {
        match kept {
            Kept::Memory(bytes) => {
                self.held = self.held.saturating_sub(bytes.len());
                Ok(bytes)
            }
            Kept::File { start, length } => {
                let mut bytes = vec![0; length];
                let read = self.file.as_ref().map(|file| file.read_exact_at(&mut bytes, start));
                read.unwrap_or(Ok(())).map_err(|cause| self.failed(cause))?;
                Ok(bytes)
            }
        }
    }

    fn failed(&self, cause: io::Error) -> SorterError {
        SorterError { place: self.place.clone(), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comes_back_and_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::new(folder.path().to_owned(), 25);
        let kept: Vec<Kept> = (0..10).map(|n| shelf.keep(vec![n; 10]).unwrap()).collect();
        assert!(matches!(kept[1], Kept::Memory(_)) && matches!(kept[2], Kept::File { .. }));
        for (number, kept) in kept.into_iter().enumerate() {
            assert_eq!(shelf.take(kept).unwrap(), vec![number as u8; 10]);
        }
        assert!(matches!(shelf.keep(vec![1; 20]).unwrap(), Kept::Memory(_)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
