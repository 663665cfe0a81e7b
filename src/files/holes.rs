//! Where a sparse file has its holes.

use super::stat::Stat;
use crate::model::Extent;
use rustix::fd::AsFd;
use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// Holes begin and end at multiples of this, rounded inwards.
const STEP: u64 = 4096;

/// More holes than this are not kept: the smallest are then taken as zeros, so that an entry
/// stays below its largest size.
const MOST: usize = 32_768;

/// The holes of an open file, as [`crate::model::File::holes`] wants them. Costs nothing if the
/// file has all its blocks, and where the file system does not know holes there are none.
pub(super) fn holes(file: impl AsFd, stat: &Stat) -> Vec<Extent> {
    if stat.blocks.saturating_mul(512) >= stat.size {
        return Vec::new();
    }
    let mut holes = Holes { found: Vec::new(), shortest: STEP };
    let mut offset = 0;
    while offset < stat.size {
        let start = match rustix::fs::seek(&file, SeekFrom::Hole(offset)) {
            Ok(start) if start >= offset => start.min(stat.size),
            _ => break,
        };
        let end = match rustix::fs::seek(&file, SeekFrom::Data(start)) {
            Ok(end) if end > start => end.min(stat.size),
            Err(Errno::NXIO) => stat.size,
            // A file that is changed between the two calls; `finish` will notice.
            _ => break,
        };
        holes.add(start, end, stat.size);
        offset = end;
    }
    holes.found
}

struct Holes {
    found: Vec<Extent>,
    /// Shorter ones are left out.
    shortest: u64,
}

impl Holes {
    fn add(&mut self, start: u64, end: u64, size: u64) {
        let Some(start) = start.checked_next_multiple_of(STEP) else { return };
        let end = if end == size { end } else { end - end % STEP };
        let length = end.saturating_sub(start);
        if length > 0 && (length >= self.shortest || end == size) {
            self.found.push(Extent { offset: start, length });
        }
        while self.found.len() > MOST {
            self.shortest = self.shortest.saturating_mul(2);
            let shortest = self.shortest;
            self.found.retain(|hole| hole.length >= shortest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(size: u64, raw: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut holes = Holes { found: Vec::new(), shortest: STEP };
        for &(start, end) in raw {
            holes.add(start, end, size);
        }
        holes.found.iter().map(|hole| (hole.offset, hole.length)).collect()
    }

    #[test]
    fn holes_are_rounded_inwards() {
        assert_eq!(collect(20_000, &[(1, 9000)]), [(4096, 4096)]);
        assert_eq!(collect(20_000, &[(1, 8191)]), []);
        assert_eq!(collect(20_000, &[(16_384, 20_000)]), [(16_384, 3616)]);
        assert_eq!(collect(100, &[(0, 100)]), [(0, 100)]);
    }

    #[test]
    fn of_too_many_the_largest_stay() {
        let step = 3 * STEP;
        let mut raw: Vec<_> = (0..40_000).map(|n| (n * step, n * step + STEP)).collect();
        raw.push((40_000 * step, 40_000 * step + 8 * STEP));
        let holes = collect(41_000 * step, &raw);
        assert!(holes.len() <= MOST && holes.last() == Some(&(40_000 * step, 8 * STEP)));
    }
}
