//! A repository with real keys, into which anything can be put.

use super::value::{Value, array, bin, int, map, text, uint};
use aes_gcm::aead::{AeadInOut, KeyInit};
use snapstore::codec::{BlobClass, Class, KeyRing, PasswordParameters, identify, object_context};
use snapstore::format::RepositoryConfig;
use snapstore::model::{Clock, Entropy, RepositoryId, SystemClock};
use snapstore::repo::{Credential, InitOptions, Surroundings, init};
use snapstore::storage::{LocalStorage, Storage};
use std::path::Path;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

pub type Id = [u8; 32];

/// The same bytes in every run: so the keys are known.
struct Known(Mutex<blake3::OutputReader>);

impl Known {
    fn new() -> Self {
        Self(Mutex::new(blake3::Hasher::new().update(b"hostile").finalize_xof()))
    }
}

impl Entropy for Known {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// A blob that waits for its pack.
struct Blob {
    class: BlobClass,
    id: Id,
    sealed: Vec<u8>,
    plain: u32,
}

pub struct Forge {
    pub storage: LocalStorage,
    pub repository: RepositoryId,
    ring: KeyRing,
    entropy: Known,
    blobs: Vec<Blob>,
    snapshots: u8,
}

pub const PASSWORD: &str = "hostile";

impl Forge {
    /// Makes a repository there.
    pub fn new(place: &Path) -> Self {
        let storage = LocalStorage::create(place).unwrap();
        let surroundings = Surroundings {
            clock: Arc::new(SystemClock) as Arc<dyn Clock>,
            entropy: Arc::new(Known::new()),
            cache: None,
            workers: 1,
        };
        let password = Zeroizing::new(PASSWORD.as_bytes().to_vec());
        let credential =
            Credential::Password { password, parameters: PasswordParameters::CHEAPEST };
        let config = RepositoryConfig::standard(vec![("daily".to_string(), "7".to_string())]);
        let options = InitOptions { config, label: "test".to_string() };
        let made = init(Arc::new(storage.clone()), &credential, options, surroundings).unwrap();
        let ring = KeyRing::generate(&Known::new());
        let (entropy, blobs) = (Known::new(), Vec::new());
        Self { storage, repository: made.id(), ring, entropy, blobs, snapshots: 0 }
    }

    /// Seals any payload: codec, length and bytes need not fit each other.
    pub fn seal(&self, class: Class, context: &[u8; 32], payload: &[u8]) -> Vec<u8> {
        let epoch = self.ring.newest();
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        let mut hasher = blake3::Hasher::new_keyed(epoch.key.bytes());
        hasher.update(b"snap1").update(&[class as u8]).update(&salt).update(context);
        let mut keys = [0; 76];
        hasher.finalize_xof().fill(&mut keys);
        let (key, rest) = keys.split_first_chunk::<32>().unwrap();
        let (nonce, commitment) = rest.split_first_chunk::<12>().unwrap();
        let number = epoch.number.to_le_bytes();
        let repository = self.repository.bytes();
        let associated = [&b"snap1"[..], repository, &[class as u8], &number, context].concat();
        let mut bytes = payload.to_vec();
        let cipher = aes_gcm::Aes256Gcm::new(key.into());
        let tag = cipher
            .encrypt_inout_detached(nonce.into(), &associated, bytes.as_mut_slice().into())
            .unwrap();
        let commitment = if class.commits() { commitment } else { &[] };
        [&number[..], &salt, commitment, &bytes, &tag].concat()
    }

    /// A payload of these bytes, compressed where that is worth it.
    fn payload(plain: &[u8]) -> Vec<u8> {
        let length = u32::try_from(plain.len()).unwrap().to_le_bytes();
        let compressed = zstd::bulk::compress(plain, 1).unwrap();
        match compressed.len() < plain.len() {
            true => [&[1][..], &length, &compressed].concat(),
            false => [&[0][..], &length, plain].concat(),
        }
    }

    /// Puts a sealed object under a name.
    pub fn put(&self, class: Class, name: &str, plain: &[u8]) {
        self.put_payload(class, name, &Self::payload(plain));
    }

