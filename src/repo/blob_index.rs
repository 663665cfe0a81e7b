//! Which blob lies where: all index objects merged into one sorted table of 48 bytes a blob,
//! mapped from the local cache, or in memory where there is none.

use super::line_search::first_not_less;
use crate::codec::BlobClass;
use crate::format::{Frame, Index, PackedBlob, Place};
use crate::model::{BlobId, IndexId, PackId, SessionId};
use std::collections::HashMap;

/// Bytes of a line: id cut to 24 bytes, then pack number, offset, stored and plain length of the
/// frame, start in it, and plain length, 32 bits little-endian each. The full id is checked when
/// the blob is opened.
pub(super) const LINE: usize = 48;
pub(super) type Line = [u8; LINE];

/// One pack, as the index objects describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackEntry {
    pub id: PackId,
    pub session: SessionId,
    pub class: BlobClass,
    /// Bytes.
    pub size: u32,
    /// The spare copy of a snapshot's payload in it.
    pub payload: Option<BlobId>,
}

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Number of the pack in [`BlobIndex::packs`].
    pub pack: u32,
    pub place: Place,
}

/// The merged index.
pub struct BlobIndex {
    /// The objects that it was made of, sorted.
    pub(super) sources: Vec<IndexId>,
    pub(super) packs: Vec<PackEntry>,
    pub(super) lines: Lines,
}

/// The lines, sorted by id.
pub(super) enum Lines {
    Memory(Vec<Line>),
    Mapped { map: memmap2::Mmap, start: usize },
}

impl Lines {
    pub(super) fn as_slice(&self) -> &[Line] {
        match self {
            Lines::Memory(lines) => lines,
            Lines::Mapped { map, start } => map.get(*start..).unwrap_or_default().as_chunks().0,
        }
    }
}

impl BlobIndex {
    /// Packs that some index object names, each once.
    pub fn packs(&self) -> &[PackEntry] {
        &self.packs
    }

    /// The pack that a place lies in.
    pub fn pack_at(&self, at: Location) -> Option<PackId> {
        self.packs.get(at.pack as usize).map(|pack| pack.id)
    }

    /// How many lines there are; a blob that lies in two packs counts twice.
    pub fn len(&self) -> usize {
        self.lines.as_slice().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everywhere that the blob is said to lie. Costs a look at about eight lines beside each other.
    pub fn find(&self, id: &BlobId) -> impl Iterator<Item = Location> + '_ {
        self.lines.as_slice()[self.lines_of(id)].iter().map(location)
    }

    /// The numbers of the lines of a blob; empty if there are none.
    pub fn lines_of(&self, id: &BlobId) -> std::ops::Range<usize> {
        let key = cut(id);
        let lines = self.lines.as_slice();
        let first = first_not_less(lines, &key);
        let count = lines[first..].iter().take_while(|line| line[..24] == key[..]).count();
        first..first + count
    }

    /// How many lines from this one on have its id.
    pub fn count_from(&self, line: usize) -> usize {
        let lines = self.lines.as_slice().get(line..).unwrap_or_default();
        let Some(first) = lines.first() else { return 0 };
        lines.iter().take_while(|line| line[..24] == first[..24]).count()
    }

    /// The place that a line names.
    pub fn location(&self, line: usize) -> Option<Location> {
        self.lines.as_slice().get(line).map(location)
    }

    /// Every line: the cut id and the place.
    pub fn iter(&self) -> impl Iterator<Item = ([u8; 24], Location)> + '_ {
        self.lines.as_slice().iter().map(|line| {
            let mut id = [0; 24];
            id.copy_from_slice(&line[..24]);
            (id, location(line))
        })
    }
}

/// The part of an id that the index keeps.
pub fn cut(id: &BlobId) -> [u8; 24] {
    let mut short = [0; 24];
    short.copy_from_slice(&id.bytes()[..24]);
    short
}

fn location(line: &Line) -> Location {
    let word = |at: usize| u32::from_le_bytes([line[at], line[at + 1], line[at + 2], line[at + 3]]);
    let frame = Frame { offset: word(28), stored: word(32), plain: word(36) };
    Location { pack: word(24), place: Place { frame, start: word(40), plain: word(44) } }
}

fn line(PackedBlob { id, place }: &PackedBlob, pack: u32) -> Line {
    let mut line = [0; LINE];
    line[..24].copy_from_slice(&id.bytes()[..24]);
    let Place { frame, start, plain } = *place;
    let words = [pack, frame.offset, frame.stored, frame.plain, start, plain];
    for (bytes, word) in line[24..].as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    line
}

/// Collects index objects into packs and (still unsorted) lines.
#[derive(Default)]
pub(super) struct Merge {
    pub(super) packs: Vec<PackEntry>,
    numbers: HashMap<PackId, u32>,
}

impl Merge {
    /// Starts from packs that were merged before.
    pub(super) fn from_packs(packs: Vec<PackEntry>) -> Self {
        let numbers = packs.iter().zip(0..).map(|(pack, number)| (pack.id, number)).collect();
        Self { packs, numbers }
    }

    /// Adds an object; its lines go to `sink`. A pack that was seen before adds nothing: what is
    /// in a pack never changes.
    pub(super) fn add<E>(
        &mut self,
        index: &Index,
        sink: &mut dyn FnMut(&Line) -> Result<(), E>,
    ) -> Result<(), E> {
        for pack in &index.packs {
            let number = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
            if self.numbers.contains_key(&pack.id) || number == u32::MAX {
                continue;
            }
            self.numbers.insert(pack.id, number);
            self.packs.push(PackEntry {
                id: pack.id,
                session: pack.session,
                class: pack.class,
                size: pack.size,
                payload: pack.table.payload,
            });
            for blob in &pack.table.blobs {
                sink(&line(blob, number))?;
            }
        }
        Ok(())
    }
}

/// Sorts lines by id, then by place, with all cores.
pub(super) fn sort(lines: &mut [Line]) {
    use rayon::slice::ParallelSliceMut;
    lines.par_sort_unstable();
}
