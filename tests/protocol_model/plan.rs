//! P2: what to condemn, and the live blobs that must be rewritten first.

use super::listing::Folder;
use super::model::{Actor, Model, Step};
use super::mutants::Mutant;
use super::prune::{At, Plan, Prune};
use super::scenario::Planning;
use super::state::State;
use super::storage::{SESSIONS, Session, Set, Storage, members, only, owner_prune};

impl Model {
    pub fn plan_steps(
        &self,
        state: &State,
        number: usize,
        step: Plan,
        out: &mut Vec<(Step, State)>,
    ) {
        let actor = Actor::Prune(number);
        let look = |next: &mut State| self.look(next, number, step);
        match (self.scenario.planning, step) {
            (Planning::Anything | Planning::Everything, Plan::ListPacksFirst) => {
                self.condemn_anything(state, number, out);
            }
            (Planning::AtOnce, Plan::ListPacksFirst) => self.plan_at_once(state, number, out),
            (_, Plan::ReadIndex) => self.list(state, (actor, Folder::Index), out, look),
            (_, Plan::ListPacksFirst | Plan::ListPacks) => {
                self.list(state, (actor, Folder::Packs), out, look);
            }
            (_, Plan::ListSnapshots) => self.list_snapshots(state, number, out),
            _ => {
                let mut next = *state;
                let text = self.prepare(&mut next, number, step);
                out.push((Step::new(actor, text), next));
            }
        }
    }

    fn plan_at_once(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let mut next = *state;
        for step in [Plan::ListPacksFirst, Plan::ReadIndex, Plan::ListPacks] {
            self.look(&mut next, number, step);
        }
        let before = out.len();
        self.list_snapshots(&next, number, out);
        for (_, next) in out.iter_mut().skip(before) {
            self.choose(next, number);
        }
    }

    fn look(&self, state: &mut State, number: usize, step: Plan) -> &'static str {
        let storage = &state.storage;
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
            _ => {
                prune.listed = storage.packs & (prune.indexed | prune.listed_first);
                (Plan::ListSnapshots, "P2: lists packs again")
            }
        };
        prune.at = At::Plan(next);
        text
    }

    fn prepare(&self, state: &mut State, number: usize, step: Plan) -> &'static str {
        let remembered = state.remembered_indexes();
        let prune = &mut state.prunes[number];
        match step {
            Plan::UploadPack => {
                prune.uploaded = state.storage.put_pack(prune.copy, owner_prune(number));
                (prune.copy, prune.at) = (0, At::Plan(Plan::UploadIndex));
                "P2: puts a pack with live blobs rewritten"
            }
            Plan::UploadIndex => {
                state.storage.put_index(prune.uploaded, remembered);
                (prune.uploaded, prune.at) = (0, self.before_mark());
                "P2: puts its index object"
            }
            _ => {
                self.choose(state, number);
                "P2: lists what is forgotten, and chooses"
            }
        }
    }

    /// The packs of a prune whose run has not ended may be taken for a dead one's.
    fn list_snapshots(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let actor = Actor::Prune(number);
        let mut next = *state;
        let storage = &state.storage;
        let prune = &mut next.prunes[number];
        prune.at = At::Plan(Plan::ListForgotten);
        prune.sessions = storage.sessions_that_are(Session::Committed);
        prune.candidates = match self.mutates(Mutant::UndecidedCondemned) {
            true => prune.listed,
            false => prune.listed & !storage.packs_of(|owner| storage.is_undecided(owner)),
        };
        let mut careful = next;
        careful.prunes[number].candidates &= !storage.packs_of(|owner| owner >= SESSIONS);
        if careful != next {
            let text = "P2: lists sessions, of which prunes' live, and snapshots";
            out.push((Step::new(actor, text), careful));
        }
        out.push((Step::new(actor, "P2: lists sessions and snapshots"), next));
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
        let gone = match self.mutates(Mutant::GoneNotCondemned) {
            true => 0,
            false => prune.indexed & !prune.listed & !lost_with(prune, storage, counted, live),
        };
        let condemned = (counted & prune.candidates & !kept) | orphans | gone;
        if condemned == 0 {
            return self.end_run(state, number);
        }
        let readable = !(storage.damaged | storage.rotten);
        let (sources, safe) = (counted & readable, kept & !storage.damaged);
        let copy = live & storage.blobs_in(sources) & !storage.blobs_in(safe);
        let at = if copy == 0 { self.before_mark() } else { At::Plan(Plan::UploadPack) };
        let live = if self.mutates(Mutant::WithoutP6Listing) { live } else { 0 };
        let damaged = if self.mutates(Mutant::OldDamageInP6) { storage.damaged } else { 0 };
        state.prunes[number] = Prune { condemned, copy, live, damaged, ..prune.working(at) };
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
            out.push((Step::new(Actor::Prune(number), "P2: chooses at will"), next));
        }
    }
}

/// The packs that are gone and would have what nobody else has: as long as the index names them it is
/// known what is missing.
fn lost_with(prune: Prune, storage: &Storage, counted: Set, live: Set) -> Set {
    let gone = prune.indexed & !prune.listed;
    let missing = live & !storage.blobs_in(counted);
    members(gone)
        .filter(|pack| storage.blobs[*pack] & missing != 0)
        .fold(0, |all, pack| all | only(pack))
}

/// The packs that stay: no candidates, and such as have a live blob that is nowhere else and no
/// dead one.
fn kept(storage: &Storage, counted: Set, candidates: Set, live: Set) -> Set {
    let mut kept = counted;
    for pack in members(counted & candidates) {
        let elsewhere = storage.blobs_in(kept & !only(pack) & !storage.damaged);
        if storage.blobs[pack] & live & !elsewhere == 0 {
            kept &= !only(pack);
        }
    }
    // One that cannot be read whole stays as it is.
    for pack in members(kept & candidates & !storage.damaged & !storage.rotten) {
        if storage.blobs[pack] & !live != 0 {
            kept &= !only(pack);
        }
    }
    kept
}
