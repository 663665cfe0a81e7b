//! Lines of the index before they are sorted: in a file of the local cache, which nobody else sees,
//! or in memory where there is no cache.

use super::blob_index::{LINE, Line, Lines, sort};
use std::fs::{File, OpenOptions, create_dir_all, remove_file};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files of this process so far: each has a name of its own for a moment.
static FILES: AtomicU64 = AtomicU64::new(0);

/// Takes lines in any order.
pub(super) enum Gathered {
    Memory(Vec<Line>),
    /// It has no name any more: it goes with the process.
    File(BufWriter<File>),
}

impl Gathered {
    /// Takes disk space in this folder, and no memory that the system cannot take back.
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        create_dir_all(folder)?;
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("index.{}.{number}.tmp", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        remove_file(&path)?;
        Ok(Self::File(BufWriter::new(file)))
    }

    pub(super) fn push(&mut self, line: &Line) -> io::Result<()> {
        self.extend(std::slice::from_ref(line))
    }

    pub(super) fn extend(&mut self, lines: &[Line]) -> io::Result<()> {
        match self {
            Gathered::Memory(gathered) => {
                gathered.extend_from_slice(lines);
                Ok(())
            }
            Gathered::File(file) => file.write_all(lines.as_flattened()),
        }
    }

    /// All lines, sorted where they are.
    pub(super) fn sorted(self) -> io::Result<Lines> {
        match self {
            Gathered::Memory(mut lines) => {
                sort(&mut lines);
                Ok(Lines::Memory(lines))
            }
            Gathered::File(file) => sorted_file(&file.into_inner()?),
        }
    }
}

fn sorted_file(file: &File) -> io::Result<Lines> {
    // Nothing can be mapped then.
    if file.metadata()?.len() < LINE as u64 {
        return Ok(Lines::Memory(Vec::new()));
    }
    // SAFETY: the file was made by this process and has no name: nobody else changes it.
    let mut map = unsafe { memmap2::MmapMut::map_mut(file) }?;
    sort(map.as_chunks_mut().0);
    Ok(Lines::Mapped { map: map.make_read_only()?, start: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut gathered: Gathered) -> Vec<Line> {
        for number in [3, 1, 2, 1_u8] {
            gathered.push(&[number; LINE]).unwrap();
        }
        gathered.sorted().unwrap().as_slice().to_vec()
    }

    #[test]
    fn a_file_is_sorted_as_memory_is_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let lines = sorted(Gathered::in_folder(folder.path()).unwrap());
        assert_eq!(lines, sorted(Gathered::Memory(Vec::new())));
        assert_eq!(lines, [1, 1, 2, 3].map(|number| [number; LINE]));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn without_lines_nothing_is_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let none = Gathered::in_folder(folder.path()).unwrap().sorted().unwrap();
        assert!(none.as_slice().is_empty());
    }
}
