//! Segments of the change log.

use super::reading::comes_back;
use snapstore::format::Segments;

pub fn body(bytes: &[u8]) {
    let Some(segments) = comes_back(bytes, Segments::decode, Segments::encode) else { return };
    let length: usize = segments.each().map(|(_, entries)| entries.len()).sum();
    assert_eq!(length, segments.entries.len());
    let follow = |pair: &[_]| matches!(pair, [one, next] if one_is_followed(one, next));
    assert!(segments.headers.windows(2).all(follow));
}

fn one_is_followed(
    one: &snapstore::format::SegmentHeader,
    next: &snapstore::format::SegmentHeader,
) -> bool {
    one.is_followed_by(next) && one.end.at <= next.end.at
}
