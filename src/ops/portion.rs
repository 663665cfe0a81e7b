//! Packs go into index objects that are not too long to be read.

use crate::format::IndexedPack;

/// Blobs in an index object, about: a full one has a few MiB.
const BLOBS: usize = 100_000;

/// The packs of the next index object.
#[derive(Default)]
pub struct Portion {
    packs: Vec<IndexedPack>,
    blobs: usize,
}

impl Portion {
    /// Adds a pack; returns all, and begins anew, if that is enough for an object.
    pub fn push(&mut self, pack: IndexedPack) -> Option<Vec<IndexedPack>> {
        self.blobs += pack.table.blobs.len();
        self.packs.push(pack);
        (self.blobs >= BLOBS).then(|| std::mem::take(self).packs)
    }

    /// What is left.
    pub fn finish(self) -> Option<Vec<IndexedPack>> {
        (!self.packs.is_empty()).then_some(self.packs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::BlobClass;
    use crate::format::{Index, LARGEST_OBJECT, PackTable, PackedBlob, Place};
    use crate::model::{BlobId, PackId, SessionId};

    /// A pack of files of a few bytes.
    fn pack(blobs: usize) -> IndexedPack {
        let blob = PackedBlob { id: BlobId::new([1; 32]), place: Place::alone(0, 70, 10) };
        IndexedPack {
            id: PackId::new([2; 32]),
            session: SessionId::new([3; 16]),
            class: BlobClass::Data,
            size: 16 << 20,
            table: PackTable { blobs: vec![blob; blobs], payload: None },
        }
    }

    #[test]
    fn an_object_can_be_read_however_small_the_blobs_are() {
        let mut portion = Portion::default();
        assert_eq!(portion.push(pack(99_000)), None);
        let packs = portion.push(pack(200_000)).unwrap();
        let length = Index { session: SessionId::new([3; 16]), packs }.encode().len();
        assert!((length as u64) < LARGEST_OBJECT);
        assert_eq!(portion.finish(), None);
    }

    #[test]
    fn what_is_left_is_an_object_too() {
        let mut portion = Portion::default();
        assert_eq!(portion.push(pack(1)), None);
        assert_eq!(portion.finish().unwrap().len(), 1);
    }
}
