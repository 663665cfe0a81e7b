//! The writer, W1 to W6, one storage call a step.

use super::listing::{Folder, Listing};
use super::model::{Actor, Model, Step};
use super::mutants::Mutant;
use super::state::State;
use super::storage::{Session, Set, session_of};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Writer {
    pub at: At,
    pub round: u8,
    pub listing: Listing,
    condemned: Set,
    mark_was_open: bool,
    /// The packs marked damaged.
    pub damaged: Set,
    /// Blobs of accidents that it will not rely on.
    pub knows: Set,
    /// The packs that the index named, then those of them that were listed.
    packs: Set,
    /// The blobs under snapshots that were looked up and are not forgotten.
    unread: Set,
    /// The blobs to upload.
    missing: Set,
    /// What was uploaded in this session and is not yet in the index.
    uploaded: Set,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum At {
    #[default]
    Announce,
    ReadMarks,
    ReadDamage,
    LookUpParent,
    ReadIndex,
    ListPacks,
    UploadPack,
    UploadIndex,
    Commit,
    Ended,
    /// Fenced once too often, or a repair that found nothing to repair with.
    GaveUp,
}

const ORDER: [At; 6] =
    [At::Announce, At::ReadMarks, At::ReadDamage, At::LookUpParent, At::ReadIndex, At::ListPacks];
const MARKS_LAST: [At; 6] =
    [At::Announce, At::LookUpParent, At::ReadIndex, At::ListPacks, At::ReadMarks, At::ReadDamage];
const PARENT_FIRST: [At; 6] =
    [At::Announce, At::LookUpParent, At::ReadMarks, At::ReadDamage, At::ReadIndex, At::ListPacks];

impl Writer {
    pub fn remembered_packs(&self) -> Set {
        self.condemned | self.packs | self.uploaded | self.listing.packs
    }

    pub fn each_set_of_packs(&mut self, visit: &mut impl FnMut(&mut Set)) {
        visit(&mut self.condemned);
        visit(&mut self.damaged);
        visit(&mut self.packs);
        visit(&mut self.uploaded);
        visit(&mut self.listing.packs);
    }

    pub fn ended(&self) -> bool {
        matches!(self.at, At::Ended | At::GaveUp)
    }

    /// At this step, with nothing in mind.
    fn beginning(&self, at: At) -> Self {
        Self { at, round: self.round, knows: self.knows, ..Self::default() }
    }
}

impl Model {
    /// What writer `number` may do next.
    pub fn writer_steps(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let writer = state.writers[number];
        if self.scenario.wants[number] == 0 || writer.ended() {
            return;
        }
        if number == 1 && self.scenario.in_a_row && !state.writers[0].ended() {
            return;
        }
        let actor = Actor::Writer(number);
        match writer.at {
            At::LookUpParent => self.look_up_parent(state, number, out),
            At::ReadIndex => self.list(state, (actor, Folder::Index), out, |next| {
                let storage = &next.storage;
                next.writers[number].packs = storage.named_by(storage.indexes) & !writer.condemned;
                self.read_on(next, number);
                "W3: reads the index"
            }),
            At::ListPacks => self.list(state, (actor, Folder::Packs), out, |next| {
                let writer = &mut next.writers[number];
                if !self.mutates(Mutant::IgnoresDamage) {
                    writer.packs &= !writer.damaged;
                }
                if !self.mutates(Mutant::WithoutW4) {
                    writer.packs &= next.storage.packs;
                }
                self.read_on(next, number);
                "W4: lists packs"
            }),
            _ => {
                let mut next = *state;
                let text = self.write(&mut next, number);
                out.push((Step::new(actor, text), next));
            }
        }
    }

    fn write(&self, state: &mut State, number: usize) -> &'static str {
        let session = session_of(number, state.writers[number].round);
        let remembered = state.remembered_indexes();
        let can_upload = self.can_upload(state, number);
        let writer = &mut state.writers[number];
        match writer.at {
            At::Announce => self.announce(state, number, session),
            At::ReadMarks => self.read_marks(state, number),
            At::ReadDamage => self.read_damage(state, number),
            At::UploadPack if !can_upload => {
                state.writers[number] = Writer { at: At::GaveUp, ..Writer::default() };
                state.storage.sessions[session] = Session::Absent;
                "gives up: what it would commit is not there"
            }
            At::UploadPack => {
                let blob = writer.missing & writer.missing.wrapping_neg();
                writer.uploaded |= state.storage.put_pack(blob, session as u8);
                writer.missing &= !blob;
                writer.at = if writer.missing == 0 { At::UploadIndex } else { At::UploadPack };
                "W5: puts a pack"
            }
            At::UploadIndex => {
                state.storage.put_index(writer.uploaded, remembered);
                *writer = writer.beginning(At::Commit);
                "W5: puts its index object"
            }
            At::Commit => self.commit(state, number, session),
            at => unreachable!("{at:?} is no call that writes"),
        }
    }

    fn announce(&self, state: &mut State, number: usize, session: usize) -> &'static str {
        if !self.mutates(Mutant::WithoutW1) {
            state.storage.sessions[session] = Session::Announced;
        }
        let writer = &mut state.writers[number];
        let trusting = writer.round > 0 && self.mutates(Mutant::FencedTrustsItself);
        writer.at = if trusting { At::Commit } else { self.after(At::Announce) };
        "W1: puts its session"
    }

    /// A repair has only what it can read in the repository.
    fn can_upload(&self, state: &State, number: usize) -> bool {
        let readable = state.storage.packs & !state.storage.rotten;
        let missing = state.writers[number].missing;
        !(self.scenario.repairer && number == 1)
            || missing & missing.wrapping_neg() & state.storage.blobs_in(readable) != 0
    }

    fn read_damage(&self, state: &mut State, number: usize) -> &'static str {
        let storage = &state.storage;
        let writer = &mut state.writers[number];
        writer.damaged = storage.damaged;
        writer.knows = storage.known_damage();
        let guards = storage.is_marked_damaged() && !self.mutates(Mutant::UnreadBesideDamage);
        writer.mark_was_open |= guards;
        self.read_on(state, number);
        "W2: reads what is damaged"
    }

    fn read_marks(&self, state: &mut State, number: usize) -> &'static str {
        let storage = &state.storage;
        let open = match self.mutates(Mutant::FinalCloses) {
            true => storage.open_marks() & !storage.finals,
            false => storage.open_marks(),
        };
        let condemned = storage.condemned_by(open);
        let writer = &mut state.writers[number];
        writer.condemned = condemned;
        writer.packs &= !condemned;
        writer.mark_was_open = open != 0;
        self.read_on(state, number);
        "W2: reads the open marks"
    }

    /// Takes all live snapshots for parents, or none.
    fn look_up_parent(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        let actor = Actor::Writer(number);
        let mut next = *state;
        self.read_on(&mut next, number);
        out.push((Step::new(actor, "W2: reuses nothing unread"), next));
        let known = match self.mutates(Mutant::CopyTrustsItself) {
            true if state.writers[0].at == At::Ended => self.scenario.wants[0],
            _ => self.live_blobs(&state.storage),
        };
        let found = known & self.scenario.wants[number];
        if found != 0 {
            let mut next = *state;
            next.writers[number].unread = found;
            self.read_on(&mut next, number);
            out.push((Step::new(actor, "W2: reuses what a live snapshot has, unread"), next));
        }
    }

    /// To the next of the calls that read. After the last, or when all is found without them,
    /// to what remains to be uploaded.
    fn read_on(&self, state: &mut State, number: usize) {
        let wants = self.scenario.wants[number];
        let writer = state.writers[number];
        let unread_allowed = !writer.mark_was_open || self.mutates(Mutant::UnreadBesideMark);
        let at = match self.after(writer.at) {
            At::ReadDamage if self.scenario.accidents == 0 => {
                state.writers[number].damaged = state.storage.damaged;
                self.after(At::ReadDamage)
            }
            at => at,
        };
        let at = match at {
            At::LookUpParent if !unread_allowed => self.after(At::LookUpParent),
            at => at,
        };
        let unread = if unread_allowed { writer.unread } else { 0 };
        let missing = match at {
            At::UploadPack if self.relies_blindly(number) => 0,
            At::UploadPack => wants & !unread & !state.storage.blobs_in(writer.packs),
            At::ReadIndex if self.order() == ORDER && unread == wants => 0,
            _ => {
                state.writers[number].at = at;
                return;
            }
        };
        let at = if missing == 0 { At::Commit } else { At::UploadPack };
        state.writers[number] = Writer { missing, ..writer.beginning(at) };
    }

    /// Which of a writer's sessions commits does not matter any more: let it be the first.
    fn commit(&self, state: &mut State, number: usize, session: usize) -> &'static str {
        let writer = &mut state.writers[number];
        let fenced = state.storage.sessions[session] == Session::Fenced;
        if !fenced || self.mutates(Mutant::UnconditionalCommit) {
            state.storage.sessions[session] = Session::Absent;
            state.storage.sessions[session_of(number, 0)] = Session::Committed;
            let healed = writer.knows & self.scenario.wants[number];
            state.storage.excused.iter_mut().for_each(|excused| *excused &= !healed);
            state.storage.excused[session_of(number, 0)] = state.storage.struck & !writer.knows;
            *writer = Writer { at: At::Ended, ..Writer::default() };
            return "W6: commits";
        }
        *writer = match writer.round + 1 < self.scenario.rounds {
            true => Writer { round: writer.round + 1, ..Writer::default() },
            false => Writer { at: At::GaveUp, ..Writer::default() },
        };
        "W6: finds a tombstone"
    }

    /// Whether a repair commits what it believes to be there.
    fn relies_blindly(&self, number: usize) -> bool {
        self.mutates(Mutant::RepairBlindly) && number == 1
    }

    fn order(&self) -> [At; 6] {
        match self.mutant {
            Some(Mutant::W2AfterW4) => MARKS_LAST,
            Some(Mutant::ParentBeforeW2) => PARENT_FIRST,
            _ => ORDER,
        }
    }

    fn after(&self, at: At) -> At {
        let order = self.order();
        let place = order.iter().position(|&step| step == at).expect("a call that reads");
        order.get(place + 1).copied().unwrap_or(At::UploadPack)
    }
}
