//! Identifiers: one newtype each, so that a pack can never be asked for by a blob's id.

use std::fmt;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {length} bytes in hexadecimal")]
pub struct InvalidId {
    text: String,
    length: usize,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            pub const LENGTH: usize = $length;

            pub const fn new(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            pub const fn bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// The identifier in a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Lower-case hexadecimal, as it appears in object names and on screens.
            pub fn hex(&self) -> String {
                let mut text = String::with_capacity($length * 2);
                for byte in self.0 {
                    text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
                    text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
                }
                text
            }

            /// The first eight digits, enough for people to tell two apart.
            pub fn short(&self) -> String {
                let mut text = self.hex();
                text.truncate(8);
                text
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = || InvalidId { text: text.chars().take(80).collect(), length: $length };
                let mut bytes = [0; $length];
                if text.len() != $length * 2 {
                    return Err(invalid());
                }
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let high = hex_digit(pair[0]).ok_or_else(invalid)?;
                    let low = hex_digit(pair[1]).ok_or_else(invalid)?;
                    *byte = high << 4 | low;
                }
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }
    };
}

/// Lower case only: an identifier has one spelling.
fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

identifier!(
    /// Names a blob by its content: keyed BLAKE3 of the plain bytes.
    BlobId,
    32
);
identifier!(
    /// BLAKE3 of a whole stored pack.
    PackId,
    32
);
identifier!(
    /// BLAKE3 of a whole stored index object.
    IndexId,
    32
);
identifier!(
    /// BLAKE3 of a file's data and of where it lies (see `docs/format.md`, "file hash").
    ContentHash,
    32
);
identifier!(
    /// BLAKE3 of a snapshot's plain payload: the link in a writer's chain.
    SnapshotHash,
    32
);
identifier!(
    /// One writer's run; also the name of the snapshot that it commits.
    SessionId,
    16
);
identifier!(
    /// A key slot.
    KeyId,
    16
);
identifier!(
    /// The change log of some databases of one server.
    StreamId,
    16
);
identifier!(
    /// A repository, for life.
    RepositoryId,
    16
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_back() {
        let id = SessionId::new(*b"\x00\x01\xfe\xff456789abcdef");
        assert_eq!(id.hex().parse::<SessionId>().unwrap(), id);
    }

    #[test]
    fn only_one_spelling_is_an_identifier() {
        let text = SessionId::new([0xab; 16]).hex();
        assert!(text.to_uppercase().parse::<SessionId>().is_err());
        assert!(text[1..].parse::<SessionId>().is_err());
        assert!("g".repeat(32).parse::<SessionId>().is_err());
    }
}
