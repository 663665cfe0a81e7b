//! Sealing: AES-256-GCM with a fresh key for every seal, so that no nonce is ever counted, and
//! with everything that a thing is (class, name or id, repository) bound into key and tag.

use super::aead::MessageKey;
use super::{Class, CompressError, Compressor, Decompressor, KeyRing, Secret};
use crate::model::{Entropy, RepositoryId};
use std::ops::Range;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PREFIX: &[u8; 5] = b"snap1";
const SALT: usize = 16;
const COMMITMENT: usize = 32;
pub(super) const TAG: usize = 16;
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

    /// Seals a payload as another repository, or an older key, had it, without compressing it
    /// again.
    pub fn seal_payload(
        &self,
        class: Class,
        context: &[u8; 32],
        payload: &Payload,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, CompressError> {
        let epoch = self.ring.newest();
        let place = Place { repository: self.repository, class, context, epoch: epoch.number };
        seal_parts(&epoch.key, &place, [payload.bytes(), &[]], entropy)
    }

    /// Opens and does not decompress.
    pub fn open_payload(
        &self,
        class: Class,
        context: &[u8; 32],
        mut sealed: Vec<u8>,
    ) -> Result<Payload, OpenError> {
        let length = self.decrypt(class, context, &mut sealed)?.len();
        let end = sealed.len().saturating_sub(TAG);
        Ok(Payload { place: end.saturating_sub(length)..end, decrypted: sealed })
    }

    /// Opens and decompresses; content longer than `limit` is refused before memory is taken.
    /// `sealed` is decrypted where it lies, and opens no second time.
    pub fn open(
        &self,
        class: Class,
        context: &[u8; 32],
        sealed: &mut [u8],
        limit: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Vec<u8>, OpenError> {
        unpack(self.decrypt(class, context, sealed)?, limit, decompressor)
    }

    fn decrypt<'a>(
        &self,
        class: Class,
        context: &[u8; 32],
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], OpenError> {
        let head = sealed.first_chunk::<4>().ok_or(OpenError::Short)?;
        let number = u32::from_le_bytes(*head);
        let epoch = self.ring.epoch(number).ok_or(OpenError::UnknownEpoch(number))?;
        let place = Place { repository: self.repository, class, context, epoch: number };
        decrypt(&epoch.key, &place, sealed)
    }
}

/// What is sealed: codec, plain length, and the bytes, compressed or not.
pub struct Payload {
    /// All that was sealed, and where the payload is in it.
    decrypted: Vec<u8>,
    place: Range<usize>,
}

impl Payload {
    fn bytes(&self) -> &[u8] {
        self.decrypted.get(self.place.clone()).unwrap_or_default()
    }

    pub fn is_compressed(&self) -> bool {
        self.bytes().first() == Some(&1)
    }

