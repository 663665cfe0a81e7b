//! What can happen to an object.

use snapstore::storage::{MemoryStorage, ObjectName};

/// One damage, to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    Flip {
        byte: usize,
        bit: u8,
    },
    /// A byte is another one: all its bits that are in `by` are flipped.
    Byte {
        byte: usize,
        by: u8,
    },
    /// One more byte before this one.
    Insert(usize),
    /// Cut to so many bytes.
    Truncate(usize),
    /// One more byte at the end.
    Extend,
    /// 4 KiB of zeros from here, or as many as there are bytes.
    Zero(usize),
    Delete,
    /// It has the bytes of another, and that one its.
    Swap(ObjectName),
}

impl Damage {
    /// Every kind, at places spread over `length` bytes; flips at `flips` places.
    pub fn samples(length: usize, flips: usize, others: &[ObjectName]) -> Vec<Self> {
        let mut damages = vec![Self::Truncate(0), Self::Extend, Self::Delete, Self::Zero(0)];
        for shorter in [length.saturating_sub(1), length / 2] {
            damages.push(Self::Truncate(shorter));
        }
        if length > 8192 {
            damages.extend([Self::Zero(length / 2), Self::Zero(length - 4096)]);
        }
        damages
            .extend(spread(length, flips).map(|byte| Self::Flip { byte, bit: (byte % 8) as u8 }));
        damages.extend(others.iter().cloned().map(Self::Swap));
        damages
    }

    /// Whether an object of these bytes is another one after it.
    pub fn changes(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Zero(start) => bytes[*start..].iter().take(4096).any(|byte| *byte != 0),
            _ => true,
        }
    }

    /// Inflicts it.
    pub fn inflict(&self, storage: &MemoryStorage, name: &ObjectName) {
        let mut bytes = storage.raw(name).unwrap();
        match self {
            Self::Flip { byte, bit } => bytes[*byte] ^= 1 << bit,
            Self::Byte { byte, by } => bytes[*byte] ^= by,
            Self::Insert(byte) => bytes.insert(*byte, b' '),
            Self::Truncate(length) => bytes.truncate(*length),
            Self::Extend => bytes.push(0),
            Self::Zero(start) => {
                bytes.iter_mut().skip(*start).take(4096).for_each(|byte| *byte = 0)
            }
            Self::Delete => {
                storage.remove(name);
                return;
            }
            Self::Swap(other) => {
                let others = storage.raw(other).unwrap();
                storage.overwrite(other, &bytes);
                bytes = others;
            }
        }
        storage.overwrite(name, &bytes);
    }
}

/// `count` positions in `length` bytes, the first and the last among them.
fn spread(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(length);
    (0..count).map(move |number| number * (length - 1) / (count - 1).max(1))
}