    pub fn put_payload(&self, class: Class, name: &str, payload: &[u8]) {
        let sealed = self.seal(class, &object_context(name), payload);
        self.put_raw(name, &sealed);
    }

    pub fn put_raw(&self, name: &str, bytes: &[u8]) {
        self.storage.put_if_absent(&name.parse().unwrap(), bytes).unwrap();
    }

    /// A blob of these bytes.
    pub fn blob(&mut self, class: BlobClass, plain: &[u8]) -> Id {
        self.blob_as(class, plain, &Self::payload(plain), plain.len() as u32)
    }

    /// A blob that is sealed as that of `plain`, and is this payload; the tables say that it is
    /// so long.
    pub fn blob_as(&mut self, class: BlobClass, plain: &[u8], payload: &[u8], said: u32) -> Id {
        let id = *identify(self.ring.id_key(class), plain).bytes();
        let sealed = self.seal(class.class(), &id, payload);
        self.blobs.push(Blob { class, id, sealed, plain: said });
        id
    }

    pub fn data(&mut self, plain: &[u8]) -> Id {
        self.blob(BlobClass::Data, plain)
    }

    /// A tree blob.
    pub fn tree(&mut self, record: &[u8]) -> Id {
        self.blob(BlobClass::Tree, record)
    }

    /// A directory of these entries, in this order.
    pub fn directory(&mut self, entries: &[Value]) -> Id {
        let record = match entries.is_empty() {
            true => map(&[]),
            false => map(&[("e", array(entries))]),
        };
        self.tree(&record)
    }

    /// Packs what waits, and an index object for it whose lines `lie` may change.
    pub fn flush_with(&mut self, lie: &dyn Fn(&mut Vec<Line>)) {
        let blobs = std::mem::take(&mut self.blobs);
        let mut packs = Vec::new();
        for class in [BlobClass::Data, BlobClass::Tree] {
            let mut of_class = blobs.iter().filter(|blob| blob.class == class).peekable();
            while of_class.peek().is_some() {
                let (mut bytes, mut lines) = (Vec::new(), Vec::new());
                while let Some(blob) = of_class.next_if(|_| bytes.len() < 32 << 20) {
                    bytes.extend_from_slice(&blob.sealed);
                    let stored = blob.sealed.len() as u32;
                    lines.push(Line { id: blob.id, stored, plain: blob.plain });
                }
                packs.push(self.pack(class, bytes, lines, lie));
            }
        }
        if !packs.is_empty() {
            self.index(&packs);
        }
    }

    pub fn flush(&mut self) {
        self.flush_with(&|_| {});
    }

    /// Writes a pack; its record in an index object.
    fn pack(
        &self,
        class: BlobClass,
        mut bytes: Vec<u8>,
        mut lines: Vec<Line>,
        lie: &dyn Fn(&mut Vec<Line>),
    ) -> Value {
        lie(&mut lines);
        let lines: Vec<u8> = lines.iter().flat_map(Line::bytes).collect();
        let table = map(&[("b", bin(&lines))]);
        let sealed = self.seal(Class::PackTable, &[0; 32], &Self::payload(&table));
        let footer = snapstore::format::PackFooter {
            class,
            session: snapstore::model::SessionId::new([9; 16]),
            table: sealed.len() as u32,
            parity: 0,
        };
        bytes.extend_from_slice(&sealed);
        bytes.extend_from_slice(&footer.encode());
        let id = blake3::hash(&bytes);
        let name = snapstore::format::pack_name(&snapstore::model::PackId::new(*id.as_bytes()));
        self.put_raw(&name, &bytes);
        map(&[
            ("i", bin(id.as_bytes())),
            ("s", bin(&[9; 16])),
            ("c", uint(class.class() as u64)),
            ("z", uint(bytes.len() as u64)),
            ("b", bin(&lines)),
        ])
    }

    /// An index object of these packs.
    pub fn index(&self, packs: &[Value]) {
        self.index_of(&map(&[("s", bin(&[9; 16])), ("p", array(packs))]));
    }

