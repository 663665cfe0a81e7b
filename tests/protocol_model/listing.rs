//! Reading the index and listing packs, as one step or as long as the storage's contract allows.
//!
//! An index object never changes and a missing one means listing again, so reading the index is
//! as good as listing it. A listing that takes its time shows what was there all the while; what
//! came or went meanwhile may show or not.

use super::model::{Actor, Model, Step};
use super::state::State;
use super::storage::Set;

/// A listing that has begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listing {
    going: bool,
    /// The index objects that were there when it began.
    pub indexes: Set,
    /// The packs that were there when it began.
    pub packs: Set,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    Index,
    Packs,
}

impl Model {
    /// The steps of an actor that looks at storage through a listing of `folder`: `look` sees
    /// each of the states that such a listing may make believe.
    pub fn list(
        &self,
        state: &State,
        (actor, folder): (Actor, Folder),
        out: &mut Vec<(Step, State)>,
        look: impl Fn(&mut State) -> &'static str,
    ) {
        let listing = *self.listing(&mut state.clone(), actor);
        if self.scenario.slow_listings && !listing.going {
            let mut next = *state;
            let (indexes, packs) = match folder {
                Folder::Index => (state.storage.indexes, 0),
                Folder::Packs => (0, state.storage.packs),
            };
            *self.listing(&mut next, actor) = Listing { going: true, indexes, packs };
            return out.push((Step::new(actor, "begins to list"), next));
        }
        for seen in self.may_see(state, folder, listing) {
            let mut next = *state;
            match folder {
                Folder::Index => next.storage.indexes = seen,
                Folder::Packs => next.storage.packs = seen,
            }
            *self.listing(&mut next, actor) = Listing::default();
            let text = look(&mut next);
            next.storage.indexes = state.storage.indexes;
            next.storage.packs = state.storage.packs;
            out.push((Step::new(actor, text), next));
        }
    }

    fn listing<'a>(&self, state: &'a mut State, actor: Actor) -> &'a mut Listing {
        match actor {
            Actor::Writer(number) => &mut state.writers[number].listing,
            Actor::Prune(number) => &mut state.prunes[number].listing,
            Actor::Repair => &mut state.repair.listing,
            Actor::Somebody => unreachable!("somebody lists nothing"),
        }
    }

    /// As little and as much as a listing that ends now may show.
    fn may_see(&self, state: &State, folder: Folder, begun: Listing) -> Vec<Set> {
        let (before, now, most) = match folder {
            Folder::Index => (begun.indexes, state.storage.indexes, state.storage.indexes),
            Folder::Packs => (begun.packs, state.storage.packs, state.storage.packs | begun.packs),
        };
        match begun.going && before != now {
            true => vec![before & now, most],
            false => vec![now],
        }
    }
}
