//! P2: what to condemn, and the live blobs that must be rewritten first.

use super::model::{Model, Planning, Step};
use super::mutants::Mutant;
use super::prune::{At, Plan, Prune};
use super::state::{SESSIONS, Session, Set, State, Storage, members, only, owner_prune};

impl Model {
    pub fn plan_steps(
        &self,
        state: &State,
        number: usize,
        step: Plan,
        out: &mut Vec<(Step, State)>,
    ) {
        let mut next = *state;
        match (self.scenario.planning, step) {
            (Planning::Anything | Planning::Everything, Plan::ListPacksFirst) => {
                self.condemn_anything(state, number, out);
            }
            (Planning::AtOnce, Plan::ListPacksFirst) => {
                for step in [Plan::ListPacksFirst, Plan::ReadIndex, Plan::ListPacks] {
                    self.read(&mut next, number, step);
                }
                for (step, mut next) in self.list_sessions_and_snapshots(&next, number) {
                    self.choose(&mut next, number);
                    out.push((step, next));
                }
            }
            (_, Plan::ListSnapshots) => {
                out.extend(self.list_sessions_and_snapshots(state, number));
            }
            _ => {
                let text = self.read(&mut next, number, step);
                out.push((Step::prune(number, text), next));
            }
        }
    }

    fn read(&self, state: &mut State, number: usize, step: Plan) -> &'static str {
        let storage = &state.storage;
        let remembered = state.remembered_indexes();
        let prune = &mut state.prunes[number];
        let (next, text) = match step {
            Plan::ListPacksFirst => {
                prune.listed_first = storage.packs;
                (Plan::ReadIndex, "P2: lists packs")
            }
            Plan::ReadIndex => {
                prune.indexed = storage.named_by(storage.indexes);
                (Plan::ListPacks, "P2: reads the index")
            }
            Plan::ListPacks => {
                prune.listed = storage.packs & (prune.indexed | prune.listed_first);
                (Plan::ListSnapshots, "P2: lists packs again")
            }
            Plan::ListForgotten => {
                self.choose(state, number);
                return "P2: lists what is forgotten, and chooses";
            }
            Plan::UploadPack => {
                prune.uploaded = state.storage.put_pack(prune.copy, owner_prune(number));
                prune.copy = 0;
                (Plan::UploadIndex, "P2: puts a pack with live blobs rewritten")
            }
            Plan::UploadIndex => {
                state.storage.put_index(prune.uploaded, remembered);
                prune.uploaded = 0;
                prune.at = self.before_mark();
                return "P2: puts its index object";
            }
            Plan::ListSnapshots => unreachable!("this is a choice"),
        };
        prune.at = At::Plan(next);
        text
    }

    /// The packs of a prune whose run has not ended may be taken for a dead one's.
    fn list_sessions_and_snapshots(&self, state: &State, number: usize) -> Vec<(Step, State)> {
        let mut next = *state;
        let storage = &state.storage;
        let prune = &mut next.prunes[number];
        prune.at = At::Plan(Plan::ListForgotten);
        prune.sessions = storage.sessions_that_are(Session::Committed);
        prune.candidates = match self.mutates(Mutant::UndecidedCondemned) {
            true => prune.listed,
            false => prune.listed & !storage.packs_of(|owner| storage.is_undecided(owner)),
        };
        let mut with_care = next;
        with_care.prunes[number].candidates &= !storage.packs_of(|owner| owner >= SESSIONS);
        let mut steps =
            vec![(Step::prune(number, "P2: lists sessions and snapshots (prunes dead)"), next)];
        if with_care != next {
            let step = Step::prune(number, "P2: lists sessions and snapshots (prunes alive)");
            steps.push((step, with_care));
        }
        steps
    }

    fn choose(&self, state: &mut State, number: usize) {
        let storage = &state.storage;
        let prune = state.prunes[number];
        let still_there = prune.sessions & storage.sessions_that_are(Session::Committed);
        let live = self.blobs_of(still_there);
        let counted = match self.mutates(Mutant::UnlistedInP2) {
            true => prune.indexed,
            false => prune.indexed & prune.listed,
        };
        let kept = kept(storage, counted, prune.candidates, live);
        let orphans = prune.listed_first & !prune.indexed & prune.candidates;
        let gone = prune.indexed & !prune.listed;
        let condemned = (counted & prune.candidates & !kept) | orphans | gone;
        if condemned == 0 {
            return self.end_run(state, number);
        }
        let copy = live & storage.blobs_in(counted) & !storage.blobs_in(kept);
        let at = if copy == 0 { self.before_mark() } else { At::Plan(Plan::UploadPack) };
        let live = if self.mutates(Mutant::WithoutP6Listing) { live } else { 0 };
        state.prunes[number] = Prune { condemned, copy, live, ..prune.working(at) };
    }

    fn before_mark(&self) -> At {
        if self.mutates(Mutant::P4BeforeP3) { At::ListSessions } else { At::PutMark }
    }

    /// Instead of P2: any set of packs, also of such as are gone and still named.
    fn condemn_anything(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let storage = &state.storage;
        let named = storage.packs | storage.named_by(storage.indexes);
        let least = if self.scenario.planning == Planning::Everything { named } else { 1 };
        for condemned in (least..=named).filter(|condemned| condemned & !named == 0) {
            let mut next = *state;
            let prune = &mut next.prunes[number];
            *prune = Prune { condemned, ..prune.working(self.before_mark()) };
            out.push((Step::prune(number, "P2: chooses at will"), next));
        }
    }
}

/// The packs that stay: no candidates, and such as have a live blob that is nowhere else and no
/// dead one.
fn kept(storage: &Storage, counted: Set, candidates: Set, live: Set) -> Set {
    let mut kept = counted;
    for pack in members(counted & candidates) {
        let elsewhere = storage.blobs_in(kept & !only(pack));
        if storage.blobs[pack] & live & !elsewhere == 0 {
            kept &= !only(pack);
        }
    }
    for pack in members(kept & candidates) {
        if storage.blobs[pack] & !live != 0 {
            kept &= !only(pack);
        }
    }
    kept
}