    /// The content; longer than `limit` is refused before memory is taken.
    pub fn unpack(
        &self,
        limit: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Vec<u8>, OpenError> {
        unpack(self.bytes(), limit, decompressor)
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
    let (codec, bytes) = match compressor.compress(plain)? {
        Some(compressed) => (1, compressed),
        None => (0, plain),
    };
    let mut head = [codec, 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_le_bytes());
    seal_parts(key, place, [&head, bytes], entropy)
}

/// Seals a payload that comes in two parts.
fn seal_parts(
    key: &Secret,
    place: &Place<'_>,
    parts: [&[u8]; 2],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, CompressError> {
    let salt: [u8; SALT] = entropy.bytes();
    let keys = DerivedKeys::derive(key, place, &salt);
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut sealed = Vec::with_capacity(Sealer::overhead(place.class) + length);
    sealed.extend_from_slice(&place.epoch.to_le_bytes());
    sealed.extend_from_slice(&salt);
    if place.class.commits() {
        sealed.extend_from_slice(&keys.commitment);
    }
    let start = sealed.len();
    parts.iter().for_each(|part| sealed.extend_from_slice(part));
    let tag = keys.encrypt(&place.associated_data(), &mut sealed[start..])?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens with a given key.
pub fn open_with(
    key: &Secret,
    place: &Place<'_>,
    sealed: &mut [u8],
    limit: usize,
    decompressor: &mut Decompressor,
) -> Result<Vec<u8>, OpenError> {
    unpack(decrypt(key, place, sealed)?, limit, decompressor)
}

/// Decrypts where it lies. Returns the authentic payload, which ends before the tag.
fn decrypt<'a>(
    key: &Secret,
    place: &Place<'_>,
    sealed: &'a mut [u8],
) -> Result<&'a [u8], OpenError> {
    let rest = sealed.get_mut(4..).ok_or(OpenError::Short)?;
    let (salt, mut rest) = rest.split_first_chunk_mut::<SALT>().ok_or(OpenError::Short)?;
    let keys = DerivedKeys::derive(key, place, salt);
    if place.class.commits() {
        let (commitment, after) =
            rest.split_first_chunk_mut::<COMMITMENT>().ok_or(OpenError::Short)?;
        if !bool::from(commitment.ct_eq(&keys.commitment)) {
            return Err(OpenError::Forged);
        }
        rest = after;
    }
    let (encrypted, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(OpenError::Short)?;
    keys.decrypt(&place.associated_data(), encrypted, tag)?;
    Ok(encrypted)
}

/// The content of an authentic payload.
fn unpack(
    payload: &[u8],
    limit: usize,
    decompressor: &mut Decompressor,
) -> Result<Vec<u8>, OpenError> {
    let (length, bytes) = split(payload, limit)?;
    match payload.first().copied().unwrap_or_default() {
        0 if bytes.len() == length => Ok(bytes.to_vec()),
        0 => Err(CompressError::Length { expected: length, found: bytes.len() }.into()),
        1 => Ok(decompressor.decompress(bytes, length)?),
        other => Err(OpenError::Codec(other)),
    }
}

/// Plain length and bytes of a payload.
fn split(payload: &[u8], limit: usize) -> Result<(usize, &[u8]), OpenError> {
    let (head, bytes) = payload.split_first_chunk::<PAYLOAD_HEAD>().ok_or(OpenError::Short)?;
    let [_, length @ ..] = *head;
    let length = u32::from_le_bytes(length) as usize;
    match length > limit {
        true => Err(OpenError::TooLong { length: length as u64, limit: limit as u64 }),
        false => Ok((length, bytes)),
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

#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
struct DerivedKeys {
    key: [u8; 32],
    nonce: [u8; 12],
    commitment: [u8; COMMITMENT],
}

impl DerivedKeys {
    fn derive(key: &Secret, place: &Place<'_>, salt: &[u8; SALT]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key.bytes());
        hasher.update(PREFIX).update(&[place.class as u8]).update(salt).update(place.context);
        let mut output = Zeroizing::new([0; 76]);
        hasher.finalize_xof().fill(output.as_mut_slice());
        let mut keys = Self { key: [0; 32], nonce: [0; 12], commitment: [0; COMMITMENT] };
        keys.key.copy_from_slice(&output[..32]);
        keys.nonce.copy_from_slice(&output[32..44]);
        keys.commitment.copy_from_slice(&output[44..]);
        keys
    }

    fn message_key(&self) -> MessageKey<'_> {
        MessageKey { key: &self.key, nonce: &self.nonce }
    }

    fn encrypt(&self, associated: &[u8], bytes: &mut [u8]) -> Result<[u8; TAG], CompressError> {
        let length = bytes.len();
        let too_long = |_| CompressError::Length { expected: u32::MAX as usize, found: length };
        self.message_key().encrypt(associated, bytes).map_err(too_long)
    }

    fn decrypt(
        &self,
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), OpenError> {
        let opened = self.message_key().decrypt(associated, bytes, tag);
        opened.map_err(|_| OpenError::Forged)
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
        sealer.open(
            class,
            &[2; 32],
            &mut sealed.to_vec(),
            1 << 20,
            &mut Decompressor::new().unwrap(),
        )
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
    fn a_payload_is_sealed_again_for_another_repository_as_it_is() {
        let (one, other) = (sealer(), sealer());
        for plain in [&b""[..], b"short", &[9; 100_000]] {
            let sealed = seal(&one, Class::DataBlob, plain);
            let payload = one.open_payload(Class::DataBlob, &[2; 32], sealed.clone()).unwrap();
            let mut decompressor = Decompressor::new().unwrap();
            assert_eq!(payload.unpack(1 << 20, &mut decompressor).unwrap(), plain);
            let again = other.seal_payload(Class::DataBlob, &[2; 32], &payload, &OsEntropy);
            let again = again.unwrap();
            assert_eq!(again.len(), sealed.len());
            assert_eq!(open(&other, Class::DataBlob, &again).unwrap(), plain);
            assert!(open(&one, Class::DataBlob, &again).is_err());
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
