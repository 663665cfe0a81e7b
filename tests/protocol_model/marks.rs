//! The prune's way, P1 to P9, one storage call a step: what it does with marks and sessions. P2 is
//! in `plan.rs`, P6 and P8 are in `sweep.rs`.

use super::model::{Actor, Kind, Model, Step};
use super::mutants::Mutant;
use super::prune::{At, Plan, Prune, Sweep};
use super::state::State;
use super::storage::{FIRST, Session, members, only, owner_prune};

impl Model {
    pub fn prune_ended(&self, state: &State, number: usize) -> bool {
        state.prunes[number].run >= self.scenario.runs[number]
    }

    /// What prune `number` may do next.
    pub fn prune_steps(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        if self.prune_ended(state, number) {
            return;
        }
        self.fences(state, number, out);
        self.crash(state, number, out);
        self.work(state, number, out);
    }

    fn work(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let prune = state.prunes[number];
        let actor = Actor::Prune(number);
        match prune.at {
            At::Plan(step) => return self.plan_steps(state, number, step, out),
            At::Save(step) => return self.save_steps(state, number, step, out),
            At::Sweep(step) => return self.sweep_steps(state, number, step, out),
            At::Wait => return,
            _ => {}
        }
        let mut next = *state;
        let text = match prune.at {
            At::ListMarks => self.list_marks(&mut next, number),
            At::PutMark => self.put_mark(&mut next, number),
            At::ListSessions => self.list_sessions(&mut next, number),
            _ => self.put_final(&mut next, number),
        };
        out.push((Step::new(actor, text), next));
    }

    /// Any session may be taken for dead: a crashed one rightly, another wrongly.
    fn fences(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let undecided = state.storage.sessions_that_are(Session::Announced);
        let sessions = match state.prunes[number].at {
            At::Plan(Plan::ListPacksFirst) if !self.mutates(Mutant::FencesInP5Only) => undecided,
            At::Wait => state.prunes[number].sessions & undecided,
            _ => 0,
        };
        for session in members(sessions) {
            let mut next = *state;
            next.storage.sessions[session] = Session::Fenced;
            let step =
                Step::new(Actor::Prune(number), "puts a tombstone for session").about(session);
            out.push((step.of(Kind::Fence), next));
        }
    }

    /// The run ends here, and the next one begins when it likes.
    fn crash(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let prune = state.prunes[number];
        let another_follows = prune.run + 1 < self.scenario.runs[number];
        if self.scenario.crashes && another_follows && prune.at != At::ListMarks {
            let mut next = *state;
            self.end_run(&mut next, number);
            out.push((Step::new(Actor::Prune(number), "crashes").of(Kind::Crash), next));
        }
    }

    /// P1
    fn list_marks(&self, state: &mut State, number: usize) -> &'static str {
        let storage = &state.storage;
        let open = storage.open_marks();
        let adopted = open != 0 && !self.mutates(Mutant::AdoptsNothing);
        let mark = if adopted { open.trailing_zeros() } else { storage.marks.trailing_ones() };
        let has_final = adopted && storage.finals >> mark & 1 == 1;
        let (at, text) = match (adopted, has_final) {
            (true, true) => (At::Sweep(Sweep::ReadIndex), "P1: adopts a mark that has .final"),
            (true, false) => (At::ListSessions, "P1: adopts a mark"),
            _ => (At::Plan(Plan::ListPacksFirst), "P1: finds no open mark"),
        };
        let prune = &mut state.prunes[number];
        *prune = Prune { at, number: mark as u8, adopted, ..prune.beginning() };
        text
    }

    /// P3
    fn put_mark(&self, state: &mut State, number: usize) -> &'static str {
        let prune = &mut state.prunes[number];
        if self.mutates(Mutant::NumberAtP3) {
            prune.number = state.storage.marks.trailing_ones() as u8;
        }
        let mark = usize::from(prune.number);
        if state.storage.marks & only(mark) != 0 {
            *prune = prune.beginning();
            return "P3: finds another's mark";
        }
        state.storage.marks |= only(mark);
        state.storage.condemned[mark] = prune.condemned;
        let at = if self.mutates(Mutant::P4BeforeP3) { At::Wait } else { At::ListSessions };
        let Prune { sessions, live, damaged, .. } = *prune;
        *prune = Prune { sessions, live, damaged, ..prune.working(at) };
        "P3: puts the mark"
    }

    /// P4
    fn list_sessions(&self, state: &mut State, number: usize) -> &'static str {
        let live = self.live_blobs(&state.storage);
        let prune = &mut state.prunes[number];
        if self.mutates(Mutant::WithoutP6Listing) && prune.adopted {
            prune.live = live;
        }
        if self.mutates(Mutant::OldIndexInP6) {
            prune.indexed = state.storage.named_by(state.storage.indexes);
        }
        prune.sessions = match self.mutates(Mutant::WithoutP5) {
            true => 0,
            false => state.storage.sessions_that_are(Session::Announced),
        };
        let mark_is_put = state.storage.marks >> prune.number & 1 == 1;
        prune.at = if mark_is_put { At::Wait } else { At::PutMark };
        "P4: lists undecided sessions"
    }

    /// P7
    fn put_final(&self, state: &mut State, number: usize) -> &'static str {
        let prune = &mut state.prunes[number];
        state.storage.finals |= prune.mark();
        if self.mutates(Mutant::DoneBeforeP8) {
            state.storage.dones |= prune.mark();
        }
        prune.at = At::Sweep(Sweep::ReadIndex);
        "P7: puts .final"
    }

    /// P9
    pub fn put_done(&self, state: &mut State, number: usize) -> &'static str {
        let prune = state.prunes[number];
        state.storage.dones |= prune.mark();
        // What is gone needs no mark of damage.
        let gone = state.storage.condemned_by(prune.mark()) & !state.storage.packs;
        state.storage.damaged &= !gone;
        if self.mutates(Mutant::TombstonesRemoved) {
            for session in members(state.storage.sessions_that_are(Session::Fenced)) {
                state.storage.sessions[session] = Session::Absent;
            }
        }
        if self.mutates(Mutant::MarksRemoved) {
            state.storage.marks &= !prune.mark();
            state.storage.finals &= !prune.mark();
            state.storage.dones &= !prune.mark();
        }
        self.leave_mark(state, number);
        "P9: puts .done"
    }

    /// After an adopted mark a run goes on to its own.
    pub fn leave_mark(&self, state: &mut State, number: usize) {
        let prune = state.prunes[number];
        match prune.adopted {
            true => state.prunes[number] = prune.beginning(),
            false => self.end_run(state, number),
        }
    }

    /// The run is over, and its session decided.
    pub fn end_run(&self, state: &mut State, number: usize) {
        let run = state.prunes[number].run + 1;
        state.prunes[number] = Prune { run, ..Prune::default() };
        for owner in &mut state.storage.owners {
            if *owner == owner_prune(number) {
                *owner = FIRST as u8;
            }
        }
    }
}
