//! The files that all the blobs belong to.

use crate::BLOB;
use crate::packs::Packs;
use snapstore::codec::Compressor;
use snapstore::model::{
    BlobId, ChunkRef, Directory, Entry, EntryName, EntryPath, File, Kind, Metadata, Reading,
    SnapshotSource, Summary,
};
use snapstore::repo::{ChunkTreeWriter, RepoError, Session, TreeSink, TreeWriter};
use std::error::Error;

/// Files of 500 MiB.
const BLOBS_A_FILE: u64 = 1000;
/// The folders that lead to the files, innermost last.
const FOLDERS: [&str; 2] = ["files", "blobs"];

/// The root tree, where the files lie in it, and their number.
pub type Written = (BlobId, SnapshotSource, Summary);

pub fn write(
    session: &Session,
    compressor: &mut Compressor,
    blobs: u64,
    packs: &mut Packs,
) -> Result<Written, Box<dyn Error>> {
    let mut sink = TreeSink { session, compressor };
    let mut writer = TreeWriter::new();
    let mut directory = Summary::default();
    for first in (0..blobs).step_by(BLOBS_A_FILE as usize) {
        let numbers = first..blobs.min(first + BLOBS_A_FILE);
        let kind = Kind::File(file(numbers, packs, &mut sink)?);
        directory = directory.with(&kind);
        writer.push(&entry(&format!("{first:012}"), kind)?, &mut sink)?;
    }
    let mut tree = writer.finish(&mut sink)?;
    let mut path = EntryPath::root();
    for name in FOLDERS {
        path.push(&EntryName::new(name.as_bytes())?);
    }
    for name in FOLDERS.iter().rev() {
        let kind = Kind::Directory(Directory { tree: Some(tree), summary: directory });
        directory = Summary::default().with(&kind);
        let mut above = TreeWriter::new();
        above.push(&entry(name, kind)?, &mut sink)?;
        tree = above.finish(&mut sink)?;
    }
    let as_of = session.repository().clock().now();
    Ok((tree, SnapshotSource::new(b"/blobs".to_vec(), path, as_of), directory))
}

fn entry(name: &str, kind: Kind) -> Result<Entry, Box<dyn Error>> {
    let metadata = Metadata { mode: 0o755, ..Metadata::default() };
    Ok(Entry { name: EntryName::new(name.as_bytes())?, kind, metadata, link_group: None })
}

/// A file of blobs with these numbers.
fn file(
    numbers: std::ops::Range<u64>,
    packs: &mut Packs,
    sink: &mut TreeSink<'_>,
) -> Result<File, RepoError> {
    let size = (numbers.end - numbers.start) * u64::from(BLOB);
    let mut chunks = ChunkTreeWriter::new();
    for number in numbers {
        let id = BlobId::new(*blake3::hash(&number.to_be_bytes()).as_bytes());
        packs.push(id, sink.session.repository())?;
        chunks.push(ChunkRef { id, length: BLOB.into() }, sink)?;
    }
    let chunks = chunks.finish(sink)?;
    Ok(File { size, hash: None, holes: Vec::new(), chunks, reading: Reading::Steady })
}
