//! Stages that need a repository; it lies in memory, and nothing works beside the caller.

use crate::timer::{Table, Work};
use snapstore::codec::{BlobClass, Secret};
use snapstore::format::{RepositoryConfig, SessionKind};
use snapstore::model::{
    BlobId, ChunkRef, ChunkTree, ContentHash, Entropy, Entry, EntryName, File, Kind, Metadata,
    OsEntropy, Reading, SessionId, Silent, SystemClock,
};
use snapstore::ops::process_identity;
use snapstore::repo::{
    self, BlobReader, Credential, InitOptions, OpenPack, Repository, SealedFrame, Session,
    Surroundings, TreeSink, TreeWriter, Writer,
};
use snapstore::storage::MemoryStorage;
use std::sync::Arc;

/// Names in the tree that is written and read.
const NAMES: u64 = 100_000;
/// Blobs in the index that is looked into.
const BLOBS: u64 = 200_000;
const LOOKUPS: usize = 100_000;
const PACK: usize = 16 << 20;
const BLOB: usize = 512 << 10;

fn repository() -> Arc<Repository> {
    let storage = Arc::new(MemoryStorage::new(Arc::new(SystemClock)));
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        cache: None,
        workers: 1,
    };
    let credential = Credential::KeyFile(Secret::random(&OsEntropy));
    let config = RepositoryConfig::standard(Vec::new());
    let options = InitOptions { config, label: String::new() };
    Arc::new(repo::init(storage, &credential, options, surroundings).unwrap())
}

fn session(repository: &Arc<Repository>) -> Session {
    let writer = Writer { host: "bench".to_owned(), process: process_identity() };
    Session::begin(repository, SessionKind::Backup, &writer, Arc::new(Silent)).unwrap()
}

pub fn pack(table: &mut Table) {
    let name = "pack, 16 MiB";
    if !table.wants_any(&[name]) {
        return;
    }
    let repository = repository();
    let blobs: Vec<Vec<u8>> = (0..PACK / BLOB).map(|_| random(BLOB)).collect();
    let filled = || {
        let mut pack = OpenPack::new(BlobClass::Data);
        for bytes in &blobs {
            let id = random_id();
            pack.push(SealedFrame::alone(id, BLOB as u32, bytes.clone()));
        }
        pack
    };
    let finish =
        |pack: OpenPack| pack.finish(&repository, SessionId::new([1; 16]), Vec::new()).unwrap().0;
    table.measure(name, Work::Bytes(PACK as u64), filled, finish);
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    OsEntropy.fill(&mut bytes);
    bytes
}

fn random_id() -> BlobId {
    let entropy: &dyn Entropy = &OsEntropy;
    BlobId::new(entropy.bytes())
}

pub fn index(table: &mut Table) {
    let (hit, miss) = ("index lookup, there", "index lookup, not there");
    if !table.wants_any(&[hit, miss]) {
        return;
    }
    let repository = repository();
    let session = session(&repository);
    let mut compressor = repository.compressor().unwrap();
    let mut save = |number: u64| {
        session.save(BlobClass::Data, &number.to_le_bytes(), &mut compressor).unwrap()
    };
    let mut ids: Vec<BlobId> = (0..BLOBS).map(&mut save).collect();
    session.flush().unwrap();
    session.end().unwrap();
    let catalog = BlobReader::new(Arc::clone(&repository)).unwrap().catalog();
    // In the order of their ids, which is none as far as the blobs go.
    ids.sort_unstable();
    ids.truncate(LOOKUPS);
    let strangers: Vec<BlobId> = ids.iter().map(|_| random_id()).collect();
    let work = Work::Things(LOOKUPS as u64, "lookup");
    let count = |ids: &[BlobId]| ids.iter().filter(|id| catalog.is_reusable(id)).count();
    table.measure(hit, work, || (), |()| count(&ids));
    table.measure(miss, work, || (), |()| count(&strangers));
}

/// A small file in a large directory.
fn entry(number: u64) -> Entry {
    let id = BlobId::new(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let file = File {
        size: 1000,
        hash: Some(ContentHash::new(*id.bytes())),
        holes: Vec::new(),
        chunks: ChunkTree { depth: 0, nodes: vec![ChunkRef { id, length: 1000 }] },
        reading: Reading::Steady,
    };
    let name = format!("conversation-{number:08}.json").into_bytes();
    Entry {
        name: EntryName::new(name).unwrap(),
        kind: Kind::File(file),
        metadata: Metadata { mode: 0o644, user_name: "bot".to_owned(), ..Metadata::default() },
        link_group: None,
    }
}

pub fn tree(table: &mut Table) {
    let (write_name, read_name, find_name) = ("tree write", "tree read", "tree find");
    if !table.wants_any(&[write_name, read_name, find_name]) {
        return;
    }
    let entries: Vec<Entry> = (0..NAMES).map(entry).collect();
    let names = Work::Things(NAMES, "entry");
    let fresh = || session(&repository());
    table.measure(write_name, names, fresh, |session| (write(&session, &entries), session));
    let repository = repository();
    let session = session(&repository);
    let root = write(&session, &entries);
    session.flush().unwrap();
    session.end().unwrap();
    let reader = BlobReader::new(Arc::clone(&repository)).unwrap();
    let read = |()| reader.entries(&root).unwrap().filter(|entry| entry.is_ok()).count();
    table.measure(read_name, names, || (), read);
    let wanted: Vec<&[u8]> = entries.iter().step_by(997).map(|one| one.name.bytes()).collect();
    let find = |()| {
        let found = |name: &&&[u8]| reader.find_entry(&root, name).unwrap().is_some();
        wanted.iter().filter(found).count()
    };
    table.measure(find_name, Work::Things(wanted.len() as u64, "find"), || (), find);
}

fn write(session: &Session, entries: &[Entry]) -> BlobId {
    let mut compressor = session.repository().compressor().unwrap();
    let mut sink = TreeSink { session, compressor: &mut compressor };
    let mut writer = TreeWriter::new();
    for entry in entries {
        writer.push(entry, &mut sink).unwrap();
    }
    writer.finish(&mut sink).unwrap()
}
