//! What is known early and written last.

use super::super::nameless::nameless;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// Keeps bytes in order: the last few in memory, those before them in a file without a name.
pub struct Spool {
    place: PathBuf,
    memory: Vec<u8>,
    /// Bytes that memory may have.
    most: usize,
    file: Option<File>,
    length: u64,
}

impl Spool {
    /// `place` is a folder for the file, which is made once there are more than `most` bytes.
    pub fn new(place: PathBuf, most: usize) -> Self {
        Self { place, memory: Vec::new(), most, file: None, length: 0 }
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(bytes);
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.memory.len() > self.most {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(nameless(&self.place)?),
            };
            file.write_all(&self.memory)?;
            self.memory.clear();
        }
        Ok(())
    }

    /// The folder of the file.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Writes all of it, and is empty.
    pub fn drain_to(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.rewind()?;
            io::copy(&mut file, out)?;
        }
        self.length = 0;
        out.write_all(&std::mem::take(&mut self.memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comes_again_in_order_and_no_file_stays() {
        for most in [0, 10, 25, 1000] {
            let folder = tempfile::tempdir().unwrap();
            let mut spool = Spool::new(folder.path().to_owned(), most);
            let parts: Vec<Vec<u8>> = (0..20).map(|number| vec![number; 7]).collect();
            parts.iter().for_each(|part| spool.push(part).unwrap());
            assert!(spool.memory.len() <= most && spool.length() == 140);
            let mut out = Vec::new();
            spool.drain_to(&mut out).unwrap();
            assert_eq!(out, parts.concat());
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
