//! Which packs were verified when. Remembered in the local folder of the repository: where that
//! is gone, or not what was written, everything counts as never verified.

use crate::model::PackId;
use crate::repo::{ListedPack, Repository, put_cache_file};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Magic, BLAKE3 of all that follows, then lines: pack id, seconds since 1970 (64 bits
/// little-endian). Private to this version of snap.
const MAGIC: &[u8; 8] = b"snapver1";
const HEAD: usize = 8 + 32;
const LINE: usize = 32 + 8;
/// Bytes; more packs than any repository has.
const LARGEST: u64 = 256 << 20;

/// When packs were last read and found whole.
pub struct Verified {
    /// `None`: nothing is remembered.
    path: Option<PathBuf>,
    when: HashMap<PackId, Timestamp>,
}

/// How much of a repository was verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verification {
    /// Verified since the time asked for, or ever.
    pub packs: u64,
    pub bytes: u64,
    /// Of so many.
    pub all_packs: u64,
    pub all_bytes: u64,
    pub never: u64,
    /// The longest time ago that a pack was verified, of those that ever were.
    pub oldest: Option<Timestamp>,
    /// Packs that were due, and not read because the time was up.
    pub left: u64,
    /// False: no local folder is kept, and the next check knows nothing of this one.
    pub is_remembered: bool,
}

impl Verified {
    /// What is remembered. A time in the future is not believed.
    pub fn read(repository: &Repository) -> Self {
        let path = repository.cache().map(|folder| folder.join("verified"));
        let mut when = path.as_deref().and_then(load).unwrap_or_default();
        let now = repository.clock().now();
        when.retain(|_, time| *time <= now);
        Self { path, when }
    }

    pub fn when(&self, pack: &PackId) -> Option<Timestamp> {
        self.when.get(pack).copied()
    }

    /// The pack is whole.
    pub fn note(&mut self, pack: PackId, time: Timestamp) {
        self.when.insert(pack, time);
    }

    /// The pack is not whole.
    pub fn withdraw(&mut self, pack: &PackId) {
        self.when.remove(pack);
    }

    /// Remembers what of this is still there. Best effort: nothing depends on it.
    pub fn write(&self, listed: &HashMap<PackId, ListedPack>) {
        let Some(path) = &self.path else { return };
        let mut lines: Vec<[u8; LINE]> =
            self.when.iter().filter(|(pack, _)| listed.contains_key(pack)).map(line).collect();
        lines.sort_unstable();
        let body = lines.as_flattened();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(blake3::hash(body).as_bytes());
        bytes.extend_from_slice(body);
        let _ = put_cache_file(path, &bytes);
    }

    /// How much was verified since a time, or ever.
    pub fn sum(
        &self,
        listed: &HashMap<PackId, ListedPack>,
        since: Option<Timestamp>,
    ) -> Verification {
        let mut sum = Verification { is_remembered: self.path.is_some(), ..Default::default() };
        for (pack, listed) in listed {
            sum.all_packs += 1;
            sum.all_bytes += listed.size;
            let Some(time) = self.when(pack) else {
                sum.never += 1;
                continue;
            };
            sum.oldest = Some(sum.oldest.map_or(time, |oldest| oldest.min(time)));
            if since.is_none_or(|since| time >= since) {
                sum.packs += 1;
                sum.bytes += listed.size;
            }
        }
        sum
    }
}

fn line((pack, time): (&PackId, &Timestamp)) -> [u8; LINE] {
    let mut line = [0; LINE];
    line[..32].copy_from_slice(pack.bytes());
    line[32..].copy_from_slice(&time.as_second().to_le_bytes());
    line
}

/// `None` for anything unexpected.
fn load(path: &Path) -> Option<HashMap<PackId, Timestamp>> {
    if std::fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let (head, body) = bytes.split_at_checked(HEAD)?;
    let (magic, hash) = head.split_at_checked(MAGIC.len())?;
    let (lines, rest) = body.as_chunks::<LINE>();
    if magic != MAGIC || hash != blake3::hash(body).as_bytes() || !rest.is_empty() {
        return None;
    }
    lines.iter().map(parse).collect()
}

fn parse(line: &[u8; LINE]) -> Option<(PackId, Timestamp)> {
    let (pack, seconds) = line.split_first_chunk::<32>()?;
    let seconds = i64::from_le_bytes(*seconds.first_chunk()?);
    Some((PackId::new(*pack), Timestamp::from_second(seconds).ok()?))
}
