//! Where a blob stands in the sorted lines. Ids are hashes, and so spread evenly: where one stands
//! is known but for a few lines before any is looked at. Ids that somebody chose cost a binary
//! search more, and are found all the same.

use super::blob_index::Line;
use std::cmp::Ordering;

/// So often is guessed anew from the line that the last guess fell on. An error of n lines becomes
/// one of about √n: three reach the neighbourhood with ten million.
const GUESSES: usize = 3;

/// The first of the sorted `lines` whose id is not less than `key`; their number if all are less.
pub(super) fn first_not_less(lines: &[Line], key: &[u8; 24]) -> usize {
    let (low, high) = around(lines, key, guess(lines, key));
    let between = lines.get(low..high).unwrap_or_default();
    low + between.partition_point(|line| compared(line, key).is_lt())
}

fn guess(lines: &[Line], key: &[u8; 24]) -> usize {
    let sought = leading(key);
    let mut at = share(sought, lines.len());
    for _ in 0..GUESSES {
        let Some(line) = lines.get(at) else { break };
        let there = leading(line);
        let distance = share(sought.abs_diff(there), lines.len());
        if distance == 0 {
            break;
        }
        at = match there < sought {
            true => at.saturating_add(distance).min(lines.len() - 1),
            false => at.saturating_sub(distance),
        };
    }
    at
}

/// Bounds around the answer: below the first all are less, from the second on none is. The steps
/// away from `at` double, so they cost no more than twice the logarithm of the way.
fn around(lines: &[Line], key: &[u8; 24], at: usize) -> (usize, usize) {
    let is_less = |at: usize| lines.get(at).is_some_and(|line| compared(line, key).is_lt());
    let (mut low, mut high, mut step) = (at, at, 1);
    if is_less(at) {
        while is_less(high) {
            low = high + 1;
            high = low.saturating_add(step).min(lines.len());
            step *= 2;
        }
    } else {
        while low > 0 && !is_less(low - 1) {
            high = low - 1;
            low = high.saturating_sub(step);
            step *= 2;
        }
    }
    (low, high)
}

fn compared(line: &Line, key: &[u8; 24]) -> Ordering {
    leading(line).cmp(&leading(key)).then_with(|| line[..24].cmp(&key[..]))
}

/// The first eight bytes: numbers in the order of the ids.
fn leading<const LENGTH: usize>(bytes: &[u8; LENGTH]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// How many of `count` lines lie in that part of all ids.
fn share(part: u64, count: usize) -> usize {
    ((u128::from(part) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::super::blob_index::LINE;
    use super::*;
    use proptest::prelude::*;

    fn lines(mut ids: Vec<[u8; 24]>) -> Vec<Line> {
        ids.sort_unstable();
        let line = |id: &[u8; 24]| {
            let mut line = [0xff; LINE];
            line[..24].copy_from_slice(id);
            line
        };
        ids.iter().map(line).collect()
    }

    fn simply(lines: &[Line], key: &[u8; 24]) -> usize {
        lines.partition_point(|line| line[..24] < key[..])
    }

    /// Evenly spread ones, and what nobody's hashes are: nearly all alike.
    fn ids() -> impl Strategy<Value = Vec<[u8; 24]>> {
        let even = any::<[u8; 24]>();
        let few = (any::<bool>(), 0..4_u8, 0..3_u8).prop_map(|(high, first, last)| {
            let mut id = [if high { 0xff } else { 0 }; 24];
            (id[7], id[23]) = (first, last);
            id
        });
        prop_oneof![
            prop::collection::vec(even, 0..600),
            prop::collection::vec(few.clone(), 0..600),
            (prop::collection::vec(even, 0..300), prop::collection::vec(few, 0..300))
                .prop_map(|(even, few)| [even, few].concat()),
        ]
    }

    proptest! {
        #[test]
        fn it_finds_what_a_binary_search_finds(ids in ids(), others in ids()) {
            let lines = lines(ids.clone());
            for key in ids.iter().chain(&others).chain(&[[0; 24], [0xff; 24]]) {
                prop_assert_eq!(first_not_less(&lines, key), simply(&lines, key));
            }
        }

        /// A cache that readers believe may be in any order: some answer, and an end.
        #[test]
        fn lines_in_any_order_give_some_place(ids in ids(), key in any::<[u8; 24]>()) {
            let mut lines = lines(ids);
            lines.reverse();
            prop_assert!(first_not_less(&lines, &key) <= lines.len());
        }
    }
}
