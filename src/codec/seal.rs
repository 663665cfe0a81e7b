//! Sealing: AES-256-GCM with a fresh key for every seal, so that no nonce is ever counted, and
//! with everything that a thing is (class, name or id, repository) bound into key and tag.

use super::{Class, CompressError, Compressor, Decompressor, KeyRing, Secret};
use crate::model::{Entropy, RepositoryId};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PREFIX: &[u8; 5] = b"snap1";
const SALT: usize = 16;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const PAYLOAD_HEAD: usize = 5;

/// Why sealed bytes did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("it is too short")]
    Short,
    #[error("it is sealed with master key {0}, which this key ring does not have")]
    UnknownEpoch(u32),
    /// Another key, another place, or changed bytes: cryptography cannot tell which.
    #[error("it was changed, or is not what its name says")]
    Forged,
    #[error("its codec {0} is unknown")]
    Codec(u8),
    #[error("its content would be {length} bytes long, more than the {limit} allowed")]
    TooLong { length: u64, limit: u64 },
    #[error(transparent)]
    Content(#[from] CompressError),
}

/// Seals and opens with the keys of one repository. Shared by all threads.
pub struct Sealer {
    repository: RepositoryId,
    ring: KeyRing,
}

impl Sealer {
    pub fn new(repository: RepositoryId, ring: KeyRing) -> Self {
        Self { repository, ring }
    }

    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub fn repository(&self) -> RepositoryId {
        self.repository
    }

    /// How many bytes sealing adds to a payload that is not compressed.
    pub const fn overhead(class: Class) -> usize {
        let commitment =
            if matches!(class, Class::DataBlob | Class::TreeBlob) { 0 } else { COMMITMENT };
        4 + SALT + commitment + PAYLOAD_HEAD + TAG
    }

