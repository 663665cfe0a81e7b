//! P6, which saves what has come to life again, and P8, which deletes.

use super::model::{Model, Step};
use super::mutants::Mutant;
use super::prune::{At, Prune, Save, Sweep};
use super::state::{Session, Set, State, members, only, owner_prune, set_of};

impl Model {
    pub fn save(&self, state: &mut State, number: usize, step: Save) -> &'static str {
        let storage = state.storage;
        let prune = &mut state.prunes[number];
        match step {
            Save::ListSnapshots => {
                prune.sessions = storage.sessions_that_are(Session::Committed);
                prune.at = At::Save(Save::ListForgotten);
                "P6: lists snapshots"
            }
            Save::ListForgotten => {
                let still_there = storage.sessions_that_are(Session::Committed);
                let live = self.blobs_of(prune.sessions & still_there);
                *prune = Prune { live, ..prune.working(At::Save(Save::ReadIndex)) };
                "P6: lists what is forgotten"
            }
            Save::ReadIndex => {
                prune.indexed = storage.named_by(storage.indexes);
                prune.at = At::Save(Save::ListPacks);
                "P6: reads the index"
            }
            Save::ListPacks => {
                let copy = self.to_copy(state, prune_condemned(state, number), number);
                let at = if copy == 0 { At::PutFinal } else { At::Save(Save::UploadPack) };
                let prune = &mut state.prunes[number];
                *prune = Prune { copy, ..prune.working(at) };
                "P6: lists packs"
            }
            Save::UploadPack => {
                let sources = storage.packs & prune_condemned(state, number);
                let prune = &mut state.prunes[number];
                if prune.copy & !storage.blobs_in(sources) != 0 {
                    self.leave_mark(state, number);
                    return "P6: finds that another has finished";
                }
                let uploaded = state.storage.put_pack(prune.copy, owner_prune(number));
                *prune = Prune { uploaded, ..prune.working(At::Save(Save::UploadIndex)) };
                "P6: puts a pack with live blobs"
            }
            Save::UploadIndex => {
                let remembered = state.remembered_indexes();
                let prune = &mut state.prunes[number];
                state.storage.put_index(prune.uploaded, remembered);
                *prune = prune.working(At::PutFinal);
                "P6: puts its index object"
            }
        }
    }

    fn to_copy(&self, state: &State, condemned: Set, number: usize) -> Set {
        let storage = &state.storage;
        let prune = &state.prunes[number];
        if self.mutates(Mutant::WithoutP6Copy) {
            return 0;
        }
        let counted = match self.mutates(Mutant::UnlistedInP6) {
            true => prune.indexed,
            false => prune.indexed & storage.packs,
        };
        let safe = storage.blobs_in(counted & !condemned);
        prune.live & storage.blobs_in(counted & condemned) & !safe
    }

    pub fn sweep(&self, state: &mut State, number: usize, step: Sweep) -> &'static str {
        let condemned = prune_condemned(state, number);
        let storage = &state.storage;
        let prune = &mut state.prunes[number];
        match step {
            Sweep::ReadIndex => {
                let names_condemned = |&index: &usize| storage.lines[index] & condemned != 0;
                prune.old = set_of(members(storage.indexes).filter(names_condemned));
                prune.lines = storage.named_by(prune.old) & !condemned;
                let first = if prune.lines != 0 { Sweep::PutIndex } else { Sweep::DeleteIndexes };
                let then = if prune.old != 0 { first } else { Sweep::DeletePacks };
                prune.at = At::Sweep(then);
                "P8: reads the index"
            }
            Sweep::PutIndex => {
                let lines = prune.lines;
                prune.lines = 0;
                prune.at = At::Sweep(Sweep::DeleteIndexes);
                let remembered = state.remembered_indexes();
                state.storage.put_index(lines, remembered);
                "P8: puts a new index object"
            }
            Sweep::DeleteIndexes | Sweep::DeletePacks => unreachable!("these are choices"),
        }
    }

    pub fn delete_indexes(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        for index in members(state.prunes[number].old) {
            let mut next = *state;
            next.storage.indexes &= !only(index);
            let prune = &mut next.prunes[number];
            prune.old &= !only(index);
            if prune.old == 0 {
                *prune = prune.working(At::Sweep(Sweep::DeletePacks));
            }
            out.push((Step::prune(number, "P8: deletes an old index object"), next));
        }
    }

    pub fn delete_packs(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let left = state.storage.packs & prune_condemned(state, number);
        for pack in members(left) {
            let mut next = *state;
            next.storage.packs &= !only(pack);
            out.push((Step::prune(number, "P8: deletes pack").about(pack), next));
        }
        if left == 0 {
            let mut next = *state;
            let text = self.put_done(&mut next, number);
            out.push((Step::prune(number, text), next));
        }
    }
}

/// What the mark that this prune works on condemns.
fn prune_condemned(state: &State, number: usize) -> Set {
    state.storage.condemned_by(state.prunes[number].mark())
}
