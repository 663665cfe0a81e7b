//! Makes a repository large without its data: `cargo bench --bench scale -- REPOSITORY KEY_FILE
//! BLOBS`, where `snap init` has made the repository. `benches/scale/run` measures what snap makes of
//! it.
//!
//! One snapshot needs all blobs. Its trees and the index are real and sealed; the packs with the
//! data are files of the right name and length, full of zeros, that take no space.

mod packs;
mod tree;

use packs::Packs;
use snapstore::format::SessionKind;
use snapstore::model::{Host, OsEntropy, Silent, Snapshot, SnapshotKind, SystemClock};
use snapstore::ops::process_identity;
use snapstore::repo::{Credential, Session, Surroundings, Writer, open};
use snapstore::settings::read_key_file;
use snapstore::storage::LocalStorage;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a blob, as snap cuts files on average.
const BLOB: u32 = 512 << 10;
const HOST: &str = "scale";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    // Without them it is one of all benches, or of all tests.
    let [repository, key_file, blobs] = arguments.as_slice() else { return Ok(()) };
    let session = begin(Path::new(repository), Path::new(key_file))?;
    let mut packs = Packs::new(Path::new(repository), session.id());
    let mut compressor = session.repository().compressor()?;
    let root = tree::write(&session, &mut compressor, blobs.parse()?, &mut packs)?;
    packs.finish(session.repository())?;
    session.commit(&snapshot(&session, root))?;
    println!("{} packs, {} index objects", packs.count, packs.indexes);
    Ok(())
}

fn begin(repository: &Path, key_file: &Path) -> Result<Session, Box<dyn Error>> {
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        cache: None,
        workers: 1,
    };
    let storage = Arc::new(LocalStorage::open(repository)?);
    let credential = Credential::KeyFile(read_key_file(key_file)?);
    let repository = Arc::new(open(storage, &credential, None, surroundings)?);
    let writer = Writer { host: HOST.to_owned(), process: process_identity() };
    Ok(Session::begin(&repository, SessionKind::Backup, &writer, Arc::new(Silent))?)
}

fn snapshot(session: &Session, (tree, source, summary): tree::Written) -> Snapshot {
    let now = session.repository().clock().now();
    Snapshot {
        id: session.id(),
        kind: SnapshotKind::Backup,
        begun: now,
        taken: now,
        host: Host { name: HOST.to_owned(), ..Host::default() },
        sources: vec![source],
        tags: Vec::new(),
        tree,
        summary,
        problems: 0,
        writer: [7; 16],
        sequence: 0,
        previous: None,
        parent: None,
        original: None,
        program: "bench".to_owned(),
        in_place: None,
    }
}
