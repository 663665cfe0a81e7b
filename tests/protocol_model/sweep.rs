//! P6, which saves what has come to life again, and P8, which deletes.

use super::listing::Folder;
use super::model::{Actor, Model, Step};
use super::mutants::Mutant;
use super::prune::{At, Prune, Save, Sweep};
use super::state::State;
use super::storage::{Session, Set, members, only, owner_prune, set_of};

impl Model {
    pub fn save_steps(
        &self,
        state: &State,
        number: usize,
        step: Save,
        out: &mut Vec<(Step, State)>,
    ) {
        let actor = Actor::Prune(number);
        let mut next = *state;
        let text = match step {
            Save::ReadIndex => {
                return self.list(state, (actor, Folder::Index), out, |next| {
                    let named = next.storage.named_by(next.storage.indexes);
                    let prune = &mut next.prunes[number];
                    (prune.indexed, prune.at) = (named, At::Save(Save::ListPacks));
                    "P6: reads the index"
                });
            }
            Save::ListPacks => {
                return self.list(state, (actor, Folder::Packs), out, |next| {
                    let copy = self.revived(next, number);
                    let at = if copy == 0 { At::PutFinal } else { At::Save(Save::UploadPack) };
                    next.prunes[number] = Prune { copy, ..next.prunes[number].working(at) };
                    "P6: lists packs"
                });
            }
            Save::ListSnapshots | Save::ListForgotten => self.list_live(&mut next, number, step),
            Save::ReadDamage => self.read_damage_again(&mut next, number),
            Save::UploadPack => self.copy_blobs(&mut next, number),
            Save::UploadIndex => {
                let remembered = next.remembered_indexes();
                let prune = &mut next.prunes[number];
                next.storage.put_index(prune.uploaded, remembered);
                *prune = prune.working(At::PutFinal);
                "P6: puts its index object"
            }
        };
        out.push((Step::new(actor, text), next));
    }

    fn after_damage(&self) -> At {
        let has_index = self.mutates(Mutant::OldIndexInP6);
        At::Save(if has_index { Save::ListPacks } else { Save::ReadIndex })
    }

