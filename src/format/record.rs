//! The canonical encoding: MessagePack, structs as maps with fixed short keys in a fixed order,
//! values that are the default left out. Readers skip unknown keys, and refuse keys out of order,
//! defaults written out, arrays in place of maps, and trailing bytes.

use super::{FormatError, VERSION};
use serde::de::{Deserialize, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::Serialize;
use std::cell::Cell;
use std::fmt;

/// Bytes of any length.
pub(super) type Bytes = serde_bytes::ByteBuf;
/// Exactly `N` bytes; all zeros are the default.
pub(super) type Fixed<const N: usize> = serde_bytes::ByteArray<N>;

/// A struct that is a map on disk. Keys are listed in the order they are written in.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $key:literal => $field:ident : $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(super) struct $name {
            $( pub(super) $field: $type, )*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let present = 0 $( + usize::from(self.$field != <$type>::default()) )*;
                let mut map = serializer.serialize_map(Some(present))?;
                $(
                    if self.$field != <$type>::default() {
                        map.serialize_entry($key, &self.$field)?;
                    }
                )*
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("the map of a ", stringify!($name)))
                    }
                    #[allow(unused_assignments)]
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name, A::Error> {
                        $crate::format::record::take_memory(size_of::<$name>())?;
                        let mut record = <$name>::default();
                        let mut seen = 0_usize;
                        while let Some(key) = map.next_key::<&str>()? {
                            let mut position = 0_usize;
                            $(
                                position += 1;
                                if key == $key {
                                    $crate::format::record::in_order(&mut seen, position, key)?;
                                    record.$field = map.next_value()?;
                                    if record.$field == <$type>::default() {
                                        return Err($crate::format::record::written_out(key));
                                    }
                                    continue;
                                }
                            )*
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        Ok(record)
                    }
                }
                input.deserialize_map(Fields)
            }
        }
    };
}
pub(super) use record;

pub(super) fn in_order<E: serde::de::Error>(
    seen: &mut usize,
    position: usize,
    key: &str,
) -> Result<(), E> {
    if position <= *seen {
        return Err(E::custom(format_args!("key {key:?} is out of order")));
    }
    *seen = position;
    Ok(())
}

pub(super) fn written_out<E: serde::de::Error>(key: &str) -> E {
    E::custom(format_args!("key {key:?} has its default written out"))
}

/// Bytes of memory that one record may take beside those that it is long: more than any that
/// snap writes. A few bytes may stand for a value a hundred times as large.
const MOST_MEMORY: usize = 24 << 20;

/// Values in each other, also in what this version does not know: more than any record has, and
/// few enough for the stack of any thread.
const MOST_LEVELS: usize = 64;

thread_local! {
    /// What the record that this thread decodes may still take.
    static MEMORY: Cell<usize> = const { Cell::new(0) };
}

/// A value in a list takes so much memory.
pub(super) fn take_memory<E: serde::de::Error>(bytes: usize) -> Result<(), E> {
    let left = MEMORY.get().checked_sub(bytes);
    MEMORY.set(left.unwrap_or(0));
    left.map(drop).ok_or_else(|| E::custom("it holds more than it may"))
}

/// A value in a list that is no record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Item<T>(pub(super) T);

impl<T: Serialize> Serialize for Item<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        take_memory(size_of::<T>())?;
        T::deserialize(input).map(Self)
    }
}

/// The canonical bytes of a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    // Writing plain values into memory has no way to fail.
    rmp_serde::to_vec(record).unwrap_or_default()
}

/// Reads a record; nothing may follow it. One that would take much more memory than any that snap
/// writes is refused.
pub(super) fn decode<'de, T: Deserialize<'de>>(
    what: &'static str,
    bytes: &'de [u8],
) -> Result<T, FormatError> {
    decode_within(MOST_MEMORY, what, bytes)
}