    /// Compresses and seals with the newest master key. `plain` below 4 GiB.
    pub fn seal(
        &self,
        class: Class,
        context: &[u8; 32],
        plain: &[u8],
        compressor: &mut Compressor,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, CompressError> {
        let epoch = self.ring.newest();
        let place = Place { repository: self.repository, class, context, epoch: epoch.number };
        seal_with(&epoch.key, &place, plain, compressor, entropy)
    }

    /// Opens and decompresses; content longer than `limit` is refused before memory is taken.
    pub fn open(
        &self,
        class: Class,
        context: &[u8; 32],
        sealed: &[u8],
        limit: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Vec<u8>, OpenError> {
        let head = sealed.first_chunk::<4>().ok_or(OpenError::Short)?;
        let number = u32::from_le_bytes(*head);
        let epoch = self.ring.epoch(number).ok_or(OpenError::UnknownEpoch(number))?;
        let place = Place { repository: self.repository, class, context, epoch: number };
        open_with(&epoch.key, &place, sealed, limit, decompressor)
    }
}

/// Everything that a sealed thing is bound to.
pub struct Place<'a> {
    pub repository: RepositoryId,
    pub class: Class,
    pub context: &'a [u8; 32],
    pub epoch: u32,
}

/// Seals with a given key. See `docs/format.md`, "Sealing".
pub fn seal_with(
    key: &Secret,
    place: &Place<'_>,
    plain: &[u8],
    compressor: &mut Compressor,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, CompressError> {
    let length = u32::try_from(plain.len())
        .map_err(|_| CompressError::Length { expected: u32::MAX as usize, found: plain.len() })?;
    let salt: [u8; SALT] = entropy.bytes();
    let keys = DerivedKeys::derive(key, place, &salt);
    let (codec, bytes) = match compressor.compress(plain)? {
        Some(compressed) => (1, compressed),
        None => (0, plain),
    };
    let mut sealed = Vec::with_capacity(Sealer::overhead(place.class) + bytes.len());
    sealed.extend_from_slice(&place.epoch.to_le_bytes());
    sealed.extend_from_slice(&salt);
    if place.class.commits() {
        sealed.extend_from_slice(keys.commitment());
    }
    let start = sealed.len();
    sealed.push(codec);
    sealed.extend_from_slice(&length.to_le_bytes());
    sealed.extend_from_slice(bytes);
    let tag = keys.encrypt(&place.associated_data(), &mut sealed[start..])?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens with a given key.
pub fn open_with(
    key: &Secret,
    place: &Place<'_>,
    sealed: &[u8],
    limit: usize,
    decompressor: &mut Decompressor,
) -> Result<Vec<u8>, OpenError> {
    let rest = sealed.get(4..).ok_or(OpenError::Short)?;
    let (salt, mut rest) = rest.split_first_chunk::<SALT>().ok_or(OpenError::Short)?;
    let keys = DerivedKeys::derive(key, place, salt);
    if place.class.commits() {
        let (commitment, after) = rest.split_first_chunk::<COMMITMENT>().ok_or(OpenError::Short)?;
        if !bool::from(commitment.as_slice().ct_eq(keys.commitment())) {
            return Err(OpenError::Forged);
        }
        rest = after;
    }
    let (encrypted, tag) = rest.split_last_chunk::<TAG>().ok_or(OpenError::Short)?;
    let mut payload = encrypted.to_vec();
    keys.decrypt(&place.associated_data(), &mut payload, tag)?;
    unpack(payload, limit, decompressor)
}

/// The content of an authentic payload.
fn unpack(
    mut payload: Vec<u8>,
    limit: usize,
    decompressor: &mut Decompressor,
) -> Result<Vec<u8>, OpenError> {
    let head = *payload.first_chunk::<PAYLOAD_HEAD>().ok_or(OpenError::Short)?;
    let [codec, length @ ..] = head;
    let length = u32::from_le_bytes(length) as usize;
    if length > limit {
        return Err(OpenError::TooLong { length: length as u64, limit: limit as u64 });
    }
    match codec {
        0 if payload.len() - PAYLOAD_HEAD == length => {
            payload.drain(..PAYLOAD_HEAD);
            Ok(payload)
        }
        0 => {
            let found = payload.len() - PAYLOAD_HEAD;
            Err(CompressError::Length { expected: length, found }.into())
        }
        1 => Ok(decompressor.decompress(&payload[PAYLOAD_HEAD..], length)?),
        other => Err(OpenError::Codec(other)),
    }
}

impl Place<'_> {
    fn associated_data(&self) -> [u8; 58] {
        let mut data = [0; 58];
        data[..5].copy_from_slice(PREFIX);
        data[5..21].copy_from_slice(self.repository.bytes());
        data[21] = self.class as u8;
        data[22..26].copy_from_slice(&self.epoch.to_le_bytes());
        data[26..].copy_from_slice(self.context);
        data
    }
}

/// key (32) || nonce (12) || commitment (32).
struct DerivedKeys(Zeroizing<[u8; 76]>);

impl DerivedKeys {
    fn derive(key: &Secret, place: &Place<'_>, salt: &[u8; SALT]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key.bytes());
        hasher.update(PREFIX).update(&[place.class as u8]).update(salt).update(place.context);
        let mut output = Zeroizing::new([0; 76]);
        hasher.finalize_xof().fill(output.as_mut_slice());
        Self(output)
    }

    fn commitment(&self) -> &[u8] {
        &self.0[44..]
    }

    fn cipher(&self) -> (Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>) {
        let mut key = [0; 32];
        key.copy_from_slice(&self.0[..32]);
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&self.0[32..44]);
        let cipher = Aes256Gcm::new(&key.into());
        zeroize::Zeroize::zeroize(&mut key);
        (cipher, nonce.into())
    }

    fn encrypt(&self, associated: &[u8], bytes: &mut [u8]) -> Result<[u8; TAG], CompressError> {
        let (cipher, nonce) = self.cipher();
        let length = bytes.len();
        let tag = cipher
            .encrypt_inout_detached(&nonce, associated, bytes.into())
            .map_err(|_| CompressError::Length { expected: u32::MAX as usize, found: length })?;
        Ok(tag.into())
    }

    fn decrypt(
        &self,
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), OpenError> {
        let (cipher, nonce) = self.cipher();
        let tag: Tag = (*tag).into();
        cipher
            .decrypt_inout_detached(&nonce, associated, bytes.into(), &tag)
            .map_err(|_| OpenError::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Compression;
    use crate::model::OsEntropy;

    fn sealer() -> Sealer {
        Sealer::new(RepositoryId::new([1; 16]), KeyRing::generate(&OsEntropy))
    }

    fn seal(sealer: &Sealer, class: Class, plain: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(Compression::Zstd(3)).unwrap();
        sealer.seal(class, &[2; 32], plain, &mut compressor, &OsEntropy).unwrap()
    }

    fn open(sealer: &Sealer, class: Class, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        sealer.open(class, &[2; 32], sealed, 1 << 20, &mut Decompressor::new().unwrap())
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let sealer = sealer();
        for plain in [&b""[..], b"short", &[9; 100_000]] {
            let sealed = seal(&sealer, Class::Index, plain);
            assert_eq!(open(&sealer, Class::Index, &sealed).unwrap(), plain);
            assert!(matches!(open(&sealer, Class::Snapshot, &sealed), Err(OpenError::Forged)));
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let sealer = sealer();
        for class in [Class::DataBlob, Class::Index] {
            let sealed = seal(&sealer, class, b"something to keep");
            for position in 0..sealed.len() * 8 {
                let mut changed = sealed.clone();
                changed[position / 8] ^= 1 << (position % 8);
                assert!(open(&sealer, class, &changed).is_err());
            }
            for length in 0..sealed.len() {
                assert!(open(&sealer, class, &sealed[..length]).is_err());
            }
        }
    }

    #[test]
    fn too_long_content_is_refused_before_it_is_made() {
        let sealer = sealer();
        let bomb = seal(&sealer, Class::DataBlob, &vec![0; 2 << 20]);
        assert!(bomb.len() < 1000);
        assert!(matches!(open(&sealer, Class::DataBlob, &bomb), Err(OpenError::TooLong { .. })));
    }
}
