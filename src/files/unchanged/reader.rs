//! Looking up what the last backup saw.

use super::record::{
    Fields, Fingerprint, KEY, MAGIC, PathKey, SEGMENT_HEAD, TABLE_LINE, TRAILER, segment_checksum,
};
use crate::model::SessionId;
use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A cache file, mapped. What is damaged in it is as good as absent.
#[derive(Debug)]
pub(super) struct Reader {
    map: Mmap,
    pub snapshot: SessionId,
    spoiled: Range<usize>,
    table: Range<usize>,
}

impl Reader {
    /// `None` if it is damaged, of another version or another source set.
    pub fn open(path: &Path, source_set: &[u8; 32]) -> io::Result<Option<Arc<Self>>> {
        let file = File::open(path)?;
        // SAFETY: cache files are written under another name, renamed into place when they are
        // whole, and never changed after.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self::parse(map, source_set).map(Arc::new))
    }

    fn parse(map: Mmap, source_set: &[u8; 32]) -> Option<Self> {
        let trailer_start = map.len().checked_sub(TRAILER)?;
        let mut trailer = Fields(map.get(trailer_start..)?);
        let spoiled_start = usize::try_from(trailer.u64()?).ok()?;
        let spoiled_count = usize::try_from(trailer.u64()?).ok()?;
        let lines = usize::try_from(trailer.u64()?).ok()?;
        let snapshot = SessionId::new(trailer.array()?);
        let sources: [u8; 32] = trailer.array()?;
        let checksum: [u8; 32] = trailer.array()?;
        let table_start = spoiled_count.checked_mul(KEY)?.checked_add(spoiled_start)?;
        let table_end = lines.checked_mul(TABLE_LINE)?.checked_add(table_start)?;
        let checked = map.get(spoiled_start..map.len().checked_sub(32)?)?;
        let valid = table_end == trailer_start
            && map.starts_with(MAGIC)
            && sources == *source_set
            && blake3::hash(checked) == checksum;
        valid.then_some(Self {
            map,
            snapshot,
            spoiled: spoiled_start..table_start,
            table: table_start..table_end,
        })
    }

    fn table_key(&self, line: usize) -> Option<&[u8]> {
        let start = line.checked_mul(TABLE_LINE)?.checked_add(self.table.start)?;
        self.map.get(start..start.checked_add(KEY)?)
    }

    /// The number of the first table line with a key not below `key`.
    fn first_line(&self, key: &PathKey) -> usize {
        let (mut low, mut high) = (0, self.table.len() / TABLE_LINE);
        while low < high {
            let middle = low.midpoint(high);
            match self.table_key(middle) {
                Some(found) if found < &key.0[..] => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        low
    }

    /// The segment in a table line, if the line is that of `key` and the segment is whole: where
    /// its own stat and its children lie.
    fn segment(&self, line: usize, key: &PathKey) -> Option<Range<usize>> {
        let start = line.checked_mul(TABLE_LINE)?.checked_add(self.table.start)?;
        let mut fields = Fields(self.map.get(start..self.table.end)?);
        if fields.array()? != key.0 {
            return None;
        }
        let offset = usize::try_from(fields.u64()?).ok()?;
        let length = usize::try_from(fields.u32()?).ok()?;
        let end = offset.checked_add(length)?;
        let mut segment = Fields(self.map.get(offset..end)?);
        let whole = segment.array()? == segment_checksum(segment.0) && segment.array()? == key.0;
        whole.then_some(offset.checked_add(8 + KEY)?..end)
    }

    fn is_spoiled(&self, directory: &PathKey, name: &[u8]) -> bool {
        if self.spoiled.is_empty() {
            return false;
        }
        self.is_spoiled_path(&directory.child(name))
    }

    fn is_spoiled_path(&self, path: &PathKey) -> bool {
        let spoiled = self.map.get(self.spoiled.clone()).unwrap_or_default();
        let (keys, _) = spoiled.as_chunks::<KEY>();
        keys.binary_search(&path.0).is_ok()
    }
}

/// The children that a directory had at the last backup, asked for in ascending order.
#[derive(Debug)]
pub(in super::super) struct Children {
    reader: Arc<Reader>,
    key: PathKey,
    own: Fingerprint,
    /// The table line of the segment after the current one.
    next_line: usize,
    /// What is left of the current segment.
    rest: Range<usize>,
    /// A child that was read and not yet asked for.
    ahead: Option<(Range<usize>, Fingerprint)>,
    /// Whether a recorded child was not asked for, or a segment was damaged.
    passed_over: bool,
}

impl Children {
    /// `None` if the directory was not seen.
    pub(super) fn new(reader: &Arc<Reader>, key: PathKey) -> Option<Self> {
        let line = reader.first_line(&key);
        let segment = reader.segment(line, &key)?;
        let own = match reader.is_spoiled_path(&key) {
            true => Fingerprint::doubtful(),
            false => Fields(reader.map.get(segment.clone())?).stat()?,
        };
        let children = segment.start.checked_add(SEGMENT_HEAD - 8 - KEY)?..segment.end;
        Some(Self {
            reader: reader.clone(),
            key,
            own,
            next_line: line.saturating_add(1),
            rest: children,
            ahead: None,
            passed_over: false,
        })
    }

    /// Whether the directory itself is as it was.
    pub fn own_matches(&self, now: &Fingerprint) -> bool {
        self.own.matches(now)
    }

    /// What the last backup saw under `name`. Names must be asked for in ascending order.
    pub fn find(&mut self, name: &[u8]) -> Option<Fingerprint> {
        loop {
            let (range, fingerprint) = match self.ahead.take() {
                Some(ahead) => ahead,
                None => self.read_next()?,
            };
            let found = self.reader.map.get(range.clone()).unwrap_or_default();
            match found.cmp(name) {
                std::cmp::Ordering::Less => self.passed_over = true,
                std::cmp::Ordering::Equal if self.reader.is_spoiled(&self.key, name) => {
                    return Some(Fingerprint::doubtful());
                }
                std::cmp::Ordering::Equal => return Some(fingerprint),
                std::cmp::Ordering::Greater => {
                    self.ahead = Some((range, fingerprint));
                    return None;
                }
            }
        }
    }

    /// After the last name: whether every recorded child was asked for.
    pub fn all_found(&mut self) -> bool {
        let at_end = self.ahead.is_none() && self.read_next().is_none();
        at_end && !self.passed_over
    }

    fn read_next(&mut self) -> Option<(Range<usize>, Fingerprint)> {
        while self.rest.is_empty() {
            if self.reader.table_key(self.next_line)? != self.key.0 {
                return None;
            }
            let segment = self.reader.segment(self.next_line, &self.key);
            self.next_line = self.next_line.saturating_add(1);
            match segment {
                Some(segment) => {
                    let start = segment.start.saturating_add(SEGMENT_HEAD - 8 - KEY);
                    self.rest = start..segment.end.max(start);
                }
                None => self.passed_over = true,
            }
        }
        let mut fields = Fields(self.reader.map.get(self.rest.clone())?);
        let Some((name, fingerprint)) = fields.child() else {
            self.passed_over = true;
            self.rest = 0..0;
            return None;
        };
        let name_end = self.rest.end.checked_sub(fields.0.len())?;
        self.rest.start = name_end;
        Some((name_end.checked_sub(name.len())?..name_end, fingerprint))
    }
}
