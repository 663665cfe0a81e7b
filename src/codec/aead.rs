//! AES-256-GCM, a key for each message: by ring, whose assembly takes a third of the time, and by
//! the portable crate where ring has none. The same bytes.

use super::seal::TAG;

/// The tag is wrong, or the message is longer than 64 GiB.
pub struct Refused;

/// What one message is encrypted with.
pub struct MessageKey<'a> {
    pub key: &'a [u8; 32],
    pub nonce: &'a [u8; 12],
}

impl MessageKey<'_> {
    /// Encrypts in place.
    pub fn encrypt(&self, associated: &[u8], bytes: &mut [u8]) -> Result<[u8; TAG], Refused> {
        engine::encrypt(self, associated, bytes)
    }

    /// Decrypts in place; after an error the bytes are worth nothing.
    pub fn decrypt(
        &self,
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Refused> {
        engine::decrypt(self, associated, bytes, tag)
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use assembly as engine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use portable as engine;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod assembly {
    use super::{MessageKey, Refused, TAG};
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use ring::error::Unspecified;

    impl From<Unspecified> for Refused {
        fn from(_: Unspecified) -> Self {
            Refused
        }
    }

    pub fn encrypt(
        message: &MessageKey<'_>,
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Result<[u8; TAG], Refused> {
        let (key, nonce) = prepared(message)?;
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(associated), bytes)?;
        tag.as_ref().try_into().map_err(|_| Refused)
    }

    pub fn decrypt(
        message: &MessageKey<'_>,
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Refused> {
        let (key, nonce) = prepared(message)?;
        let tag = (*tag).into();
        key.open_in_place_separate_tag(nonce, Aad::from(associated), tag, bytes, 0..)?;
        Ok(())
    }

    fn prepared(message: &MessageKey<'_>) -> Result<(LessSafeKey, Nonce), Refused> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, message.key)?);
        Ok((key, Nonce::assume_unique_for_key(*message.nonce)))
    }
}

#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable {
    use super::{MessageKey, Refused, TAG};
    use aes_gcm::aead::{AeadInOut, KeyInit};
    use aes_gcm::{Aes256Gcm, Tag};

    impl From<aes_gcm::Error> for Refused {
        fn from(_: aes_gcm::Error) -> Self {
            Refused
        }
    }

    pub fn encrypt(
        message: &MessageKey<'_>,
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Result<[u8; TAG], Refused> {
        let cipher = Aes256Gcm::new(message.key.into());
        let nonce = (*message.nonce).into();
        Ok(cipher.encrypt_inout_detached(&nonce, associated, bytes.into())?.into())
    }

    pub fn decrypt(
        message: &MessageKey<'_>,
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Refused> {
        let cipher = Aes256Gcm::new(message.key.into());
        let (nonce, tag): (_, Tag) = ((*message.nonce).into(), (*tag).into());
        Ok(cipher.decrypt_inout_detached(&nonce, associated, bytes.into(), &tag)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// What one engine encrypts the other opens, and what is forged neither does.
        #[test]
        fn the_engines_agree(
            key: [u8; 32],
            nonce: [u8; 12],
            associated in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
            plain in proptest::collection::vec(proptest::num::u8::ANY, 0..5000),
            flipped: proptest::sample::Index,
        ) {
            let message = MessageKey { key: &key, nonce: &nonce };
            let (mut one, mut other) = (plain.clone(), plain.clone());
            let tag = message.encrypt(&associated, &mut one).ok();
            let same = portable::encrypt(&message, &associated, &mut other).ok();
            proptest::prop_assert_eq!((&one, tag), (&other, same));
            let tag = tag.unwrap();
            let mut forged = tag;
            forged[flipped.index(TAG)] ^= 1;
            proptest::prop_assert!(message.decrypt(&associated, &mut one.clone(), &forged).is_err());
            let refused = portable::decrypt(&message, &associated, &mut one.clone(), &forged);
            proptest::prop_assert!(refused.is_err());
            proptest::prop_assert!(message.decrypt(&associated, &mut one, &tag).is_ok());
            proptest::prop_assert!(portable::decrypt(&message, &associated, &mut other, &tag).is_ok());
            proptest::prop_assert_eq!((&one, &other), (&plain, &plain));
        }
    }
}