/// The same with another bound of the memory, in bytes.
pub(super) fn decode_within<'de, T: Deserialize<'de>>(
    memory: usize,
    what: &'static str,
    bytes: &'de [u8],
) -> Result<T, FormatError> {
    MEMORY.set(memory);
    let mut input = rmp_serde::Deserializer::from_read_ref(bytes);
    input.set_max_depth(MOST_LEVELS);
    match T::deserialize(&mut input) {
        Ok(record) if first_value(bytes) == Some(bytes.len()) => Ok(record),
        Ok(_) => Err(FormatError::malformed(what, "bytes follow its end")),
        Err(error) => match version(bytes) {
            // What a newer version holds may well not be understood.
            Some(found) if found > VERSION => Err(FormatError::TooNew { found }),
            _ => Err(FormatError::malformed(what, error)),
        },
    }
}

/// Refuses a version that is newer than this program.
pub(super) fn readable(version: u32) -> Result<(), FormatError> {
    match version > VERSION {
        true => Err(FormatError::TooNew { found: version }),
        false => Ok(()),
    }
}

/// The length of the MessagePack value that `bytes` begin with; `None` if it is cut short.
/// Counts what is still to come instead of recursing.
fn first_value(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut values) = (0_usize, 1_u64);
    while values > 0 {
        let (head, inside, more) = value_head(bytes.get(at..)?)?;
        at = at.checked_add(head)?.checked_add(usize::try_from(inside).ok()?)?;
        values = (values - 1).checked_add(more)?;
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}

/// Of the value that begins here: bytes of its head, bytes that follow it, values inside it.
fn value_head(bytes: &[u8]) -> Option<(usize, u64, u64)> {
    let length = |width: usize| {
        let field = bytes.get(1..=width)?;
        Some(field.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)))
    };
    let first = *bytes.first()?;
    Some(match first {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (1, 0, 0),
        0x80..=0x8f => (1, 0, 2 * u64::from(first & 15)),
        0x90..=0x9f => (1, 0, u64::from(first & 15)),
        0xa0..=0xbf => (1, u64::from(first & 31), 0),
        0xc4 | 0xd9 => (2, length(1)?, 0),
        0xc5 | 0xda => (3, length(2)?, 0),
        0xc6 | 0xdb => (5, length(4)?, 0),
        0xc7..=0xc9 => {
            let width = 1 << (first - 0xc7);
            (width + 2, length(width)?, 0)
        }
        0xcc..=0xcf => (1, 1 << (first - 0xcc), 0),
        0xd0..=0xd3 => (1, 1 << (first - 0xd0), 0),
        0xca => (1, 4, 0),
        0xcb => (1, 8, 0),
        0xd4..=0xd8 => (2, 1 << (first - 0xd4), 0),
        0xdc => (3, 0, length(2)?),
        0xdd => (5, 0, length(4)?),
        0xde => (3, 0, 2 * length(2)?),
        0xdf => (5, 0, 2 * length(4)?),
        0xc1 => return None,
    })
}

/// The value of the key `v` of a map, whatever else it holds.
fn version(bytes: &[u8]) -> Option<u32> {
    struct Version;
    impl<'de> Visitor<'de> for Version {
        type Value = u32;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map with a version")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u32, A::Error> {
            let version = match map.next_key::<&str>()? {
                Some("v") => map.next_value()?,
                _ => return Err(A::Error::custom("no version")),
            };
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(version)
        }
    }
    let mut input = rmp_serde::Deserializer::from_read_ref(bytes);
    input.set_max_depth(MOST_LEVELS);
    serde::Deserializer::deserialize_map(&mut input, Version).ok()
}

record! {
    /// A moment: seconds since 1970, and nanoseconds.
    TimeRecord {
        "s" => seconds: i64,
        "n" => nanoseconds: u32,
    }
}

impl From<jiff::Timestamp> for TimeRecord {
    fn from(time: jiff::Timestamp) -> Self {
        let time = crate::model::FileTime::from(time);
        Self { seconds: time.seconds, nanoseconds: time.nanoseconds() }
    }
}

