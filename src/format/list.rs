//! Lists in records. A byte of input can stand for a record of hundreds of bytes in memory, so
//! what the lists of one object take together has a bound.

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// What the items of all lists of one object may take, in bytes: many times what any writer puts
/// into one.
const MOST_BYTES: usize = 64 << 20;

thread_local! {
    /// What is left of that for the object that this thread decodes.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// To be called before each object.
pub(super) fn begin() {
    LEFT.set(MOST_BYTES);
}

/// Values after each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            let left = LEFT.get().checked_sub(size_of::<T>());
            LEFT.set(left.ok_or_else(|| A::Error::custom("its lists are too long"))?);
            items.push(item);
        }
        Ok(List(items))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{decode, encode, record};
    use super::*;

    record! {
        Wide {
            "a" => a: [u64; 32],
        }
    }

    record! {
        Holder {
            "l" => list: List<Wide>,
            "o" => other: List<Wide>,
        }
    }

    fn empty(count: usize) -> List<Wide> {
        (0..count).map(|_| Wide::default()).collect()
    }

    #[test]
    fn lists_come_back_until_they_are_too_long_together() {
        let most = MOST_BYTES / size_of::<Wide>();
        let fits = Holder { list: empty(most / 2), other: empty(most / 2) };
        assert!(decode::<Holder>("holder", &encode(&fits)).unwrap() == fits);
        let exceeds = Holder { list: empty(most / 2), other: empty(most / 2 + 1) };
        let refused = decode::<Holder>("holder", &encode(&exceeds)).unwrap_err();
        assert!(refused.to_string().contains("too long"), "{refused}");
    }
}
