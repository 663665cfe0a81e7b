//! Cluster times as numbers: the seconds in the upper 32 bits, the increment in the lower. 0 is
//! none.

use crate::model::ClusterTime;

pub fn packed(time: ClusterTime) -> u64 {
    u64::from(time.seconds) << 32 | u64::from(time.increment)
}

pub fn packed_or_none(time: Option<ClusterTime>) -> u64 {
    time.map_or(0, packed)
}

pub fn unpacked(time: u64) -> ClusterTime {
    ClusterTime { seconds: (time >> 32) as u32, increment: time as u32 }
}

pub fn unpacked_or_none(time: u64) -> Option<ClusterTime> {
    (time != 0).then(|| unpacked(time))
}