impl TimeRecord {
    pub(super) fn timestamp(&self, what: &'static str) -> Result<jiff::Timestamp, FormatError> {
        let nanoseconds = i32::try_from(self.nanoseconds).unwrap_or(i32::MAX);
        jiff::Timestamp::new(self.seconds, nanoseconds)
            .map_err(|error| FormatError::malformed(what, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    record! {
        Sample {
            "v" => version: u32,
            "n" => name: Bytes,
            "c" => count: u64,
        }
    }

    #[test]
    fn defaults_are_left_out() {
        assert_eq!(encode(&Sample::default()), [0x80]);
        let sample = Sample { count: 5, ..Sample::default() };
        assert_eq!(encode(&sample), [0x81, 0xa1, b'c', 5]);
        assert_eq!(decode::<Sample>("sample", &encode(&sample)).unwrap(), sample);
    }

    #[test]
    fn unknown_keys_are_skipped() {
        let bytes = [0x82, 0xa1, b'c', 5, 0xa1, b'z', 0x92, 1, 2];
        assert_eq!(decode::<Sample>("sample", &bytes).unwrap().count, 5);
    }

    #[test]
    fn unknown_keys_are_not_followed_far() {
        let opens = |levels: usize| {
            let mut bytes = vec![0x81, 0xa1, b'z'];
            bytes.resize(levels.saturating_add(3), 0x91);
            bytes.push(0x80);
            decode::<Sample>("sample", &bytes).is_ok()
        };
        assert!(opens(50) && !opens(70) && !opens(1_000_000));
    }

    #[test]
    fn other_spellings_are_refused() {
        let out_of_order = [0x82, 0xa1, b'c', 5, 0xa1, b'n', 0xc4, 1, 7];
        let twice = [0x82, 0xa1, b'c', 5, 0xa1, b'c', 5];
        let array = [0x93, 0, 0xc4, 0, 5];
        let trailing = [0x80, 0x80];
        let nonsense_trailing = [0x80, 0xc1];
        let trailing_header = [0x80, 0x91];
        let default = [0x81, 0xa1, b'c', 0];
        let trailing = [&trailing[..], &nonsense_trailing, &trailing_header];
        for bytes in [&out_of_order[..], &twice, &array, &default].into_iter().chain(trailing) {
            assert!(decode::<Sample>("sample", bytes).is_err(), "{bytes:x?}");
        }
    }

    record! {
        Many {
            "i" => items: Vec<Sample>,
            "t" => texts: Vec<Item<String>>,
        }
    }

    #[test]
    fn what_takes_much_more_memory_than_it_is_long_is_refused() {
        let nothing = |count: usize, key: u8, value: u8| {
            let head = [0x81, 0xa1, key, 0xdd];
            let count = u32::try_from(count).unwrap().to_be_bytes();
            [&head[..], &count, &[value].repeat(1 << 20)].concat()
        };
        for (key, value) in [(b'i', 0x80), (b't', 0xa0)] {
            let few = decode_within::<Many>(1 << 30, "many", &nothing(1 << 20, key, value));
            assert!(few.is_ok(), "{few:?}");
            let many = decode::<Many>("many", &nothing(1 << 20, key, value)).unwrap_err();
            let why = "it is not a well-formed many: it holds more than it may";
            assert_eq!(many.to_string(), why);
        }
    }

    #[test]
    fn a_newer_version_is_told_from_nonsense() {
        let newer = [0x82, 0xa1, b'v', 9, 0xa1, b'n', 0x80];
        assert_eq!(decode::<Sample>("sample", &newer), Err(FormatError::TooNew { found: 9 }));
        let nonsense = [0x81, 0xa1, b'n', 5];
        let refused = decode::<Sample>("sample", &nonsense);
        assert!(matches!(refused, Err(FormatError::Malformed { .. })));
    }
}
