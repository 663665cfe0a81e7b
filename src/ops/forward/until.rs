//! How far a roll-forward goes.

use crate::model::ClusterTime;
use crate::mongo::oplog::Entry;
use jiff::Timestamp;

/// The last of the changes that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All up to this time of the server's logical clock, included.
    Time(ClusterTime),
    /// All that the server wrote up to this moment of its own clock, in milliseconds since 1970.
    Wall(i64),
}

impl Until {
    /// This whole second.
    pub fn second(second: Timestamp) -> Self {
        Self::Time(ClusterTime { seconds: seconds(second.as_second()), increment: u32::MAX })
    }

    /// All before this second.
    pub fn before(second: Timestamp) -> Self {
        let before = second.as_second().saturating_sub(1);
        Self::Time(ClusterTime { seconds: seconds(before), increment: u32::MAX })
    }

    /// Whether an entry comes after it. A server's own clock may be set back: the first that is
    /// after it ends it.
    pub(super) fn is_before(&self, entry: &Entry<'_>) -> bool {
        match self {
            Self::Time(time) => *time < entry.at,
            Self::Wall(wall) => entry.wall.is_none_or(|written| *wall < written),
        }
    }

    /// Whether a transaction that counts from `at` on is included; `seen` is the last entry that
    /// is.
    pub(super) fn includes(&self, at: ClusterTime, seen: Option<ClusterTime>) -> bool {
        match self {
            Self::Time(time) => at <= *time,
            Self::Wall(_) => seen.is_some_and(|seen| at <= seen),
        }
    }

    /// The latest moment that documents may have been saved at to be rolled forward to it. (The
    /// two clocks of a server may differ by less than a second.)
    pub fn latest_base(&self) -> ClusterTime {
        match self {
            Self::Time(time) => *time,
            Self::Wall(wall) => {
                let second = seconds(wall.div_euclid(1000));
                ClusterTime { seconds: second.saturating_sub(1), increment: 0 }
            }
        }
    }

    /// About when it is.
    pub fn timestamp(&self) -> Timestamp {
        match self {
            Self::Time(time) => time.timestamp(),
            Self::Wall(wall) => Timestamp::from_millisecond(*wall).unwrap_or(Timestamp::MAX),
        }
    }
}

fn seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DocumentBuilder;

    #[test]
    fn a_second_is_all_of_it_and_before_it_is_none_of_it() {
        let second = Timestamp::from_second(100).unwrap();
        let entry = |seconds: u32, wall: i64| {
            DocumentBuilder::new()
                .string("op", "n")
                .timestamp("ts", seconds, 7)
                .date("wall", wall)
                .finish()
        };
        let ends = |until: Until, seconds: u32, wall: i64| {
            until.is_before(&Entry::read(&entry(seconds, wall)).unwrap())
        };
        assert!(!ends(Until::second(second), 100, 0) && ends(Until::second(second), 101, 0));
        assert!(!ends(Until::before(second), 99, 0) && ends(Until::before(second), 100, 0));
        assert!(!ends(Until::Wall(250), 9, 250) && ends(Until::Wall(250), 9, 251));
        let time = ClusterTime { seconds: 99, increment: u32::MAX };
        assert_eq!(Until::before(second).latest_base(), time);
        assert_eq!(Until::Wall(100_250).latest_base().seconds, 99);
    }
}
