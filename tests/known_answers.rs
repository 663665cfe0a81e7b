//! Known answers for every primitive of the format, from `fixtures/known_answers.json`. The
//! independent reader is held against the same file (`tests/independent_reader/known_answers.py`).

use serde_json::Value;
use snapstore::codec::{
    ChunkParameters, Chunker, Class, Compression, Compressor, Decompressor, FileHasher,
    PieceCutter, Place, Secret, derive_from_key_file, derive_from_password, identify,
    object_context, open_with, seal_with,
};
use snapstore::format::{KeySlot, SlotKind, decode_ring, encode_ring};
use snapstore::model::{Entropy, Extent, KeyId, RepositoryId, data_extents};

const ANSWERS: &str = include_str!("../fixtures/known_answers.json");

/// Calls `check` with every case of a primitive.
fn each(primitive: &str, check: impl Fn(&Value)) {
    let answers: Value = serde_json::from_str(ANSWERS).unwrap();
    let cases = answers[primitive].as_array().unwrap();
    assert!(!cases.is_empty());
    cases.iter().for_each(check);
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} is missing in {case}"))
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap_or_else(|| panic!("{name} is missing in {case}"))
}

fn bytes(case: &Value, name: &str) -> Vec<u8> {
    let pairs = text(case, name).as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(case: &Value, name: &str) -> [u8; N] {
    bytes(case, name).try_into().unwrap()
}

fn secret(case: &Value, name: &str) -> Secret {
    Secret::new(array(case, name))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Content that the file names by its seed; zeros for an empty one.
fn noise(case: &Value, length: usize) -> Vec<u8> {
    let mut data = vec![0; length];
    let seed = bytes(case, "seed");
    if !seed.is_empty() {
        blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut data);
    }
    data
}

/// Chance that is known beforehand.
struct Known([u8; 16]);

impl Entropy for Known {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[test]
fn ids() {
    each("id", |case| {
        let id = identify(&secret(case, "key"), &bytes(case, "plain"));
        assert_eq!(id.hex(), text(case, "id"));
    });
}

#[test]
fn contexts() {
    each("context", |case| {
        assert_eq!(hex(&object_context(text(case, "name"))), text(case, "context"));
    });
}

#[test]
fn cut_points() {
    each("cut", |case| {
        let numbers =
            |name: &str| case[name].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
        let sizes: Vec<u32> = numbers("sizes").map(|size| size as u32).collect();
        let parameters = ChunkParameters::new(sizes[0], sizes[1], sizes[2]).unwrap();
        let chunker = Chunker::new(&secret(case, "chunk_key"), parameters);
        let data = noise(case, number(case, "length") as usize);
        let mut rest = data.as_slice();
        for length in numbers("lengths") {
            assert_eq!(chunker.cut(rest) as u64, length, "{}", case["what"]);
            rest = &rest[length as usize..];
        }
        assert!(rest.is_empty());
    });
}

#[test]
fn piece_cuts() {
    each("piece", |case| {
        let ends = |bits: u64| {
            let cutter = PieceCutter::new(&secret(case, "chunk_key"), bits as u32);
            cutter.ends_after(number(case, "level") as u8, &bytes(case, "name"))
        };
        let zeros = number(case, "zero_bits");
        assert!(ends(zeros) && !ends(zeros + 1), "{}", case["what"]);
    });
}

#[test]
fn file_hashes() {
    each("file_hash", |case| {
        let hole = |hole: &Value| Extent {
            offset: hole[0].as_u64().unwrap(),
            length: hole[1].as_u64().unwrap(),
        };
        let holes: Vec<Extent> = case["holes"].as_array().unwrap().iter().map(hole).collect();
        let size = number(case, "size");
        let length: u64 = data_extents(size, &holes).map(|extent| extent.length).sum();
        let mut hasher = FileHasher::new();
        hasher.update(&noise(case, length as usize));
        assert_eq!(hasher.finish(size, &holes).hex(), text(case, "hash"), "{}", case["what"]);
    });
}

const CLASSES: [Class; 12] = [
    Class::DataBlob,
    Class::TreeBlob,
    Class::PackTable,
    Class::Index,
    Class::Snapshot,
    Class::Session,
    Class::Config,
    Class::Forgotten,
    Class::Prune,
    Class::Damaged,
    Class::KeyRing,
    Class::LogSegment,
];

#[test]
fn seals() {
    each("seal", |case| {
        let place = Place {
            repository: RepositoryId::new(array(case, "repository")),
            class: CLASSES[number(case, "class") as usize - 1],
            context: &array(case, "context"),
            epoch: number(case, "epoch") as u32,
        };
        assert_eq!(place.class as u64, number(case, "class"));
        let (key, plain, sealed) =
            (secret(case, "key"), bytes(case, "plain"), bytes(case, "sealed"));
        let opened = open_with(
            &key,
            &place,
            &mut sealed.clone(),
            plain.len(),
            &mut Decompressor::new().unwrap(),
        );
        assert_eq!(opened.unwrap(), plain, "{}", case["what"]);
        if number(case, "codec") == 0 {
            let mut compressor = Compressor::new(Compression::None).unwrap();
            let salt = Known(array(case, "salt"));
            let again = seal_with(&key, &place, &plain, &mut compressor, &salt).unwrap();
            assert_eq!(hex(&again), hex(&sealed), "{}", case["what"]);
        }
    });
}

/// Key derivation from passwords and key files, heads, rings: whole slots.
#[test]
fn key_slots() {
    each("slot", |case| {
        let id = KeyId::new(array(case, "id"));
        let slot = KeySlot::decode(id, &bytes(case, "stored")).unwrap();
        assert_eq!((slot.head.id(), slot.encode()), (id, bytes(case, "stored")));
        let key = match slot.head.kind {
            SlotKind::Password(parameters) => {
                let password = text(case, "password").as_bytes();
                derive_from_password(password, &slot.head.salt, parameters).unwrap()
            }
            SlotKind::KeyFile => derive_from_key_file(&secret(case, "key"), &slot.head.salt),
        };
        assert_eq!(hex(key.bytes()), text(case, "key_encryption_key"));
        let place = Place {
            repository: RepositoryId::new(array(case, "repository")),
            class: Class::KeyRing,
            context: &object_context(&format!("keys/{id}")),
            epoch: 0,
        };
        let limit = 64 * 1024;
        let mut decompressor = Decompressor::new().unwrap();
        let plain =
            open_with(&key, &place, &mut slot.sealed_ring.clone(), limit, &mut decompressor)
                .unwrap();
        let ring = decode_ring(&plain).unwrap();
        assert_eq!(*encode_ring(&ring), plain);
        let keys =
            [&ring.data_id_key, &ring.tree_id_key, &ring.chunk_key].map(|key| hex(key.bytes()));
        assert_eq!(serde_json::json!(keys), case["keys"]);
        let epochs: Vec<_> =
            ring.epochs().iter().map(|epoch| (epoch.number, hex(epoch.key.bytes()))).collect();
        assert_eq!(serde_json::json!(epochs), case["epochs"]);
    });
}
