//! Stages that turn bytes into bytes.

use crate::timer::{Table, Work};
use snapstore::codec::{
    BlobClass, ChunkParameters, Chunker, Class, Compression, Compressor, Decompressor, FileHasher,
    KeyRing, Sealer, identify as identify_blob,
};
use snapstore::model::{Entropy, OsEntropy, RepositoryId};

const SIZE: usize = 64 << 20;
/// About the average chunk.
const CHUNK: usize = 512 << 10;

/// Bytes that do not compress.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    OsEntropy.fill(&mut bytes);
    bytes
}

/// Bytes as a knowledge base has them: JSON with words from a small set and numbers.
fn text(length: usize) -> Vec<u8> {
    let words = ["precio", "quote", "aislamiento", "isodec", "panel", "metro", "cliente", "total"];
    let mut state = 7_u64;
    let mut bytes = Vec::with_capacity(length + 100);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let number = (state >> 33) as usize;
        let (one, other) = (words[number % 8], words[number / 8 % 8]);
        bytes.extend(format!("{{\"{one}\": \"{other}\", \"id\": {number}}},\n").bytes());
    }
    bytes.truncate(length);
    bytes
}

fn all() -> Work {
    Work::Bytes(SIZE as u64)
}

pub fn chunk(table: &mut Table) {
    let ring = KeyRing::generate(&OsEntropy);
    let chunker = Chunker::new(&ring.chunk_key, ChunkParameters::STANDARD);
    let data = random(SIZE);
    let cut = |()| {
        let (mut rest, mut chunks) = (&data[..], 0_u64);
        while !rest.is_empty() {
            rest = &rest[chunker.cut(rest)..];
            chunks += 1;
        }
        chunks
    };
    table.measure("chunk", all(), || (), cut);
}

pub fn identify(table: &mut Table) {
    let ring = KeyRing::generate(&OsEntropy);
    let data = random(SIZE);
    let key = ring.id_key(BlobClass::Data);
    let ids = |()| data.chunks(CHUNK).map(|chunk| identify_blob(key, chunk)).collect::<Vec<_>>();
    table.measure("id", all(), || (), ids);
}

pub fn hash_file(table: &mut Table) {
    let data = random(SIZE);
    let hash = |()| {
        let mut hasher = FileHasher::new();
        data.chunks(CHUNK).for_each(|part| hasher.update(part));
        hasher.finish(SIZE as u64, &[])
    };
    table.measure("hash of a file", all(), || (), hash);
}

pub fn compress(table: &mut Table) {
    for (level, name) in [(1, "compress text, zstd 1"), (3, "compress text, zstd 3")] {
        measure_compression(table, name, level, &text(SIZE / 4));
    }
    measure_compression(table, "compress random, zstd 3", 3, &random(SIZE / 4));
    let data = text(CHUNK);
    let mut compressor = Compressor::new(Compression::Zstd(3)).unwrap();
    let stored = compressor.compress(&data).unwrap().unwrap().to_vec();
    let mut decompressor = Decompressor::new().unwrap();
    let work = Work::Bytes(32 * CHUNK as u64);
    table.measure(
        "decompress text",
        work,
        || (),
        |()| (0..32).map(|_| decompressor.decompress(&stored, CHUNK).unwrap().len()).sum::<usize>(),
    );
}

fn measure_compression(table: &mut Table, name: &str, level: i32, data: &[u8]) {
    let mut compressor = Compressor::new(Compression::Zstd(level)).unwrap();
    let compress = |()| {
        let stored = |chunk| compressor.compress(chunk).unwrap().map_or(0, <[u8]>::len);
        data.chunks(CHUNK).map(stored).sum::<usize>()
    };
    table.measure(name, Work::Bytes(data.len() as u64), || (), compress);
}

pub fn seal(table: &mut Table) {
    let sealer = Sealer::new(RepositoryId::new([1; 16]), KeyRing::generate(&OsEntropy));
    let data = random(SIZE);
    let mut plain = Compressor::new(Compression::None).unwrap();
    let mut seal_all = |size: usize| {
        let seal =
            |chunk| sealer.seal(Class::DataBlob, &[7; 32], chunk, &mut plain, &OsEntropy).unwrap();
        data.chunks(size).map(seal).collect::<Vec<_>>()
    };
    let sealed = seal_all(CHUNK);
    table.measure("seal, 512 KiB", all(), || (), |()| seal_all(CHUNK));
    table.measure("seal, 4 KiB", all(), || (), |()| seal_all(4096));
    let mut decompressor = Decompressor::new().unwrap();
    table.measure(
        "open, 512 KiB",
        all(),
        || (),
        |()| {
            let open = |bytes: &Vec<u8>| {
                sealer
                    .open(Class::DataBlob, &[7; 32], &mut bytes.clone(), CHUNK, &mut decompressor)
                    .unwrap()
                    .len()
            };
            sealed.iter().map(open).sum::<usize>()
        },
    );
}
