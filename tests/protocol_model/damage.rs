//! Packs that are damaged, or gone, by no fault of the protocol; somebody who notices; and a repair
//! of the index.

use super::listing::{Folder, Listing};
use super::model::{Actor, Kind, Model, Step};
use super::mutants::Mutant;
use super::state::State;
use super::storage::{Session, Set, members, only};

/// A repair of the index: it names the packs that no object names. It has no session here: whether
/// somebody waits for it makes no difference to anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Repair {
    at: At,
    pub listing: Listing,
    /// The packs that the index names, then those that it does not.
    pub packs: Set,
    /// The index objects that were read.
    pub indexes: Set,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum At {
    #[default]
    ReadIndex,
    ListPacks,
    PutIndex,
    DeleteIndexes,
    Ended,
}

impl Model {
    pub fn damage_steps(&self, state: &State, out: &mut Vec<(Step, State)>) {
        if state.storage.accidents < self.scenario.accidents {
            for pack in members(state.storage.packs & !state.storage.rotten) {
                self.accident(state, pack, out);
            }
        }
        self.notice(state, out);
    }

    fn accident(&self, state: &State, pack: usize, out: &mut Vec<(Step, State)>) {
        let mut next = *state;
        let storage = &mut next.storage;
        storage.accidents += 1;
        storage.struck |= storage.blobs[pack];
        for session in members(storage.sessions_that_are(Session::Committed)) {
            storage.excused[session] |= storage.blobs[pack];
        }
        for writer in &mut next.writers {
            writer.knows &= !state.storage.blobs[pack];
        }
        let mut gone = next;
        next.storage.rotten |= only(pack);
        gone.storage.packs &= !only(pack);
        for (text, next) in [("damages pack", next), ("takes away pack", gone)] {
            let step = Step::new(Actor::Somebody, text).about(pack).of(Kind::Accident);
            out.push((step, next));
        }
    }

    /// A check marks what it finds.
    fn notice(&self, state: &State, out: &mut Vec<(Step, State)>) {
        if state.storage.accidents == 0 {
            return;
        }
        let storage = &state.storage;
        let gone = storage.named_by(storage.indexes) & !storage.packs;
        let marked = (storage.packs & storage.rotten | gone) & !storage.damaged;
        for pack in members(marked) {
            let mut next = *state;
            next.storage.damaged |= only(pack);
            let step = Step::new(Actor::Somebody, "marks damaged pack").about(pack);
            out.push((step.of(Kind::Notice), next));
        }
        let missing = self.live_blobs(storage) & !storage.blobs_in(storage.packs);
        if missing != 0 && !storage.missing_noted {
            let mut next = *state;
            next.storage.missing_noted = true;
            let step = Step::new(Actor::Somebody, "notes that blobs are missing");
            out.push((step.of(Kind::Notice), next));
        }
    }

    pub fn repair_steps(&self, state: &State, out: &mut Vec<(Step, State)>) {
        if !self.scenario.repairs {
            return;
        }
        let lists_first = self.mutates(Mutant::RepairListsFirst);
        match (state.repair.at, lists_first) {
            (At::ReadIndex, false) | (At::ListPacks, true) => self.repair_reads_index(state, out),
            (At::ReadIndex, true) | (At::ListPacks, false) => self.repair_lists_packs(state, out),
            (At::PutIndex, _) => {
                let mut next = *state;
                let remembered = next.remembered_indexes();
                if next.repair.packs != 0 {
                    next.storage.put_index(next.repair.packs, remembered);
                }
                next.repair.packs = 0;
                let replaces = lists_first && next.repair.indexes != 0;
                next.repair.at = if replaces { At::DeleteIndexes } else { At::Ended };
                out.push((Step::new(Actor::Repair, "puts its index object"), next));
            }
            (At::DeleteIndexes, _) => {
                let mut next = *state;
                next.storage.indexes &= !next.repair.indexes;
                next.repair = Repair { at: At::Ended, ..Repair::default() };
                out.push((Step::new(Actor::Repair, "deletes the old index objects"), next));
            }
            (At::Ended, _) => {}
        }
    }

    fn repair_reads_index(&self, state: &State, out: &mut Vec<(Step, State)>) {
        self.list(state, (Actor::Repair, Folder::Index), out, |next| {
            let storage = &next.storage;
            match self.mutates(Mutant::RepairListsFirst) {
                true => (next.repair.indexes, next.repair.at) = (storage.indexes, At::PutIndex),
                false => {
                    next.repair.packs = storage.named_by(storage.indexes);
                    next.repair.at = At::ListPacks;
                }
            }
            "reads the index"
        });
    }

    fn repair_lists_packs(&self, state: &State, out: &mut Vec<(Step, State)>) {
        self.list(state, (Actor::Repair, Folder::Packs), out, |next| {
            let readable = next.storage.packs & !next.storage.rotten;
            next.repair.at = match self.mutates(Mutant::RepairListsFirst) {
                true => At::ListPacks,
                false => At::PutIndex,
            };
            next.repair.packs = readable & !next.repair.packs;
            "lists packs"
        });
    }
}
