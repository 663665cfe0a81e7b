//! Sets of snapshots.

/// Which of a list of snapshots have something: a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotSet(Vec<u64>);

impl SnapshotSet {
    pub fn insert(&mut self, number: usize) {
        let word = number / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (number % 64);
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| 64 * index + bit)
        })
    }

    pub fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    pub fn last(&self) -> Option<usize> {
        let index = self.0.iter().rposition(|word| *word > 0)?;
        Some(64 * index + self.0.get(index)?.ilog2() as usize)
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_order() {
        let mut set = SnapshotSet::default();
        assert_eq!((set.first(), set.last(), set.len()), (None, None, 0));
        [130, 0, 63, 64].into_iter().for_each(|number| set.insert(number));
        let mut other = SnapshotSet::default();
        other.insert(200);
        set.add(&other);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 130, 200]);
        assert_eq!((set.first(), set.last(), set.len()), (Some(0), Some(200), 5));
    }
}
