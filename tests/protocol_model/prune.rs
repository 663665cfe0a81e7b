//! A prune's memory, and where it is between P1 and P9.

use super::listing::Listing;
use super::storage::{Set, only};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prune {
    pub at: At,
    pub run: u8,
    pub listing: Listing,
    /// The number of the mark that this run makes or works on.
    pub number: u8,
    pub adopted: bool,
    /// The packs listed before the index was read.
    pub listed_first: Set,
    /// The packs that the index names.
    pub indexed: Set,
    /// The packs listed after the index was read.
    pub listed: Set,
    /// Those of them that may be condemned.
    pub candidates: Set,
    pub condemned: Set,
    /// The blobs of live snapshots.
    pub live: Set,
    /// The snapshots listed; or the sessions to wait for.
    pub sessions: Set,
    /// The blobs to copy.
    pub copy: Set,
    /// The pack that is not yet in the index.
    pub uploaded: Set,
    /// P6: the packs that were marked damaged.
    pub damaged: Set,
    /// The index objects to delete, and the packs that the one in their place names.
    pub old: Set,
    pub lines: Set,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// A run begins; or it goes on after an adopted mark, or after another's was first.
    #[default]
    ListMarks,
    Plan(Plan),
    PutMark,
    ListSessions,
    Wait,
    Save(Save),
    PutFinal,
    Sweep(Sweep),
}

/// P2
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    ListPacksFirst,
    ReadIndex,
    ListPacks,
    ListSnapshots,
    ListForgotten,
    UploadPack,
    UploadIndex,
}

/// P6
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Save {
    ListSnapshots,
    ListForgotten,
    ReadDamage,
    ReadIndex,
    ListPacks,
    UploadPack,
    UploadIndex,
}

/// P8, and P9 where nothing is left to delete
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sweep {
    ReadIndex,
    PutIndex,
    DeleteIndexes,
    DeletePacks,
}

impl Prune {
    /// At the beginning of P1, with nothing in mind.
    pub fn beginning(&self) -> Self {
        Self { run: self.run, ..Self::default() }
    }

    /// At this step of the work on the mark, with nothing in mind.
    pub fn working(&self, at: At) -> Self {
        Self { at, run: self.run, number: self.number, adopted: self.adopted, ..Self::default() }
    }

    pub fn remembered_packs(&self) -> Set {
        self.listed_first
            | self.indexed
            | self.listed
            | self.condemned
            | self.uploaded
            | self.lines
            | self.listing.packs
    }

    pub fn remembered_indexes(&self) -> Set {
        self.old | self.listing.indexes
    }

    /// All but `old`, which is of index objects.
    pub fn each_set_of_packs(&mut self, visit: &mut impl FnMut(&mut Set)) {
        visit(&mut self.listed_first);
        visit(&mut self.indexed);
        visit(&mut self.listed);
        visit(&mut self.candidates);
        visit(&mut self.condemned);
        visit(&mut self.uploaded);
        visit(&mut self.damaged);
        visit(&mut self.lines);
        visit(&mut self.listing.packs);
    }

    /// The mark that is worked on, as a set.
    pub fn mark(&self) -> Set {
        match self.at {
            At::ListMarks | At::Plan(_) | At::PutMark => 0,
            _ => only(usize::from(self.number)),
        }
    }

    /// P5: stops waiting for what is decided, which it is for ever.
    pub fn settle(&mut self, undecided: Set) {
        if self.at == At::Wait {
            self.sessions &= undecided;
        }
        if self.at == At::Wait && self.sessions == 0 {
            self.at = At::Save(Save::ListSnapshots);
        }
    }
}