    fn read_damage_again(&self, state: &mut State, number: usize) -> &'static str {
        let prune = &mut state.prunes[number];
        if !self.mutates(Mutant::OldDamageInP6) {
            prune.damaged = state.storage.damaged;
        }
        prune.at = self.after_damage();
        "P6: reads what is damaged"
    }

    fn list_live(&self, state: &mut State, number: usize, step: Save) -> &'static str {
        let committed = state.storage.sessions_that_are(Session::Committed);
        let prune = &mut state.prunes[number];
        if step == Save::ListSnapshots {
            (prune.sessions, prune.at) = (committed, At::Save(Save::ListForgotten));
            return "P6: lists snapshots";
        }
        if !self.mutates(Mutant::WithoutP6Listing) {
            prune.live = self.blobs_of(prune.sessions & committed);
        }
        prune.sessions = 0;
        prune.at = match self.scenario.accidents {
            0 => self.after_damage(),
            _ => At::Save(Save::ReadDamage),
        };
        if self.scenario.accidents == 0 {
            prune.damaged = state.storage.damaged;
        }
        "P6: lists what is forgotten"
    }

    /// The live blobs that lie only in condemned packs, whatever the index knows of these. One
    /// that lies nowhere is none of them: what is deleted now cannot harm it.
    fn revived(&self, state: &State, number: usize) -> Set {
        let storage = &state.storage;
        let prune = &state.prunes[number];
        let condemned = condemned(state, number);
        if self.mutates(Mutant::WithoutP6Copy) {
            return 0;
        }
        let counted = match self.mutates(Mutant::UnlistedInP6) {
            true => prune.indexed,
            false => prune.indexed & storage.packs,
        };
        let sound = if self.mutates(Mutant::DamagedInP6) { !0 } else { !prune.damaged };
        let safe = storage.blobs_in(counted & sound & !condemned);
        let readable = !storage.rotten;
        let sources = match self.mutates(Mutant::IndexOnlyInP6) {
            true => counted & condemned & readable,
            false => storage.packs & condemned & readable,
        };
        prune.live & storage.blobs_in(sources) & !safe
    }

    fn copy_blobs(&self, state: &mut State, number: usize) -> &'static str {
        let sources = state.storage.packs & condemned(state, number);
        let prune = &mut state.prunes[number];
        // What was damaged meanwhile is left out.
        let readable = state.storage.blobs_in(sources & !state.storage.rotten);
        prune.copy &= !state.storage.struck | readable;
        if prune.copy == 0 {
            *prune = prune.working(At::PutFinal);
            return "P6: finds that what it would copy is damaged";
        }
        if prune.copy & !state.storage.blobs_in(sources) != 0 {
            self.leave_mark(state, number);
            return "P6: finds that another has finished";
        }
        let uploaded = state.storage.put_pack(prune.copy, owner_prune(number));
        *prune = match self.mutates(Mutant::UnindexedCopy) {
            true => prune.working(At::PutFinal),
            false => Prune { uploaded, ..prune.working(At::Save(Save::UploadIndex)) },
        };
        "P6: puts a pack with live blobs"
    }

    pub fn sweep_steps(
        &self,
        state: &State,
        number: usize,
        step: Sweep,
        out: &mut Vec<(Step, State)>,
    ) {
        let actor = Actor::Prune(number);
        match step {
            Sweep::ReadIndex => self.list(state, (actor, Folder::Index), out, |next| {
                self.find_old_indexes(next, number);
                "P8: reads the index"
            }),
            Sweep::PutIndex => {
                let mut next = *state;
                let remembered = next.remembered_indexes();
                let prune = &mut next.prunes[number];
                next.storage.put_index(prune.lines, remembered);
                prune.lines = 0;
                let then = if prune.old == 0 { Sweep::DeletePacks } else { Sweep::DeleteIndexes };
                prune.at = At::Sweep(then);
                out.push((Step::new(actor, "P8: puts a new index object"), next));
            }
            Sweep::DeleteIndexes => self.delete_indexes(state, number, out),
            Sweep::DeletePacks => self.delete_packs(state, number, out),
        }
    }

    fn find_old_indexes(&self, state: &mut State, number: usize) {
        let condemned = condemned(state, number);
        let storage = &state.storage;
        let prune = &mut state.prunes[number];
        let names_condemned = |&index: &usize| storage.lines[index] & condemned != 0;
        prune.old = set_of(members(storage.indexes).filter(names_condemned));
        prune.lines = storage.named_by(prune.old) & !condemned;
        let put_first = prune.lines != 0 && !self.mutates(Mutant::OldIndexFirst);
        prune.at = At::Sweep(match (prune.old, put_first) {
            (0, _) => Sweep::DeletePacks,
            (_, true) => Sweep::PutIndex,
            (_, false) => Sweep::DeleteIndexes,
        });
    }

    fn delete_indexes(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        for index in members(state.prunes[number].old) {
            let mut next = *state;
            next.storage.indexes &= !only(index);
            let prune = &mut next.prunes[number];
            prune.old &= !only(index);
            prune.at = At::Sweep(match (prune.old, prune.lines) {
                (0, 0) => Sweep::DeletePacks,
                (0, _) => Sweep::PutIndex,
                _ => Sweep::DeleteIndexes,
            });
            let step = Step::new(Actor::Prune(number), "P8: deletes index object").about(index);
            out.push((step, next));
        }
    }

    fn delete_packs(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let actor = Actor::Prune(number);
        let left = state.storage.packs & condemned(state, number);
        for pack in members(left) {
            let mut next = *state;
            next.storage.packs &= !only(pack);
            next.storage.damaged &= !only(pack);
            out.push((Step::new(actor, "P8: deletes pack").about(pack), next));
        }
        if left == 0 {
            let mut next = *state;
            let text = self.put_done(&mut next, number);
            out.push((Step::new(actor, text), next));
        }
    }
}

/// What the mark that this prune works on condemns.
fn condemned(state: &State, number: usize) -> Set {
    state.storage.condemned_by(state.prunes[number].mark())
}
