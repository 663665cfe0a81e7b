//! The writer, W1 to W6, one storage call a step.

use super::model::{Model, Step};
use super::mutants::Mutant;
use super::state::{Session, Set, State, session_of};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Writer {
    pub at: At,
    pub round: u8,
    condemned: Set,
    mark_was_open: bool,
    /// The packs that the index named, then those of them that were listed.
    packs: Set,
    /// The blobs under snapshots that were looked up and are not forgotten.
    unread: Set,
    /// The blobs to upload.
    missing: Set,
    /// What was uploaded in this session, not yet in the index.
    uploaded: Set,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum At {
    #[default]
    Announce,
    ReadMarks,
    LookUpParent,
    ReadIndex,
    ListPacks,
    UploadPack,
    UploadIndex,
    Commit,
    Committed,
    GaveUp,
}

const ORDER: [At; 5] =
    [At::Announce, At::ReadMarks, At::LookUpParent, At::ReadIndex, At::ListPacks];
const MARKS_LAST: [At; 5] =
    [At::Announce, At::LookUpParent, At::ReadIndex, At::ListPacks, At::ReadMarks];
const PARENT_FIRST: [At; 5] =
    [At::Announce, At::LookUpParent, At::ReadMarks, At::ReadIndex, At::ListPacks];

impl Writer {
    pub fn remembered_packs(&self) -> Set {
        self.condemned | self.packs | self.uploaded
    }

    pub fn each_set_of_packs(&mut self, visit: &mut impl FnMut(&mut Set)) {
        visit(&mut self.condemned);
        visit(&mut self.packs);
        visit(&mut self.uploaded);
    }

    pub fn ended(&self) -> bool {
        matches!(self.at, At::Committed | At::GaveUp)
    }
}

impl Model {
    /// What writer `number` may do next: at most one call, sometimes with a choice.
    pub fn writer_steps(&self, state: &State, number: usize, out: &mut Vec<(Step, State)>) {
        if self.scenario.wants[number] == 0 || state.writers[number].ended() {
            return;
        }
        let mut next = *state;
        let text = self.writer_step(&mut next, number);
        out.push((Step::writer(number, text), next));
        if state.writers[number].at == At::LookUpParent && next.writers[number].unread != 0 {
            let mut next = *state;
            next.writers[number].at = self.after(At::LookUpParent);
            out.push((Step::writer(number, "W2: leaves the parent alone"), next));
        }
    }

    fn writer_step(&self, state: &mut State, number: usize) -> &'static str {
        let session = session_of(number, state.writers[number].round);
        let wants = self.scenario.wants[number];
        match state.writers[number].at {
            At::Announce => self.announce(state, number, session),
            At::ReadMarks => self.read_marks(state, number, wants),
            At::LookUpParent => self.look_up_parent(state, number, wants),
            At::ReadIndex => {
                let packs = state.storage.named_by(state.storage.indexes)
                    & !state.writers[number].condemned;
                state.writers[number].packs = packs;
                self.advance(state, number, wants);
                "W3: reads the index"
            }
            At::ListPacks => {
                if !self.mutates(Mutant::WithoutW4) {
                    state.writers[number].packs &= state.storage.packs;
                }
                self.advance(state, number, wants);
                "W4: lists packs"
            }
            At::UploadPack => {
                let writer = &mut state.writers[number];
                writer.uploaded = state.storage.put_pack(writer.missing, session as u8);
                (writer.missing, writer.at) = (0, At::UploadIndex);
                "W5: puts a pack"
            }
            At::UploadIndex => {
                let remembered = state.remembered_indexes();
                state.storage.put_index(state.writers[number].uploaded, remembered);
                let writer = &mut state.writers[number];
                (writer.uploaded, writer.at) = (0, At::Commit);
                "W5: puts its index object"
            }
            At::Commit => self.commit(state, number, session),
            At::Committed | At::GaveUp => unreachable!("an ended writer does nothing"),
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

    fn read_marks(&self, state: &mut State, number: usize, wants: Set) -> &'static str {
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
        self.advance(state, number, wants);
        "W2: reads the open marks"
    }

    /// All live snapshots serve as parents: reusing less is what the index is for.
    fn look_up_parent(&self, state: &mut State, number: usize, wants: Set) -> &'static str {
        let unread = self.live_blobs(&state.storage) & wants;
        let writer = &mut state.writers[number];
        if !writer.mark_was_open || self.mutates(Mutant::UnreadBesideMark) {
            writer.unread = unread;
        }
        self.advance(state, number, wants);
        match state.writers[number].unread {
            0 => "W2: finds nothing to reuse unread",
            _ => "W2: reuses what a live snapshot has, unread",
        }
    }

    /// To the next of the steps that only read; after the last, decides what to upload.
    fn advance(&self, state: &mut State, number: usize, wants: Set) {
        let writer = state.writers[number];
        let mut at = self.after(writer.at);
        let mut found = 0;
        if at == At::UploadPack {
            let unread_allowed = !writer.mark_was_open || self.mutates(Mutant::UnreadBesideMark);
            found = state.storage.blobs_in(writer.packs);
            found |= if unread_allowed { writer.unread } else { 0 };
        } else if at == At::ReadIndex && self.order() == ORDER {
            found = writer.unread;
        }
        if at == At::UploadPack || found & wants == wants {
            let missing = wants & !found;
            at = if missing == 0 { At::Commit } else { At::UploadPack };
            state.writers[number] = Writer { round: writer.round, missing, ..Writer::default() };
        }
        state.writers[number].at = at;
    }

    fn commit(&self, state: &mut State, number: usize, session: usize) -> &'static str {
        let fenced = state.storage.sessions[session] == Session::Fenced;
        let round = state.writers[number].round;
        if !fenced || self.mutates(Mutant::UnconditionalCommit) {
            state.storage.sessions[session] = Session::Committed;
            state.writers[number] = Writer { at: At::Committed, ..Writer::default() };
            return "W6: commits";
        }
        let again = round + 1 < self.scenario.rounds;
        let at = if again { At::Announce } else { At::GaveUp };
        let round = if again { round + 1 } else { 0 };
        state.writers[number] = Writer { at, round, ..Writer::default() };
        "W6: is fenced"
    }

    fn order(&self) -> [At; 5] {
        match self.mutant {
            Some(Mutant::W2AfterW4) => MARKS_LAST,
            Some(Mutant::ParentBeforeW2) => PARENT_FIRST,
            _ => ORDER,
        }
    }

    fn after(&self, at: At) -> At {
        let order = self.order();
        let place = order.iter().position(|&step| step == at).expect("a step that only reads");
        order.get(place + 1).copied().unwrap_or(At::UploadPack)
    }
}