    pub fn index_of(&self, record: &[u8]) {
        let sealed = self.seal(Class::Index, &[0; 32], &Self::payload(record));
        self.put_raw(&format!("index/{}", blake3::hash(&sealed).to_hex()), &sealed);
    }

    /// Flushes, and commits a snapshot whose root directory this is.
    pub fn commit(&mut self, root: Id) {
        self.commit_with(root, &[]);
    }

    /// The same with the database `bot` as its source.
    pub fn commit_database(&mut self, root: Id) {
        let time = map(&[("s", int(1_764_000_000))]);
        let source =
            [("a", bin(b"mongodb://rs0/bot")), ("p", bin(b"mongodb/rs0/bot")), ("t", time)];
        self.commit_with(root, &[("s", array(&[map(&source)]))]);
    }

    fn commit_with(&mut self, root: Id, more: &[(&str, Value)]) {
        let record = snapshot(root, more);
        // The spare copy.
        self.tree(&record);
        self.flush();
        self.commit_of(&record);
    }

    /// The same with `files/evil` as that directory.
    pub fn commit_evil(&mut self, evil: Id) {
        let evil = self.directory(&[folder("evil", evil)]);
        let root = self.directory(&[folder("files", evil)]);
        self.commit(root);
    }

    pub fn commit_of(&mut self, record: &[u8]) {
        self.snapshots += 1;
        let id = snapstore::model::SessionId::new([self.snapshots; 16]);
        self.put(Class::Snapshot, &snapstore::format::snapshot_name(&id), record);
    }
}

/// A line of a pack's table.
#[derive(Clone)]
pub struct Line {
    pub id: Id,
    pub stored: u32,
    pub plain: u32,
}

impl Line {
    fn bytes(&self) -> Vec<u8> {
        [&self.id[..], &self.stored.to_le_bytes(), &self.plain.to_le_bytes()].concat()
    }
}

/// A snapshot; `more` comes between its sources and its tree.
pub fn snapshot(root: Id, more: &[(&str, Value)]) -> Value {
    let time = || map(&[("s", int(1_764_000_000))]);
    let source = map(&[("a", bin(b"/evil")), ("p", bin(b"files/evil")), ("t", time())]);
    let mut pairs = vec![("b", time()), ("t", time()), ("h", text(&host())), ("u", text("user"))];
    if !more.iter().any(|(key, _)| *key == "s") {
        pairs.push(("s", array(&[source])));
    }
    pairs.extend_from_slice(more);
    pairs.extend([("r", bin(&root)), ("w", bin(&[3; 16])), ("m", text("test"))]);
    map(&pairs)
}

/// This machine's: `latest` is one of its snapshots.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

/// An entry: its name, and what comes between the mode and the end.
pub fn entry(name: impl AsRef<[u8]>, kind: u64, mode: u64, more: &[(&str, Value)]) -> Value {
    let mut pairs = Vec::new();
    if !name.as_ref().is_empty() {
        pairs.push(("n", bin(name.as_ref())));
    }
    if kind > 0 {
        pairs.push(("t", uint(kind)));
    }
    if mode > 0 {
        pairs.push(("m", uint(mode)));
    }
    pairs.extend_from_slice(more);
    map(&pairs)
}

pub fn folder(name: impl AsRef<[u8]>, tree: Id) -> Value {
    entry(name, 1, 0o755, &[("D", bin(&tree))])
}

/// A link to `target`.
pub fn link(name: impl AsRef<[u8]>, target: &[u8]) -> Value {
    entry(name, 2, 0o777, &[("T", bin(target))])
}

/// A file of chunks, which may say anything of its size.
pub fn file(name: impl AsRef<[u8]>, size: u64, chunks: &[(Id, u64)]) -> Value {
    entry(name, 0, 0o644, &[("z", uint(size)), ("c", chunk_list(chunks))])
}

pub fn chunk_list(chunks: &[(Id, u64)]) -> Value {
    let chunk = |(id, length): &(Id, u64)| array(&[bin(id), uint(*length)]);
    array(&chunks.iter().map(chunk).collect::<Vec<_>>())
}
