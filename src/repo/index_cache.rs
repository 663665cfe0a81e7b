//! The merged index as a file in the local cache. It may be deleted or damaged at any time: then
//! it is made again from the repository. The layout is private to this version of snap.

use super::RepoError;
use super::blob_index::{BlobIndex, LINE, Line, Lines, Merge, PackEntry};
use super::gathered::Gathered;
use crate::codec::BlobClass;
use crate::format::Index;
use crate::model::{BlobId, IndexId, PackId, SessionId};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"snapidx3";
/// Magic, number of sources, packs (32 bits each), lines (64 bits), BLAKE3 of sources and packs,
/// BLAKE3 of the lines.
const HEAD: usize = 8 + 4 + 4 + 8 + 32 + 32;
const PACK: usize = 32 + 16 + 1 + 4 + 32 + 3;

/// How much of the file is proved before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    Whole,
    /// All but the lines: for those who prove what they read by it. Costs nothing that grows with
    /// the number of blobs.
    WithoutLines,
}

/// The cache file of one repository.
pub(super) struct IndexCache {
    folder: PathBuf,
}

impl IndexCache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("index")
    }

    /// The index of the last run; `None` if there is none or it is damaged.
    pub(super) fn read(&self, proof: Proof) -> Option<BlobIndex> {
        let file = File::open(self.path()).ok()?;
        // SAFETY: the file is private to this user and never changed in place, only replaced by
        // a rename; memory maps of replaced files stay what they were.
        let map = unsafe { memmap2::Mmap::map(&file) }.ok()?;
        let (sources, packs, start) = parse(&map, proof)?;
        Some(BlobIndex { sources, packs, lines: Lines::Mapped { map, start } })
    }

    /// Writes and maps the merge of `old` (if any) and `new` objects. Lines are sorted in the
    /// mapped file, not on the heap.
    pub(super) fn write(
        &self,
        old: Option<&BlobIndex>,
        sources: Vec<IndexId>,
        new: &mut dyn Iterator<Item = Result<Index, RepoError>>,
    ) -> Result<BlobIndex, RepoError> {
        let local = |what: &Path, cause: io::Error| RepoError::Local {
            what: what.display().to_string(),
            cause,
        };
        std::fs::create_dir_all(&self.folder).map_err(|cause| local(&self.folder, cause))?;
        let temporary = tempfile_path(&self.folder);
        let written = self.write_to(&temporary, old, sources, new);
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written?;
        std::fs::rename(&temporary, self.path()).map_err(|cause| local(&temporary, cause))?;
        self.read(Proof::Whole).ok_or_else(|| {
            local(&self.path(), io::Error::other("the index cache does not read back"))
        })
    }

    fn write_to(
        &self,
        path: &Path,
        old: Option<&BlobIndex>,
        sources: Vec<IndexId>,
        new: &mut dyn Iterator<Item = Result<Index, RepoError>>,
    ) -> Result<(), RepoError> {
        let local = |cause: io::Error| RepoError::Local { what: path.display().to_string(), cause };
        let (packs, lines) = self.merged(old, new)?;
        let lines = lines.sorted().map_err(local)?;
        let sorted = lines.as_slice();
        let mut body = Vec::new();
        sources.iter().for_each(|id| body.extend_from_slice(id.bytes()));
        packs.iter().for_each(|pack| push_pack(&mut body, pack));
        let mut hasher = blake3::Hasher::new();
        hasher.update_rayon(sorted.as_flattened());
        let mut out = BufWriter::new(File::create(path).map_err(local)?);
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&(sources.len() as u32).to_le_bytes());
        head.extend_from_slice(&(packs.len() as u32).to_le_bytes());
        head.extend_from_slice(&(sorted.len() as u64).to_le_bytes());
        head.extend_from_slice(blake3::hash(&body).as_bytes());
        head.extend_from_slice(hasher.finalize().as_bytes());
        for part in [&head, &body, sorted.as_flattened()] {
            out.write_all(part).map_err(local)?;
        }
        out.flush().map_err(local)
    }

    /// Old lines, then those of new objects.
    fn merged(
        &self,
        old: Option<&BlobIndex>,
        new: &mut dyn Iterator<Item = Result<Index, RepoError>>,
    ) -> Result<(Vec<PackEntry>, Gathered), RepoError> {
        let local = |cause| RepoError::Local { what: self.folder.display().to_string(), cause };
        let mut lines = Gathered::in_folder(&self.folder).map_err(local)?;
        let mut merge = Merge::from_packs(old.map(|old| old.packs.clone()).unwrap_or_default());
        if let Some(old) = old {
            lines.extend(old.lines.as_slice()).map_err(local)?;
        }
        for index in new {
            merge.add(&index?, &mut |line: &Line| lines.push(line).map_err(local))?;
        }
        Ok((merge.packs, lines))
    }
}

fn tempfile_path(folder: &Path) -> PathBuf {
    folder.join(format!("index.{}.tmp", std::process::id()))
}

fn push_pack(body: &mut Vec<u8>, pack: &PackEntry) {
    body.extend_from_slice(pack.id.bytes());
    body.extend_from_slice(pack.session.bytes());
    body.push(pack.class.class() as u8);
    body.extend_from_slice(&pack.size.to_le_bytes());
    body.extend_from_slice(&pack.payload.map(|id| *id.bytes()).unwrap_or_default());
    body.extend_from_slice(&[0; 3]);
}

/// Sources, packs, and where the lines start; `None` for anything unexpected.
fn parse(bytes: &[u8], proof: Proof) -> Option<(Vec<IndexId>, Vec<PackEntry>, usize)> {
    let (head, body) = bytes.split_at_checked(HEAD)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (sources, packs) = (word(8) as usize, word(12) as usize);
    let lines = usize::try_from(u64::from(word(16)) | u64::from(word(20)) << 32).ok()?;
    let start = sources.checked_mul(32)?.checked_add(packs.checked_mul(PACK)?)?;
    let length = start.checked_add(lines.checked_mul(LINE)?)?;
    if body.len() != length || head[..8] != MAGIC[..] {
        return None;
    }
    let is_intact = |part: &[u8], hash: &[u8]| {
        let mut hasher = blake3::Hasher::new();
        hasher.update_rayon(part);
        hasher.finalize().as_bytes()[..] == *hash
    };
    let are_lines_intact =
        || proof == Proof::WithoutLines || is_intact(&body[start..], &head[56..]);
    if !is_intact(&body[..start], &head[24..56]) || !are_lines_intact() {
        return None;
    }
    let ids = body[..sources * 32].as_chunks::<32>().0.iter().copied().map(IndexId::new).collect();
    let packs: Option<Vec<_>> =
        body[sources * 32..start].as_chunks::<PACK>().0.iter().map(parse_pack).collect();
    let packs = packs?;
    Some((ids, packs, HEAD + start))
}

fn parse_pack(bytes: &[u8; PACK]) -> Option<PackEntry> {
    let class = match bytes[48] {
        1 => BlobClass::Data,
        2 => BlobClass::Tree,
        _ => return None,
    };
    let payload = BlobId::from_slice(&bytes[53..85])?;
    Some(PackEntry {
        id: PackId::from_slice(&bytes[..32])?,
        session: SessionId::from_slice(&bytes[32..48])?,
        class,
        size: u32::from_le_bytes([bytes[49], bytes[50], bytes[51], bytes[52]]),
        payload: (payload != BlobId::new([0; 32])).then_some(payload),
    })
}
