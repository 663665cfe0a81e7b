//! What is sealed, made with the right key: a codec, a length that may lie, and bytes.

use super::reading::read;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use snapstore::codec::{Class, Decompressor, Place, Secret, open_with};
use snapstore::model::RepositoryId;

/// Opened content may be so long.
const LIMIT: usize = 1 << 20;
const CONTEXT: [u8; 32] = [4; 32];

pub fn body(bytes: &[u8]) {
    let (key, repository) = (Secret::new([7; 32]), RepositoryId::new([3; 16]));
    let place = Place { repository, class: Class::DataBlob, context: &CONTEXT, epoch: 1 };
    let mut decompressor = Decompressor::new().expect("a decompressor");
    let mut sealed = seal(&key, bytes);
    if let Some(plain) = read(open_with(&key, &place, &mut sealed, LIMIT, &mut decompressor)) {
        let said = bytes.get(1..5).and_then(|field| field.first_chunk::<4>());
        let said = u32::from_le_bytes(*said.expect("a length")) as usize;
        assert!(plain.len() == said && said <= LIMIT);
    }
    // As it came it is no sealed thing.
    assert!(open_with(&key, &place, &mut bytes.to_vec(), LIMIT, &mut decompressor).is_err());
}

/// Seals a payload as it is, by `docs/format.md`.
fn seal(key: &Secret, payload: &[u8]) -> Vec<u8> {
    let (epoch, salt, class) = (1_u32.to_le_bytes(), [9; 16], [Class::DataBlob as u8]);
    let mut derived = [0; 76];
    let mut hasher = blake3::Hasher::new_keyed(key.bytes());
    hasher.update(b"snap1").update(&class).update(&salt).update(&CONTEXT);
    hasher.finalize_xof().fill(&mut derived);
    let associated = [&b"snap1"[..], &[3; 16], &class, &epoch, &CONTEXT].concat();
    let cipher = Aes256Gcm::new_from_slice(&derived[..32]).expect("a key");
    let nonce = Nonce::try_from(&derived[32..44]).expect("a nonce");
    let mut encrypted = payload.to_vec();
    let tag = cipher.encrypt_inout_detached(&nonce, &associated, encrypted.as_mut_slice().into());
    let tag = tag.expect("a short message");
    [&epoch[..], &salt, &encrypted, &tag].concat()
}
