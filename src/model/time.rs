//! Time as file systems know it.

/// A file's time: seconds and nanoseconds since 1970, over the whole range that any file system
/// stores. (Times of snapshots are [`jiff::Timestamp`]s.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime {
    pub seconds: i64,
    /// Below 1,000,000,000.
    nanoseconds: u32,
}

impl FileTime {
    /// `None` if `nanoseconds` is a whole second or more.
    pub fn new(seconds: i64, nanoseconds: u32) -> Option<Self> {
        (nanoseconds < 1_000_000_000).then_some(Self { seconds, nanoseconds })
    }

    pub fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// The nearest time that a calendar can show.
    pub fn timestamp(&self) -> jiff::Timestamp {
        let nanoseconds = i32::try_from(self.nanoseconds).unwrap_or(0);
        jiff::Timestamp::new(self.seconds, nanoseconds).unwrap_or(if self.seconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl From<jiff::Timestamp> for FileTime {
    fn from(time: jiff::Timestamp) -> Self {
        let (seconds, nanoseconds) = (time.as_second(), time.subsec_nanosecond());
        match u32::try_from(nanoseconds) {
            Ok(nanoseconds) => Self { seconds, nanoseconds },
            // Before 1970 jiff counts the fraction backwards.
            Err(_) => Self {
                seconds: seconds.saturating_sub(1),
                nanoseconds: 1_000_000_000 - nanoseconds.unsigned_abs(),
            },
        }
    }
}
